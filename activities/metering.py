"""Every vendor call becomes a row of `api_usage_logs`, booked on the lead of the `charged_to` block it is made in."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from integrations.http import ApiCall, CallMeter
    from schema.database import Database

_LEAD: ContextVar[UUID | None] = ContextVar("charged_lead", default=None)


@contextmanager
def charged_to(lead_id: UUID) -> Iterator[None]:
    """Vendor calls made inside, also by tasks started inside, are this lead's."""
    token = _LEAD.set(lead_id)
    try:
        yield
    finally:
        _LEAD.reset(token)


def call_meter(database: "Database") -> "CallMeter":
    """A meter that books each call in a short transaction of its own, so that a rollback never loses a cost."""

    async def book(call: "ApiCall") -> None:
        async with database.transaction() as tx:
            await tx.usage.record(call, _LEAD.get())

    return book
