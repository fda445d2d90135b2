"""Starting a workflow so that a second start joins the first."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.resources import RPC_TIMEOUT, Resources
from schema.contracts.api import StartedWorkflow
from workflows.options import TaskQueue

WorkflowT = TypeVar("WorkflowT")
ArgT = TypeVar("ArgT")
ResultT = TypeVar("ResultT")


async def start_or_join(
    resources: Resources, run: Callable[[WorkflowT, ArgT], Awaitable[ResultT]], arg: ArgT, workflow_id: str
) -> StartedWorkflow:
    """Start `run` under `workflow_id`, or say which run of it is already under way.

    The conflict policy is FAIL and not USE_EXISTING because the SDK hides, for the latter, whether
    the run it returns is new.
    """
    client = await resources.temporal.client()
    workflow: Any = run
    try:
        handle = await client.start_workflow(
            workflow,
            arg,
            id=workflow_id,
            task_queue=TaskQueue.ORCHESTRATION,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            rpc_timeout=RPC_TIMEOUT,
        )
        run_id, existing = handle.result_run_id, False
    except WorkflowAlreadyStartedError as already:
        run_id, existing = already.run_id, True
    return StartedWorkflow(
        workflow_id=workflow_id,
        run_id=run_id or "",
        existing=existing,
        links=resources.workflow_links(workflow_id),
    )
