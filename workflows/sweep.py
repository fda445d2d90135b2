"""OutreachSweepWorkflow: the five-minute sweep, as a reconciler (spec 3.8.2).

Sequences send their touches themselves. The sweep looks for what the database says is due or came in and
nobody acted on: a sequence whose workflow is gone is started again and goes on where it stood; an event
that was stored but never passed on is passed on.
"""

import asyncio

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from workflows.options import local
from workflows.sequence import ContractorSequenceWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.campaigns.activities import CampaignActivities
    from schema.contracts.ids import sequence_workflow_id
    from schema.contracts.outreach import (
        ContractorInCampaign,
        Delivered,
        SequenceRequest,
        SweepReport,
        SweepRequest,
        UndeliveredEvent,
    )


@workflow.defn(failure_exception_types=[ValidationError])
class OutreachSweepWorkflow:
    """One sweep. Running it at any time, or twice, is harmless."""

    @workflow.run
    async def run(self, request: SweepRequest | None = None) -> SweepReport:
        """Heals what is stranded; returns how much that was."""
        found = await local(CampaignActivities.find_stranded, request or SweepRequest(), "Overdue touches, lost events")
        started = await asyncio.gather(*(self._start(each) for each in found.sequences))
        passed_on = await asyncio.gather(*(self._pass_on(each) for each in found.events))
        delivered = tuple(event.inbox_id for event, done in zip(found.events, passed_on, strict=True) if done)
        if delivered:
            await local(CampaignActivities.settle_delivered, Delivered(inbox_ids=delivered), "Passed on")
        return SweepReport(restarted=sum(started), delivered=len(delivered))

    async def _start(self, who: ContractorInCampaign) -> bool:
        """Whether the sequence had to be started."""
        try:
            await workflow.start_child_workflow(
                ContractorSequenceWorkflow.run,
                SequenceRequest(campaign_id=who.campaign_id, contractor_id=who.contractor_id),
                id=sequence_workflow_id(who.campaign_id, who.contractor_id),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _pass_on(self, lost: UndeliveredEvent) -> bool:
        who = ContractorInCampaign(campaign_id=lost.campaign_id, contractor_id=lost.contractor_id)
        handle = workflow.get_external_workflow_handle_for(
            ContractorSequenceWorkflow.run, sequence_workflow_id(who.campaign_id, who.contractor_id)
        )
        try:
            await self._start(who)
            await handle.signal(ContractorSequenceWorkflow.event, lost.event)
        except ApplicationError:
            # The sequence ended in between: what the event says is in the database, which every send reads.
            return True
        return True
