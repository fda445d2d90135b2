"""ContractorSequenceWorkflow's own decisions: fourteen days, events at any moment, operators, vendors that are down."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from domain.cadence import WINDOWS, Channel, is_business_day
from schema.contracts.outreach import (
    CallVerdict,
    Command,
    Control,
    DemoBooking,
    Disposition,
    Enrollment,
    EventKind,
    Phase,
    Refusal,
    SequenceStatus,
    TouchOutcome,
    TouchResult,
)
from tests.workflow.conftest import run_script
from tests.workflow.contractor import STEPS, ContractorScript, Handle, an_event, touchpoint_id
from workflows.sequence import ContractorSequenceWorkflow

SEVEN_AND_TWO_CALLS = [f"outreach-{number}" for number in range(9)]


async def reaches(handle: Handle, condition: Callable[[SequenceStatus], bool]) -> SequenceStatus:
    """The status once the condition holds."""
    async with asyncio.timeout(20):
        while not condition(status := await handle.query(ContractorSequenceWorkflow.status)):
            await asyncio.sleep(0.005)
    return status


def signals(handle_of: dict[str, Handle], *events: Any) -> Callable[[], Awaitable[None]]:
    """A reaction that tells the workflow of these events, in this order."""

    async def react() -> None:
        for event in events:
            await handle_of["it"].signal(ContractorSequenceWorkflow.event, event)

    return react


async def test_every_touch_is_made_once_in_its_window_and_silence_ends_in_nurture(
    time_skipping: WorkflowEnvironment,
) -> None:
    script = ContractorScript()
    async with run_script(time_skipping.client, script):
        handle = await script.start(time_skipping.client)
        result = await handle.result()
    outreach = [sent for sent in script.sent if sent.key.startswith("outreach")]
    assert [sent.key for sent in outreach] == SEVEN_AND_TWO_CALLS
    for sent, step in zip(outreach, STEPS, strict=True):
        local = sent.at.astimezone(ZoneInfo("America/Chicago"))
        opens, closes = WINDOWS[step.channel]
        assert opens <= local.time().replace(microsecond=0) <= closes
        assert is_business_day(local.date())
    letters = [sent for sent in script.sent if sent.template == "nurture"]
    assert 11 <= len(letters) <= 13
    assert all(timedelta(days=27) < b.at - a.at < timedelta(days=37) for a, b in itertools.pairwise(letters))
    assert len(script.keys) == len(set(script.keys))
    assert (result.phase, result.reason) == (Phase.STOPPED, "nurture_over")


@pytest.mark.parametrize(
    ("kind", "phases"),
    [
        (EventKind.OPTED_OUT, [Phase.OPTED_OUT]),
        (EventKind.SIGNED_UP, [Phase.SIGNED_UP]),
        (EventKind.NOT_INTERESTED, [Phase.DISQUALIFIED]),
        (EventKind.HARD_BOUNCE, [Phase.UNREACHABLE]),
        (EventKind.STOPPED, [Phase.STOPPED]),
        (EventKind.REPLIED, [Phase.PERSON, Phase.NURTURE]),
        (EventKind.INTERESTED, [Phase.BOOKING, Phase.NURTURE]),
        (EventKind.CALLBACK, [Phase.CALLBACK, Phase.PERSON, Phase.NURTURE]),
    ],
)
async def test_what_a_contractor_does_stops_the_touches(
    time_skipping: WorkflowEnvironment, kind: EventKind, phases: list[Phase]
) -> None:
    script = ContractorScript()
    it: dict[str, Handle] = {}
    script.when["outreach-3"] = signals(it, an_event(kind))
    async with run_script(time_skipping.client, script):
        it["it"] = await script.start(time_skipping.client)
        result = await it["it"].result()
    assert [key for key in script.keys if key.startswith("outreach")] == SEVEN_AND_TWO_CALLS[:4]
    assert [phase for phase, _ in itertools.groupby(script.phases)][: len(phases)] == phases
    if phases[0] is not Phase.PERSON and len(phases) == 1:
        assert (result.phase, result.reason) == (phases[0], kind.value)


async def test_an_event_counts_once_and_the_gravest_of_several_counts(time_skipping: WorkflowEnvironment) -> None:
    script = ContractorScript()
    it: dict[str, Handle] = {}
    interested = an_event(EventKind.INTERESTED, "reply-1")
    script.when["outreach-0"] = signals(it, interested, interested, an_event(EventKind.OPTED_OUT))
    async with run_script(time_skipping.client, script):
        it["it"] = await script.start(time_skipping.client)
        result = await it["it"].result()
        status = await it["it"].query(ContractorSequenceWorkflow.status)
    assert result.phase is Phase.OPTED_OUT
    assert status.events == 2
    assert script.keys == ["outreach-0"]


async def test_news_that_came_before_the_start_are_heard(time_skipping: WorkflowEnvironment) -> None:
    script = ContractorScript()
    async with run_script(time_skipping.client, script):
        handle = await time_skipping.client.start_workflow(
            ContractorSequenceWorkflow.run,
            script.request,
            id=f"sequence-{script.campaign_id}-{script.contractor_id}",
            task_queue="orchestration",
            start_signal="event",
            start_signal_args=[an_event(EventKind.OPTED_OUT)],
        )
        assert (await handle.result()).phase is Phase.OPTED_OUT
    assert script.sent == []


async def test_out_of_office_waits_until_they_are_back(time_skipping: WorkflowEnvironment) -> None:
    script = ContractorScript()
    it: dict[str, Handle] = {}
    back = await time_skipping.get_current_time() + timedelta(days=21)
    script.when["outreach-0"] = signals(it, an_event(EventKind.OUT_OF_OFFICE, until=back))
    script.when["outreach-1"] = signals(it, an_event(EventKind.OPTED_OUT))
    async with run_script(time_skipping.client, script):
        it["it"] = await script.start(time_skipping.client)
        await it["it"].result()
    assert script.keys == ["outreach-0", "outreach-1"]
    assert back <= script.sent[1].at < back + timedelta(days=5)


async def test_operators_pause_resume_skip_and_reschedule_while_a_timer_runs(
    time_skipping: WorkflowEnvironment,
) -> None:
    script = ContractorScript()
    async with run_script(time_skipping.client, script):
        handle = await script.start(time_skipping.client)
        await reaches(handle, lambda status: status.next_touch == "outreach-0")
        await handle.signal("pause")
        await reaches(handle, lambda status: status.paused)
        await time_skipping.sleep(timedelta(days=9))
        assert script.sent == []
        await handle.signal("resume")
        await reaches(handle, lambda status: not status.paused)
        await handle.signal("skip")
        await reaches(handle, lambda status: status.next_touch == "outreach-1")
        later = await time_skipping.get_current_time() + timedelta(days=30)
        control = Control(command=Command.RESCHEDULE, until=later)
        status = await handle.execute_update(ContractorSequenceWorkflow.control, control)
        assert status.phase is Phase.OUTREACH
        await reaches(handle, lambda status: status.next_at is not None and status.next_at >= later)
        await handle.execute_update(ContractorSequenceWorkflow.control, Control(command=Command.SEND_NOW))
        await reaches(handle, lambda status: status.touches >= 1)
        assert script.keys[0] == "outreach-1"
        assert "outreach-0" not in script.keys
        await handle.signal(ContractorSequenceWorkflow.event, an_event(EventKind.STOPPED))
        assert (await handle.result()).phase is Phase.STOPPED


async def test_a_command_nothing_can_follow_is_refused_with_words(time_skipping: WorkflowEnvironment) -> None:
    script = ContractorScript()
    it: dict[str, Handle] = {}
    script.when["outreach-0"] = signals(it, an_event(EventKind.REPLIED))
    async with run_script(time_skipping.client, script):
        it["it"] = handle = await script.start(time_skipping.client)
        await time_skipping.sleep(timedelta(days=5))
        await reaches(handle, lambda status: status.phase is Phase.PERSON)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await handle.execute_update(ContractorSequenceWorkflow.control, Control(command=Command.SKIP))
        assert "no touch is planned" in str(refused.value.cause)
        await handle.signal("pause", "next week, perhaps")
        await handle.signal("reschedule", None)
        assert not (await handle.query(ContractorSequenceWorkflow.status)).paused
        await handle.signal(ContractorSequenceWorkflow.event, an_event(EventKind.STOPPED))
        await handle.result()


async def test_a_deferred_touch_is_tried_again_when_it_may(time_skipping: WorkflowEnvironment) -> None:
    tries: list[datetime] = []
    until: list[datetime] = []

    async def defer_twice(touch: Any) -> TouchResult:
        moment = await time_skipping.get_current_time()
        tries.append(moment)
        if len(tries) > 2:
            return TouchResult(outcome=TouchOutcome.SENT, touchpoint_id=touchpoint_id(touch), ends=Phase.STOPPED)
        until.append(moment + timedelta(days=3 * len(tries)))
        return TouchResult(outcome=TouchOutcome.DEFERRED, reason="mailbox_full", until=until[-1])

    script = ContractorScript(send_touch=defer_twice)
    async with run_script(time_skipping.client, script):
        handle = await script.start(time_skipping.client)
        assert (await handle.result()).phase is Phase.STOPPED
    assert len(tries) == 3
    assert all(at >= promised for at, promised in zip(tries[1:], until, strict=True))


async def test_a_vendor_that_is_down_for_hours_delays_a_touch_and_loses_none(
    time_skipping: WorkflowEnvironment,
) -> None:
    attempts = itertools.count(1)

    def down(touch: Any) -> Any:
        if next(attempts) <= 45:
            return RuntimeError("down")
        return TouchResult(outcome=TouchOutcome.SENT, touchpoint_id=touchpoint_id(touch), ends=Phase.STOPPED)

    script = ContractorScript(send_touch=down)
    async with run_script(time_skipping.client, script):
        handle = await script.start(time_skipping.client)
        assert (await handle.result()).touches == 1
    assert next(attempts) == 47


@pytest.mark.parametrize(
    ("disposition", "follows"),
    [
        (Disposition.WANTS_DEMO, Phase.BOOKING),
        (Disposition.WANTS_CALLBACK, Phase.CALLBACK),
        (Disposition.NOT_INTERESTED, Phase.DISQUALIFIED),
        (Disposition.OPTED_OUT, Phase.OPTED_OUT),
    ],
)
async def test_a_call_decides_what_follows(
    time_skipping: WorkflowEnvironment, disposition: Disposition, follows: Phase
) -> None:
    script = ContractorScript(analyze_call=CallVerdict(disposition=disposition))
    async with run_script(time_skipping.client, script):
        handle = await script.start(time_skipping.client)
        await handle.result()
    assert [key for key in script.keys if key.startswith("outreach")] == SEVEN_AND_TWO_CALLS[:3]
    assert script.phases[0] is follows


async def test_moderate_interest_gets_a_letter_and_the_sequence_goes_on(time_skipping: WorkflowEnvironment) -> None:
    script = ContractorScript(analyze_call=CallVerdict(disposition=Disposition.MODERATE))
    it: dict[str, Handle] = {}
    script.when["outreach-3"] = signals(it, an_event(EventKind.STOPPED))
    async with run_script(time_skipping.client, script):
        it["it"] = await script.start(time_skipping.client)
        await it["it"].result()
    assert script.templates[:5] == [
        "cold_introduction",
        "value_proposition",
        "demo_call",
        "call_follow_up",
        "case_study",
    ]


async def test_a_call_report_ends_the_wait_for_it(time_skipping: WorkflowEnvironment) -> None:
    analysed: list[datetime] = []

    async def analyze(call: Any) -> CallVerdict:
        analysed.append(await time_skipping.get_current_time())
        return CallVerdict(disposition=Disposition.NOT_INTERESTED)

    script = ContractorScript(analyze_call=analyze)
    it: dict[str, Handle] = {}

    async def report() -> None:
        call = next(argument for argument in reversed(script.called("send_touch")) if argument.key == "outreach-2")
        await signals(it, an_event(EventKind.CALL_ENDED, touchpoint_id=touchpoint_id(call)))()

    script.when["outreach-2"] = report
    async with run_script(time_skipping.client, script):
        it["it"] = await script.start(time_skipping.client)
        await it["it"].result()
    assert analysed[0] - script.sent[2].at < timedelta(minutes=5)


async def test_from_interest_over_a_demo_to_the_signature(time_skipping: WorkflowEnvironment) -> None:
    meeting = uuid4()
    starts = await time_skipping.get_current_time() + timedelta(days=12)
    script = ContractorScript(book_demo=DemoBooking(meeting_id=meeting, starts_at=starts))
    it: dict[str, Handle] = {}
    script.when["outreach-0"] = signals(it, an_event(EventKind.INTERESTED))
    async with run_script(time_skipping.client, script):
        it["it"] = handle = await script.start(time_skipping.client)
        await time_skipping.sleep(timedelta(days=12, hours=1))
        await reaches(handle, lambda status: status.waiting_for == "how the demo went")
        await handle.signal(ContractorSequenceWorkflow.event, an_event(EventKind.DEMO_ATTENDED, meeting_id=meeting))
        await time_skipping.sleep(timedelta(days=4))
        await handle.signal(ContractorSequenceWorkflow.event, an_event(EventKind.SIGNED_UP))
        result = await handle.result()
    assert result.phase is Phase.SIGNED_UP
    assert script.phases == [Phase.BOOKING, Phase.DEMO, Phase.PROPOSAL, Phase.SIGNED_UP]
    assert script.templates[:5] == [
        "cold_introduction",
        "demo_preparation",
        "demo_reminder",
        "demo_starts_soon",
        "proposal",
    ]
    assert [starts - sent.at for sent in script.sent[2:4]] == pytest.approx(
        [timedelta(days=1), timedelta(hours=1)], abs=timedelta(minutes=1)
    )


async def test_who_misses_a_demo_is_asked_again_but_not_for_ever(time_skipping: WorkflowEnvironment) -> None:
    script = ContractorScript()
    it: dict[str, Handle] = {}
    meetings = [uuid4() for _ in range(4)]
    now = await time_skipping.get_current_time()

    def booked(number: int) -> Any:
        return an_event(
            EventKind.DEMO_BOOKED, meeting_id=meetings[number], until=now + timedelta(days=60 + 10 * number)
        )

    script.when["outreach-0"] = signals(it, booked(0), an_event(EventKind.DEMO_MISSED, meeting_id=meetings[0]))
    async with run_script(time_skipping.client, script):
        it["it"] = handle = await script.start(time_skipping.client)
        for number in range(1, 4):
            await time_skipping.sleep(timedelta(days=2))
            await reaches(handle, lambda status: status.phase is not Phase.DEMO)
            await signals(it, booked(number), an_event(EventKind.DEMO_MISSED, meeting_id=meetings[number]))()
        await handle.result()
    assert script.phases[:7] == [Phase.DEMO, Phase.BOOKING] * 3 + [Phase.DEMO]
    assert script.templates.count("demo_missed") == 3
    assert Phase.NURTURE in script.phases


async def test_a_cancellation_may_come_before_the_booking_it_is_about(time_skipping: WorkflowEnvironment) -> None:
    script = ContractorScript()
    it: dict[str, Handle] = {}
    old, new = uuid4(), uuid4()
    starts = await time_skipping.get_current_time() + timedelta(days=10)
    script.when["outreach-0"] = signals(
        it,
        an_event(EventKind.DEMO_CANCELED, meeting_id=old),
        an_event(EventKind.DEMO_BOOKED, meeting_id=new, until=starts),
        an_event(EventKind.DEMO_BOOKED, meeting_id=old, until=starts - timedelta(days=5)),
    )
    async with run_script(time_skipping.client, script):
        it["it"] = handle = await script.start(time_skipping.client)
        await time_skipping.sleep(timedelta(days=11))
        await handle.signal(ContractorSequenceWorkflow.event, an_event(EventKind.STOPPED))
        await handle.result()
    assert [change.meeting_id for change in script.changes if change.phase is Phase.DEMO] == [new]


@pytest.mark.parametrize(
    ("refusal", "phase"),
    [
        (Refusal.UNKNOWN_ZONE, Phase.UNREACHABLE),
        (Refusal.SUPPRESSED, Phase.OPTED_OUT),
        (Refusal.ALREADY_CUSTOMER, Phase.SIGNED_UP),
        (Refusal.UNKNOWN_CAMPAIGN, Phase.STOPPED),
    ],
)
async def test_who_may_not_be_in_it_is_sent_nothing(
    time_skipping: WorkflowEnvironment, refusal: Refusal, phase: Phase
) -> None:
    script = ContractorScript(enrolled=Enrollment(refusal=refusal))
    async with run_script(time_skipping.client, script):
        result = await (await script.start(time_skipping.client)).result()
    assert (result.phase, result.reason, script.sent) == (phase, refusal.value, [])


async def test_a_lost_workflow_goes_on_where_the_database_says(time_skipping: WorkflowEnvironment) -> None:
    now = await time_skipping.get_current_time()
    enrolled = Enrollment(
        steps=STEPS,
        enrolled_at=now - timedelta(days=8),
        phase_started_at=now - timedelta(days=8),
        done=tuple(SEVEN_AND_TWO_CALLS[:5]),
        last_touch_at=now - timedelta(days=1),
    )
    script = ContractorScript(enrolled=enrolled)
    it: dict[str, Handle] = {}
    script.when["outreach-8"] = signals(it, an_event(EventKind.STOPPED))
    async with run_script(time_skipping.client, script):
        it["it"] = await script.start(time_skipping.client)
        await it["it"].result()
    assert script.keys == SEVEN_AND_TWO_CALLS[5:]


async def test_histories_stay_small_and_name_no_one(time_skipping: WorkflowEnvironment) -> None:
    script = ContractorScript()
    it: dict[str, Handle] = {}
    script.when["outreach-8"] = signals(it, an_event(EventKind.SIGNED_UP))
    async with run_script(time_skipping.client, script):
        it["it"] = await script.start(time_skipping.client)
        await it["it"].result()
        history = await it["it"].fetch_history()
    assert len(history.events) < 200
    assert len(history.to_json()) < 120_000
    assert Channel.CALL in [step.channel for step in STEPS]


async def test_the_ui_says_what_is_waited_for(time_skipping: WorkflowEnvironment) -> None:
    script = ContractorScript()
    async with run_script(time_skipping.client, script):
        handle = await script.start(time_skipping.client)
        status = await reaches(handle, lambda status: status.next_touch is not None)
        assert status.waiting_for is not None
        assert status.waiting_for.startswith("cold_introduction by email at ")
        await handle.signal(ContractorSequenceWorkflow.event, an_event(EventKind.STOPPED))
        await handle.result()
