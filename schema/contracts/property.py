"""Messages of PropertyWorkflow (spec 6.1)."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.roof import RoofCondition
from schema.contracts.base import Contract, LeadStatus


class PropertyRequest(Contract):
    """Which property to process: by address (with city and state), by a scraped permit, or by lead id.

    Every field is optional here so that a malformed start becomes a clear result instead of a
    workflow task that can never decode its input; `admit_property` checks the combination.
    """

    address: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    permit_id: str | None = None
    lead_id: str | None = None


class Stage(StrEnum):
    """The twelve steps of spec 6.1, as shown in the UI and in the `Stage` search attribute."""

    PERMIT = "permit"
    BASE_LEAD = "base_lead"
    GATHERING = "gathering"
    IMAGE_PROCESSING = "image_processing"
    INFERENCE = "inference"
    VALIDATION = "validation"
    REVIEW = "review"
    TRIGGERS = "triggers"
    SCORING = "scoring"
    CLUSTERING = "clustering"
    PUBLISHING = "publishing"
    COMPLETE = "complete"


class Reason(StrEnum):
    """Why a property ended, or what it had to do without. Stable codes: dashboards count them."""

    BAD_REQUEST = "bad_request"
    INVALID_ADDRESS = "invalid_address"
    UNKNOWN_CITY = "unknown_city"
    UNKNOWN_PERMIT = "unknown_permit"
    UNKNOWN_LEAD = "unknown_lead"
    ALREADY_SETTLED = "already_settled"
    ALREADY_RUNNING = "already_running"
    ADDRESS_NOT_FOUND = "address_not_found"
    REVIEW_REJECTED = "review_rejected"
    REVIEW_EXPIRED = "review_expired"
    SCORE_BELOW_MINIMUM = "score_below_minimum"
    PORTAL_UNAVAILABLE = "portal_unavailable"
    PORTAL_UNREADABLE = "portal_unreadable"
    ASSESSOR_UNAVAILABLE = "assessor_unavailable"
    ASSESSOR_UNREADABLE = "assessor_unreadable"
    OWNER_NOT_FOUND = "owner_not_found"
    GEOCODER_UNAVAILABLE = "geocoder_unavailable"
    IMAGERY_UNAVAILABLE = "imagery_unavailable"
    IMAGERY_INCOMPLETE = "imagery_incomplete"
    IMAGE_UNREADABLE = "image_unreadable"
    NO_USABLE_IMAGE = "no_usable_image"
    CONTACT_NOT_FOUND = "contact_not_found"
    CONTACT_VENDOR_UNAVAILABLE = "contact_vendor_unavailable"
    VERIFIER_UNAVAILABLE = "verifier_unavailable"
    INFERENCE_FAILED = "inference_failed"
    CLUSTERING_FAILED = "clustering_failed"
    NOTIFICATION_FAILED = "notification_failed"
    COSTING_FAILED = "costing_failed"


class Admission(Contract):
    """Step 1-2: the lead a request stands for, or why there is none."""

    lead_id: UUID | None = None
    city: str | None = None
    state: str | None = None
    status: LeadStatus | None = None
    """The lead's status where it cannot be processed again (reserved or sold)."""
    reason: Reason | None = None
    detail: str | None = None
    """One sentence for the operator; never quotes the address."""


class PermitHistory(Contract):
    """Permits on file for the property."""

    permits: int = 0
    last_roof_permit: date | None = None
    reason: Reason | None = None


class PropertyRecordSummary(Contract):
    """County record: found or why not. The record itself is in the database."""

    found: bool = False
    reason: Reason | None = None


class GeocodeSummary(Contract):
    """Whether the property has coordinates now, and from where (`geocoder`, `permit`)."""

    located: bool = False
    source: str | None = None
    reason: Reason | None = None


class ImagerySummary(Contract):
    """How many of the five images are stored."""

    satellite: int = 0
    street_views: int = 0
    reason: Reason | None = None


class ContactSummary(Contract):
    """What is known of how to reach the owner; never the contact itself."""

    email_found: bool = False
    email_verified: bool = False
    phone_found: bool = False
    reason: Reason | None = None


