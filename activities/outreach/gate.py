"""Whether a touch may be made now: what the sequence's records say, and then the rules of contact (spec 11.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from domain.cadence import Channel, next_opening
from domain.compliance import (
    CAPS,
    DEFAULT_POLICY,
    Cap,
    ContactChannel,
    ContactDecision,
    ContactPurpose,
    LetterParts,
    Person,
    Policy,
    Reason,
    may_contact,
)
from domain.contact_points import email_address, us_phone
from domain.matching import BUYER_STATUSES
from domain.phones import zones_of_number
from domain.quiet_hours import Verdict, load_zone
from schema.contracts.outreach import Phase, Purpose, TouchOutcome, TouchRef
from schema.database import UnitOfWork
from schema.repositories.people import EVERY_CHANNEL
from schema.tables import Contractor, OutreachCampaign, SequenceEnrollment

if TYPE_CHECKING:
    from config.settings import Settings

CONTACTS_SPAN = timedelta(days=30)
COMPLETE = LetterParts(postal_address=True, unsubscribe_link=True, one_click=True, from_name=True, subject="-")
"""Stands for the letter before it is written; the letter itself is looked at before it goes out."""

OPTED_OUT = "opted_out"
ENDS: Mapping[str, Phase] = {
    OPTED_OUT: Phase.OPTED_OUT,
    Reason.ALREADY_CUSTOMER: Phase.SIGNED_UP,
    Reason.UNKNOWN_ZONE: Phase.UNREACHABLE,
    "campaign_over": Phase.STOPPED,
    "sequence_over": Phase.STOPPED,
    "not_enrolled": Phase.STOPPED,
    "unknown_campaign": Phase.STOPPED,
    "unknown_contractor": Phase.STOPPED,
}
"""Reasons after which no further touch may ever be made, and where they leave the sequence."""

SKIPS = frozenset({Reason.NO_ADDRESS.value})
"""Denials that say there is nobody to reach, rather than that reaching is forbidden."""
MACHINES = {
    Channel.EMAIL: ContactChannel.EMAIL,
    Channel.SMS: ContactChannel.SMS,
    Channel.CALL: ContactChannel.CALL,
}
PHASE_OF = {Purpose.OUTREACH: Phase.OUTREACH, Purpose.NURTURE: Phase.NURTURE}
"""The phase that an unasked touch belongs to: a belated attempt must not go out in another one."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """Why a touch is not made now. `held`: because its campaign is paused."""

    outcome: TouchOutcome
    reason: str
    until: datetime | None = None
    ends: Phase | None = None
    held: bool = False


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was found: a ruling against the touch, or None; and the decision of the rules, where they were asked."""

    ruling: Ruling | None = None
    decision: ContactDecision | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """The rows that say where a contractor stands in a campaign."""

    campaign: OutreachCampaign | None
    contractor: Contractor | None
    enrollment: SequenceEnrollment | None


@dataclass(frozen=True, slots=True)
class ContactGate:
    """Asks everything that may speak against a touch. The caller holds the contractor's lock where it matters."""

    policy: Policy = DEFAULT_POLICY

    @classmethod
    def from_settings(cls, settings: "Settings") -> Self:
        """The gate as far as an operator may set it."""
        caps: Mapping[ContactChannel, tuple[Cap, ...]] = CAPS if settings.contact_caps else {}
        return cls(Policy(calls_to_mobiles=settings.calls_to_mobiles, caps=caps))

    async def judge(
        self, tx: UnitOfWork, touch: TouchRef, now: datetime, letter: LetterParts | None = COMPLETE
    ) -> Verdicts:
        """Reads the records anew and judges by them: what was committed a moment ago counts."""
        records = await read(tx, touch)
        ruling = standing(records, touch, now)
        if ruling is not None or records.contractor is None:
            return Verdicts(ruling)
        if touch.step.channel not in MACHINES:
            return Verdicts(await _person_may(tx, records, touch))
        channel = MACHINES[touch.step.channel]
        person = await person_for(tx, channel, records, now)
        if channel is ContactChannel.EMAIL:
            person = replace(person, letter=letter)
        decision = may_contact(channel, ContactPurpose(touch.purpose.value), person, now, self.policy)
        return Verdicts(_ruling(decision, person), decision)


async def read(tx: UnitOfWork, touch: TouchRef) -> Records:
    """Where the contractor stands now."""
    return Records(
        await tx.outreach.campaign(touch.campaign_id),
        await tx.outreach.contractor(touch.contractor_id),
        await tx.outreach.enrollment(touch.campaign_id, touch.contractor_id),
    )


