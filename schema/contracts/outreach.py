"""Messages of ContractorSequenceWorkflow and what surrounds it (spec 3.6.4, 6.3).

Identifiers, decisions and times only: who a contractor is and what was said stays in the database.
"""

from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from pydantic import Field, model_validator

from domain.cadence import Channel, Condition, Touch, Window
from schema.contracts.base import Contract


class SequenceStep(Contract):
    """One touch of a sequence, as stored in `outreach_campaigns.sequence_steps`. `day` may be a fraction."""

    day: float = Field(ge=0, le=365)
    channel: Channel
    template: str = Field(pattern=r"^[a-z0-9_]{1,60}$")
    with_previous: bool = False
    window: Window = Window.BUSINESS
    condition: Condition = Condition.ALWAYS
    variants: tuple[str, ...] = Field(default=(), max_length=5)

    @classmethod
    def of(cls, touch: Touch) -> Self:
        """The message form of a touch."""
        return cls(
            day=touch.day,
            channel=touch.channel,
            template=touch.template,
            with_previous=touch.with_previous,
            window=touch.window,
            condition=touch.condition,
            variants=touch.variants,
        )

    def touch(self) -> Touch:
        """The domain's form of this step."""
        return Touch(
            self.day, self.channel, self.template, self.with_previous, self.window, self.condition, self.variants
        )


class Purpose(StrEnum):
    """Why a touch is made: what was not asked for obeys stricter rules than what was."""

    OUTREACH = "outreach"
    NURTURE = "nurture"
    ARRANGED = "arranged"
    """Something the contractor asked for or agreed to: a demo's reminders, a proposal, a call back."""


class Phase(StrEnum):
    """Where a contractor stands in a sequence; the last five are its ends."""

    OUTREACH = "outreach"
    CALLBACK = "callback"
    BOOKING = "booking"
    """Interested; a time for the demo is being found."""
    DEMO = "demo"
    PROPOSAL = "proposal"
    PERSON = "person"
    """A reply only a person can answer."""
    NURTURE = "nurture"
    SIGNED_UP = "signed_up"
    DISQUALIFIED = "disqualified"
    OPTED_OUT = "opted_out"
    UNREACHABLE = "unreachable"
    STOPPED = "stopped"


ENDS = frozenset({Phase.SIGNED_UP, Phase.DISQUALIFIED, Phase.OPTED_OUT, Phase.UNREACHABLE, Phase.STOPPED})


class EventKind(StrEnum):
    """What happened to a contractor, as far as a sequence cares."""

    REPLIED = "replied"
    """A reply that needs a person, or one by somebody else at the company."""
    INTERESTED = "interested"
    CALLBACK = "callback"
    NOT_INTERESTED = "not_interested"
    OPTED_OUT = "opted_out"
    HARD_BOUNCE = "hard_bounce"
    OUT_OF_OFFICE = "out_of_office"
    SIGNED_UP = "signed_up"
    CALL_ENDED = "call_ended"
    DEMO_BOOKED = "demo_booked"
    DEMO_CANCELED = "demo_canceled"
    DEMO_ATTENDED = "demo_attended"
    DEMO_MISSED = "demo_missed"
    STOPPED = "stopped"
    """An operator took the contractor out."""


class ContactEvent(Contract):
    """One event. `event_id` makes a redelivery harmless; events may come in any order."""

    event_id: str = Field(max_length=300)
    kind: EventKind
    at: datetime
    """When it happened, by the vendor's clock."""
    until: datetime | None = None
    """OUT_OF_OFFICE: back on; CALLBACK: call at; DEMO_BOOKED: starts at."""
    touchpoint_id: UUID | None = None
    """CALL_ENDED: which call."""
    meeting_id: UUID | None = None


class SequenceRequest(Contract):
    """Starts (or goes on with) the sequence of one contractor in one campaign."""

    campaign_id: UUID
    contractor_id: UUID
    seen: tuple[str, ...] = ()
    """Event ids that an earlier run dealt with (continue-as-new)."""
    at: datetime | None = None
    """The workflow's time, when this goes to `enroll`."""


class ContractorInCampaign(Contract):
    """Points an activity at an enrolment."""

    campaign_id: UUID
    contractor_id: UUID


