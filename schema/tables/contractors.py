"""Contractors and how they are won: campaigns, touchpoints, calls, demos (spec 4.5 and 4.7.3)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

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
    point,
    prose,
    ref,
    state_code,
    texts,
    within,
    word,
)

ACQUISITION_STATUSES = (
    "discovered",
    "contacted",
    "interested",
    "demo_scheduled",
    "negotiating",
    "onboarded",
    "active",
    "churned",
    "nurture",
    "disqualified",
)
SUBSCRIPTION_TIERS = ("starter", "professional", "enterprise")
CAMPAIGN_TYPES = ("cold_outreach", "nurture", "reactivation", "upsell")
CAMPAIGN_STATUSES = ("draft", "active", "paused", "completed")
OUTREACH_CHANNELS = ("email", "call", "sms", "linkedin", "direct_mail")
TOUCHPOINT_STATUSES = (
    "scheduled",
    "sent",
    "delivered",
    "opened",
    "clicked",
    "replied",
    "failed",
    "bounced",
    "denied",
    "skipped",
    "unknown",
)
PHONE_KINDS = ("mobile", "landline", "voip", "toll_free", "unknown")
PURPOSES = ("outreach", "nurture", "arranged")
CALL_STATUSES = (
    "initiated",
    "ringing",
    "answered",
    "completed",
    "failed",
    "no_answer",
    "voicemail",
    "busy",
)
CALL_SENTIMENTS = ("very_positive", "positive", "neutral", "negative", "very_negative")
DEMO_STATUSES = (
    "scheduled",
    "confirmed",
    "completed",
    "no_show",
    "cancelled",
    "rescheduled",
)
DEMO_OUTCOMES = ("signed_up", "needs_time", "not_interested", "follow_up")
SCHEDULED_STATUSES = ("scheduled", "processing", "sent", "failed", "cancelled")


class Contractor(ChangingRow, table=True):
    """A roofing company: found, won over, subscribed, served."""

    __tablename__ = "contractors"
    __table_args__ = (
        state_code(),
        one_of("acquisition_status", ACQUISITION_STATUSES),
        one_of("subscription_tier", SUBSCRIPTION_TIERS),
        within("fit_score", 0, 100),
        within("conversion_likelihood", 0, 100),
        within("response_rate", 0, 100),
        one_of("phone_kind", PHONE_KINDS),
        Index("idx_contractors_email_domain", "email_domain"),
        Index("idx_contractors_phone", "phone"),
        Index("idx_contractors_city_state", "city", "state"),
        Index("idx_contractors_status", "acquisition_status"),
        Index("idx_contractors_priority", text("priority_score DESC")),
        Index("idx_contractors_email", "email"),
        Index("idx_contractors_tier", "subscription_tier"),
        Index("idx_contractors_geom", "geom", postgresql_using="gist"),
        Index("uq_contractors_google_place", "google_place_id", unique=True),
        Index("uq_contractors_yelp_business", "yelp_business_id", unique=True),
    )

    company_name: str = Field(max_length=255)
    owner_name: str | None = word(255)
    email: str | None = word(255)
    phone: str | None = word(50)
    website: str | None = word(500)
    address: str | None = prose()
    city: str | None = word(100)
    state: str | None = word(2)
    zip: str | None = word(10)
    lat: Decimal | None = latitude()
    lng: Decimal | None = longitude()
    geom: Any = point()
    timezone: str | None = word(50)
    service_areas: Any = json()
    license_number: str | None = word(100)
    license_state: str | None = word(2)
    license_status: str | None = word(50)
    license_expiration: date | None = None
    years_in_business: int | None = None
    employee_count_range: str | None = word(50)
    annual_revenue_range: str | None = word(50)
    services_offered: list[str] | None = texts()
    roof_types: list[str] | None = texts()
    certifications: list[str] | None = texts()
    insurance_types: list[str] | None = texts()
    google_rating: Decimal | None = number(3, 2)
    google_review_count: int | None = None
    google_place_id: str | None = word(255)
    yelp_rating: Decimal | None = number(3, 2)
    yelp_review_count: int | None = None
    yelp_business_id: str | None = word(255)
    bbb_rating: str | None = word(5)
    bbb_accredited: bool | None = None
    social_media: JSON | None = json()
    fit_score: int | None = None
    conversion_likelihood: int | None = None
    ltv_estimate: Decimal | None = number(10, 2)
    priority_score: Decimal | None = number(5, 2)
    acquisition_status: str = word(50, "discovered")
    current_stage: str | None = word(50)
    first_contact_date: datetime | None = None
    last_contact_date: datetime | None = None
    total_touchpoints: int = count()
    response_rate: Decimal | None = number(5, 2)
    signed_up_at: datetime | None = None
    subscription_tier: str | None = word(50)
    monthly_fee: Decimal | None = number(10, 2)
    leads_per_month: int | None = None
    contract_start_date: date | None = None
    contract_end_date: date | None = None
    auto_renew: bool = flag(True)
    total_leads_purchased: int = count()
    total_leads_contacted: int = count()
    total_leads_converted: int = count()
    total_revenue_generated: Decimal = number(12, 2, default=0)
    avg_lead_quality_rating: Decimal | None = number(3, 2)
    conversion_rate: Decimal | None = number(5, 2)
    avg_time_to_contact_hours: Decimal | None = number(6, 2)
    source: str | None = word(100)
    discovered_at: datetime = now()
    notes: str | None = prose()
    custom_fields: JSON | None = json()
    email_domain: str | None = word(255)
    """Lower case; None for the domains of mail providers, which say nothing of a company."""
    email_status: str | None = word(30)
    """What the verifier said: valid, invalid, catch-all, unknown …"""
    phone_kind: str | None = word(20)
    linkedin_url: str | None = word(500)
    last_review_at: datetime | None = None
    score_breakdown: Any = json()
    """The points of each factor of fit and likelihood, with the evidence."""
    sources: JSON | None = json()
    """Per source, what it said of the contractor and under which id."""
    enriched_at: datetime | None = None
    scored_at: datetime | None = None


class OutreachCampaign(ChangingRow, table=True):
    """A sequence of touches aimed at a set of contractors, with its counters."""

    __tablename__ = "outreach_campaigns"
    __table_args__ = (
        state_code("target_state"),
        one_of("type", CAMPAIGN_TYPES),
        one_of("status", CAMPAIGN_STATUSES),
        Index("idx_outreach_campaigns_status", "status"),
    )

    name: str = Field(max_length=255)
    type: str | None = word(50)
    target_city: str | None = word(100)
    target_state: str | None = word(2)
    target_criteria: JSON | None = json()
    channels: list[str] | None = texts()
    sequence_steps: Any = json()
    status: str = word(50, "draft")
    started_at: datetime | None = None
    completed_at: datetime | None = None
    contractors_targeted: int = count()
    emails_sent: int = count()
    emails_delivered: int = count()
    emails_opened: int = count()
    emails_clicked: int = count()
    emails_replied: int = count()
    calls_made: int = count()
    calls_answered: int = count()
    calls_interested: int = count()
    sms_sent: int = count()
    sms_delivered: int = count()
    sms_replied: int = count()
    meetings_booked: int = count()
    signups_generated: int = count()
    total_cost: Decimal = number(10, 2, default=0)
    total_revenue: Decimal = number(12, 2, default=0)
    roi: Decimal | None = number(10, 2)
    cost_per_acquisition: Decimal | None = number(10, 2)
    pause_reason: str | None = word(100)
    experiments: JSON | None = json()
    """Per template: the arms' tallies when last looked at, and the winner once there is one."""


