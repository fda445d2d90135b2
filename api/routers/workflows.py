"""Master orchestrator (spec 5.10): start a property's workflow, list workflows, look at one."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import StringConstraints, TypeAdapter
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import (
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
from temporalio.service import RPCError, RPCStatusCode

from api import cursors
from api.problems import ApiProblem, Code
from api.resources import RPC_TIMEOUT, Injected
from api.starting import start_or_join
from api.visibility import shown_attributes, visibility_query
from domain.address import Address, InvalidAddress, lead_id_for, parse_address
from schema.contracts.api import (
    CityName,
    ExecutionStatus,
    PendingActivity,
    StartedProperty,
    StartProperty,
    StateCode,
    StatusSource,
    WorkflowDetail,
    WorkflowPage,
    WorkflowSummary,
)
from schema.contracts.base import LeadStatus
from schema.contracts.ids import property_workflow_id
from schema.contracts.property import PropertyRequest, PropertyResult, PropertyStatus, Stage
from schema.database import UnitOfWork
from schema.repositories.leads import SETTLED
from workflows.property import PropertyWorkflow

router = APIRouter(prefix="/workflows", tags=["workflows"])

_PROPERTY = PropertyWorkflow.__name__
_PAGE = TypeAdapter(tuple[str, Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$")]])
_REFUSED_TOKEN = frozenset({RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.UNKNOWN, RPCStatusCode.INTERNAL})
QUERY_TIMEOUT = timedelta(seconds=2)

WorkflowId = Annotated[str, Path(min_length=1, max_length=200)]


@router.post("/property", status_code=202)
async def start_property_workflow(body: StartProperty, resources: Injected) -> StartedProperty:
    """Start processing a property, or join the run that is doing so.

    The lead is written first and the workflow gets its id only, so that no address enters a history.
    """
    async with resources.database.transaction() as tx:
        lead_id = await _admitted(body, tx)
    started = await start_or_join(
        resources, PropertyWorkflow.run, PropertyRequest(lead_id=str(lead_id)), property_workflow_id(lead_id)
    )
    return StartedProperty(lead_id=lead_id, **started.model_dump())


@router.get("")
async def list_workflows(
    resources: Injected,
    status: ExecutionStatus | None = None,
    city: CityName | None = None,
    state: StateCode | None = None,
    lead_status: LeadStatus | None = None,
    stage: Stage | None = None,
    page_token: Annotated[str | None, Query(max_length=2_000)] = None,
    limit: cursors.Limit = cursors.DEFAULT_PAGE,
) -> WorkflowPage:
    """Workflows from Temporal's visibility store, in its own order (latest start first)."""
    query = visibility_query(
        {"status": status, "city": city, "state": state, "lead_status": lead_status, "stage": stage}
    )
    token = _server_token(page_token, query)
    client = await resources.temporal.client()
    pages = client.list_workflows(query, page_size=limit, next_page_token=token, rpc_timeout=RPC_TIMEOUT)
    try:
        await pages.fetch_next_page()
    except RPCError as failure:
        if token and failure.status in _REFUSED_TOKEN:
            raise ApiProblem(Code.INVALID_CURSOR) from failure
        raise
    following = pages.next_page_token
    return WorkflowPage(
        workflows=tuple(WorkflowSummary(**_summary(execution)) for execution in pages.current_page or ()),
        next_page_token=cursors.encode((query, following.hex()), _PAGE) if following else None,
    )


def _server_token(page_token: str | None, query: str) -> bytes | None:
    """The server's own token in ours, which also says for which filters it was given."""
    page = cursors.decode(page_token, _PAGE)
    if page is None:
        return None
    if page[0] != query:
        raise ApiProblem(Code.INVALID_CURSOR, "It belongs to a list with other filters.")
    return bytes.fromhex(page[1])


@router.get("/{workflow_id}")
async def get_workflow(workflow_id: WorkflowId, resources: Injected) -> WorkflowDetail:
    """The latest run of a workflow: where it stands, what it waits for, how it ended."""
    client = await resources.temporal.client()
    description = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=RPC_TIMEOUT)
    handle = client.get_workflow_handle(workflow_id, run_id=description.run_id, result_type=PropertyResult)
    source, status = await _status(handle, description)
    finished = description.status is WorkflowExecutionStatus.COMPLETED and description.workflow_type == _PROPERTY
    return WorkflowDetail(
        **_summary(description),
        task_queue=description.task_queue,
        history_events=description.history_length,
        pending_activities=_pending(description),
        status_source=source,
        status_query=status,
        result=await handle.result(follow_runs=False, rpc_timeout=RPC_TIMEOUT) if finished else None,
        links=resources.workflow_links(workflow_id),
    )


