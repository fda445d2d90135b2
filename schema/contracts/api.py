"""What the HTTP API accepts and answers.

Answers carry no owner data and no house number: the API has no log-in yet, and what a contractor may
see before buying is a preview. Requests refuse unknown fields, so a misspelt one is an error.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from domain.roof import RoofCondition, View
from schema.contracts.base import Contract
from schema.contracts.property import PropertyResult, PropertyStatus, ReviewDecision

CityName = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\W\d_][\w .'\-]{0,99}$")]
StateCode = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z]{2}$"),
]


class ApiRequest(Contract):
    """The base of every request body."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(Contract):
    """An error (RFC 9457). `code` is stable, the words are for people; input values are never echoed."""

    type: str
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None
    code: str
    errors: tuple["FieldError", ...] | None = None
    decided: ReviewDecision | None = None
    """Only with `review_settled`: what was decided before; null when the review expired."""


class FieldError(Contract):
    """One thing wrong with a request: where (`body`, `query`, `path`), which field, and what."""

    location: str
    field: str
    code: str
    message: str


class ServiceInfo(Contract):
    """What answers at `/`: which of the spec's services this is and where to go from here."""

    name: str
    version: str
    service: str
    title: str
    links: dict[str, str]


class Health(Contract):
    """The process is up; says nothing of what it depends on."""

    status: Literal["ok"] = "ok"
    service: str


class DependencyState(Contract):
    """Whether a server answered within its budget, and how fast; `reason` is the kind of failure."""

    up: bool
    elapsed_ms: int
    reason: str | None = None


class Readiness(Contract):
    """Whether everything this service needs answers."""

    ready: bool
    service: str
    checks: dict[str, DependencyState]


class StartProperty(ApiRequest):
    """Which property to process: its address with city and state, a scraped permit, or a known lead."""

    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)] | None = None
    city: CityName | None = None
    state: StateCode | None = None
    zip: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\d{5}(-\d{4})?$")] | None = None
    permit_id: UUID | None = None
    lead_id: UUID | None = None

    @model_validator(mode="after")
    def _names_one_property(self) -> Self:
        location = (self.address, self.city, self.state)
        ways = (
            any((*location, self.zip)),
            self.permit_id is not None,
            self.lead_id is not None,
        )
        if sum(ways) != 1:
            raise ValueError("give exactly one of: address with city and state; permit_id; lead_id")
        if ways[0] and not all(location):
            raise ValueError("an address needs city and state")
        return self


class StartedWorkflow(Contract):
    """A workflow that is running now. `existing` means it had been started before and was joined."""

    workflow_id: str
    run_id: str
    existing: bool
    links: dict[str, str]


class StartedProperty(StartedWorkflow):
    """The workflow of one property; a lead id stands for one address for ever."""

    lead_id: UUID


class ExecutionStatus(StrEnum):
    """How a workflow stands, in Temporal's words."""

    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"
    TERMINATED = "Terminated"
    CONTINUED_AS_NEW = "ContinuedAsNew"
    TIMED_OUT = "TimedOut"
    PAUSED = "Paused"


class WorkflowSummary(Contract):
    """One row of the list of workflows, from Temporal's visibility store (seconds behind at times)."""

    workflow_id: str
    run_id: str
    workflow_type: str
    status: ExecutionStatus
    started_at: datetime
    closed_at: datetime | None = None
    search_attributes: dict[str, Any]


class WorkflowPage(Contract):
    """A page of workflows; `next_page_token` is null on the last one."""

    workflows: tuple[WorkflowSummary, ...]
    next_page_token: str | None = None


class PendingActivity(Contract):
    """What a workflow is trying to do. A failure is named by its type only: messages may quote input."""

    activity_type: str
    state: str
    attempt: int
    last_failure_type: str | None = None


class StatusSource(StrEnum):
    """Why `status` of a workflow is there or not."""

    QUERIED = "queried"
    CLOSED = "closed"
    NOT_ASKED = "not_asked"
    NO_WORKER = "no_worker"
    QUERY_FAILED = "query_failed"


class WorkflowDetail(WorkflowSummary):
    """A workflow seen close up. `status_query` while it runs, `result` once a property is complete."""

    task_queue: str
    history_events: int
    pending_activities: tuple[PendingActivity, ...]
    status_source: StatusSource
    status_query: PropertyStatus | None = None
    result: PropertyResult | None = None
    links: dict[str, str]


class ReviewImage(Contract):
    """One image of the roof; the URL works without credentials until it expires."""

    view: View
    kind: Literal["original", "overlay"]
    url: str


class PendingReview(Contract):
    """A prediction below 95 % that waits for a person (spec 3.4.4)."""

    review_id: UUID
    lead_id: UUID
    workflow_id: str
    street: str
    """The street without the house number."""
    city: str
    state: str
    predicted_condition: RoofCondition | None = None
    confidence: float | None = None
    failed_stages: tuple[str, ...]
    evidence: dict[str, Any]
    images: tuple[ReviewImage, ...]
    opened_at: datetime
    expires_at: datetime | None = None


class PendingReviewPage(Contract):
    """A page of open reviews, the one that expires first in front."""

    reviews: tuple[PendingReview, ...]
    next: str | None = None


class ReviewInput(ApiRequest):
    """What a reviewer may add to a decision. The note is kept with the review, not in the workflow."""

    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] | None = None
    corrected_condition: RoofCondition | None = None
    reviewer_id: UUID | None = None


class SettledReview(Contract):
    """A decided review. `repeated` means the same decision had been taken before."""

    review_id: UUID
    lead_id: UUID
    workflow_id: str
    decision: ReviewDecision
    corrected_condition: RoofCondition | None = None
    repeated: bool


class LeadPreview(Contract):
    """A lead for sale as a contractor sees it before buying (spec 3.7.2): no owner, no house number.

    `value_range` is a band of US dollars, `urgency` the strength (0-100) of the strongest trigger.
    """

    lead_id: UUID
    street: str
    city: str
    state: str
    zip: str | None = None
    score: int
    grade: str | None = None
    price: Decimal | None = None
    value_range: str | None = None
    condition: RoofCondition | None = None
    urgency: int | None = None
    trigger_types: tuple[str, ...] = ()
    roof_type: str | None = None
    roof_age_years: int | None = None
    roof_sqft: int | None = None
    damages: tuple[str, ...] = ()
    year_built: int | None = None
    published_at: datetime | None = None
    available_until: datetime | None = None


class LeadPage(Contract):
    """A page of leads, best first; pass `next` as `after` for the page behind it."""

    leads: tuple[LeadPreview, ...]
    next: str | None = None


class StartPermitScrape(ApiRequest):
    """Which city's roofing permits to fetch, and of how many days back (spec 5.2)."""

    city: CityName
    state: StateCode
    days: Annotated[int, Field(ge=1, le=365)] = 30


class Job(Contract):
    """A scrape, running or done (spec 4.6.1)."""

    job_id: UUID
    job_type: str
    city: str | None = None
    state: str | None = None
    status: str
    total_items: int = 0
    processed_items: int = 0
    succeeded_items: int = 0
    failed_items: int = 0
    error: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    created_at: datetime


class JobPage(Contract):
    """A page of jobs, newest first."""

    jobs: tuple[Job, ...]
    next: str | None = None


Problem.model_rebuild()
