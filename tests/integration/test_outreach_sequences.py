"""The records of a sequence: made once however often it is asked, and enough for a lost workflow to go on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from activities.outreach.opt_out import opt_out
from config.settings import Settings
from domain.cadence import DEFAULT_CHANNELS, Window, default_sequence
from schema.contracts.outreach import Enrollment, Phase, PhaseChange, Refusal, SequenceRequest
from schema.database import Database
from schema.tables import (
    Contractor,
    DemoMeeting,
    OutreachCampaign,
    OutreachTask,
    OutreachTouchpoint,
    ScheduledTouchpoint,
    SequenceEnrollment,
    SystemEvent,
)
from tests.integration.outreach_world import TUESDAY, World, make_world

AUSTIN = ZoneInfo("America/Chicago")


@pytest.fixture
async def world(database: Database, settings: Settings) -> World:
    return await make_world(database, settings)


async def enter(world: World, contractor_id: Any, phase: Phase, cycle: int, **more: Any) -> None:
    await world.records.enter_phase(
        PhaseChange(
            campaign_id=world.campaign_id, contractor_id=contractor_id, phase=phase, cycle=cycle,
            at=world.clock.now, **more,
        )
    )  # fmt: skip


async def test_enrolling_twice_is_enrolling_once(world: World) -> None:
    await world.mailbox("a@mail.example")
    await world.mailbox("b@mail.example")
    who = await world.contractor()
    first = await world.enroll(who)
    world.clock.pass_by(days=3)
    second = await world.enroll(who)
    assert first == second
    assert first.phase is Phase.OUTREACH
    assert first.enrolled_at == first.phase_started_at == TUESDAY
    assert [step.touch() for step in first.steps] == list(default_sequence(DEFAULT_CHANNELS))
    assert (first.city, first.state, first.done) == ("Austin", "TX", ())
    (row,) = await world.rows(SequenceEnrollment)
    assert row.mailbox_id is not None
    assert row.workflow_id == f"sequence-{world.campaign_id}-{who}"
    assert len(await world.rows(SystemEvent, event_type="sequence.outreach")) == 1


async def test_without_mailboxes_the_default_sender_writes(world: World) -> None:
    who = await world.enrolled()
    assert (await world.enrollment(who)).mailbox_id is None


async def test_the_workflow_s_time_counts(world: World) -> None:
    who = await world.contractor()
    at = TUESDAY + timedelta(days=100)
    request = SequenceRequest(campaign_id=world.campaign_id, contractor_id=who, at=at)
    assert (await world.records.enroll(request)).enrolled_at == at


REFUSALS: dict[str, tuple[dict[str, Any], dict[str, Any], Refusal]] = {
    "draft": ({}, {"status": "draft"}, Refusal.CAMPAIGN_OVER),
    "completed": ({}, {"status": "completed"}, Refusal.CAMPAIGN_OVER),
    "customer": ({"acquisition_status": "active"}, {}, Refusal.ALREADY_CUSTOMER),
    "onboarded": ({"acquisition_status": "onboarded"}, {}, Refusal.ALREADY_CUSTOMER),
    "no channel": ({}, {"channels": []}, Refusal.NO_STEPS),
    "nowhere": ({"timezone": None, "city": None}, {}, Refusal.UNKNOWN_ZONE),
    "a zone of no place": ({"timezone": "Nowhere/City", "city": "Elsewhere"}, {}, Refusal.UNKNOWN_ZONE),
}


async def test_who_is_not_enrolled(world: World) -> None:
    """One world for all cases: a database each would take longer than the cases."""
    usual = {"status": "active", "channels": ["email", "call", "sms"]}
    for number, (name, (contractor, campaign, refusal)) in enumerate(REFUSALS.items()):
        await world.change(OutreachCampaign, world.campaign_id, **{**usual, **campaign})
        who = await world.contractor(number, **contractor)
        assert (await world.enroll(who)).refusal is refusal, name
    assert await world.rows(SequenceEnrollment) == []


async def test_unknown_campaigns_and_contractors(world: World) -> None:
    who = await world.contractor()
    unknown = SequenceRequest(campaign_id=uuid4(), contractor_id=who)
    assert (await world.records.enroll(unknown)).refusal is Refusal.UNKNOWN_CAMPAIGN
    assert (await world.enroll(uuid4())).refusal is Refusal.UNKNOWN_CONTRACTOR


async def test_a_paused_campaign_enrols(world: World) -> None:
    await world.change(OutreachCampaign, world.campaign_id, status="paused")
    assert (await world.enroll(await world.contractor())).refusal is None


async def test_somebody_who_opted_out_elsewhere_is_not_enrolled_here(world: World) -> None:
    other = await world.contractor(1)
    async with world.database.transaction() as tx:
        assert await opt_out(tx, other, "all", "test") == []
    same_address = await world.contractor(2, email="JO1@acme1.example ")
    assert (await world.enroll(same_address)).refusal is Refusal.SUPPRESSED
    assert (await world.enroll(await world.contractor(3))).refusal is None


async def test_no_channel_left_is_no_enrolment(world: World) -> None:
    who = await world.contractor()
    async with world.database.transaction() as tx:
        await opt_out(tx, who, "sms", "test")
        await opt_out(tx, who, "email", "test")
    assert (await world.enroll(who)).refusal is None
    other = await world.contractor(2)
    async with world.database.transaction() as tx:
        for channel in ("sms", "email", "call"):
            await opt_out(tx, other, channel, "test")
    assert (await world.enroll(other)).refusal is Refusal.SUPPRESSED


async def test_a_missing_zone_is_found_and_kept(world: World) -> None:
    places: list[tuple[dict[str, Any], str]] = [
        ({"lat": Decimal("21.3069"), "lng": Decimal("-157.8583"), "city": None}, "Pacific/Honolulu"),
        ({"lat": Decimal("39.7684"), "lng": Decimal("-86.1581")}, "America/Indiana/Indianapolis"),
        ({}, "America/Chicago"),
        ({"city": "denver", "state": "CO"}, "America/Denver"),
    ]
    for number, (place, zone) in enumerate(places):
        who = await world.enrolled(number, timezone=None, **place)
        assert (await world.row(Contractor, who)).timezone == zone


async def test_a_campaign_s_own_steps_and_channels(database: Database, settings: Settings) -> None:
    steps = [
        {"day": 0, "channel": "email", "template": "cold_introduction", "variants": ["plain", "numbers"]},
        {"day": 0.5, "channel": "linkedin", "template": "connection_request"},
        {"day": 1.25, "channel": "email", "template": "case_study", "window": "any_time"},
    ]
    world = await make_world(database, settings, sequence_steps=steps, channels=["email"])
    enrolled: Enrollment = await world.enroll(await world.contractor())
    assert [(step.day, step.template, step.window) for step in enrolled.steps] == [
        (0, "cold_introduction", Window.BUSINESS),
        (1.25, "case_study", Window.ANY_TIME),
    ]


async def test_a_lost_workflow_finds_what_is_done(world: World) -> None:
    who = await world.enrolled()
    for number, status in enumerate(("sent", "skipped", "denied", "unknown", "scheduled", "replied")):
        await world.add(
            OutreachTouchpoint(
                campaign_id=world.campaign_id, contractor_id=who, touch_key=f"outreach-{number}", status=status,
                effect_key=f"k{number}", sent_at=TUESDAY + timedelta(hours=number) if status == "sent" else None,
            )
        )  # fmt: skip
    await world.add(
        OutreachTouchpoint(campaign_id=None, contractor_id=who, touch_key="outreach-9", status="sent", effect_key="x")
    )
    stored = await world.enroll(who)
    assert set(stored.done) == {"outreach-0", "outreach-1", "outreach-2", "outreach-3", "outreach-5"}
    assert stored.last_touch_at == TUESDAY


async def test_a_touch_is_planned_in_its_window_and_once(world: World) -> None:
    who = await world.enrolled()
    touch = world.touch(who, "outreach-3", day=4, template="case_study")
    first = await world.records.plan_touch(touch)
    assert await world.records.plan_touch(touch) == first
    assert first.due_at is not None
    local = first.due_at.astimezone(AUSTIN)
    assert (local.date().isoformat(), 9 <= local.hour < 12) == ("2026-06-15", True)
    (row,) = await world.rows(ScheduledTouchpoint)
    assert (row.scheduled_for, row.status, row.template, row.sequence_step) == (
        first.due_at,
        "scheduled",
        "case_study",
        3,
    )


async def test_a_deferral_moves_a_touch_to_the_next_opening(world: World) -> None:
    who = await world.enrolled()
    evening = datetime(2026, 6, 12, 23, 0, tzinfo=UTC)
    touch = world.touch(who, not_before=evening)
    plan = await world.records.plan_touch(touch)
    assert plan.due_at is not None
    local = plan.due_at.astimezone(AUSTIN)
    assert (local.date().isoformat(), 9 <= local.hour < 12) == ("2026-06-15", True)
    (row,) = await world.rows(ScheduledTouchpoint)
    assert row.scheduled_for == plan.due_at
    any_time = world.touch(who, "demo-1-0", not_before=evening, window=Window.ANY_TIME)
    assert (await world.records.plan_touch(any_time)).due_at == evening


async def test_a_settled_touch_is_not_planned_anew(world: World) -> None:
    who = await world.enrolled()
    touch = world.touch(who)
    planned = await world.records.plan_touch(touch)
    (row,) = await world.rows(ScheduledTouchpoint)
    await world.change(ScheduledTouchpoint, row.id, status="sent")
    await world.records.plan_touch(touch.model_copy(update={"not_before": TUESDAY + timedelta(days=30)}))
    (row,) = await world.rows(ScheduledTouchpoint)
    assert (row.status, row.scheduled_for) == ("sent", planned.due_at)


async def test_no_zone_no_plan(world: World) -> None:
    who = await world.enrolled()
    await world.change(Contractor, who, timezone=None)
    assert (await world.records.plan_touch(world.touch(who))).due_at is None
    assert await world.rows(ScheduledTouchpoint) == []


async def test_entering_a_phase_twice_is_entering_it_once(world: World) -> None:
    who = await world.enrolled()
    await world.records.plan_touch(world.touch(who, "outreach-1", day=2))
    meeting = await world.add(DemoMeeting(contractor_id=who, scheduled_at=TUESDAY + timedelta(days=2)))
    starts = TUESDAY + timedelta(days=2)
    for _ in range(2):
        await enter(world, who, Phase.DEMO, 1, reason="demo_booked", resume_at=starts, meeting_id=meeting)
        world.clock.pass_by(minutes=1)
    row = await world.enrollment(who)
    assert (row.phase, row.cycle, row.reason, row.resume_at, row.meeting_id) == (
        "demo", 1, "demo_booked", starts, meeting,
    )  # fmt: skip
    assert row.phase_started_at == TUESDAY
    assert row.ended_at is None
    (scheduled,) = await world.rows(ScheduledTouchpoint)
    assert scheduled.status == "cancelled"
    (task,) = await world.rows(OutreachTask)
    assert (task.kind, task.due_at) == ("demo_outcome", starts + timedelta(hours=1))
    assert len(await world.rows(SystemEvent, event_type="sequence.demo")) == 1
    contractor = await world.row(Contractor, who)
    assert (contractor.acquisition_status, contractor.current_stage) == ("demo_scheduled", "demo")


async def test_what_a_phase_makes_of_a_contractor(world: World) -> None:
    phases = [
        (Phase.CALLBACK, "interested", False),
        (Phase.BOOKING, "interested", False),
        (Phase.PROPOSAL, "negotiating", False),
        (Phase.PERSON, "discovered", False),
        (Phase.NURTURE, "nurture", False),
        (Phase.SIGNED_UP, "discovered", True),
        (Phase.DISQUALIFIED, "disqualified", True),
        (Phase.OPTED_OUT, "disqualified", True),
        (Phase.UNREACHABLE, "disqualified", True),
        (Phase.STOPPED, "discovered", True),
    ]
    for number, (phase, status, ends) in enumerate(phases):
        who = await world.enrolled(number)
        await enter(world, who, phase, 1)
        assert (await world.row(Contractor, who)).acquisition_status == status, phase
        assert ((await world.enrollment(who)).ended_at is not None) is ends, phase


async def test_a_customer_stays_a_customer(world: World) -> None:
    who = await world.enrolled()
    await world.change(Contractor, who, acquisition_status="active")
    await enter(world, who, Phase.DISQUALIFIED, 1)
    assert (await world.row(Contractor, who)).acquisition_status == "active"


async def test_a_person_is_asked_once(world: World) -> None:
    who = await world.enrolled()
    await enter(world, who, Phase.PERSON, 1, reason="replied")
    await enter(world, who, Phase.BOOKING, 2)
    await enter(world, who, Phase.PERSON, 3)
    assert [task.kind for task in await world.rows(OutreachTask, state="open")] == ["reply"]


async def test_another_demo_replaces_the_question_about_the_first(world: World) -> None:
    who = await world.enrolled()
    first, second = [
        await world.add(DemoMeeting(contractor_id=who, scheduled_at=TUESDAY + timedelta(days=day))) for day in (1, 4)
    ]
    await enter(world, who, Phase.DEMO, 1, resume_at=TUESDAY + timedelta(days=1), meeting_id=first)
    await enter(world, who, Phase.DEMO, 2, resume_at=TUESDAY + timedelta(days=4), meeting_id=second)
    states = {task.effect_key: task.state for task in await world.rows(OutreachTask)}
    assert states == {f"demo-outcome-{first}": "expired", f"demo-outcome-{second}": "open"}


async def test_an_opt_out_counts_everywhere_and_once(world: World) -> None:
    who = await world.enrolled()
    await world.records.plan_touch(world.touch(who))
    for expected in (1, 1):
        async with world.database.transaction() as tx:
            live = await opt_out(tx, who, "all", "reply", at=TUESDAY)
        assert len(live) == expected
    async with world.database.transaction() as tx:
        assert await tx.people.suppressed(" JO1@ACME1.example", None) == {"all"}
        assert await tx.people.suppressed(None, "(512) 555-1001") == {"all"}
        assert await tx.people.suppressed("other@acme1.example", "512-555-1002") == frozenset()
    row = await world.enrollment(who)
    assert (row.halted_at, row.halt_reason) == (TUESDAY, "opted_out")
    (scheduled,) = await world.rows(ScheduledTouchpoint)
    assert scheduled.status == "cancelled"


async def test_consent_is_granted_once_replaced_and_revoked(world: World) -> None:
    async with world.database.transaction() as tx:
        assert await tx.people.grant_consent("512-555-1001", "call", "express", "form")
        assert not await tx.people.grant_consent("+15125551001", "call", "express", "form")
        assert await tx.people.grant_consent("+15125551001", "call", "express_written", "form", wording="I agree")
        assert await tx.people.consents(None, "(512) 555-1001") == {"call": "express_written"}
        assert await tx.people.revoke_consent("5125551001") == 1
        assert await tx.people.consents(None, "+15125551001") == {}
        assert not await tx.people.grant_consent("not an address", "call", "express", "form")


async def test_the_registry_only_says_what_its_lists_say(world: World) -> None:
    async with world.database.transaction() as tx:
        assert await tx.people.dnc("+15125551001", TUESDAY) is None
        assert await tx.people.load_dnc({"512": ["512-555-1001", "(512) 555-1002", "303-555-1001"]}, TUESDAY) == 2
        assert await tx.people.dnc("+15125551001", TUESDAY) is True
        assert await tx.people.dnc("+15125551003", TUESDAY) is False
        assert await tx.people.dnc("+13035551001", TUESDAY) is None
        assert await tx.people.dnc("+15125551001", TUESDAY + timedelta(days=31)) is True
        assert await tx.people.dnc("+15125551001", TUESDAY + timedelta(days=31, seconds=1)) is None
        assert await tx.people.load_dnc({"512": []}, TUESDAY) == 0
        assert await tx.people.dnc("+15125551001", TUESDAY) is False
