"""CampaignOptimizationWorkflow: the hourly look at every campaign (spec 3.6.5)."""

import asyncio
from uuid import UUID

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError

from workflows.campaign import CampaignWorkflow
from workflows.options import local

with workflow.unsafe.imports_passed_through():
    from activities.campaigns.activities import CampaignActivities
    from schema.contracts.campaigns import OptimizationReport, OptimizationRequest
    from schema.contracts.ids import campaign_workflow_id
    from schema.contracts.outreach import CampaignRequest


@workflow.defn(failure_exception_types=[ValidationError])
class CampaignOptimizationWorkflow:
    """Counts anew, judges A/B tests, pauses what does harm, and lets running campaigns take in who is new."""

    @workflow.run
    async def run(self, request: OptimizationRequest | None = None) -> OptimizationReport:
        """One look; running it at any time, or twice, is harmless."""
        report = await local(
            CampaignActivities.optimize_campaigns, request or OptimizationRequest(), "Figures, winners, pauses"
        )
        await asyncio.gather(*(self._launch(campaign) for campaign in report.active))
        workflow.set_current_details(
            f"{report.campaigns} campaigns counted, {report.winners} winners, {len(report.paused_campaigns)} campaigns "
            f"and {len(report.paused_mailboxes)} mailboxes paused."
        )
        return report

    async def _launch(self, campaign_id: UUID) -> None:
        """Takes in contractors found since, and resumes sequences that a pause held and nobody told."""
        try:
            await workflow.start_child_workflow(
                CampaignWorkflow.run,
                CampaignRequest(campaign_id=campaign_id),
                id=campaign_workflow_id(campaign_id),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("campaign is being launched already")
