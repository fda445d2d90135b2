"""The sandbox tells its truth to those who ask."""

import httpx

from sandbox.city import House
from sandbox.world import Town


async def test_health_names_the_world(http: httpx.AsyncClient) -> None:
    body = (await http.get("/control/health")).json()
    assert body == {"status": "ok", "seed": 1, "houses": 400, "today": "2026-11-24"}


async def test_truth_of_a_house(http: httpx.AsyncClient, house: House) -> None:
    body = (await http.get("/control/truth", params={"address": f"{house.line}, Austin, TX"})).json()
    assert body["condition"] == house.roof.condition.value
    assert body["roof_sqft"] == round(house.roof.roof_sqft, 1)
    assert [found["damage"] for found in body["damages"]] == [found.damage.value for found in house.roof.damages]
    assert body["owner"]["name"] == house.owner.name
    assert any(permit["roofing"] for permit in body["permits"])
    assert (await http.get("/control/truth", params={"address": "1 Nowhere Rd"})).status_code == 404


async def test_people_come_in_every_spelling(http: httpx.AsyncClient, town: Town) -> None:
    strings = set((await http.get("/control/people")).json())
    owner = next(house.owner for house in town.city.houses if house.owner.phone and house.owner.email)
    assert owner.phone is not None
    digits = owner.phone[2:]
    spellings = (digits, f"{digits[:3]}-{digits[3:6]}-{digits[6:]}", f"({digits[:3]}) {digits[3:6]}-{digits[6:]}")
    assert {owner.name, owner.email, *spellings} <= strings
    assert all(len(text) > 6 for text in strings)
    assert not any(text.endswith((" LLC", " LP")) for text in strings)


async def test_recent_permits_by_kind(http: httpx.AsyncClient) -> None:
    recent = (await http.get("/control/permits", params={"recent_days": 30})).json()
    roofing = (await http.get("/control/permits", params={"recent_days": 30, "roofing": True})).json()
    assert len(roofing) >= 60
    assert len(recent) > len(roofing)
    assert all(permit["roofing"] for permit in roofing)


async def test_contractors_storms_and_cities_are_ready_to_adopt(http: httpx.AsyncClient) -> None:
    contractors = (await http.get("/control/contractors")).json()
    assert len({row["id"] for row in contractors}) == len(contractors) == 15
    assert {row["subscription_tier"] for row in contractors} == {"starter", "professional", "enterprise"}
    storms = (await http.get("/control/storms")).json()
    assert len({row["external_id"] for row in storms}) == len(storms)
    assert any(row["event_type"] == "hail" and row["hail_size_inches"] >= 1.75 for row in storms)
    (city,) = (await http.get("/control/cities", params={"base_url": "http://127.0.0.1:1"})).json()
    assert city["permit_url"] == "http://127.0.0.1:1/portal/austin/resource/3syk-w9eu.json"
    assert "{address}" in city["assessor_search_url_template"]
