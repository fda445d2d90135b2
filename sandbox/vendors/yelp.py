"""Yelp Fusion v3: business search and lookup."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from sandbox.companies import Business
from sandbox.world import World

MAX_LIMIT = 50
MOST = 240
DEFAULT_LIMIT = 20


def router(world: World) -> APIRouter:
    """Routes under /yelp."""
    routes = APIRouter(prefix="/yelp/v3/businesses")

    @routes.get("/search")
    def search(
        request: Request, location: str = "", categories: str = "", limit: int = DEFAULT_LIMIT, offset: int = 0
    ) -> Response:
        refused = _refused(request)
        if refused:
            return refused
        if not location.strip():
            return _error(400, "VALIDATION_ERROR", "Please specify a location or a latitude and longitude")
        if not 0 <= limit <= MAX_LIMIT:
            return _error(400, "VALIDATION_ERROR", f"{limit} is greater than the maximum of {MAX_LIMIT}")
        if offset < 0 or limit + offset > MOST:
            return _error(400, "VALIDATION_ERROR", f"Too many results requested, limit+offset must be <= {MOST}.")
        town = next((town for town in world.towns.values() if _is(location, town.city.spec.city)), None)
        if town is None:
            return _error(400, "LOCATION_NOT_FOUND", "Could not execute search, try specifying a more exact location.")
        wanted = {alias for alias in categories.split(",") if alias}
        found = [
            business
            for business in town.directory.businesses
            if not business.firm.closed and (not wanted or wanted & {alias for alias, _ in business.categories})
        ]
        part = town.city.spec.neighbourhoods[0]
        return JSONResponse(
            {
                "businesses": [_shown(business) for business in found[offset : offset + limit]],
                "total": len(found),
                "region": {"center": {"longitude": part.lng, "latitude": part.lat}},
            }
        )

    @routes.get("/{business_id}")
    def lookup(request: Request, business_id: str) -> Response:
        refused = _refused(request)
        if refused:
            return refused
        known = (business for town in world.towns.values() for business in town.directory.businesses)
        business = next((one for one in known if business_id in (one.business_id, one.alias)), None)
        if business is None:
            return _error(404, "BUSINESS_NOT_FOUND", "The requested business could not be found.")
        return JSONResponse(_shown(business) | _more())

    return routes


def _refused(request: Request) -> Response | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return _error(400, "VALIDATION_ERROR", "Authorization is a required parameter.")
    if not token.strip():
        return _error(401, "TOKEN_MISSING", "An access token must be supplied in order to use this endpoint.")
    return None


def _error(status: int, code: str, description: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "description": description}}, status_code=status)


def _is(location: str, city: str) -> bool:
    return location.split(",")[0].strip().lower() == city.lower()


def _shown(business: Business) -> dict[str, Any]:
    firm = business.firm
    phone = business.phone
    tail = f"{firm.city}, {firm.state}" + (f" {firm.zip}" if business.street else "")
    shown: dict[str, Any] = {
        "id": business.business_id,
        "alias": business.alias,
        "name": business.name,
        "image_url": "",
        "is_closed": firm.closed,
        "url": f"https://www.yelp.com/biz/{business.alias}",
        "review_count": business.reviews,
        "categories": [{"alias": alias, "title": title} for alias, title in business.categories],
        "rating": business.rating,
        "coordinates": {"latitude": business.lat, "longitude": business.lng},
        "transactions": [],
        "location": {
            "address1": business.street or "",
            "address2": "",
            "address3": "",
            "city": firm.city,
            "zip_code": firm.zip if business.street else "",
            "country": "US",
            "state": firm.state,
            "display_address": [business.street, tail] if business.street else [tail],
        },
        "phone": phone,
        "display_phone": f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}",
        "distance": 4_321.0,
    }
    return shown | ({"price": business.price} if business.price else {})


def _more() -> dict[str, Any]:
    """What only a lookup tells."""
    week = [{"is_overnight": False, "start": "0800", "end": "1700", "day": day} for day in range(5)]
    return {
        "is_claimed": True,
        "photos": [],
        "hours": [{"open": week, "hours_type": "REGULAR", "is_open_now": False}],
    }
