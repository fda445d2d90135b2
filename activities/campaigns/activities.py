"""Local activities of the `orchestration` queue that work on whole campaigns."""

from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.campaigns import OptimizationReport, OptimizationRequest
from schema.contracts.outreach import CampaignRequest, Delivered, EnrollmentBatch, SweepFindings, SweepRequest

if TYPE_CHECKING:
    from schema.database import Database


class CampaignActivities:
    """Set-based steps over many contractors."""

    def __init__(self, db: "Database") -> None:
        from activities.campaigns.launch import Launch
        from activities.campaigns.optimize import Optimizer
        from activities.campaigns.sweep import Sweep

        self._launch = Launch(db)
        self._sweep = Sweep(db)
        self._optimizer = Optimizer(db)

    @activity.defn
    async def next_batch(self, request: CampaignRequest) -> EnrollmentBatch:
        """Contractors that meet the campaign's criteria and are in no sequence, best priority first."""
        return await self._launch.next_batch(request)

    @activity.defn
    async def finish_launch(self, request: CampaignRequest) -> None:
        """Records how many contractors the campaign was launched for."""
        await self._launch.finish(request)

    @activity.defn
    async def find_stranded(self, request: SweepRequest) -> SweepFindings:
        """Touches long overdue, enrolments without any, and events of the inbox that nobody passed on."""
        return await self._sweep.find(request)

    @activity.defn
    async def settle_delivered(self, delivered: Delivered) -> None:
        """Marks inbox rows whose events were passed on."""
        await self._sweep.settle(delivered)

    @activity.defn
    async def optimize_campaigns(self, request: OptimizationRequest) -> OptimizationReport:
        """Counts anew, judges A/B tests, pauses campaigns and mailboxes that do harm."""
        return await self._optimizer.optimize(request)
