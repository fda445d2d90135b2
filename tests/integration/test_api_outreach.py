"""Operators through the API: sequences made, entered, paused, stopped; touches planned; people's tasks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client

from api.problems import Code
from config.settings import Settings
from schema.contracts.outreach import Phase, SequenceResult, SequenceStatus
from schema.database import Database
from schema.repositories.meetings import BookedMeeting
from schema.tables import Contractor
from tests.api_client import problem
from tests.integration.inbox_world import Inbox, Touch, open_inbox
from workers.runner import run_workers
from workflows.options import TaskQueue
from workflows.sequence import ContractorSequenceWorkflow

STEPS: list[dict[str, Any]] = [
    {"day": 3, "channel": "email", "template": "cold_introduction", "window": "any_time"},
    {"day": 5, "channel": "email", "template": "case_study", "window": "any_time"},
]


@pytest.fixture
async def inbox(settings: Settings, database: Database, temporal_client: Client) -> AsyncIterator[Inbox]:
    async with open_inbox(settings, database, temporal_client) as world:
        yield world


@pytest.fixture
async def running(inbox: Inbox) -> AsyncIterator[Inbox]:
    """With the worker that runs sequences; nothing that sends."""
    stop = asyncio.Event()
    workers = asyncio.create_task(run_workers(inbox.settings, [TaskQueue.ORCHESTRATION], stop))
    yield inbox
    stop.set()
    await workers


async def post(inbox: Inbox, path: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = await inbox.api.post(path, json=body)
    assert answer.status_code == status, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def new_sequence(inbox: Inbox, steps: list[dict[str, Any]] | None = None) -> str:
    created = await post(inbox, "/sequences", 201, name="By hand", steps=steps or STEPS)
    return str(created["sequence_id"])


async def contractor(inbox: Inbox) -> str:
    row = Contractor(
        id=uuid4(),
        company_name="A roofer",
        email=f"{uuid4().hex}@roofer.example",
        city="Austin",
        state="TX",
        timezone="America/Chicago",
    )
    async with inbox.database.transaction() as tx:
        tx.session.add(row)
    return str(row.id)


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await check():
            await asyncio.sleep(0.02)


async def waiting(inbox: Inbox, workflow_id: str) -> SequenceStatus:
    """The sequence's status once it waits for a touch."""
    handle = inbox.temporal.get_workflow_handle_for(ContractorSequenceWorkflow.run, workflow_id)

    async def waits() -> bool:
        return (await handle.query(ContractorSequenceWorkflow.status)).next_touch is not None

    await until(waits)
    return await handle.query(ContractorSequenceWorkflow.status)


async def test_a_sequence_is_made_of_checked_steps(inbox: Inbox) -> None:
    sequence = await new_sequence(inbox)
    shown = (await inbox.api.get(f"/sequences/{sequence}")).json()
    assert [(step["day"], step["template"]) for step in shown["steps"]] == [
        (3.0, "cold_introduction"),
        (5.0, "case_study"),
    ]
    assert (shown["status"], shown["channels"], shown["phases"]) == ("active", ["email"], {})
    for steps in ([], STEPS[::-1], [{**STEPS[0], "chanel": "email"}], [{**STEPS[0], "with_previous": True}],
                  [{**STEPS[0], "channel": "fax"}], [{**STEPS[0], "day": -1}]):  # fmt: skip
        answer = await inbox.api.post("/sequences", json={"name": "Bad", "steps": steps})
        problem(answer, Code.INVALID_REQUEST)
    problem(await inbox.api.get(f"/sequences/{uuid4()}"), Code.UNKNOWN_SEQUENCE)


async def test_who_cannot_be_enrolled(inbox: Inbox) -> None:
    sequence, who = await new_sequence(inbox), await contractor(inbox)
    missing = {"contractor_id": str(uuid4())}
    problem(await inbox.api.post(f"/sequences/{sequence}/enroll", json=missing), Code.UNKNOWN_CONTRACTOR)
    known = {"contractor_id": who}
    problem(await inbox.api.post(f"/sequences/{uuid4()}/enroll", json=known), Code.UNKNOWN_SEQUENCE)
    problem(await inbox.api.post(f"/sequences/{sequence}/pause", json=known), Code.NOT_ENROLLED)
    problem(await inbox.api.post(f"/sequences/{sequence}/stop", json=known), Code.NOT_ENROLLED)
    draft = await inbox.campaign()
    async with inbox.database.transaction() as tx:
        campaign = await tx.outreach.campaign(draft)
        assert campaign is not None
        campaign.status = "completed"
    problem(await inbox.api.post(f"/sequences/{draft}/enroll", json=known), Code.SEQUENCE_CLOSED)


