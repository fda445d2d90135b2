"""The sandbox's Google Places, Yelp and companies' websites: published shapes, planted difficulties, honest truth."""

from datetime import date
from itertools import pairwise
from typing import Any

import httpx
import jsonschema
import phonenumbers
import pytest
from phonenumbers import timezone

from sandbox.city import City
from sandbox.companies import PLAN, Directory, truth
from sandbox.places import AUSTIN
from sandbox.world import Town
from tests.unit.sandbox import published

PLACES = "/google/maps/api/place"
QUERY = {"query": "roofing contractors in Austin, TX", "key": "test"}
YELP = "/yelp/v3/businesses"
BEARER = {"authorization": "Bearer test"}
YELP_FIELDS = {
    "id", "alias", "name", "image_url", "is_closed", "url", "review_count", "categories", "rating", "coordinates",
    "transactions", "location", "phone", "display_phone",
}  # fmt: skip
NEEDS_SPEC = pytest.mark.skipif(
    not (published.SHARED / "specs" / "googlemaps").exists(), reason="Google's published description is not shipped"
)


async def text_search(http: httpx.AsyncClient, **params: str) -> dict[str, Any]:
    body: dict[str, Any] = (await http.get(f"{PLACES}/textsearch/json", params=params)).json()
    return body


async def test_a_search_has_three_pages_whose_tokens_ripen(http: httpx.AsyncClient) -> None:
    ids: list[str] = []
    body = await text_search(http, **QUERY)
    for _ in range(2):
        ids += [result["place_id"] for result in body["results"]]
        token = body["next_page_token"]
        assert (await text_search(http, pagetoken=token, key="test"))["status"] == "INVALID_REQUEST"
        body = await text_search(http, pagetoken=token, key="test")
        assert body["status"] == "OK"
    ids += [result["place_id"] for result in body["results"]]
    assert "next_page_token" not in body
    assert len(ids) == len(set(ids)) == 60


@NEEDS_SPEC
async def test_googles_answers_fit_the_published_description(http: httpx.AsyncClient) -> None:
    body = await text_search(http, **QUERY)
    jsonschema.validate(body, published.google_schema("PlacesTextSearchResponse"))
    for result in body["results"][:5]:
        params = {"place_id": result["place_id"], "key": "test"}
        answer = (await http.get(f"{PLACES}/details/json", params=params)).json()
        jsonschema.validate(answer, published.google_schema("PlacesDetailsResponse"))
    for odd in ({}, {"key": "test"}, {"key": "test", "query": "pizza in Rome"}, {"key": "test", "pagetoken": "x"}):
        jsonschema.validate(await text_search(http, **odd), published.google_schema("PlacesTextSearchResponse"))


async def test_details_hold_what_was_asked_for(http: httpx.AsyncClient, town: Town) -> None:
    place = next(place for place in town.directory.places if place.firm.site == "full")
    params = {"place_id": place.place_id, "fields": "name,website,formatted_phone_number", "key": "test"}
    result = (await http.get(f"{PLACES}/details/json", params=params)).json()["result"]
    assert set(result) == {"name", "website", "formatted_phone_number"}
    assert result["website"] == f"http://sandbox.example/web/{place.firm.slug}/"
    unknown = await http.get(f"{PLACES}/details/json", params={"place_id": "x", "key": "test"})
    assert unknown.json()["status"] == "NOT_FOUND"


async def test_yelp_shows_roofers_in_pages_and_refuses_what_yelp_refuses(http: httpx.AsyncClient) -> None:
    params: dict[str, Any] = {"location": "Austin, TX", "categories": "roofing", "limit": 50}
    body = (await http.get(f"{YELP}/search", params=params, headers=BEARER)).json()
    assert len(body["businesses"]) == 50 < body["total"]
    rest = (await http.get(f"{YELP}/search", params={**params, "offset": 50}, headers=BEARER)).json()
    assert len(rest["businesses"]) == body["total"] - 50
    assert all(set(each) >= YELP_FIELDS and not each["is_closed"] for each in body["businesses"])
    for status, changes in (
        (400, {"limit": 51}),
        (400, {"offset": 200}),
        (400, {"location": ""}),
        (400, {"location": "Nowhere"}),
    ):
        refused = await http.get(f"{YELP}/search", params={**params, **changes}, headers=BEARER)
        assert (refused.status_code, "code" in refused.json()["error"]) == (status, True)
    assert (await http.get(f"{YELP}/search", params=params)).status_code == 400
    assert (await http.get(f"{YELP}/nobody", headers=BEARER)).status_code == 404