async def _admitted(body: StartProperty, tx: UnitOfWork) -> UUID:
    """The id of the lead that the request stands for; its row is there afterwards."""
    if body.lead_id is not None:
        known = await tx.leads.get(body.lead_id)
        if known is None:
            raise ApiProblem(Code.UNKNOWN_LEAD)
        _refuse_settled(LeadStatus(known.status))
        return body.lead_id
    address = await _address(body, tx)
    lead_id = lead_id_for(address)
    known = await tx.leads.get(lead_id)
    if known is not None:
        # Re-opening is the workflow's first step: here it could disturb a run that is under way.
        _refuse_settled(LeadStatus(known.status))
        return lead_id
    await tx.leads.admit(lead_id, address, property_workflow_id(lead_id), permit_id=body.permit_id)
    return lead_id


async def _address(body: StartProperty, tx: UnitOfWork) -> Address:
    line, city, state, zip_code = body.address, body.city, body.state, body.zip
    if body.permit_id is not None:
        permit = await tx.permits.get(body.permit_id)
        if permit is None:
            raise ApiProblem(Code.UNKNOWN_PERMIT)
        line, city, state, zip_code = permit.address, permit.city, permit.state, permit.zip
    target = await tx.cities.get(city or "", state or "")
    if target is None:
        raise ApiProblem(Code.UNKNOWN_CITY)
    try:
        return parse_address(line or "", target.city, target.state, zip_code)
    except InvalidAddress as failure:
        raise ApiProblem(Code.INVALID_ADDRESS, failure.detail) from failure


def _refuse_settled(status: LeadStatus) -> None:
    if status in SETTLED:
        raise ApiProblem(Code.ALREADY_SETTLED, f"Its status is {status.value}.")


def _summary(execution: WorkflowExecution) -> dict[str, object]:
    name = execution.status.name if execution.status else ExecutionStatus.RUNNING.name
    return {
        "workflow_id": execution.id,
        "run_id": execution.run_id,
        "workflow_type": execution.workflow_type,
        "status": ExecutionStatus[name],
        "started_at": execution.start_time,
        "closed_at": execution.close_time,
        "search_attributes": shown_attributes(execution.typed_search_attributes),
    }


def _pending(description: WorkflowExecutionDescription) -> tuple[PendingActivity, ...]:
    return tuple(_pending_activity(info) for info in description.raw_description.pending_activities)


def _pending_activity(info: PendingActivityInfo) -> PendingActivity:
    state = PendingActivityState.Name(info.state).removeprefix("PENDING_ACTIVITY_STATE_").lower()
    return PendingActivity(
        activity_type=info.activity_type.name,
        state=state,
        attempt=info.attempt,
        last_failure_type=_failure_type(info.last_failure) if info.HasField("last_failure") else None,
    )


def _failure_type(failure: Failure) -> str:
    """The type of an application error, else the kind of failure (`timeout`, `canceled` …)."""
    kind = failure.WhichOneof("failure_info") or "unknown"
    return failure.application_failure_info.type or kind.removesuffix("_failure_info")


async def _status(
    handle: WorkflowHandle[object, PropertyResult], description: WorkflowExecutionDescription
) -> tuple[StatusSource, PropertyStatus | None]:
    """Answer of the `status` query, which only a running workflow with a worker can give."""
    if description.status is not WorkflowExecutionStatus.RUNNING:
        return StatusSource.CLOSED, None
    if description.workflow_type != _PROPERTY:
        return StatusSource.NOT_ASKED, None
    try:
        status = await handle.query("status", result_type=PropertyStatus, rpc_timeout=QUERY_TIMEOUT)
    except WorkflowQueryFailedError:
        return StatusSource.QUERY_FAILED, None
    except RPCError as failure:
        if failure.status is RPCStatusCode.NOT_FOUND:
            return StatusSource.CLOSED, None
        return StatusSource.NO_WORKER, None
    return StatusSource.QUERIED, status
