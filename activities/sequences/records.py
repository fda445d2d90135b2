"""A sequence's records: who is in it, when a touch is due, which phase it has come to."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import TypeAdapter

from domain.cadence import DEFAULT_CHANNELS, Channel, Window, default_sequence, due_at, next_opening
from domain.matching import BUYER_STATUSES
from domain.quiet_hours import load_zone
from schema.contracts.ids import sequence_workflow_id
from schema.contracts.outreach import (
    ENDS,
    Enrollment,
    Phase,
    PhaseChange,
    Refusal,
    SequenceRequest,
    SequenceStep,
    TouchPlan,
    TouchRef,
)
from schema.database import Database, UnitOfWork
from schema.repositories.outreach import BY_PEOPLE, Enrolled
from schema.tables import Contractor, OutreachCampaign, SequenceEnrollment

Clock = Callable[[], datetime]

ENROLLING = ("active", "paused")
CONTACT_CHANNELS = frozenset({Channel.EMAIL, Channel.SMS, Channel.CALL})

STATUS_OF: dict[Phase, str] = {
    Phase.CALLBACK: "interested",
    Phase.BOOKING: "interested",
    Phase.DEMO: "demo_scheduled",
    Phase.PROPOSAL: "negotiating",
    Phase.NURTURE: "nurture",
    Phase.DISQUALIFIED: "disqualified",
    Phase.OPTED_OUT: "disqualified",
    Phase.UNREACHABLE: "disqualified",
}
"""What a phase makes of the contractor's status (spec 6.3); other phases leave it. Customers stay customers."""

OUTCOME_AFTER = timedelta(hours=1)
"""How long after its start a person is asked how the demo went."""
REPLY_WITHIN = timedelta(hours=4)

STEPS: TypeAdapter[tuple[SequenceStep, ...]] = TypeAdapter(tuple[SequenceStep, ...])


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


def touch_index(key: str) -> int:
    """A touch's place within its phase: the last number of its key."""
    return int(key.rpartition("-")[2])


def pick_mailbox(key: str, mailboxes: Sequence[UUID]) -> UUID | None:
    """The mailbox that writes to somebody: always the same of the same ones; None if there are none."""
    if not mailboxes:
        return None
    digest = hashlib.sha256(key.encode()).digest()
    return mailboxes[int.from_bytes(digest[:8]) % len(mailboxes)]


def steps_of(campaign: OutreachCampaign) -> tuple[SequenceStep, ...]:
    """The campaign's own steps, or the spec's, without those on channels it does not use."""
    known = {channel.value for channel in Channel}
    given = campaign.channels if campaign.channels is not None else list(DEFAULT_CHANNELS)
    channels = [Channel(channel) for channel in given if channel in known]
    if not campaign.sequence_steps:
        return tuple(SequenceStep.of(touch) for touch in default_sequence(channels))
    return tuple(step for step in STEPS.validate_python(campaign.sequence_steps) if step.channel in channels)


@dataclass(frozen=True, slots=True)
class SequenceRecords:
    """Short database steps; each may run twice and changes nothing the second time."""

    db: Database
    clock: Clock = utc_now

    async def enroll(self, request: SequenceRequest) -> Enrollment:
        """Puts the contractor into the campaign, or finds where an earlier run stood."""
        now = request.at or self.clock()
        async with self.db.transaction() as tx:
            campaign = await tx.outreach.campaign(request.campaign_id)
            contractor = await tx.outreach.contractor(request.contractor_id)
            if campaign is None:
                return Enrollment(refusal=Refusal.UNKNOWN_CAMPAIGN)
            if contractor is None:
                return Enrollment(refusal=Refusal.UNKNOWN_CONTRACTOR)
            steps = steps_of(campaign)
            row = await tx.outreach.enrollment(campaign.id, contractor.id, lock=True)
            if row is None:
                refusal = await _refusal(tx, campaign, contractor, steps)
                if refusal is not None:
                    return Enrollment(refusal=refusal, city=contractor.city, state=contractor.state)
                row = await _new_enrollment(tx, campaign, contractor, now)
            return await _stored(tx, row, contractor, steps)

    async def plan_touch(self, touch: TouchRef) -> TouchPlan:
        """When a touch is due by the recipient's clock; the schedule says so too."""
        async with self.db.transaction() as tx:
            contractor = await tx.outreach.contractor(touch.contractor_id)
            due = planned(touch, contractor.timezone if contractor is not None else None)
            if due is not None:
                await tx.outreach.schedule(
                    touch.campaign_id,
                    touch.contractor_id,
                    touch.key,
                    channel=touch.step.channel.value,
                    template=touch.step.template,
                    sequence_step=touch_index(touch.key),
                    scheduled_for=due,
                )
        return TouchPlan(due_at=due)

    async def enter_phase(self, change: PhaseChange) -> None:
        """Moves the enrolment and the contractor's status; takes what is no longer due off the schedule."""
        now = change.at or self.clock()
        async with self.db.transaction() as tx:
            row = await tx.outreach.enrollment(change.campaign_id, change.contractor_id, lock=True)
            # `cycle` counts the phases: one that is not beyond the row's was entered before.
            if row is None or row.cycle >= change.cycle:
                return
            await tx.outreach.update_enrollment(
                row.id,
                phase=change.phase.value,
                reason=change.reason,
                cycle=change.cycle,
                resume_at=change.resume_at,
                meeting_id=change.meeting_id,
                phase_started_at=now,
                ended_at=now if change.phase in ENDS else None,
                held=False,
            )
            await tx.outreach.cancel_scheduled([Enrolled(change.campaign_id, change.contractor_id)])
            await tx.outreach.set_stage(
                change.contractor_id, change.phase.value, STATUS_OF.get(change.phase), unless=BUYER_STATUSES
            )
            await _tasks(tx, change, now)
            await tx.events.record(
                f"sequence.{change.phase.value}",
                "contractor",
                change.contractor_id,
                {"campaign_id": change.campaign_id, "reason": change.reason, "cycle": change.cycle},
            )


