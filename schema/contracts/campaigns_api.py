"""What the HTTP API accepts and answers about campaigns, their figures and mailboxes (spec 5.6, 5.8).

Contractors are named by id only. Rates and shares lie between 0 and 1, and are null where there is nothing to
take a share of; money is in US dollars.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from domain.cadence import DEFAULT_CHANNELS, Channel
from domain.campaign_targets import DEFAULT_TYPE
from domain.engagement import Sign, Stage
from domain.experiments import State
from schema.contracts.api import ApiRequest, CityName, StartedWorkflow, StateCode
from schema.contracts.base import Contract
from schema.contracts.campaigns import TargetCriteria
from schema.contracts.outreach import SequenceStep
from schema.contracts.outreach_api import MAX_STEPS, StepInput

MAX_DAYS = 366

MailboxAddress = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        to_lower=True,
        max_length=320,
        pattern=r"^[^@\s<>\",;]{1,64}@[^@\s<>\",;]+\.[A-Za-z]{2,63}$",
    ),
]


class CampaignType(StrEnum):
    """Whom a campaign is for; customers are for none of them."""

    COLD_OUTREACH = "cold_outreach"
    NURTURE = "nurture"
    REACTIVATION = "reactivation"


class CampaignStatus(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"


class NewCampaign(ApiRequest):
    """A campaign for the contractors of a city, of a state, or of the whole country. Without steps: the spec's."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
    type: CampaignType = CampaignType(DEFAULT_TYPE)
    city: CityName | None = None
    state: StateCode | None = None
    channels: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=len(Channel))] = DEFAULT_CHANNELS
    target_criteria: TargetCriteria = TargetCriteria()
    sequence_steps: Annotated[tuple[StepInput, ...], Field(min_length=1, max_length=MAX_STEPS)] | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.city is not None and self.state is None:
            raise ValueError("a city needs its state")
        if len(set(self.channels)) != len(self.channels):
            raise ValueError("a channel is named twice")
        steps = self.sequence_steps
        if steps is None:
            return self
        days = [step.day for step in steps]
        if days != sorted(days):
            raise ValueError("the steps must be in order of days")
        if steps[0].with_previous:
            raise ValueError("the first step has no previous one to go with")
        if not {step.channel for step in steps} <= set(self.channels):
            raise ValueError("a step uses a channel that the campaign does not")
        return self


class CampaignSummary(Contract):
    """One row of the list of campaigns; the counters are those of the last hourly count."""

    campaign_id: UUID
    name: str
    type: str | None = None
    city: str | None = None
    state: str | None = None
    status: CampaignStatus
    pause_reason: str | None = None
    contractors_targeted: int
    emails_sent: int
    emails_replied: int
    calls_made: int
    meetings_booked: int
    signups_generated: int
    started_at: datetime | None = None
    created_at: datetime


class CampaignDetail(CampaignSummary):
    """A campaign with whom it is for and what it does."""

    channels: tuple[str, ...]
    target_criteria: TargetCriteria | None = None
    """Null: contractors are enrolled by hand."""
    sequence_steps: tuple[SequenceStep, ...]
    links: dict[str, str]


class CampaignPage(Contract):
    """A page of campaigns, newest first."""

    campaigns: tuple[CampaignSummary, ...]
    next: str | None = None


class StartedCampaign(StartedWorkflow):
    """A campaign that takes contractors in now. `existing`: its launch was under way already."""

    campaign_id: UUID


class CampaignCounters(Contract):
    """What a campaign did and what came back."""

    contractors_targeted: int
    emails_sent: int
    emails_delivered: int
    emails_opened: int
    emails_clicked: int
    emails_replied: int
    calls_made: int
    calls_answered: int
    calls_interested: int
    sms_sent: int
    sms_delivered: int
    sms_replied: int
    meetings_booked: int
    signups_generated: int


class CampaignRates(Contract):
    """Opens, clicks and replies are of what was delivered; meetings and sign-ups of the contractors targeted."""

    delivered: float | None
    opened: float | None
    clicked: float | None
    replied: float | None
    calls_answered: float | None
    calls_interested: float | None
    sms_delivered: float | None
    sms_replied: float | None
    meetings: float | None
    signups: float | None


class FunnelStage(Contract):
    """How many contractors came at least this far, and which share of those at the stage before."""

    stage: Stage
    reached: int
    of_previous: float | None = None


class ArmStanding(Contract):
    """One arm of an A/B test: `best` is its probability of being the best, `loss` what choosing it may cost."""

    arm: str
    trials: int
    successes: int
    rate: float
    best: float
    loss: float


