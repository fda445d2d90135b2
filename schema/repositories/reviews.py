"""Review tasks: what reviewers are asked, and what they answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_, update

from schema.repositories.base import Repository, page_size
from schema.tables import BaseLead, PropertyImage, ReviewTask, RoofAnalysis


@dataclass(frozen=True, slots=True)
class OpenReview:
    """A review task with what a reviewer needs to decide it."""

    task: ReviewTask
    address: str
    city: str
    state: str
    predicted_condition: str | None
    images: tuple[PropertyImage, ...]


class ReviewRepository(Repository):
    """`review_tasks`."""

    async def get(self, review_id: UUID) -> ReviewTask | None:
        """The task, open or settled."""
        return await self._session.get(ReviewTask, review_id, populate_existing=True)

    async def pending(self, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[OpenReview]:
        """Open tasks, the longest waiting first, behind the (created_at, id) of the page before; two statements."""
        query = (
            select(ReviewTask, BaseLead.address, BaseLead.city, BaseLead.state, RoofAnalysis.overall_condition)
            .join(BaseLead, BaseLead.id == ReviewTask.base_lead_id)
            .outerjoin(RoofAnalysis, RoofAnalysis.id == ReviewTask.analysis_id)
            .where(ReviewTask.state == "open")
            .order_by(ReviewTask.created_at, ReviewTask.id)
            .limit(page_size(limit))
        )
        if after is not None:
            query = query.where(tuple_(ReviewTask.created_at, ReviewTask.id) > after)
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
            update(ReviewTask).where(ReviewTask.id == review_id, ReviewTask.note.is_(None)).values(note=note)
        )

    async def _images(self, lead_ids: Sequence[UUID]) -> Sequence[PropertyImage]:
        if not lead_ids:
            return ()
        found = await self._session.scalars(
            select(PropertyImage).where(PropertyImage.base_lead_id.in_(lead_ids)).order_by(PropertyImage.s3_key)
        )
        return found.all()
