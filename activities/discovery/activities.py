"""Activities of the `scraping` queue that find contractors."""

from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.outreach import DiscoveredContractors, DiscoveryRequest

if TYPE_CHECKING:
    from schema.database import Database


class DiscoveryActivities:
    """Contractors of a city from every source."""

    def __init__(self, db: "Database") -> None:
        self._db = db

    @activity.defn
    async def discover_contractors(self, request: DiscoveryRequest) -> DiscoveredContractors:
        """Asks the sources, merges what is the same company, stores the rest (spec 3.6.1)."""
        raise NotImplementedError
