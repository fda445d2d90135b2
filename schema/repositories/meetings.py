"""Demos: booked by us or by the contractor, moved, missed, held (spec 4.5.5, 6.3 steps 6 and 7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from schema.repositories.base import Repository, checked, page_size
from schema.tables import DemoMeeting

AHEAD = ("scheduled", "confirmed")
NEVER_SET = ("id", "created_at", "external_id", "effect_key", "status")


@dataclass(frozen=True, slots=True)
class BookedMeeting:
    """A booking as the vendor has it. `external_id` is its URI of the invitee."""

    contractor_id: UUID
    external_id: str
    starts_at: datetime
    campaign_id: UUID | None = None
    minutes: int = 30
    url: str | None = None
    provider: str = "calendly"
    effect_key: str | None = None
    """Set where we made the booking ourselves."""


class MeetingRepository(Repository):
    """`demo_meetings`."""

    async def save(self, meeting: BookedMeeting) -> UUID:
        """The row of a booking, from whichever of us and the vendor's webhook is first; a later one only adds."""
        values: dict[str, Any] = {
            "contractor_id": meeting.contractor_id,
            "campaign_id": meeting.campaign_id,
            "external_id": meeting.external_id,
            "effect_key": meeting.effect_key,
            "scheduled_at": meeting.starts_at,
            "duration_minutes": meeting.minutes,
            "meeting_url": meeting.url,
            "meeting_provider": meeting.provider,
            "status": "scheduled",
        }
        statement = insert(DemoMeeting).values(**values)
        new = statement.excluded
        added = ("campaign_id", "effect_key", "meeting_url", "scheduled_at")
        row_id: UUID | None = await self._session.scalar(
            statement.on_conflict_do_update(
                index_elements=["external_id"],
                set_={name: func.coalesce(getattr(DemoMeeting, name), new[name]) for name in added}
                | {"updated_at": func.now()},
            ).returning(col(DemoMeeting.id))
        )
        if row_id is None:
            raise AssertionError("an upsert returns its row")
        return row_id

    async def cancel(self, external_id: str, at: datetime, *, moved: bool = False) -> DemoMeeting | None:
        """The meeting will not take place, or is moved to another time; None if we do not have it.

        One that was held or missed stays so: news may come late.
        """
        values = {"status": "rescheduled" if moved else "cancelled", "canceled_at": at}
        return await self._settle(col(DemoMeeting.external_id) == external_id, values, AHEAD)

    async def missed(self, external_id: str) -> DemoMeeting | None:
        """Nobody came; None if we do not have the meeting. A cancelled one cannot be missed."""
        values = {"status": "no_show", "attended": False}
        return await self._settle(col(DemoMeeting.external_id) == external_id, values, AHEAD)

    async def held(self, meeting_id: UUID, **values: Any) -> DemoMeeting | None:
        """The demo took place; `values` are what came of it (outcome, notes, follow-up)."""
        checked(DemoMeeting, values, NEVER_SET)
        settled = {**values, "status": "completed", "attended": True}
        return await self._settle(col(DemoMeeting.id) == meeting_id, settled, (*AHEAD, "no_show", "completed"))

    async def reminded(self, meeting_id: UUID) -> None:
        """Notes that a reminder went out."""
        await self._session.execute(
            update(DemoMeeting)
            .where(col(DemoMeeting.id) == meeting_id)
            .values(reminder_sent=True, reminder_sent_at=func.now())
            .execution_options(synchronize_session=False)
        )

    async def get(self, meeting_id: UUID) -> DemoMeeting | None:
        """The meeting, or None."""
        return await self._session.get(DemoMeeting, meeting_id, populate_existing=True)

    async def by_external(self, external_id: str) -> DemoMeeting | None:
        """The meeting the vendor knows by this URI, or None."""
        return await self._one(col(DemoMeeting.external_id) == external_id)

    async def by_effect(self, effect_key: str) -> DemoMeeting | None:
        """The meeting booked under this key, or None."""
        return await self._one(col(DemoMeeting.effect_key) == effect_key)

    async def next_of(self, contractor_id: UUID) -> DemoMeeting | None:
        """The contractor's next demo that is still to be held, or None."""
        found: DemoMeeting | None = await self._session.scalar(
            select(DemoMeeting)
            .where(col(DemoMeeting.contractor_id) == contractor_id, col(DemoMeeting.status).in_(AHEAD))
            .order_by(col(DemoMeeting.scheduled_at), col(DemoMeeting.id))
            .limit(1)
        )
        return found

    async def upcoming(
        self, now: datetime, after: tuple[datetime, UUID] | None = None, limit: int = 50
    ) -> Sequence[DemoMeeting]:
        """Demos still to be held, the soonest first, behind the (scheduled_at, id) of the page before."""
        query = select(DemoMeeting).where(
            col(DemoMeeting.status).in_(AHEAD),
            or_(col(DemoMeeting.scheduled_at) >= now, col(DemoMeeting.scheduled_at).is_(None)),
        )
        if after is not None:
            query = query.where(tuple_(col(DemoMeeting.scheduled_at), col(DemoMeeting.id)) > after)
        query = query.order_by(col(DemoMeeting.scheduled_at), col(DemoMeeting.id)).limit(page_size(limit))
        return (await self._session.scalars(query)).all()

    async def _settle(
        self, which: ColumnElement[bool], values: Mapping[str, Any], while_in: Sequence[str]
    ) -> DemoMeeting | None:
        await self._session.execute(
            update(DemoMeeting)
            .where(which, col(DemoMeeting.status).in_(while_in))
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        return await self._one(which)

    async def _one(self, condition: ColumnElement[bool]) -> DemoMeeting | None:
        found: DemoMeeting | None = await self._session.scalar(
            select(DemoMeeting).where(condition).limit(1).execution_options(populate_existing=True)
        )
        return found
