"""Finding, completing, listing and correcting contractors through the API (spec 5.2, 5.6)."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio.client import Client

from api.app import create_app
from api.problems import Code
from config.settings import Settings
from schema.contracts.outreach import DiscoveredContractors, ProfileSummary
from schema.database import Database
from schema.tables import Contractor
from tests.api_client import problem, serving
from tests.integration.api_world import World, scripted
from tests.workflow.scripted import Script

CITY = {"city": "austin", "state": "tx"}


@pytest.fixture
def world(settings: Settings, database: Database, temporal_client: Client) -> World:
    return World(settings, database, temporal_client)


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(create_app(world.settings)) as client:
        yield client


async def contractor(world: World, **changes: Any) -> UUID:
    values = {
        "id": uuid4(),
        "company_name": "One Roofing",
        "email": "office@one.example",
        "email_domain": "one.example",
        "email_status": "valid",
        "phone": "+15125550110",
        "phone_kind": "landline",
        "city": "Austin",
        "state": "TX",
        "sources": {"fields": {"email": "website", "phone": "google_maps", "company_name": "google_maps"}},
        **changes,
    }
    async with world.database.transaction() as tx:
        tx.session.add(Contractor(**values))
    return values["id"]


async def result_of(world: World, workflow_id: str) -> Any:
    async with asyncio.timeout(20):
        return await world.client.get_workflow_handle(workflow_id).result()


async def test_a_city_is_discovered_once_at_a_time_and_new_contractors_are_enriched(
    client: httpx.AsyncClient, world: World
) -> None:
    ids = (uuid4(), uuid4())
    answers = [await client.post(path, json=CITY) for path in ("/discover/city", "/scrape/contractors")]
    assert [answer.status_code for answer in answers] == [202, 202], answers[0].text
    first, second = (answer.json() for answer in answers)
    assert first["workflow_id"] == "discovery-tx-austin"
    assert (first["existing"], second["existing"]) == (False, True)
    assert first["run_id"] == second["run_id"]
    found = DiscoveredContractors(found={"yelp": 2}, created=2, to_enrich=ids)
    script = Script(discover_contractors=found, enrich_contractor=ProfileSummary(fit=50))
    async with scripted(world, script):
        result = await result_of(world, first["workflow_id"])
    assert (result["created"], result["enriched"]) == (2, 2)
    assert [call.city for call in script.called("discover_contractors")] == ["Austin"]
    assert {call.contractor_id for call in script.called("enrich_contractor")} == set(ids)


@pytest.mark.parametrize("action", ["enrich", "score"])
async def test_a_profile_is_worked_on_once_at_a_time(client: httpx.AsyncClient, world: World, action: str) -> None:
    contractor_id = await contractor(world)
    answers = [await client.post(f"/contractors/{contractor_id}/{action}") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202], answers[0].text
    assert [answer.json()["existing"] for answer in answers] == [False, True]
    workflow_id = answers[0].json()["workflow_id"]
    assert workflow_id == f"profile-{contractor_id}"
    assert answers[0].json()["links"]["status"] == f"/workflows/{workflow_id}"
    script = Script(enrich_contractor=ProfileSummary(fit=50), score_contractor=ProfileSummary(fit=40))
    async with scripted(world, script):
        result = await result_of(world, workflow_id)
    assert result["fit"] == {"enrich": 50, "score": 40}[action]
    assert len(script.called(f"{action}_contractor")) == 1
    history = await world.client.get_workflow_handle(workflow_id).fetch_history()
    written = b"".join(event.SerializeToString() for event in history.events)
    assert str(contractor_id).encode() in written
    assert b"one.example" not in written


async def test_the_list_is_by_priority_and_pages_hold_everybody_once(client: httpx.AsyncClient, world: World) -> None:
    for number, priority in enumerate((Decimal("70.5"), None, Decimal(90), Decimal("70.5"), None)):
        await contractor(world, company_name=f"Company {number}", priority_score=priority)
    await contractor(world, company_name="Elsewhere", city="Dallas", priority_score=Decimal(99))
    seen: list[dict[str, Any]] = []
    after = None
    while True:
        params = {"city": "AUSTIN", "state": "tx", "limit": 2} | ({"after": after} if after else {})
        page = (await client.get("/contractors", params=params)).json()
        seen += page["contractors"]
        after = page["next"]
        if after is None:
            break
    assert [row["priority_score"] for row in seen] == ["90.00", "70.50", "70.50", None, None]
    assert len({row["contractor_id"] for row in seen}) == 5
    assert all(row["has_email"] and row["has_phone"] for row in seen)
    assert "one.example" not in str(seen)
    best = (await client.get("/contractors", params={"min_priority": "80", "status": "discovered"})).json()
    assert [row["company_name"] for row in best["contractors"]] == ["Elsewhere", "Company 2"]
    assert (await client.get("/contractors", params={"status": "active"})).json()["contractors"] == []
    problem(await client.get("/contractors", params={"after": "nonsense"}), Code.INVALID_CURSOR)
    problem(await client.get("/contractors", params={"status": "asleep"}), Code.INVALID_REQUEST)


async def test_a_correction_stands_and_is_nobodys_but_the_persons(client: httpx.AsyncClient, world: World) -> None:
    contractor_id = await contractor(world)
    changes = {
        "email": " Boss@Two.Example ",
        "phone": "(512) 555-0111",
        "years_in_business": 12,
        "services_offered": ["roof repair"],
        "service_areas": [{"city": "Austin", "state": "TX", "radius_miles": 20}],
        "notes": None,
    }
    answer = await client.patch(f"/contractors/{contractor_id}", json=changes)
    assert answer.status_code == 200, answer.text
    detail = answer.json()
    assert detail["said_by"] == {"company_name": "google_maps"}
    assert (detail["email_domain"], detail["email_status"], detail["phone_kind"]) == ("two.example", None, None)
    assert (detail["years_in_business"], detail["services_offered"]) == (12, ["roof repair"])
    async with world.database.transaction() as tx:
        row = await tx.contractors.get(contractor_id)
    assert row is not None
    assert (row.email, row.phone, row.company_name) == ("boss@two.example", "+15125550111", "One Roofing")
    assert (await client.get(f"/contractors/{contractor_id}")).json() == detail
    emptied = await client.patch(f"/contractors/{contractor_id}", json={"email": None})
    assert (emptied.json()["has_email"], emptied.json()["email_domain"]) == (False, None)


REFUSED: tuple[dict[str, Any], ...] = (
    {"acquisition_status": "active"},
    {"subscription_tier": "starter"},
    {"fit_score": 100},
    {"email": "nobody"},
    {"phone": "12"},
    {"website": "ftp://one.example"},
    {"website": "http://[broken"},
    {"employee_count_range": "many"},
    {"company_name": None},
    {"company_name": "  "},
    {"years_in_business": -1},
)


async def test_only_what_a_person_may_correct_is_taken(client: httpx.AsyncClient, world: World) -> None:
    contractor_id = await contractor(world)
    for changes in REFUSED:
        problem(await client.patch(f"/contractors/{contractor_id}", json=changes), Code.INVALID_REQUEST)


async def test_strangers_and_odd_requests_are_refused(client: httpx.AsyncClient) -> None:
    nobody = f"/contractors/{uuid4()}"
    for answer in (
        await client.get(nobody),
        await client.patch(nobody, json={"notes": "x"}),
        await client.post(f"{nobody}/enrich"),
        await client.post(f"{nobody}/score"),
    ):
        problem(answer, Code.UNKNOWN_CONTRACTOR)
    for path in ("/discover/city", "/scrape/contractors"):
        problem(await client.post(path, json={"city": "Nowhere", "state": "TX"}), Code.UNKNOWN_CITY)
        problem(await client.post(path, json={**CITY, "max_results": 0}), Code.INVALID_REQUEST)


async def test_the_sources_say_whether_they_can_be_asked(settings: Settings) -> None:
    asked = Settings.model_validate({**settings.model_dump(), "yelp_api_key": "key"})
    async with serving(create_app(asked, "acquisition")) as client:
        sources = (await client.get("/discover/sources")).json()["sources"]
    assert [(each["name"], each["configured"]) for each in sources] == [("google_maps", False), ("yelp", True)]
    assert all(Decimal(each["cost_per_search"]) > 0 for each in sources)
