"""Google Places (legacy web service): a city's roofers by text search, and what is known of each (spec 3.6.1)."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from domain.companies import GOOGLE, Listing, Record
from domain.contact_points import us_phone
from domain.geo import Point
from integrations.http import VendorHttp, VendorRejected, VendorUnavailable, VendorUnreadable

PRICE_PER_SEARCH = Decimal("0.032")
"""US dollars a page: Text Search at 32 per 1,000 requests."""
PRICE_PER_DETAILS = Decimal("0.025")
"""US dollars: Place Details at 17 per 1,000, with contact data at 3 and atmosphere data at 5."""

MAX_PAGES = 3
"""The service never shows more than sixty results of one search."""
TOKEN_WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each try of a next-page token: it becomes valid a moment after it was given."""
FIELDS = (
    "place_id", "name", "business_status", "formatted_address", "address_components", "geometry", "types",
    "formatted_phone_number", "international_phone_number", "website", "rating", "user_ratings_total", "reviews",
)  # fmt: skip
CLOSED = frozenset({"CLOSED_PERMANENTLY"})

_UNAVAILABLE = {"OVER_QUERY_LIMIT": "over the query limit", "UNKNOWN_ERROR": "unknown error"}
_REJECTED = {
    "REQUEST_DENIED": "request denied",
    "INVALID_REQUEST": "invalid request",
    "OVER_DAILY_LIMIT": "over the daily limit or no billing",
}
_NOT_YET = "INVALID_REQUEST"
"""What a next-page token gets that is not valid yet."""
_NOTHING = frozenset({"ZERO_RESULTS", "NOT_FOUND"})
_TAIL = re.compile(r",?\s*([^,]+),\s*([A-Z]{2})(?:\s+(\d{5})(?:-\d{4})?)?(?:,\s*(?:USA|United States))?\s*$")


@dataclass(frozen=True, slots=True)
class PlacesPage:
    """One page of a search and the token of the page behind it."""

    listings: tuple[Listing, ...]
    next_token: str | None


