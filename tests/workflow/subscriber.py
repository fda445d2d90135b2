"""A scripted subscription: activities that keep its standing as the database would, and note what was done when."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain.matching import Tier
from domain.subscriptions import GUARANTEE_AFTER
from schema.contracts.ids import onboarding_workflow_id
from schema.contracts.onboarding import (
    BillingEvent,
    BillingEventKind,
    FirstLeads,
    LetterOutcome,
    LetterResult,
    OnboardingRequest,
    OnboardingResult,
    OnboardingStatus,
    PaymentAttempt,
    PaymentOutcome,
    PaymentResult,
    PlanAction,
    PlanAnswer,
    PlanOrder,
    RefundSummary,
    SequenceRef,
    SignedUp,
    Standing,
    SubscriptionLetter,
    SubscriptionState,
)
from tests.workflow.scripted import Script
from workflows.onboarding import ContractorOnboardingWorkflow

Handle = WorkflowHandle[ContractorOnboardingWorkflow, OnboardingResult]
MONTH = timedelta(days=30)
PAID = PaymentResult(outcome=PaymentOutcome.PAID)
DECLINED = PaymentResult(outcome=PaymentOutcome.DECLINED, reason="generic_decline")
AUTHENTICATE = PaymentResult(outcome=PaymentOutcome.AUTHENTICATE)


def server_time() -> datetime:
    """Now, by the server's clock, inside an activity; a local one goes by the clock of its worker and cannot ask."""
    return activity.info().current_attempt_scheduled_time