def planned(touch: TouchRef, zone: str | None) -> datetime | None:
    """When a touch is due (UTC); a deferral moves it to the next opening. None: the zone is unknown."""
    place = load_zone(zone)
    index = touch_index(touch.key)
    key = f"{touch.campaign_id}|{touch.contractor_id}"
    due = due_at(touch.step.touch(), index, touch.starts_at, zone, key, touch.after)
    if place is None or due is None or touch.not_before is None or touch.not_before <= due:
        return due
    if touch.step.window is Window.ANY_TIME:
        return touch.not_before.astimezone(UTC)
    day = touch.not_before.astimezone(place).date()
    return next_opening(touch.step.channel, place, f"{key}|{index}", day=day, not_before=touch.not_before)


async def _refusal(
    tx: UnitOfWork, campaign: OutreachCampaign, contractor: Contractor, steps: Sequence[SequenceStep]
) -> Refusal | None:
    if campaign.status not in ENROLLING:
        return Refusal.CAMPAIGN_OVER
    if contractor.acquisition_status in BUYER_STATUSES:
        return Refusal.ALREADY_CUSTOMER
    if not steps:
        return Refusal.NO_STEPS
    suppressed = await tx.people.suppressed(contractor.email, contractor.phone)
    if "all" in suppressed or {step.channel for step in steps} & CONTACT_CHANNELS <= suppressed:
        return Refusal.SUPPRESSED
    if await _zone(tx, contractor) is None:
        return Refusal.UNKNOWN_ZONE
    return None


async def _zone(tx: UnitOfWork, contractor: Contractor) -> str | None:
    """The contractor's zone: as stored, else of its coordinates, else of its city; what is found is kept."""
    if load_zone(contractor.timezone) is not None:
        return contractor.timezone
    found: str | None = None
    if contractor.lat is not None and contractor.lng is not None:
        from tzfpy import get_tz

        found = get_tz(float(contractor.lng), float(contractor.lat))
    if load_zone(found) is None and contractor.city and contractor.state:
        found = await tx.outreach.city_zone(contractor.city, contractor.state)
    if found is None or load_zone(found) is None:
        return None
    await tx.outreach.set_zone(contractor.id, found)
    return found


async def _new_enrollment(
    tx: UnitOfWork, campaign: OutreachCampaign, contractor: Contractor, now: datetime
) -> SequenceEnrollment:
    mailbox = pick_mailbox(f"{campaign.id}|{contractor.id}", await tx.outreach.active_mailboxes())
    workflow_id = sequence_workflow_id(campaign.id, contractor.id)
    row = await tx.outreach.enroll(campaign.id, contractor.id, workflow_id, now, mailbox)
    await tx.outreach.set_stage(contractor.id, Phase.OUTREACH.value, None, unless=BUYER_STATUSES)
    await tx.events.record("sequence.outreach", "contractor", contractor.id, {"campaign_id": campaign.id})
    return row


async def _stored(
    tx: UnitOfWork, row: SequenceEnrollment, contractor: Contractor, steps: tuple[SequenceStep, ...]
) -> Enrollment:
    return Enrollment(
        phase=Phase(row.phase),
        reason=row.reason,
        phase_started_at=row.phase_started_at,
        enrolled_at=row.enrolled_at,
        steps=steps,
        done=await tx.outreach.done_keys(row.campaign_id, row.contractor_id),
        cycle=row.cycle,
        last_touch_at=await tx.outreach.last_touch_at(row.campaign_id, row.contractor_id),
        resume_at=row.resume_at,
        meeting_id=row.meeting_id,
        paused_until=row.paused_until,
        city=contractor.city,
        state=contractor.state,
    )


async def _tasks(tx: UnitOfWork, change: PhaseChange, now: datetime) -> None:
    """What people have to do in this phase, and what not any more."""
    who = change.contractor_id
    key = f"demo-outcome-{change.meeting_id or f'{change.campaign_id}-{who}-{change.cycle}'}"
    if change.phase is Phase.DEMO:
        due = (change.resume_at or now) + OUTCOME_AFTER
        words = "How did the demo go? Record whether the contractor came, and what came of it."
        await tx.outreach.open_task(key, "demo_outcome", who, due, campaign_id=change.campaign_id, instructions=words)
    if change.phase in (Phase.DEMO, Phase.BOOKING) or change.phase in ENDS:
        besides = key if change.phase is Phase.DEMO else ""
        await tx.outreach.expire_tasks(who, ("demo_outcome",), now, change.campaign_id, besides)
    if change.phase is not Phase.NURTURE:
        # What was to go out unasked is overtaken by what the contractor did.
        await tx.outreach.expire_tasks(who, BY_PEOPLE, now, change.campaign_id)
    if change.phase is Phase.PERSON and not await tx.outreach.has_open_task(who, "reply"):
        await tx.outreach.open_task(
            f"reply-{change.campaign_id}-{who}-{change.cycle}",
            "reply",
            who,
            now + REPLY_WITHIN,
            campaign_id=change.campaign_id,
            instructions="This contractor needs an answer by a person: see its last touches and calls.",
        )
