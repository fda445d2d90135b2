"""PropertyWorkflow's decisions, seen on the time-skipping server."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from domain.roof import RoofCondition
from schema.contracts.base import LeadStatus
from schema.contracts.ids import property_workflow_id
from schema.contracts.property import (
    Admission,
    AnalysisSummary,
    GeocodeSummary,
    LeadCost,
    PropertyRequest,
    PropertyResult,
    PublishSummary,
    Reason,
    Stage,
)
from tests.workflow.conftest import run_script
from tests.workflow.scripted import Script
from workflows import search_attributes
from workflows.options import REMOTE, REVIEW_TIMES
from workflows.property import PropertyWorkflow

MAX_EVENTS, MAX_BYTES = 90, 100_000


async def start(client: Client, script: Script, workflow_id: str | None = None) -> WorkflowHandle[Any, PropertyResult]:
    return await client.start_workflow(
        PropertyWorkflow.run,
        PropertyRequest(lead_id=str(script.lead_id)),
        id=workflow_id or property_workflow_id(script.lead_id),
        task_queue="orchestration",
    )


async def finish(environment: WorkflowEnvironment, script: Script) -> PropertyResult:
    async with run_script(environment.client, script):
        return await (await start(environment.client, script)).result()


async def until_stage(handle: WorkflowHandle[Any, Any], stage: Stage) -> None:
    while (await handle.query(PropertyWorkflow.status)).stage is not stage:
        await asyncio.sleep(0.01)


async def test_a_confident_property_is_sold_without_a_person(time_skipping: WorkflowEnvironment) -> None:
    script = Script()
    result = await finish(time_skipping, script)
    assert (result.status, result.score, result.grade, str(result.price)) == (LeadStatus.AVAILABLE, 85, "B", "210.00")
    assert not result.reviewed
    assert result.degraded == ()
    names = [name for name, _ in script.calls]
    assert len(names) == len(set(names)), "each step runs once"
    for before, after in (
        ("geocode_property", "acquire_imagery"),
        ("scrape_property_record", "find_contacts"),
        ("acquire_imagery", "process_images"),
        ("find_contacts", "process_images"),
        ("process_images", "analyze_roof"),
        ("analyze_roof", "validate_analysis"),
        ("validate_analysis", "detect_triggers"),
        ("detect_triggers", "score_lead"),
        ("score_lead", "assign_cluster"),
        ("assign_cluster", "publish_lead"),
        ("publish_lead", "notify_contractors"),
    ):
        assert names.index(before) < names.index(after), f"{before} comes before {after}"


@pytest.mark.parametrize(("signal", "status"), [("approve", LeadStatus.AVAILABLE), ("reject", LeadStatus.REJECTED)])
@pytest.mark.parametrize("payload", [None, {"corrected_condition": "critical"}, "looks right to me", [1, 2]])
async def test_a_doubtful_property_waits_for_a_signal(
    time_skipping: WorkflowEnvironment, signal: str, status: LeadStatus, payload: Any
) -> None:
    script = Script().needs_review()
    async with run_script(time_skipping.client, script):
        handle = await start(time_skipping.client, script)
        await until_stage(handle, Stage.REVIEW)
        waiting = await handle.query(PropertyWorkflow.status)
        assert waiting.status is LeadStatus.NEEDS_REVIEW
        assert waiting.review_id == script.review_id
        assert "reviewer" in (waiting.waiting_for or "")
        await handle.signal(signal, *([] if payload is None else [payload]))
        result = await handle.result()
    assert result.status is status
    assert result.reviewed
    [settlement] = script.called("settle_review")
    assert settlement.review.decision == signal
    if isinstance(payload, dict) and signal == "approve":
        assert result.condition is RoofCondition.CRITICAL
    assert bool(script.called("publish_lead")) is (signal == "approve")


async def test_the_ui_says_what_a_property_waits_for(time_skipping: WorkflowEnvironment) -> None:
    script = Script().needs_review()
    async with run_script(time_skipping.client, script):
        handle = await start(time_skipping.client, script)
        await until_stage(handle, Stage.REVIEW)
        shown = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        attributes = (await handle.describe()).typed_search_attributes
        await handle.signal(PropertyWorkflow.approve)
        await handle.result()
    assert "Step: **review**. Waiting for a reviewer: confidence 71 % is below 95 %" in shown.current_details
    assert attributes.get(search_attributes.STAGE) == "review"
    assert attributes.get(search_attributes.LEAD_STATUS) == "needs_review"
    assert attributes.get(search_attributes.CITY) == "Austin"


async def test_reviewers_are_reminded_and_a_review_expires(time_skipping: WorkflowEnvironment) -> None:
    script = Script().needs_review()
    async with run_script(time_skipping.client, script):
        handle = await start(time_skipping.client, script)
        result = await handle.result()
        events = (await handle.fetch_history()).events
    waited = events[-1].event_time.ToDatetime() - events[0].event_time.ToDatetime()
    assert (result.status, result.reason) == (LeadStatus.EXPIRED, Reason.REVIEW_EXPIRED)
    assert [reminder.number for reminder in script.called("remind_reviewers")] == [1, 2, 3]
    assert timedelta(0) <= waited - REVIEW_TIMES.expires_after < timedelta(hours=1)
    [settlement] = script.called("settle_review")
    assert settlement.review is None


async def test_a_verdict_after_a_reminder_still_counts(time_skipping: WorkflowEnvironment) -> None:
    script = Script().needs_review()
    async with run_script(time_skipping.client, script):
        handle = await start(time_skipping.client, script)
        await until_stage(handle, Stage.REVIEW)
        await time_skipping.sleep(timedelta(days=2))
        await handle.signal(PropertyWorkflow.approve)
        result = await handle.result()
    assert result.status is LeadStatus.AVAILABLE
    assert len(script.called("remind_reviewers")) == 1


async def test_a_verdict_nobody_asked_for_changes_nothing(time_skipping: WorkflowEnvironment) -> None:
    released = asyncio.Event()

    async def slowly() -> GeocodeSummary:
        await released.wait()
        return GeocodeSummary(located=True, source="geocoder")

    script = Script(geocode_property=lambda _: slowly())
    async with run_script(time_skipping.client, script):
        handle = await start(time_skipping.client, script)
        await until_stage(handle, Stage.GATHERING)
        await handle.signal(PropertyWorkflow.reject)
        released.set()
        result = await handle.result()
    assert result.status is LeadStatus.AVAILABLE
    assert not result.reviewed


@pytest.mark.parametrize("step", sorted(REMOTE.keys() & Script().answers.keys()))
async def test_a_vendor_that_stays_down_costs_a_reason_and_not_the_lead(
    time_skipping: WorkflowEnvironment, step: str
) -> None:
    script = Script(**{step: RuntimeError("11 ELM ST is not reachable")})
    async with run_script(time_skipping.client, script):
        handle = await start(time_skipping.client, script)
        result = await handle.result()
        history = (await handle.fetch_history()).to_json()
    assert result.status is LeadStatus.AVAILABLE
    assert len(result.degraded) == 1
    assert len(script.called(step)) == REMOTE[step].attempts
    assert "ELM ST" not in history, "an error's words stay out of the history"


async def test_an_address_that_does_not_exist_ends_with_its_reason(time_skipping: WorkflowEnvironment) -> None:
    script = Script(geocode_property=GeocodeSummary(reason=Reason.ADDRESS_NOT_FOUND))
    result = await finish(time_skipping, script)
    assert (result.status, result.reason) == (LeadStatus.REJECTED, Reason.ADDRESS_NOT_FOUND)
    [closing] = script.called("close_lead")
    assert closing.reason == "address_not_found"
    assert not script.called("analyze_roof")


async def test_without_a_usable_image_there_is_no_review_and_still_a_lead(time_skipping: WorkflowEnvironment) -> None:
    script = Script(analyze_roof=AnalysisSummary(reason=Reason.NO_USABLE_IMAGE)).needs_review()
    result = await finish(time_skipping, script)
    assert result.status is LeadStatus.AVAILABLE
    assert result.degraded == (Reason.NO_USABLE_IMAGE,)
    assert not script.called("validate_analysis")


async def test_a_score_below_the_minimum_is_not_for_sale(time_skipping: WorkflowEnvironment) -> None:
    script = Script(publish_lead=PublishSummary(status=LeadStatus.UNQUALIFIED))
    result = await finish(time_skipping, script)
    assert (result.status, result.reason) == (LeadStatus.UNQUALIFIED, Reason.SCORE_BELOW_MINIMUM)
    assert not script.called("notify_contractors")


async def test_a_refused_request_says_why(time_skipping: WorkflowEnvironment) -> None:
    script = Script(admit_property=Admission(reason=Reason.UNKNOWN_CITY, detail="Nowhere, ZZ is not a target city."))
    async with run_script(time_skipping.client, script):
        result = await time_skipping.client.execute_workflow(
            PropertyWorkflow.run,
            PropertyRequest(address="1 Main St", city="Nowhere", state="ZZ"),
            id=f"by-hand-{uuid4()}",
            task_queue="orchestration",
        )
    assert (result.status, result.reason) == (LeadStatus.REJECTED, Reason.UNKNOWN_CITY)
    assert result.detail == "Nowhere, ZZ is not a target city."


@pytest.mark.parametrize("garbage", ["not a request", ["a", "list"], 17, {"address": {"nested": 1}}])
async def test_input_that_is_no_request_fails_with_words(time_skipping: WorkflowEnvironment, garbage: Any) -> None:
    async with run_script(time_skipping.client, Script()):
        handle = await time_skipping.client.start_workflow(
            "PropertyWorkflow", garbage, id=f"garbage-{uuid4()}", task_queue="orchestration"
        )
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
    assert isinstance(failure.value.cause, ApplicationError)
    assert "PropertyRequest" in failure.value.cause.message


async def test_started_without_input_it_says_what_is_missing(time_skipping: WorkflowEnvironment) -> None:
    script = Script(admit_property=Admission(reason=Reason.BAD_REQUEST, detail="Give an address or an id."))
    async with run_script(time_skipping.client, script):
        handle = await time_skipping.client.start_workflow(
            "PropertyWorkflow", id=f"empty-{uuid4()}", task_queue="orchestration", result_type=PropertyResult
        )
        result = await handle.result()
    assert result.reason is Reason.BAD_REQUEST


async def test_started_by_address_it_hands_over_and_passes_verdicts_on(time_skipping: WorkflowEnvironment) -> None:
    script = Script().needs_review()
    client = time_skipping.client
    async with run_script(client, script):
        by_hand = await start(client, script, workflow_id=f"by-hand-{uuid4()}")
        own: WorkflowHandle[Any, PropertyResult] = client.get_workflow_handle(property_workflow_id(script.lead_id))
        while not script.called("validate_analysis"):
            await asyncio.sleep(0.01)
        await until_stage(own, Stage.REVIEW)
        second = await start(client, script, workflow_id=f"by-hand-{uuid4()}")
        joined = await second.result()
        await by_hand.signal(PropertyWorkflow.approve)
        result = await by_hand.result()
    assert joined.reason is Reason.ALREADY_RUNNING
    assert property_workflow_id(script.lead_id) in (joined.detail or "")
    assert result.workflow_id == property_workflow_id(script.lead_id)
    assert result.status is LeadStatus.AVAILABLE
    assert result.reviewed
    assert len(script.called("publish_lead")) == 1


async def test_a_history_stays_small(time_skipping: WorkflowEnvironment) -> None:
    """A property that needs every step and a reviewer; each reminder may add one wake-up of six events."""
    script = Script().needs_review()
    async with run_script(time_skipping.client, script):
        handle = await start(time_skipping.client, script)
        await until_stage(handle, Stage.REVIEW)
        await time_skipping.sleep(REVIEW_TIMES.reminders[-1] + timedelta(hours=1))
        await handle.signal(PropertyWorkflow.approve, {"corrected_condition": "critical"})
        await handle.result()
        events = (await handle.fetch_history()).events
    reminders = len(script.called("remind_reviewers"))
    assert reminders == len(REVIEW_TIMES.reminders)
    assert len(events) - 6 * reminders <= MAX_EVENTS, [EventType.Name(event.event_type) for event in events]
    assert sum(event.ByteSize() for event in events) <= MAX_BYTES


async def test_a_verdict_that_comes_too_late_harms_nothing(time_skipping: WorkflowEnvironment) -> None:
    """It reaches the hand-over while the property's own workflow takes its last step."""
    client = time_skipping.client
    by_hand_id = f"by-hand-{uuid4()}"

    async def say_no_and_end() -> LeadCost:
        await client.get_workflow_handle(by_hand_id).signal(PropertyWorkflow.reject)
        return LeadCost()

    script = Script(settle_lead_cost=lambda _: say_no_and_end())
    async with run_script(client, script):
        result = await (await start(client, script, workflow_id=by_hand_id)).result()
    assert result.status is LeadStatus.AVAILABLE
    assert not result.reviewed