class Subscriber(Script):
    """Everything goes well unless a test says otherwise; `cards` holds what comes of each payment method by number."""

    def __init__(self, cards: dict[int, PaymentResult] | None = None, **changes: Any) -> None:
        super().__init__()
        self.contractor_id = uuid4()
        self.started_at = datetime.now(UTC)
        self.cards = cards or {}
        self.standing = Standing(
            subscription_id=uuid4(), state=SubscriptionState.INCOMPLETE, tier=Tier.STARTER, attempt=1
        )
        self.truth: dict[str, Any] = {}
        """What Stripe knows and our records do not yet."""
        self.sequences: tuple[SequenceRef, ...] = ()
        self.letters: list[tuple[str, str, datetime]] = []
        self.done: list[tuple[str, datetime]] = []
        self.refund = Decimal(100)
        self.answers = {
            "look_up_subscription": self._look_up,
            "complete_sign_up": self._sign_up,
            "show_first_leads": FirstLeads(announced=3, available=3),
            "count_reminder": self._count,
            "use_payment_method": self._use_card,
            "sync_subscription": self._sync,
            "change_plan": self._change,
            "settle_period": lambda _: self._settle(),
            "judge_guarantee": lambda _: self._judge(),
            "send_subscription_letter": self._letter,
            **changes,
        }

    @property
    def kinds(self) -> list[str]:
        """The letters that went out, in order."""
        return [kind for kind, _, _ in self.letters]

    def at(self, what: str) -> list[datetime]:
        """When something was done."""
        return [moment for done, moment in self.done if done == what]

    def happen(self, **changes: Any) -> None:
        """Something changes at Stripe."""
        self.truth |= changes

    def renew(self) -> None:
        """The next month is paid; the one before is over."""
        ends_at = self.standing.period_ends_at
        assert ends_at
        self.happen(
            state=SubscriptionState.ACTIVE,
            period=self.standing.period + 1,
            period_ends_at=ends_at + MONTH,
            to_settle=(uuid4(),),
            past_due_since=None,
            reminders=0,
        )

    def set(self, **changes: Any) -> None:
        """Changes the standing, as a transaction of ours would."""
        self.standing = self.standing.model_copy(update=changes)

    async def start(self, environment: WorkflowEnvironment) -> Handle:
        """Starts the workflow under its own id."""
        self.started_at = await environment.get_current_time()
        return await environment.client.start_workflow(
            ContractorOnboardingWorkflow.run,
            OnboardingRequest(contractor_id=self.contractor_id),
            id=onboarding_workflow_id(self.contractor_id),
            task_queue="orchestration",
        )

    def _look_up(self, _: OnboardingRequest) -> Standing:
        if self.standing.created_at is None:
            self.set(created_at=self.started_at)
        return self.standing

    def _sign_up(self, _: Any) -> SignedUp:
        self.set(onboarded=True)
        return SignedUp(sequences=self.sequences, at=self.started_at)

    def _count(self, _: Any) -> Standing:
        self.set(reminders=self.standing.reminders + 1)
        return self.standing

    def _use_card(self, card: PaymentAttempt) -> PaymentResult:
        result = self.cards.get(card.attempt, PAID)
        first = self.standing.state is SubscriptionState.INCOMPLETE
        if result is PAID and first:
            self.first_month()
        elif result is PAID:
            self.happen(state=SubscriptionState.ACTIVE, past_due_since=None, reminders=0)
        return result

    def first_month(self) -> None:
        """The first month is paid at Stripe."""
        self.happen(state=SubscriptionState.ACTIVE, period=1, period_id=uuid4(), period_ends_at=server_time() + MONTH)

    def _sync(self, _: Any) -> Standing:
        self.done.append(("sync", server_time()))
        if self.truth.get("period") and self.truth.get("period_ends_at") is None:
            self.truth["period_ends_at"] = server_time() + MONTH
        if self.truth.get("state") is SubscriptionState.PAST_DUE:
            self.truth.setdefault("past_due_since", server_time())
        self.set(**self.truth)
        self.truth = {}
        return self.standing

    def _change(self, order: PlanOrder) -> PlanAnswer:
        self.done.append((order.change.change_id, server_time()))
        self.done.append((order.change.action.value, server_time()))
        if order.change.action is PlanAction.CHANGE_TIER:
            self.set(tier=order.change.tier)
            return PlanAnswer(
                tier=order.change.tier, credit=Decimal("250.00"), charge=Decimal("1000.00"), total=Decimal("750.00")
            )
        if order.change.action is PlanAction.CANCEL_AT_PERIOD_END:
            self.set(cancel_at_period_end=True)
            return PlanAnswer(tier=self.standing.tier, ends_at=self.standing.period_ends_at)
        settle = (uuid4(),) if self.standing.period else ()
        self.set(state=SubscriptionState.CANCELED, reason=order.change.change_id, to_settle=settle)
        return PlanAnswer(tier=self.standing.tier, ends_at=server_time())

    def _settle(self) -> RefundSummary:
        self.done.append(("settle", server_time()))
        judged = {} if self.standing.guarantee else self._to_be_judged(self.standing.to_settle[0])
        self.set(to_settle=self.standing.to_settle[1:], **judged)
        return RefundSummary(refunded=self.refund)

    def _to_be_judged(self, period: UUID) -> dict[str, Any]:
        return {"guarantee": period, "guarantee_due_at": server_time() + GUARANTEE_AFTER}

    def _judge(self) -> RefundSummary:
        self.done.append(("judge", server_time()))
        self.set(guarantee=None, guarantee_due_at=None)
        return RefundSummary(refunded=Decimal(400), decision="paid_back")

    def _letter(self, letter: SubscriptionLetter) -> LetterResult:
        self.letters.append((letter.kind.value, letter.number, server_time()))
        return LetterResult(outcome=LetterOutcome.SENT)


def an_event(kind: BillingEventKind = BillingEventKind.PAID, event_id: str = "") -> BillingEvent:
    """An event as the webhook passes it on."""
    return BillingEvent(event_id=event_id or f"stripe:evt_{uuid4().hex}", kind=kind, at=datetime.now(UTC))


async def until(handle: Handle, holds: Callable[[OnboardingStatus], bool]) -> OnboardingStatus:
    """Waits, in real time, for the workflow to stand so.

    Not where a run goes on as a new one: the time-skipping server never answers a query that meets that.
    """
    while not holds(status := await handle.query(ContractorOnboardingWorkflow.status)):
        await asyncio.sleep(0.01)
    return status