class ExperimentStanding(Contract):
    """The A/B test of a template. `winner`, once there is one, is what everybody gets from then on."""

    template: str
    state: State
    winner: str | None = None
    arms: tuple[ArmStanding, ...]


class CampaignStats(Contract):
    """A campaign counted at this moment (spec 3.6.5). `roi_percent` is (revenue - cost) / cost * 100."""

    campaign_id: UUID
    status: CampaignStatus
    counters: CampaignCounters
    rates: CampaignRates
    funnel: tuple[FunnelStage, ...]
    experiments: tuple[ExperimentStanding, ...]
    costs: dict[str, Decimal]
    """By channel; `research` is what finding and completing the contractors cost."""
    total_cost: Decimal
    total_revenue: Decimal
    cost_per_acquisition: Decimal | None = None
    roi_percent: Decimal | None = None
    at: datetime


class DayPerformance(Contract):
    """What happened on one day (UTC) on one channel."""

    day: date
    channel: str
    sent: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    replied: int = 0
    bounced: int = 0
    opted_out: int = 0


class StepPerformance(Contract):
    """What one step did; `purpose` is `outreach` for the sequence itself."""

    purpose: str
    step: int | None = None
    channel: str | None = None
    template: str | None = None
    sent: int
    delivered: int
    opened: int
    clicked: int
    replied: int
    bounced: int
    denied: int
    skipped: int
    open_rate: float | None = None
    click_rate: float | None = None
    reply_rate: float | None = None


class CampaignPerformance(Contract):
    """A campaign over time and along its sequence. Days without anything are left out."""

    campaign_id: UUID
    first: date
    last: date
    days: tuple[DayPerformance, ...]
    steps: tuple[StepPerformance, ...]


class TouchpointRecord(Contract):
    """One touch: what kind, when, and what came of it. What was said is not shown here."""

    touchpoint_id: UUID
    campaign_id: UUID | None = None
    channel: str | None = None
    template: str | None = None
    variant: str | None = None
    purpose: str | None = None
    touch_key: str | None = None
    status: str | None = None
    reason: str | None = None
    scheduled_for: datetime | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    replied_at: datetime | None = None
    bounced_at: datetime | None = None
    responded: bool
    sentiment: str | None = None
    cost: Decimal | None = None
    created_at: datetime


class TouchpointPage(Contract):
    """A page of a contractor's touches, newest first."""

    touchpoints: tuple[TouchpointRecord, ...]
    next: str | None = None


class EngagementPart(Contract):
    """What one kind of sign adds to the score."""

    sign: Sign
    seen: int
    points: float


class ContractorEngagement(Contract):
    """How a contractor takes what it is sent, over all campaigns (spec 3.6.5)."""

    contractor_id: UUID
    score: int = Field(ge=0, le=100)
    parts: tuple[EngagementPart, ...]
    acquisition_status: str
    stage: str | None = None
    touchpoints: int
    channels: tuple[str, ...]
    open_rate: float | None = None
    click_rate: float | None = None
    response_rate: float | None = None
    hours_to_response: float | None = None
    first_contact: datetime | None = None
    last_contact: datetime | None = None
    at: datetime


# Mailboxes


class NewMailbox(ApiRequest):
    """An address to write from. With `warm_up` it starts with a few messages a day, which an unknown one must."""

    address: MailboxAddress
    display_name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    daily_cap: Annotated[int, Field(ge=1, le=500)] = 40
    warm_up: bool = True


class ChangeMailbox(ApiRequest):
    """Pause, resume or retire a mailbox, or change its cap. Whoever resumes it has it warm up again."""

    state: Literal["active", "paused", "retired"] | None = None
    daily_cap: Annotated[int, Field(ge=1, le=500)] | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.state is None and self.daily_cap is None:
            raise ValueError("give `state`, `daily_cap` or both")
        return self


class MailboxStanding(Contract):
    """A mailbox, its day, and what it sent in the last thirty days (since its warm-up began, if that is later)."""

    mailbox_id: UUID
    address: str
    display_name: str
    state: str
    pause_reason: str | None = None
    paused_at: datetime | None = None
    daily_cap: int
    warm_up_from: date | None = None
    cap_today: int
    sent_today: int
    sent: int
    bounced: int
    complained: int
    created_at: datetime


class MailboxPage(Contract):
    """A page of mailboxes, newest first."""

    mailboxes: tuple[MailboxStanding, ...]
    next: str | None = None
