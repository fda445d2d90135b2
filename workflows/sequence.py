"""ContractorSequenceWorkflow: one contractor through one campaign, for as long as it takes (spec 3.6.4, 6.3).

A sequence is a walk through phases; each phase is a method that returns the next one. Whatever a
contractor does arrives as an event and may turn the walk at any wait: see `TURNS`. Timers, pauses and
deferrals are durable; the database knows every step, so a sequence that was lost goes on from there.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from workflows import search_attributes as sa
from workflows.options import SEQUENCE_TIMES, local, remote

with workflow.unsafe.imports_passed_through():
    from activities.outreach.activities import OutreachActivities
    from activities.sequences.activities import SequenceActivities
    from domain.cadence import (
        BOOKING_TOUCHES,
        CALL_FOLLOW_UP_TOUCH,
        CALLBACK_TOUCH,
        DEMO_TOUCHES,
        MISSED_TOUCHES,
        NURTURE_TOUCH,
        PROPOSAL_TOUCHES,
        Channel,
        Touch,
    )
    from schema.contracts.outreach import (
        ENDS,
        CallRef,
        CallVerdict,
        Command,
        ContactEvent,
        Control,
        DemoBooking,
        DemoRequest,
        Disposition,
        Enrollment,
        EventKind,
        Phase,
        PhaseChange,
        Purpose,
        Refusal,
        SequenceRequest,
        SequenceResult,
        SequenceStatus,
        SequenceStep,
        TouchOutcome,
        TouchRef,
        TouchResult,
    )

LIVE = frozenset(Phase) - ENDS
UNASKED = frozenset({Phase.OUTREACH, Phase.NURTURE, Phase.PERSON, Phase.CALLBACK})
"""Phases in which nothing has been arranged yet."""

TURNS: dict[EventKind, tuple[Phase, frozenset[Phase]]] = {
    EventKind.OPTED_OUT: (Phase.OPTED_OUT, LIVE),
    EventKind.STOPPED: (Phase.STOPPED, LIVE),
    EventKind.SIGNED_UP: (Phase.SIGNED_UP, LIVE),
    EventKind.NOT_INTERESTED: (Phase.DISQUALIFIED, LIVE),
    EventKind.HARD_BOUNCE: (Phase.UNREACHABLE, UNASKED),
    EventKind.DEMO_ATTENDED: (Phase.PROPOSAL, frozenset({Phase.DEMO, Phase.PERSON})),
    EventKind.DEMO_BOOKED: (Phase.DEMO, LIVE),
    EventKind.DEMO_CANCELED: (Phase.BOOKING, frozenset({Phase.DEMO})),
    EventKind.DEMO_MISSED: (Phase.BOOKING, frozenset({Phase.DEMO, Phase.PERSON})),
    EventKind.INTERESTED: (Phase.BOOKING, UNASKED),
    EventKind.CALLBACK: (Phase.CALLBACK, UNASKED),
    EventKind.REPLIED: (Phase.PERSON, UNASKED - {Phase.PERSON}),
}
"""Where an event leads, and from which phases; where several are waiting, the first of the table counts."""

REFUSED: dict[Refusal, Phase] = {
    Refusal.UNKNOWN_ZONE: Phase.UNREACHABLE,
    Refusal.SUPPRESSED: Phase.OPTED_OUT,
    Refusal.ALREADY_CUSTOMER: Phase.SIGNED_UP,
}

CALL_TURNS: dict[Disposition, Phase] = {
    Disposition.WANTS_DEMO: Phase.BOOKING,
    Disposition.WANTS_CALLBACK: Phase.CALLBACK,
    Disposition.NOT_INTERESTED: Phase.DISQUALIFIED,
    Disposition.OPTED_OUT: Phase.OPTED_OUT,
}

DEMO_ATTEMPTS = 3
CALLBACK_ATTEMPTS = 3
NURTURE_ENDS_AFTER = timedelta(days=365)
DEFERRALS = 60
OUTLASTS_A_PHASE = frozenset(
    {EventKind.DEMO_BOOKED, EventKind.DEMO_CANCELED, EventKind.DEMO_ATTENDED, EventKind.DEMO_MISSED}
    | {kind for kind, (phase, _) in TURNS.items() if phase in ENDS}
)
"""News of demos may come before the phase they are about; what ends a sequence ends it whenever it is heard."""


class Wake(Enum):
    """Why a wait is over."""

    DUE = auto()
    TURN = auto()
    SKIP = auto()
    REPLAN = auto()


@workflow.defn(failure_exception_types=[ValidationError])
class ContractorSequenceWorkflow:
    """Its id is `sequence-<campaign id>-<contractor id>`: nobody is in one sequence twice."""

    @workflow.init
    def __init__(self, request: SequenceRequest) -> None:
        self._request = request
        self._status = SequenceStatus()
        self._enrollment = Enrollment()
        self._started_at = workflow.now()
        self._last_touch: datetime | None = None
        self._resume_at: datetime | None = None
        self._meeting_id: UUID | None = None
        self._reason: str | None = None
        self._seen: dict[str, None] = dict.fromkeys(request.seen)
        self._news: list[ContactEvent] = []
        self._canceled: set[UUID] = set()
        self._demos_sought = self._callbacks = 0
        self._commands: list[Control] = []
        self._not_before: datetime | None = None
        self._stirs = 0

    @workflow.run
    async def run(self, request: SequenceRequest) -> SequenceResult:
        """From phase to phase until one of them is an end."""
        enrolling = request.model_copy(update={"at": workflow.now()})
        self._enrollment = await local(SequenceActivities.enroll, enrolling, "Enrol, or find where it stood")
        if self._enrollment.refusal is not None:
            end = REFUSED.get(self._enrollment.refusal, Phase.STOPPED)
            return await self._finish(end, self._enrollment.refusal.value)
        self._open(self._enrollment)
        phases: dict[Phase, Callable[[], Awaitable[Phase]]] = {
            Phase.OUTREACH: self._reach_out,
            Phase.CALLBACK: self._call_back,
            Phase.BOOKING: self._find_a_time,
            Phase.DEMO: self._demonstrate,
            Phase.PROPOSAL: self._propose,
            Phase.PERSON: self._leave_to_a_person,
            Phase.NURTURE: self._nurture,
        }
        while (phase := self._status.phase) not in ENDS:
            following = self._turn() or await phases[phase]()
            await self._enter(following)
        return await self._finish(self._status.phase, self._reason)

    # The phases, in the order a good story takes them.

    async def _reach_out(self) -> Phase:
        """Seven touches over fourteen days; then a little patience."""
        for index, step in enumerate(self._enrollment.steps):
            turn = await self._touch(step, f"outreach-{index}", Purpose.OUTREACH, self._since)
            if turn is not None:
                return turn
        return await self._wait_for_news(SEQUENCE_TIMES.last_word, "an answer") or Phase.NURTURE

    async def _call_back(self) -> Phase:
        """Call at the time asked for; nobody there, or another time wanted: once more, but not for ever."""
        self._callbacks += 1
        if self._callbacks > CALLBACK_ATTEMPTS:
            return Phase.PERSON
        starts_at = max(self._resume_at or self._since, self._since)
        turn = await self._touch(CALLBACK_TOUCH, self._key("callback", 0), Purpose.ARRANGED, starts_at)
        if turn is None:
            self._resume_at = workflow.now() + SEQUENCE_TIMES.next_call
        return turn or Phase.CALLBACK

    async def _find_a_time(self) -> Phase:
        """Book a demo, or ask the contractor to choose a time."""
        self._demos_sought += 1
        if self._demos_sought > DEMO_ATTEMPTS:
            return Phase.NURTURE
        missed = self._reason == EventKind.DEMO_MISSED.value
        if not missed:
            booking = await self._book()
            if booking.meeting_id is not None and booking.starts_at is not None:
                self._meeting_id, self._resume_at = booking.meeting_id, booking.starts_at
                return self._turn() or Phase.DEMO
        turn = await self._touches(MISSED_TOUCHES if missed else BOOKING_TOUCHES, "booking", self._since)
        return turn or await self._wait_for_news(SEQUENCE_TIMES.booking, "a time for the demo") or Phase.NURTURE

    async def _demonstrate(self) -> Phase:
        """Preparation at once, reminders before it starts, then how it went."""
        starts_at = self._resume_at or workflow.now()
        for index, (before, touch) in enumerate(DEMO_TOUCHES):
            moment = self._since if before is None else starts_at - before
            if before is not None and moment < workflow.now():
                continue
            turn = await self._touch(touch, self._key("demo", index), Purpose.ARRANGED, moment)
            if turn is not None:
                return turn
        patience = starts_at + SEQUENCE_TIMES.demo_outcome - workflow.now()
        return await self._wait_for_news(patience, "how the demo went") or Phase.PERSON

    async def _propose(self) -> Phase:
        """Proposal, prices, two follow-ups; then it is their move."""
        turn = await self._touches(PROPOSAL_TOUCHES, "proposal", self._since)
        return turn or await self._wait_for_news(SEQUENCE_TIMES.decision, "a decision") or Phase.NURTURE

    async def _leave_to_a_person(self) -> Phase:
        """Somebody answers by hand; what comes of it arrives as an event."""
        return await self._wait_for_news(SEQUENCE_TIMES.person, "a person to answer") or Phase.NURTURE

    async def _nurture(self) -> Phase:
        """One letter a month, a run of the workflow each, until a year after the enrolment."""
        if workflow.now() - (self._enrollment.enrolled_at or self._since) > NURTURE_ENDS_AFTER:
            self._reason = "nurture_over"
            return Phase.STOPPED
        turn = await self._touch(NURTURE_TOUCH, self._key("nurture", 0), Purpose.NURTURE, self._since)
        if turn is None:
            await self._record(Phase.NURTURE)
            await workflow.wait_condition(workflow.all_handlers_finished)
            turn = self._turn()
        if turn is None:
            workflow.continue_as_new(self._request.model_copy(update={"seen": tuple(self._seen)[-100:]}))
        return turn

    # One touch: wait until it is due, make it, look at what came of it.

    async def _touches(self, touches: tuple[Touch, ...], kind: str, starts_at: datetime) -> Phase | None:
        for index, touch in enumerate(touches):
            turn = await self._touch(touch, self._key(kind, index), Purpose.ARRANGED, starts_at)
            if turn is not None:
                return turn
        return None

    async def _touch(self, step: SequenceStep | Touch, key: str, purpose: Purpose, starts_at: datetime) -> Phase | None:
        """Makes one touch when it is due. Returns the phase that something turned the sequence to meanwhile."""
        if key in self._enrollment.done:
            return None
        touch = TouchRef(
            campaign_id=self._request.campaign_id,
            contractor_id=self._request.contractor_id,
            key=key,
            step=step if isinstance(step, SequenceStep) else SequenceStep.of(step),
            purpose=purpose,
            starts_at=starts_at,
            after=self._last_touch,
            # What fell due while the sequence stood still goes out in its window, not at once.
            not_before=workflow.now(),
            meeting_id=self._meeting_id,
        )
        self._update(next_touch=key)
        turn = await self._make(touch)
        self._update(next_touch=None, next_at=None)
        # A command that named no touch was about this one.
        self._commands = [control for control in self._commands if control.touch is not None]
        return turn

    async def _make(self, touch: TouchRef) -> Phase | None:
        deferrals = 0
        while deferrals < DEFERRALS:
            plan = await local(SequenceActivities.plan_touch, touch, f"When is {touch.step.template} due?")
            if plan.due_at is None:
                self._reason = Refusal.UNKNOWN_ZONE.value
                return Phase.UNREACHABLE
            wake = await self._wait_until(plan.due_at, touch)
            if wake is Wake.TURN:
                return self._turn()
            if wake is Wake.SKIP:
                return None
            if wake is Wake.REPLAN:
                touch = touch.model_copy(update={"not_before": self._not_before})
                continue
            result = await self._send(touch)
            if result.outcome is not TouchOutcome.DEFERRED:
                return await self._after(touch, result)
            deferrals += 1
            touch = touch.model_copy(update={"not_before": result.until or workflow.now() + SEQUENCE_TIMES.try_again})
        return None

    async def _send(self, touch: TouchRef) -> TouchResult:
        try:
            result = await remote(OutreachActivities.send_touch, touch, f"{touch.step.channel}: {touch.step.template}")
        except ActivityError as failure:
            if is_cancelled_exception(failure):
                raise
            # Its attempts are used up: the vendor is down for longer. The touch waits, it is not lost.
            result = TouchResult(outcome=TouchOutcome.DEFERRED, reason="vendor_unavailable")
        self._update(last_outcome=result.outcome)
        return result

    async def _after(self, touch: TouchRef, result: TouchResult) -> Phase | None:
        made = result.outcome in (TouchOutcome.SENT, TouchOutcome.TASK, TouchOutcome.UNKNOWN)
        if made:
            self._last_touch = workflow.now()
            self._update(touches=self._status.touches + 1)
        if result.ends is not None:
            self._reason = result.reason
            return self._turn() or result.ends
        if result.outcome is TouchOutcome.SENT and touch.step.channel is Channel.CALL and result.touchpoint_id:
            return await self._hear_out(result.touchpoint_id)
        return self._turn()

    async def _hear_out(self, call_id: UUID) -> Phase | None:
        """Waits for the call to end and acts on what it came to."""
        self._waits_for("the call to end")

        def over() -> bool:
            ended = any(news.kind is EventKind.CALL_ENDED and news.touchpoint_id == call_id for news in self._news)
            return ended or self._turn() is not None

        await self._wait(over, SEQUENCE_TIMES.call)
        try:
            verdict = await remote(OutreachActivities.analyze_call, CallRef(touchpoint_id=call_id), "What was said")
        except ActivityError as failure:
            if is_cancelled_exception(failure):
                raise
            verdict = CallVerdict(disposition=Disposition.UNCLEAR)
        turn = self._turn()
        if turn is not None:
            return turn
        if verdict.disposition in CALL_TURNS:
            self._resume_at = verdict.at
            if verdict.disposition is Disposition.WANTS_CALLBACK and verdict.at is None:
                self._resume_at = workflow.now() + SEQUENCE_TIMES.next_call
            return CALL_TURNS[verdict.disposition]
        if verdict.disposition is Disposition.MODERATE:
            key = f"follow_up-{self._status.touches}"
            return await self._touch(CALL_FOLLOW_UP_TOUCH, key, Purpose.ARRANGED, workflow.now())
        return None

    async def _book(self) -> DemoBooking:
        request = DemoRequest(
            campaign_id=self._request.campaign_id,
            contractor_id=self._request.contractor_id,
            attempt=self._enrollment.cycle + 1,
            preferred_at=self._resume_at,
        )
        try:
            return await remote(OutreachActivities.book_demo, request, "Book a demo")
        except ActivityError as failure:
            if is_cancelled_exception(failure):
                raise
            return DemoBooking(reason="calendar_unavailable")

    # Waiting, which may be interrupted.

    async def _wait_until(self, due: datetime, touch: TouchRef) -> Wake:
        """Waits for the touch's time; pauses, commands and events come in between."""
        self._update(next_at=due)
        self._waits_for(f"{touch.step.template} by {touch.step.channel} at {due:%d %B %H:%M} UTC")
        was_paused = False
        while True:
            if self._turn() is not None:
                return Wake.TURN
            if (wake := self._obey(touch)) is not None:
                return wake
            now = workflow.now()
            if self._status.paused_until is not None and self._status.paused_until <= now:
                self._update(paused=False, paused_until=None)
            if self._status.paused:
                was_paused = True
                until = self._status.paused_until
                await self._stir(until - now if until else None)
            elif was_paused:
                # What fell due meanwhile goes out inside its window again, not all at once.
                self._not_before = now
                return Wake.REPLAN
            elif now >= due:
                return Wake.DUE
            else:
                await self._stir(due - now)

    def _obey(self, touch: TouchRef) -> Wake | None:
        """Carries out the first command that is about this touch."""
        for control in self._commands:
            if control.touch not in (None, touch.key):
                continue
            self._commands.remove(control)
            if control.command is Command.SKIP:
                return Wake.SKIP
            if control.command is Command.SEND_NOW:
                return Wake.DUE
            self._not_before = control.until if control.command is Command.RESCHEDULE else workflow.now()
            return Wake.REPLAN
        return None

    async def _wait_for_news(self, patience: timedelta, what: str) -> Phase | None:
        self._update(next_touch=None, next_at=workflow.now() + patience)
        self._waits_for(what)
        await self._wait(lambda: self._turn() is not None, patience)
        return self._turn()

    async def _stir(self, patience: timedelta | None) -> None:
        before = self._stirs
        await self._wait(lambda: self._stirs != before, patience)

    async def _wait(self, condition: Callable[[], bool], patience: timedelta | None) -> None:
        try:
            await workflow.wait_condition(condition, timeout=None if patience is None else max(patience, timedelta(0)))
        except TimeoutError:
            return

    # What contractors do.

    @workflow.signal
    def event(self, event: ContactEvent) -> None:
        """Something happened; a repetition is ignored, and the order does not matter."""
        if event.event_id in self._seen:
            return
        self._seen[event.event_id] = None
        self._update(events=self._status.events + 1)
        self._stirs += 1
        if event.kind is EventKind.OUT_OF_OFFICE:
            if self._status.phase in UNASKED and event.until is not None:
                self._update(paused=True, paused_until=event.until)
            return
        if event.kind is EventKind.DEMO_CANCELED and event.meeting_id is not None:
            self._canceled.add(event.meeting_id)
        self._news.append(event)

    def _turn(self) -> Phase | None:
        """The phase that the news lead to; None while there are none that matter here."""
        news = self._pressing()
        return TURNS[news.kind][0] if news is not None else None

    def _pressing(self) -> ContactEvent | None:
        phase = self._status.phase
        for kind, (_, phases) in TURNS.items():
            if phase not in phases:
                continue
            for news in self._news:
                if news.kind is kind and self._concerns_us(news):
                    return news
        return None

    def _concerns_us(self, news: ContactEvent) -> bool:
        """Whether news of a demo are of the one at hand; what came before this phase is of another."""
        if news.kind is EventKind.DEMO_BOOKED:
            return news.meeting_id != self._meeting_id and news.meeting_id not in self._canceled
        if news.kind in (EventKind.DEMO_CANCELED, EventKind.DEMO_ATTENDED, EventKind.DEMO_MISSED):
            return news.meeting_id == self._meeting_id
        return True

    # What operators do: signals for the CLI and UI, the update where an answer is wanted.

    @workflow.signal
    def pause(self, until: Any = None) -> None:
        """Make no touch until `until` (ISO 8601), or until resumed."""
        self._command({"command": Command.PAUSE, "until": until})

    @workflow.signal
    def resume(self) -> None:
        """Go on."""
        self._command({"command": Command.RESUME})

    @workflow.signal
    def skip(self, touch: Any = None) -> None:
        """Leave out the next touch, or the one named."""
        self._command({"command": Command.SKIP, "touch": touch})

    @workflow.signal
    def reschedule(self, until: Any) -> None:
        """Make the next touch no sooner than `until` (ISO 8601)."""
        self._command({"command": Command.RESCHEDULE, "until": until})

    @workflow.signal
    def command(self, control: Control) -> None:
        """Any command, from another workflow."""
        self._take(control)

    @workflow.update
    def control(self, control: Control) -> SequenceStatus:
        """Any command; answers how the sequence stands now."""
        self._take(control)
        return self._status

    @control.validator
    def _validate_control(self, control: Control) -> None:
        if self._status.phase in ENDS:
            raise ApplicationError(f"the sequence has ended: {self._status.phase.value}", type="SequenceOver")
        if control.until is not None and control.until.tzinfo is None:
            raise ApplicationError("`until` needs a time zone", type="BadCommand")
        if not self._applies(control):
            raise ApplicationError(f"no touch is planned in phase {self._status.phase.value}", type="NothingPlanned")

    @workflow.query
    def status(self) -> SequenceStatus:
        """Where the contractor stands and what is waited for."""
        return self._status

    def _command(self, given: dict[str, Any]) -> None:
        try:
            control = Control.model_validate(given)
        except ValidationError:
            workflow.logger.warning("command ignored: it cannot be read")
            return
        if control.until is None or control.until.tzinfo is not None:
            self._take(control)

    def _applies(self, control: Control) -> bool:
        """Whether there is a touch that the command can be about."""
        about_a_touch = control.command in (Command.SKIP, Command.RESCHEDULE, Command.SEND_NOW)
        return not about_a_touch or control.touch is not None or self._status.next_touch is not None

    def _take(self, control: Control) -> None:
        if not self._applies(control):
            return
        if control.command is Command.PAUSE:
            self._update(paused=True, paused_until=control.until)
        else:
            if control.command is Command.RESUME:
                self._update(paused=False, paused_until=None)
            self._commands.append(control)
        self._stirs += 1

    # State, as people see it.

    @property
    def _since(self) -> datetime:
        return self._started_at

    def _key(self, kind: str, number: int) -> str:
        """A touch's key; touches of a later attempt, or month, are others."""
        return f"{kind}-{self._enrollment.cycle}-{number}"

    def _open(self, enrollment: Enrollment) -> None:
        self._started_at = enrollment.phase_started_at or workflow.now()
        self._resume_at, self._meeting_id = enrollment.resume_at, enrollment.meeting_id
        self._last_touch, self._reason = enrollment.last_touch_at, enrollment.reason
        paused = enrollment.paused_until is not None and enrollment.paused_until > workflow.now()
        self._update(phase=enrollment.phase)
        if paused:
            self._update(paused=True, paused_until=enrollment.paused_until)
        workflow.upsert_search_attributes(
            [
                sa.CONTRACTOR_ID.value_set(str(self._request.contractor_id)),
                sa.CAMPAIGN_ID.value_set(str(self._request.campaign_id)),
                sa.CITY.value_set(enrollment.city or ""),
                sa.STATE.value_set(enrollment.state or ""),
                sa.STAGE.value_set(enrollment.phase.value),
            ]
        )

    async def _enter(self, phase: Phase) -> None:
        """Moves on to `phase`, taking along what the news that led there say."""
        news = self._pressing()
        if news is not None and TURNS[news.kind][0] is phase:
            self._reason, self._resume_at = news.kind.value, news.until
            self._news.remove(news)
            if phase is Phase.DEMO:
                self._meeting_id = news.meeting_id
        # What else came in was about the phase that ends here.
        self._news = [news for news in self._news if news.kind in OUTLASTS_A_PHASE]
        await self._record(phase)
        self._started_at = workflow.now()
        self._update(phase=phase)
        workflow.upsert_search_attributes([sa.STAGE.value_set(phase.value)])

    async def _record(self, phase: Phase) -> None:
        self._enrollment = self._enrollment.model_copy(update={"cycle": self._enrollment.cycle + 1})
        change = PhaseChange(
            campaign_id=self._request.campaign_id,
            contractor_id=self._request.contractor_id,
            phase=phase,
            at=workflow.now(),
            reason=self._reason,
            cycle=self._enrollment.cycle,
            resume_at=self._resume_at,
            meeting_id=self._meeting_id,
        )
        await local(SequenceActivities.enter_phase, change, f"Enter {phase.value}")

    def _update(self, **changes: Any) -> None:
        self._status = self._status.model_copy(update=changes)

    def _waits_for(self, what: str) -> None:
        self._update(waiting_for=what)
        workflow.set_current_details(f"Phase: **{self._status.phase.value}**. Waiting for {what}.")

    async def _finish(self, phase: Phase, reason: str | None) -> SequenceResult:
        self._update(phase=phase, waiting_for=None, next_touch=None, next_at=None)
        workflow.set_current_details(f"Done: **{phase.value}**{f' ({reason})' if reason else ''}.")
        workflow.upsert_search_attributes([sa.STAGE.value_set(phase.value)])
        await workflow.wait_condition(workflow.all_handlers_finished)
        return SequenceResult(phase=phase, reason=reason, touches=self._status.touches)
