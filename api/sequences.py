"""Speaking to a contractor's running sequence on behalf of an operator."""

from uuid import UUID

from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.inbox.announcements import Announcement
from api.passing_on import pass_on
from api.problems import ApiProblem, Code, unavailable
from api.resources import UPDATE_TIMEOUT, Resources
from schema.contracts.ids import sequence_workflow_id
from schema.contracts.outreach import Control, SequenceStatus
from schema.contracts.outreach_api import SequenceStanding
from workflows.sequence import ContractorSequenceWorkflow

_REFUSALS = {
    "SequenceOver": ApiProblem(Code.SEQUENCE_OVER),
    "NothingPlanned": ApiProblem(Code.NOTHING_PLANNED),
}


async def command(resources: Resources, campaign_id: UUID, contractor_id: UUID, control: Control) -> SequenceStanding:
    """Asks the sequence to obey; answers how it stands. Raises a 409 problem when it cannot, 503 when it is lost."""
    workflow_id = sequence_workflow_id(campaign_id, contractor_id)
    client = await resources.temporal.client()
    handle = client.get_workflow_handle(workflow_id)
    try:
        status: SequenceStatus = await handle.execute_update(
            ContractorSequenceWorkflow.control, control, rpc_timeout=UPDATE_TIMEOUT
        )
    except WorkflowUpdateFailedError as failure:
        cause = failure.cause
        kind = cause.type if isinstance(cause, ApplicationError) else None
        raise _REFUSALS.get(kind or "", ApiProblem(Code.INVALID_REQUEST)) from failure
    except RPCError as failure:
        if failure.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise await _gone(resources, campaign_id, contractor_id) from failure
    return SequenceStanding(
        **status.model_dump(), sequence_id=campaign_id, contractor_id=contractor_id, workflow_id=workflow_id
    )


async def deliver(resources: Resources, announcement: Announcement) -> None:
    """Passes stored events on at once; what does not arrive is passed on by the sweep."""
    if announcement.item_id is None or not await pass_on(resources, announcement.notices):
        return
    async with resources.database.transaction() as tx:
        await tx.inbox.settle((announcement.item_id,))


async def _gone(resources: Resources, campaign_id: UUID, contractor_id: UUID) -> ApiProblem:
    """Why nobody answers: the contractor is not in the sequence, it is over, or its workflow is to be restarted."""
    async with resources.database.transaction() as tx:
        row = await tx.outreach.enrollment(campaign_id, contractor_id)
    if row is None:
        return ApiProblem(Code.NOT_ENROLLED)
    if row.ended_at is not None:
        return ApiProblem(Code.SEQUENCE_OVER)
    return unavailable("The sequence, which the sweep starts again,")
