"""Street-level coordinates of a property (spec 3.2.3)."""

from uuid import UUID

from activities.attempts import worth_retrying
from activities.enrichment.lookups import load
from activities.metering import charged_to
from domain.address import Address
from integrations.geocoding import Geocoder
from integrations.http import VendorError
from schema.contracts.property import GeocodeSummary, Reason
from schema.database import Database

GEOCODER, PERMIT = "geocoder", "permit"


class PropertyLocation:
    """Asks the geocoder once per property."""

    def __init__(self, db: Database, geocoder: Geocoder) -> None:
        self._db = db
        self._geocoder = geocoder

    async def locate(self, lead_id: UUID) -> GeocodeSummary:
        """Store the geocoder's coordinates, or those of a permit when it is down or finds none."""
        row, _ = await load(self._db, lead_id)
        if row.lat is not None and row.geocode_source == GEOCODER:
            return GeocodeSummary(located=True, source=GEOCODER)
        address = Address(row.address, row.city, row.state, row.zip)
        reason = Reason.ADDRESS_NOT_FOUND
        try:
            with charged_to(lead_id):
                location = await self._geocoder.locate(address)
        except VendorError as failure:
            if worth_retrying(failure):
                raise
            location, reason = None, Reason.GEOCODER_UNAVAILABLE
        if location is None:
            return await self._locate_by_permit(lead_id, address, reason)
        async with self._db.transaction() as tx:
            await tx.leads.save_location(lead_id, location.lat, location.lng, GEOCODER)
        return GeocodeSummary(located=True, source=GEOCODER)

    async def _locate_by_permit(self, lead_id: UUID, address: Address, reason: Reason) -> GeocodeSummary:
        async with self._db.transaction() as tx:
            for permit in await tx.permits.at_address(address.line, address.city, address.state):
                if permit.lat is not None and permit.lng is not None:
                    await tx.leads.save_location(lead_id, permit.lat, permit.lng, PERMIT)
                    still = reason if reason is Reason.GEOCODER_UNAVAILABLE else None
                    return GeocodeSummary(located=True, source=PERMIT, reason=still)
        return GeocodeSummary(reason=reason)
