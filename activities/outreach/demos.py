"""Demos: booked once at the next free time near the one agreed, or offered as a link (spec 6.3, steps 6 and 7)."""

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from activities.effects import Outcome, perform_once
from domain.demo_times import in_order, search_from
from integrations.calendly import BookedEvent, Booking, Calendly, SlotTaken
from integrations.http import VendorNotReached, VendorUnavailable
from schema.contracts.outreach import DemoBooking, DemoRequest
from schema.database import Database, UnitOfWork
from schema.effects import EffectState
from schema.repositories.meetings import BookedMeeting
from schema.tables import Contractor, DemoMeeting

log = structlog.get_logger()

KIND = "demo"
TRIES = 8
"""How many times are tried when others are quicker."""
SPREAD = 4
"""After a collision the next choice is one of so many, so that those who collided do not meet again."""

NO_FREE_TIME = "no_free_time"
NO_EMAIL = "no_email"
UNKNOWN_CONTRACTOR = "unknown_contractor"
UNKNOWN_EFFECT = "unknown_effect"


def demo_key(request: DemoRequest) -> str:
    """The ledger's key of a booking; Calendly gets the same as `utm_content`."""
    return f"demo-{request.campaign_id}-{request.contractor_id}-{request.attempt}"


class Demos:
    """Books demos."""

    def __init__(self, db: Database, calendly: Calendly) -> None:
        self._db = db
        self._calendly = calendly

    async def book(self, request: DemoRequest) -> DemoBooking:
        """The booking of this attempt; asked again it says the same. Without a meeting, `reason` says why.

        Raises VendorUnavailable while nothing is booked and another attempt may succeed.
        """
        key = demo_key(request)
        async with self._db.transaction() as tx:
            known = await tx.meetings.by_effect(key)
            contractor = await tx.outreach.contractor(request.contractor_id)
            begun = await tx.effects.get(key) is not None
        if known is not None:
            return _booking(known)
        if contractor is None or not contractor.email:
            return DemoBooking(reason=UNKNOWN_CONTRACTOR if contractor is None else NO_EMAIL)
        times = () if begun else await self._times(request.preferred_at, contractor.timezone)
        if not times and not begun:
            return DemoBooking(reason=NO_FREE_TIME)
        return await self._settled(key, await self._perform(key, request, contractor, times))

    async def scheduling_link(self, key: str) -> str:
        """A page on which one demo can be booked once; `key` comes back with the booking. Raises VendorErrors."""
        return await self._calendly.scheduling_link(key)

    async def _perform(
        self, key: str, request: DemoRequest, contractor: Contractor, times: Sequence[datetime]
    ) -> Outcome:
        booked: list[BookedEvent] = []

        async def effect() -> str:
            booked.append(await self._take(key, contractor, times))
            return booked[-1].uri

        async def find(_: str) -> str | None:
            event = await self._calendly.find(key, contractor.email or "")
            booked.extend([event] if event is not None else [])
            return event.uri if event is not None else None

        async def record(tx: UnitOfWork, outcome: Outcome) -> None:
            if outcome.state is EffectState.DONE and booked:
                await tx.meetings.save(_meeting(booked[-1], key, request))

        return await perform_once(self._db, key, KIND, request.contractor_id, effect=effect, find=find, record=record)

    async def _take(self, key: str, contractor: Contractor, times: Sequence[datetime]) -> BookedEvent:
        """Books the best of these times that is still free. Raises SlotTaken when none is."""
        left, taken = list(times), SlotTaken("calendly", "book", "every time is taken", 409)
        for attempt in range(min(TRIES, len(times))):
            starts_at = left.pop(_choice(key, attempt, len(left)))
            try:
                return await self._calendly.book(
                    Booking(
                        key=key,
                        event_type=self._calendly.event_type,
                        starts_at=starts_at,
                        name=contractor.owner_name or contractor.company_name,
                        email=contractor.email or "",
                        zone=contractor.timezone or "UTC",
                    )
                )
            except SlotTaken as failure:
                taken = failure
        raise taken

    async def _times(self, preferred: datetime | None, zone: str | None) -> tuple[datetime, ...]:
        now = datetime.now(UTC)
        try:
            free = await self._calendly.free_times(*search_from(now, preferred))
            if not free and preferred is not None:
                free = await self._calendly.free_times(*search_from(now, None))
        except VendorUnavailable as failure:
            # Nothing was asked for yet but a list.
            raise VendorNotReached("calendly", "free_times", "not available", failure.retry_after) from failure
        return in_order(free, now, preferred, zone)

    async def _settled(self, key: str, outcome: Outcome) -> DemoBooking:
        """From the row, so that a retry after everything was done says the same."""
        if outcome.state is EffectState.DONE:
            async with self._db.transaction() as tx:
                known = await tx.meetings.by_effect(key)
            if known is not None:
                return _booking(known)
        reason = NO_FREE_TIME if outcome.state is EffectState.FAILED else UNKNOWN_EFFECT
        return DemoBooking(reason=reason)


def _choice(key: str, attempt: int, left: int) -> int:
    """The best time first; after a collision one of the next few, another for each contractor."""
    return 0 if attempt == 0 else sum(key.encode()) * (attempt + 1) % min(SPREAD, left)


def _meeting(event: BookedEvent, key: str, request: DemoRequest) -> BookedMeeting:
    return BookedMeeting(
        contractor_id=request.contractor_id,
        external_id=event.uri,
        starts_at=event.starts_at,
        campaign_id=request.campaign_id,
        minutes=event.minutes,
        url=event.join_url,
        effect_key=key,
    )


def _booking(meeting: DemoMeeting) -> DemoBooking:
    return DemoBooking(meeting_id=meeting.id, starts_at=meeting.scheduled_at)
