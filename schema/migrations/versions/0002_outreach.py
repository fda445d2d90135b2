"""Outreach: enrolments, compliance decisions, mailboxes, people's tasks, promo codes, Do Not Call lists."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OLD_ACQUISITION = (
    "discovered",
    "contacted",
    "interested",
    "demo_scheduled",
    "negotiating",
    "onboarded",
    "active",
    "churned",
)
NEW_ACQUISITION = (*OLD_ACQUISITION, "nurture", "disqualified")
OLD_CHANNELS = ("email", "call", "sms", "linkedin")
NEW_CHANNELS = (*OLD_CHANNELS, "direct_mail")
OLD_TOUCHPOINT = ("scheduled", "sent", "delivered", "opened", "clicked", "replied", "failed")
NEW_TOUCHPOINT = (*OLD_TOUCHPOINT, "bounced", "denied", "skipped", "unknown")

# Table, column, words before and after; None: the column is new.
CHECKS: tuple[tuple[str, str, tuple[str, ...] | None, tuple[str, ...]], ...] = (
    ("contractors", "acquisition_status", OLD_ACQUISITION, NEW_ACQUISITION),
    ("contractors", "phone_kind", None, ("mobile", "landline", "voip", "toll_free", "unknown")),
    ("outreach_touchpoints", "channel", OLD_CHANNELS, NEW_CHANNELS),
    ("outreach_touchpoints", "status", OLD_TOUCHPOINT, NEW_TOUCHPOINT),
    ("outreach_touchpoints", "purpose", None, ("outreach", "nurture", "arranged")),
    ("scheduled_touchpoints", "channel", OLD_CHANNELS, NEW_CHANNELS),
)


def _check(table: str, column: str, words: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{word}'" for word in words)
    op.create_check_constraint(op.f(f"ck_{table}_{column}"), table, f"{column} IN ({listed})")


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "dnc_area_codes",
        sa.Column("area_code", sa.String(length=3), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("numbers", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("area_code", name=op.f("pk_dnc_area_codes")),
    )
    op.create_table(
        "mailboxes",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column("daily_cap", sa.Integer(), server_default=sa.text("40"), nullable=False),
        sa.Column("warm_up_from", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=20), server_default=sa.text("'active'"), nullable=False),
        sa.Column("pause_reason", sa.String(length=100), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('active', 'paused', 'retired')", name=op.f("ck_mailboxes_state")),
        sa.CheckConstraint("address = lower(address)", name=op.f("ck_mailboxes_address_lower")),
        sa.CheckConstraint("daily_cap > 0", name=op.f("ck_mailboxes_daily_cap")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailboxes")),
        sa.UniqueConstraint("address", name=op.f("uq_mailboxes_address")),
    )
    op.create_table(
        "dnc_numbers",
        sa.Column("number_bidx", sa.String(length=64), nullable=False),
        sa.Column("area_code", sa.String(length=3), nullable=False),
        sa.ForeignKeyConstraint(
            ["area_code"], ["dnc_area_codes.area_code"], name=op.f("fk_dnc_numbers_area_code"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number_bidx", name=op.f("pk_dnc_numbers")),
    )
    op.create_index("idx_dnc_numbers_area", "dnc_numbers", ["area_code"], unique=False)
    op.create_table(
        "promo_codes",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("contractor_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("percent_off", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("percent_off BETWEEN 1 AND 100", name=op.f("ck_promo_codes_percent_off")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["outreach_campaigns.id"], name=op.f("fk_promo_codes_campaign_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["contractor_id"], ["contractors.id"], name=op.f("fk_promo_codes_contractor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promo_codes")),
        sa.UniqueConstraint("code", name=op.f("uq_promo_codes_code")),
    )
    op.create_index("idx_promo_codes_campaign", "promo_codes", ["campaign_id"], unique=False)
    op.create_index("idx_promo_codes_contractor", "promo_codes", ["contractor_id"], unique=False)
    op.create_index("uq_promo_codes_touch", "promo_codes", ["contractor_id", "campaign_id", "channel"], unique=True)
    op.create_table(
        "contact_decisions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("contractor_id", sa.Uuid(), nullable=True),
        sa.Column("touchpoint_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("facts", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint("channel IN ('email', 'call', 'sms')", name=op.f("ck_contact_decisions_channel")),
        sa.CheckConstraint("verdict IN ('allow', 'deny', 'defer')", name=op.f("ck_contact_decisions_verdict")),
        sa.ForeignKeyConstraint(
            ["contractor_id"], ["contractors.id"], name=op.f("fk_contact_decisions_contractor_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["touchpoint_id"],
            ["outreach_touchpoints.id"],
            name=op.f("fk_contact_decisions_touchpoint_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_decisions")),
    )
    op.create_index(
        "idx_contact_decisions_contractor",
        "contact_decisions",
        ["contractor_id", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_index("idx_contact_decisions_touchpoint", "contact_decisions", ["touchpoint_id"], unique=False)
    op.create_table(
        "mailbox_claims",
        sa.Column("touchpoint_id", sa.Uuid(), nullable=False),
        sa.Column("mailbox_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("follow_up", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["mailboxes.id"], name=op.f("fk_mailbox_claims_mailbox_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["touchpoint_id"],
            ["outreach_touchpoints.id"],
            name=op.f("fk_mailbox_claims_touchpoint_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("touchpoint_id", name=op.f("pk_mailbox_claims")),
    )
    op.create_index("idx_mailbox_claims_day", "mailbox_claims", ["mailbox_id", "day"], unique=False)
    op.create_table(
        "outreach_tasks",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("effect_key", sa.String(length=255), nullable=False),
        sa.Column("contractor_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("touchpoint_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), server_default=sa.text("'open'"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("instructions", sa.Text(), nullable=True),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('linkedin', 'direct_mail', 'reply', 'call', 'demo_outcome', 'unknown_effect')",
            name=op.f("ck_outreach_tasks_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'claimed', 'done', 'skipped', 'expired')", name=op.f("ck_outreach_tasks_state")
        ),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["users.id"], name=op.f("fk_outreach_tasks_assignee_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["outreach_campaigns.id"], name=op.f("fk_outreach_tasks_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["contractor_id"], ["contractors.id"], name=op.f("fk_outreach_tasks_contractor_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["touchpoint_id"],
            ["outreach_touchpoints.id"],
            name=op.f("fk_outreach_tasks_touchpoint_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outreach_tasks")),
        sa.UniqueConstraint("effect_key", name=op.f("uq_outreach_tasks_effect_key")),
    )
    op.create_index("idx_outreach_tasks_assignee", "outreach_tasks", ["assignee_id"], unique=False)
    op.create_index("idx_outreach_tasks_campaign", "outreach_tasks", ["campaign_id"], unique=False)
    op.create_index("idx_outreach_tasks_contractor", "outreach_tasks", ["contractor_id"], unique=False)
    op.create_index(
        "idx_outreach_tasks_open",
        "outreach_tasks",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('open', 'claimed')"),
    )
    op.create_index("idx_outreach_tasks_touchpoint", "outreach_tasks", ["touchpoint_id"], unique=False)
    op.create_table(
        "sequence_enrollments",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("contractor_id", sa.Uuid(), nullable=False),
        sa.Column("workflow_id", sa.String(length=255), nullable=False),
        sa.Column("phase", sa.String(length=20), server_default=sa.text("'outreach'"), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=True),
        sa.Column("cycle", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("phase_started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resume_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("meeting_id", sa.Uuid(), nullable=True),
        sa.Column("mailbox_id", sa.Uuid(), nullable=True),
        sa.Column("halted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("halt_reason", sa.String(length=30), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "phase IN ('outreach', 'callback', 'booking', 'demo', 'proposal', 'person', 'nurture', 'signed_up', "
            "'disqualified', 'opted_out', 'unreachable', 'stopped')",
            name=op.f("ck_sequence_enrollments_phase"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["outreach_campaigns.id"],
            name=op.f("fk_sequence_enrollments_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["contractor_id"],
            ["contractors.id"],
            name=op.f("fk_sequence_enrollments_contractor_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["mailboxes.id"], name=op.f("fk_sequence_enrollments_mailbox_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["demo_meetings.id"], name=op.f("fk_sequence_enrollments_meeting_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sequence_enrollments")),
        sa.UniqueConstraint(
            "campaign_id", "contractor_id", name=op.f("uq_sequence_enrollments_campaign_id_contractor_id")
        ),
    )
    op.create_index("idx_sequence_enrollments_contractor", "sequence_enrollments", ["contractor_id"], unique=False)
    op.create_index(
        "idx_sequence_enrollments_live",
        "sequence_enrollments",
        ["campaign_id", "phase"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("idx_sequence_enrollments_mailbox", "sequence_enrollments", ["mailbox_id"], unique=False)
    op.create_index("idx_sequence_enrollments_meeting", "sequence_enrollments", ["meeting_id"], unique=False)
    op.add_column("ai_call_logs", sa.Column("ended_reason", sa.String(length=100), nullable=True))
    op.add_column("ai_call_logs", sa.Column("started_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("ai_call_logs", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("ai_call_logs", sa.Column("analyzed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("ai_call_logs", sa.Column("disposition", sa.String(length=30), nullable=True))
    op.add_column("ai_call_logs", sa.Column("model", sa.String(length=100), nullable=True))
    op.add_column("ai_call_logs", sa.Column("rejected_claims", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column("contractors", sa.Column("email_domain", sa.String(length=255), nullable=True))
    op.add_column("contractors", sa.Column("email_status", sa.String(length=30), nullable=True))
    op.add_column("contractors", sa.Column("phone_kind", sa.String(length=20), nullable=True))
    op.add_column("contractors", sa.Column("linkedin_url", sa.String(length=500), nullable=True))
    op.add_column("contractors", sa.Column("last_review_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("contractors", sa.Column("score_breakdown", postgresql.JSONB(), nullable=True))
    op.add_column("contractors", sa.Column("sources", postgresql.JSONB(), nullable=True))
    op.add_column("contractors", sa.Column("enriched_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("contractors", sa.Column("scored_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("idx_contractors_email_domain", "contractors", ["email_domain"], unique=False)
    op.create_index("idx_contractors_phone", "contractors", ["phone"], unique=False)
    op.add_column("demo_meetings", sa.Column("campaign_id", sa.Uuid(), nullable=True))
    op.add_column("demo_meetings", sa.Column("external_id", sa.String(length=500), nullable=True))
    op.add_column("demo_meetings", sa.Column("effect_key", sa.String(length=255), nullable=True))
    op.add_column("demo_meetings", sa.Column("canceled_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("idx_demo_meetings_campaign", "demo_meetings", ["campaign_id"], unique=False)
    op.create_index("uq_demo_meetings_effect", "demo_meetings", ["effect_key"], unique=True)
    op.create_index("uq_demo_meetings_external", "demo_meetings", ["external_id"], unique=True)
    op.create_foreign_key(
        op.f("fk_demo_meetings_campaign_id"), "demo_meetings", "outreach_campaigns", ["campaign_id"], ["id"]
    )
    op.add_column("outreach_campaigns", sa.Column("pause_reason", sa.String(length=100), nullable=True))
    op.add_column("outreach_campaigns", sa.Column("experiments", postgresql.JSONB(), nullable=True))
    op.add_column("outreach_touchpoints", sa.Column("effect_key", sa.String(length=255), nullable=True))
    op.add_column("outreach_touchpoints", sa.Column("touch_key", sa.String(length=50), nullable=True))
    op.add_column("outreach_touchpoints", sa.Column("purpose", sa.String(length=20), nullable=True))
    op.add_column("outreach_touchpoints", sa.Column("variant", sa.String(length=50), nullable=True))
    op.add_column("outreach_touchpoints", sa.Column("mailbox_id", sa.Uuid(), nullable=True))
    op.add_column("outreach_touchpoints", sa.Column("outcome_reason", sa.String(length=100), nullable=True))
    op.add_column("outreach_touchpoints", sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outreach_touchpoints", sa.Column("complained_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outreach_touchpoints", sa.Column("unsubscribed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("idx_touchpoints_mailbox", "outreach_touchpoints", ["mailbox_id"], unique=False)
    op.create_index("uq_touchpoints_effect", "outreach_touchpoints", ["effect_key"], unique=True)
    op.create_foreign_key(
        op.f("fk_outreach_touchpoints_mailbox_id"),
        "outreach_touchpoints",
        "mailboxes",
        ["mailbox_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.add_column("scheduled_touchpoints", sa.Column("touch_key", sa.String(length=50), nullable=True))
    op.create_index(
        "uq_scheduled_touchpoints_touch",
        "scheduled_touchpoints",
        ["campaign_id", "contractor_id", "touch_key"],
        unique=True,
    )
    for table, column, before, after in CHECKS:
        if before is not None:
            op.drop_constraint(op.f(f"ck_{table}_{column}"), table, type_="check")
        _check(table, column, after)


def downgrade() -> None:
    """Undo this revision. Rows that use its words must be gone before."""
    for table, column, before, _ in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{column}"), table, type_="check")
        if before is not None:
            _check(table, column, before)
    op.drop_index("uq_scheduled_touchpoints_touch", table_name="scheduled_touchpoints")
    op.drop_column("scheduled_touchpoints", "touch_key")
    op.drop_constraint(op.f("fk_outreach_touchpoints_mailbox_id"), "outreach_touchpoints", type_="foreignkey")
    op.drop_index("uq_touchpoints_effect", table_name="outreach_touchpoints")
    op.drop_index("idx_touchpoints_mailbox", table_name="outreach_touchpoints")
    op.drop_column("outreach_touchpoints", "unsubscribed_at")
    op.drop_column("outreach_touchpoints", "complained_at")
    op.drop_column("outreach_touchpoints", "bounced_at")
    op.drop_column("outreach_touchpoints", "outcome_reason")
    op.drop_column("outreach_touchpoints", "mailbox_id")
    op.drop_column("outreach_touchpoints", "variant")
    op.drop_column("outreach_touchpoints", "purpose")
    op.drop_column("outreach_touchpoints", "touch_key")
    op.drop_column("outreach_touchpoints", "effect_key")
    op.drop_column("outreach_campaigns", "experiments")
    op.drop_column("outreach_campaigns", "pause_reason")
    op.drop_constraint(op.f("fk_demo_meetings_campaign_id"), "demo_meetings", type_="foreignkey")
    op.drop_index("uq_demo_meetings_external", table_name="demo_meetings")
    op.drop_index("uq_demo_meetings_effect", table_name="demo_meetings")
    op.drop_index("idx_demo_meetings_campaign", table_name="demo_meetings")
    op.drop_column("demo_meetings", "canceled_at")
    op.drop_column("demo_meetings", "effect_key")
    op.drop_column("demo_meetings", "external_id")
    op.drop_column("demo_meetings", "campaign_id")
    op.drop_index("idx_contractors_phone", table_name="contractors")
    op.drop_index("idx_contractors_email_domain", table_name="contractors")
    op.drop_column("contractors", "scored_at")
    op.drop_column("contractors", "enriched_at")
    op.drop_column("contractors", "sources")
    op.drop_column("contractors", "score_breakdown")
    op.drop_column("contractors", "last_review_at")
    op.drop_column("contractors", "linkedin_url")
    op.drop_column("contractors", "phone_kind")
    op.drop_column("contractors", "email_status")
    op.drop_column("contractors", "email_domain")
    op.drop_column("ai_call_logs", "rejected_claims")
    op.drop_column("ai_call_logs", "model")
    op.drop_column("ai_call_logs", "disposition")
    op.drop_column("ai_call_logs", "analyzed_at")
    op.drop_column("ai_call_logs", "ended_at")
    op.drop_column("ai_call_logs", "started_at")
    op.drop_column("ai_call_logs", "ended_reason")
    op.drop_index("idx_sequence_enrollments_meeting", table_name="sequence_enrollments")
    op.drop_index("idx_sequence_enrollments_mailbox", table_name="sequence_enrollments")
    op.drop_index(
        "idx_sequence_enrollments_live", table_name="sequence_enrollments", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_index("idx_sequence_enrollments_contractor", table_name="sequence_enrollments")
    op.drop_table("sequence_enrollments")
    op.drop_index("idx_outreach_tasks_touchpoint", table_name="outreach_tasks")
    op.drop_index(
        "idx_outreach_tasks_open", table_name="outreach_tasks", postgresql_where=sa.text("state IN ('open', 'claimed')")
    )
    op.drop_index("idx_outreach_tasks_contractor", table_name="outreach_tasks")
    op.drop_index("idx_outreach_tasks_campaign", table_name="outreach_tasks")
    op.drop_index("idx_outreach_tasks_assignee", table_name="outreach_tasks")
    op.drop_table("outreach_tasks")
    op.drop_index("idx_mailbox_claims_day", table_name="mailbox_claims")
    op.drop_table("mailbox_claims")
    op.drop_index("idx_contact_decisions_touchpoint", table_name="contact_decisions")
    op.drop_index("idx_contact_decisions_contractor", table_name="contact_decisions")
    op.drop_table("contact_decisions")
    op.drop_index("uq_promo_codes_touch", table_name="promo_codes")
    op.drop_index("idx_promo_codes_contractor", table_name="promo_codes")
    op.drop_index("idx_promo_codes_campaign", table_name="promo_codes")
    op.drop_table("promo_codes")
    op.drop_index("idx_dnc_numbers_area", table_name="dnc_numbers")
    op.drop_table("dnc_numbers")
    op.drop_table("mailboxes")
    op.drop_table("dnc_area_codes")
