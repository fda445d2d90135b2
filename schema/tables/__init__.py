"""Every table of spec section 4 and those it needs besides, as SQLModel classes."""

from sqlalchemy import MetaData

from schema.tables.base import Table
from schema.tables.billing import (
    Payment,
    PaymentRefund,
    Subscription,
    SubscriptionPeriod,
)
from schema.tables.contractors import (
    AiCallLog,
    Contractor,
    DemoMeeting,
    OutreachCampaign,
    OutreachTouchpoint,
    ScheduledTouchpoint,
)
from schema.tables.core import (
    BaseLead,
    RoofingLead,
    RoofingPermit,
    TargetCity,
    Vertical,
)
from schema.tables.events import LeadTrigger, WeatherEvent
from schema.tables.imagery import PropertyImage, RoofAnalysis
from schema.tables.jobs import EnrichmentJob, MlInferenceJob, ScrapingJob
from schema.tables.market import (
    LeadAssignment,
    LeadCluster,
    Notification,
    Refund,
    ReviewTask,
    ScoreBreakdownRow,
)
from schema.tables.outreach import (
    ContactDecision,
    DncAreaCode,
    DncNumber,
    Mailbox,
    MailboxClaim,
    OutreachTask,
    PromoCode,
    SequenceEnrollment,
)
from schema.tables.system import (
    ApiUsageLog,
    Consent,
    Effect,
    SuppressionEntry,
    SystemEvent,
    User,
    WebhookInboxItem,
)

metadata: MetaData = Table.metadata

__all__ = [
    "AiCallLog",
    "ApiUsageLog",
    "BaseLead",
    "Consent",
    "ContactDecision",
    "Contractor",
    "DemoMeeting",
    "DncAreaCode",
    "DncNumber",
    "Effect",
    "EnrichmentJob",
    "LeadAssignment",
    "LeadCluster",
    "LeadTrigger",
    "Mailbox",
    "MailboxClaim",
    "MlInferenceJob",
    "Notification",
    "OutreachCampaign",
    "OutreachTask",
    "OutreachTouchpoint",
    "Payment",
    "PaymentRefund",
    "PromoCode",
    "PropertyImage",
    "Refund",
    "ReviewTask",
    "RoofAnalysis",
    "RoofingLead",
    "RoofingPermit",
    "ScheduledTouchpoint",
    "ScoreBreakdownRow",
    "ScrapingJob",
    "SequenceEnrollment",
    "Subscription",
    "SubscriptionPeriod",
    "SuppressionEntry",
    "SystemEvent",
    "TargetCity",
    "User",
    "Vertical",
    "WeatherEvent",
    "WebhookInboxItem",
    "metadata",
]