class ProcessingSummary(Contract):
    """How many images are ready for the models."""

    usable: int = 0
    unusable: int = 0
    reason: Reason | None = None


class AnalysisSummary(Contract):
    """The ensemble's verdict; `confidence` is 0-100."""

    analysis_id: UUID | None = None
    condition: RoofCondition | None = None
    confidence: float | None = None
    reason: Reason | None = None


class ValidationSummary(Contract):
    """Outcome of the five stages (spec 3.4.4); `confidence` is 0-100, `review_id` set below 95."""

    confidence: float | None = None
    failed_stages: tuple[str, ...] = ()
    review_id: UUID | None = None
    reason: Reason | None = None


class ReviewDecision(StrEnum):
    """What a reviewer says of an analysis."""

    APPROVE = "approve"
    REJECT = "reject"


class Review(Contract):
    """A reviewer's verdict. The note, if any, is stored by the API: histories carry decisions only."""

    decision: ReviewDecision
    reviewer_id: UUID | None = None
    corrected_condition: RoofCondition | None = None


class ReviewNote(Contract):
    """Optional payload of the `approve` and `reject` signals."""

    reviewer_id: UUID | None = None
    corrected_condition: RoofCondition | None = None


class ReviewAnswer(Contract):
    """Answer of the `review` update: the verdict that stands."""

    lead_id: UUID
    decision: ReviewDecision
    corrected_condition: RoofCondition | None = None


class ReviewSettlement(Contract):
    """Asks `settle_review` to close a review task; `review` is None when it expired."""

    lead_id: UUID
    review_id: UUID
    review: Review | None = None


class ReviewReminder(Contract):
    """Asks `remind_reviewers` for the n-th reminder (1-based)."""

    review_id: UUID
    number: int


class TriggerSummary(Contract):
    """Active triggers by type and whether one of them is urgent (hail or storm)."""

    types: tuple[str, ...] = ()
    urgent: bool = False


class ScoreSummary(Contract):
    """Score 0-100, grade A-D or F, price in US dollars (None below 60)."""

    score: int
    grade: str
    price: Decimal | None = None


class ClusterSummary(Contract):
    """The cluster the lead is in; None without coordinates."""

    cluster_id: UUID | None = None


class PublishSummary(Contract):
    """Final status and how many contractors match."""

    status: LeadStatus
    matched: int = 0


class NotifySummary(Contract):
    """How many contractors were told; `unknown` ones crashed between effect and record (decision 0003)."""

    notified: int = 0
    unknown: int = 0
    reason: Reason | None = None


class LeadCost(Contract):
    """What vendors charged for this lead, in US dollars."""

    cost: Decimal = Decimal(0)
    reason: Reason | None = None


class LeadClosing(Contract):
    """Asks `close_lead` to end a lead before it reaches the market."""

    lead_id: UUID
    status: LeadStatus
    reason: Reason


class PropertyResult(Contract):
    """How a property ended. `degraded` lists what it had to do without."""

    workflow_id: str
    lead_id: UUID | None = None
    status: LeadStatus
    reason: Reason | None = None
    detail: str | None = None
    score: int | None = None
    grade: str | None = None
    price: Decimal | None = None
    condition: RoofCondition | None = None
    confidence: float | None = None
    reviewed: bool = False
    degraded: tuple[Reason, ...] = ()


class PropertyStatus(Contract):
    """Answer of the `status` query."""

    lead_id: UUID | None = None
    stage: Stage
    status: LeadStatus
    waiting_for: str | None = None
    review_id: UUID | None = None
    review_expires_at: datetime | None = None
    condition: RoofCondition | None = None
    confidence: float | None = None
    score: int | None = None
    grade: str | None = None
    price: Decimal | None = None
    degraded: tuple[Reason, ...] = ()


class CityScrapeRequest(Contract):
    """Asks for a city's roofing permits of the last `days` days (spec 5.2)."""

    city: str
    state: str
    days: int = 30
    max_permits: int = 5_000


class CityScrapeResult(Contract):
    """What a city scrape stored."""

    job_id: UUID | None = None
    seen: int = 0
    roofing: int = 0
    stored: int = 0
    rejected_rows: int = 0
    reason: Reason | None = None