async def test_a_contractors_way_through_a_sequence(running: Inbox) -> None:
    """Enrolled once, paused, resumed, moved, a touch cancelled, stopped: the sequence obeys at once."""
    inbox = running
    sequence, who = await new_sequence(inbox), await contractor(inbox)
    started = await post(inbox, f"/sequences/{sequence}/enroll", 202, contractor_id=who)
    again = await post(inbox, f"/sequences/{sequence}/enroll", 202, contractor_id=who)
    assert (started["existing"], again["existing"]) == (False, True)
    assert started["run_id"] == again["run_id"]
    assert (await waiting(inbox, started["workflow_id"])).next_touch == "outreach-0"

    paused = await post(inbox, f"/sequences/{sequence}/pause", contractor_id=who)
    assert (paused["paused"], paused["workflow_id"]) == (True, started["workflow_id"])
    assert (await post(inbox, f"/sequences/{sequence}/resume", contractor_id=who))["paused"] is False
    await waiting(inbox, started["workflow_id"])

    later = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
    await post(inbox, f"/sequences/{sequence}/reschedule", contractor_id=who, until=later.isoformat())

    async def moved() -> bool:
        page = (await inbox.api.get("/touchpoints/scheduled", params={"contractor_id": who})).json()
        return bool(page["touchpoints"]) and datetime.fromisoformat(page["touchpoints"][0]["scheduled_for"]) >= later

    await until(moved)
    (planned,) = (await inbox.api.get("/touchpoints/scheduled", params={"sequence_id": sequence})).json()["touchpoints"]
    assert (planned["touch"], planned["channel"], planned["contractor_id"]) == ("outreach-0", "email", who)
    cancel = f"/touchpoints/{planned['scheduled_touchpoint_id']}/cancel"
    await post(inbox, cancel)
    problem(await inbox.api.post(cancel), Code.TOUCHPOINT_SETTLED)

    async def goes_on() -> bool:
        return (await waiting(inbox, started["workflow_id"])).next_touch == "outreach-1"

    await until(goes_on)
    assert (await inbox.api.get(f"/sequences/{sequence}")).json()["phases"] == {"outreach": 1}

    assert (await post(inbox, f"/sequences/{sequence}/stop", 202, contractor_id=who))["live"] is True
    handle = inbox.temporal.get_workflow_handle(started["workflow_id"], result_type=SequenceResult)
    assert (await handle.result()).phase is Phase.STOPPED
    assert (await post(inbox, f"/sequences/{sequence}/stop", 202, contractor_id=who))["live"] is False
    for path in ("pause", "enroll"):
        answer = await inbox.api.post(f"/sequences/{sequence}/{path}", json={"contractor_id": who})
        problem(answer, Code.SEQUENCE_OVER)
    assert (await inbox.api.get("/touchpoints/scheduled")).json() == {"touchpoints": [], "next": None}


async def test_executing_a_planned_touch_asks_its_sequence(running: Inbox) -> None:
    inbox = running
    sequence, who = await new_sequence(inbox), await contractor(inbox)
    started = await post(inbox, f"/sequences/{sequence}/enroll", 202, contractor_id=who)
    await waiting(inbox, started["workflow_id"])
    (planned,) = (await inbox.api.get("/touchpoints/scheduled")).json()["touchpoints"]
    await post(inbox, "/touchpoints/execute", 202, scheduled_touchpoint_id=planned["scheduled_touchpoint_id"])
    handle = inbox.temporal.get_workflow_handle(started["workflow_id"])

    async def is_sent() -> bool:
        pending = (await handle.describe()).raw_description.pending_activities
        return [activity.activity_type.name for activity in pending] == ["send_touch"]

    await until(is_sent)
    for body in ({}, {"sequence_id": sequence}, {"contractor_id": who, "scheduled_touchpoint_id": str(uuid4())}):
        problem(await inbox.api.post("/touchpoints/execute", json=body), Code.INVALID_REQUEST)
    unknown = {"scheduled_touchpoint_id": str(uuid4())}
    problem(await inbox.api.post("/touchpoints/execute", json=unknown), Code.UNKNOWN_TOUCHPOINT)


