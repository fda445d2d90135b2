"""What became of our messages: late, twice and in any order, the rows end the same."""

import asyncio
from collections.abc import AsyncIterator
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client

from config.settings import Settings
from schema.database import Database
from schema.tables import BaseLead, Notification
from tests.integration.inbox_world import Inbox, Touch, event_of, open_inbox

MARKS = ("status", "delivered_at", "opened_at", "clicked_at", "bounced_at", "complained_at", "unsubscribed_at")


@pytest.fixture
async def inbox(settings: Settings, database: Database, temporal_client: Client) -> AsyncIterator[Inbox]:
    async with open_inbox(settings, database, temporal_client) as world:
        yield world


async def marks(inbox: Inbox, touch: Touch) -> dict[str, Any]:
    row = await inbox.row(touch)
    return {name: getattr(row, name) for name in MARKS}


async def test_a_status_only_rises_and_times_are_the_earliest_in_every_order(inbox: Inbox) -> None:
    story = [("delivered", -50), ("open", -40), ("open", -30), ("click", -35)]
    ends: set[tuple[object, ...]] = set()
    for order in list(permutations(story))[::5]:
        touch = await inbox.touch()
        for name, minutes in order:
            assert (await inbox.sendgrid(event_of(touch, name, minutes=minutes))).status_code == 204
        row = await marks(inbox, touch)
        assert row["status"] == "clicked"
        assert row["delivered_at"] < row["opened_at"] < row["clicked_at"]
        ends.add((round((row["clicked_at"] - row["opened_at"]).total_seconds() / 60),))
    assert ends == {(5,)}


async def test_one_batch_with_repetitions_is_as_good_as_one_by_one(inbox: Inbox) -> None:
    touch = await inbox.touch()
    events = [event_of(touch, "open", minutes=-3), event_of(touch, "delivered", minutes=-5)]
    assert (await inbox.sendgrid(*events, *events)).status_code == 204
    assert (await marks(inbox, touch))["status"] == "opened"
    assert await inbox.states("sendgrid") == {"processed": 2}


async def test_opens_by_machines_and_what_says_nothing_are_not_kept(inbox: Inbox) -> None:
    touch = await inbox.touch()
    noise = [event_of(touch, "open", sg_machine_open=True), event_of(touch, "processed"), event_of(touch, "deferred")]
    assert (await inbox.sendgrid(*noise)).status_code == 204
    assert await inbox.states("sendgrid") == {}
    assert (await inbox.row(touch)).status == "sent"


async def test_a_hard_bounce_stops_the_address_and_the_sequence(inbox: Inbox) -> None:
    touch = await inbox.touch()
    assert (
        await inbox.sendgrid(event_of(touch, "bounce", type="bounce", reason="550 no such user"))
    ).status_code == 204
    assert await inbox.suppressed(touch) == {"email"}
    assert (await inbox.row(touch)).status == "bounced"
    assert (await inbox.enrollment(touch)).halt_reason == "hard_bounce"
    (told,) = await inbox.told(touch)
    assert told["kind"] == "hard_bounce"
    assert touch.email not in str(told)


async def test_a_bounce_of_an_address_we_no_longer_use_stops_only_that_address(inbox: Inbox) -> None:
    touch = await inbox.touch()
    await inbox.sendgrid(event_of(touch, "bounce", type="bounce", email="old@roofing.example"))
    assert await inbox.suppressed(touch) == frozenset()
    async with inbox.database.transaction() as tx:
        assert await tx.people.suppressed("old@roofing.example", None) == {"email"}
    assert (await inbox.enrollment(touch)).halted_at is None
    assert await inbox.told(touch) == []


async def test_a_block_is_no_bounce(inbox: Inbox) -> None:
    touch = await inbox.touch()
    await inbox.sendgrid(event_of(touch, "bounce", type="blocked"))
    row = await inbox.row(touch)
    assert (row.status, row.outcome_reason) == ("failed", "blocked")
    assert await inbox.suppressed(touch) == frozenset()


async def test_a_complaint_is_a_no_on_every_channel(inbox: Inbox) -> None:
    for name in ("spamreport", "unsubscribe", "group_unsubscribe"):
        touch = await inbox.touch()
        assert (await inbox.sendgrid(event_of(touch, name))).status_code == 204
        assert await inbox.suppressed(touch) == {"all"}
        assert await inbox.kinds(touch) == ["opted_out"]
        assert (await inbox.enrollment(touch)).halt_reason == "opted_out"


async def test_why_a_message_was_dropped_counts(inbox: Inbox) -> None:
    reasons: dict[str, set[str]] = {
        "Bounced Address": {"email"},
        "Unsubscribed Address": {"all"},
        "Spam Reporting Address": {"all"},
        "Message too large": set(),
    }
    for reason, suppressed in reasons.items():
        touch = await inbox.touch()
        await inbox.sendgrid(event_of(touch, "dropped", reason=reason))
        assert await inbox.suppressed(touch) == suppressed


async def test_a_customers_lead_notice_that_bounces_stops_only_its_address(inbox: Inbox) -> None:
    touch = await inbox.touch(acquisition_status="active")
    lead, notice = uuid4(), uuid4()
    async with inbox.database.transaction() as tx:
        tx.session.add(BaseLead(id=lead, address="1 OAK ST", city="Austin", state="TX", status="available"))
        await tx.session.flush()
        tx.session.add(
            Notification(id=notice, base_lead_id=lead, contractor_id=touch.contractor, channel="email", kind="new_lead")
        )
    event = {**event_of(touch, "spamreport"), "touchpoint_id": None, "notification_id": str(notice)}
    assert (await inbox.sendgrid(event)).status_code == 204
    assert await inbox.suppressed(touch) == {"email"}
    assert (await inbox.enrollment(touch)).halted_at is None
    assert await inbox.states("sendgrid") == {"processed": 1}


async def test_a_text_is_followed_by_its_number_and_its_errors_count(inbox: Inbox) -> None:
    fine, gone, stopped = [await inbox.touch(channel="sms") for _ in range(3)]

    async def status(touch: Touch, status: str, code: str = "") -> None:
        form = {"MessageSid": f"SM{uuid4().hex}", "MessageStatus": status, "To": touch.phone, "ErrorCode": code}
        path = f"/webhooks/twilio/status?touchpoint={touch.touchpoint}"
        assert (await inbox.twilio(path, form)).status_code == 204

    await status(fine, "delivered")
    await status(fine, "sent")
    await status(gone, "undelivered", "30006")
    await status(stopped, "failed", "21610")
    assert (await inbox.row(fine)).status == "delivered"
    assert ((await inbox.row(gone)).status, await inbox.suppressed(gone)) == ("bounced", {"sms"})
    assert await inbox.suppressed(stopped) == {"sms"}
    assert await inbox.told(gone) == await inbox.told(stopped) == []


async def test_the_same_event_many_times_at_once_acts_once(inbox: Inbox) -> None:
    touch = await inbox.touch()
    event = event_of(touch, "spamreport")
    answers = await asyncio.gather(*(inbox.sendgrid(event) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {204}
    assert await inbox.kinds(touch) == ["opted_out"]
    assert await inbox.states("sendgrid") == {"processed": 1}
