"""AI calls through the API: made by hand behind the gate, listed, read, analysed again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client

from api.problems import Code
from config.settings import Settings
from domain.cadence import Channel
from schema.calls import CallReport, CallStatus
from schema.contracts.ids import call_workflow_id
from schema.contracts.outreach import CallRef, CallVerdict, Disposition, Purpose, TouchOutcome, TouchResult
from schema.contracts.single_call import CallResult
from schema.database import Database
from tests.api_client import problem
from tests.integration.inbox_world import Inbox, Touch, open_inbox
from tests.workflow.conftest import run_script
from tests.workflow.scripted import Script

NUMBER_OF_SOMEBODY_ELSE = "+15124789999"


@pytest.fixture
async def inbox(settings: Settings, database: Database, temporal_client: Client) -> AsyncIterator[Inbox]:
    async with open_inbox(settings, database, temporal_client) as world:
        yield world


def calling(result: TouchResult, verdict: CallVerdict | None = None) -> Script:
    """Only the two activities that a call by hand needs."""
    script = Script()
    script.answers = {"send_touch": result, "analyze_call": verdict or CallVerdict(disposition=Disposition.UNCLEAR)}
    return script


async def a_call(inbox: Inbox, touch: Touch, number: int, **report: Any) -> str:
    """A call that is over, in the database as its provider reported it."""
    ended = datetime.now(UTC) - timedelta(minutes=number)
    values: dict[str, Any] = {
        "status": CallStatus.COMPLETED,
        "transcript": "AI: Hello.\nUser: A demo, please.",
        "recording_url": "https://vapi.example/recording",
        "duration_seconds": 60,
        "ended_at": ended,
        **report,
    }
    async with inbox.database.transaction() as tx:
        row_id = await tx.calls.record(CallReport(f"call-{uuid4()}", "vapi", **values), touch.touchpoint)
    return str(row_id)


async def made(inbox: Inbox, touch: Touch) -> CallResult:
    handle = inbox.temporal.get_workflow_handle(call_workflow_id(touch.contractor), result_type=CallResult)
    async with asyncio.timeout(30):
        result: CallResult = await handle.result()
    return result


async def test_a_call_by_hand_goes_through_the_gate_and_tells_its_sequence(inbox: Inbox) -> None:
    touch = await inbox.touch(channel="call")
    async with inbox.database.transaction() as tx:
        row = await tx.outreach.touchpoint(touch.touchpoint)
        assert row is not None
        row.touch_key = "by_hand-1"
    # The sequence is there, though nobody runs it here.
    await inbox.temporal.start_workflow(
        "ContractorSequenceWorkflow", id=touch.workflow_id, task_queue="nobody-works-here"
    )
    verdict = CallVerdict(disposition=Disposition.WANTS_DEMO, interest=90)
    script = calling(TouchResult(outcome=TouchOutcome.SENT, touchpoint_id=touch.touchpoint), verdict)
    async with run_script(inbox.temporal, script):
        answer = await inbox.api.post("/calls/make", json={"contractor_id": str(touch.contractor)})
        assert answer.status_code == 202, answer.text
        async with asyncio.timeout(30):
            while not script.called("send_touch"):
                await asyncio.sleep(0.02)
        again = await inbox.api.post("/calls/make", json={"contractor_id": str(touch.contractor)})
        problem(again, Code.CALL_RUNNING)
        call = {"id": "c1", "assistant": {"metadata": {"touchpoint_id": str(touch.touchpoint)}}}
        ended = {"type": "end-of-call-report", "endedReason": "customer-ended-call", "call": call}
        assert (await inbox.vapi(ended)).status_code == 204
        result = await made(inbox, touch)
    assert (result.outcome, result.verdict) == (TouchOutcome.SENT, verdict)
    (asked,) = script.called("send_touch")
    assert (asked.step.channel, asked.purpose, asked.campaign_id) == (Channel.CALL, Purpose.OUTREACH, touch.campaign)
    assert await inbox.kinds(touch) == ["call_ended", "interested"]


async def test_a_rule_that_forbids_the_call_is_the_result(inbox: Inbox) -> None:
    touch = await inbox.touch()
    script = calling(TouchResult(outcome=TouchOutcome.DENIED, reason="no_written_consent"))
    async with run_script(inbox.temporal, script):
        await inbox.api.post("/calls/make", json={"contractor_id": str(touch.contractor), "phone_number": touch.phone})
        result = await made(inbox, touch)
    assert (result.outcome, result.reason, result.verdict) == (TouchOutcome.DENIED, "no_written_consent", None)
    assert script.called("analyze_call") == []


async def test_who_is_not_called(inbox: Inbox) -> None:
    touch = await inbox.touch()
    other = {"contractor_id": str(touch.contractor), "phone_number": NUMBER_OF_SOMEBODY_ELSE}
    refusal = problem(await inbox.api.post("/calls/make", json=other), Code.INVALID_REQUEST)
    assert NUMBER_OF_SOMEBODY_ELSE not in str(refusal)
    stranger = {"contractor_id": str(uuid4())}
    problem(await inbox.api.post("/calls/make", json=stranger), Code.UNKNOWN_CONTRACTOR)
    async with inbox.database.transaction() as tx:
        row = await tx.outreach.enrollment(touch.campaign, touch.contractor)
        assert row is not None
        row.ended_at = datetime.now(UTC)
    known = {"contractor_id": str(touch.contractor)}
    problem(await inbox.api.post("/calls/make", json=known), Code.NOT_ENROLLED)


async def test_calls_are_listed_and_what_was_said_is_shown_only_when_asked_for(inbox: Inbox) -> None:
    first, second = await inbox.touch(channel="call"), await inbox.touch(channel="call")
    older = await a_call(inbox, first, 2)
    newer = await a_call(inbox, second, 1, status=CallStatus.NO_ANSWER, transcript=None, recording_url=None)
    page = (await inbox.api.get("/calls", params={"limit": 1})).json()
    rest = (await inbox.api.get("/calls", params={"limit": 1, "after": page["next"]})).json()
    assert [page["calls"][0]["call_id"], rest["calls"][0]["call_id"]] == [newer, older]
    assert "demo" not in str(page) + str(rest)
    of_first = (await inbox.api.get("/calls", params={"contractor_id": str(first.contractor)})).json()["calls"]
    assert [call["call_id"] for call in of_first] == [older]
    unanswered = (await inbox.api.get("/calls", params={"status": "no_answer"})).json()["calls"]
    assert [call["call_id"] for call in unanswered] == [newer]
    detail = (await inbox.api.get(f"/calls/{older}")).json()
    assert (detail["has_transcript"], detail["has_recording"], detail["status"]) == (True, True, "completed")
    assert (await inbox.api.get(f"/calls/{older}/transcript")).json()["transcript"].endswith("A demo, please.")
    assert (await inbox.api.get(f"/calls/{older}/recording")).json()["url"] == "https://vapi.example/recording"
    for part in ("transcript", "recording"):
        problem(await inbox.api.get(f"/calls/{newer}/{part}"), Code.NOT_FOUND)
    for path in ("", "/transcript", "/recording"):
        problem(await inbox.api.get(f"/calls/{uuid4()}{path}"), Code.UNKNOWN_CALL)
    problem(await inbox.api.get("/calls", params={"after": "nonsense"}), Code.INVALID_CURSOR)


async def test_calls_that_something_is_owed_after(inbox: Inbox) -> None:
    touch = await inbox.touch(channel="call")
    call = await a_call(inbox, touch, 0)
    assert (await inbox.api.get("/calls/pending-followup")).json()["calls"] == []
    async with inbox.database.transaction() as tx:
        (row,) = await tx.calls.page()
        await tx.calls.save_analysis(row.id, {"disposition": "wants_callback"})
    owed = (await inbox.api.get("/calls/pending-followup")).json()["calls"]
    assert [each["call_id"] for each in owed] == [call]


async def test_a_call_that_is_over_can_be_read_again(inbox: Inbox) -> None:
    touch, other = await inbox.touch(channel="call"), await inbox.touch(channel="call")
    call = await a_call(inbox, touch, 1)
    running = await a_call(inbox, other, 1, status=CallStatus.ANSWERED, ended_at=None)
    problem(await inbox.api.post(f"/calls/{running}/analyze"), Code.CALL_NOT_OVER)
    problem(await inbox.api.post(f"/calls/{uuid4()}/analyze"), Code.UNKNOWN_CALL)
    script = calling(TouchResult(outcome=TouchOutcome.SENT), CallVerdict(disposition=Disposition.WANTS_DEMO))
    async with run_script(inbox.temporal, script):
        started = (await inbox.api.post(f"/calls/{call}/analyze")).json()
        handle = inbox.temporal.get_workflow_handle(started["workflow_id"], result_type=CallVerdict)
        assert (await handle.result()).disposition is Disposition.WANTS_DEMO
    assert script.called("analyze_call") == [CallRef(touchpoint_id=touch.touchpoint)]
    assert await inbox.told(touch) == []
