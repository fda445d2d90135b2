"""Activities of the `imagery` queue."""

from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.base import LeadRef
from schema.contracts.property import ImagerySummary, ProcessingSummary

if TYPE_CHECKING:
    from integrations.google_imagery import GoogleImagery
    from integrations.object_store import ObjectStore
    from schema.database import Database


class ImageryActivities:
    """Pictures of a property: bought once, checked, made ready."""

    def __init__(self, db: "Database", store: "ObjectStore", imagery: "GoogleImagery") -> None:
        # Here and not above: workflows import this module, and OpenCV has no place in them.
        from activities.imagery.acquisition import Acquisition
        from activities.imagery.processing import Processing

        self._acquisition = Acquisition(db, store, imagery)
        self._processing = Processing(db, store)

    @activity.defn
    async def acquire_imagery(self, lead: LeadRef) -> ImagerySummary:
        """One satellite picture and four street views into the object store (spec 3.1.3)."""
        return await self._acquisition.acquire(lead.lead_id)

    @activity.defn
    async def process_images(self, lead: LeadRef) -> ProcessingSummary:
        """Standardised, enhanced and damage-specific versions for people (spec 3.3.1)."""
        return await self._processing.process(lead.lead_id)
