"""Who is believed: forged, stale, early and repeated webhooks, and bodies that nobody can read."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.client import Client

from activities.inbox.processing import catch_up
from api.middleware import INBOUND_MAIL_BYTES, MAX_BODY_BYTES, WEBHOOK_BYTES, body_limit
from api.problems import Code
from api.refusals import Refusals
from config.settings import Settings
from schema.database import Database
from schema.tables import SystemEvent
from tests.api_client import problem
from tests.integration.inbox_world import INBOUND_TOKEN, Inbox, event_of, open_inbox

SIGNED_PATHS = (
    "/webhooks/sendgrid/events",
    "/webhooks/sendgrid/inbound/not-the-token",
    "/webhooks/twilio/status",
    "/webhooks/twilio/inbound",
    "/webhooks/vapi",
    "/webhooks/bland",
    "/webhooks/calendly",
)
GARBAGE = (b"", b"\x00\xff", b"null", b"[]", b"{", b'"x"', b"[" * 5_000, b"[1, null, [[]], {}]", b'{"message": 3}')


@pytest.fixture
async def inbox(settings: Settings, database: Database, temporal_client: Client) -> AsyncIterator[Inbox]:
    async with open_inbox(settings, database, temporal_client) as world:
        yield world


async def refused(database: Database) -> list[dict[str, Any]]:
    async with database.transaction() as tx:
        events = await tx.session.scalars(
            select(SystemEvent)
            .where(col(SystemEvent.event_type) == "webhook.refused")
            .order_by(col(SystemEvent.created_at))
        )
        return [event.event_data or {} for event in events]


async def test_a_request_without_proof_is_refused_and_leaves_nothing(inbox: Inbox) -> None:
    for path in SIGNED_PATHS:
        answer = await inbox.api.post(path, json=[{"event": "delivered", "sg_event_id": "1"}])
        document = problem(answer, Code.WEBHOOK_REFUSED)
        assert "detail" not in document
    async with inbox.database.transaction() as tx:
        assert await tx.inbox.states() == {}
    counted = await refused(inbox.database)
    assert [each["count"] for each in counted] == [1] * len(SIGNED_PATHS)
    assert all(set(each) == {"vendor", "reason", "count"} for each in counted)


async def test_a_forged_signature_is_refused(inbox: Inbox) -> None:
    touch = await inbox.touch()
    forged = {"X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(b"0" * 70).decode()}
    problem(await inbox.sendgrid(event_of(touch, "bounce"), **forged), Code.WEBHOOK_REFUSED)
    form = {"MessageSid": "SM1", "From": touch.phone, "Body": "STOP"}
    forged = {"X-Twilio-Signature": base64.b64encode(b"0" * 20).decode()}
    problem(await inbox.twilio("/webhooks/twilio/inbound", form, **forged), Code.WEBHOOK_REFUSED)
    assert await inbox.suppressed(touch) == frozenset()
    assert (await inbox.row(touch)).status == "sent"


async def test_a_true_signature_of_another_time_is_refused(inbox: Inbox) -> None:
    touch = await inbox.touch()
    for late in (timedelta(minutes=-6), timedelta(minutes=6)):
        at = datetime.now(UTC) + late
        problem(await inbox.sendgrid(event_of(touch, "bounce"), at=at), Code.WEBHOOK_REFUSED)
        problem(await inbox.vapi({"type": "end-of-call-report", "call": {"id": "c"}}, at=at), Code.WEBHOOK_REFUSED)
        problem(await inbox.calendly("invitee.created", {"uri": "u"}, at=at), Code.WEBHOOK_REFUSED)
    async with inbox.database.transaction() as tx:
        assert await tx.inbox.states() == {}


async def test_a_replay_acts_once(inbox: Inbox) -> None:
    touch = await inbox.touch()
    event = event_of(touch, "bounce", type="bounce")
    for _ in range(3):
        assert (await inbox.sendgrid(event)).status_code == 204
    assert await inbox.states("sendgrid") == {"processed": 1}
    assert await inbox.kinds(touch) == ["hard_bounce"]


async def test_a_believed_body_that_nobody_can_read_is_kept_and_answered(inbox: Inbox) -> None:
    for body in GARBAGE:
        # SendGrid signs text: what is none cannot be its own.
        expected = 204 if body.isascii() else 403
        assert (await inbox.sendgrid_raw(body)).status_code == expected, body
    assert set(await inbox.states("sendgrid")) == {"ignored"}


async def test_odd_events_of_sendgrid_are_kept_and_ignored(inbox: Inbox) -> None:
    odd: tuple[dict[str, Any], ...] = (
        {"event": "bounce"},
        {"event": "bounce", "email": "\x00\ud800@x", "touchpoint_id": "no uuid", "timestamp": 10**400},
        {"event": "click", "timestamp": "yesterday", "sg_event_id": "\x00" * 500, "touchpoint_id": 7},
        {"event": ["open"], "sg_event_id": {}},
        {"event": "dropped", "reason": 5, "email": None},
    )
    for event in odd:
        assert (await inbox.sendgrid(event)).status_code == 204, event
    assert await inbox.states("sendgrid") == {"ignored": 4}


async def test_garbage_in_place_of_mail_is_no_failure(inbox: Inbox) -> None:
    path = f"/webhooks/sendgrid/inbound/{INBOUND_TOKEN}"
    for content_type in ("multipart/form-data; boundary=x", "multipart/form-data", "text/plain", ""):
        for body in GARBAGE:
            answer = await inbox.api.post(path, content=body, headers={"content-type": content_type})
            assert answer.status_code in (204, 400), (content_type, body, answer.text)


async def test_garbage_in_calls_and_meetings_is_no_failure(inbox: Inbox) -> None:
    odd: list[Any] = [{}, {"id": 7}, {"id": "x" * 5_000}, {"id": "c", "startedAt": "0001-01-01T00:00:00+14:00"}]
    for call in odd:
        assert (await inbox.vapi({"type": "end-of-call-report", "call": call})).status_code == 204
        assert (await inbox.vapi({"type": "status-update", "call": call, "status": 3})).status_code == 204
        bland = {"call_id": call.get("id"), "call_length": "NaN", "transcripts": 3}
        assert (await inbox.bland(bland)).status_code == 204
        assert (await inbox.calendly("invitee.created", {"uri": call.get("id"), "tracking": 3})).status_code == 204
    assert set(await inbox.states("vapi")) | set(await inbox.states("bland_ai")) <= {"ignored"}


async def test_unknown_people_and_messages_are_kept_and_ignored(inbox: Inbox) -> None:
    stranger = {"event": "delivered", "sg_event_id": "s1", "touchpoint_id": str(uuid4()), "email": "a@b.example"}
    assert (await inbox.sendgrid(stranger)).status_code == 204
    assert (await inbox.reply("Hello", sender="nobody@nowhere.example", to="hello@x.example")).status_code == 204
    assert (await inbox.text_us("Hello", "+15124780000")).status_code == 200
    assert await inbox.states("sendgrid") == {"ignored": 1}
    assert await inbox.states("sendgrid_inbound") == {"ignored": 1}
    assert await inbox.states("twilio_inbound") == {"ignored": 1}


async def test_mail_may_be_large_and_nothing_else(inbox: Inbox) -> None:
    touch = await inbox.touch()
    attachment = {"attachment1": ("roof.jpg", b"\xff" * 2_000_000, "image/jpeg")}
    parts: dict[str, Any] = {name: (None, value) for name, value in {"from": touch.email, "text": "Yes"}.items()}
    path = f"/webhooks/sendgrid/inbound/{INBOUND_TOKEN}"
    answer = await inbox.api.post(path, files={**parts, "to": (None, touch.reply_to), **attachment})
    assert answer.status_code == 204
    assert (await inbox.row(touch)).response_text == "Yes"
    assert (body_limit(path), body_limit("/webhooks/vapi")) == (INBOUND_MAIL_BYTES, WEBHOOK_BYTES)
    assert body_limit("/sequences") == MAX_BODY_BYTES
    problem(await inbox.api.post("/webhooks/vapi", content=b"x" * (WEBHOOK_BYTES + 1)), Code.TOO_LARGE)


async def test_a_flood_of_forgeries_writes_a_row_a_minute(database: Database) -> None:
    seconds = 0.0
    refusals = Refusals(database, clock=lambda: seconds)
    for _ in range(50):
        await refusals.count("vapi", "bad_signature")
    await refusals.count("vapi", "too_old")
    seconds = 61.0
    await refusals.count("vapi", "bad_signature")
    counted = await refused(database)
    assert [(each["reason"], each["count"]) for each in counted] == [
        ("bad_signature", 1),
        ("too_old", 1),
        ("bad_signature", 50),
    ]


async def test_what_could_not_be_passed_on_waits_for_the_sweep(inbox: Inbox, database: Database) -> None:
    """The workflow server is away: the vendor is answered all the same, and the event is there to be passed on."""
    touch = await inbox.touch()
    dead = inbox.settings.model_copy(update={"temporal_address": "127.0.0.1:9"})
    async with open_inbox(dead, database, inbox.temporal) as cut_off:
        event = event_of(touch, "spamreport")
        assert (await cut_off.sendgrid(event)).status_code == 204
    assert await inbox.states("sendgrid") == {"received": 1}
    assert "all" in await inbox.suppressed(touch)
    async with database.transaction() as tx:
        assert await tx.inbox.undelivered(600, 100) == []
        (lost,) = await tx.inbox.undelivered(0, 100)
    assert (lost.campaign_id, lost.contractor_id, lost.event.kind) == (touch.campaign, touch.contractor, "opted_out")
    assert lost.event.event_id == f"sendgrid:{event['sg_event_id']}"
    async with database.transaction() as tx:
        await tx.inbox.settle([lost.inbox_id])
        assert await tx.inbox.undelivered(0, 100) == []


async def test_what_was_stored_but_never_read_is_read_by_the_sweep(inbox: Inbox, database: Database) -> None:
    from activities.inbox.readers import sendgrid_events

    touch = await inbox.touch()
    body = json.dumps([event_of(touch, "open"), event_of(touch, "unsubscribe")]).encode()
    async with database.transaction() as tx:
        await tx.inbox.store("sendgrid", sendgrid_events(body, datetime.now(UTC)))
    assert await catch_up(database, 0, 100) == 2
    assert await inbox.states("sendgrid") == {"processed": 1, "received": 1}
    async with database.transaction() as tx:
        assert [lost.event.kind for lost in await tx.inbox.undelivered(0, 100)] == ["opted_out"]
