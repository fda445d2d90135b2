"""Review tasks: what reviewers are asked, and what they answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.roof import RoofCondition
from schema.repositories.base import Repository, page_size
from schema.tables import BaseLead, PropertyImage, ReviewTask, RoofAnalysis, User


@dataclass(frozen=True, slots=True)
class OpenReview:
    """A review task with what a reviewer needs to decide it."""

    task: ReviewTask
    address: str
    city: str
    state: str
    predicted_condition: str | None
    images: tuple[PropertyImage, ...]


@dataclass(frozen=True, slots=True)
class NewReview:
    """What a reviewer is asked; `confidence` 0-100, `evidence` free of personal data."""

    lead_id: UUID
    analysis_id: UUID | None
    workflow_id: str
    confidence: float
    failed_stages: tuple[str, ...]
    evidence: Mapping[str, Any]
    expires_at: datetime


class ReviewRepository(Repository):
    """`review_tasks`."""

    async def open(self, review: NewReview) -> tuple[UUID, bool]:
        """Opens a review, or renews the one that is open for this lead; returns its id and whether it is new."""
        values: dict[str, Any] = {
            "analysis_id": review.analysis_id,
            "workflow_id": review.workflow_id,
            "confidence": round(Decimal(review.confidence), 2),
            "failed_stages": list(review.failed_stages),
            "evidence": dict(review.evidence),
            "expires_at": review.expires_at,
        }
        known = await self._session.scalar(
            select(col(ReviewTask.id)).where(
                col(ReviewTask.base_lead_id) == review.lead_id, col(ReviewTask.state) == "open"
            )
        )
        opened = await self._session.scalar(
            insert(ReviewTask)
            .values(base_lead_id=review.lead_id, state="open", **values)
            .on_conflict_do_update(
                index_elements=["base_lead_id"],
                index_where=col(ReviewTask.state) == "open",
                set_={**values, "updated_at": func.now()},
            )
            .returning(col(ReviewTask.id))
        )
        if opened is None:
            raise AssertionError("an upsert returns its row")
        return opened, opened != known

    async def get(self, review_id: UUID) -> ReviewTask | None:
        """The task, open or settled."""
        return await self._session.get(ReviewTask, review_id, populate_existing=True)

    async def settle(
        self,
        review_id: UUID,
        state: str,
        at: datetime,
        reviewer_id: UUID | None = None,
        corrected_condition: RoofCondition | None = None,
    ) -> bool:
        """Settles an open task as approved, rejected or expired; False if it was settled before.

        A reviewer we do not know is not recorded: the verdict stands all the same.
        """
        known = select(col(User.id)).where(col(User.id) == reviewer_id).scalar_subquery()
        settled = await self._session.scalar(
            update(ReviewTask)
            .where(col(ReviewTask.id) == review_id, col(ReviewTask.state) == "open")
            .values(
                state=state,
                settled_at=at,
                reviewer_id=known,
                corrected_condition=corrected_condition.value if corrected_condition else None,
            )
            .returning(col(ReviewTask.id))
            .execution_options(synchronize_session=False)
        )
        return settled is not None

    async def reminded(self, review_id: UUID, number: int) -> bool:
        """Notes the n-th reminder of an open task; False if it was noted before or the task is settled."""
        noted = await self._session.scalar(
            update(ReviewTask)
            .where(
                col(ReviewTask.id) == review_id,
                col(ReviewTask.state) == "open",
                col(ReviewTask.reminders_sent) < number,
            )
            .values(reminders_sent=number)
            .returning(col(ReviewTask.id))
            .execution_options(synchronize_session=False)
        )
        return noted is not None

    async def known_condition(self, lead_id: UUID, since: datetime) -> RoofCondition | None:
        """What a person last found at this property, if that is not longer ago than `since`."""
        task = await self._session.scalar(
            select(ReviewTask)
            .where(
                col(ReviewTask.base_lead_id) == lead_id,
                col(ReviewTask.state) == "approved",
                col(ReviewTask.settled_at) >= since,
            )
            .order_by(col(ReviewTask.settled_at).desc())
            .limit(1)
        )
        if task is None:
            return None
        found = task.corrected_condition or (task.evidence or {}).get("condition")
        return RoofCondition(found) if found in tuple(RoofCondition) else None

    async def pending(self, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[OpenReview]:
        """Open tasks, the longest waiting first, behind the (created_at, id) of the page before; two statements."""
        query = (
            select(
                ReviewTask,
                col(BaseLead.address),
                col(BaseLead.city),
                col(BaseLead.state),
                col(RoofAnalysis.overall_condition),
            )
            .join(BaseLead, col(BaseLead.id) == col(ReviewTask.base_lead_id))
            .outerjoin(RoofAnalysis, col(RoofAnalysis.id) == col(ReviewTask.analysis_id))
            .where(col(ReviewTask.state) == "open")
            .order_by(col(ReviewTask.created_at), col(ReviewTask.id))
            .limit(page_size(limit))
        )
        if after is not None:
            query = query.where(tuple_(col(ReviewTask.created_at), col(ReviewTask.id)) > after)
        rows = (await self._session.execute(query)).all()
        images = await self._images([task.base_lead_id for task, *_ in rows])
        return [
            OpenReview(
                task=task,
                address=address,
                city=city,
                state=state,
                predicted_condition=condition,
                images=tuple(image for image in images if image.base_lead_id == task.base_lead_id),
            )
            for task, address, city, state, condition in rows
        ]

    async def add_note(self, review_id: UUID, note: str) -> None:
        """Keep a reviewer's note, unless the task has one: the first note is the one that decided."""
        await self._session.execute(
            update(ReviewTask).where(col(ReviewTask.id) == review_id, col(ReviewTask.note).is_(None)).values(note=note)
        )

    async def _images(self, lead_ids: Sequence[UUID]) -> Sequence[PropertyImage]:
        if not lead_ids:
            return ()
        found = await self._session.scalars(
            select(PropertyImage)
            .where(col(PropertyImage.base_lead_id).in_(lead_ids))
            .order_by(col(PropertyImage.s3_key))
        )
        return found.all()
