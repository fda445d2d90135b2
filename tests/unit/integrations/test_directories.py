"""Google Places and Yelp: what is asked, what is read, what is refused; checked against published samples."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from domain.companies import Listing
from integrations.google_places import FIELDS, PRICE_PER_DETAILS, PRICE_PER_SEARCH, GooglePlaces, place
from integrations.http import VendorRejected, VendorUnavailable, VendorUnreadable
from integrations.yelp import PRICE_PER_CALL, YelpFusion, business
from tests.unit.integrations.vendor import Vendor, says

SAMPLES = Path(__file__).parents[3].parent / "shared" / "data" / "directories"
needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="the vendors' published samples are not shipped")

PLACE = {
    "place_id": "p1",
    "name": "One Roofing",
    "formatted_address": "100 Main St, Austin, TX 78757, United States",
    "geometry": {"location": {"lat": 30.3, "lng": -97.7}},
    "types": ["roofing_contractor"],
    "rating": 4.5,
    "user_ratings_total": 12,
    "business_status": "OPERATIONAL",
}
BUSINESS = {
    "id": "b1",
    "name": "One Roofing",
    "is_closed": False,
    "phone": "+15125550110",
    "categories": [{"alias": "roofing", "title": "Roofing"}, {"alias": "gutterservices", "title": "Gutter Services"}],
    "location": {"address1": "100 Main St", "city": "Austin", "state": "TX", "zip_code": "78757"},
    "coordinates": {"latitude": 30.3, "longitude": -97.7},
    "rating": 4.0,
    "review_count": 7,
    "price": "$$",
}


def google(*answers: Any, waits: tuple[float, ...] = (0.0, 0.0)) -> tuple[GooglePlaces, Vendor]:
    vendor = Vendor(*(says(answer) if isinstance(answer, dict | list | str) else answer for answer in answers))
    return GooglePlaces(vendor.http, "secret-key", token_waits=waits), vendor


def page(*results: Any, token: str | None = None, status: str = "OK") -> dict[str, Any]:
    return {"html_attributions": [], "results": list(results), "status": status} | (
        {"next_page_token": token} if token else {}
    )


async def search(client: GooglePlaces) -> list[tuple[Listing, ...]]:
    return [found async for found in client.search("roofing contractors in Austin, TX")]


async def yelp(*answers: Any, most: int = 240) -> tuple[list[tuple[Listing, ...]], Vendor]:
    vendor = Vendor(*(says(answer) if isinstance(answer, dict | list | str) else answer for answer in answers))
    client = YelpFusion(vendor.http, "secret-key")
    return [found async for found in client.search("Austin", "TX", most)], vendor


async def test_google_shows_three_pages_at_most_and_a_token_ripens() -> None:
    not_yet = page(status="INVALID_REQUEST")
    client, vendor = google(page(PLACE, token="a"), not_yet, page(PLACE, token="b"), page(PLACE, token="c"))
    assert len(await search(client)) == 3
    assert [request.url.params.get("pagetoken") for request in vendor.requests] == [None, "a", "a", "b"]
    assert vendor.requests[0].url.params["query"] == "roofing contractors in Austin, TX"
    assert {call.cost for call in vendor.calls} == {PRICE_PER_SEARCH}


async def test_a_token_that_never_ripens_is_not_waited_for_long() -> None:
    client, vendor = google(page(PLACE, token="a"), page(status="INVALID_REQUEST"))
    with pytest.raises(VendorUnavailable):
        await search(client)
    assert len(vendor.requests) == 1 + 2


async def test_the_waits_between_tries_grow_and_are_bounded() -> None:
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    vendor = Vendor(says(page(PLACE, token="a")), says(page(status="INVALID_REQUEST")))
    with pytest.raises(VendorUnavailable):
        await search(GooglePlaces(vendor.http, "key", pause=pause))
    assert waited == [0.5, 1.0, 2.0, 4.0]


async def test_details_are_asked_by_field_and_keep_the_id_we_know() -> None:
    client, vendor = google(
        {
            "html_attributions": [],
            "status": "OK",
            "result": {
                **PLACE,
                "place_id": "moved",
                "formatted_phone_number": "(512) 555-0110",
                "website": "https://one.example/",
                "reviews": [{"time": 1_700_000_000}, {"time": 1_700_000_500}, {"time": -1}],
            },
        }
    )
    known = place(PLACE)
    assert known is not None
    found = await client.details(known)
    assert found is not None
    assert (found.external_id, found.record.phone, found.detailed) == ("p1", "+15125550110", True)
    assert found.last_review_at is not None
    assert found.last_review_at.timestamp() == 1_700_000_500
    assert vendor.params["fields"] == ",".join(FIELDS)
    assert vendor.params["reviews_sort"] == "newest"
    assert [call.cost for call in vendor.calls] == [PRICE_PER_DETAILS]


async def test_a_place_that_is_gone_is_none_and_garbage_is_unreadable() -> None:
    known = place(PLACE)
    assert known is not None
    client, _ = google({"html_attributions": [], "result": {}, "status": "NOT_FOUND"})
    assert await client.details(known) is None
    for body in ("<html>", {"status": "OK"}, {"status": "OK", "result": {"name": "x"}}, {"result": {}}, []):
        client, _ = google(body)
        with pytest.raises(VendorUnreadable):
            await client.details(known)


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
async def test_each_status_of_google_has_one_meaning(status: Any, failure: type[Exception]) -> None:
    client, _ = google(page(status=status))
    with pytest.raises(failure) as caught:
        await search(client)
    assert "secret-key" not in str(caught.value)


async def test_nothing_found_is_an_empty_page() -> None:
    client, _ = google(page(status="ZERO_RESULTS"))
    assert await search(client) == [()]


@pytest.mark.parametrize(
    "body", ["<html>", [], {"status": "OK"}, page({"name": "x"}), page(None), page({"place_id": 3})]
)
async def test_garbage_from_google_is_unreadable(body: Any) -> None:
    client, _ = google(body)
    with pytest.raises(VendorUnreadable):
        await search(client)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("100 Main St, Austin, TX 78757, United States", ("100 Main St", "Austin", "TX", "78757")),
        ("100 Main St Suite 4, Round Rock, TX 78664-1234, USA", ("100 Main St Suite 4", "Round Rock", "TX", "78664")),
        ("Austin, TX, USA", (None, "Austin", "TX", None)),
        ("Austin, TX 78757", (None, "Austin", "TX", "78757")),
        ("somewhere", (None, None, None, None)),
        (None, (None, None, None, None)),
    ],
)
def test_one_line_addresses(address: Any, parts: tuple[str | None, ...]) -> None:
    found = place({**PLACE, "formatted_address": address})
    assert found is not None
    assert (found.record.street, found.record.city, found.record.state, found.record.zip) == parts


@pytest.mark.parametrize(
    "changes",
    [
        {"rating": "great", "user_ratings_total": -1, "geometry": None, "types": "x", "reviews": {}, "website": 5},
        {"rating": 99, "user_ratings_total": True, "geometry": {"location": {"lat": 900, "lng": 1}}, "reviews": [3]},
        {"rating": "NaN", "user_ratings_total": 10**12, "formatted_phone_number": "n/a", "address_components": [None]},
    ],
)
def test_odd_values_are_left_out(changes: dict[str, Any]) -> None:
    found = place({**PLACE, **changes})
    assert found is not None
    assert (found.rating, found.reviews, found.last_review_at, found.record.phone) == (None, None, None, None)


async def test_yelp_is_asked_in_pages_up_to_its_limit() -> None:
    full = {"businesses": [BUSINESS] * 50, "total": 1_000, "region": {}}
    pages, vendor = await yelp(full, {**full, "businesses": [BUSINESS] * 40}, most=90)
    assert [len(found) for found in pages] == [50, 40]
    assert [(r.url.params["limit"], r.url.params["offset"]) for r in vendor.requests] == [("50", "0"), ("40", "50")]
    assert vendor.params["categories"] == "roofing"
    assert vendor.params["location"] == "Austin, TX"
    assert vendor.requests[0].headers["authorization"] == "Bearer secret-key"
    assert {call.cost for call in vendor.calls} == {PRICE_PER_CALL}
    everything, vendor = await yelp(full, most=500)
    assert sum(map(len, everything)) >= 240
    assert all(int(r.url.params["limit"]) + int(r.url.params["offset"]) <= 240 for r in vendor.requests)


async def test_yelp_stops_where_there_is_no_more() -> None:
    pages, vendor = await yelp({"businesses": [BUSINESS], "total": 1})
    assert (len(pages), len(vendor.requests)) == (1, 1)
    listing = pages[0][0]
    assert (listing.rating, listing.reviews, listing.price_range) == (Decimal("4.00"), 7, "$$")
    assert listing.services == ("gutter services",)
    assert (listing.record.phone, listing.record.zip, listing.record.website) == ("+15125550110", "78757", None)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (httpx.Response(401, json={"error": {"code": "TOKEN_INVALID"}}), VendorRejected),
        (httpx.Response(400, json={"error": {"code": "VALIDATION_ERROR"}}), VendorRejected),
        (httpx.Response(429, json={"error": {"code": "TOO_MANY_REQUESTS_PER_SECOND"}}), VendorUnavailable),
        (httpx.Response(503), VendorUnavailable),
        ("<html>", VendorUnreadable),
        ([], VendorUnreadable),
        ({"error": {}}, VendorUnreadable),
        ({"businesses": [{}], "total": 1}, VendorUnreadable),
        ({"businesses": None, "total": 1}, VendorUnreadable),
    ],
)
async def test_yelp_failures_are_sorted(answer: Any, failure: type[Exception]) -> None:
    with pytest.raises(failure) as caught:
        await yelp(answer)
    assert "secret-key" not in str(caught.value)


async def test_one_business_of_yelp() -> None:
    vendor = Vendor(says(BUSINESS), says({"error": {"code": "BUSINESS_NOT_FOUND"}}, 404), says({}))
    client = YelpFusion(vendor.http, "key")
    found = await client.business("a/b")
    assert found is not None
    assert vendor.requests[0].url.raw_path == b"/v3/businesses/a%2Fb"
    assert await client.business("gone") is None
    with pytest.raises(VendorUnreadable):
        await client.business("odd")


def test_odd_values_of_yelp_are_left_out() -> None:
    odd = {"location": None, "coordinates": {"latitude": None}, "categories": [None, {"alias": 3}], "phone": ""}
    found = business({"id": "b", "name": "n", **odd})
    assert found is not None
    assert (found.record.city, found.record.at, found.categories) == (None, None, frozenset())


@needs_samples
def test_googles_published_samples_are_read() -> None:
    folder = SAMPLES / "google_places"
    results = yaml.safe_load((folder / "maps_http_places_textsearch_response.yml").read_text())["results"]
    found = [place(result) for result in results]
    assert all(found)
    assert len(found) == 20
    assert all(one is not None and one.record.at and one.rating for one in found)
    detail = place(yaml.safe_load((folder / "maps_http_places_details_response.yml").read_text())["result"])
    assert detail is not None
    assert detail.record.phone is None, "an Australian number is none of ours"
    assert detail.record.website
    assert detail.last_review_at


@needs_samples
def test_yelps_published_sample_is_read() -> None:
    found = business(json.loads((SAMPLES / "yelp" / "business_lookup_yelp_san_francisco.json").read_text()))
    assert found is not None
    record = found.record
    assert (record.name, record.phone, record.zip, record.state) == ("Yelp", "+14159083801", "94105", "CA")
    assert (record.street, found.categories) == ("140 New Montgomery St", frozenset({"massmedia"}))
