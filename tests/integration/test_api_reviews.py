"""Reviewers through the API: what they see, and that one verdict stands however many give one."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio.client import Client

from api.app import create_app
from api.problems import Code
from config.settings import Settings
from integrations.object_store import ObjectStore
from schema.contracts.ids import property_workflow_id
from schema.contracts.property import PropertyRequest, PropertyResult, Stage
from schema.database import Database
from schema.tables import BaseLead
from tests.api_client import problem, serving
from tests.integration.api_world import ReviewedScript, World, open_review, scripted
from workflows.property import PropertyWorkflow


@pytest.fixture
def world(settings: Settings, database: Database, temporal_client: Client) -> World:
    return World(settings, database, temporal_client)


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(create_app(world.settings, "inference")) as client:
        yield client


async def new_lead(world: World, line: str = "742 EVERGREEN TER APT 9") -> UUID:
    lead_id = uuid4()
    async with world.database.transaction() as tx:
        tx.session.add(
            BaseLead(
                id=lead_id,
                address=line,
                city="Austin",
                state="TX",
                status="needs_review",
                owner_name="Quincy Examplesson",
                owner_mailing_address="sealed",
            )
        )
    return lead_id


@pytest.fixture
async def review(world: World) -> AsyncIterator[ReviewedScript]:
    """A PropertyWorkflow that waits for a reviewer."""
    lead_id = await new_lead(world)
    script = ReviewedScript(world, lead_id)
    async with scripted(world, script):
        handle = await world.client.start_workflow(
            PropertyWorkflow.run,
            PropertyRequest(lead_id=str(lead_id)),
            id=property_workflow_id(lead_id),
            task_queue="orchestration",
        )
        async with asyncio.timeout(20):
            while (await handle.query(PropertyWorkflow.status)).stage is not Stage.REVIEW:
                await asyncio.sleep(0.02)
        yield script


async def result(world: World, script: ReviewedScript) -> PropertyResult:
    handle = world.client.get_workflow_handle(property_workflow_id(script.lead_id), result_type=PropertyResult)
    return await handle.result()


async def test_pending_shows_the_evidence_and_nothing_personal(
    client: httpx.AsyncClient, world: World, review: ReviewedScript, object_store: ObjectStore
) -> None:
    key = f"images/{review.lead_id}/analysis/overhead.jpg"
    await object_store.put(key, b"\xff\xd8overlay", "image/jpeg")
    response = await client.get("/validation/pending")
    (shown,) = response.json()["reviews"]
    assert shown["review_id"] == str(review.review_id)
    assert shown["lead_id"] == str(review.lead_id)
    assert (shown["street"], shown["city"], shown["state"]) == ("EVERGREEN TER", "Austin", "TX")
    assert (shown["predicted_condition"], shown["confidence"]) == ("poor", 71.0)
    assert shown["failed_stages"] == ["similar_roofs"]
    assert shown["evidence"] == {"condition": "poor", "stages": []}
    assert shown["expires_at"] > shown["opened_at"]
    assert sorted((image["kind"], image["view"]) for image in shown["images"]) == [
        ("original", "front"),
        ("original", "overhead"),
        ("overlay", "overhead"),
    ]
    overlay = next(image for image in shown["images"] if image["kind"] == "overlay")
    async with httpx.AsyncClient() as anyone:
        assert (await anyone.get(overlay["url"])).content == b"\xff\xd8overlay"
    # Ids, times and signatures are random digits: any three of them may happen to be the house number.
    random = {"review_id", "lead_id", "workflow_id", "opened_at", "expires_at", "images"}
    words = json.dumps({name: value for name, value in shown.items() if name not in random})
    paths = "".join(image["url"].partition("?")[0].rpartition(str(review.lead_id))[2] for image in shown["images"])
    for personal in ("742", "APT", "Quincy", "sealed", "owner"):
        assert personal not in words + paths


async def test_pending_pages_through_everything_once(client: httpx.AsyncClient, world: World) -> None:
    expected = []
    for number in range(5):
        lead_id = await new_lead(world, f"{number + 1} OAK ST")
        expected.append(str(await open_review(world.database, lead_id)))
    seen: list[str] = []
    parameters: dict[str, str] = {"limit": "2"}
    while True:
        page = (await client.get("/validation/pending", params=parameters)).json()
        seen += [shown["review_id"] for shown in page["reviews"]]
        if page["next"] is None:
            break
        parameters["after"] = page["next"]
    assert seen == expected


async def test_approve_with_correction_and_note(
    client: httpx.AsyncClient, world: World, review: ReviewedScript
) -> None:
    async with world.database.transaction() as tx:
        reviewer = await tx.users.ensure("reviewer@ridgeline.example", "reviewer")
    answer = {"note": "Chimney, not damage.", "corrected_condition": "fair", "reviewer_id": str(reviewer)}
    response = await client.post(f"/validation/{review.review_id}/approve", json=answer)
    assert response.status_code == 200, response.text
    assert response.json() == {
        "review_id": str(review.review_id),
        "lead_id": str(review.lead_id),
        "workflow_id": property_workflow_id(review.lead_id),
        "decision": "approve",
        "corrected_condition": "fair",
        "repeated": False,
    }
    async with world.database.transaction() as tx:
        task = await tx.reviews.get(review.review_id)
    assert task is not None
    assert (task.state, task.note, task.reviewer_id) == ("approved", "Chimney, not damage.", reviewer)
    history = await world.client.get_workflow_handle(property_workflow_id(review.lead_id)).fetch_history()
    assert "Chimney" not in history.to_json()
    ended = await result(world, review)
    assert (ended.reviewed, ended.condition) == (True, "fair")
    assert (await client.get("/validation/pending")).json() == {"reviews": [], "next": None}


async def test_reject_ends_the_lead(client: httpx.AsyncClient, world: World, review: ReviewedScript) -> None:
    assert (await client.post(f"/validation/{review.review_id}/reject")).json()["decision"] == "reject"
    assert (await result(world, review)).status == "rejected"


async def test_two_reviewers_at_once_one_verdict_stands(
    client: httpx.AsyncClient, world: World, review: ReviewedScript
) -> None:
    answers = await asyncio.gather(
        client.post(f"/validation/{review.review_id}/approve", json={"note": "approve it"}),
        client.post(f"/validation/{review.review_id}/reject", json={"note": "reject it"}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    winner, loser = sorted(answers, key=lambda answer: answer.status_code)
    decision = winner.json()["decision"]
    assert problem(loser, Code.REVIEW_SETTLED)["decided"] == decision
    async with world.database.transaction() as tx:
        task = await tx.reviews.get(review.review_id)
    assert task is not None
    assert (task.state, task.note) == ({"approve": "approved", "reject": "rejected"}[decision], f"{decision} it")
    assert (await result(world, review)).status == {"approve": "available", "reject": "rejected"}[decision]


async def test_the_same_verdict_twice_is_one(client: httpx.AsyncClient, world: World, review: ReviewedScript) -> None:
    path = f"/validation/{review.review_id}/approve"
    at_once = await asyncio.gather(*(client.post(path) for _ in range(5)))
    later = await client.post(path, json={"note": "kept although late"})
    assert {answer.status_code for answer in (*at_once, later)} == {200}
    assert later.json()["repeated"] is True
    assert len(review.called("settle_review")) == 1
    async with world.database.transaction() as tx:
        task = await tx.reviews.get(review.review_id)
    assert task is not None and task.note == "kept although late"


async def test_a_different_verdict_later_hears_what_was_decided(
    client: httpx.AsyncClient, world: World, review: ReviewedScript
) -> None:
    await client.post(f"/validation/{review.review_id}/approve", json={"corrected_condition": "fair"})
    rejected = await client.post(f"/validation/{review.review_id}/reject", json={"note": "too late"})
    document = problem(rejected, Code.REVIEW_SETTLED)
    assert document["decided"] == "approve"
    assert document["detail"] == "The decision that stands is approve, corrected to fair."
    async with world.database.transaction() as tx:
        task = await tx.reviews.get(review.review_id)
    assert task is not None and task.note is None


async def test_a_verdict_given_by_signal_stands_too(
    client: httpx.AsyncClient, world: World, review: ReviewedScript
) -> None:
    await world.client.get_workflow_handle(property_workflow_id(review.lead_id)).signal(PropertyWorkflow.reject)
    answer = await client.post(f"/validation/{review.review_id}/approve")
    assert problem(answer, Code.REVIEW_SETTLED)["decided"] == "reject"


async def test_unknown_review(client: httpx.AsyncClient) -> None:
    problem(await client.post(f"/validation/{uuid4()}/approve"), Code.UNKNOWN_REVIEW)


async def test_unknown_reviewer_reaches_nobody(client: httpx.AsyncClient, review: ReviewedScript) -> None:
    answer = await client.post(f"/validation/{review.review_id}/approve", json={"reviewer_id": str(uuid4())})
    problem(answer, Code.UNKNOWN_REVIEWER)
    assert review.called("settle_review") == []


async def test_workflow_gone(client: httpx.AsyncClient, world: World) -> None:
    review_id = await open_review(world.database, await new_lead(world))
    problem(await client.post(f"/validation/{review_id}/approve"), Code.WORKFLOW_GONE)


async def test_terminated_workflow_is_gone_too(client: httpx.AsyncClient, world: World, review: ReviewedScript) -> None:
    await world.client.get_workflow_handle(property_workflow_id(review.lead_id)).terminate()
    problem(await client.post(f"/validation/{review.review_id}/reject"), Code.WORKFLOW_GONE)


async def test_expired_review_says_so(client: httpx.AsyncClient, world: World) -> None:
    review_id = await open_review(world.database, await new_lead(world))
    async with world.database.transaction() as tx:
        await tx.reviews.settle(review_id, "expired", datetime.now(UTC))
    document = problem(await client.post(f"/validation/{review_id}/approve"), Code.REVIEW_SETTLED)
    assert "expired" in str(document["detail"]) and "decided" not in document