class Refusal(StrEnum):
    """Why a contractor is not in a sequence."""

    UNKNOWN_CAMPAIGN = "unknown_campaign"
    UNKNOWN_CONTRACTOR = "unknown_contractor"
    CAMPAIGN_OVER = "campaign_over"
    NO_STEPS = "no_steps"
    UNKNOWN_ZONE = "unknown_zone"
    ALREADY_CUSTOMER = "already_customer"
    SUPPRESSED = "suppressed"
    NOT_ENROLLED = "not_enrolled"


class Enrollment(Contract):
    """An enrolment as the database has it: a restarted workflow goes on from here."""

    refusal: Refusal | None = None
    phase: Phase = Phase.OUTREACH
    phase_started_at: datetime | None = None
    enrolled_at: datetime | None = None
    steps: tuple[SequenceStep, ...] = ()
    """The campaign's sequence, with steps whose channel the campaign does not use left out."""
    done: tuple[str, ...] = ()
    """Keys of the touches that were made, skipped or denied already."""
    cycle: int = 0
    """How many phases were entered; it tells the touches of one round from those of the next."""
    reason: str | None = None
    """Why it is in this phase."""
    last_touch_at: datetime | None = None
    resume_at: datetime | None = None
    """CALLBACK: when to call; DEMO: when it starts."""
    meeting_id: UUID | None = None
    paused_until: datetime | None = None
    city: str | None = None
    state: str | None = None


class TouchRef(Contract):
    """One touch of one enrolment. `key` is unique in the enrolment, e.g. `outreach-3` or `nurture-2-0`."""

    campaign_id: UUID
    contractor_id: UUID
    key: str = Field(pattern=r"^[a-z_]+(-[0-9]+)+$", max_length=50)
    step: SequenceStep
    purpose: Purpose = Purpose.OUTREACH
    starts_at: datetime
    """What the step's `day` counts from: enrolment, booking, end of the demo."""
    after: datetime | None = None
    """When the touch before this one was made."""
    not_before: datetime | None = None
    """A deferral or a pause ends."""
    meeting_id: UUID | None = None
    """The demo that the words are about."""


class TouchPlan(Contract):
    """When a touch is due; it stands in `scheduled_touchpoints` by now. None: the zone is unknown."""

    due_at: datetime | None = None


class TouchOutcome(StrEnum):
    """What became of a touch."""

    SENT = "sent"
    TASK = "task"
    """A person has it on their list now."""
    SKIPPED = "skipped"
    """Its condition does not hold, or there is no address for its channel."""
    DENIED = "denied"
    """A rule forbids it for good."""
    DEFERRED = "deferred"
    """Not now; `until` says when to try again."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Nobody can tell whether it went out: never repeated (decision 0003)."""


class TouchResult(Contract):
    """`reason` is a stable code; `ends` means no further touch may ever be made."""

    outcome: TouchOutcome
    reason: str | None = None
    until: datetime | None = None
    touchpoint_id: UUID | None = None
    ends: Phase | None = None


class CallRef(Contract):
    """A call that is over, or should be."""

    touchpoint_id: UUID


class Disposition(StrEnum):
    """What a call came to (spec 3.6.4, follow-up actions)."""

    WANTS_DEMO = "wants_demo"
    WANTS_CALLBACK = "wants_callback"
    NOT_INTERESTED = "not_interested"
    OPTED_OUT = "opted_out"
    MODERATE = "moderate"
    """Interested, but neither a demo nor a time was agreed: a follow-up e-mail."""
    NO_ANSWER = "no_answer"
    UNCLEAR = "unclear"
    """Answered, but nothing can be concluded; or not yet over."""


class CallVerdict(Contract):
    """The analysis of a call as far as the sequence cares; the rest is in `ai_call_logs`."""

    disposition: Disposition
    interest: int | None = Field(default=None, ge=0, le=100)
    at: datetime | None = None
    """The time asked for: of the demo or of the call back."""


class DemoRequest(Contract):
    """Book a demo, near `preferred_at` when a time was agreed."""

    campaign_id: UUID
    contractor_id: UUID
    attempt: int = Field(ge=1)
    preferred_at: datetime | None = None


