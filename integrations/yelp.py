"""Yelp Fusion: a city's roofers and one business (spec 3.6.1). Yelp tells no website of a business's own."""

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from domain.companies import YELP, Listing, Record
from domain.contact_points import us_phone
from domain.geo import Point
from integrations.google_places import count, rating
from integrations.http import VendorHttp, VendorRejected, VendorUnreadable

PRICE_PER_CALL = Decimal("0.01")
"""US dollars, an estimate: paid plans come to about 10 per 1,000 calls, and Yelp publishes no list."""

PAGE = 50
MAX_RESULTS = 240
"""Yelp refuses an offset and limit that reach beyond this."""
CATEGORY = "roofing"
_STATE_LENGTH = 2


class YelpFusion:
    """The service. Raises VendorErrors; a business that cannot be read is left out."""

    def __init__(self, http: VendorHttp, api_key: str) -> None:
        self._http = http
        self._api_key = api_key

    @property
    def configured(self) -> bool:
        """Whether there is a key."""
        return bool(self._api_key)

    async def search(self, city: str, state: str, most: int = MAX_RESULTS) -> AsyncIterator[tuple[Listing, ...]]:
        """Pages of roofers in and around a city, as Yelp ranks them; Yelp leaves out closed ones."""
        most = min(most, MAX_RESULTS)
        offset = 0
        while offset < most:
            limit = min(PAGE, most - offset)
            params = {
                "categories": CATEGORY,
                "location": f"{city}, {state}",
                "limit": limit,
                "offset": offset,
                "sort_by": "best_match",
            }
            answer = await self._ask("business search", "/v3/businesses/search", params)
            businesses, total = answer.get("businesses"), answer.get("total")
            if not isinstance(businesses, list) or not isinstance(total, int):
                raise VendorUnreadable(self._http.vendor, "business search", "the answer is not a list of businesses")
            found = tuple(
                one for each in businesses if isinstance(each, Mapping) and (one := business(each)) is not None
            )
            if businesses and not found:
                raise VendorUnreadable(self._http.vendor, "business search", "no business has a name and an id")
            yield found
            offset += limit
            if len(businesses) < limit or offset >= total:
                return

    async def business(self, business_id: str) -> Listing | None:
        """One business, also a closed one; None when Yelp has it no more."""
        path = f"/v3/businesses/{quote(business_id, safe='')}"
        try:
            answer = await self._ask("business", path, {})
        except VendorRejected as failure:
            if failure.status == 404:
                return None
            raise
        found = business(answer)
        if found is None:
            raise VendorUnreadable(self._http.vendor, "business", "the business has no name or id")
        return found

    async def _ask(self, operation: str, path: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        headers = {"authorization": f"Bearer {self._api_key}"}
        answer = await self._http.get_json(operation, path, params, headers=headers, cost=PRICE_PER_CALL)
        if not isinstance(answer, Mapping) or "error" in answer:
            raise VendorUnreadable(self._http.vendor, operation, "the answer is no object of the expected kind")
        return answer


def business(answer: Mapping[str, Any]) -> Listing | None:
    """A business of search or lookup as a listing; None without name or id."""
    external_id, name = _text(answer.get("id"), 255), _text(answer.get("name"), 255)
    if external_id is None or name is None:
        return None
    place = answer.get("location")
    location: Mapping[str, Any] = place if isinstance(place, Mapping) else {}
    lines = (_text(location.get("address1")), _text(location.get("address2")))
    state = (_text(location.get("state")) or "").upper()
    categories = _categories(answer.get("categories"))
    record = Record(
        key=f"{YELP}:{external_id}",
        name=name,
        phone=us_phone(_text(answer.get("phone")) or _text(answer.get("display_phone"))),
        street=" ".join(filter(None, lines)) or None,
        city=_text(location.get("city"), 100),
        state=state if len(state) == _STATE_LENGTH and state.isascii() and state.isalpha() else None,
        zip=_zip(_text(location.get("zip_code"))),
        at=_point(answer.get("coordinates")),
    )
    return Listing(
        source=YELP,
        external_id=external_id,
        record=record,
        categories=frozenset(categories),
        services=tuple(sorted(title for alias, title in categories.items() if alias != CATEGORY and title)),
        closed=answer.get("is_closed") is True,
        rating=rating(answer.get("rating")),
        reviews=count(answer.get("review_count")),
        price_range=_text(answer.get("price"), 10),
    )


def _categories(raw: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in raw if isinstance(raw, list) else ():
        alias = _text(one.get("alias"), 100) if isinstance(one, Mapping) else None
        if alias:
            found[alias] = (_text(one.get("title"), 100) or "").lower()
    return found


def _text(value: Any, length: int = 500) -> str | None:
    return (value.strip()[:length] or None) if isinstance(value, str) else None


def _zip(text: str | None) -> str | None:
    return text[:5] if text and text[:5].isascii() and text[:5].isdigit() and len(text) >= 5 else None


def _point(raw: Any) -> Point | None:
    try:
        return Point(float(raw["latitude"]), float(raw["longitude"]))
    except (KeyError, TypeError, ValueError):
        return None
