"""Events, vendor usage, users, consent, suppression, webhooks and the effect ledger (spec 4.7 and what it needs)."""

from datetime import datetime
from decimal import Decimal
from typing import Any
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
    number,
    one_of,
    prose,
    ref,
    word,
)

EVENT_SEVERITIES = ("debug", "info", "warning", "error", "critical")
USER_ROLES = ("operator", "reviewer", "contractor", "service")
CONTACT_CHANNELS = ("email", "call", "sms")
CONSENT_KINDS = ("express_written", "express", "implied")
SUPPRESSION_REASONS = ("opt_out", "hard_bounce", "complaint", "do_not_call", "manual")
WEBHOOK_STATES = ("received", "processed", "ignored", "failed")
EFFECT_STATES = ("started", "done", "unknown", "failed")


class SystemEvent(Row, table=True):
    """Something worth remembering. `event_data` never holds personal data."""

    __tablename__ = "system_events"
    __table_args__ = (
        one_of("severity", EVENT_SEVERITIES),
        Index("idx_system_events_type", "event_type"),
        Index("idx_system_events_created", text("created_at DESC")),
        Index("idx_system_events_severity", "severity"),
        Index("idx_system_events_entity", "entity_type", "entity_id"),
    )

    event_type: str | None = word(100)
    event_name: str | None = word(255)
    service: str | None = word(50)
    entity_type: str | None = word(50)
    entity_id: UUID | None = None
    event_data: JSON | None = json()
    severity: str | None = word(20)


class ApiUsageLog(Row, table=True):
    """One vendor call and its cost. Parameters and bodies are stored only when free of personal data."""

    __tablename__ = "api_usage_logs"
    __table_args__ = (
        Index("idx_api_usage_logs_provider", "api_provider", text("created_at DESC")),
        Index("idx_api_usage_logs_entity", "entity_id"),
    )

    api_provider: str | None = word(100)
    api_endpoint: str | None = word(255)
    request_method: str | None = word(10)
    request_params: JSON | None = json()
    response_status: int | None = None
    response_time_ms: int | None = None
    response_body: Any = json()
    cost: Decimal | None = number(10, 6)
    service: str | None = word(50)
    entity_type: str | None = word(50)
    entity_id: UUID | None = None
    success: bool | None = None
    error_message: str | None = prose()


class User(ChangingRow, table=True):
    """Someone who may sign in. Without a password hash (Argon2) an account cannot."""

    __tablename__ = "users"
    __table_args__ = (
        one_of("role", USER_ROLES),
        CheckConstraint(
            "(role = 'contractor') = (contractor_id IS NOT NULL)",
            name="contractor_role",
        ),
        CheckConstraint("email = lower(email)", name="email_lower"),
        Index("idx_users_contractor", "contractor_id"),
        Index("idx_users_role", "role"),
    )

    email: str = Field(max_length=320, unique=True)
    role: str = Field(max_length=20)
    display_name: str | None = word(255)
    password_hash: str | None = prose()
    contractor_id: UUID | None = ref("contractors.id", "CASCADE")
    active: bool = flag(True)
    last_login_at: datetime | None = None


class Consent(Row, table=True):
    """Permission to reach an address (by blind index) on a channel. At most one is live."""

    __tablename__ = "consents"
    __table_args__ = (
        one_of("channel", CONTACT_CHANNELS),
        one_of("kind", CONSENT_KINDS),
        one_of("subject_type", ("contractor", "owner", "user")),
        Index(
            "uq_consents_live",
            "address_bidx",
            "channel",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index("idx_consents_subject", "subject_type", "subject_id"),
    )

    subject_type: str = Field(max_length=20)
    subject_id: UUID | None = None
    address_bidx: str = Field(max_length=64)
    channel: str = Field(max_length=20)
    kind: str = Field(max_length=30)
    source: str = Field(max_length=100)
    wording: str | None = prose()
    evidence: JSON | None = json()
    granted_at: datetime = now()
    revoked_at: datetime | None = None


class SuppressionEntry(Row, table=True):
    """An address (by blind index) that must not be reached on a channel."""

    __tablename__ = "suppression_entries"
    __table_args__ = (
        UniqueConstraint("address_bidx", "channel"),
        one_of("channel", (*CONTACT_CHANNELS, "all")),
        one_of("reason", SUPPRESSION_REASONS),
    )

    address_bidx: str = Field(max_length=64)
    channel: str = Field(max_length=20)
    reason: str = Field(max_length=30)
    source: str | None = word(100)


class WebhookInboxItem(Row, table=True):
    """A webhook as it came; unique on (source, event id), so a redelivery acts once."""

    __tablename__ = "webhook_inbox"
    __table_args__ = (
        UniqueConstraint("source", "event_id"),
        one_of("state", WEBHOOK_STATES),
        Index(
            "idx_webhook_inbox_waiting",
            "created_at",
            postgresql_where=text("state = 'received'"),
        ),
    )

    source: str = Field(max_length=50)
    event_id: str = Field(max_length=255)
    event_type: str | None = word(100)
    payload: Any = json()
    state: str = word(20, "received")
    attempts: int = count()
    error_message: str | None = prose()
    processed_at: datetime | None = None


class Effect(Table, table=True):
    """The idempotency ledger: written before an outside effect, settled after it (decision 0003)."""

    __tablename__ = "effects"
    __table_args__ = (
        one_of("state", EFFECT_STATES),
        Index("idx_effects_subject", "subject_id"),
        Index(
            "idx_effects_open",
            "started_at",
            postgresql_where=text("state IN ('started', 'unknown')"),
        ),
    )

    key: str = Field(primary_key=True, max_length=255)
    kind: str = Field(max_length=50)
    subject_id: UUID | None = None
    state: str = word(20, "started")
    external_id: str | None = word(255)
    attempts: int = count(1)
    started_at: datetime = now()
    settled_at: datetime | None = None
    updated_at: datetime = Field(
        default=None,
        nullable=False,
        sa_column_kwargs={"server_default": text("now()"), "onupdate": text("now()")},
    )
