"""Calls that ended and demos that were booked, moved, cancelled or missed, as their vendors tell us."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client

from config.settings import Settings
from schema.database import Database
from tests.integration.inbox_world import Inbox, Touch, open_inbox


@pytest.fixture
async def inbox(settings: Settings, database: Database, temporal_client: Client) -> AsyncIterator[Inbox]:
    async with open_inbox(settings, database, temporal_client) as world:
        yield world


def report(touch: Touch, call_id: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "type": "end-of-call-report",
        "endedReason": "customer-ended-call",
        "timestamp": int(now.timestamp() * 1000),
        "startedAt": (now - timedelta(minutes=3)).isoformat(),
        "endedAt": now.isoformat(),
        "cost": 0.21,
        "call": {"id": call_id, "assistant": {"metadata": {"touchpoint_id": str(touch.touchpoint)}}},
        "artifact": {"transcript": "AI: Hello.\nUser: Yes, a demo please.", "recordingUrl": "https://vapi.example/r"},
    }


def booking(touch: Touch, uri: str, starts_at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "uri": uri,
        "email": touch.email,
        "tracking": {"utm_content": str(touch.touchpoint)},
        "scheduled_event": {
            "uri": "https://api.calendly.com/scheduled_events/1",
            "start_time": starts_at.isoformat(),
            "location": {"join_url": "https://meet.example/1"},
        },
        **more,
    }


async def test_the_report_of_a_call_is_kept_and_its_sequence_told(inbox: Inbox) -> None:
    touch = await inbox.touch(channel="call")
    progress = {"type": "status-update", "status": "in-progress", "call": report(touch, "c1")["call"]}
    assert (await inbox.vapi(progress)).status_code == 204
    for _ in range(2):
        assert (await inbox.vapi(report(touch, "c1"))).status_code == 204
    async with inbox.database.transaction() as tx:
        call = await tx.calls.by_external("vapi", "c1")
    assert call is not None
    assert (call.status, call.touchpoint_id, call.contractor_id) == ("completed", touch.touchpoint, touch.contractor)
    assert (call.full_transcript or "").endswith("a demo please.")
    (told,) = await inbox.told(touch)
    assert (told["kind"], told["touchpoint_id"]) == ("call_ended", str(touch.touchpoint))
    assert "demo" not in str(told)


async def test_progress_that_comes_after_the_report_changes_nothing(inbox: Inbox) -> None:
    touch = await inbox.touch(channel="call")
    call = report(touch, "c2")
    await inbox.vapi(call)
    await inbox.vapi({"type": "status-update", "status": "ringing", "call": call["call"]})
    async with inbox.database.transaction() as tx:
        row = await tx.calls.by_external("vapi", "c2")
    assert row is not None
    assert row.status == "completed"


async def test_bland_says_the_same_in_its_own_words(inbox: Inbox) -> None:
    touch = await inbox.touch(channel="call")
    call = {
        "call_id": "b1",
        "completed": True,
        "answered_by": "voicemail",
        "call_length": 0.5,
        "metadata": {"touchpoint_id": str(touch.touchpoint)},
    }
    assert (await inbox.bland(call)).status_code == 204
    assert await inbox.kinds(touch) == ["call_ended"]
    async with inbox.database.transaction() as tx:
        row = await tx.calls.by_external("bland_ai", "b1")
    assert row is not None
    assert (row.status, row.duration_seconds) == ("voicemail", 30)


async def test_a_call_of_nobodys_is_ignored(inbox: Inbox) -> None:
    touch = await inbox.touch(channel="call")
    call = report(touch, "c3")
    call["call"]["assistant"]["metadata"]["touchpoint_id"] = str(uuid4())
    await inbox.vapi(call)
    assert await inbox.states("vapi") == {"ignored": 1}
    async with inbox.database.transaction() as tx:
        assert await tx.calls.by_external("vapi", "c3") is None


async def test_a_demo_booked_by_link_halts_and_is_told_with_its_time(inbox: Inbox) -> None:
    touch, starts_at = await inbox.touch(), datetime.now(UTC) + timedelta(days=2)
    uri = "https://api.calendly.com/invitees/1"
    for _ in range(2):
        assert (await inbox.calendly("invitee.created", booking(touch, uri, starts_at))).status_code == 204
    async with inbox.database.transaction() as tx:
        meeting = await tx.meetings.by_external(uri)
    assert meeting is not None
    assert (meeting.contractor_id, meeting.campaign_id, meeting.status) == (
        touch.contractor,
        touch.campaign,
        "scheduled",
    )
    (told,) = await inbox.told(touch)
    assert (told["kind"], told["meeting_id"]) == ("demo_booked", str(meeting.id))
    assert datetime.fromisoformat(told["until"]) == starts_at
    assert (await inbox.enrollment(touch)).halted_at is not None
    await inbox.calendly("invitee_no_show.created", {"uri": "https://api.calendly.com/no_shows/1", "invitee": uri})
    assert await inbox.kinds(touch) == ["demo_booked", "demo_missed"]


async def test_a_cancellation_may_come_before_its_booking(inbox: Inbox) -> None:
    ends = set()
    for order in (("created", "canceled"), ("canceled", "created")):
        touch, uri = await inbox.touch(), f"https://api.calendly.com/invitees/{uuid4()}"
        payload = booking(touch, uri, datetime.now(UTC) + timedelta(days=2))
        for name in order:
            await inbox.calendly(f"invitee.{name}", payload)
        async with inbox.database.transaction() as tx:
            meeting = await tx.meetings.by_external(uri)
        assert meeting is not None
        ends.add(meeting.status)
        assert "demo_canceled" in await inbox.kinds(touch)
        assert (await inbox.kinds(touch))[-1] == "demo_canceled"
    assert ends == {"cancelled"}


async def test_a_move_is_told_once_as_the_new_booking(inbox: Inbox) -> None:
    touch, later = await inbox.touch(), datetime.now(UTC) + timedelta(days=3)
    old, new = "https://api.calendly.com/invitees/old", "https://api.calendly.com/invitees/new"
    await inbox.calendly("invitee.created", booking(touch, old, later - timedelta(days=1)))
    await inbox.calendly("invitee.canceled", booking(touch, old, later - timedelta(days=1), rescheduled=True))
    await inbox.calendly("invitee.created", booking(touch, new, later))
    assert await inbox.kinds(touch) == ["demo_booked", "demo_booked"]
    async with inbox.database.transaction() as tx:
        meeting = await tx.meetings.by_external(old)
    assert meeting is not None
    assert meeting.status == "rescheduled"


async def test_an_invitee_nobody_knows_is_ignored(inbox: Inbox) -> None:
    payload = {"uri": "u", "email": "who@nowhere.example", "scheduled_event": {"start_time": "2026-12-01T10:00:00Z"}}
    await inbox.calendly("invitee.created", payload)
    assert await inbox.states("calendly") == {"ignored": 1}
