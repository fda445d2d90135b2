"""Starting and following workflows through the API, on a real server with scripted activities."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import TypeAdapter
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from api import cursors
from api.app import create_app
from api.problems import Code
from config.settings import Settings
from domain.address import lead_id_for, parse_address
from schema.contracts.base import LeadStatus
from schema.contracts.property import Admission, CityScrapeResult
from schema.database import Database
from schema.tables import BaseLead, RoofingPermit
from tests.api_client import problem, serving
from tests.integration.api_world import World, scripted
from tests.workflow.scripted import Script

STREET = "742 Evergreen Terrace"
ADDRESS = {"address": STREET, "city": "Austin", "state": "TX", "zip": "78701"}
LEAD_ID = lead_id_for(parse_address(STREET, "Austin", "TX"))


@pytest.fixture
def world(settings: Settings, database: Database, temporal_client: Client) -> World:
    return World(settings, database, temporal_client)


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(world.settings.model_copy(update={"temporal_ui_url": "http://127.0.0.1:8233/"}), "orchestrator")
    async with serving(app) as client:
        yield client


def admitting(**changes: object) -> Script:
    """A script for the lead of ADDRESS."""
    return Script(admit_property=Admission(lead_id=LEAD_ID, city="Austin", state="TX"), **changes)


async def listed(client: httpx.AsyncClient, expected: int, **filters: str) -> list[dict[str, object]]:
    """The workflows that match, once visibility (which is behind by moments) has `expected` of them."""
    async with asyncio.timeout(15):
        while True:
            response = await client.get("/workflows", params=filters)
            assert response.status_code == 200, response.text
            workflows: list[dict[str, object]] = response.json()["workflows"]
            if len(workflows) == expected:
                return workflows
            await asyncio.sleep(0.05)


async def detail(client: httpx.AsyncClient, workflow_id: str, status: str) -> dict[str, object]:
    """The workflow once its status is `status`."""
    async with asyncio.timeout(15):
        while True:
            response = await client.get(f"/workflows/{workflow_id}")
            assert response.status_code == 200, response.text
            document: dict[str, object] = response.json()
            if document["status"] == status:
                return document
            await asyncio.sleep(0.05)


async def test_start_by_address_writes_the_lead_and_keeps_the_address_out_of_the_history(
    client: httpx.AsyncClient, world: World
) -> None:
    response = await client.post("/workflows/property", json=ADDRESS)
    assert response.status_code == 202, response.text
    started = response.json()
    workflow_id = f"property-{LEAD_ID}"
    assert started == {
        "workflow_id": workflow_id,
        "run_id": started["run_id"],
        "lead_id": str(LEAD_ID),
        "existing": False,
        "links": {
            "status": f"/workflows/{workflow_id}",
            "temporal_ui": f"http://127.0.0.1:8233/namespaces/{world.settings.temporal_namespace}"
            f"/workflows/{workflow_id}",
        },
    }
    async with world.database.transaction() as tx:
        lead = await tx.leads.get(LEAD_ID)
    assert lead is not None
    assert (lead.address, lead.status, lead.workflow_id) == ("742 EVERGREEN TER", "processing", workflow_id)
    history = await world.client.get_workflow_handle(workflow_id).fetch_history()
    assert "evergreen" not in history.to_json().lower()
    assert str(LEAD_ID) in history.events[0].workflow_execution_started_event_attributes.input.payloads[0].data.decode()


async def test_ten_starts_at_once_are_one_run(client: httpx.AsyncClient) -> None:
    spellings = [ADDRESS, {**ADDRESS, "address": "742 evergreen  terrace"}, {**ADDRESS, "city": "AUSTIN"}]
    answers = await asyncio.gather(
        *(client.post("/workflows/property", json=spellings[number % 3]) for number in range(10))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert [answer.json()["existing"] for answer in answers].count(False) == 1


async def test_joining_leaves_a_lead_in_review_alone(client: httpx.AsyncClient, world: World) -> None:
    await client.post("/workflows/property", json=ADDRESS)
    async with world.database.transaction() as tx:
        await tx.leads.set_status(LEAD_ID, LeadStatus.NEEDS_REVIEW)
    again = await client.post("/workflows/property", json=ADDRESS)
    assert again.json()["existing"] is True
    async with world.database.transaction() as tx:
        lead = await tx.leads.get(LEAD_ID)
    assert lead is not None and lead.status == "needs_review"


async def test_start_by_permit_and_by_lead_are_the_same_property(client: httpx.AsyncClient, world: World) -> None:
    permit_id = uuid4()
    async with world.database.transaction() as tx:
        tx.session.add(
            RoofingPermit(
                id=permit_id,
                permit_number="R-1",
                address="742 EVERGREEN TER",
                city="Austin",
                state="TX",
                issue_date=date(2026, 5, 1),
            )
        )
    by_permit = (await client.post("/workflows/property", json={"permit_id": str(permit_id)})).json()
    by_lead = (await client.post("/workflows/property", json={"lead_id": str(LEAD_ID)})).json()
    assert by_permit["lead_id"] == by_lead["lead_id"] == str(LEAD_ID)
    assert (by_permit["existing"], by_lead["existing"]) == (False, True)
    async with world.database.transaction() as tx:
        permit = await tx.permits.get(permit_id)
    assert permit is not None and permit.base_lead_id == LEAD_ID


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({**ADDRESS, "city": "Nowhere"}, Code.UNKNOWN_CITY),
        ({**ADDRESS, "address": "PO Box 12"}, Code.INVALID_ADDRESS),
        ({**ADDRESS, "address": "Evergreen Terrace"}, Code.INVALID_ADDRESS),
        ({"permit_id": str(uuid4())}, Code.UNKNOWN_PERMIT),
        ({"lead_id": str(uuid4())}, Code.UNKNOWN_LEAD),
    ],
)
async def test_what_cannot_be_started_says_why(
    client: httpx.AsyncClient, world: World, body: dict[str, str], code: Code
) -> None:
    problem(await client.post("/workflows/property", json=body), code)
    assert [workflow async for workflow in world.client.list_workflows()] == []


@pytest.mark.parametrize("status", [LeadStatus.RESERVED, LeadStatus.SOLD])
async def test_a_sold_lead_is_not_processed_again(client: httpx.AsyncClient, world: World, status: LeadStatus) -> None:
    async with world.database.transaction() as tx:
        tx.session.add(BaseLead(id=LEAD_ID, address="742 EVERGREEN TER", city="Austin", state="TX", status=status))
    document = problem(await client.post("/workflows/property", json=ADDRESS), Code.ALREADY_SETTLED)
    assert document["detail"] == f"Its status is {status.value}."
    problem(await client.post("/workflows/property", json={"lead_id": str(LEAD_ID)}), Code.ALREADY_SETTLED)


async def test_a_finished_property_shows_its_result(client: httpx.AsyncClient, world: World) -> None:
    async with scripted(world, admitting()):
        started = (await client.post("/workflows/property", json=ADDRESS)).json()
        shown = await detail(client, started["workflow_id"], "Completed")
    assert shown["status_source"] == "closed"
    assert shown["search_attributes"] == {
        "City": "Austin",
        "State": "TX",
        "LeadStatus": "available",
        "Stage": "complete",
        "LeadScore": 85,
    }
    result = shown["result"]
    assert isinstance(result, dict)
    assert (result["status"], result["score"], result["price"]) == ("available", 85, "210.00")
    assert shown["pending_activities"] == []


async def test_a_running_property_shows_what_it_is_stuck_at(client: httpx.AsyncClient, world: World) -> None:
    def down(_: object) -> Exception:
        return ApplicationError(f"no answer about {STREET}", type="VendorUnavailable")

    async with scripted(world, admitting(scrape_permit_history=down)):
        started = (await client.post("/workflows/property", json=ADDRESS)).json()
        async with asyncio.timeout(15):
            pending: list[dict[str, object]] = []
            while not any(activity["last_failure_type"] for activity in pending):
                shown = (await client.get(f"/workflows/{started['workflow_id']}")).json()
                pending = shown["pending_activities"]
    assert shown["status"] == "Running"
    assert shown["status_source"] == "queried"
    assert shown["status_query"]["stage"] == "gathering"
    stuck = next(activity for activity in pending if activity["last_failure_type"])
    assert (stuck["activity_type"], stuck["last_failure_type"]) == ("scrape_permit_history", "VendorUnavailable")
    assert "Evergreen" not in str(shown)


async def test_without_a_worker_the_status_is_said_to_be_unknown(client: httpx.AsyncClient) -> None:
    started = (await client.post("/workflows/property", json=ADDRESS)).json()
    shown = (await client.get(f"/workflows/{started['workflow_id']}")).json()
    assert (shown["status"], shown["status_source"], shown["status_query"]) == ("Running", "no_worker", None)


async def test_unknown_workflow(client: httpx.AsyncClient) -> None:
    problem(await client.get(f"/workflows/property-{uuid4()}"), Code.UNKNOWN_WORKFLOW)


async def test_list_filters_and_pages(client: httpx.AsyncClient, world: World) -> None:
    async with scripted(world, admitting()):
        started = (await client.post("/workflows/property", json=ADDRESS)).json()
        await detail(client, started["workflow_id"], "Completed")
    for number in range(1, 5):
        await client.post("/workflows/property", json={**ADDRESS, "address": f"{number} Oak Street"})
    everything = await listed(client, 5)
    assert len({row["workflow_id"] for row in everything}) == 5
    assert len(await listed(client, 4, status="Running")) == 4
    found = await listed(client, 1, city="Austin", state="tx", lead_status="available", stage="complete")
    assert found[0]["workflow_id"] == started["workflow_id"]
    assert await listed(client, 0, city="Coeur d'Alene") == []

    seen: list[str] = []
    parameters: dict[str, str] = {"limit": "2"}
    while True:
        page = (await client.get("/workflows", params=parameters)).json()
        assert len(page["workflows"]) <= 2
        seen += [row["workflow_id"] for row in page["workflows"]]
        if page["next_page_token"] is None:
            break
        parameters["page_token"] = page["next_page_token"]
    assert sorted(seen) == sorted(str(row["workflow_id"]) for row in everything)


async def test_a_page_token_forged_or_of_other_filters_is_refused(client: httpx.AsyncClient) -> None:
    for number in (1, 2):
        await client.post("/workflows/property", json={**ADDRESS, "address": f"{number} Oak Street"})
    await listed(client, 2)
    token = (await client.get("/workflows", params={"limit": 1})).json()["next_page_token"]
    other = {"page_token": token, "limit": 1, "status": "Running"}
    problem(await client.get("/workflows", params=other), Code.INVALID_CURSOR)
    forged = cursors.encode(("", "abcd"), TypeAdapter(tuple[str, str]))
    problem(await client.get("/workflows", params={"page_token": forged}), Code.INVALID_CURSOR)


async def test_scrape_of_a_city_is_joined_not_doubled(world: World) -> None:
    job_id = UUID(int=7)
    async with serving(create_app(world.settings, "scraper")) as client:
        first = await client.post("/scrape/permits", json={"city": "austin", "state": "tx", "days": 30})
        second = await client.post("/scrape/permits", json={"city": "Austin", "state": "TX"})
        assert first.status_code == second.status_code == 202
        assert first.json()["workflow_id"] == "permits-tx-austin"
        assert (first.json()["existing"], second.json()["existing"]) == (False, True)
        assert first.json()["run_id"] == second.json()["run_id"]
        problem(await client.post("/scrape/permits", json={"city": "Nowhere", "state": "TX"}), Code.UNKNOWN_CITY)
        problem(
            await client.post("/scrape/permits", json={"city": "Austin", "state": "TX", "days": 9_999}),
            Code.INVALID_REQUEST,
        )
        script = Script(scrape_city_permits=CityScrapeResult(job_id=job_id, seen=3, roofing=2, stored=2))
        async with scripted(world, script):
            result = await world.client.get_workflow_handle("permits-tx-austin", result_type=CityScrapeResult).result()
    assert result.job_id == job_id
    (request,) = script.called("scrape_city_permits")
    assert (request.city, request.days) == ("Austin", 30)