async def test_the_schedule_pages_through_everything_once(inbox: Inbox) -> None:
    soon, expected = datetime.now(UTC) + timedelta(hours=1), []
    for number in range(5):
        touch = await inbox.touch()
        async with inbox.database.transaction() as tx:
            await tx.outreach.schedule(
                touch.campaign,
                touch.contractor,
                "outreach-1",
                channel="email",
                scheduled_for=soon + timedelta(minutes=number // 2),
            )
        expected.append(str(touch.contractor))
    seen: list[str] = []
    parameters: dict[str, str] = {"limit": "2"}
    while True:
        page = (await inbox.api.get("/touchpoints/scheduled", params=parameters)).json()
        seen += [row["contractor_id"] for row in page["touchpoints"]]
        if page["next"] is None:
            break
        parameters["after"] = page["next"]
    assert sorted(seen) == sorted(expected)
    assert len(seen) == 5


# People's tasks.


async def open_task(inbox: Inbox, touch: Touch, kind: str) -> str:
    async with inbox.database.transaction() as tx:
        await tx.outreach.open_task(
            f"{kind}-{touch.contractor}", kind, touch.contractor, datetime.now(UTC), campaign_id=touch.campaign
        )
        task = await tx.outreach.task_of(f"{kind}-{touch.contractor}")
    assert task is not None
    return str(task.id)


async def test_a_task_is_claimed_by_one_and_done_once(inbox: Inbox) -> None:
    touch = await inbox.touch()
    task = await open_task(inbox, touch, "reply")
    async with inbox.database.transaction() as tx:
        ann = await tx.users.ensure("ann@ridgeline.example", "operator")
        bob = await tx.users.ensure("bob@ridgeline.example", "operator")
    assert [row["task_id"] for row in (await inbox.api.get("/tasks", params={"kind": "reply"})).json()["tasks"]] == [
        task
    ]
    assert (await inbox.api.get("/tasks", params={"kind": "linkedin"})).json()["tasks"] == []
    for _ in range(2):
        assert (await post(inbox, f"/tasks/{task}/claim", user_id=str(ann)))["assignee_id"] == str(ann)
    problem(await inbox.api.post(f"/tasks/{task}/claim", json={"user_id": str(bob)}), Code.TASK_TAKEN)
    problem(await inbox.api.post(f"/tasks/{task}/claim", json={"user_id": str(uuid4())}), Code.UNKNOWN_USER)
    problem(await inbox.api.post(f"/tasks/{uuid4()}/claim", json={"user_id": str(bob)}), Code.UNKNOWN_TASK)
    done = await post(inbox, f"/tasks/{task}/done", note="Wants a demo.", answer="interested")
    assert (done["state"], done["note"]) == ("done", "Wants a demo.")
    problem(await inbox.api.post(f"/tasks/{task}/done", json={}), Code.TASK_SETTLED)
    problem(await inbox.api.post(f"/tasks/{task}/skip"), Code.TASK_SETTLED)
    (told,) = await inbox.told(touch)
    assert (told["kind"], told["event_id"]) == ("interested", f"task:{task}")
    assert "Wants" not in str(told)
    assert await inbox.states("task") == {"processed": 1}


async def test_how_a_demo_went_moves_the_sequence(inbox: Inbox) -> None:
    for attended, kind, status in ((True, "demo_attended", "completed"), (False, "demo_missed", "no_show")):
        touch = await inbox.touch()
        async with inbox.database.transaction() as tx:
            meeting = await tx.meetings.save(
                BookedMeeting(touch.contractor, f"https://x.example/{uuid4()}", datetime.now(UTC), touch.campaign)
            )
            row = await tx.outreach.enrollment(touch.campaign, touch.contractor)
            assert row is not None
            await tx.outreach.update_enrollment(row.id, phase="demo", meeting_id=meeting)
        task = await open_task(inbox, touch, "demo_outcome")
        problem(await inbox.api.post(f"/tasks/{task}/done", json={}), Code.INVALID_REQUEST)
        await post(inbox, f"/tasks/{task}/done", attended=attended)
        (told,) = await inbox.told(touch)
        assert (told["kind"], told["meeting_id"]) == (kind, str(meeting))
        async with inbox.database.transaction() as tx:
            kept = await tx.meetings.get(meeting)
        assert kept is not None
        assert (kept.status, kept.attended) == (status, attended)


async def test_an_answer_must_belong_to_the_task(inbox: Inbox) -> None:
    touch = await inbox.touch()
    reply, mail = await open_task(inbox, touch, "reply"), await open_task(inbox, touch, "direct_mail")
    wrong: list[tuple[str, dict[str, Any]]] = [
        (reply, {"attended": True}),
        (mail, {"answer": "interested"}),
        (reply, {"answer": "callback"}),
        (reply, {"answer": "perhaps"}),
        (reply, {"callback_at": datetime.now(UTC).isoformat()}),
    ]
    for task, body in wrong:
        problem(await inbox.api.post(f"/tasks/{task}/done", json=body), Code.INVALID_REQUEST)
    assert (await post(inbox, f"/tasks/{mail}/skip", note="No address."))["state"] == "skipped"
    assert await inbox.told(touch) == []


async def test_a_no_given_to_a_person_counts_like_any_other(inbox: Inbox) -> None:
    touch = await inbox.touch()
    task = await open_task(inbox, touch, "call")
    await post(inbox, f"/tasks/{task}/done", answer="opted_out")
    assert await inbox.suppressed(touch) == {"all"}
    assert await inbox.kinds(touch) == ["opted_out"]
