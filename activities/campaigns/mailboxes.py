"""Mailboxes as operators change them; the hourly look pauses them on its own (spec 3.6.4, 3.6.5)."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schema.database import UnitOfWork
from schema.tables import Mailbox

BY_OPERATOR = "operator"
CHANGEABLE = ("active", "paused")
"""A retired mailbox stays retired: its successor is a new one."""


async def change(
    tx: UnitOfWork, mailbox_id: UUID, now: datetime, state: str | None = None, daily_cap: int | None = None
) -> Mailbox | None:
    """Changes state and cap of a mailbox; None if there is none, or it is retired.

    Whoever resumes a mailbox has it warm up again, from today: it rested for a reason, and what it sent before
    then counts no longer against it.
    """
    box = await tx.campaigns.mailbox(mailbox_id)
    if box is None:
        return None
    values: dict[str, Any] = {}
    if daily_cap is not None:
        values["daily_cap"] = daily_cap
    if state is not None and state != box.state:
        values |= {"state": state, **_moves(state, now)}
    changed = await tx.campaigns.change_mailbox(mailbox_id, CHANGEABLE, **values)
    if changed is not None and "state" in values:
        await tx.events.record(f"mailbox.{state}", "mailbox", mailbox_id, {"reason": BY_OPERATOR})
    return changed


def _moves(state: str, now: datetime) -> dict[str, Any]:
    if state == "active":
        return {"pause_reason": None, "paused_at": None, "warm_up_from": now.astimezone(UTC).date()}
    return {"pause_reason": BY_OPERATOR, "paused_at": now}
