"""Taking somebody's no: the one place that makes it count everywhere, from the next send on (spec 11.2)."""

from datetime import UTC, datetime
from uuid import UUID

from schema.database import UnitOfWork
from schema.repositories.outreach import Enrolled
from schema.repositories.people import EVERY_CHANNEL

UNWANTED_TASKS = ("linkedin", "direct_mail", "call", "demo_outcome")
"""What people do not do either any more; an answer to what was written may still be owed."""


async def opt_out(
    tx: UnitOfWork,
    contractor_id: UUID,
    channel: str,
    source: str,
    reason: str = "opt_out",
    at: datetime | None = None,
) -> list[Enrolled]:
    """No more to this contractor: suppressed, halted, off the schedule. Returns its live enrolments to tell.

    `channel` is what is refused: `all`, or only `email`, `sms` or `call`. `all` suppresses every address
    the contractor has on every channel, and halts its sequences; a single channel suppresses the address
    of that channel for that channel, and lets the sequences go on by the others. `source` says where it was
    said, e.g. `reply`, `one_click`; `reason` is one of the words of `suppression_entries`. Waits for a
    message that is just being handed over, so call it first in its transaction. Twice is as good as once.
    """
    await tx.people.lock(contractor_id)
    contractor = await tx.outreach.contractor(contractor_id)
    if contractor is None:
        return []
    addresses = {"email": contractor.email, "sms": contractor.phone, "call": contractor.phone}
    refused = addresses.values() if channel == EVERY_CHANNEL else (addresses[channel],)
    news = False
    for address in sorted({address for address in refused if address}):
        news |= await tx.people.suppress(address, channel, reason, source)
        await tx.people.revoke_consent(address, None if channel == EVERY_CHANNEL else channel, at)
    live: list[Enrolled] = []
    if channel == EVERY_CHANNEL:
        now = at or datetime.now(UTC)
        live = await tx.outreach.halt([contractor_id], "opted_out", now)
        await tx.outreach.cancel_scheduled(live)
        await tx.outreach.expire_tasks(contractor_id, UNWANTED_TASKS, now)
    if news or live:
        data = {"channel": channel, "source": source, "reason": reason}
        await tx.events.record("contractor.opted_out", "contractor", contractor_id, data)
    return live
