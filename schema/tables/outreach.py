"""What outreach needs besides the spec's tables: enrolments, decisions, mailboxes, people's tasks, DNC lists."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from schema.tables.base import (
    JSON,
    ChangingRow,
    Row,
    Table,
    count,
    flag,
    json,
    now,
    one_of,
    prose,
    ref,
    within,
    word,
)

PHASES = (
    "outreach",
    "callback",
    "booking",
    "demo",
    "proposal",
    "person",
    "nurture",
    "signed_up",
    "disqualified",
    "opted_out",
    "unreachable",
    "stopped",
)
CONTACT_VERDICTS = ("allow", "deny", "defer")
MAILBOX_STATES = ("active", "paused", "retired")
TASK_KINDS = ("linkedin", "direct_mail", "reply", "call", "demo_outcome", "unknown_effect")
TASK_STATES = ("open", "claimed", "done", "skipped", "expired")


class SequenceEnrollment(ChangingRow, table=True):
    """A contractor in a campaign: what a lost workflow starts again from, and what may stop a touch in flight."""

    __tablename__ = "sequence_enrollments"
    __table_args__ = (
        UniqueConstraint("campaign_id", "contractor_id"),
        one_of("phase", PHASES),
        Index("idx_sequence_enrollments_contractor", "contractor_id"),
        Index("idx_sequence_enrollments_mailbox", "mailbox_id"),
        Index("idx_sequence_enrollments_meeting", "meeting_id"),
        Index(
            "idx_sequence_enrollments_live",
            "campaign_id",
            "phase",
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    campaign_id: UUID = ref("outreach_campaigns.id", "CASCADE", required=True)
    contractor_id: UUID = ref("contractors.id", "CASCADE", required=True)
    workflow_id: str = Field(max_length=255)
    phase: str = word(20, "outreach")
    reason: str | None = word(100)
    cycle: int = count()
    enrolled_at: datetime = now()
    phase_started_at: datetime = now()
    resume_at: datetime | None = None
    meeting_id: UUID | None = ref("demo_meetings.id", "SET NULL")
    mailbox_id: UUID | None = ref("mailboxes.id", "SET NULL")
    halted_at: datetime | None = None
    """The contractor answered, bounced or opted out: whatever was under way unasked must not go out."""
    halt_reason: str | None = word(30)
    paused_until: datetime | None = None
    held: bool = flag()
    """A touch waits because the campaign is paused."""
    ended_at: datetime | None = None


class ContactDecision(Row, table=True):
    """What the compliance gate said of one touch, and on what grounds. No names or addresses in `facts`."""

    __tablename__ = "contact_decisions"
    __table_args__ = (
        one_of("channel", ("email", "call", "sms")),
        one_of("verdict", CONTACT_VERDICTS),
        Index("idx_contact_decisions_contractor", "contractor_id", text("created_at DESC")),
        Index("idx_contact_decisions_touchpoint", "touchpoint_id"),
    )

    contractor_id: UUID | None = ref("contractors.id", "SET NULL")
    touchpoint_id: UUID | None = ref("outreach_touchpoints.id", "SET NULL")
    channel: str = Field(max_length=20)
    verdict: str = Field(max_length=10)
    reason: str = Field(max_length=60)
    until: datetime | None = None
    facts: JSON | None = json()


class Mailbox(ChangingRow, table=True):
    """An address we write from, with what it may send in a day once it is warm."""

    __tablename__ = "mailboxes"
    __table_args__ = (
        UniqueConstraint("address"),
        one_of("state", MAILBOX_STATES),
        CheckConstraint("daily_cap > 0", name="daily_cap"),
        CheckConstraint("address = lower(address)", name="address_lower"),
    )

    address: str = Field(max_length=320)
    display_name: str = Field(max_length=100)
    daily_cap: int = count(40)
    warm_up_from: date | None = None
    """First day of its warm-up; None: it is warm."""
    state: str = word(20, "active")
    pause_reason: str | None = word(100)
    paused_at: datetime | None = None


class MailboxClaim(Table, table=True):
    """A place in a mailbox's day, taken once by a touch."""

    __tablename__ = "mailbox_claims"
    __table_args__ = (Index("idx_mailbox_claims_day", "mailbox_id", "day"),)

    touchpoint_id: UUID = Field(foreign_key="outreach_touchpoints.id", ondelete="CASCADE", primary_key=True)
    mailbox_id: UUID = ref("mailboxes.id", "CASCADE", required=True)
    day: date
    follow_up: bool = flag()


class OutreachTask(ChangingRow, table=True):
    """Something a person does: a LinkedIn message, a postcard, an answer to a reply."""

    __tablename__ = "outreach_tasks"
    __table_args__ = (
        UniqueConstraint("effect_key"),
        one_of("kind", TASK_KINDS),
        one_of("state", TASK_STATES),
        Index("idx_outreach_tasks_contractor", "contractor_id"),
        Index("idx_outreach_tasks_campaign", "campaign_id"),
        Index("idx_outreach_tasks_touchpoint", "touchpoint_id"),
        Index("idx_outreach_tasks_assignee", "assignee_id"),
        Index("idx_outreach_tasks_open", "due_at", postgresql_where=text("state IN ('open', 'claimed')")),
    )

    effect_key: str = Field(max_length=255)
    contractor_id: UUID = ref("contractors.id", "CASCADE", required=True)
    campaign_id: UUID | None = ref("outreach_campaigns.id", "CASCADE")
    touchpoint_id: UUID | None = ref("outreach_touchpoints.id", "SET NULL")
    kind: str = Field(max_length=20)
    state: str = word(20, "open")
    due_at: datetime = now()
    instructions: str | None = prose()
    assignee_id: UUID | None = ref("users.id", "SET NULL")
    settled_at: datetime | None = None
    note: str | None = prose()


class PromoCode(Row, table=True):
    """A code only one contractor has, so that its redemption says which letter worked."""

    __tablename__ = "promo_codes"
    __table_args__ = (
        UniqueConstraint("code"),
        within("percent_off", 1, 100),
        Index("idx_promo_codes_contractor", "contractor_id"),
        Index("idx_promo_codes_campaign", "campaign_id"),
        Index("uq_promo_codes_touch", "contractor_id", "campaign_id", "channel", unique=True),
    )

    code: str = Field(max_length=30)
    contractor_id: UUID = ref("contractors.id", "CASCADE", required=True)
    campaign_id: UUID | None = ref("outreach_campaigns.id", "SET NULL")
    channel: str = Field(max_length=20)
    percent_off: int
    expires_at: datetime | None = None
    redeemed_at: datetime | None = None


class DncAreaCode(Table, table=True):
    """An area code of the National Do Not Call Registry and when its list was last loaded."""

    __tablename__ = "dnc_area_codes"

    area_code: str = Field(primary_key=True, max_length=3)
    loaded_at: datetime = now()
    numbers: int = count()


class DncNumber(Table, table=True):
    """A number on the registry, by blind index."""

    __tablename__ = "dnc_numbers"
    __table_args__ = (Index("idx_dnc_numbers_area", "area_code"),)

    number_bidx: str = Field(primary_key=True, max_length=64)
    area_code: str = Field(foreign_key="dnc_area_codes.area_code", ondelete="CASCADE", max_length=3)
