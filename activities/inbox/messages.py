"""Events about messages of ours: delivered, opened, bounced, complained of (spec 3.6.5, 11.2).

They come late, twice and in any order. Nothing here depends on that: times are the earliest known, a status
only rises, and a refusal counts whenever it arrives.
"""

from collections.abc import Mapping

from activities.inbox.findings import Finding, notices
from activities.outreach.opt_out import opt_out
from domain.contact_points import contact_point
from schema.contracts.inbox import Fact, FactKind
from schema.contracts.outreach import EventKind
from schema.database import UnitOfWork
from schema.repositories.inbox import InboxItem
from schema.repositories.responses import Touched

MARKS: Mapping[FactKind, tuple[str | None, str]] = {
    FactKind.DELIVERED: ("delivered", "delivered_at"),
    FactKind.OPENED: ("opened", "opened_at"),
    FactKind.CLICKED: ("clicked", "clicked_at"),
    FactKind.FAILED: ("failed", "failed_at"),
    FactKind.BOUNCED: ("bounced", "bounced_at"),
    FactKind.COMPLAINED: (None, "complained_at"),
    FactKind.UNSUBSCRIBED: (None, "unsubscribed_at"),
}
"""The status and the time of a touchpoint that each kind of fact sets."""

SUPPRESSED_FOR: Mapping[FactKind, str] = {
    FactKind.BOUNCED: "hard_bounce",
    FactKind.COMPLAINED: "complaint",
    FactKind.UNSUBSCRIBED: "opt_out",
}


async def message_event(tx: UnitOfWork, item: InboxItem) -> Finding:
    """What a delivery event does to its touchpoint, to the address and to the sequence."""
    fact = item.fact
    if fact.notification_id is not None and fact.touchpoint_id is None:
        return await _about_a_lead_notice(tx, item)
    touched = await tx.responses.touched(fact.touchpoint_id, fact.external_id)
    if touched is None:
        await _suppress(tx, item, fact.address, "email")
        return Finding(ignored="unknown_message")
    if fact.kind in (FactKind.COMPLAINED, FactKind.UNSUBSCRIBED):
        found = await _refused(tx, item, touched)
    elif fact.kind is FactKind.BOUNCED:
        found = await _bounced(tx, item, touched)
    else:
        found = Finding()
    status, mark = MARKS[fact.kind]
    await tx.responses.mark(touched.touchpoint_id, status, mark, fact.at, fact.reason if status else None)
    return found


async def _refused(tx: UnitOfWork, item: InboxItem, touched: Touched) -> Finding:
    """A complaint or an unsubscription: no more on any channel; a carrier's block of texts says nothing of e-mail."""
    fact = item.fact
    channel = "sms" if touched.channel == "sms" else "all"
    reason = SUPPRESSED_FOR[fact.kind]
    live = await opt_out(tx, touched.contractor_id, channel, fact.reason or fact.kind.value, reason, fact.at)
    await _suppress(tx, item, fact.address, channel)
    return Finding(notices(item, EventKind.OPTED_OUT, live))


async def _bounced(tx: UnitOfWork, item: InboxItem, touched: Touched) -> Finding:
    """There is no such address: it is never written to again; the sequence ends if it is still the one we have."""
    fact = item.fact
    if touched.channel == "sms":
        await _suppress(tx, item, fact.address or touched.phone, "sms")
        return Finding()
    address = fact.address or touched.email
    await tx.people.lock(touched.contractor_id)
    await _suppress(tx, item, address, "email")
    if address is None or contact_point(address) != contact_point(touched.email or ""):
        return Finding()
    halted = await tx.outreach.halt([touched.contractor_id], "hard_bounce", fact.at)
    return Finding(notices(item, EventKind.HARD_BOUNCE, halted))


async def _about_a_lead_notice(tx: UnitOfWork, item: InboxItem) -> Finding:
    """A customer's notice of a lead: its address may bounce or refuse more, the subscription goes on."""
    fact: Fact = item.fact
    if fact.notification_id is None:
        return Finding(ignored="unknown_message")
    notified = await tx.responses.notified(fact.notification_id)
    await _suppress(tx, item, fact.address or (notified[1] if notified else None), "email")
    return Finding() if notified is not None else Finding(ignored="unknown_message")


async def _suppress(tx: UnitOfWork, item: InboxItem, address: str | None, channel: str) -> None:
    """Suppresses the address that an event names, which may be another than the contractor's by now."""
    reason = SUPPRESSED_FOR.get(item.fact.kind)
    if reason is not None and address:
        await tx.people.suppress(address, channel, reason, item.fact.reason or item.fact.kind.value)
