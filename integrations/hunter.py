"""Hunter.io Email Finder v2: the likely e-mail address of a person by name (spec 3.2.1, source 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.property_record import PersonName
from integrations.http import VendorHttp, VendorUnreadable

PRICE_PER_SEARCH = Decimal("0.05")
"""US dollars: the top of the spec's 0.01 to 0.05, what a small plan pays (spec 7.1)."""

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

    def _found(self, data: Mapping[str, object]) -> FoundEmail | None:
        email, score, phone = data["email"], data.get("score"), data.get("phone_number")
        if email is None:
            return None
        if not isinstance(email, str) or email.count("@") != 1 or len(email) > 254 or any(map(str.isspace, email)):
            raise VendorUnreadable(self._http.vendor, "email finder", "the address found is none")
        confidence = score if isinstance(score, int) and not isinstance(score, bool) and 0 <= score <= 100 else 0
        return FoundEmail(email, confidence, phone if isinstance(phone, str) and phone else None)
