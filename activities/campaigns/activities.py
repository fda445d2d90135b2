"""Local activities of the `orchestration` queue that work on whole campaigns."""

from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.outreach import CampaignRequest, Delivered, EnrollmentBatch, SweepFindings, SweepRequest

if TYPE_CHECKING:
    from schema.database import Database


class CampaignActivities:
    """Set-based steps over many contractors."""

    def __init__(self, db: "Database") -> None:
        self._db = db

    @activity.defn
    async def next_batch(self, request: CampaignRequest) -> EnrollmentBatch:
        """Contractors that meet the campaign's criteria and are in no sequence of it, best priority first."""
        raise NotImplementedError

    @activity.defn
    async def finish_launch(self, request: CampaignRequest) -> None:
        """Records how many contractors the campaign was launched for."""
        raise NotImplementedError

    @activity.defn
    async def find_stranded(self, request: SweepRequest) -> SweepFindings:
        """Touches long overdue, enrolments without any, and events of the inbox that nobody passed on."""
        raise NotImplementedError

    @activity.defn
    async def settle_delivered(self, delivered: Delivered) -> None:
        """Marks inbox rows whose events were passed on."""
        raise NotImplementedError
