"""A scripted contractor: activities that plan as the real ones do and note what would have been sent, and when."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHandle

from activities.sequences.records import planned
from domain.cadence import default_sequence
from schema.contracts.ids import sequence_workflow_id
from schema.contracts.outreach import (
    CallVerdict,
    ContactEvent,
    DemoBooking,
    Disposition,
    Enrollment,
    EventKind,
    Phase,
    PhaseChange,
    SequenceRequest,
    SequenceResult,
    SequenceStep,
    TouchOutcome,
    TouchPlan,
    TouchRef,
    TouchResult,
)
from tests.workflow.scripted import Script
from workflows.sequence import ContractorSequenceWorkflow

Handle = WorkflowHandle[ContractorSequenceWorkflow, SequenceResult]
STEPS = tuple(SequenceStep.of(touch) for touch in default_sequence())


@dataclass(frozen=True)
class Sent:
    """A touch and when it was made, by the server's clock."""

    key: str
    template: str
    at: datetime


class ContractorScript(Script):
    """Everything goes well unless a test says otherwise; `when` reacts to a touch while it is being made."""

    def __init__(
        self,
        zone: str = "America/Chicago",
        steps: tuple[SequenceStep, ...] = STEPS,
        enrolled: Enrollment | None = None,
        **changes: Any,
    ) -> None:
        super().__init__()
        self.zone, self.steps, self.enrolled = zone, steps, enrolled
        self.campaign_id, self.contractor_id = uuid4(), uuid4()
        self.sent: list[Sent] = []
        self.phases: list[Phase] = []
        self.changes: list[PhaseChange] = []
        self.when: dict[str, Callable[[], Awaitable[None]]] = {}
        self.answers = {
            "enroll": self._enroll,
            "plan_touch": self._plan,
            "enter_phase": self._enter,
            "send_touch": self._send,
            "analyze_call": CallVerdict(disposition=Disposition.NO_ANSWER),
            "book_demo": DemoBooking(reason="no_time"),
            **changes,
        }

    @property
    def request(self) -> SequenceRequest:
        """Whose sequence this is."""
        return SequenceRequest(campaign_id=self.campaign_id, contractor_id=self.contractor_id)

    @property
    def keys(self) -> list[str]:
        """The touches made, in order."""
        return [sent.key for sent in self.sent]

    @property
    def templates(self) -> list[str]:
        """What the touches made said."""
        return [sent.template for sent in self.sent]

    async def start(self, client: Client) -> Handle:
        """Starts the workflow under its own id."""
        return await client.start_workflow(
            ContractorSequenceWorkflow.run,
            self.request,
            id=sequence_workflow_id(self.campaign_id, self.contractor_id),
            task_queue="orchestration",
        )

    def _enroll(self, request: SequenceRequest) -> Enrollment:
        if self.enrolled is None:
            at = request.at or datetime.now(UTC)
            self.enrolled = Enrollment(steps=self.steps, enrolled_at=at, phase_started_at=at, city="Austin", state="TX")
        return self.enrolled

    def _plan(self, touch: TouchRef) -> TouchPlan:
        return TouchPlan(due_at=planned(touch, self.zone))

    def _enter(self, change: PhaseChange) -> None:
        self.phases.append(change.phase)
        self.changes.append(change)
        if self.enrolled is not None:
            self.enrolled = self.enrolled.model_copy(
                update={
                    "phase": change.phase,
                    "cycle": change.cycle,
                    "phase_started_at": change.at,
                    "resume_at": change.resume_at,
                    "meeting_id": change.meeting_id,
                }
            )

    async def _send(self, touch: TouchRef) -> TouchResult:
        self.sent.append(Sent(touch.key, touch.step.template, activity.info().current_attempt_scheduled_time))
        react = self.when.get(touch.key)
        if react is not None:
            await react()
        return TouchResult(outcome=TouchOutcome.SENT, touchpoint_id=touchpoint_id(touch))


def touchpoint_id(touch: TouchRef) -> UUID:
    """An id that follows from the touch."""
    return UUID(int=hash((touch.contractor_id, touch.key)) % 2**128)


def an_event(kind: EventKind, event_id: str = "", at: datetime | None = None, **fields: Any) -> ContactEvent:
    """An event as the inbox passes it on."""
    return ContactEvent(
        event_id=event_id or f"{kind.value}-{uuid4().hex}", kind=kind, at=at or datetime.now(UTC), **fields
    )


def soon(**delta: float) -> datetime:
    """A moment so far from now, by the test's clock."""
    return datetime.now(UTC) + timedelta(**delta)
