"""What operators see of outreach and do to it: sequences, the schedule, people's tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, tuple_, update
from sqlmodel import col

from schema.repositories.base import Repository, page_size
from schema.tables import (
    Contractor,
    OutreachCampaign,
    OutreachTask,
    ScheduledTouchpoint,
    SequenceEnrollment,
    User,
)

MomentKey = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class ScheduledPlace:
    """The sequence and the touch that a row of the schedule stands for."""

    campaign_id: UUID
    contractor_id: UUID
    touch_key: str
    status: str


class DeskRepository(Repository):
    """Reads across the tables of outreach, and the few writes an operator makes by hand."""

    # Sequences.

    async def new_campaign(self, **values: Any) -> OutreachCampaign:
        """A campaign that contractors are enrolled in by hand, open from now on."""
        campaign: OutreachCampaign | None = await self._session.scalar(
            insert(OutreachCampaign)
            .values(status="active", started_at=func.now(), **values)
            .returning(OutreachCampaign)
        )
        if campaign is None:
            raise AssertionError("an insert returns its row")
        return campaign

    async def phases(self, campaign_id: UUID) -> dict[str, int]:
        """How many contractors of a campaign stand in which phase."""
        found = await self._session.execute(
            select(col(SequenceEnrollment.phase), func.count())
            .where(col(SequenceEnrollment.campaign_id) == campaign_id)
            .group_by(col(SequenceEnrollment.phase))
        )
        return {str(phase): int(number) for phase, number in found}

    async def stop(self, campaign_id: UUID, contractor_id: UUID, at: datetime) -> bool:
        """Nothing more of this sequence may go out; False if it had ended before, or never was."""
        stopped = await self._session.scalar(
            update(SequenceEnrollment)
            .where(
                col(SequenceEnrollment.campaign_id) == campaign_id,
                col(SequenceEnrollment.contractor_id) == contractor_id,
                col(SequenceEnrollment.ended_at).is_(None),
            )
            .values(halted_at=func.greatest(col(SequenceEnrollment.halted_at), at), halt_reason="stopped")
            .returning(col(SequenceEnrollment.id))
            .execution_options(synchronize_session=False)
        )
        return stopped is not None

    async def phone(self, contractor_id: UUID) -> tuple[bool, str | None]:
        """Whether there is such a contractor, and their number."""
        row = (
            await self._session.execute(select(col(Contractor.phone)).where(col(Contractor.id) == contractor_id))
        ).first()
        return row is not None, row[0] if row is not None else None

    async def latest_live(self, contractor_id: UUID) -> UUID | None:
        """The campaign of a contractor's youngest sequence that has not ended."""
        found: UUID | None = await self._session.scalar(
            select(col(SequenceEnrollment.campaign_id))
            .where(col(SequenceEnrollment.contractor_id) == contractor_id, col(SequenceEnrollment.ended_at).is_(None))
            .order_by(col(SequenceEnrollment.enrolled_at).desc(), col(SequenceEnrollment.id))
            .limit(1)
        )
        return found

    # The schedule.

    async def scheduled_page(
        self,
        after: MomentKey | None,
        limit: int,
        *,
        campaign_id: UUID | None = None,
        contractor_id: UUID | None = None,
    ) -> Sequence[ScheduledTouchpoint]:
        """Touches that are due, soonest first, behind the (scheduled_for, id) of the page before."""
        query = select(ScheduledTouchpoint).where(col(ScheduledTouchpoint.status) == "scheduled")
        if campaign_id is not None:
            query = query.where(col(ScheduledTouchpoint.campaign_id) == campaign_id)
        if contractor_id is not None:
            query = query.where(col(ScheduledTouchpoint.contractor_id) == contractor_id)
        if after is not None:
            query = query.where(tuple_(col(ScheduledTouchpoint.scheduled_for), col(ScheduledTouchpoint.id)) > after)
        query = query.order_by(col(ScheduledTouchpoint.scheduled_for), col(ScheduledTouchpoint.id))
        return (await self._session.scalars(query.limit(page_size(limit)))).all()

    async def scheduled(self, scheduled_id: UUID) -> ScheduledPlace | None:
        """What a row of the schedule stands for, or None."""
        row = await self._session.get(ScheduledTouchpoint, scheduled_id, populate_existing=True)
        if row is None or row.campaign_id is None or row.contractor_id is None or row.touch_key is None:
            return None
        return ScheduledPlace(row.campaign_id, row.contractor_id, row.touch_key, row.status)

    async def cancel(self, scheduled_id: UUID) -> None:
        """Takes a touch off the schedule."""
        await self._session.execute(
            update(ScheduledTouchpoint)
            .where(col(ScheduledTouchpoint.id) == scheduled_id, col(ScheduledTouchpoint.status) == "scheduled")
            .values(status="cancelled")
            .execution_options(synchronize_session=False)
        )

    # People's tasks.

    async def claim_task(self, task_id: UUID, user_id: UUID) -> OutreachTask | None:
        """Gives an open task to somebody; None if it is settled, or somebody else has it."""
        return await self._session.scalar(
            update(OutreachTask)
            .where(
                col(OutreachTask.id) == task_id,
                (col(OutreachTask.state) == "open")
                | ((col(OutreachTask.state) == "claimed") & (col(OutreachTask.assignee_id) == user_id)),
            )
            .values(state="claimed", assignee_id=user_id)
            .returning(OutreachTask)
            .execution_options(populate_existing=True)
        )

    async def is_user(self, user_id: UUID) -> bool:
        """Whether there is such a user."""
        return bool(await self._session.scalar(select(select(col(User.id)).where(col(User.id) == user_id).exists())))
