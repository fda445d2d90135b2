"""Messages of ContractorOnboardingWorkflow: sign-up, the months of a subscription, and its end (spec 3.6.6, 6.3).

Identifiers, decisions, times and sums only: cards are Stripe's, names and addresses stay in the database.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from domain.matching import Tier
from schema.contracts.base import Contract


class SubscriptionState(StrEnum):
    """Where a subscription stands (`subscriptions.state`)."""

    INCOMPLETE = "incomplete"
    """Chosen, but its first month is not paid."""
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    CANCELED = "canceled"


class OnboardingStage(StrEnum):
    """What the workflow is at; also its search attribute `Stage`."""

    PAYMENT = "payment"
    AUTHENTICATION = "authentication"
    """The bank asks its customer to confirm."""
    DECLINED = "declined"
    """Waits for another card."""
    WELCOME = "welcome"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    LEAVING = "leaving"
    """Cancelled to the end of its period."""
    GUARANTEE = "guarantee"
    """Over; the performance of its last months is still to be judged."""
    ENDED = "ended"


class OnboardingRequest(Contract):
    """Starts the life of a contractor's subscription, or goes on with it."""

    contractor_id: UUID
    seen: tuple[str, ...] = ()
    """Event ids that an earlier run dealt with (continue-as-new)."""
    tried: "PaymentAttempt | None" = None
    """The payment method that an earlier run tried last; trying one again changes nothing."""


class BillingEventKind(StrEnum):
    """Why to look at Stripe again."""

    PAID = "paid"
    FAILED = "failed"
    ACTION_NEEDED = "action_needed"
    CHANGED = "changed"
    ENDED = "ended"


class BillingEvent(Contract):
    """Something happened at Stripe. What counts is what Stripe says when asked, so the order does not matter."""

    event_id: str = Field(max_length=300)
    kind: BillingEventKind
    at: datetime


class Standing(Contract):
    """A subscription as the database has it: every wait of the workflow is computed from this."""

    subscription_id: UUID | None = None
    """None: this contractor has never chosen a tier, or there is no such contractor."""
    state: SubscriptionState = SubscriptionState.CANCELED
    reason: str | None = None
    tier: Tier | None = None
    attempt: int = 0
    """Number of the payment method that was given last."""
    created_at: datetime | None = None
    onboarded: bool = False
    profile_complete: bool = False
    period: int = 0
    period_id: UUID | None = None
    period_ends_at: datetime | None = None
    cancel_at_period_end: bool = False
    past_due_since: datetime | None = None
    reminders: int = 0
    to_settle: tuple[UUID, ...] = ()
    """Periods that have ended and whose unused leads have not been paid back."""
    guarantee: UUID | None = None
    """The period that is judged next."""
    guarantee_due_at: datetime | None = None


class SubscriptionRef(Contract):
    """Points an activity at a subscription."""

    contractor_id: UUID
    subscription_id: UUID


class PaymentAttempt(Contract):
    """The payment method given as number `attempt`: tried once, however often the activity runs."""

    contractor_id: UUID
    subscription_id: UUID
    attempt: int = Field(ge=1)


class PaymentOutcome(StrEnum):
    """What came of a payment method."""

    PAID = "paid"
    AUTHENTICATE = "authenticate"
    DECLINED = "declined"
    NOTHING_DUE = "nothing_due"
    WAITING = "waiting"
    """Stripe has not decided."""


class PaymentResult(Contract):
    """`reason` is Stripe's word for a decline."""

    outcome: PaymentOutcome
    reason: str | None = None


class SequenceRef(Contract):
    """A live outreach sequence of the contractor."""

    campaign_id: UUID
    contractor_id: UUID


class SignedUp(Contract):
    """The contractor is a customer now; these sequences have to be told."""

    sequences: tuple[SequenceRef, ...] = ()
    at: datetime


