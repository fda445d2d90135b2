"""Calls that ended and demos that were booked, cancelled or missed (spec 3.6.4, 6.3 steps 6 and 7)."""

from datetime import datetime
from uuid import UUID

from activities.inbox.findings import Finding, notices
from activities.inbox.readers import call_report
from schema.contracts.ids import call_workflow_id
from schema.contracts.inbox import Fact, FactKind
from schema.contracts.outreach import EventKind
from schema.database import UnitOfWork
from schema.repositories.inbox import InboxItem
from schema.repositories.meetings import BookedMeeting
from schema.repositories.outreach import Enrolled
from schema.tables import DemoMeeting

EVENTS = {
    FactKind.MEETING_BOOKED: EventKind.DEMO_BOOKED,
    FactKind.MEETING_CANCELED: EventKind.DEMO_CANCELED,
    FactKind.MEETING_MISSED: EventKind.DEMO_MISSED,
}
AHEAD = ("scheduled", "confirmed")
BY_HAND = "by_hand"
"""Start of the key of a call that an operator asked for: a workflow of its own waits for it."""


async def call_progress(tx: UnitOfWork, item: InboxItem) -> Finding:
    """How far a call is."""
    if await _call_of(tx, item.fact) is None:
        return Finding(ignored="unknown_call")
    await tx.calls.record(call_report(item.fact), item.fact.touchpoint_id)
    return Finding()


async def call_ended(tx: UnitOfWork, item: InboxItem) -> Finding:
    """The report of a call: kept whole, and whoever waits for the call is told. What was said is read later."""
    touchpoint_id = await _call_of(tx, item.fact)
    if touchpoint_id is None:
        return Finding(ignored="unknown_call")
    await tx.calls.record(call_report(item.fact), touchpoint_id)
    touchpoint = await tx.outreach.touchpoint(touchpoint_id)
    if touchpoint is None or touchpoint.contractor_id is None or touchpoint.campaign_id is None:
        return Finding()
    live = await _sequences(tx, touchpoint.contractor_id, touchpoint.campaign_id)
    told = notices(item, EventKind.CALL_ENDED, live, touchpoint_id=touchpoint_id)
    if (touchpoint.touch_key or "").startswith(BY_HAND):
        waiting = call_workflow_id(touchpoint.contractor_id)
        told = [notice.model_copy(update={"also": waiting}) for notice in told]
    return Finding(told)


async def _call_of(tx: UnitOfWork, fact: Fact) -> UUID | None:
    """The touchpoint that a call was: as its report says, else as we noted when it was placed."""
    touched = await tx.responses.touched(fact.touchpoint_id)
    if touched is not None:
        return touched.touchpoint_id
    known = await tx.calls.by_external(str(fact.details.get("provider") or ""), fact.external_id or "")
    return known.touchpoint_id if known is not None else None


async def meeting(tx: UnitOfWork, item: InboxItem) -> Finding:
    """A demo's booking, cancellation or no-show; each is told to the sequence with the meeting's id.

    A cancellation may come before the booking it is of: the meeting is kept either way, so that both orders end alike.
    """
    fact = item.fact
    uri, kind = fact.external_id or "", fact.kind
    row = await tx.meetings.by_external(uri)
    if row is None or kind is FactKind.MEETING_BOOKED:
        row = await _kept(tx, fact, uri, row)
    if row is None or row.contractor_id is None:
        return Finding(ignored="unknown_invitee")
    contractor_id = row.contractor_id
    if kind is FactKind.MEETING_CANCELED:
        moved = fact.details.get("moved") is True
        row = await tx.meetings.cancel(uri, fact.at, moved=moved)
        # The other half of a move is a booking, which leads on by itself.
        tells = not moved
    elif kind is FactKind.MEETING_MISSED:
        row = await tx.meetings.missed(uri)
        tells = row is not None and row.status == "no_show"
    else:
        tells = row.status in AHEAD
        if tells:
            # Whoever has a demo to go to gets nothing more unasked.
            await tx.outreach.halt([contractor_id], EVENTS[kind].value, fact.at)
    if row is None or not tells:
        return Finding()
    live = await _sequences(tx, contractor_id, row.campaign_id)
    until = row.scheduled_at if kind is FactKind.MEETING_BOOKED else None
    return Finding(notices(item, EVENTS[kind], live, until=until, meeting_id=row.id))


async def _kept(tx: UnitOfWork, fact: Fact, uri: str, known: DemoMeeting | None) -> DemoMeeting | None:
    """The meeting's row, made now if its invitee is one of ours and it has a time."""
    starts_at = fact.details.get("starts_at")
    invitee = await _invitee(tx, fact) if known is None or known.contractor_id is None else None
    contractor_id = known.contractor_id if known is not None and known.contractor_id else invitee and invitee[0]
    if contractor_id is None or not isinstance(starts_at, str):
        return known
    row_id = await tx.meetings.save(
        BookedMeeting(
            contractor_id=contractor_id,
            external_id=uri,
            starts_at=datetime.fromisoformat(starts_at),
            campaign_id=invitee[1] if invitee else None,
            url=fact.details.get("join_url"),
        )
    )
    return await tx.meetings.get(row_id)


async def _invitee(tx: UnitOfWork, fact: Fact) -> tuple[UUID, UUID | None] | None:
    """The contractor and campaign of a booking: by the link's touchpoint, else by our booking's key, else by e-mail."""
    touched = await tx.responses.touched(fact.touchpoint_id)
    if touched is not None:
        return touched.contractor_id, touched.campaign_id
    key = fact.details.get("key")
    ours = await tx.meetings.by_effect(key) if isinstance(key, str) else None
    if ours is not None and ours.contractor_id is not None:
        return ours.contractor_id, ours.campaign_id
    writers = await tx.responses.writers((), fact.address) if fact.address else []
    named = [writer for writer in writers if writer.by_address] or writers
    return (named[0].contractor_id, None) if named else None


async def _sequences(tx: UnitOfWork, contractor_id: UUID, campaign_id: UUID | None) -> list[Enrolled]:
    live = await tx.outreach.live([contractor_id])
    return [each for each in live if campaign_id in (None, each.campaign_id)]