def standing(records: Records, touch: TouchRef, now: datetime) -> Ruling | None:
    """What the sequence's own records say against a touch. What was arranged outlives a pause of the campaign."""
    campaign, contractor, enrollment = records.campaign, records.contractor, records.enrollment
    if campaign is None:
        return _no("unknown_campaign")
    if contractor is None:
        return _no("unknown_contractor")
    if enrollment is None:
        return _no("not_enrolled")
    if enrollment.ended_at is not None:
        return _no("sequence_over")
    if touch.purpose is Purpose.ARRANGED:
        return None
    if enrollment.phase != PHASE_OF[touch.purpose].value:
        return Ruling(TouchOutcome.DENIED, "phase_over")
    if campaign.status not in ("active", "paused"):
        return _no("campaign_over")
    if campaign.status == "paused":
        return Ruling(TouchOutcome.DEFERRED, "campaign_paused", next_day(touch, contractor.timezone, now), held=True)
    if enrollment.paused_until is not None and enrollment.paused_until > now:
        return Ruling(TouchOutcome.DEFERRED, "out_of_office", enrollment.paused_until)
    return None


async def person_for(tx: UnitOfWork, channel: ContactChannel, records: Records, now: datetime) -> Person:
    """The facts that the rules look at, for one channel."""
    contractor, enrollment = records.contractor, records.enrollment
    if contractor is None:
        raise ValueError("nobody to ask about")
    email, phone = email_address(contractor.email), us_phone(contractor.phone)
    by_phone = channel is not ContactChannel.EMAIL
    return Person(
        zone=contractor.timezone,
        phone_zones=zones_of_number(phone),
        state=contractor.state,
        has_address=bool(phone if by_phone else email),
        suppressed=await tx.people.suppressed(email, phone),
        phone_kind=contractor.phone_kind,
        dnc=await tx.people.dnc(phone, now) if by_phone else None,
        consents=await tx.people.consents(email, phone),
        contacted=await tx.outreach.unasked_contacts(contractor.id, now - CONTACTS_SPAN),
        customer=contractor.acquisition_status in BUYER_STATUSES,
        halted=halted(enrollment),
    )


def halted(enrollment: SequenceEnrollment | None) -> bool:
    """Whether something happened since this phase began after which nothing unasked may go out."""
    if enrollment is None or enrollment.halted_at is None:
        return False
    return enrollment.halted_at >= enrollment.phase_started_at


def next_day(touch: TouchRef, zone: str | None, now: datetime) -> datetime:
    """The touch's opening on the next business day; a day from now where the zone is unknown."""
    place = load_zone(zone)
    if place is None:
        return now + timedelta(days=1)
    tomorrow = now.astimezone(place).date() + timedelta(days=1)
    key = f"{touch.campaign_id}|{touch.contractor_id}|{touch.key}"
    return next_opening(touch.step.channel, place, key, day=tomorrow, not_before=now)


async def _person_may(tx: UnitOfWork, records: Records, touch: TouchRef) -> Ruling | None:
    """LinkedIn and post have no rules of their own, but a no and an answer count there too."""
    contractor = records.contractor
    if contractor is None:
        return _no("unknown_contractor")
    if EVERY_CHANNEL in await tx.people.suppressed(contractor.email, contractor.phone):
        return _no(OPTED_OUT)
    if contractor.acquisition_status in BUYER_STATUSES and touch.purpose is not Purpose.ARRANGED:
        return _no(Reason.ALREADY_CUSTOMER.value)
    return Ruling(TouchOutcome.DENIED, Reason.HALTED.value) if halted(records.enrollment) else None


def _ruling(decision: ContactDecision, person: Person) -> Ruling | None:
    if decision.verdict is Verdict.ALLOW:
        return None
    reason = decision.reason.value
    if decision.verdict is Verdict.DEFER:
        return Ruling(TouchOutcome.DEFERRED, reason, decision.until)
    if reason in SKIPS:
        return Ruling(TouchOutcome.SKIPPED, reason)
    if decision.reason is Reason.SUPPRESSED and EVERY_CHANNEL in person.suppressed:
        return _no(OPTED_OUT)
    if decision.reason is Reason.UNKNOWN_ZONE and load_zone(person.zone) is not None:
        # The address is known well enough; only this number's place is not.
        return Ruling(TouchOutcome.DENIED, reason)
    return _no(reason)


def _no(reason: str) -> Ruling:
    return Ruling(TouchOutcome.DENIED, reason, ends=ENDS.get(reason))
