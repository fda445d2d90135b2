"""One touch, whatever its channel: composed, allowed, made once, recorded (spec 3.6.4, 11.2; decision 0003).

The order matters. What speaks against a touch is asked first, because it is cheap; then the words are made,
which may take a few seconds; then everything is asked again under the contractor's lock, which is held until
the vendor has answered. An opt-out takes the same lock: committed before the request began, it is seen; and
one that comes later waits for the request, and is then the last word.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from activities.effects import Gate, Outcome, Withheld
from activities.messaging.letters import Letters
from activities.metering import charged_to
from activities.outreach.channels.base import Case, Draft, Sender, Unsendable, effect_key
from activities.outreach.channels.by_people import put_on_list
from activities.outreach.gate import ENDS, MACHINES, OPTED_OUT, ContactGate, Records, Ruling, Verdicts, next_day, read
from activities.sequences.records import pick_mailbox, touch_index, utc_now
from domain.cadence import BY_PEOPLE, Channel, Condition
from domain.contact_points import us_phone
from domain.mailboxes import cap_on, may_send
from schema.contracts.outreach import Purpose, TouchOutcome, TouchRef, TouchResult
from schema.database import Database, UnitOfWork
from schema.effects import EffectState
from schema.repositories.outreach import FIRST_TOUCH
from schema.repositories.people import EVERY_CHANNEL
from schema.tables import Contractor, Effect, Mailbox, OutreachTouchpoint

TOUCHPOINT = "touchpoint"
"""What vendor calls are booked on."""
HIGH_VALUE = 10_000
"""US dollars of lifetime value above which direct mail pays (spec 3.6.4, channel 5)."""
LOOK_WITHIN = timedelta(hours=24)
"""How soon a person should find out whether a touch went out that nobody can tell about."""

CONDITIONS: Mapping[Condition, Callable[[Contractor], bool]] = {
    Condition.ALWAYS: lambda _: True,
    Condition.HAS_PHONE: lambda contractor: us_phone(contractor.phone) is not None,
    Condition.HIGH_VALUE: lambda contractor: (contractor.ltv_estimate or 0) > HIGH_VALUE,
}

# How a touch stands: status of the touchpoint, status on the schedule, outcome.
SETTLED: Mapping[EffectState, tuple[str, str, TouchOutcome]] = {
    EffectState.DONE: ("sent", "sent", TouchOutcome.SENT),
    EffectState.FAILED: ("failed", "failed", TouchOutcome.FAILED),
    EffectState.UNKNOWN: ("unknown", "failed", TouchOutcome.UNKNOWN),
}
REFUSED: Mapping[TouchOutcome, str] = {TouchOutcome.DENIED: "denied", TouchOutcome.SKIPPED: "skipped"}
OUTCOME_OF: Mapping[str, TouchOutcome] = {
    "denied": TouchOutcome.DENIED,
    "skipped": TouchOutcome.SKIPPED,
    "unknown": TouchOutcome.UNKNOWN,
    "failed": TouchOutcome.FAILED,
}
"""Of a settled touchpoint; whatever else it says happened after it was sent."""


class Shut(Withheld):
    """The gate was closed when it came to it."""

    def __init__(self, verdicts: Verdicts) -> None:
        super().__init__("something speaks against it after all")
        self.verdicts = verdicts


@dataclass(slots=True)
class _Attempt:
    """What one attempt learns on its way."""

    case: Case
    draft: Draft | None = None
    verdicts: Verdicts = field(default_factory=Verdicts)


class Touches:
    """Makes touches."""

    def __init__(
        self,
        db: Database,
        senders: Mapping[Channel, Sender],
        letters: Letters,
        gate: ContactGate | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._senders = senders
        self._letters = letters
        self._gate = gate or ContactGate()
        self._clock = clock

    async def send(self, touch: TouchRef) -> TouchResult:
        """Makes one touch unless something speaks against it. Asked again it says the same, and does nothing.

        Raises the vendor's error while another attempt may succeed.
        """
        opened = await self._open(touch)
        if isinstance(opened, TouchResult):
            return opened
        case, effect = opened
        if effect is not None and effect.state == EffectState.STARTED.value:
            cleared = await self._clear_up(case)
            if cleared is not None:
                return cleared
        if touch.step.channel in BY_PEOPLE:
            return await self._hand_over(case)
        placed = await self._place(case)
        if isinstance(placed, Ruling):
            return await self._refuse(case, Verdicts(placed))
        case = replace(case, mailbox=placed)
        try:
            with charged_to(case.touchpoint.id, TOUCHPOINT):
                draft = await self._senders[touch.step.channel].compose(case)
        except Unsendable as nothing:
            return await self._refuse(case, Verdicts(Ruling(TouchOutcome.SKIPPED, nothing.reason)))
        return await self._make(_Attempt(await self._keep(case, draft), draft))

    # Before anything is said.

    async def _open(self, touch: TouchRef) -> TouchResult | tuple[Case, Effect | None]:
        """The touch with its rows; a result if it was settled before, or must not be made."""
        now = self._clock()
        key = effect_key(touch)
        async with self._db.transaction() as tx:
            records = await read(tx, touch)
            if records.campaign is None or records.contractor is None or records.enrollment is None:
                verdicts = await self._gate.judge(tx, touch, now)
                return _result(None, verdicts.ruling or Ruling(TouchOutcome.DENIED, "not_enrolled"))
            row = await self._row(tx, touch, key, now)
            effect = await tx.effects.get(key)
            case = Case(touch, row, records.campaign, records.contractor, records.enrollment, now)
            if effect is None or effect.state != EffectState.STARTED.value:
                if row.status != "scheduled":
                    return _stored(row)
                if await tx.outreach.task_of(key) is not None:
                    return TouchResult(outcome=TouchOutcome.TASK, touchpoint_id=row.id)
                verdicts = await self._objections(tx, records, touch, now)
                if verdicts.ruling is not None:
                    return await _record_refusal(tx, case, verdicts)
            return case, effect

    @staticmethod
    async def _row(tx: UnitOfWork, touch: TouchRef, key: str, now: datetime) -> OutreachTouchpoint:
        return await tx.outreach.open_touchpoint(
            key,
            campaign_id=touch.campaign_id,
            contractor_id=touch.contractor_id,
            channel=touch.step.channel.value,
            touchpoint_type=touch.step.template,
            template_used=touch.step.template,
            sequence_step=touch_index(touch.key),
            touch_key=touch.key,
            purpose=touch.purpose.value,
            scheduled_for=now,
        )

    async def _objections(self, tx: UnitOfWork, records: Records, touch: TouchRef, now: datetime) -> Verdicts:
        contractor = records.contractor
        if contractor is not None and not CONDITIONS[touch.step.condition](contractor):
            return Verdicts(Ruling(TouchOutcome.SKIPPED, touch.step.condition.value))
        return await self._gate.judge(tx, touch, now)

    async def _place(self, case: Case) -> Mailbox | Ruling | None:
        """A place in the day of the mailbox that writes to this contractor; None: the default sender, uncapped."""
        if case.touch.step.channel is not Channel.EMAIL:
            return None
        touch, now = case.touch, case.now
        async with self._db.transaction() as tx:
            box = await _mailbox(tx, case)
            if isinstance(box, Ruling) or box is None:
                return box
            day = now.astimezone(UTC).date()
            midnight = datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1)
            so_far = await tx.outreach.mailbox_day(box.id, day, midnight, besides=case.touchpoint.id)
            cap = cap_on(day, box.daily_cap, box.warm_up_from)
            follow_up = touch.key != FIRST_TOUCH
            # Somebody waits for what was arranged: it takes its place in the day, and is not put off by it.
            free = touch.purpose is Purpose.ARRANGED or may_send(so_far.taken, cap, so_far.follow_ups_due, follow_up)
            if not free:
                return Ruling(TouchOutcome.DEFERRED, "mailbox_full", next_day(touch, case.contractor.timezone, now))
            await tx.outreach.claim(case.touchpoint.id, box.id, day, follow_up)
            return box

    async def _keep(self, case: Case, draft: Draft) -> Case:
        """Keeps the words before they go out; returns the case with the touch as it is kept."""
        extra = {**case.extra, **draft.extra}
        async with self._db.transaction() as tx:
            await tx.outreach.draft(
                case.touchpoint.id,
                subject=draft.subject,
                message=draft.message,
                variant=draft.variant,
                mailbox_id=case.mailbox.id if case.mailbox is not None else None,
                extra=extra or None,
            )
            row = await tx.outreach.touchpoint(case.touchpoint.id)
        return replace(case, touchpoint=row or case.touchpoint)

    # The touch itself.

    async def _make(self, attempt: _Attempt) -> TouchResult:
        case = attempt.case
        sender = self._senders[case.touch.step.channel]
        try:
            with charged_to(case.touchpoint.id, TOUCHPOINT):
                outcome = await sender.perform(case, attempt.draft, self._record(attempt), self._shutter(attempt))
        except Shut as shut:
            return await self._refuse(case, shut.verdicts)
        return await self._told(case, outcome)

    async def _clear_up(self, case: Case) -> TouchResult | None:
        """Settles what an attempt that died left open, by asking the vendor; None: there is nothing left of it."""
        sender = self._senders[case.touch.step.channel]
        try:
            with charged_to(case.touchpoint.id, TOUCHPOINT):
                outcome = await sender.perform(case, None, self._record(_Attempt(case)), _closed)
        except Withheld:
            return None
        return await self._told(case, outcome)

    def _shutter(self, attempt: _Attempt) -> Gate:
        """The gate right before the request; see the head of this file."""
        touch, letter = attempt.case.touch, attempt.draft.letter if attempt.draft is not None else None

        @asynccontextmanager
        async def gate(guard: UnitOfWork) -> AsyncIterator[None]:
            # Taken back with the savepoint: the record that follows must not wait for those who wait for us.
            savepoint = await guard.session.begin_nested()
            try:
                await guard.people.lock(touch.contractor_id)
                attempt.verdicts = await self._gate.judge(guard, touch, self._clock(), letter)
                if attempt.verdicts.ruling is not None:
                    raise Shut(attempt.verdicts)
                yield
            finally:
                await savepoint.rollback()

        return gate

    def _record(self, attempt: _Attempt) -> Callable[[UnitOfWork, Outcome], Any]:
        async def record(tx: UnitOfWork, outcome: Outcome) -> None:
            await self._settle(tx, attempt, outcome)

        return record

    async def _settle(self, tx: UnitOfWork, attempt: _Attempt, outcome: Outcome) -> None:
        """The rows of a touch, in the transaction that settles its effect."""
        case = attempt.case
        touch, row, now = case.touch, case.touchpoint, self._clock()
        status, on_schedule, _ = SETTLED[outcome.state]
        values: dict[str, Any] = {"external_id": outcome.external_id}
        if outcome.state is EffectState.DONE:
            values |= {"sent_at": now, "cost": self._senders[touch.step.channel].price}
            await tx.outreach.contacted_now(touch.contractor_id, now)
        elif outcome.state is EffectState.FAILED:
            values |= {"failed_at": now, "outcome_reason": "refused_by_vendor"}
            await tx.outreach.unclaim(row.id)
            if EVERY_CHANNEL in await tx.people.suppressed(case.contractor.email, case.contractor.phone):
                # The refusal was the recipient's own: the vendor knew of it before us.
                status, values = "denied", {"outcome_reason": OPTED_OUT}
        else:
            values |= {"outcome_reason": "unknown_effect"}
            await _ask_a_person(tx, case, now)
        await tx.outreach.made(row.id, status, **values)
        await tx.outreach.settle_scheduled(touch.campaign_id, touch.contractor_id, touch.key, on_schedule, now, row.id)
        await tx.outreach.update_enrollment(case.enrollment.id, held=False)
        await _store_decision(tx, case, attempt.verdicts)

    async def _told(self, case: Case, outcome: Outcome) -> TouchResult:
        """The result by the rows; a record that is missing although the effect is settled is made up for."""
        async with self._db.transaction() as tx:
            row = await tx.outreach.touchpoint(case.touchpoint.id)
            if row is not None and row.status == "scheduled":
                await self._settle(tx, _Attempt(case), outcome)
                row = await tx.outreach.touchpoint(case.touchpoint.id)
        if row is None:
            raise LookupError("the touch vanished while it was made")
        return _stored(row)

    async def _hand_over(self, case: Case) -> TouchResult:
        """What people do: it is on their list, and off the schedule."""
        touch, now = case.touch, case.now
        async with self._db.transaction() as tx:
            await tx.people.lock(touch.contractor_id)
            verdicts = await self._gate.judge(tx, touch, now)
            if verdicts.ruling is not None:
                return await _record_refusal(tx, case, verdicts)
            await put_on_list(tx, self._letters, case)
            await tx.outreach.settle_scheduled(
                touch.campaign_id, touch.contractor_id, touch.key, "sent", now, case.touchpoint.id
            )
        return TouchResult(outcome=TouchOutcome.TASK, touchpoint_id=case.touchpoint.id)

    async def _refuse(self, case: Case, verdicts: Verdicts) -> TouchResult:
        async with self._db.transaction() as tx:
            return await _record_refusal(tx, case, verdicts)


@asynccontextmanager
async def _closed(_: UnitOfWork) -> AsyncIterator[None]:
    """A gate for clearing up: nothing new begins behind it."""
    raise Withheld("nothing is left of the earlier attempt")
    yield


async def _record_refusal(tx: UnitOfWork, case: Case, verdicts: Verdicts) -> TouchResult:
    """A touch that is not made now, or never: its decision, its rows, its place in the mailbox's day given back."""
    ruling, touch = verdicts.ruling, case.touch
    if ruling is None:
        raise ValueError("nothing speaks against this touch")
    await _store_decision(tx, case, verdicts)
    await tx.outreach.unclaim(case.touchpoint.id)
    if ruling.held and not case.enrollment.held:
        await tx.outreach.update_enrollment(case.enrollment.id, held=True)
    if ruling.outcome in REFUSED:
        settled = await tx.outreach.settle_touchpoint(
            case.touchpoint.id, REFUSED[ruling.outcome], outcome_reason=ruling.reason
        )
        if settled:
            await tx.outreach.settle_scheduled(
                touch.campaign_id, touch.contractor_id, touch.key, "cancelled", case.now, case.touchpoint.id
            )
    return _result(case.touchpoint.id, ruling)


