"""Demos are booked once, near the time agreed, whatever the vendor or the process does in between."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from activities.metering import call_meter
from activities.outreach.demos import NO_EMAIL, NO_FREE_TIME, UNKNOWN_CONTRACTOR, UNKNOWN_EFFECT, Demos, demo_key
from config.settings import Settings
from integrations.calendly import Calendly
from integrations.http import VendorNotReached
from schema.contracts.outreach import DemoBooking, DemoRequest
from schema.database import Database
from schema.effects import EffectState
from schema.tables import DemoMeeting
from tests.integration.campaign_world import add, campaign, contractor
from tests.support.sandbox import Sandbox


@pytest.fixture
async def demos(database: Database, sandbox_settings: Settings) -> AsyncIterator[Demos]:
    """The booking of demos, as the worker builds it."""
    settings = sandbox_settings.model_copy(update={"vendor_timeout_seconds": 2.0})
    calendly = Calendly.from_settings(settings, call_meter(database))
    yield Demos(database, calendly)
    await calendly.close()


async def request(database: Database, number: int = 0, **values: Any) -> DemoRequest:
    """A contractor in a campaign who wants a demo."""
    agreed = values.pop("preferred_at", None)
    where, who = campaign(), contractor(number, owner_name=f"Ann {number}", **values)
    await add(database, where, who)
    return DemoRequest(campaign_id=where.id, contractor_id=who.id, attempt=1, preferred_at=agreed)


def at(moment: datetime | None) -> str:
    assert moment is not None
    return moment.isoformat()


async def meeting(database: Database, booking: DemoBooking) -> DemoMeeting:
    assert booking.meeting_id is not None
    async with database.transaction() as tx:
        found = await tx.meetings.get(booking.meeting_id)
    assert found is not None
    return found


async def state(database: Database, wanted: DemoRequest) -> str | None:
    async with database.transaction() as tx:
        row = await tx.effects.get(demo_key(wanted))
    return row.state if row else None


async def test_a_demo_is_booked_once_and_kept(database: Database, sandbox: Sandbox, demos: Demos) -> None:
    wanted = await request(database)
    first = await demos.book(wanted)
    assert await demos.book(wanted) == first
    (booked,) = sandbox.get("/control/meetings")["meetings"]
    row = await meeting(database, first)
    assert (row.external_id, row.effect_key) == (booked["uri"], demo_key(wanted))
    assert (at(row.scheduled_at), booked["key"]) == (booked["starts_at"], demo_key(wanted))
    assert booked["email"] == "roofer0@company0.example"
    assert (row.contractor_id, row.campaign_id, row.status) == (wanted.contractor_id, wanted.campaign_id, "scheduled")
    assert row.meeting_url
    assert first.starts_at is not None
    assert first.starts_at > datetime.now(UTC) + timedelta(hours=23)


async def test_it_is_near_the_time_agreed(database: Database, sandbox: Sandbox, demos: Demos) -> None:
    sandbox.post("/control/calendly/settings", hosts=2)
    agreed = (await demos.book(await request(database))).starts_at
    assert agreed is not None
    agreed += timedelta(minutes=10)
    booking = await demos.book(await request(database, 1, preferred_at=agreed))
    assert booking.starts_at == agreed - timedelta(minutes=10)


async def test_another_attempt_is_another_demo(database: Database, sandbox: Sandbox, demos: Demos) -> None:
    wanted = await request(database)
    first = await demos.book(wanted)
    second = await demos.book(wanted.model_copy(update={"attempt": 2}))
    assert first.meeting_id != second.meeting_id
    assert sandbox.get("/control/meetings")["count"] == 2


async def test_callers_at_once_book_one(database: Database, sandbox: Sandbox, demos: Demos) -> None:
    wanted = await request(database)
    bookings = await asyncio.gather(*(demos.book(wanted) for _ in range(3)))
    assert len(set(bookings)) == 1
    assert sandbox.get("/control/meetings")["count"] == 1


async def test_contractors_at_once_get_times_of_their_own(database: Database, sandbox: Sandbox, demos: Demos) -> None:
    wanted = [await request(database, number) for number in range(4)]
    bookings = await asyncio.gather(*(demos.book(each) for each in wanted))
    assert len({booking.starts_at for booking in bookings}) == 4
    assert sandbox.get("/control/meetings")["count"] == 4


@pytest.mark.parametrize("kind", ["error", "timeout"])
async def test_a_lost_answer_does_not_book_twice(database: Database, sandbox: Sandbox, demos: Demos, kind: str) -> None:
    wanted = await request(database)
    sandbox.fault(
        "calendly", kind, after=True, count=1, path="/invitees", **({"seconds": 30} if kind == "timeout" else {})
    )
    booking = await demos.book(wanted)
    (booked,) = sandbox.get("/control/meetings")["meetings"]
    assert (await meeting(database, booking)).external_id == booked["uri"]
    assert await state(database, wanted) == "done"


async def test_a_crash_after_the_booking_is_resolved_by_asking(
    database: Database, sandbox: Sandbox, demos: Demos, sandbox_settings: Settings
) -> None:
    wanted = await request(database)
    async with database.transaction() as tx:
        assert await tx.effects.begin(demo_key(wanted), "demo", wanted.contractor_id) is EffectState.NEW
    booked = sandbox.post(
        "/control/calendly/book", email="roofer0@company0.example", utm_content=demo_key(wanted), copies=0
    )
    booking = await demos.book(wanted)
    assert (await meeting(database, booking)).external_id == booked["uri"]
    assert sandbox.get("/control/meetings")["count"] == 1


async def test_a_crash_nobody_can_resolve_is_left_to_a_person(
    database: Database, sandbox: Sandbox, demos: Demos
) -> None:
    wanted = await request(database)
    async with database.transaction() as tx:
        await tx.effects.begin(demo_key(wanted), "demo", wanted.contractor_id)
    for _ in range(2):
        assert await demos.book(wanted) == DemoBooking(reason=UNKNOWN_EFFECT)
    assert sandbox.get("/control/meetings")["count"] == 0


@pytest.mark.parametrize("path", ["/event_type_available_times", "/invitees"])
async def test_a_throttled_vendor_leaves_the_key_free(
    database: Database, sandbox: Sandbox, demos: Demos, path: str
) -> None:
    wanted = await request(database)
    sandbox.fault("calendly", "throttle", path=path)
    with pytest.raises(VendorNotReached):
        await demos.book(wanted)
    assert await state(database, wanted) is None
    sandbox.mend()
    assert (await demos.book(wanted)).meeting_id is not None


async def test_without_an_address_or_a_contractor_nothing_is_booked(
    database: Database, sandbox: Sandbox, demos: Demos
) -> None:
    assert await demos.book(await request(database, email=None)) == DemoBooking(reason=NO_EMAIL)
    nobody = DemoRequest(campaign_id=uuid4(), contractor_id=uuid4(), attempt=1)
    assert await demos.book(nobody) == DemoBooking(reason=UNKNOWN_CONTRACTOR)
    assert sandbox.get("/control/meetings")["count"] == 0


async def test_a_full_calendar_is_no_reason_to_fail(
    database: Database, sandbox: Sandbox, demos: Demos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is taken between the look and the booking: the contractor gets a link instead."""
    wanted = await request(database)
    times = await demos._times(None, "America/Chicago")
    for number in range(3):
        sandbox.post("/control/calendly/book", email=f"x{number}@y.example", starts_at=at(times[number]), copies=0)

    async def stale(*_: object) -> tuple[datetime, ...]:
        return times[:3]

    monkeypatch.setattr(demos, "_times", stale)
    assert await demos.book(wanted) == DemoBooking(reason=NO_FREE_TIME)
    assert await state(database, wanted) == "failed"
    assert sandbox.get("/control/meetings")["count"] == 3


async def test_a_link_carries_the_touch(demos: Demos) -> None:
    touch = UUID(int=7)
    assert (await demos.scheduling_link(touch.hex)).endswith(f"utm_content={touch.hex}")
