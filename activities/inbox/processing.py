"""Reads stored deliveries: one transaction per inbox row, after which its events only have to be passed on."""

from collections.abc import Awaitable, Callable, Mapping

import structlog

from activities.inbox.appointments import call_ended, call_progress, meeting
from activities.inbox.findings import Finding
from activities.inbox.messages import MARKS, message_event
from activities.inbox.replies import reply, text_message
from schema.contracts.inbox import FactKind, Notice
from schema.database import Database, UnitOfWork
from schema.repositories.inbox import InboxItem

log = structlog.get_logger()

Handler = Callable[[UnitOfWork, InboxItem], Awaitable[Finding]]


async def _nothing(_: UnitOfWork, item: InboxItem) -> Finding:
    return Finding(ignored=item.fact.reason or "nothing_to_do")


HANDLERS: Mapping[FactKind, Handler] = {
    **dict.fromkeys(MARKS, message_event),
    FactKind.REPLY: reply,
    FactKind.TEXT: text_message,
    FactKind.CALL_PROGRESS: call_progress,
    FactKind.CALL_ENDED: call_ended,
    FactKind.MEETING_BOOKED: meeting,
    FactKind.MEETING_CANCELED: meeting,
    FactKind.MEETING_MISSED: meeting,
    FactKind.NOTHING: _nothing,
}


async def process(tx: UnitOfWork, item: InboxItem) -> list[Notice]:
    """Does what a fact asks for and notes it on the row; returns the events to pass on.

    Running it again, or for the same facts in another order, ends in the same rows.
    """
    finding = await HANDLERS[item.fact.kind](tx, item)
    if finding.ignored is not None:
        await tx.inbox.ignore(item.id, finding.ignored)
    else:
        await tx.inbox.was_read(item.id, finding.notices)
    return list(finding.notices)


async def read(database: Database, item: InboxItem) -> list[Notice] | None:
    """`process` in a transaction of its own, once; None when that failed, which is counted on the row for the sweep."""
    try:
        async with database.transaction() as tx:
            return await process(tx, item) if await tx.inbox.lock_unread(item.id) else []
    except Exception as failure:  # noqa: BLE001 - its words may quote what somebody wrote; the row says what to do
        log.warning("inbox_row_not_read", item=str(item.id), source=item.source, failure=type(failure).__name__)
        async with database.transaction() as tx:
            await tx.inbox.could_not_read(item.id, type(failure).__name__)
        return None


async def catch_up(database: Database, older_than: int, limit: int) -> int:
    """Reads what was stored but never read, for the sweep; returns how many rows. `tx.inbox.undelivered` has the rest.

    One broken row does not keep the others waiting.
    """
    async with database.transaction() as tx:
        waiting = await tx.inbox.unread(older_than, limit)
    for item in waiting:
        await read(database, item)
    return len(waiting)
