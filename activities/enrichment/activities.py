"""Activities of the `enrichment` queue."""

from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.base import LeadRef
from schema.contracts.property import ContactSummary, GeocodeSummary

if TYPE_CHECKING:
    from integrations.geocoding import Geocoder
    from integrations.hunter import HunterFinder
    from integrations.zerobounce import ZeroBounceVerifier
    from schema.database import Database


class EnrichmentActivities:
    """Where a property is and how to reach its owner."""

    def __init__(
        self, db: "Database", geocoder: "Geocoder", finder: "HunterFinder", verifier: "ZeroBounceVerifier"
    ) -> None:
        # Here and not above: workflows import this module, and neither SQL nor HTTP has a place in them.
        from activities.enrichment.contacts import OwnerContacts
        from activities.enrichment.location import PropertyLocation

        self._location = PropertyLocation(db, geocoder)
        self._contacts = OwnerContacts(db, finder, verifier)

    @activity.defn
    async def geocode_property(self, lead: LeadRef) -> GeocodeSummary:
        """Store the property's street-level coordinates (spec 3.2.3)."""
        return await self._location.locate(lead.lead_id)

    @activity.defn
    async def find_contacts(self, lead: LeadRef) -> ContactSummary:
        """Find and verify the owner's e-mail and phone, free sources first (spec 3.2.1)."""
        return await self._contacts.find(lead.lead_id)
