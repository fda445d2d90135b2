"""Activities of ContractorOnboardingWorkflow, by the worker that runs them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.onboarding import (
    FirstLeads,
    LetterResult,
    OnboardingRequest,
    PaymentAttempt,
    PaymentResult,
    PeriodRef,
    PlanAnswer,
    PlanOrder,
    RefundSummary,
    SignedUp,
    Standing,
    SubscriptionLetter,
    SubscriptionRef,
)

if TYPE_CHECKING:
    from activities.messaging.letters import Letters
    from integrations.calendly import Calendly
    from integrations.sendgrid_mail import SendGridMail
    from integrations.stripe_billing import StripeBilling
    from schema.database import Database


def _now() -> datetime:
    return datetime.now(UTC)


class SubscriptionRecords:
    """Short database steps; each may run twice and changes nothing the second time."""

    def __init__(self, db: "Database", clock: Callable[[], datetime] = _now) -> None:
        from activities.subscriptions.records import Records

        self._records = Records(db, clock)

    @activity.defn
    async def look_up_subscription(self, request: OnboardingRequest) -> Standing:
        """Where the contractor's subscription stands."""
        return await self._records.look_up(request.contractor_id)

    @activity.defn
    async def complete_sign_up(self, subscription: SubscriptionRef) -> SignedUp:
        """Makes the contractor a customer; returns the sequences that must stop (spec 6.3 steps 9-10)."""
        return await self._records.sign_up(subscription)

    @activity.defn
    async def show_first_leads(self, subscription: SubscriptionRef) -> FirstLeads:
        """Shows the contractor what is on the market for it, each lead once."""
        return await self._records.show_leads(subscription.contractor_id)

    @activity.defn
    async def count_reminder(self, subscription: SubscriptionRef) -> Standing:
        """One more letter about the overdue payment has gone out."""
        return await self._records.count_reminder(subscription)


class SubscriptionActivities:
    """Money: everything that asks Stripe."""

    def __init__(self, db: "Database", stripe: "StripeBilling", clock: Callable[[], datetime] = _now) -> None:
        from activities.subscriptions.cashier import Cashier
        from activities.subscriptions.refunds import Refunds

        self._cashier = Cashier(db, stripe, clock)
        self._refunds = Refunds(db, stripe)

    @activity.defn
    async def use_payment_method(self, attempt: PaymentAttempt) -> PaymentResult:
        """Pays what is due with the payment method given last; subscribes first where there is no subscription."""
        return await self._cashier.use_card(attempt)

    @activity.defn
    async def sync_subscription(self, subscription: SubscriptionRef) -> Standing:
        """Brings our records in line with Stripe's, whatever the events said and in whatever order they came."""
        return await self._cashier.sync(subscription)

    @activity.defn
    async def change_plan(self, order: PlanOrder) -> PlanAnswer:
        """Changes the tier, prorated, or ends the subscription."""
        return await self._cashier.change(order)

    @activity.defn
    async def settle_period(self, period: PeriodRef) -> RefundSummary:
        """Pays back the unused leads of a month that has ended (decision 0009)."""
        return await self._refunds.settle(period.period_id)

    @activity.defn
    async def judge_guarantee(self, period: PeriodRef) -> RefundSummary:
        """Judges the performance guarantee of a month, and pays (decision 0009)."""
        return await self._refunds.judge(period.period_id)


class SubscriptionLetters:
    """Letters about a subscription."""

    def __init__(self, db: "Database", mail: "SendGridMail", letters: "Letters", calendar: "Calendly") -> None:
        from activities.subscriptions.letters import Correspondence

        self._correspondence = Correspondence(db, mail, letters, calendar)

    @activity.defn
    async def send_subscription_letter(self, letter: SubscriptionLetter) -> LetterResult:
        """Sends a letter, once."""
        return await self._correspondence.send(letter)
