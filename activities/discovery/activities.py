"""Activities of the `scraping` queue that find contractors."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.outreach import DiscoveredContractors, DiscoveryRequest

if TYPE_CHECKING:
    from integrations.google_places import GooglePlaces
    from integrations.yelp import YelpFusion
    from schema.database import Database


def utc_now() -> datetime:
    """The time of day discovery goes by."""
    return datetime.now(UTC)


class DiscoveryActivities:
    """Contractors of a city from every source."""

    def __init__(
        self, db: "Database", google: "GooglePlaces", yelp: "YelpFusion", clock: Callable[[], datetime] = utc_now
    ) -> None:
        # Here and not above: workflows import this module, and neither SQL nor HTTP has a place in them.
        from activities.discovery.discovery import Discovery

        self._discovery = Discovery(db, google, yelp, clock)

    @activity.defn
    async def discover_contractors(self, request: DiscoveryRequest) -> DiscoveredContractors:
        """Asks the sources, merges what is the same company, stores the rest (spec 3.6.1)."""
        return await self._discovery.run(request)
