"""CampaignWorkflow: puts every contractor a campaign is for into its sequence (spec 6.3 step 4)."""

import asyncio
from uuid import UUID

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from workflows import search_attributes as sa
from workflows.options import local
from workflows.sequence import ContractorSequenceWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.campaigns.activities import CampaignActivities
    from schema.contracts.ids import sequence_workflow_id
    from schema.contracts.outreach import CampaignRequest, Command, Control, SequenceRequest


@workflow.defn(failure_exception_types=[ValidationError])
class CampaignWorkflow:
    """One launch, or resumption, of a campaign; its id is `campaign-<campaign id>`. Sequences outlive it."""

    @workflow.run
    async def run(self, request: CampaignRequest) -> int:
        """Starts the sequences batch by batch; returns how many contractors were added."""
        workflow.upsert_search_attributes([sa.CAMPAIGN_ID.value_set(str(request.campaign_id))])
        launched = request.launched
        more = True
        while more:
            request = request.model_copy(update={"launched": launched})
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(request)
            batch = await local(CampaignActivities.next_batch, request, "The next contractors, best first")
            await asyncio.gather(
                *(self._start(request.campaign_id, contractor) for contractor in batch.contractor_ids),
                *(self._resume(request.campaign_id, contractor) for contractor in batch.resumed),
            )
            launched += len(batch.contractor_ids)
            more = batch.more
            workflow.set_current_details(f"{launched} contractors are in the sequence.")
        await local(CampaignActivities.finish_launch, request.model_copy(update={"launched": launched}), "Launched")
        return launched

    async def _start(self, campaign_id: UUID, contractor_id: UUID) -> None:
        try:
            await workflow.start_child_workflow(
                ContractorSequenceWorkflow.run,
                SequenceRequest(campaign_id=campaign_id, contractor_id=contractor_id),
                id=sequence_workflow_id(campaign_id, contractor_id),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("sequence runs already")

    async def _resume(self, campaign_id: UUID, contractor_id: UUID) -> None:
        handle = workflow.get_external_workflow_handle_for(
            ContractorSequenceWorkflow.run, sequence_workflow_id(campaign_id, contractor_id)
        )
        try:
            await handle.signal(ContractorSequenceWorkflow.command, Control(command=Command.RESUME))
        except ApplicationError:
            # It ended while the campaign was paused; the sweep restarts one that died with work to do.
            workflow.logger.info("no sequence to resume")
