"""Activities of the `billing` queue."""

from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.base import LeadRef
from schema.contracts.property import LeadCost

if TYPE_CHECKING:
    from schema.database import Database


class BillingActivities:
    """What a lead cost us."""

    def __init__(self, db: "Database") -> None:
        self._db = db

    @activity.defn
    async def settle_lead_cost(self, lead: LeadRef) -> LeadCost:
        """Adds up what vendors charged for the lead, exactly, and keeps the sum on it."""
        async with self._db.transaction() as tx:
            cost = await tx.usage.cost_of(lead.lead_id)
            await tx.leads.update(lead.lead_id, vendor_cost=cost)
        return LeadCost(cost=cost)
