"""Clusters, sales, refunds, reviews, scores and notifications of leads (spec 4.4 and what it needs)."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from domain.roof import RoofCondition
from schema.tables.base import (
    JSON,
    ChangingRow,
    Row,
    count,
    flag,
    json,
    latitude,
    longitude,
    now,
    number,
    one_of,
    prose,
    ref,
    state_code,
    texts,
    within,
    word,
)

REVIEW_STATES = ("open", "approved", "rejected", "expired")
NOTIFICATION_CHANNELS = ("email", "sms", "push", "in_app")
NOTIFICATION_STATES = ("pending", "sent", "failed", "unknown", "read")
REFUND_STATES = ("requested", "approved", "rejected", "paid", "failed")


class LeadCluster(ChangingRow, table=True):
    """Leads that lie close together, and who owns the right to them."""

    __tablename__ = "lead_clusters"
    __table_args__ = (
        state_code(),
        Index("idx_lead_clusters_location", "city", "state"),
        Index("idx_lead_clusters_contractor", "exclusive_contractor_id"),
    )

    cluster_name: str | None = word(255)
    city: str | None = word(100)
    state: str | None = word(2)
    center_lat: Decimal | None = latitude()
    center_lng: Decimal | None = longitude()
    radius_miles: Decimal | None = number(5, 2)
    lead_count: int = count()
    avg_quality_score: Decimal | None = number(5, 2)
    total_value: Decimal | None = number(12, 2)
    leads_available: int = count()
    leads_sold: int = count()
    exclusive_contractor_id: UUID | None = ref("contractors.id")
    assigned_at: datetime | None = None
    exclusivity_expires_at: datetime | None = None


class LeadAssignment(Row, table=True):
    """A sale of a lead to a contractor and what became of it. One live one per lead; a refund releases it."""

    __tablename__ = "lead_assignments"
    __table_args__ = (
        one_of("contact_method", ("email", "phone", "in_person")),
        within("contractor_rating", 1, 5),
        within("lead_quality_rating", 1, 5),
        Index("idx_lead_assignments_lead", "base_lead_id"),
        Index("idx_lead_assignments_contractor", "contractor_id"),
        Index("idx_lead_assignments_converted", "converted"),
        Index(
            "uq_lead_assignments_live",
            "base_lead_id",
            unique=True,
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    base_lead_id: UUID = ref("base_leads.id", required=True)
    contractor_id: UUID = ref("contractors.id", required=True)
    assigned_at: datetime = now()
    price_paid: Decimal | None = number(10, 2)
    released_at: datetime | None = None
    release_reason: str | None = word(100)
    viewed: bool = flag()
    viewed_at: datetime | None = None
    contacted: bool = flag()
    contacted_at: datetime | None = None
    contact_method: str | None = word(50)
    appointment_scheduled: bool = flag()
    appointment_date: datetime | None = None
    quote_provided: bool = flag()
    quote_amount: Decimal | None = number(10, 2)
    quote_date: datetime | None = None
    converted: bool = flag()
    converted_at: datetime | None = None
    job_value: Decimal | None = number(10, 2)
    contractor_rating: int | None = None
    contractor_feedback: str | None = prose()
    lead_quality_rating: int | None = None


class Refund(ChangingRow, table=True):
    """Money back for a sale; at most one per sale."""

    __tablename__ = "refunds"
    __table_args__ = (
        UniqueConstraint("lead_assignment_id"),
        one_of("state", REFUND_STATES),
        CheckConstraint("amount > 0", name="amount"),
        Index("idx_refunds_state", "state"),
        Index("idx_refunds_decided_by", "decided_by"),
    )

    lead_assignment_id: UUID = ref("lead_assignments.id", required=True)
    amount: Decimal = Field(max_digits=10, decimal_places=2)
    reason: str = prose(required=True)
    state: str = word(20, "requested")
    external_id: str | None = word(255)
    decided_by: UUID | None = ref("users.id", "SET NULL")
    decided_at: datetime | None = None
    paid_at: datetime | None = None


class ReviewTask(ChangingRow, table=True):
    """A question to a reviewer: is this analysis right? At most one is open per lead."""

    __tablename__ = "review_tasks"
    __table_args__ = (
        one_of("state", REVIEW_STATES),
        one_of("corrected_condition", RoofCondition),
        within("confidence", 0, 100),
        Index(
            "uq_review_tasks_open",
            "base_lead_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("idx_review_tasks_lead", "base_lead_id"),
        Index("idx_review_tasks_analysis", "analysis_id"),
        Index("idx_review_tasks_reviewer", "reviewer_id"),
        Index(
            "idx_review_tasks_queue",
            "created_at",
            "id",
            postgresql_where=text("state = 'open'"),
        ),
    )

    base_lead_id: UUID = ref("base_leads.id", "CASCADE", required=True)
    analysis_id: UUID | None = ref("roof_analysis.id", "SET NULL")
    workflow_id: str = Field(max_length=255)
    state: str = word(20, "open")
    confidence: Decimal | None = number(5, 2)
    failed_stages: list[str] | None = texts()
    evidence: JSON | None = json()
    reviewer_id: UUID | None = ref("users.id", "SET NULL")
    note: str | None = prose()
    corrected_condition: str | None = word(50)
    reminders_sent: int = count()
    expires_at: datetime | None = None
    settled_at: datetime | None = None


class ScoreBreakdownRow(Row, table=True):
    """The points one factor gave a lead, and why (spec 3.5.1). One row per lead and factor."""

    __tablename__ = "score_breakdowns"
    __table_args__ = (
        UniqueConstraint("base_lead_id", "factor"),
        CheckConstraint("points BETWEEN 0 AND maximum", name="points"),
    )

    base_lead_id: UUID = ref("base_leads.id", "CASCADE", required=True)
    factor: str = Field(max_length=50)
    points: int
    maximum: int
    evidence: Any = json()


class Notification(Row, table=True):
    """One message to one recipient about one lead; the unique key keeps a retry from sending it again."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint(
            "base_lead_id",
            "contractor_id",
            "user_id",
            "channel",
            "kind",
            name="uq_notifications_once",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("num_nonnulls(contractor_id, user_id) = 1", name="recipient"),
        one_of("channel", NOTIFICATION_CHANNELS),
        one_of("state", NOTIFICATION_STATES),
        Index("idx_notifications_contractor", "contractor_id", text("created_at DESC")),
        Index("idx_notifications_user", "user_id", text("created_at DESC")),
        Index(
            "idx_notifications_pending",
            "base_lead_id",
            postgresql_where=text("state = 'pending'"),
        ),
    )

    base_lead_id: UUID | None = ref("base_leads.id", "CASCADE")
    contractor_id: UUID | None = ref("contractors.id", "CASCADE")
    user_id: UUID | None = ref("users.id", "CASCADE")
    channel: str = Field(max_length=20)
    kind: str = Field(max_length=50)
    payload: JSON | None = json()
    state: str = word(20, "pending")
    external_id: str | None = word(255)
    sent_at: datetime | None = None
    read_at: datetime | None = None