async def _store_decision(tx: UnitOfWork, case: Case, verdicts: Verdicts) -> None:
    decision = verdicts.decision
    if decision is None:
        return
    await tx.outreach.decide(
        case.touchpoint.id,
        case.touch.contractor_id,
        MACHINES[case.touch.step.channel].value,
        decision.verdict.value,
        decision.reason.value,
        decision.until,
        decision.facts,
    )


async def _mailbox(tx: UnitOfWork, case: Case) -> Mailbox | Ruling | None:
    """The mailbox of this enrolment, locked; another one where that rests."""
    assigned = case.enrollment.mailbox_id
    box = await tx.outreach.mailbox(assigned, lock=True) if assigned is not None else None
    if box is not None and box.state == "active":
        return box
    picked = pick_mailbox(f"{case.touch.campaign_id}|{case.touch.contractor_id}", await tx.outreach.active_mailboxes())
    if picked is None:
        if not await tx.outreach.has_mailboxes():
            return None
        until = next_day(case.touch, case.contractor.timezone, case.now)
        return Ruling(TouchOutcome.DEFERRED, "no_mailbox", until)
    await tx.outreach.update_enrollment(case.enrollment.id, mailbox_id=picked)
    return await tx.outreach.mailbox(picked, lock=True)


async def _ask_a_person(tx: UnitOfWork, case: Case, now: datetime) -> None:
    touch = case.touch
    await tx.outreach.open_task(
        f"unknown-{case.key}",
        "unknown_effect",
        touch.contractor_id,
        now + LOOK_WITHIN,
        campaign_id=touch.campaign_id,
        touchpoint_id=case.touchpoint.id,
        instructions=(
            f"Nobody can tell whether this {touch.step.channel.value} ({touch.step.template}) went out. "
            "Look for it at the vendor; it is not sent again by itself."
        ),
    )


def _stored(row: OutreachTouchpoint) -> TouchResult:
    """The result of a settled touch, the same whenever it is asked for."""
    outcome = OUTCOME_OF.get(row.status or "", TouchOutcome.SENT)
    if outcome is TouchOutcome.FAILED and row.sent_at is not None:
        outcome = TouchOutcome.SENT
    reason = row.outcome_reason if outcome is not TouchOutcome.SENT else None
    ends = ENDS.get(reason) if reason is not None and outcome is TouchOutcome.DENIED else None
    return TouchResult(outcome=outcome, reason=reason, touchpoint_id=row.id, ends=ends)


def _result(touchpoint_id: UUID | None, ruling: Ruling) -> TouchResult:
    return TouchResult(
        outcome=ruling.outcome,
        reason=ruling.reason,
        until=ruling.until,
        touchpoint_id=touchpoint_id,
        ends=ruling.ends,
    )
