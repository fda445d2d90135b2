"""Events worth remembering, free of personal data."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlmodel import col

from schema.repositories.base import Repository, page_size
from schema.tables import SystemEvent


class EventRepository(Repository):
    """`system_events`."""

    async def record(
        self,
        event_type: str,
        entity_type: str | None = None,
        entity_id: UUID | None = None,
        data: Mapping[str, Any] | None = None,
        severity: str = "info",
        *,
        name: str | None = None,
        service: str | None = None,
    ) -> None:
        """Adds an event. `data` must hold no personal data; `severity` is debug to critical."""
        await self._session.execute(
            insert(SystemEvent).values(
                event_type=event_type,
                event_name=name or event_type,
                service=service,
                entity_type=entity_type,
                entity_id=entity_id,
                event_data=None if data is None else dict(data),
                severity=severity,
            )
        )

    async def record_many(
        self, event_type: str, entity_type: str, entity_ids: Sequence[UUID], data: Mapping[str, Any] | None = None
    ) -> None:
        """Adds the same event for each of several entities, in one statement."""
        if entity_ids:
            shared = {
                "event_type": event_type,
                "event_name": event_type,
                "entity_type": entity_type,
                "event_data": None if data is None else dict(data),
                "severity": "info",
            }
            await self._session.execute(
                insert(SystemEvent), [{"entity_id": entity_id, **shared} for entity_id in entity_ids]
            )

    async def of(self, entity_type: str, entity_id: UUID, limit: int = 50) -> Sequence[SystemEvent]:
        """The latest events of an entity, newest first."""
        found = await self._session.scalars(
            select(SystemEvent)
            .where(col(SystemEvent.entity_type) == entity_type, col(SystemEvent.entity_id) == entity_id)
            .order_by(col(SystemEvent.created_at).desc(), col(SystemEvent.id).desc())
            .limit(page_size(limit))
        )
        return found.all()
