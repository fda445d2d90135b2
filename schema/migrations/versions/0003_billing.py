"""Billing: subscriptions, the periods paid for, payments and refunds."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("contractor_id", sa.Uuid(), nullable=False),
        sa.Column("tier", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), server_default=sa.text("'incomplete'"), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=True),
        sa.Column("workflow_id", sa.String(length=255), nullable=False),
        sa.Column("promo_code_id", sa.Uuid(), nullable=True),
        sa.Column("stripe_customer_id", sa.String(length=255), nullable=True),
        sa.Column("stripe_subscription_id", sa.String(length=255), nullable=True),
        sa.Column("payment_method_id", sa.String(length=255), nullable=True),
        sa.Column("payment_attempt", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("payment_url", sa.Text(), nullable=True),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_at_period_end", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("past_due_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminders_sent", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("onboarded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("profile_completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("canceled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('incomplete', 'trialing', 'active', 'past_due', 'canceled')", name=op.f("ck_subscriptions_state")
        ),
        sa.CheckConstraint("tier IN ('starter', 'professional', 'enterprise')", name=op.f("ck_subscriptions_tier")),
        sa.CheckConstraint("period_end > period_start", name=op.f("ck_subscriptions_period")),
        sa.ForeignKeyConstraint(
            ["contractor_id"], ["contractors.id"], name=op.f("fk_subscriptions_contractor_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["promo_code_id"], ["promo_codes.id"], name=op.f("fk_subscriptions_promo_code_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
    )
    op.create_index(
        "idx_subscriptions_contractor",
        "subscriptions",
        ["contractor_id", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_index("idx_subscriptions_customer", "subscriptions", ["stripe_customer_id"], unique=False)
    op.create_index("idx_subscriptions_promo_code", "subscriptions", ["promo_code_id"], unique=False)
    op.create_index(
        "uq_subscriptions_customer",
        "subscriptions",
        ["stripe_customer_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'canceled'"),
    )
    op.create_index(
        "uq_subscriptions_live",
        "subscriptions",
        ["contractor_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'canceled'"),
    )
    op.create_index("uq_subscriptions_stripe", "subscriptions", ["stripe_subscription_id"], unique=True)
    op.create_table(
        "subscription_periods",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("contractor_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tier", sa.String(length=20), nullable=False),
        sa.Column("fee", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("paid", sa.Numeric(precision=10, scale=2), server_default=sa.text("0"), nullable=False),
        sa.Column("allowance", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("stripe_invoice_id", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=20), server_default=sa.text("'open'"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unused_refund", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("guarantee_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("guarantee_decision", sa.String(length=20), nullable=True),
        sa.Column("guarantee_refund", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.CheckConstraint(
            "guarantee_decision IN ('kept', 'too_few_leads', 'nothing_left', 'paid_back')",
            name=op.f("ck_subscription_periods_guarantee_decision"),
        ),
        sa.CheckConstraint("state IN ('open', 'ended')", name=op.f("ck_subscription_periods_state")),
        sa.CheckConstraint(
            "tier IN ('starter', 'professional', 'enterprise')", name=op.f("ck_subscription_periods_tier")
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_subscription_periods_span")),
        sa.CheckConstraint("guarantee_refund >= 0", name=op.f("ck_subscription_periods_guarantee_refund")),
        sa.CheckConstraint("unused_refund >= 0", name=op.f("ck_subscription_periods_unused_refund")),
        sa.CheckConstraint("used >= 0 AND allowance > 0", name=op.f("ck_subscription_periods_leads")),
        sa.ForeignKeyConstraint(
            ["contractor_id"],
            ["contractors.id"],
            name=op.f("fk_subscription_periods_contractor_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_subscription_periods_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_periods")),
        sa.UniqueConstraint("subscription_id", "number", name=op.f("uq_subscription_periods_subscription_id_number")),
    )
    op.create_index(
        "idx_subscription_periods_contractor", "subscription_periods", ["contractor_id", "starts_at"], unique=False
    )
    op.create_index(
        "idx_subscription_periods_guarantee",
        "subscription_periods",
        ["guarantee_due_at"],
        unique=False,
        postgresql_where=sa.text("guarantee_decision IS NULL"),
    )
    op.create_index("uq_subscription_periods_invoice", "subscription_periods", ["stripe_invoice_id"], unique=True)
    op.create_index(
        "uq_subscription_periods_open",
        "subscription_periods",
        ["subscription_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("contractor_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=True),
        sa.Column("period_id", sa.Uuid(), nullable=True),
        sa.Column("lead_assignment_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("amount", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("total", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("currency", sa.String(length=3), server_default=sa.text("'usd'"), nullable=False),
        sa.Column("state", sa.String(length=20), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("failure", sa.String(length=100), nullable=True),
        sa.Column("stripe_payment_intent_id", sa.String(length=255), nullable=True),
        sa.Column("stripe_invoice_id", sa.String(length=255), nullable=True),
        sa.Column("effect_key", sa.String(length=255), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('subscription', 'lead', 'proration')", name=op.f("ck_payments_kind")),
        sa.CheckConstraint(
            "state IN ('pending', 'requires_action', 'succeeded', 'failed')", name=op.f("ck_payments_state")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_payments_amount")),
        sa.CheckConstraint("currency = lower(currency)", name=op.f("ck_payments_currency")),
        sa.ForeignKeyConstraint(["contractor_id"], ["contractors.id"], name=op.f("fk_payments_contractor_id")),
        sa.ForeignKeyConstraint(
            ["lead_assignment_id"], ["lead_assignments.id"], name=op.f("fk_payments_lead_assignment_id")
        ),
        sa.ForeignKeyConstraint(
            ["period_id"], ["subscription_periods.id"], name=op.f("fk_payments_period_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_payments_subscription_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
    )
    op.create_index("idx_payments_assignment", "payments", ["lead_assignment_id"], unique=False)
    op.create_index(
        "idx_payments_contractor", "payments", ["contractor_id", sa.literal_column("created_at DESC")], unique=False
    )
    op.create_index("idx_payments_period", "payments", ["period_id"], unique=False)
    op.create_index("idx_payments_subscription", "payments", ["subscription_id"], unique=False)
    op.create_index("uq_payments_effect", "payments", ["effect_key"], unique=True)
    op.create_index("uq_payments_intent", "payments", ["stripe_payment_intent_id"], unique=True)
    op.create_index("uq_payments_invoice", "payments", ["stripe_invoice_id"], unique=True)
    op.create_table(
        "payment_refunds",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("period_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("reason", sa.String(length=30), nullable=False),
        sa.Column("effect_key", sa.String(length=255), nullable=False),
        sa.Column("stripe_refund_id", sa.String(length=255), nullable=True),
        sa.Column("state", sa.String(length=20), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("reason IN ('unused_leads', 'guarantee', 'lead')", name=op.f("ck_payment_refunds_reason")),
        sa.CheckConstraint(
            "state IN ('pending', 'succeeded', 'failed', 'unknown')", name=op.f("ck_payment_refunds_state")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_refunds_amount")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_payment_refunds_payment_id")),
        sa.ForeignKeyConstraint(
            ["period_id"], ["subscription_periods.id"], name=op.f("fk_payment_refunds_period_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_refunds")),
    )
    op.create_index("idx_payment_refunds_payment", "payment_refunds", ["payment_id"], unique=False)
    op.create_index(
        "idx_payment_refunds_pending",
        "payment_refunds",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("idx_payment_refunds_period", "payment_refunds", ["period_id"], unique=False)
    op.create_index("uq_payment_refunds_effect", "payment_refunds", ["effect_key"], unique=True)
    op.create_index("uq_payment_refunds_stripe", "payment_refunds", ["stripe_refund_id"], unique=True)


def downgrade() -> None:
    """Undo this revision."""
    op.drop_index("uq_payment_refunds_stripe", table_name="payment_refunds")
    op.drop_index("uq_payment_refunds_effect", table_name="payment_refunds")
    op.drop_index("idx_payment_refunds_period", table_name="payment_refunds")
    op.drop_index(
        "idx_payment_refunds_pending", table_name="payment_refunds", postgresql_where=sa.text("state = 'pending'")
    )
    op.drop_index("idx_payment_refunds_payment", table_name="payment_refunds")
    op.drop_table("payment_refunds")
    op.drop_index("uq_payments_invoice", table_name="payments")
    op.drop_index("uq_payments_intent", table_name="payments")
    op.drop_index("uq_payments_effect", table_name="payments")
    op.drop_index("idx_payments_subscription", table_name="payments")
    op.drop_index("idx_payments_period", table_name="payments")
    op.drop_index("idx_payments_contractor", table_name="payments")
    op.drop_index("idx_payments_assignment", table_name="payments")
    op.drop_table("payments")
    op.drop_index(
        "uq_subscription_periods_open", table_name="subscription_periods", postgresql_where=sa.text("state = 'open'")
    )
    op.drop_index("uq_subscription_periods_invoice", table_name="subscription_periods")
    op.drop_index(
        "idx_subscription_periods_guarantee",
        table_name="subscription_periods",
        postgresql_where=sa.text("guarantee_decision IS NULL"),
    )
    op.drop_index("idx_subscription_periods_contractor", table_name="subscription_periods")
    op.drop_table("subscription_periods")
    op.drop_index("uq_subscriptions_stripe", table_name="subscriptions")
    op.drop_index("uq_subscriptions_live", table_name="subscriptions", postgresql_where=sa.text("state <> 'canceled'"))
    op.drop_index(
        "uq_subscriptions_customer", table_name="subscriptions", postgresql_where=sa.text("state <> 'canceled'")
    )
    op.drop_index("idx_subscriptions_promo_code", table_name="subscriptions")
    op.drop_index("idx_subscriptions_customer", table_name="subscriptions")
    op.drop_index("idx_subscriptions_contractor", table_name="subscriptions")
    op.drop_table("subscriptions")
