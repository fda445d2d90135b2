"""Rows of calls and demos: reports come twice and in any order, and end in the same row."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from schema.calls import CallReport, CallStatus
from schema.database import Database
from schema.repositories.calls import PlacedCall
from schema.repositories.meetings import BookedMeeting
from schema.tables import AiCallLog, OutreachTouchpoint
from tests.integration.campaign_world import add, campaign, contractor

NOW = datetime.now(UTC).replace(microsecond=0)
FACTS = (
    "status", "ended_reason", "full_transcript", "summary", "duration_seconds", "cost", "recording_url", "started_at",
    "ended_at", "touchpoint_id", "contractor_id", "campaign_id", "phone_number",
)  # fmt: skip

RINGING = CallReport("call-1", "vapi", CallStatus.RINGING)
ENDED = CallReport("call-1", "vapi", CallStatus.FAILED, ended_reason="unknown", ended_at=NOW)
REPORT = CallReport(
    "call-1",
    "vapi",
    CallStatus.COMPLETED,
    transcript="AI: Hi.\nUser: Hello.",
    summary="A talk.",
    recording_url="https://r.example/1",
    duration_seconds=90,
    cost=Decimal("0.1800"),
    ended_reason="customer-ended-call",
    started_at=NOW - timedelta(seconds=90),
    ended_at=NOW,
)


async def touch(database: Database, **values: Any) -> OutreachTouchpoint:
    """A call to a contractor in a campaign."""
    who, where = contractor(1, phone="+15125550123"), campaign()
    sent = {"channel": "call", "status": "sent", "sent_at": NOW}
    row = OutreachTouchpoint(id=uuid4(), contractor_id=who.id, campaign_id=where.id, **{**sent, **values})
    await add(database, who, where, row)
    return row


def facts(row: AiCallLog | None) -> dict[str, Any]:
    assert row is not None
    return {name: getattr(row, name) for name in FACTS}


async def test_any_order_of_news_ends_in_the_same_row(database: Database) -> None:
    for number, order in enumerate(itertools.permutations(range(4))):
        row, call_id = await touch(database), f"call-{number}"
        news = [replace(report, call_id=call_id) for report in (RINGING, ENDED, REPORT)]
        for what in (*order, *order):
            async with database.transaction() as tx:
                if what == 0:
                    await tx.calls.open(PlacedCall("vapi", call_id, row.id, "+15125550123"))
                else:
                    await tx.calls.record(news[what - 1])
        async with database.transaction() as tx:
            found = await tx.calls.of_touchpoint(row.id)
            assert found == await tx.calls.by_external("vapi", call_id)
            assert len(await tx.calls.page(contractor_id=row.contractor_id)) == 1
        assert (order, facts(found)) == (order, {**EXPECTED, **about(row)})


EXPECTED = {
    "status": "completed",
    "ended_reason": "customer-ended-call",
    "full_transcript": REPORT.transcript,
    "summary": REPORT.summary,
    "duration_seconds": 90,
    "cost": Decimal("0.1800"),
    "recording_url": REPORT.recording_url,
    "started_at": REPORT.started_at,
    "ended_at": REPORT.ended_at,
    "phone_number": "+15125550123",
}


def about(row: OutreachTouchpoint) -> dict[str, Any]:
    return {"touchpoint_id": row.id, "contractor_id": row.contractor_id, "campaign_id": row.campaign_id}


async def test_a_report_says_itself_which_touch_it_is_about(database: Database) -> None:
    row = await touch(database)
    async with database.transaction() as tx:
        await tx.calls.record(REPORT, row.id)
        found = await tx.calls.of_touchpoint(row.id)
    assert found is not None
    assert (found.contractor_id, found.campaign_id) == (row.contractor_id, row.campaign_id)


async def test_a_report_about_a_touch_we_do_not_have_is_kept_without(database: Database) -> None:
    async with database.transaction() as tx:
        call_id = await tx.calls.record(REPORT, uuid4())
        found = await tx.calls.get(call_id)
    assert found is not None
    assert (found.touchpoint_id, found.status) == (None, "completed")


async def test_two_providers_may_use_the_same_id(database: Database) -> None:
    async with database.transaction() as tx:
        first = await tx.calls.record(REPORT)
        second = await tx.calls.record(CallReport("call-1", "bland_ai", CallStatus.BUSY))
    assert first != second


async def test_calls_are_paged_newest_first(database: Database) -> None:
    for number in range(5):
        async with database.transaction() as tx:
            await tx.calls.record(CallReport(f"call-{number}", "vapi", CallStatus.BUSY))
    seen: list[str | None] = []
    after = None
    while True:
        async with database.transaction() as tx:
            page = await tx.calls.page(after, 2, status="busy")
        if not page:
            break
        seen += [row.external_call_id for row in page]
        after = (page[-1].created_at, page[-1].id)
    assert seen == [f"call-{number}" for number in (4, 3, 2, 1, 0)]
    async with database.transaction() as tx:
        assert await tx.calls.page(status="completed") == []


async def analysed(database: Database, row: OutreachTouchpoint, disposition: str) -> UUID:
    async with database.transaction() as tx:
        call_id = await tx.calls.record(REPORT, row.id)
        await tx.calls.save_analysis(call_id, {"disposition": disposition, "interest_level": 60})
    return call_id


@pytest.mark.parametrize("disposition", ["wants_demo", "moderate", "not_interested"])
async def test_what_is_owed_after_a_call_is_pending_until_it_is_done(database: Database, disposition: str) -> None:
    row = await touch(database)
    call_id = await analysed(database, row, disposition)

    async def pending() -> list[UUID]:
        async with database.transaction() as tx:
            return [each.id for each in await tx.calls.pending_follow_up()]

    assert await pending() == ([] if disposition == "not_interested" else [call_id])
    if disposition == "wants_demo":
        async with database.transaction() as tx:
            await tx.meetings.save(meeting(row.contractor_id))
    else:
        async with database.transaction() as tx:
            tx.session.add(
                OutreachTouchpoint(
                    contractor_id=row.contractor_id, channel="email", status="sent", sent_at=NOW + timedelta(hours=1)
                )
            )
    assert await pending() == []


async def test_calls_nobody_told_the_end_of(database: Database) -> None:
    row = await touch(database)
    async with database.transaction() as tx:
        await tx.calls.open(PlacedCall("vapi", "call-2", row.id, "+15125550123"))
        await tx.calls.record(REPORT)
    async with database.transaction() as tx:
        later = datetime.now(UTC) + timedelta(minutes=1)
        assert [each.external_call_id for each in await tx.calls.unreported(later)] == ["call-2"]
        assert await tx.calls.unreported(NOW - timedelta(hours=1)) == []


async def test_only_columns_of_an_analysis_can_be_set(database: Database) -> None:
    row = await touch(database)
    call_id = await analysed(database, row, "moderate")
    with pytest.raises(AttributeError):
        async with database.transaction() as tx:
            await tx.calls.save_analysis(call_id, {"external_call_id": "other"})


# Demos


def meeting(contractor_id: UUID | None, **values: Any) -> BookedMeeting:
    assert contractor_id is not None
    return BookedMeeting(
        **{"contractor_id": contractor_id, "external_id": "uri-1", "starts_at": NOW + timedelta(days=2), **values}
    )


@pytest.mark.parametrize("ours_first", [True, False])
async def test_our_booking_and_its_webhook_are_one_row(database: Database, ours_first: bool) -> None:
    row = await touch(database)
    ours = meeting(row.contractor_id, campaign_id=row.campaign_id, effect_key="demo-1", url="https://zoom.example/1")
    theirs = meeting(row.contractor_id)
    for each in (ours, theirs) if ours_first else (theirs, ours):
        async with database.transaction() as tx:
            await tx.meetings.save(each)
    async with database.transaction() as tx:
        found = await tx.meetings.by_effect("demo-1")
        assert found is not None
        assert found == await tx.meetings.by_external("uri-1")
        assert found == await tx.meetings.next_of(ours.contractor_id)
        assert [each.id for each in await tx.meetings.upcoming(NOW)] == [found.id]
    assert (found.campaign_id, found.meeting_url, found.status) == (row.campaign_id, ours.url, "scheduled")


async def settle(database: Database, what: str, meeting_id: UUID, uri: str) -> None:
    async with database.transaction() as tx:
        if what == "cancelled":
            await tx.meetings.cancel(uri, NOW)
        elif what == "rescheduled":
            await tx.meetings.cancel(uri, NOW, moved=True)
        elif what == "no_show":
            await tx.meetings.missed(uri)
        else:
            await tx.meetings.held(meeting_id, outcome="follow_up")


# News in this order → how the meeting stands.
COURSES = {
    ("cancelled",): "cancelled",
    ("rescheduled",): "rescheduled",
    ("no_show",): "no_show",
    ("completed",): "completed",
    ("cancelled", "no_show"): "cancelled",
    ("completed", "cancelled"): "completed",
    ("completed", "no_show"): "completed",
    ("no_show", "completed"): "completed",
}


async def test_how_a_demo_ends(database: Database) -> None:
    for number, (news, status) in enumerate(COURSES.items()):
        row, uri = await touch(database), f"uri-{number}"
        booked = meeting(row.contractor_id, external_id=uri)
        async with database.transaction() as tx:
            meeting_id = await tx.meetings.save(booked)
        for what in (*news, news[-1]):
            await settle(database, what, meeting_id, uri)
        async with database.transaction() as tx:
            found = await tx.meetings.get(meeting_id)
            assert await tx.meetings.next_of(booked.contractor_id) is None
        assert found is not None
        assert (news, found.status) == (news, status)


async def test_news_of_a_demo_we_do_not_have(database: Database) -> None:
    async with database.transaction() as tx:
        assert await tx.meetings.cancel("uri-9", NOW) is None
        assert await tx.meetings.missed("uri-9") is None
