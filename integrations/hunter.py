"""Hunter.io v2: the likely e-mail address of a person by name, and those of a company (spec 3.2.1, source 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.property_record import PersonName
from integrations.http import VendorHttp, VendorUnreadable

PRICE_PER_SEARCH = Decimal("0.05")
"""US dollars: the top of the spec's 0.01 to 0.05, what a small plan pays (spec 7.1)."""

MAX_COMPANY_EMAILS = 10
"""Hunter counts a search once for up to ten addresses."""

# 451: the person asked Hunter to keep their address out of its answers; 404: nobody found.
_ANSWERS = frozenset({200, 404, 451})


@dataclass(frozen=True, slots=True)
class FoundEmail:
    """An address, Hunter's confidence 0-100, and a phone number when Hunter knows one."""

    email: str
    confidence: int
    phone: str | None = None


class HunterFinder:
    """The finder. One search costs `PRICE_PER_SEARCH`; raises VendorErrors.

    Hunter looks people up at a company: without a domain or a company it may refuse the question.
    """

    def __init__(self, http: VendorHttp, api_key: str) -> None:
        self._http = http
        self._api_key = api_key

    async def find(
        self, name: PersonName, *, domain: str | None = None, company: str | None = None
    ) -> FoundEmail | None:
        """The person's address at a domain or company, or None when Hunter knows none."""
        params = {
            "first_name": name.first,
            "last_name": name.last,
            "domain": domain,
            "company": company,
            "api_key": self._api_key,
        }
        answer = await self._http.get_json(
            "email finder",
            "/v2/email-finder",
            {key: value for key, value in params.items() if value},
            cost=PRICE_PER_SEARCH,
            accept=_ANSWERS,
        )
        if isinstance(answer, Mapping) and "errors" in answer:
            return None
        data = answer.get("data") if isinstance(answer, Mapping) else None
        if not isinstance(data, Mapping) or "email" not in data:
            raise VendorUnreadable(self._http.vendor, "email finder", "the answer holds no finding")
        return self._found(data)

    async def company(self, *, domain: str | None = None, company: str | None = None) -> tuple[FoundEmail, ...]:
        """A company's addresses, the surest first, by its domain or else by its name; empty when Hunter knows none."""
        asked = {"domain": domain} if domain else {"company": company}
        answer = await self._http.get_json(
            "domain search",
            "/v2/domain-search",
            {**asked, "limit": MAX_COMPANY_EMAILS, "api_key": self._api_key},
            cost=PRICE_PER_SEARCH,
            accept=_ANSWERS,
        )
        if isinstance(answer, Mapping) and "errors" in answer:
            return ()
        data = answer.get("data") if isinstance(answer, Mapping) else None
        emails = data.get("emails") if isinstance(data, Mapping) else None
        if not isinstance(emails, list):
            raise VendorUnreadable(self._http.vendor, "domain search", "the answer holds no list of addresses")
        found = [self._found(_as_finding(each)) for each in emails if isinstance(each, Mapping)]
        return tuple(sorted(filter(None, found), key=lambda each: -each.confidence))

    def _found(self, data: Mapping[str, object]) -> FoundEmail | None:
        email, score, phone = data["email"], data.get("score"), data.get("phone_number")
        if email is None:
            return None
        if not isinstance(email, str) or email.count("@") != 1 or len(email) > 254 or any(map(str.isspace, email)):
            raise VendorUnreadable(self._http.vendor, "email finder", "the address found is none")
        confidence = score if isinstance(score, int) and not isinstance(score, bool) and 0 <= score <= 100 else 0
        return FoundEmail(email, confidence, phone if isinstance(phone, str) and phone else None)


def _as_finding(email: Mapping[str, object]) -> dict[str, object]:
    """An address of a domain search in the finder's words."""
    return {"email": email.get("value"), "score": email.get("confidence"), "phone_number": email.get("phone_number")}
