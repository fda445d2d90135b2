"""ContractorCallWorkflow: one AI call that an operator asked for (spec 5.7).

The call passes the same gate as every touch and belongs to the contractor's sequence, which hears what it
came to. A rule that defers it ends the workflow: an operator asks for now, and may ask again.
"""

from datetime import datetime, timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from workflows import search_attributes as sa
from workflows.options import SEQUENCE_TIMES, remote

with workflow.unsafe.imports_passed_through():
    from activities.outreach.activities import OutreachActivities
    from domain.cadence import Channel, Condition, Window
    from schema.contracts.ids import sequence_workflow_id
    from schema.contracts.outreach import (
        CallRef,
        CallVerdict,
        ContactEvent,
        Disposition,
        EventKind,
        Purpose,
        SequenceStep,
        TouchOutcome,
        TouchRef,
        TouchResult,
    )
    from schema.contracts.single_call import CallRequest, CallResult

EVENTS: dict[Disposition, EventKind] = {
    Disposition.WANTS_DEMO: EventKind.INTERESTED,
    Disposition.WANTS_CALLBACK: EventKind.CALLBACK,
    Disposition.NOT_INTERESTED: EventKind.NOT_INTERESTED,
    Disposition.OPTED_OUT: EventKind.OPTED_OUT,
}
"""What the sequence is told; anything else changes nothing there."""


@workflow.defn(failure_exception_types=[ValidationError])
class ContractorCallWorkflow:
    """Its id is `call-<contractor id>`: nobody is called twice at once."""

    def __init__(self) -> None:
        self._ended = False

    @workflow.run
    async def run(self, request: CallRequest) -> CallResult:
        """Calls, waits for the end, and says what it came to."""
        workflow.upsert_search_attributes(
            [
                sa.CAMPAIGN_ID.value_set(str(request.campaign_id)),
                sa.CONTRACTOR_ID.value_set(str(request.contractor_id)),
            ]
        )
        result = await self._call(request)
        made = CallResult(
            outcome=result.outcome, reason=result.reason, until=result.until, touchpoint_id=result.touchpoint_id
        )
        if result.outcome is not TouchOutcome.SENT or result.touchpoint_id is None:
            workflow.set_current_details(f"No call: {result.outcome} ({result.reason}).")
            return made
        workflow.set_current_details("Waiting for the call to end.")
        await self._wait(SEQUENCE_TIMES.call)
        verdict = await self._hear(CallRef(touchpoint_id=result.touchpoint_id))
        await self._tell_the_sequence(request, result.touchpoint_id.hex, verdict)
        workflow.set_current_details(f"The call came to: {verdict.disposition}.")
        return made.model_copy(update={"verdict": verdict})

    @workflow.signal
    def ended(self) -> None:
        """The provider has reported the end of the call."""
        self._ended = True

    async def _call(self, request: CallRequest) -> TouchResult:
        touch = TouchRef(
            campaign_id=request.campaign_id,
            contractor_id=request.contractor_id,
            key=f"by_hand-{request.number}",
            step=SequenceStep(
                day=0,
                channel=Channel.CALL,
                template=request.template,
                window=Window.ANY_TIME,
                condition=Condition.HAS_PHONE,
            ),
            purpose=Purpose.OUTREACH,
            starts_at=workflow.now(),
        )
        try:
            return await remote(OutreachActivities.send_touch, touch, "Call, if the rules allow")
        except ActivityError as failure:
            if is_cancelled_exception(failure):
                raise
            return TouchResult(outcome=TouchOutcome.FAILED, reason="vendor_unavailable")

    async def _wait(self, patience: timedelta) -> None:
        try:
            await workflow.wait_condition(lambda: self._ended, timeout=patience)
        except TimeoutError:
            return

    async def _hear(self, call: CallRef) -> CallVerdict:
        try:
            return await remote(OutreachActivities.analyze_call, call, "What was said")
        except ActivityError as failure:
            if is_cancelled_exception(failure):
                raise
            return CallVerdict(disposition=Disposition.UNCLEAR)

    async def _tell_the_sequence(self, request: CallRequest, call: str, verdict: CallVerdict) -> None:
        kind = EVENTS.get(verdict.disposition)
        if kind is None:
            return
        until: datetime | None = verdict.at if kind is EventKind.CALLBACK else None
        event = ContactEvent(event_id=f"call:{call}", kind=kind, at=workflow.now(), until=until)
        sequence = workflow.get_external_workflow_handle(
            sequence_workflow_id(request.campaign_id, request.contractor_id)
        )
        try:
            await sequence.signal("event", event)
        except ApplicationError:
            workflow.logger.info("the sequence has ended meanwhile")


@workflow.defn(failure_exception_types=[ValidationError])
class CallAnalysisWorkflow:
    """Reads a call again; its id is `call-analysis-<call id>`."""

    @workflow.run
    async def run(self, call: CallRef) -> CallVerdict:
        """What the call came to, as it is read now."""
        return await remote(OutreachActivities.analyze_call, call, "What was said")
