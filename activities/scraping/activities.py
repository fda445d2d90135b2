"""Activities of the `scraping` queue."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.base import LeadRef
from schema.contracts.property import CityScrapeRequest, CityScrapeResult, PermitHistory, PropertyRecordSummary

if TYPE_CHECKING:
    from integrations.assessor import Assessor
    from integrations.portals import PermitPortals
    from schema.database import Database


def utc_now() -> datetime:
    """The time of day the activities go by."""
    return datetime.now(UTC)


class ScrapingActivities:
    """Permits of a city, permits of a property, and the county's record of a property."""

    def __init__(
        self,
        db: "Database",
        portals: "PermitPortals",
        assessor: "Assessor",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        # Here and not above: workflows import this module, and neither SQL nor HTTP has a place in them.
        from activities.scraping.city import CityScrape
        from activities.scraping.property import PermitsOnFile, PropertyRecord

        self._city = CityScrape(db, portals, clock)
        self._permits = PermitsOnFile(db, portals, clock)
        self._record = PropertyRecord(db, assessor)

    @activity.defn
    async def scrape_city_permits(self, request: CityScrapeRequest) -> CityScrapeResult:
        """Store a city's roofing permits of the last `days` days (spec 3.1.1)."""
        return await self._city.run(request)

    @activity.defn
    async def scrape_permit_history(self, lead: LeadRef) -> PermitHistory:
        """Store and link every roofing permit at a property, with what they say of its roof's age."""
        return await self._permits.collect(lead.lead_id)

    @activity.defn
    async def scrape_property_record(self, lead: LeadRef) -> PropertyRecordSummary:
        """Store the county's record of a property and its owner (spec 3.1.2)."""
        return await self._record.fetch(lead.lead_id)
