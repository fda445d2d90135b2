"""Subscriptions, their periods, and all money that comes in and goes back (spec 3.6.6, 7.5)."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from schema.tables.base import ChangingRow, count, flag, now, one_of, prose, ref, word
from schema.tables.base import number as exact
from schema.tables.contractors import SUBSCRIPTION_TIERS

SUBSCRIPTION_STATES = ("incomplete", "trialing", "active", "past_due", "canceled")
PERIOD_STATES = ("open", "ended")
GUARANTEE_DECISIONS = ("kept", "too_few_leads", "nothing_left", "paid_back")
PAYMENT_KINDS = ("subscription", "lead", "proration")
PAYMENT_STATES = ("pending", "requires_action", "succeeded", "failed")
REFUND_REASONS = ("unused_leads", "guarantee", "lead")
PAYMENT_REFUND_STATES = ("pending", "succeeded", "failed", "unknown")


class Subscription(ChangingRow, table=True):
    """A contractor's subscription: what a lost workflow starts again from. One live one per contractor."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        one_of("tier", SUBSCRIPTION_TIERS),
        one_of("state", SUBSCRIPTION_STATES),
        CheckConstraint("period_end > period_start", name="period"),
        Index("uq_subscriptions_live", "contractor_id", unique=True, postgresql_where=text("state <> 'canceled'")),
        Index("idx_subscriptions_contractor", "contractor_id", text("created_at DESC")),
        Index("idx_subscriptions_promo_code", "promo_code_id"),
        Index("uq_subscriptions_stripe", "stripe_subscription_id", unique=True),
        # A contractor that comes back is the same customer; only one live subscription may be theirs.
        Index(
            "uq_subscriptions_customer",
            "stripe_customer_id",
            unique=True,
            postgresql_where=text("state <> 'canceled'"),
        ),
        Index("idx_subscriptions_customer", "stripe_customer_id"),
    )

    contractor_id: UUID = ref("contractors.id", "CASCADE", required=True)
    tier: str = Field(max_length=20)
    state: str = word(20, "incomplete")
    reason: str | None = word(100)
    """Why it ended, or what its first payment waits for."""
    workflow_id: str = Field(max_length=255)
    promo_code_id: UUID | None = ref("promo_codes.id", "SET NULL")
    stripe_customer_id: str | None = word(255)
    stripe_subscription_id: str | None = word(255)
    payment_method_id: str | None = word(255)
    payment_attempt: int = count(1)
    """Which payment method in turn this is: each is tried once."""
    payment_url: str | None = prose()
    """Encrypted: the page at Stripe where the open invoice can be paid or the card authenticated."""
    period_start: datetime | None = None
    period_end: datetime | None = None
    cancel_at_period_end: bool = flag()
    past_due_since: datetime | None = None
    reminders_sent: int = count()
    """Letters about the payment that has failed since `past_due_since`."""
    onboarded_at: datetime | None = None
    profile_completed_at: datetime | None = None
    canceled_at: datetime | None = None


