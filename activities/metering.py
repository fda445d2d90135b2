"""Every vendor call becomes a row of `api_usage_logs`, booked on what the `charged_to` block it is made in is for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from integrations.http import ApiCall, CallMeter
    from schema.database import Database

LEAD, CONTRACTOR = "base_lead", "contractor"

_ACCOUNT: ContextVar[tuple[UUID | None, str]] = ContextVar("charged_account", default=(None, LEAD))


@contextmanager
def charged_to(entity_id: UUID, entity_type: str = LEAD) -> Iterator[None]:
    """Vendor calls made inside, also by tasks started inside, are this lead's, or this other entity's."""
    token = _ACCOUNT.set((entity_id, entity_type))
    try:
        yield
    finally:
        _ACCOUNT.reset(token)


def call_meter(database: "Database") -> "CallMeter":
    """A meter that books each call in a short transaction of its own, so that a rollback never loses a cost."""

    async def book(call: "ApiCall") -> None:
        async with database.transaction() as tx:
            await tx.usage.record(call, *_ACCOUNT.get())

    return book