class OutreachTouchpoint(Row, table=True):
    """One message or call to a contractor and what came back."""

    __tablename__ = "outreach_touchpoints"
    __table_args__ = (
        one_of("channel", OUTREACH_CHANNELS),
        one_of("status", TOUCHPOINT_STATUSES),
        one_of("response_sentiment", ("positive", "neutral", "negative")),
        Index("idx_touchpoints_contractor", "contractor_id"),
        Index("idx_touchpoints_campaign", "campaign_id"),
        Index(
            "idx_touchpoints_scheduled",
            "scheduled_for",
            postgresql_where=text("status = 'scheduled'"),
        ),
        one_of("purpose", PURPOSES),
        Index("idx_touchpoints_external", "external_id"),
        Index("idx_touchpoints_mailbox", "mailbox_id"),
        Index("uq_touchpoints_effect", "effect_key", unique=True),
    )

    contractor_id: UUID | None = ref("contractors.id")
    campaign_id: UUID | None = ref("outreach_campaigns.id")
    channel: str | None = word(50)
    touchpoint_type: str | None = word(50)
    sequence_step: int | None = None
    subject: str | None = prose()
    message: str | None = prose()
    template_used: str | None = word(100)
    status: str | None = word(50)
    scheduled_for: datetime | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    replied_at: datetime | None = None
    failed_at: datetime | None = None
    contractor_responded: bool = flag()
    response_text: str | None = prose()
    response_sentiment: str | None = word(20)
    ai_next_action: str | None = prose()
    ai_sentiment_analysis: JSON | None = json()
    ai_insights: JSON | None = json()
    external_id: str | None = word(255)
    cost: Decimal | None = number(10, 4)
    effect_key: str | None = word(255)
    """The ledger's key of the effect; one row per touch however often it is tried."""
    touch_key: str | None = word(50)
    purpose: str | None = word(20)
    variant: str | None = word(50)
    mailbox_id: UUID | None = ref("mailboxes.id", "SET NULL")
    outcome_reason: str | None = word(100)
    bounced_at: datetime | None = None
    complained_at: datetime | None = None
    unsubscribed_at: datetime | None = None
    # `metadata` is taken by SQLAlchemy; only the attribute is renamed.
    extra: JSON | None = Field(default=None, sa_column=Column("metadata", JSONB(none_as_null=True)))


