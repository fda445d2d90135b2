"""Activities of the `inference` queue."""

from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.base import LeadRef
from schema.contracts.property import AnalysisSummary

if TYPE_CHECKING:
    from integrations.object_store import ObjectStore
    from ml_models.runner import RoofModels
    from schema.database import Database


class InferenceActivities:
    """What the models say of a roof."""

    def __init__(self, db: "Database", store: "ObjectStore", models: "RoofModels") -> None:
        from activities.inference.analysis import Analysis

        self._analysis = Analysis(db, store, models)

    @activity.defn
    async def analyze_roof(self, lead: LeadRef) -> AnalysisSummary:
        """Classifier, detector and segmentor on every usable image, then their ensemble (spec 3.4)."""
        return await self._analysis.analyze(lead.lead_id)
