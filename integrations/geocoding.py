"""Google Geocoding API: street-level coordinates of a US address (spec 3.2.3)."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.address import Address
from integrations.http import VendorHttp, VendorRejected, VendorUnavailable, VendorUnreadable

PRICE_PER_CALL = Decimal("0.005")
"""US dollars: 5 per 1,000 requests (spec 7.1)."""

CACHE_SECONDS = 86_400
STREET_LEVEL = frozenset({"ROOFTOP", "RANGE_INTERPOLATED"})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Location:
    """Degrees, and how sure the vendor is of them (`ROOFTOP` or `RANGE_INTERPOLATED`)."""

    lat: float
    lng: float
    precision: str


class Geocoder(Protocol):
    """Finds an address; None when it has no street-level coordinates. Raises VendorErrors."""

    async def locate(self, address: Address) -> Location | None: ...


# What each status of the API means for us (its documentation, "Status codes").
_UNAVAILABLE = {"OVER_QUERY_LIMIT": "over the query limit", "UNKNOWN_ERROR": "unknown error"}
_REJECTED = {
    "REQUEST_DENIED": "request denied",
    "INVALID_REQUEST": "invalid request",
    "OVER_DAILY_LIMIT": "over the daily limit or no billing",
}


class GoogleGeocoder:
    """The API itself. One call costs `PRICE_PER_CALL`."""

    def __init__(self, http: VendorHttp, api_key: str) -> None:
        self._http = http
        self._api_key = api_key

    async def locate(self, address: Address) -> Location | None:
        """Coordinates of the house itself: a match of its street, city or ZIP only is none."""
        params = {
            "address": ", ".join(filter(None, (address.line, address.city, f"{address.state} {address.zip or ''}"))),
            "components": "country:US",
            "key": self._api_key,
        }
        answer = await self._http.get_json("geocode", "/maps/api/geocode/json", params, cost=PRICE_PER_CALL)
        if not isinstance(answer, Mapping) or not isinstance(answer.get("status"), str):
            raise VendorUnreadable(self._http.vendor, "geocode", "the answer has no status")
        status = answer["status"]
        if status in _UNAVAILABLE:
            raise VendorUnavailable(self._http.vendor, "geocode", _UNAVAILABLE[status])
        if status in _REJECTED:
            raise VendorRejected(self._http.vendor, "geocode", _REJECTED[status], 200)
        if status == "ZERO_RESULTS":
            return None
        results = answer.get("results")
        if status != "OK" or not isinstance(results, list):
            raise VendorUnreadable(self._http.vendor, "geocode", "the answer is not a list of results")
        return self._first_match(results, address)

    def _first_match(self, results: list[Any], address: Address) -> Location | None:
        try:
            return next((found for result in results if (found := _location(result, address))), None)
        except (KeyError, TypeError, ValueError, AttributeError) as failure:
            raise VendorUnreadable(self._http.vendor, "geocode", "a result has no usable geometry") from failure


def _location(result: Any, address: Address) -> Location | None:
    geometry = result["geometry"]
    if geometry["location_type"] not in STREET_LEVEL or not _is_address(result, address):
        return None
    lat, lng = float(geometry["location"]["lat"]), float(geometry["location"]["lng"])
    if not (-90 <= lat <= 90 and -180 <= lng <= 180):
        raise ValueError("not on Earth")
    return Location(lat, lng, str(geometry["location_type"]))


def _is_address(result: Any, address: Address) -> bool:
    """The same house number and state. A partial match must be a rooftop on the same street: the vendor
    interpolates numbers that no house has."""
    parts: dict[str, str] = {
        kind: part["short_name"] for part in result["address_components"] for kind in part["types"]
    }
    number, _, street = address.line.partition(" ")
    same = parts.get("street_number", "").upper() == number.upper()
    same = same and parts.get("administrative_area_level_1", "").upper() == address.state
    if not result.get("partial_match"):
        return same
    words = re.findall(r"[A-Z0-9]+", parts.get("route", "").upper())
    on_street = bool(words) and max(words, key=len) in street.upper()
    return same and on_street and result["geometry"]["location_type"] == "ROOFTOP"


class CachedGeocoder:
    """Remembers answers for a day under a hash of the address. Without Redis it just asks again."""

    def __init__(self, geocoder: Geocoder, redis: Redis, prefix: str = "geocode:") -> None:
        self._geocoder = geocoder
        self._redis = redis
        self._prefix = prefix

    async def locate(self, address: Address) -> Location | None:
        """As the geocoder says, from the cache when it holds a good answer."""
        key = self._prefix + cache_key(address)
        cached = await self._read(key)
        if cached is not None:
            return cached
        location = await self._geocoder.locate(address)
        if location is not None:
            await self._write(key, location)
        return location

    async def _read(self, key: str) -> Location | None:
        try:
            text = await self._redis.get(key)
            return Location(**json.loads(text)) if text else None
        except (RedisError, OSError, ValueError, TypeError) as failure:
            log.warning("geocode_cache_unreadable", error=type(failure).__name__)
            return None

    async def _write(self, key: str, location: Location) -> None:
        value = {"lat": location.lat, "lng": location.lng, "precision": location.precision}
        try:
            await self._redis.set(key, json.dumps(value), ex=CACHE_SECONDS)
        except (RedisError, OSError) as failure:
            log.warning("geocode_cache_unwritable", error=type(failure).__name__)


def cache_key(address: Address) -> str:
    """What an address is remembered under; the address cannot be read from it."""
    text = f"{address.line}|{address.city}|{address.state}|{address.zip or ''}".upper()
    return hashlib.sha256(text.encode()).hexdigest()
