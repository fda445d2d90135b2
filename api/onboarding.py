"""Speaking to a contractor's onboarding workflow: started where it is missing."""

from datetime import timedelta
from uuid import UUID, uuid4

from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from api.problems import ApiProblem, Code, unavailable
from api.resources import RPC_TIMEOUT, Resources
from domain.matching import Tier
from schema.contracts.ids import onboarding_workflow_id
from schema.contracts.onboarding import BillingEvent, OnboardingRequest, PlanAction, PlanAnswer, PlanChange, PlanRefusal
from workflows.onboarding import ContractorOnboardingWorkflow
from workflows.options import TaskQueue

CHANGE_TIMEOUT = timedelta(seconds=30)
"""Of a change of plan: the bank is asked while somebody waits."""

_REFUSED: dict[PlanRefusal, str] = {
    PlanRefusal.NOT_ACTIVE: "There is no running subscription.",
    PlanRefusal.SAME_TIER: "It is on this tier already.",
    PlanRefusal.PAST_DUE: "A payment is overdue.",
    PlanRefusal.LEAVING: "It has been cancelled to the end of its month.",
}


async def signal_onboarding(
    resources: Resources, contractor_id: UUID, signal: str, event: BillingEvent | None = None
) -> None:
    """Signals the workflow, starting it where there is none."""
    client = await resources.temporal.client()
    await client.start_workflow(
        ContractorOnboardingWorkflow.run,
        OnboardingRequest(contractor_id=contractor_id),
        id=onboarding_workflow_id(contractor_id),
        task_queue=TaskQueue.ORCHESTRATION,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal=signal,
        start_signal_args=[] if event is None else [event],
        rpc_timeout=RPC_TIMEOUT,
    )


async def order(resources: Resources, contractor_id: UUID, action: PlanAction, tier: Tier | None = None) -> PlanAnswer:
    """Changes the plan and waits for what it came to. Raises a problem when it is refused or not known yet."""
    change = PlanChange(change_id=uuid4().hex, action=action, tier=tier)
    try:
        answer = await _ask(resources, contractor_id, change)
    except RPCError as failure:
        if failure.status is not RPCStatusCode.NOT_FOUND:
            raise
        await signal_onboarding(resources, contractor_id, "look_again")
        answer = await _ask(resources, contractor_id, change)
    if answer.refusal is PlanRefusal.UNAVAILABLE:
        raise unavailable("The payment service")
    if answer.refusal is PlanRefusal.DECLINED:
        raise ApiProblem(Code.CARD_DECLINED, "The bank declined; nothing was changed or charged.")
    if answer.refusal is not None:
        raise ApiProblem(Code.PLAN_NOT_CHANGED, _REFUSED[answer.refusal])
    return answer


async def _ask(resources: Resources, contractor_id: UUID, change: PlanChange) -> PlanAnswer:
    client = await resources.temporal.client()
    handle = client.get_workflow_handle_for(ContractorOnboardingWorkflow.run, onboarding_workflow_id(contractor_id))
    try:
        return await handle.execute_update(
            ContractorOnboardingWorkflow.change_plan, change, id=change.change_id, rpc_timeout=CHANGE_TIMEOUT
        )
    except WorkflowUpdateFailedError as failure:
        raise ApiProblem(Code.PLAN_NOT_CHANGED, _REFUSED[PlanRefusal.NOT_ACTIVE]) from failure
