"""What the sweep finds: sequences nobody works on, events nobody passed on (spec 3.8.2)."""

from dataclasses import dataclass

from activities.inbox.processing import catch_up
from schema.contracts.outreach import ContractorInCampaign, Delivered, SweepFindings, SweepRequest
from schema.database import Database

MAX_EVENTS = 200


@dataclass(frozen=True, slots=True)
class Sweep:
    """Short database steps of OutreachSweepWorkflow."""

    db: Database

    async def find(self, request: SweepRequest) -> SweepFindings:
        """Live enrolments whose touch is overdue or that have nothing planned, and events still to be passed on.

        What vendors told us and nobody read is read first: it may stop somebody, or be such an event.
        """
        await catch_up(self.db, request.older_than_seconds, MAX_EVENTS)
        async with self.db.transaction() as tx:
            stranded = await tx.campaigns.stranded(request.older_than_seconds)
            events = await tx.inbox.undelivered(request.older_than_seconds, MAX_EVENTS)
        return SweepFindings(
            sequences=tuple(ContractorInCampaign(campaign_id=one, contractor_id=other) for one, other in stranded),
            events=tuple(events),
        )

    async def settle(self, delivered: Delivered) -> None:
        """Marks inbox rows whose events were passed on."""
        async with self.db.transaction() as tx:
            await tx.inbox.settle(delivered.inbox_ids)