class FirstLeads(Contract):
    """Leads on the market that the contractor was shown."""

    announced: int = 0
    available: int = 0


class SubscriptionLetterKind(StrEnum):
    """Letters about a subscription, by the name of their template."""

    WELCOME = "welcome"
    TRAINING_CALL = "training_call"
    RECEIPT = "receipt"
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_CONFIRMATION = "payment_confirmation"
    """The bank wants to hear from its customer."""
    PAYMENT_FAILED = "payment_failed"
    PLAN_CHANGED = "plan_changed"
    SUBSCRIPTION_ENDED = "subscription_ended"
    REFUND = "refund"


class SubscriptionLetter(Contract):
    """A letter that goes out once: `number` tells those of one kind apart."""

    contractor_id: UUID
    subscription_id: UUID
    kind: SubscriptionLetterKind
    number: str = Field(default="0", pattern=r"^[A-Za-z0-9_-]{1,60}$")
    period_id: UUID | None = None
    """RECEIPT and REFUND: which month."""
    leads: int = 0
    """WELCOME: how many are waiting."""


class LetterOutcome(StrEnum):
    """What became of a letter."""

    SENT = "sent"
    NO_ADDRESS = "no_address"
    UNREACHABLE = "unreachable"
    """Mail to the address bounces, or was complained about."""
    FAILED = "failed"
    UNKNOWN = "unknown"


class LetterResult(Contract):
    """How it went."""

    outcome: LetterOutcome


class PlanAction(StrEnum):
    """What a contractor may change."""

    CHANGE_TIER = "change_tier"
    CANCEL_AT_PERIOD_END = "cancel_at_period_end"
    CANCEL_NOW = "cancel_now"


UNPAID, NEVER_PAID = "unpaid", "never-paid"
"""Ids of the cancellations that the workflow orders: a renewal, or the first month, was not paid in time."""


class PlanChange(Contract):
    """A change asked for. `change_id` makes a repetition harmless; `at` is what it is prorated by."""

    change_id: str = Field(pattern=r"^[A-Za-z0-9-]{1,60}$")
    action: PlanAction
    tier: Tier | None = None


class PlanOrder(Contract):
    """A change as the workflow hands it to the activity, with its moment."""

    contractor_id: UUID
    subscription_id: UUID
    change: PlanChange
    at: datetime


class PlanRefusal(StrEnum):
    """Why a change was not made."""

    NOT_ACTIVE = "not_active"
    SAME_TIER = "same_tier"
    PAST_DUE = "past_due"
    LEAVING = "leaving"
    DECLINED = "declined"
    UNAVAILABLE = "unavailable"
    """Stripe does not answer; whether it was done is not known yet, and asking again is safe."""


class PlanAnswer(Contract):
    """The outcome of a change, with what changed hands (dollars, as text: exact)."""

    refusal: PlanRefusal | None = None
    reason: str | None = None
    tier: Tier | None = None
    credit: Decimal | None = None
    charge: Decimal | None = None
    total: Decimal | None = None
    """Paid now; below zero: a credit towards the next invoice."""
    ends_at: datetime | None = None
    """A cancellation: when the subscription ends."""


class PeriodRef(Contract):
    """Points an activity at a month of a subscription."""

    contractor_id: UUID
    period_id: UUID


class RefundSummary(Contract):
    """What went back for a period (dollars). `pending`: of it, what Stripe has not confirmed."""

    refunded: Decimal = Decimal(0)
    pending: Decimal = Decimal(0)
    decision: str | None = None


class OnboardingStatus(Contract):
    """Answer of the `status` query."""

    stage: OnboardingStage = OnboardingStage.PAYMENT
    waiting_for: str | None = None
    next_at: datetime | None = None
    tier: Tier | None = None
    period: int = 0
    profile_complete: bool = False
    events: int = 0


class OnboardingResult(Contract):
    """How a subscription's life ended."""

    stage: OnboardingStage
    reason: str | None = None
