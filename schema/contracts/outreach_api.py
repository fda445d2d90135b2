"""What the HTTP API accepts and answers about sequences, touches, calls and people's tasks (spec 5.7, 5.8).

Contractors are named by id only; what they wrote or said is shown where somebody asks for exactly that.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from schema.contracts.api import ApiRequest, CityName, StateCode
from schema.contracts.base import Contract
from schema.contracts.outreach import SequenceStatus, SequenceStep

MAX_STEPS = 60

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
TouchKey = Annotated[str, StringConstraints(pattern=r"^[a-z_]+(-[0-9]+)+$", max_length=50)]


class StepInput(SequenceStep):
    """A step as somebody enters it: a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewSequence(ApiRequest):
    """A sequence of one's own: its steps in order of days. Contractors are enrolled by hand."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
    type: Literal["cold_outreach", "nurture", "reactivation", "upsell"] = "cold_outreach"
    city: CityName | None = None
    state: StateCode | None = None
    steps: Annotated[tuple[StepInput, ...], Field(min_length=1, max_length=MAX_STEPS)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        days = [step.day for step in self.steps]
        if days != sorted(days):
            raise ValueError("the steps must be in order of days")
        if self.steps[0].with_previous:
            raise ValueError("the first step has no previous one to go with")
        return self


class SequenceDetail(Contract):
    """A sequence, and how many contractors stand where."""

    sequence_id: UUID
    name: str
    type: str | None = None
    status: str
    city: str | None = None
    state: str | None = None
    channels: tuple[str, ...]
    steps: tuple[SequenceStep, ...]
    phases: dict[str, int] = Field(default_factory=dict)
    created_at: datetime


class Enroll(ApiRequest):
    """Which contractor."""

    contractor_id: UUID


class Stop(Enroll):
    """Takes a contractor out of the sequence for good."""


class Pause(Enroll):
    """No touch before `until`, or until resumed."""

    until: AwareDatetime | None = None


class Resume(Enroll):
    """Goes on."""


class Skip(Enroll):
    """Leaves out the next touch, or the one named."""

    touch: TouchKey | None = None


class Reschedule(Skip):
    """Makes the next touch, or the one named, no sooner than `until`."""

    until: AwareDatetime


class SequenceStanding(SequenceStatus):
    """How one contractor's sequence stands after a command."""

    sequence_id: UUID
    contractor_id: UUID
    workflow_id: str


class Stopped(Contract):
    """The contractor's sequence was told to stop; `live` is false if it had ended before."""

    sequence_id: UUID
    contractor_id: UUID
    live: bool


class ExecuteTouchpoint(ApiRequest):
    """Which planned touch to make as soon as the rules allow: one of the schedule, or a sequence's next one."""

    scheduled_touchpoint_id: UUID | None = None
    sequence_id: UUID | None = None
    contractor_id: UUID | None = None

    @model_validator(mode="after")
    def _names_one_touch(self) -> Self:
        pair = (self.sequence_id is not None, self.contractor_id is not None)
        if (self.scheduled_touchpoint_id is not None) == any(pair) or pair[0] != pair[1]:
            raise ValueError("give exactly one of: scheduled_touchpoint_id; sequence_id with contractor_id")
        return self


class ScheduledTouch(Contract):
    """A touch that is due at a time."""

    scheduled_touchpoint_id: UUID
    sequence_id: UUID | None = None
    contractor_id: UUID | None = None
    touch: str | None = None
    channel: str | None = None
    template: str | None = None
    scheduled_for: datetime
    status: str


class ScheduledTouchPage(Contract):
    """A page of the schedule, what is due first in front."""

    touchpoints: tuple[ScheduledTouch, ...]
    next: str | None = None


class TaskKind(StrEnum):
    """What people do."""

    LINKEDIN = "linkedin"
    DIRECT_MAIL = "direct_mail"
    REPLY = "reply"
    CALL = "call"
    DEMO_OUTCOME = "demo_outcome"
    UNKNOWN_EFFECT = "unknown_effect"


class Task(Contract):
    """Something a person does."""

    task_id: UUID
    kind: TaskKind
    state: str
    contractor_id: UUID
    sequence_id: UUID | None = None
    touchpoint_id: UUID | None = None
    due_at: datetime
    instructions: str | None = None
    assignee_id: UUID | None = None
    settled_at: datetime | None = None
    note: str | None = None


class TaskPage(Contract):
    """A page of open tasks, the most urgent in front."""

    tasks: tuple[Task, ...]
    next: str | None = None


class ClaimTask(ApiRequest):
    """Who takes a task on."""

    user_id: UUID


class Answer(StrEnum):
    """What came of a conversation that a person had."""

    INTERESTED = "interested"
    CALLBACK = "callback"
    NOT_INTERESTED = "not_interested"
    OPTED_OUT = "opted_out"


class FinishTask(ApiRequest):
    """How a task went. `attended` belongs to the outcome of a demo, `answer` to a reply or a call."""

    user_id: UUID | None = None
    note: Note | None = None
    attended: bool | None = None
    answer: Answer | None = None
    callback_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _callback_says_when(self) -> Self:
        if (self.callback_at is not None) != (self.answer is Answer.CALLBACK):
            raise ValueError("callback_at goes with the answer `callback`, and only with it")
        return self


class SkipTask(ApiRequest):
    """Why a task is not done."""

    user_id: UUID | None = None
    note: Note | None = None


class MakeCall(ApiRequest):
    """An AI call to a contractor who is in a sequence. `phone_number` may only be the contractor's own."""

    contractor_id: UUID
    phone_number: Annotated[str, StringConstraints(strip_whitespace=True, max_length=30)] | None = None
    script_template: Literal["cold_outreach", "demo_call", "callback"] = "demo_call"


class CallState(StrEnum):
    """How a call stands."""

    INITIATED = "initiated"
    RINGING = "ringing"
    ANSWERED = "answered"
    COMPLETED = "completed"
    FAILED = "failed"
    NO_ANSWER = "no_answer"
    VOICEMAIL = "voicemail"
    BUSY = "busy"


class Call(Contract):
    """An AI call. What was said is at `/calls/{id}/transcript`."""

    call_id: UUID
    contractor_id: UUID | None = None
    sequence_id: UUID | None = None
    touchpoint_id: UUID | None = None
    provider: str | None = None
    status: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_seconds: int | None = None
    ended_reason: str | None = None
    cost: Decimal | None = None
    disposition: str | None = None
    created_at: datetime


class CallPage(Contract):
    """A page of calls, newest first."""

    calls: tuple[Call, ...]
    next: str | None = None


class CallDetail(Call):
    """A call with its analysis."""

    summary: str | None = None
    key_points: tuple[str, ...] = ()
    sentiment: str | None = None
    interest_level: int | None = None
    objections: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    next_action: str | None = None
    probability_to_convert: int | None = None
    wants_demo: bool = False
    demo_at: datetime | None = None
    wants_callback: bool = False
    callback_at: datetime | None = None
    not_interested: bool = False
    model: str | None = None
    rejected_claims: tuple[str, ...] = ()
    analyzed_at: datetime | None = None
    has_transcript: bool = False
    has_recording: bool = False


class Transcript(Contract):
    """Every word of a call."""

    call_id: UUID
    transcript: str


class Recording(Contract):
    """Where a call's recording is, at the provider."""

    call_id: UUID
    url: str
