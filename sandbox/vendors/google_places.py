"""Google Places (legacy web service): text search and details of the city's companies."""

import base64
import binascii
import json
from hashlib import sha256
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from sandbox.companies import Directory, Place
from sandbox.vendors.google import NO_KEY
from sandbox.world import Town, World

PAGE = 20
MOST = 60
MAX_TOKENS = 1_000
STATE_NAMES = {"TX": "Texas"}
ICON = "https://maps.gstatic.com/mapfiles/place_api/icons/v1/png_71/generic_business-71.png"
ICON_MASK = "https://maps.gstatic.com/mapfiles/place_api/icons/v2/generic_pinlet"
IN_SEARCH = frozenset(
    {
        "business_status", "formatted_address", "geometry", "icon", "icon_background_color", "icon_mask_base_uri",
        "name", "opening_hours", "place_id", "rating", "reference", "types", "user_ratings_total",
    }
)  # fmt: skip
"""What a search tells of a place; telephone, website and reviews come with the details."""


class Tokens:
    """Next-page tokens: each is refused the first time it comes, as it is by Google for a moment."""

    def __init__(self) -> None:
        self._asked: dict[str, int] = {}

    def give(self, query: str, offset: int) -> str:
        """A token for the page of `query` from `offset` on."""
        return base64.urlsafe_b64encode(json.dumps([query, offset]).encode()).decode()

    def take(self, token: str) -> tuple[str, int] | None:
        """What a token stands for, or None while it is not valid (yet)."""
        try:
            query, offset = json.loads(base64.urlsafe_b64decode(token))
        except (ValueError, TypeError, binascii.Error):
            return None
        asked = self._asked[token] = self._asked.get(token, 0) + 1
        while len(self._asked) > MAX_TOKENS:
            self._asked.pop(next(iter(self._asked)))
        if asked % 2 == 1:
            return None
        return (query, offset) if isinstance(query, str) and isinstance(offset, int) else None


def router(world: World) -> APIRouter:
    """Routes under /google/maps/api/place."""
    routes = APIRouter(prefix="/google/maps/api/place")
    tokens = Tokens()

    @routes.get("/textsearch/json")
    def text_search(request: Request, query: str = "", pagetoken: str = "", key: str = "") -> Response:
        if not key:
            return _answer("REQUEST_DENIED", results=[], error_message=NO_KEY)
        asked = tokens.take(pagetoken) if pagetoken else (query, 0)
        if asked is None or not asked[0].strip():
            return _answer("INVALID_REQUEST", results=[])
        text, offset = asked
        found = [
            place for town in world.towns.values() if _means(town, text) for place in _ranked(town.directory, text)
        ]
        page = found[offset : min(offset + PAGE, MOST)]
        results = [_shown(world, place, _base(request), IN_SEARCH) for place in page]
        more = offset + PAGE < min(len(found), MOST)
        token = {"next_page_token": tokens.give(text, offset + PAGE)} if more else {}
        return _answer("OK" if results else "ZERO_RESULTS", results=results, **token)

    @routes.get("/details/json")
    def details(request: Request, place_id: str = "", fields: str = "", key: str = "") -> Response:
        if not key:
            return _answer("REQUEST_DENIED", result={}, error_message=NO_KEY)
        if not place_id:
            return _answer("INVALID_REQUEST", result={})
        places = (place for town in world.towns.values() for place in town.directory.places)
        place = next((place for place in places if place.place_id == place_id), None)
        if place is None:
            return _answer("NOT_FOUND", result={})
        asked = frozenset(field.split("/")[0].strip() for field in fields.split(",")) if fields else None
        return _answer("OK", result=_shown(world, place, _base(request), asked))

    return routes


def _answer(status: str, **parts: Any) -> JSONResponse:
    return JSONResponse({"html_attributions": [], "status": status, **parts})


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _means(town: Town, query: str) -> bool:
    """Whether a query asks for roofers of this city."""
    words = query.lower()
    return "roof" in words and town.city.spec.city.lower() in words


def _ranked(directory: Directory, query: str) -> list[Place]:
    """Each query has an order of its own, which it keeps."""
    return sorted(directory.places, key=lambda place: sha256(f"{query.lower()}|{place.place_id}".encode()).digest())


def _shown(world: World, place: Place, base: str, fields: frozenset[str] | None) -> dict[str, Any]:
    everything = _everything(world, place, base)
    return {name: value for name, value in everything.items() if fields is None or name in fields}


def _everything(world: World, place: Place, base: str) -> dict[str, Any]:
    firm = place.firm
    tail = f"{firm.city}, {firm.state} {firm.zip}" if place.street else f"{firm.city}, {firm.state}"
    address = f"{place.street}, {tail}, United States" if place.street else f"{tail}, United States"
    national = f"({place.phone[2:5]}) {place.phone[5:8]}-{place.phone[8:]}"
    shift = 0.0013489802915
    shown: dict[str, Any] = {
        "address_components": _components(place),
        "business_status": "CLOSED_PERMANENTLY" if firm.closed else "OPERATIONAL",
        "formatted_address": address,
        "formatted_phone_number": national,
        "geometry": {
            "location": {"lat": place.lat, "lng": place.lng},
            "viewport": {
                "northeast": {"lat": place.lat + shift, "lng": place.lng + shift},
                "southwest": {"lat": place.lat - shift, "lng": place.lng - shift},
            },
        },
        "icon": ICON,
        "icon_background_color": "#7B9EB0",
        "icon_mask_base_uri": ICON_MASK,
        "international_phone_number": f"+1 {national[1:4]}-{national[6:]}",
        "name": place.name,
        "place_id": place.place_id,
        "rating": place.rating,
        "reference": place.place_id,
        "reviews": [_review(world, place)],
        "types": list(place.types),
        "url": f"https://maps.google.com/?cid={place.firm.index}",
        "user_ratings_total": place.reviews,
        "utc_offset": -360,
        "vicinity": f"{place.street}, {firm.city}" if place.street else firm.city,
    }
    return shown if firm.site == "none" else shown | {"website": f"{base}/web/{firm.slug}/"}


def _review(world: World, place: Place) -> dict[str, Any]:
    days = (world.today - place.reviewed.date()).days
    return {
        "author_name": "A Google User",
        "language": "en",
        "rating": round(place.rating),
        "relative_time_description": f"{days} days ago",
        "text": "They came when they said they would.",
        "time": int(place.reviewed.timestamp()),
    }


def _components(place: Place) -> list[dict[str, Any]]:
    firm = place.firm
    parts = [
        (firm.city, firm.city, ["locality", "political"]),
        (STATE_NAMES.get(firm.state, firm.state), firm.state, ["administrative_area_level_1", "political"]),
        ("United States", "US", ["country", "political"]),
    ]
    if place.street:
        number, _, route = place.street.partition(" ")
        parts = [(number, number, ["street_number"]), (route, route, ["route"]), *parts]
        parts.append((firm.zip, firm.zip, ["postal_code"]))
    return [{"long_name": long, "short_name": short, "types": types} for long, short, types in parts]