class SubscriptionPeriod(ChangingRow, table=True):
    """A month that was paid for: its allowance of leads, and what of its price went back."""

    __tablename__ = "subscription_periods"
    __table_args__ = (
        UniqueConstraint("subscription_id", "number"),
        one_of("tier", SUBSCRIPTION_TIERS),
        one_of("state", PERIOD_STATES),
        one_of("guarantee_decision", GUARANTEE_DECISIONS),
        CheckConstraint("ends_at > starts_at", name="span"),
        CheckConstraint("used >= 0 AND allowance > 0", name="leads"),
        CheckConstraint("unused_refund >= 0", name="unused_refund"),
        CheckConstraint("guarantee_refund >= 0", name="guarantee_refund"),
        Index("uq_subscription_periods_invoice", "stripe_invoice_id", unique=True),
        Index("uq_subscription_periods_open", "subscription_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("idx_subscription_periods_contractor", "contractor_id", "starts_at"),
        Index(
            "idx_subscription_periods_guarantee",
            "guarantee_due_at",
            postgresql_where=text("guarantee_decision IS NULL"),
        ),
    )

    subscription_id: UUID = ref("subscriptions.id", "CASCADE", required=True)
    contractor_id: UUID = ref("contractors.id", "CASCADE", required=True)
    number: int
    starts_at: datetime
    ends_at: datetime
    tier: str = Field(max_length=20)
    fee: Decimal = Field(max_digits=10, decimal_places=2)
    """Of a whole period on its present terms, discount taken off: what a change of tier is prorated by."""
    paid: Decimal = exact(10, 2, default=0)
    """What the period's invoices came to: first charge, plus upgrades, less the credit of downgrades."""
    allowance: int
    used: int = count()
    """Leads drawn from the allowance."""
    stripe_invoice_id: str = Field(max_length=255)
    state: str = word(20, "open")
    ended_at: datetime | None = None
    unused_refund: Decimal | None = exact(10, 2)
    """None until the period was settled."""
    guarantee_due_at: datetime | None = None
    guarantee_decision: str | None = word(20)
    guarantee_refund: Decimal | None = exact(10, 2)


class Payment(ChangingRow, table=True):
    """Money taken, or being taken, from a contractor."""

    __tablename__ = "payments"
    __table_args__ = (
        one_of("kind", PAYMENT_KINDS),
        one_of("state", PAYMENT_STATES),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("currency = lower(currency)", name="currency"),
        Index("uq_payments_intent", "stripe_payment_intent_id", unique=True),
        Index("uq_payments_invoice", "stripe_invoice_id", unique=True),
        Index("uq_payments_effect", "effect_key", unique=True),
        Index("idx_payments_contractor", "contractor_id", text("created_at DESC")),
        Index("idx_payments_subscription", "subscription_id"),
        Index("idx_payments_period", "period_id"),
        Index("idx_payments_assignment", "lead_assignment_id"),
    )

    contractor_id: UUID = ref("contractors.id", required=True)
    subscription_id: UUID | None = ref("subscriptions.id", "SET NULL")
    period_id: UUID | None = ref("subscription_periods.id", "SET NULL")
    lead_assignment_id: UUID | None = ref("lead_assignments.id")
    kind: str = Field(max_length=20)
    amount: Decimal = Field(max_digits=10, decimal_places=2)
    """Taken from the card."""
    total: Decimal = Field(max_digits=10, decimal_places=2)
    """What the invoice came to: more than the amount where credit was used, below zero where credit was given."""
    currency: str = word(3, "usd")
    state: str = word(20, "pending")
    failure: str | None = word(100)
    stripe_payment_intent_id: str | None = word(255)
    stripe_invoice_id: str | None = word(255)
    effect_key: str = Field(max_length=255)
    paid_at: datetime | None = None


class PaymentRefund(ChangingRow, table=True):
    """Money that went back, or will; written before it goes. All of a payment's never exceed it (kept in code)."""

    __tablename__ = "payment_refunds"
    __table_args__ = (
        one_of("reason", REFUND_REASONS),
        one_of("state", PAYMENT_REFUND_STATES),
        CheckConstraint("amount > 0", name="amount"),
        Index("uq_payment_refunds_effect", "effect_key", unique=True),
        Index("uq_payment_refunds_stripe", "stripe_refund_id", unique=True),
        Index("idx_payment_refunds_payment", "payment_id"),
        Index("idx_payment_refunds_period", "period_id"),
        Index("idx_payment_refunds_pending", "created_at", postgresql_where=text("state = 'pending'")),
    )

    payment_id: UUID = ref("payments.id", required=True)
    period_id: UUID | None = ref("subscription_periods.id", "SET NULL")
    amount: Decimal = Field(max_digits=10, decimal_places=2)
    reason: str = Field(max_length=30)
    effect_key: str = Field(max_length=255)
    stripe_refund_id: str | None = word(255)
    state: str = word(20, "pending")
    requested_at: datetime = now()
    settled_at: datetime | None = None