class GooglePlaces:
    """The service. Raises VendorErrors; a listing that cannot be read is left out."""

    def __init__(
        self,
        http: VendorHttp,
        api_key: str,
        token_waits: Sequence[float] = TOKEN_WAITS,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._api_key = api_key
        self._token_waits = token_waits
        self._pause = pause

    @property
    def configured(self) -> bool:
        """Whether there is a key."""
        return bool(self._api_key)

    async def search(self, query: str) -> AsyncIterator[tuple[Listing, ...]]:
        """The pages of a text search, at most MAX_PAGES. Phones and websites come with `details` only."""
        page = self._page(await self._search({"query": query, "region": "us", "language": "en"}))
        yield page.listings
        for _ in range(MAX_PAGES - 1):
            if page.next_token is None:
                return
            page = await self._following(page.next_token)
            yield page.listings

    async def details(self, listing: Listing) -> Listing | None:
        """The listing with all that Google knows of it; None when the place is no longer listed."""
        params = {
            "place_id": listing.external_id,
            "fields": ",".join(FIELDS),
            # By relevance, as they come otherwise, the five reviews say nothing of when the last one was.
            "reviews_sort": "newest",
            "language": "en",
            "key": self._api_key,
        }
        answer = await self._ask("place details", "/maps/api/place/details/json", params, PRICE_PER_DETAILS)
        if answer["status"] in _NOTHING:
            return None
        result = answer.get("result")
        found = place(result) if isinstance(result, Mapping) else None
        if found is None:
            raise VendorUnreadable(self._http.vendor, "place details", "the place has no name or id")
        # A place may have got a new id; the one we asked for is the one we know it by.
        record = replace(found.record, key=listing.record.key)
        return replace(found, external_id=listing.external_id, record=record, detailed=True)

    async def _following(self, token: str) -> PlacesPage:
        for wait in self._token_waits:
            await self._pause(wait)
            answer = await self._search({"pagetoken": token}, accept=frozenset({_NOT_YET}))
            if answer["status"] != _NOT_YET:
                return self._page(answer)
        raise VendorUnavailable(self._http.vendor, "text search", "the next page did not become ready")

    async def _search(self, params: Mapping[str, str], accept: frozenset[str] = frozenset()) -> Mapping[str, Any]:
        asked = {**params, "key": self._api_key}
        return await self._ask("text search", "/maps/api/place/textsearch/json", asked, PRICE_PER_SEARCH, accept)

    def _page(self, answer: Mapping[str, Any]) -> PlacesPage:
        results = answer.get("results")
        if not isinstance(results, list):
            raise VendorUnreadable(self._http.vendor, "text search", "the answer is not a list of results")
        token = answer.get("next_page_token")
        found = tuple(one for result in results if isinstance(result, Mapping) and (one := place(result)) is not None)
        if results and not found:
            raise VendorUnreadable(self._http.vendor, "text search", "no result has a name and an id")
        return PlacesPage(found, token if isinstance(token, str) and token else None)

    async def _ask(
        self, operation: str, path: str, params: Mapping[str, str], cost: Decimal, accept: frozenset[str] = frozenset()
    ) -> Mapping[str, Any]:
        answer = await self._http.get_json(operation, path, params, cost=cost)
        status = answer.get("status") if isinstance(answer, Mapping) else None
        if not isinstance(status, str):
            raise VendorUnreadable(self._http.vendor, operation, "the answer has no status")
        if status == "OK" or status in _NOTHING or status in accept:
            return dict(answer)
        if status in _UNAVAILABLE:
            raise VendorUnavailable(self._http.vendor, operation, _UNAVAILABLE[status])
        if status in _REJECTED:
            raise VendorRejected(self._http.vendor, operation, _REJECTED[status], 200)
        raise VendorUnreadable(self._http.vendor, operation, "an unknown status")


def place(result: Mapping[str, Any]) -> Listing | None:
    """A result of search or details as a listing; None without name or id."""
    external_id, name = _text(result.get("place_id"), 255), _text(result.get("name"), 255)
    if external_id is None or name is None:
        return None
    street, city, state, zip_code = _address(result)
    record = Record(
        key=f"{GOOGLE}:{external_id}",
        name=name,
        phone=us_phone(_text(result.get("international_phone_number")) or _text(result.get("formatted_phone_number"))),
        website=_text(result.get("website"), 500),
        street=street,
        city=city,
        state=state,
        zip=zip_code,
        at=_point(result),
    )
    types = result.get("types")
    return Listing(
        source=GOOGLE,
        external_id=external_id,
        record=record,
        categories=frozenset(one for one in types if isinstance(one, str)) if isinstance(types, list) else frozenset(),
        closed=result.get("business_status") in CLOSED or result.get("permanently_closed") is True,
        rating=rating(result.get("rating")),
        reviews=count(result.get("user_ratings_total")),
        last_review_at=_last_review(result.get("reviews")),
    )


def rating(value: Any) -> Decimal | None:
    """Stars between 0 and 5, or None."""
    try:
        stars = Decimal(str(value))
    except InvalidOperation:
        return None
    return stars.quantize(Decimal("0.01")) if stars.is_finite() and 0 <= stars <= 5 else None


def count(value: Any) -> int | None:
    """A whole number from 0 on that PostgreSQL can hold, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def _text(value: Any, length: int = 500) -> str | None:
    return (value.strip()[:length] or None) if isinstance(value, str) else None


def _point(result: Mapping[str, Any]) -> Point | None:
    try:
        location = result["geometry"]["location"]
        return Point(float(location["lat"]), float(location["lng"]))
    except (KeyError, TypeError, ValueError):
        return None


def _last_review(reviews: Any) -> datetime | None:
    if not isinstance(reviews, list):
        return None
    times = [review.get("time") for review in reviews if isinstance(review, Mapping)]
    # From Google's birth to the end of 32-bit time: other numbers are no review times.
    seconds = [time for time in times if isinstance(time, int) and 900_000_000 <= time <= 2_147_483_647]
    return datetime.fromtimestamp(max(seconds), UTC) if seconds else None


def _address(result: Mapping[str, Any]) -> tuple[str | None, str | None, str | None, str | None]:
    """Street line, city, state, ZIP: from the components where there are any, else from the one-line address."""
    parts = _components(result.get("address_components"))
    if parts.get("administrative_area_level_1"):
        street = " ".join(filter(None, (parts.get("street_number"), parts.get("route"))))
        unit = parts.get("subpremise")
        line = f"{street} #{unit}" if street and unit else street
        has_number = bool(parts.get("street_number"))
        return (line if has_number else None), parts.get("locality"), _state(parts), parts.get("postal_code")
    formatted = _text(result.get("formatted_address")) or ""
    match = _TAIL.search(formatted)
    if match is None:
        return None, None, None, None
    return formatted[: match.start()].strip(", ") or None, match[1].strip(), match[2], match[3]


def _state(parts: Mapping[str, str]) -> str | None:
    code = parts["administrative_area_level_1"].upper()
    return code if re.fullmatch(r"[A-Z]{2}", code) else None


def _components(components: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in components if isinstance(components, list) else ():
        if isinstance(part, Mapping) and isinstance(part.get("types"), list) and _text(part.get("short_name")):
            found |= {kind: str(part["short_name"]).strip() for kind in part["types"] if isinstance(kind, str)}
    return found
