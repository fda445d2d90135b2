"""ZeroBounce validate v2: whether mail to an address would arrive (spec 3.2.1)."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from integrations.http import VendorHttp, VendorRejected, VendorUnreadable

PRICE_PER_CHECK = Decimal("0.001")
"""US dollars (spec 7.1)."""


class Deliverability(StrEnum):
    """What a check means for us."""

    DELIVERABLE = "deliverable"
    RISKY = "risky"
    """The server takes any address or would not say: the address stays, unverified."""
    UNDELIVERABLE = "undeliverable"
    """Mail would bounce, or must not be sent: the address is dropped."""


STATUSES: Mapping[str, Deliverability] = {
    "valid": Deliverability.DELIVERABLE,
    "catch-all": Deliverability.RISKY,
    "unknown": Deliverability.RISKY,
    "invalid": Deliverability.UNDELIVERABLE,
    "spamtrap": Deliverability.UNDELIVERABLE,
    "abuse": Deliverability.UNDELIVERABLE,
    "do_not_mail": Deliverability.UNDELIVERABLE,
}


class ZeroBounceVerifier:
    """The verifier. One check costs `PRICE_PER_CHECK`; raises VendorErrors."""

    def __init__(self, http: VendorHttp, api_key: str) -> None:
        self._http = http
        self._api_key = api_key

    async def verify(self, email: str) -> Deliverability:
        """Checks one address. A bad key or an empty account comes as HTTP 200 with an error text."""
        params = {"api_key": self._api_key, "email": email, "ip_address": ""}
        answer = await self._http.get_json("validate", "/v2/validate", params, cost=PRICE_PER_CHECK)
        if isinstance(answer, Mapping) and answer.get("error"):
            raise VendorRejected(self._http.vendor, "validate", "the key is invalid or the account is empty", 200)
        status = answer.get("status") if isinstance(answer, Mapping) else None
        if not isinstance(status, str) or status.lower() not in STATUSES:
            raise VendorUnreadable(self._http.vendor, "validate", "the answer has no known status")
        return STATUSES[status.lower()]
