"""Deliveries of vendors: stored once, read once, passed on until somebody has them.

A row's payload is `{"fact": …}` when it came in, and `{"fact": …, "notices": […]}` once it was read and its
events are on their way. `received` therefore means "not finished" in both cases.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Integer, bindparam, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import col

from schema.contracts.inbox import Fact, FactKind, Notice
from schema.contracts.outreach import UndeliveredEvent
from schema.repositories.base import Repository, clean, rows_of, sql_table
from schema.tables import WebhookInboxItem

RECEIVED, PROCESSED, IGNORED, FAILED = "received", "processed", "ignored", "failed"
MOST_ATTEMPTS = 10
"""Of reading a row before it is left to a person."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One event of a delivery, before it is stored. `event_id` is the vendor's, unique within its source."""

    event_id: str
    event_type: str
    fact: Fact


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A stored event that is to be read."""

    id: UUID
    source: str
    event_id: str
    fact: Fact

    @property
    def key(self) -> str:
        """The id of what becomes of it: the same however often the vendor says it."""
        return f"{self.source}:{self.event_id}"


class InboxRepository(Repository):
    """`webhook_inbox`."""

    async def store(self, source: str, incoming: Sequence[Incoming]) -> list[InboxItem]:
        """Adds what is new, in one statement, and returns it; what came before is left alone."""
        facts = {each.event_id: each for each in incoming}
        if not facts:
            return []
        rows = [
            {
                "source": source,
                "event_id": each.event_id,
                "event_type": clean(each.event_type, 100),
                "payload": {"fact": storable(each.fact.model_dump(mode="json", exclude_defaults=True))},
            }
            for each in facts.values()
        ]
        names = list(rows[0])
        stored = await self._session.execute(
            insert(sql_table(WebhookInboxItem))
            .from_select(names, rows_of(WebhookInboxItem, names, rows), include_defaults=False)
            .on_conflict_do_nothing(index_elements=["source", "event_id"])
            .returning(col(WebhookInboxItem.id), col(WebhookInboxItem.event_id))
        )
        return [InboxItem(row_id, source, event_id, facts[event_id].fact) for row_id, event_id in stored]

    async def unread_of(self, source: str, event_ids: Iterable[str]) -> list[InboxItem]:
        """Those of these events that were stored before and never read: a redelivery is another chance."""
        found = await self._session.execute(
            select(
                col(WebhookInboxItem.id), col(WebhookInboxItem.event_id), col(WebhookInboxItem.payload)["fact"]
            ).where(
                col(WebhookInboxItem.source) == source,
                col(WebhookInboxItem.event_id).in_(list(event_ids)),
                col(WebhookInboxItem.state) == RECEIVED,
                ~_was_read(),
            )
        )
        return [InboxItem(row_id, source, event, Fact.model_validate(fact)) for row_id, event, fact in found]

    async def lock_unread(self, item_id: UUID) -> bool:
        """Holds a row until the transaction ends; False if it was read before, perhaps by whom we waited for."""
        held = await self._session.scalar(
            select(col(WebhookInboxItem.id))
            .where(col(WebhookInboxItem.id) == item_id, col(WebhookInboxItem.state) == RECEIVED, ~_was_read())
            .with_for_update()
        )
        return held is not None

    async def announce(self, source: str, event_id: str, event_type: str, at: datetime) -> InboxItem | None:
        """A row for an event of our own; None if it was announced before. `was_read` gives it its notices."""
        fact = Fact(kind=FactKind.NOTHING, at=at, reason=event_type)
        stored = await self.store(source, [Incoming(event_id, event_type, fact)])
        return stored[0] if stored else None

    async def was_read(self, item_id: UUID, notices: Sequence[Notice]) -> None:
        """Keeps the events that follow from a row, to be passed on; without any the row is finished."""
        values: dict[str, Any] = {"attempts": col(WebhookInboxItem.attempts) + 1}
        if notices:
            sent = [notice.model_dump(mode="json", exclude_none=True) for notice in notices]
            values["payload"] = col(WebhookInboxItem.payload).op("||")(literal({"notices": sent}, JSONB))
        else:
            values |= {"state": PROCESSED, "processed_at": func.now()}
        await self._settle((item_id,), values)

    async def ignore(self, item_id: UUID, reason: str) -> None:
        """Finishes a row that leads to nothing; `reason` is a stable code."""
        await self._settle((item_id,), {"state": IGNORED, "error_message": reason, "processed_at": func.now()})

    async def settle(self, item_ids: Iterable[UUID]) -> None:
        """Finishes rows whose events were passed on."""
        await self._settle(tuple(item_ids), {"state": PROCESSED, "processed_at": func.now()})

    async def could_not_read(self, item_id: UUID, failure: str) -> None:
        """Counts an attempt that failed; after the last one the row is left to a person. `failure` is a type's name."""
        attempts = col(WebhookInboxItem.attempts) + 1
        state = text(f"CASE WHEN attempts + 1 >= {MOST_ATTEMPTS} THEN '{FAILED}' ELSE '{RECEIVED}' END")
        await self._settle((item_id,), {"attempts": attempts, "error_message": failure, "state": state})

    async def unread(self, older_than: int, limit: int) -> list[InboxItem]:
        """Rows older than so many seconds that were stored but never read, oldest first."""
        found = await self._session.execute(
            select(
                col(WebhookInboxItem.id),
                col(WebhookInboxItem.source),
                col(WebhookInboxItem.event_id),
                col(WebhookInboxItem.payload)["fact"],
            )
            .where(*self._waiting(older_than), ~_was_read())
            .order_by(col(WebhookInboxItem.created_at), col(WebhookInboxItem.id))
            .limit(_bounded(limit))
        )
        return [InboxItem(row_id, source, event, Fact.model_validate(fact)) for row_id, source, event, fact in found]

    async def undelivered(self, older_than: int, limit: int) -> list[UndeliveredEvent]:
        """Events of at most `limit` rows older than so many seconds that were read but never passed on.

        Complete rows only: a row is settled as a whole. Enrolments that ended meanwhile need nothing any more.
        """
        found = await self._session.execute(
            select(col(WebhookInboxItem.id), col(WebhookInboxItem.payload)["notices"])
            .where(*self._waiting(older_than), _was_read())
            .order_by(col(WebhookInboxItem.created_at), col(WebhookInboxItem.id))
            .limit(_bounded(limit))
        )
        return [
            UndeliveredEvent(
                inbox_id=row_id,
                campaign_id=notice.campaign_id,
                contractor_id=notice.contractor_id,
                event=notice.event,
            )
            for row_id, notices in found
            for notice in map(Notice.model_validate, notices)
        ]

    async def states(self) -> dict[tuple[str, str], int]:
        """How many rows there are by source and state."""
        found = await self._session.execute(
            select(col(WebhookInboxItem.source), col(WebhookInboxItem.state), func.count()).group_by(
                col(WebhookInboxItem.source), col(WebhookInboxItem.state)
            )
        )
        return {(source, state): number for source, state, number in found}

    def _waiting(self, older_than: int) -> tuple[Any, ...]:
        age = func.make_interval(0, 0, 0, 0, 0, 0, bindparam("age", older_than, Integer))
        return col(WebhookInboxItem.state) == RECEIVED, col(WebhookInboxItem.created_at) <= func.now() - age

    async def _settle(self, item_ids: Sequence[UUID], values: Mapping[str, Any]) -> None:
        if not item_ids:
            return
        await self._session.execute(
            update(WebhookInboxItem)
            .where(col(WebhookInboxItem.id).in_(item_ids), col(WebhookInboxItem.state) == RECEIVED)
            .values(**values)
            .execution_options(synchronize_session=False)
        )


def _was_read() -> ColumnElement[bool]:
    return col(WebhookInboxItem.payload).op("?", return_type=Boolean())("notices")


def _bounded(limit: int) -> int:
    return max(1, min(limit, 1_000))


def storable(value: Any) -> Any:
    """JSON as PostgreSQL can hold it: no NUL characters, no halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode(errors="replace").decode()
    if isinstance(value, dict):
        return {storable(name): storable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [storable(each) for each in value]
    return value
