"""Passing events on to sequences: started where missing, all at once, none lost."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from api.problems import ApiProblem
from api.resources import Resources
from schema.contracts.ids import sequence_workflow_id
from schema.contracts.inbox import Notice
from schema.contracts.outreach import SequenceRequest
from workflows.options import TaskQueue
from workflows.sequence import ContractorSequenceWorkflow

log = structlog.get_logger()

SIGNAL_TIMEOUT = timedelta(seconds=5)


async def pass_on(resources: Resources, notices: Sequence[Notice]) -> bool:
    """Signals the sequences, starting those whose workflow is gone; True when every event has arrived.

    Never raises: what did not arrive stays in the inbox, and the sweep passes it on.
    """
    if not notices:
        return True
    try:
        client = await resources.temporal.client()
    except ApiProblem:
        return False
    waiting = {notice.also for notice in notices if notice.also}
    results = await asyncio.gather(
        *(_signal(client, notice) for notice in notices),
        *(_stir(client, workflow_id) for workflow_id in waiting),
        return_exceptions=True,
    )
    failures = [type(result).__name__ for result in results if isinstance(result, Exception)]
    if failures:
        log.warning("events_not_passed_on", count=len(failures), failures=sorted(set(failures)))
    return not failures


async def _stir(client: Client, workflow_id: str) -> None:
    """Tells a workflow that what it waits for has happened; one that is over need not know."""
    try:
        await client.get_workflow_handle(workflow_id).signal("ended", rpc_timeout=SIGNAL_TIMEOUT)
    except RPCError as failure:
        if failure.status is not RPCStatusCode.NOT_FOUND:
            raise


async def _signal(client: Client, notice: Notice) -> None:
    request = SequenceRequest(campaign_id=notice.campaign_id, contractor_id=notice.contractor_id)
    await client.start_workflow(
        ContractorSequenceWorkflow.run,
        request,
        id=sequence_workflow_id(notice.campaign_id, notice.contractor_id),
        task_queue=TaskQueue.ORCHESTRATION,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal="event",
        start_signal_args=[notice.event],
        rpc_timeout=SIGNAL_TIMEOUT,
    )
