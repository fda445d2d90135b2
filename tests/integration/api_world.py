"""What the API tests put behind the API: scripted activities, rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from temporalio.client import Client

from activities.leads.activities import LeadActivities
from config.settings import Settings
from schema.contracts.ids import property_workflow_id
from schema.contracts.property import Admission, ReviewSettlement, ValidationSummary
from schema.database import Database
from schema.repositories.images import ImageRecord
from schema.repositories.reviews import NewReview
from tests.workflow.conftest import run_script
from tests.workflow.scripted import Script


@dataclass(frozen=True)
class World:
    """This test's database and Temporal namespace, and the settings that name both."""

    settings: Settings
    database: Database
    client: Client


class ReviewedScript(Script):
    """The steps around a review scripted; the review itself opened and settled in the database."""

    def __init__(self, world: World, lead_id: UUID) -> None:
        super().__init__(
            admit_property=Admission(lead_id=lead_id, city="Austin", state="TX"),
            validate_analysis=self._open_review,
            settle_review=self._settle_review,
        )
        self._database = world.database
        self._leads = LeadActivities(world.database)
        self.lead_id = lead_id

    async def _open_review(self, _: object) -> ValidationSummary:
        self.review_id = await open_review(self._database, self.lead_id)
        return ValidationSummary(confidence=71.0, review_id=self.review_id, failed_stages=("similar_roofs",))

    async def _settle_review(self, settlement: object) -> None:
        await self._leads.settle_review(ReviewSettlement.model_validate(settlement))


async def open_review(database: Database, lead_id: UUID) -> UUID:
    """An open review of a lead's analysis, with its images."""
    async with database.transaction() as tx:
        analysis_id = await tx.analyses.replace(
            lead_id, {"overall_condition": "poor", "confidence_score": Decimal(81)}, ()
        )
        await tx.images.save(
            lead_id,
            [
                ImageRecord(image_type, view, key, "test")
                for image_type, view, key in (
                    ("satellite", "overhead", f"images/{lead_id}/original/satellite/overhead.jpg"),
                    ("street_view", "front", f"images/{lead_id}/original/street_view/front.jpg"),
                    ("processed", "overhead", f"images/{lead_id}/preprocessed/satellite/overhead.jpg"),
                    ("processed", "overhead", f"images/{lead_id}/analysis/overhead.jpg"),
                )
            ],
        )
        review_id, _ = await tx.reviews.open(
            NewReview(
                lead_id=lead_id,
                analysis_id=analysis_id,
                workflow_id=property_workflow_id(lead_id),
                confidence=71.0,
                failed_stages=("similar_roofs",),
                evidence={"condition": "poor", "stages": []},
                expires_at=datetime.now(UTC) + timedelta(days=7),
            )
        )
    return review_id


@asynccontextmanager
async def scripted(world: World, script: Script) -> AsyncIterator[Script]:
    """Workers that answer from `script`."""
    async with run_script(world.client, script):
        yield script
