from typing import Any

import pytest
from redis.asyncio import Redis

from domain.address import Address
from integrations.geocoding import PRICE_PER_CALL, CachedGeocoder, GoogleGeocoder, Location, cache_key
from integrations.http import VendorRejected, VendorUnavailable, VendorUnreadable
from tests.unit.integrations.vendor import Vendor, says

ADDRESS = Address("5300 COPPER FINCH DR", "Austin", "TX", "78757")


def result(**changes: Any) -> dict[str, Any]:
    """A result in the wire format of the Geocoding API."""
    parts = {"number": "5300", "route": "Copper Finch Dr", "state": "TX", "kind": "ROOFTOP", "lat": 30.347} | changes
    components = [("street_number", parts["number"]), ("route", parts["route"])]
    components.append(("administrative_area_level_1", parts["state"]))
    return {
        "address_components": [
            {"long_name": text, "short_name": text, "types": [kind, "political"]} for kind, text in components if text
        ],
        "geometry": {"location": {"lat": parts["lat"], "lng": -97.742}, "location_type": parts["kind"]},
        **({"partial_match": True} if parts.get("partial") else {}),
    }


async def locate(body: Any) -> Location | None:
    return await GoogleGeocoder(Vendor(says(body)).http, "key").locate(ADDRESS)


async def test_a_rooftop_is_found_and_paid_for() -> None:
    vendor = Vendor(says({"status": "OK", "results": [result()]}))
    location = await GoogleGeocoder(vendor.http, "key").locate(ADDRESS)
    assert location == Location(30.347, -97.742, "ROOFTOP")
    assert vendor.params == {
        "address": "5300 COPPER FINCH DR, Austin, TX 78757",
        "components": "country:US",
        "key": "key",
    }
    assert [call.cost for call in vendor.calls] == [PRICE_PER_CALL]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"kind": "RANGE_INTERPOLATED"}, True),
        ({"kind": "GEOMETRIC_CENTER"}, False),
        ({"kind": "APPROXIMATE"}, False),
        ({"number": "5302"}, False),
        ({"number": None}, False),
        ({"state": "OK"}, False),
        ({"partial": True}, True),
        ({"partial": True, "route": "Amber Hare Ln"}, False),
        ({"partial": True, "route": None}, False),
        ({"partial": True, "kind": "RANGE_INTERPOLATED"}, False),
    ],
)
async def test_only_the_house_itself_is_street_level(changes: dict[str, Any], found: bool) -> None:
    assert (await locate({"status": "OK", "results": [result(**changes)]}) is not None) == found


async def test_the_first_result_that_is_the_house_counts() -> None:
    body = {"status": "OK", "results": [result(kind="APPROXIMATE"), result(lat=30.5), result()]}
    location = await locate(body)
    assert location is not None
    assert location.lat == 30.5


@pytest.mark.parametrize("body", [{"status": "ZERO_RESULTS", "results": []}, {"status": "OK", "results": []}])
async def test_nothing_found_is_none(body: Any) -> None:
    assert await locate(body) is None


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        ("OVER_QUERY_LIMIT", VendorUnavailable),
        ("UNKNOWN_ERROR", VendorUnavailable),
        ("REQUEST_DENIED", VendorRejected),
        ("INVALID_REQUEST", VendorRejected),
        ("OVER_DAILY_LIMIT", VendorRejected),
        ("SOMETHING_NEW", VendorUnreadable),
        (None, VendorUnreadable),
    ],
)
async def test_each_status_has_one_meaning(status: str | None, failure: type[Exception]) -> None:
    with pytest.raises(failure):
        await locate({"status": status, "results": []})


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        '{"status": "OK", "results": [{"geom',
        [],
        {"results": []},
        {"status": "OK"},
        {"status": "OK", "results": "none"},
        {"status": "OK", "results": [None]},
        {"status": "OK", "results": [{"geometry": {}}]},
        {"status": "OK", "results": [result(lat="north")]},
        {"status": "OK", "results": [result(lat=1000)]},
        {"status": "OK", "results": [{**result(), "address_components": {"a": 1}}]},
    ],
)
async def test_garbage_is_unreadable(body: Any) -> None:
    with pytest.raises(VendorUnreadable):
        await locate(body)


async def test_without_a_cache_the_geocoder_is_asked() -> None:
    vendor = Vendor(by=lambda _: says({"status": "OK", "results": [result()]}))
    nowhere = Redis.from_url("redis://127.0.0.1:9/0")
    geocoder = CachedGeocoder(GoogleGeocoder(vendor.http, "key"), nowhere)
    for _ in range(2):
        assert await geocoder.locate(ADDRESS) == Location(30.347, -97.742, "ROOFTOP")
    assert len(vendor.requests) == 2
    await nowhere.aclose()


def test_the_cache_key_tells_nothing_and_is_one_per_address() -> None:
    key = cache_key(ADDRESS)
    assert "COPPER" not in key.upper()
    assert key == cache_key(Address("5300 Copper Finch Dr", "AUSTIN", "TX", "78757"))
    assert key != cache_key(Address("5302 COPPER FINCH DR", "Austin", "TX", "78757"))