class AiCallLog(Row, table=True):
    """A call by the AI voice and its analysis."""

    __tablename__ = "ai_call_logs"
    __table_args__ = (
        one_of("call_provider", ("vapi", "bland_ai")),
        one_of("status", CALL_STATUSES),
        one_of("sentiment", CALL_SENTIMENTS),
        within("interest_level", 0, 100),
        within("probability_to_convert", 0, 100),
        Index("idx_call_logs_contractor", "contractor_id"),
        Index("idx_call_logs_status", "status"),
        Index("idx_call_logs_interest", text("interest_level DESC")),
        Index("idx_call_logs_campaign", "campaign_id"),
        Index("idx_call_logs_touchpoint", "touchpoint_id"),
        Index("uq_call_logs_external", "call_provider", "external_call_id", unique=True),
    )

    contractor_id: UUID | None = ref("contractors.id")
    campaign_id: UUID | None = ref("outreach_campaigns.id")
    touchpoint_id: UUID | None = ref("outreach_touchpoints.id")
    call_provider: str | None = word(50)
    external_call_id: str | None = word(255)
    phone_number: str | None = word(50)
    status: str | None = word(50)
    duration_seconds: int | None = None
    full_transcript: str | None = prose()
    summary: str | None = prose()
    key_points: list[str] | None = texts()
    sentiment: str | None = word(50)
    interest_level: int | None = None
    objections_raised: list[str] | None = texts()
    questions_asked: list[str] | None = texts()
    next_action: str | None = word(255)
    probability_to_convert: int | None = None
    wants_demo: bool = flag()
    demo_scheduled_for: datetime | None = None
    wants_callback: bool = flag()
    callback_time: datetime | None = None
    not_interested: bool = flag()
    not_interested_reason: str | None = prose()
    recording_url: str | None = prose()
    call_metadata: JSON | None = json()
    cost: Decimal | None = number(10, 4)
    ended_reason: str | None = word(100)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    analyzed_at: datetime | None = None
    disposition: str | None = word(30)
    model: str | None = word(100)
    """The language model that read the transcript."""
    rejected_claims: list[str] | None = texts()
    """What the model said that the transcript does not bear out, by name of the field."""


class DemoMeeting(ChangingRow, table=True):
    """A demonstration booked with a contractor."""

    __tablename__ = "demo_meetings"
    __table_args__ = (
        one_of("status", DEMO_STATUSES),
        one_of("outcome", DEMO_OUTCOMES),
        within("interest_level", 0, 100),
        Index("idx_demo_meetings_contractor", "contractor_id"),
        Index("idx_demo_meetings_scheduled", "scheduled_at"),
        Index("idx_demo_meetings_campaign", "campaign_id"),
        Index("uq_demo_meetings_external", "external_id", unique=True),
        Index("uq_demo_meetings_effect", "effect_key", unique=True),
    )

    contractor_id: UUID | None = ref("contractors.id")
    scheduled_at: datetime | None = None
    duration_minutes: int = count(30)
    meeting_url: str | None = prose()
    meeting_provider: str | None = word(50)
    status: str = word(50, "scheduled")
    reminder_sent: bool = flag()
    reminder_sent_at: datetime | None = None
    attended: bool | None = None
    outcome: str | None = word(50)
    follow_up_date: datetime | None = None
    follow_up_notes: str | None = prose()
    demo_notes: str | None = prose()
    contractor_questions: list[str] | None = texts()
    objections: list[str] | None = texts()
    interest_level: int | None = None
    recording_url: str | None = prose()
    campaign_id: UUID | None = ref("outreach_campaigns.id")
    external_id: str | None = word(500)
    """The vendor's URI of the event's invitee."""
    effect_key: str | None = word(255)
    canceled_at: datetime | None = None


class ScheduledTouchpoint(Row, table=True):
    """A touch that is due at a time."""

    __tablename__ = "scheduled_touchpoints"
    __table_args__ = (
        one_of("channel", OUTREACH_CHANNELS),
        one_of("status", SCHEDULED_STATUSES),
        Index(
            "idx_scheduled_touchpoints_due",
            "scheduled_for",
            postgresql_where=text("status = 'scheduled'"),
        ),
        Index("idx_scheduled_touchpoints_contractor", "contractor_id"),
        Index("idx_scheduled_touchpoints_campaign", "campaign_id"),
        Index("idx_scheduled_touchpoints_touchpoint", "touchpoint_id"),
        Index(
            "uq_scheduled_touchpoints_touch",
            "campaign_id",
            "contractor_id",
            "touch_key",
            unique=True,
        ),
    )

    contractor_id: UUID | None = ref("contractors.id")
    campaign_id: UUID | None = ref("outreach_campaigns.id")
    channel: str | None = word(50)
    template: str | None = word(100)
    sequence_step: int | None = None
    scheduled_for: datetime
    priority: int = count(50)
    status: str = word(50, "scheduled")
    sent_at: datetime | None = None
    failed_at: datetime | None = None
    touchpoint_id: UUID | None = ref("outreach_touchpoints.id")
    touch_key: str | None = word(50)