class DemoBooking(Contract):
    """The meeting, if one could be booked; otherwise the contractor gets a link to choose a time."""

    meeting_id: UUID | None = None
    starts_at: datetime | None = None
    reason: str | None = None


class PhaseChange(Contract):
    """The enrolment enters a phase."""

    campaign_id: UUID
    contractor_id: UUID
    phase: Phase
    at: datetime | None = None
    """The workflow's time."""
    reason: str | None = None
    cycle: int = 0
    resume_at: datetime | None = None
    meeting_id: UUID | None = None


class SequenceStatus(Contract):
    """Answer of the `status` query and of `control`."""

    phase: Phase = Phase.OUTREACH
    waiting_for: str | None = None
    next_touch: str | None = None
    next_at: datetime | None = None
    paused: bool = False
    paused_until: datetime | None = None
    touches: int = 0
    last_outcome: TouchOutcome | None = None
    events: int = 0


class Command(StrEnum):
    """What an operator may do to a running sequence."""

    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"
    RESCHEDULE = "reschedule"
    SEND_NOW = "send_now"
    """Make the next touch as soon as the rules allow."""


class Control(Contract):
    """A command. PAUSE may say `until` when, RESCHEDULE must; SKIP and RESCHEDULE may name the touch meant."""

    command: Command
    until: datetime | None = None
    touch: str | None = Field(default=None, max_length=50)

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if self.command is Command.RESCHEDULE and self.until is None:
            raise ValueError("reschedule needs `until`")
        return self


class SequenceResult(Contract):
    """How a sequence ended."""

    phase: Phase
    reason: str | None = None
    touches: int = 0


class CampaignRequest(Contract):
    """Launch or resume a campaign; `launched` counts over continue-as-new."""

    campaign_id: UUID
    launched: int = 0


class EnrollmentBatch(Contract):
    """Contractors of a campaign that are to be in a sequence now; `more`: ask again."""

    contractor_ids: tuple[UUID, ...] = ()
    resumed: tuple[UUID, ...] = ()
    """Those whose sequence was held by the campaign's pause and waits to be told."""
    more: bool = False


class SweepRequest(Contract):
    """How long a touch must be overdue, or an event unanswered, before the sweep minds."""

    older_than_seconds: int = Field(default=600, ge=0)


class SweepFindings(Contract):
    """What the sweep found: sequences with an overdue touch, and events nobody passed on."""

    sequences: tuple[ContractorInCampaign, ...] = ()
    events: tuple["UndeliveredEvent", ...] = ()


class UndeliveredEvent(Contract):
    """An event of the inbox for one enrolment; `inbox_id` is settled once it was passed on."""

    inbox_id: UUID
    campaign_id: UUID
    contractor_id: UUID
    event: ContactEvent


class Delivered(Contract):
    """Inbox rows whose events were passed on."""

    inbox_ids: tuple[UUID, ...] = ()


class SweepReport(Contract):
    """What a sweep healed."""

    restarted: int = 0
    delivered: int = 0


class DiscoveryRequest(Contract):
    """Which city to look for contractors in, and how many at most."""

    city: str
    state: str
    max_results: int = Field(default=200, ge=1, le=500)


class DiscoveryResult(Contract):
    """What a discovery found: rows of the sources, contractors new and merged, ids to enrich."""

    found: dict[str, int] = Field(default_factory=dict)
    created: int = 0
    merged: int = 0
    enriched: int = 0
    unavailable: tuple[str, ...] = ()


class DiscoveredContractors(Contract):
    """What `discover_contractors` stored; the ids are those still to be enriched."""

    found: dict[str, int] = Field(default_factory=dict)
    created: int = 0
    merged: int = 0
    to_enrich: tuple[UUID, ...] = ()
    unavailable: tuple[str, ...] = ()


class ContractorRef(Contract):
    """Points an activity at a contractor."""

    contractor_id: UUID


class ProfileSummary(Contract):
    """What enrichment knows of a contractor now; never the contact itself."""

    website_read: bool = False
    email_found: bool = False
    phone_kind: str | None = None
    fit: int | None = None
    likelihood: int | None = None
    priority: float | None = None
    reason: str | None = None
