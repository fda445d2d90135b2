"""ContractorOnboardingWorkflow: from the choice of a tier to the last cent that goes back (spec 3.6.6, 6.3, 7.5).

The story reads from top to bottom: the first month is paid, the contractor is welcomed, months follow one
another, and after the end the performance of the last months is judged. What happens at Stripe arrives as an
event, which only says: look. What counts is what Stripe answers, so order and repetition do not matter. Every
wait is computed from the database, so a run that was lost goes on where it stood.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from workflows import search_attributes as sa
from workflows.options import ONBOARDING_TIMES, local, remote
from workflows.sequence import ContractorSequenceWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.subscriptions.activities import SubscriptionActivities, SubscriptionLetters, SubscriptionRecords
    from domain.subscriptions import DunningStep, next_dunning
    from schema.contracts.ids import sequence_workflow_id
    from schema.contracts.onboarding import (
        NEVER_PAID,
        UNPAID,
        BillingEvent,
        OnboardingRequest,
        OnboardingResult,
        OnboardingStage,
        OnboardingStatus,
        PaymentAttempt,
        PaymentOutcome,
        PaymentResult,
        PeriodRef,
        PlanAction,
        PlanAnswer,
        PlanChange,
        PlanOrder,
        PlanRefusal,
        SequenceRef,
        Standing,
        SubscriptionLetter,
        SubscriptionLetterKind,
        SubscriptionRef,
        SubscriptionState,
    )
    from schema.contracts.outreach import ContactEvent, EventKind

LIVING = frozenset({SubscriptionState.ACTIVE, SubscriptionState.TRIALING, SubscriptionState.PAST_DUE})
WAITING_FOR: dict[PaymentOutcome, tuple[OnboardingStage, str]] = {
    PaymentOutcome.AUTHENTICATE: (OnboardingStage.AUTHENTICATION, "the contractor to confirm the payment"),
    PaymentOutcome.DECLINED: (OnboardingStage.DECLINED, "another payment method"),
}
TELL: dict[PaymentOutcome, SubscriptionLetterKind] = {
    PaymentOutcome.AUTHENTICATE: SubscriptionLetterKind.PAYMENT_CONFIRMATION,
    PaymentOutcome.DECLINED: SubscriptionLetterKind.PAYMENT_DECLINED,
}
REMEMBERED = 200
"""Event ids kept over continue-as-new."""


@workflow.defn(failure_exception_types=[ValidationError])
class ContractorOnboardingWorkflow:
    """Its id is `onboarding-<contractor id>`: a contractor has one subscription at a time."""

    @workflow.init
    def __init__(self, request: OnboardingRequest) -> None:
        self._request = request
        self._standing = Standing()
        self._status = OnboardingStatus()
        self._seen: dict[str, None] = dict.fromkeys(request.seen)
        self._look = False
        self._stirs = 0
        self._tried = request.tried
        self._profile_news = False
        self._orders: list[PlanChange] = []
        self._answers: dict[str, PlanAnswer] = {}
        self._asked_at: datetime | None = None
        self._not_before: datetime | None = None

    @workflow.run
    async def run(self, request: OnboardingRequest) -> OnboardingResult:
        """One run a month; the database says where the story stands."""
        workflow.upsert_search_attributes([sa.CONTRACTOR_ID.value_set(str(request.contractor_id))])
        await self._look_up()
        if self._standing.subscription_id is None:
            return await self._finish("no_subscription")
        if not self._standing.onboarded and await self._first_payment():
            await self._welcome()
        await self._months()
        await self._judge_what_is_left()
        if self._look:
            # Something came while the story ended: a new subscription, perhaps.
            self._begin_again()
        return await self._finish(self._standing.reason)

    # Signing up.

    async def _first_payment(self) -> bool:
        """Until the first month is paid; another card may be given for seven days."""
        self._enter(OnboardingStage.PAYMENT, "the first payment")
        deadline = (self._standing.created_at or workflow.now()) + ONBOARDING_TIMES.first_payment
        while self._standing.state is SubscriptionState.INCOMPLETE:
            if self._orders:
                await self._obey()
            elif self._held:
                await self._wait_until(self._not_before or deadline)
            elif self._has_new_card:
                await self._try_card()
            elif self._look:
                await self._sync()
            elif workflow.now() >= deadline:
                await self._order(PlanChange(change_id=NEVER_PAID, action=PlanAction.CANCEL_NOW))
            else:
                await self._wait_until(deadline)
        if self._standing.state is SubscriptionState.CANCELED:
            await self._tell(SubscriptionLetterKind.SUBSCRIPTION_ENDED)
        return self._standing.state in LIVING

    async def _try_card(self) -> None:
        """The payment method given last, once."""
        result = await self._use_card()
        if result is None:
            return
        await self._sync()
        # The letter has the page to pay on, which the look at Stripe has just found.
        if self._standing.state is SubscriptionState.INCOMPLETE and result.outcome in WAITING_FOR:
            self._enter(*WAITING_FOR[result.outcome])
            await self._tell(TELL[result.outcome], self._number_of_card)

    async def _use_card(self) -> PaymentResult | None:
        """What came of the payment method given last; None while Stripe does not answer: it is tried again later."""
        card = PaymentAttempt(**self._ref.model_dump(), attempt=self._standing.attempt)
        try:
            result = await remote(SubscriptionActivities.use_payment_method, card, f"Payment method {card.attempt}")
        except ActivityError as failure:
            await self._come_back(failure)
            await self._look_up()
            return None
        self._tried = card
        return result

    async def _welcome(self) -> None:
        """A customer: outreach stops, letters go out, and the first leads are shown at once (spec 6.3 step 10)."""
        self._enter(OnboardingStage.WELCOME, "the first leads")
        signed_up = await local(SubscriptionRecords.complete_sign_up, self._ref, "Sign the contractor up")
        for sequence in signed_up.sequences:
            await self._stop_outreach(sequence, signed_up.at)
        leads = await local(SubscriptionRecords.show_first_leads, self._ref, "Show the first leads")
        await self._look_up()
        await self._tell(SubscriptionLetterKind.WELCOME, leads=leads.available)
        await self._tell(SubscriptionLetterKind.TRAINING_CALL)

    async def _stop_outreach(self, sequence: SequenceRef, at: datetime) -> None:
        handle = workflow.get_external_workflow_handle_for(
            ContractorSequenceWorkflow.run, sequence_workflow_id(sequence.campaign_id, sequence.contractor_id)
        )
        event_id = f"signed-up-{self._ref.subscription_id}"
        event = ContactEvent(event_id=event_id, kind=EventKind.SIGNED_UP, at=at)
        try:
            await handle.signal(ContractorSequenceWorkflow.event, event)
        except ApplicationError:
            # It has ended or was lost; the enrolment is halted in the database, where a new run would find it.
            workflow.logger.info("no sequence to stop")

    # Month after month.

    async def _months(self) -> None:
        """Renewals, changes, overdue payments, and what is due at each month's end, until it is over."""
        first = self._standing.period
        while self._standing.state in LIVING:
            self._enter(self._stage, "the next month")
            if not await self._next_step():
                await self._wait_until(self._next_moment())
            if self._standing.period > first or workflow.info().is_continue_as_new_suggested():
                await self._go_on_in_a_new_run()
        if self._standing.onboarded and self._standing.state is SubscriptionState.CANCELED:
            await self._tell(SubscriptionLetterKind.SUBSCRIPTION_ENDED)

    async def _next_step(self) -> bool:
        """Does the first thing that is due; False: nothing is."""
        now, standing = workflow.now(), self._standing
        if self._orders:
            await self._obey()
        elif self._profile_news:
            await self._profile_completed()
        elif self._held:
            return False
        elif self._look:
            await self._sync()
        elif self._has_new_card:
            await self._try_another_card()
        elif standing.to_settle:
            await self._settle()
        elif self._guarantee_due(now):
            await self._judge()
        elif standing.past_due_since is not None and now >= self._dunning_moment():
            await self._dun()
        elif now >= self._renewal_moment():
            self._asked_at = now
            await self._sync()
        else:
            return False
        return True

    def _next_moment(self) -> datetime:
        """When something falls due by itself."""
        if self._not_before is not None and self._held:
            return self._not_before
        moments = [self._renewal_moment()]
        if self._standing.guarantee_due_at is not None:
            moments.append(self._standing.guarantee_due_at)
        if self._standing.past_due_since is not None:
            moments.append(self._dunning_moment())
        return min(moments)

    def _renewal_moment(self) -> datetime:
        """When to ask Stripe of its own accord: some time after a month's end, then again and again."""
        ends_at = self._standing.period_ends_at or workflow.now()
        after_end = ends_at + ONBOARDING_TIMES.renewal
        return after_end if self._asked_at is None else max(after_end, self._asked_at + ONBOARDING_TIMES.ask_again)

    def _dunning_moment(self) -> datetime:
        since = self._standing.past_due_since or workflow.now()
        return since + next_dunning(self._standing.reminders).after

    async def _dun(self) -> None:
        """A reminder, or the end (decision 0009)."""
        reminders = self._standing.reminders
        if next_dunning(reminders).step is DunningStep.CANCEL:
            await self._order(PlanChange(change_id=UNPAID, action=PlanAction.CANCEL_NOW))
            return
        since = self._standing.past_due_since or workflow.now()
        await self._tell(SubscriptionLetterKind.PAYMENT_FAILED, f"{int(since.timestamp())}-{reminders}")
        self._standing = await local(SubscriptionRecords.count_reminder, self._ref, f"Reminder {reminders + 1}")

    async def _try_another_card(self) -> None:
        """A card given while a payment is overdue, or just to replace the old one."""
        result = await self._use_card()
        if result is None:
            return
        if result.outcome in TELL:
            await self._tell(TELL[result.outcome], self._number_of_card)
        await self._sync()

    async def _profile_completed(self) -> None:
        """Leads of the areas chosen now, at once."""
        self._profile_news = False
        await local(SubscriptionRecords.show_first_leads, self._ref, "Show the leads of the chosen areas")
        await self._look_up()

    async def _settle(self) -> None:
        """A month is over: its unused leads go back (decision 0009)."""
        period = self._standing.to_settle[0]
        await self._pay_back(SubscriptionActivities.settle_period, PeriodRef(contractor_id=self._id, period_id=period))

    def _guarantee_due(self, now: datetime) -> bool:
        due = self._standing.guarantee_due_at
        return due is not None and now >= due

    async def _judge(self) -> None:
        """Sixty days after a month's end: was it worth its money?"""
        period = self._standing.guarantee
        if period is not None:
            ref = PeriodRef(contractor_id=self._id, period_id=period)
            await self._pay_back(SubscriptionActivities.judge_guarantee, ref)

    async def _pay_back(self, activity: Any, period: PeriodRef) -> None:
        guarantee = activity is SubscriptionActivities.judge_guarantee
        name = "guarantee" if guarantee else "unused_leads"
        try:
            summary = await remote(activity, period, "The guarantee of a month" if guarantee else "Unused leads")
        except ActivityError as failure:
            await self._come_back(failure)
            return
        if summary.refunded:
            number = f"{name}-{period.period_id.hex}"
            await self._tell(SubscriptionLetterKind.REFUND, number, period=period.period_id)
        await self._look_up()

    # The end.

    async def _judge_what_is_left(self) -> None:
        """It is over; the last months are settled and judged when their time comes."""
        while self._standing.to_settle or self._standing.guarantee is not None:
            self._enter(OnboardingStage.GUARANTEE, "the last months to be judged")
            if self._orders:
                await self._obey()
            elif self._held:
                await self._wait_until(self._not_before or workflow.now())
            elif self._look:
                await self._sync()
            elif self._standing.state is not SubscriptionState.CANCELED:
                # Back again: the story begins anew, and what is left of the old one goes along.
                await self._go_on_in_a_new_run()
            elif self._standing.to_settle:
                await self._settle()
            elif self._guarantee_due(workflow.now()):
                await self._judge()
            else:
                await self._wait_until(self._standing.guarantee_due_at or workflow.now())

    async def _finish(self, reason: str | None) -> OnboardingResult:
        self._enter(OnboardingStage.ENDED, None)
        for order in self._orders:
            self._answers[order.change_id] = PlanAnswer(refusal=PlanRefusal.NOT_ACTIVE)
        self._orders.clear()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return OnboardingResult(stage=OnboardingStage.ENDED, reason=reason)

    async def _go_on_in_a_new_run(self) -> None:
        """A run a month keeps the history small; nothing that was asked for is lost."""
        await workflow.wait_condition(lambda: bool(self._orders) or workflow.all_handlers_finished())
        if not self._orders and not self._look and not self._profile_news:
            self._begin_again()

    def _begin_again(self) -> None:
        seen = tuple(self._seen)[-REMEMBERED:]
        workflow.continue_as_new(self._request.model_copy(update={"seen": seen, "tried": self._tried}))

    # What contractors and Stripe do.

    @workflow.signal
    def event(self, event: BillingEvent) -> None:
        """Something happened at Stripe; a repetition is ignored, and the order does not matter."""
        if event.event_id in self._seen:
            return
        self._seen[event.event_id] = None
        self._update(events=self._status.events + 1)
        self._stir()

    @workflow.signal
    def look_again(self) -> None:
        """The database has something new: another card, another subscription, a moment that was moved."""
        self._stir()

    @workflow.signal
    def profile_completed(self) -> None:
        """Service areas and preferences are there."""
        self._profile_news = True
        self._stirs += 1

    def _stir(self) -> None:
        """Look now, also where a vendor that was down is being given time."""
        self._look = True
        self._not_before = None
        self._stirs += 1

    @workflow.update
    async def change_plan(self, change: PlanChange) -> PlanAnswer:
        """Another tier, or the end; answers when it is done, with what changed hands."""
        if change.change_id not in self._answers and change not in self._orders:
            self._orders.append(change)
            self._stirs += 1
        await workflow.wait_condition(lambda: change.change_id in self._answers)
        return self._answers[change.change_id]

    @change_plan.validator
    def _validate_change_plan(self, change: PlanChange) -> None:
        if self._status.stage is OnboardingStage.ENDED:
            raise ApplicationError("there is no subscription to change", type="SubscriptionOver")
        if change.change_id in (UNPAID, NEVER_PAID):
            raise ApplicationError("this id is the workflow's own", type="BadChange")
        if change.action is PlanAction.CHANGE_TIER and change.tier is None:
            raise ApplicationError("which tier?", type="BadChange")

    @workflow.query
    def status(self) -> OnboardingStatus:
        """Where the subscription stands and what is waited for."""
        return self._status

    # Orders, looks and letters.

    async def _obey(self) -> None:
        change = self._orders[0]
        answer = await self._order(change)
        self._orders.remove(change)
        self._answers[change.change_id] = answer
        if answer.refusal is None and change.action is PlanAction.CHANGE_TIER:
            await self._tell(SubscriptionLetterKind.PLAN_CHANGED, change.change_id)

    async def _order(self, change: PlanChange) -> PlanAnswer:
        order = PlanOrder(**self._ref.model_dump(), change=change, at=workflow.now())
        try:
            answer = await remote(SubscriptionActivities.change_plan, order, change.action.value)
        except ActivityError as failure:
            await self._come_back(failure)
            answer = PlanAnswer(refusal=PlanRefusal.UNAVAILABLE)
        await self._look_up()
        return answer

    async def _sync(self) -> None:
        """Looks at Stripe. What could not be seen now is looked at again later."""
        self._look = False
        before = self._standing
        try:
            self._standing = await remote(SubscriptionActivities.sync_subscription, self._ref, "Look at Stripe")
        except ActivityError as failure:
            await self._come_back(failure)
            self._look = True
            return
        self._show()
        if self._standing.subscription_id == before.subscription_id and self._standing.period > before.period:
            self._asked_at = None
            period = self._standing.period_id
            await self._tell(SubscriptionLetterKind.RECEIPT, str(self._standing.period), period=period)

    async def _come_back(self, failure: ActivityError) -> None:
        """A vendor was down for all the attempts of a step: nothing is lost, it is done later."""
        if is_cancelled_exception(failure):
            raise failure
        self._not_before = workflow.now() + ONBOARDING_TIMES.ask_again

    async def _look_up(self) -> None:
        self._standing = await local(
            SubscriptionRecords.look_up_subscription, self._request, "Where the subscription stands"
        )
        self._show()

    async def _tell(
        self, kind: SubscriptionLetterKind, number: str = "0", *, leads: int = 0, period: UUID | None = None
    ) -> None:
        letter = SubscriptionLetter(
            **self._ref.model_dump(),
            kind=kind,
            number=number,
            leads=leads,
            period_id=period,
        )
        try:
            await remote(SubscriptionLetters.send_subscription_letter, letter, f"Letter: {kind.value}")
        except ActivityError as failure:
            # A letter is not worth holding a subscription up for.
            if is_cancelled_exception(failure):
                raise
            workflow.logger.warning("letter not sent")

    # State, as people see it.

    @property
    def _id(self) -> UUID:
        return self._request.contractor_id

    @property
    def _ref(self) -> SubscriptionRef:
        if self._standing.subscription_id is None:
            raise ApplicationError("there is no subscription", type="NoSubscription", non_retryable=True)
        return SubscriptionRef(contractor_id=self._id, subscription_id=self._standing.subscription_id)

    @property
    def _stage(self) -> OnboardingStage:
        if self._standing.state is SubscriptionState.PAST_DUE:
            return OnboardingStage.PAST_DUE
        return OnboardingStage.LEAVING if self._standing.cancel_at_period_end else OnboardingStage.ACTIVE

    @property
    def _has_new_card(self) -> bool:
        tried, standing = self._tried, self._standing
        return tried is None or tried.subscription_id != standing.subscription_id or tried.attempt < standing.attempt

    @property
    def _number_of_card(self) -> str:
        return str(self._tried.attempt) if self._tried else "0"

    @property
    def _held(self) -> bool:
        """A vendor was down for all the attempts of a step: its time has not come yet."""
        return self._not_before is not None and workflow.now() < self._not_before

    async def _wait_until(self, moment: datetime) -> None:
        """Until then, or until somebody has something to say."""
        self._update(next_at=moment)
        before = self._stirs
        try:
            patience = max(moment - workflow.now(), timedelta(0))
            await workflow.wait_condition(lambda: self._stirs != before, timeout=patience)
        except TimeoutError:
            return

    def _enter(self, stage: OnboardingStage, waiting_for: str | None) -> None:
        if stage is not self._status.stage or waiting_for != self._status.waiting_for:
            self._update(stage=stage, waiting_for=waiting_for, next_at=None)
            workflow.upsert_search_attributes([sa.STAGE.value_set(stage.value)])
            workflow.set_current_details(
                f"Stage: **{stage.value}**." + (f" Waiting for {waiting_for}." if waiting_for else "")
            )

    def _show(self) -> None:
        self._update(
            tier=self._standing.tier, period=self._standing.period, profile_complete=self._standing.profile_complete
        )

    def _update(self, **changes: Any) -> None:
        self._status = self._status.model_copy(update=changes)