async def test_yelp_knows_a_closed_business_by_id(http: httpx.AsyncClient, town: Town) -> None:
    closed = next(business for business in town.directory.businesses if business.firm.closed)
    body = (await http.get(f"{YELP}/{closed.business_id}", headers=BEARER)).json()
    assert body["is_closed"] is True
    assert body["hours"][0]["hours_type"] == "REGULAR"


async def test_robots_tell_who_may_not_be_read(http: httpx.AsyncClient, town: Town) -> None:
    robots = (await http.get("/robots.txt")).text
    forbidden = [firm.slug for firm in town.directory.firms if firm.site == "forbidden"]
    assert forbidden
    assert all(f"Disallow: /web/{slug}/" in robots for slug in forbidden)


async def test_hunter_finds_mailboxes_by_domain_or_name(http: httpx.AsyncClient, town: Town) -> None:
    firm = next(firm for firm in town.directory.firms if firm.in_finder and not firm.customer)
    for params in ({"domain": firm.mail_domain}, {"company": firm.name.upper()}):
        body = (await http.get("/hunter/v2/domain-search", params={**params, "api_key": "test"})).json()
        assert [each["value"] for each in body["data"]["emails"]] == [firm.email]
    hidden = next(firm for firm in town.directory.firms if not firm.in_finder)
    body = (await http.get("/hunter/v2/domain-search", params={"domain": hidden.mail_domain, "api_key": "t"})).json()
    assert (body["data"]["emails"], body["meta"]["results"]) == ([], 0)
    assert (await http.get("/hunter/v2/domain-search", params={"domain": "x.example"})).status_code == 401
    assert (await http.get("/hunter/v2/domain-search", params={"api_key": "t"})).status_code == 400


def test_numbers_are_fictions_unique_and_of_the_citys_zone(town: Town) -> None:
    firms = [firm for firm in town.directory.firms if not firm.customer]
    assert len({firm.phone for firm in firms}) == len(firms)
    assert not {firm.phone for firm in firms} & {company.phone for company in town.city.companies}
    for firm in firms:
        assert firm.phone[5:10] == "55501"
        zones = timezone.time_zones_for_number(phonenumbers.parse(firm.phone))
        assert zones == ("America/Chicago",)


def test_the_truth_says_which_listings_are_whose(town: Town) -> None:
    rows = list(truth(town.directory))
    google = [each for row in rows for each in row["google"]]  # type: ignore[attr-defined]
    yelp = [each for row in rows for each in row["yelp"]]  # type: ignore[attr-defined]
    assert sorted(google) == sorted(place.place_id for place in town.directory.places)
    assert sorted(yelp) == sorted(business.business_id for business in town.directory.businesses)
    assert {row["kind"] for row in rows} == {kind for kind, _ in PLAN} | {"other"}
    assert sum(bool(row["roofer"]) for row in rows) >= 60


def test_the_same_seed_makes_the_same_companies_and_another_others(town: Town) -> None:
    def made(seed: int) -> Directory:
        return Directory(City(AUSTIN, seed, 10, date(2026, 11, 24)))

    assert made(1).firms == town.directory.firms
    assert made(1).places == made(1).places
    assert made(2).firms != town.directory.firms


def test_neighbouring_kinds_are_what_they_say(town: Town) -> None:
    firms = town.directory.firms
    couples = [(one, other) for one, other in pairwise(firms) if one.kind == other.kind]
    assert any(one.street == other.street for one, other in couples if one.kind == "neighbour")
    assert any(one.slug == other.slug for one, other in couples if one.kind == "franchise")
    assert any(one.zip == other.zip and one.phone != other.phone for one, other in couples if one.kind == "namesake")
