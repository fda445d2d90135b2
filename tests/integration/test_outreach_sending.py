"""`send_touch` on a real database with the sandbox's vendors: each touch once, and never after a no."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from activities.outreach.activities import OutreachActivities
from activities.outreach.channels.base import Case, Draft, effect_key, from_short_token
from activities.outreach.facts import ALPHABET
from activities.outreach.opt_out import opt_out
from api.app import create_app
from api.problems import Code
from config.settings import Settings
from domain.cadence import Channel, Condition, Window
from domain.texts import fits_one_sms
from integrations.http import VendorError, VendorNotReached, VendorRejected, VendorUnavailable
from schema.contracts.outreach import Phase, PhaseChange, Purpose, TouchOutcome, TouchRef, TouchResult
from schema.database import Database
from schema.tables import (
    AiCallLog,
    ApiUsageLog,
    ContactDecision,
    Contractor,
    Effect,
    Mailbox,
    MailboxClaim,
    OutreachCampaign,
    OutreachTask,
    OutreachTouchpoint,
    PromoCode,
    ScheduledTouchpoint,
    SequenceEnrollment,
)
from tests.api_client import problem, serving
from tests.integration.lead_world import activities, run
from tests.integration.outreach_world import TUESDAY, World, make_world
from tests.support.sandbox import Sandbox
from workflows.options import TaskQueue

AUSTIN = ZoneInfo("America/Chicago")


@pytest.fixture
async def world(database: Database, sandbox_settings: Settings) -> World:
    quick = sandbox_settings.model_copy(update={"vendor_timeout_seconds": 2.0})
    return await make_world(database, quick)


def mails(sandbox: Sandbox, number: int = 1) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.get("/control/mailbox", to=f"jo{number}@acme{number}.example")["mails"]
    return found


def texts(sandbox: Sandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.get("/control/texts")["texts"]
    return [each for each in found if each["direction"] != "inbound"]


async def say_no(world: World, who: UUID, channel: str = "all") -> None:
    async with world.database.transaction() as tx:
        await opt_out(tx, who, channel, "test", at=world.clock.now)


async def decisions(world: World) -> list[tuple[str, str]]:
    async with world.database.transaction() as tx:
        found = await tx.session.scalars(select(ContactDecision).order_by(col(ContactDecision.created_at)))
        return [(row.verdict, row.reason) for row in found]


class Between:
    """A sender, with something that happens between the first look at the rules and the request."""

    def __init__(self, sender: Any, happens: Callable[[Case], Awaitable[None]]) -> None:
        self._sender = sender
        self._happens = happens
        self.price = sender.price
        self.address = sender.address
        self.perform = sender.perform

    async def compose(self, case: Case) -> Draft:
        draft: Draft = await self._sender.compose(case)
        await self._happens(case)
        return draft


# A letter


async def test_a_letter_goes_out_once_with_everything_the_law_wants(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    touch = world.touch(who)
    await world.records.plan_touch(touch)
    first = await world.touches.send(touch)
    assert (first.outcome, first.reason, first.ends) == (TouchOutcome.SENT, None, None)
    for _ in range(2):
        assert await world.touches.send(touch) == first
    (mail,) = mails(sandbox)
    row = await world.touchpoint(touch)
    assert first.touchpoint_id == row.id
    link = f"http://127.0.0.1:8000/unsubscribe/{row.id}"
    reply = f"reply+{row.id.hex}@reply.ridgeline.example"
    assert mail["headers"]["List-Unsubscribe"] == f"<{link}>, <mailto:{reply}?subject=unsubscribe>"
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["reply_to"] == reply
    assert mail["custom_args"] == {"effect_key": effect_key(touch), "touchpoint_id": str(row.id)}
    for body in (mail["text"], mail["html"]):
        assert "100 Example Street, Austin, TX 78701" in body
        assert link in body
        assert "https://calendly.com/d/" in body
    assert mail["text"].startswith("Hi Jo,")
    assert mail["html"].startswith("<!doctype html>")
    assert (row.status, row.sent_at, row.subject, row.message) == ("sent", TUESDAY, mail["subject"], mail["text"])
    assert (row.template_used, row.purpose, row.sequence_step, row.channel) == ("case_study", "outreach", 0, "email")
    assert row.external_id
    (scheduled,) = await world.rows(ScheduledTouchpoint)
    assert (scheduled.status, scheduled.sent_at, scheduled.touchpoint_id) == ("sent", TUESDAY, row.id)
    contractor = await world.row(Contractor, who)
    assert (contractor.acquisition_status, contractor.total_touchpoints) == ("contacted", 1)
    assert contractor.first_contact_date == contractor.last_contact_date == TUESDAY
    assert await decisions(world) == [("allow", "allowed")]
    (effect,) = await world.rows(Effect)
    assert (effect.state, effect.kind, effect.key) == ("done", "touch", effect_key(touch))
    calls = await world.rows(ApiUsageLog, entity_id=row.id)
    assert {call.api_provider for call in calls} == {"sendgrid", "calendly"}


async def test_results_and_decisions_name_nobody(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    result = await world.touches.send(world.touch(who))
    (decision,) = await world.rows(ContactDecision)
    for shown in (result.model_dump_json(), str(decision.facts)):
        for secret in ("Jo", "Miller", "Acme", "acme1", "5551001"):
            assert secret not in shown


async def test_the_letter_is_found_however_many_send_it_at_once(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    touch = world.touch(who)
    results = await asyncio.gather(*(world.touches.send(touch) for _ in range(3)))
    assert len({result.model_dump_json() for result in results}) == 1
    assert len(mails(sandbox)) == 1
    assert (await world.row(Contractor, who)).total_touchpoints == 1


async def test_a_mailbox_writes_in_its_own_name(world: World, sandbox: Sandbox) -> None:
    box = await world.mailbox()
    who = await world.enrolled()
    touch = world.touch(who)
    await world.touches.send(touch)
    (mail,) = mails(sandbox)
    assert mail["from"] == "dana@mail.example"
    assert "Dana at Ridgeline" in mail["text"]
    assert (await world.touchpoint(touch)).mailbox_id == box


async def test_an_arm_is_kept_and_a_winner_is_used(world: World, sandbox: Sandbox) -> None:
    who, other = await world.enrolled(1), await world.enrolled(2)
    arms = {"template": "value_proposition", "variants": ("plain", "question")}
    await world.change(OutreachCampaign, world.campaign_id, experiments={"value_proposition": {"winner": "question"}})
    touch = world.touch(who, **arms)
    await world.touches.send(touch)
    assert (await world.touchpoint(touch)).variant == "question"
    (mail,) = mails(sandbox)
    assert mail["subject"] == "Where does Acme Roofing 1 find its next roofs?"
    await world.change(OutreachCampaign, world.campaign_id, experiments={"value_proposition": {"winner": None}})
    second = world.touch(other, **arms)
    await world.touches.send(second)
    assert (await world.touchpoint(second)).variant in ("plain", "question")


# A paragraph of its own


async def test_a_true_paragraph_is_used_and_asked_for_once(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    touch = world.touch(who, template="cold_introduction")
    sandbox.fault("sendgrid", "throttle", count=1, path="mail/send")
    with pytest.raises(VendorNotReached):
        await world.touches.send(touch)
    assert (await world.touches.send(touch)).outcome is TouchOutcome.SENT
    personal = ((await world.touchpoint(touch)).extra or {})["personal"]
    assert personal["reason"] is None
    assert "12 years" in personal["text"]
    assert personal["facts"]["company"] == "Acme Roofing 1"
    (mail,) = mails(sandbox)
    assert personal["text"] in mail["text"]
    assert len(sandbox.get("/control/ollama")["asked"]) == 1


OWN_WORDS = "I am writing because Acme Roofing 1 does roofing in Austin"


@pytest.mark.parametrize(
    ("mood", "reason"),
    [("inventive", "unknown_"), ("garbage", "VendorUnreadable"), ("missing", "VendorUnreadable")],
)
async def test_a_paragraph_that_is_not_borne_out_is_left_out(
    world: World, sandbox: Sandbox, mood: str, reason: str
) -> None:
    sandbox.post("/control/ollama", mood=mood)
    touch = world.touch(await world.enrolled(), template="cold_introduction")
    assert (await world.touches.send(touch)).outcome is TouchOutcome.SENT
    personal = ((await world.touchpoint(touch)).extra or {})["personal"]
    assert personal["text"] is None
    assert personal["reason"].startswith(reason)
    (mail,) = mails(sandbox)
    assert OWN_WORDS in mail["text"]
    assert "4,812" not in mail["text"]


async def test_a_slow_model_delays_nothing(world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.outreach.personal.PERSONAL_SECONDS", 0.2)
    sandbox.fault("ollama", "latency", seconds=5)
    touch = world.touch(await world.enrolled(), template="cold_introduction")
    assert (await world.touches.send(touch)).outcome is TouchOutcome.SENT
    assert ((await world.touchpoint(touch)).extra or {})["personal"]["reason"] == "too_slow"
    assert OWN_WORDS in mails(sandbox)[0]["text"]


# Vendors that fail

FAULTS: dict[str, dict[str, Any]] = {
    "done, answer lost": {"kind": "after_effect", "path": "mail/send", "count": 1},
    "done, timed out": {"kind": "after_effect", "path": "mail/send", "count": 1, "seconds": 4},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_failing_vendor_never_gets_a_letter_twice(
    world: World, sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    sandbox.fault("sendgrid", **fault)
    who = await world.enrolled()
    touch = world.touch(who)
    first = await world.touches.send(touch)
    assert first.outcome is TouchOutcome.SENT
    assert await world.touches.send(touch) == first
    assert len(mails(sandbox)) == 1
    assert await world.rows(OutreachTask) == []
    assert (await world.row(Contractor, who)).total_touchpoints == 1


async def test_a_letter_that_the_vendor_does_not_know_waits_until_that_is_certain(
    world: World, sandbox: Sandbox
) -> None:
    sandbox.fault("sendgrid", "error", path="mail/send", count=1)
    touch = world.touch(await world.enrolled())
    for _ in range(2):
        with pytest.raises(VendorUnavailable) as early:
            await world.touches.send(touch)
        assert early.value.retry_after == pytest.approx(3600, abs=60)
    assert mails(sandbox) == []
    settles_at_once(world)
    assert (await world.touches.send(touch)).outcome is TouchOutcome.SENT
    assert len(mails(sandbox)) == 1


async def test_a_search_that_is_refused_proves_nothing(world: World, sandbox: Sandbox) -> None:
    settles_at_once(world)
    sandbox.fault("sendgrid", "error", path="mail/send", count=1)
    touch = world.touch(await world.enrolled())
    world.senders[Channel.EMAIL]._mail.find = refused_search
    assert (await world.touches.send(touch)).outcome is TouchOutcome.UNKNOWN
    assert [task.kind for task in await world.rows(OutreachTask)] == ["unknown_effect"]
    assert mails(sandbox) == []


async def refused_search(key: str) -> str | None:
    """An account without Email Activity."""
    raise VendorRejected("sendgrid", "messages", "HTTP 403", 403)


def settles_at_once(world: World) -> None:
    """The vendor's search shows everything from now on."""
    world.senders[Channel.EMAIL]._search_settles = timedelta(milliseconds=1)


async def test_a_throttled_letter_goes_out_at_the_next_attempt(world: World, sandbox: Sandbox) -> None:
    sandbox.fault("sendgrid", "throttle", count=1, path="mail/send")
    touch = world.touch(await world.enrolled())
    with pytest.raises(VendorNotReached):
        await world.touches.send(touch)
    assert (await world.touchpoint(touch)).status == "scheduled"
    assert (await world.touches.send(touch)).outcome is TouchOutcome.SENT
    assert len(mails(sandbox)) == 1


async def test_a_refused_letter_has_failed(world: World, sandbox: Sandbox) -> None:
    await world.mailbox()
    touch = world.touch(await world.enrolled(email="jo@nowhere"))
    result = await world.touches.send(touch)
    assert (result.outcome, result.reason) == (TouchOutcome.FAILED, "refused_by_vendor")
    assert await world.touches.send(touch) == result
    assert await world.rows(MailboxClaim) == []
    row = await world.touchpoint(touch)
    assert (row.status, row.sent_at, row.failed_at) == ("failed", None, TUESDAY)


async def test_without_a_calendar_the_letter_asks_for_an_answer(world: World, sandbox: Sandbox) -> None:
    sandbox.fault("calendly", "error")
    assert (await world.touches.send(world.touch(await world.enrolled()))).outcome is TouchOutcome.SENT
    (mail,) = mails(sandbox)
    assert "calendly" not in mail["text"]
    assert "Just reply with a day and time" in mail["text"]


async def test_news_that_overtake_the_record_are_kept(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    touch = world.touch(who)
    client = world.senders[Channel.EMAIL]._mail
    send = client.send

    async def delivered_at_once(batch: Any) -> Any:
        sent = await send(batch)
        (row,) = await world.rows(OutreachTouchpoint)
        async with world.database.transaction() as tx:
            await tx.responses.mark(row.id, "delivered", "delivered_at", TUESDAY)
        return sent

    client.send = delivered_at_once
    result = await world.touches.send(touch)
    row = await world.touchpoint(touch)
    assert (result.outcome, row.status, row.sent_at, row.delivered_at) == (
        TouchOutcome.SENT, "delivered", TUESDAY, TUESDAY,
    )  # fmt: skip


# A no that comes at the last moment


async def test_an_opt_out_between_the_gate_and_the_request_wins(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    touch = world.touch(who)
    world.senders[Channel.EMAIL] = Between(world.senders[Channel.EMAIL], lambda _: say_no(world, who))
    result = await world.touches.send(touch)
    assert (result.outcome, result.reason, result.ends) == (TouchOutcome.DENIED, "opted_out", Phase.OPTED_OUT)
    assert await world.touches.send(touch) == result
    assert mails(sandbox) == []
    assert await world.rows(Effect) == []
    assert await decisions(world) == [("deny", "suppressed")]
    assert (await world.row(Contractor, who)).total_touchpoints == 0


async def test_an_answer_between_the_gate_and_the_request_wins(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()

    async def replies(_: Case) -> None:
        async with world.database.transaction() as tx:
            await tx.outreach.halt([who], "replied", world.clock.now)

    world.senders[Channel.EMAIL] = Between(world.senders[Channel.EMAIL], replies)
    result = await world.touches.send(world.touch(who))
    assert (result.outcome, result.reason, result.ends) == (TouchOutcome.DENIED, "halted", None)
    assert mails(sandbox) == []


async def test_an_opt_out_before_a_retry_wins(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    touch = world.touch(who)
    sandbox.fault("sendgrid", "throttle", count=1, path="mail/send")
    with pytest.raises(VendorNotReached):
        await world.touches.send(touch)
    await say_no(world, who)
    assert (await world.touches.send(touch)).reason == "opted_out"
    assert mails(sandbox) == []


async def crashed(world: World, touch: TouchRef, *, after: bool) -> None:
    """What an attempt leaves behind whose process dies right before or right after its request."""

    class Died(Exception):
        """Stands for the end of the process."""

    sender = world.senders[touch.step.channel]
    client = getattr(sender, "_mail", None) or sender._twilio
    send = client.send

    async def dies(message: Any) -> str:
        if after:
            await send(message)
        raise Died

    client.send = dies
    with pytest.raises(Died):
        await world.touches.send(touch)
    client.send = send
    (effect,) = await world.rows(Effect)
    assert effect.state == "started"


@pytest.mark.parametrize("after", [True, False], ids=["after the request", "before the request"])
async def test_an_opt_out_after_a_crash(world: World, sandbox: Sandbox, after: bool) -> None:
    """What was sent is recorded as sent; what was not is not sent any more."""
    settles_at_once(world)
    who = await world.enrolled()
    touch = world.touch(who)
    await crashed(world, touch, after=after)
    await say_no(world, who)
    result = await world.touches.send(touch)
    assert result.outcome is (TouchOutcome.SENT if after else TouchOutcome.DENIED)
    assert len(mails(sandbox)) == int(after)
    assert (await world.touches.send(touch)).outcome is result.outcome
    (row,) = await world.rows(OutreachTouchpoint)
    assert row.status == ("sent" if after else "denied")
    assert row.message


async def test_an_opt_out_waits_for_the_request_that_has_begun(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    client = world.senders[Channel.EMAIL]._mail
    send, begun, go_on = client.send, asyncio.Event(), asyncio.Event()

    async def slow(batch: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await send(batch)

    client.send = slow
    sending = asyncio.create_task(world.touches.send(world.touch(who)))
    await asyncio.wait_for(begun.wait(), 20)
    refusing = asyncio.create_task(say_no(world, who))
    async with asyncio.timeout(20):
        while not await waiting_for_a_lock(world.database):
            pass  # each look is a round trip to the database
    assert not refusing.done()
    go_on.set()
    assert (await sending).outcome is TouchOutcome.SENT
    await refusing
    assert (await world.enrollment(who)).halt_reason == "opted_out"
    client.send = send
    following = await world.touches.send(world.touch(who, "outreach-1"))
    assert following.ends is Phase.OPTED_OUT
    assert len(mails(sandbox)) == 1


async def waiting_for_a_lock(database: Database) -> bool:
    statement = text(
        "SELECT EXISTS (SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database())"
    )
    async with database.transaction() as tx:
        return bool(await tx.session.scalar(statement))


# What speaks against a touch

DENIED, SKIPPED, DEFERRED = TouchOutcome.DENIED, TouchOutcome.SKIPPED, TouchOutcome.DEFERRED
CUSTOMER = {"acquisition_status": "active"}


async def test_everything_that_speaks_against_a_letter(world: World, sandbox: Sandbox) -> None:
    async def outcome(number: int, contractor: dict[str, Any], enrollment: dict[str, Any], **step: Any) -> TouchResult:
        who = await world.enrolled(number)
        await world.change(Contractor, who, **contractor)
        await world.change(SequenceEnrollment, (await world.enrollment(who)).id, **enrollment)
        touch = world.touch(who, **step)
        result = await world.touches.send(touch)
        assert await world.touches.send(touch) == result
        status = {DENIED: "denied", SKIPPED: "skipped", DEFERRED: "scheduled"}[result.outcome]
        assert (await world.touchpoint(touch)).status == status
        return result

    cases: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], TouchOutcome, str, Phase | None]] = [
        ({"email": None}, {}, {}, SKIPPED, "no_address", None),
        ({"email": "none"}, {}, {}, SKIPPED, "no_address", None),
        ({"timezone": None}, {}, {}, DENIED, "unknown_zone", Phase.UNREACHABLE),
        (CUSTOMER, {}, {}, DENIED, "already_customer", Phase.SIGNED_UP),
        ({}, {"halted_at": TUESDAY}, {}, DENIED, "halted", None),
        ({}, {"phase": "demo"}, {}, DENIED, "phase_over", None),
        ({}, {"phase": "outreach"}, {"purpose": Purpose.NURTURE}, DENIED, "phase_over", None),
        ({}, {"ended_at": TUESDAY, "phase": "stopped"}, {}, DENIED, "sequence_over", Phase.STOPPED),
        ({}, {"paused_until": TUESDAY + timedelta(days=3)}, {}, DEFERRED, "out_of_office", None),
        ({"phone": None}, {}, {"condition": Condition.HAS_PHONE}, SKIPPED, "has_phone", None),
        ({"ltv_estimate": Decimal(10_000)}, {}, {"condition": Condition.HIGH_VALUE}, SKIPPED, "high_value", None),
    ]
    for number, (contractor, enrollment, step, expected, reason, ends) in enumerate(cases):
        result = await outcome(number, contractor, enrollment, **step)
        assert (result.outcome, result.reason, result.ends) == (expected, reason, ends), reason
    assert sandbox.get("/control/mailbox")["count"] == 0


async def test_what_does_not_speak_against_a_letter(world: World, sandbox: Sandbox) -> None:
    async def sent(number: int, enrollment: dict[str, Any], **step: Any) -> bool:
        who = await world.enrolled(number)
        await world.change(SequenceEnrollment, (await world.enrollment(who)).id, **enrollment)
        return (await world.touches.send(world.touch(who, **step))).outcome is TouchOutcome.SENT

    arranged = {"purpose": Purpose.ARRANGED, "template": "demo_invitation", "window": Window.ANY_TIME}
    assert await sent(1, {"halted_at": TUESDAY - timedelta(minutes=1)})
    assert await sent(2, {"halted_at": TUESDAY, "phase": "booking"}, **arranged)
    assert await sent(3, {"paused_until": TUESDAY - timedelta(minutes=1)})
    assert await sent(4, {"paused_until": TUESDAY + timedelta(days=2), "phase": "booking"}, **arranged)


async def test_who_refuses_e_mail_only_may_be_texted(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    await world.texts_allowed(who)
    await say_no(world, who, "email")
    letter = await world.touches.send(world.touch(who))
    assert (letter.outcome, letter.reason, letter.ends) == (DENIED, "suppressed", None)
    assert (await world.touches.send(world.text(who))).outcome is TouchOutcome.SENT


async def test_two_letters_need_time_between_them_whatever_the_campaign(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    await world.touches.send(world.touch(who))
    world.clock.pass_by(hours=2)
    second = world.touch(who, "outreach-1")
    result = await world.touches.send(second)
    assert (result.outcome, result.reason) == (DEFERRED, "too_soon")
    assert result.until == TUESDAY + timedelta(hours=20)
    world.clock.now = result.until
    assert (await world.touches.send(second)).outcome is TouchOutcome.SENT
    assert await decisions(world) == [("allow", "allowed"), ("defer", "too_soon"), ("allow", "allowed")]


async def test_a_paused_campaign_holds_what_nobody_asked_for(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    touch = world.touch(who)
    await world.change(OutreachCampaign, world.campaign_id, status="paused")
    result = await world.touches.send(touch)
    assert (result.outcome, result.reason) == (DEFERRED, "campaign_paused")
    assert result.until is not None
    local = result.until.astimezone(AUSTIN)
    assert (local.date(), 9 <= local.hour < 12) == (date(2026, 6, 10), True)
    assert (await world.enrollment(who)).held
    await world.change(SequenceEnrollment, (await world.enrollment(who)).id, phase="demo")
    reminder = world.touch(who, "demo-1-1", purpose=Purpose.ARRANGED, template="demo_reminder")
    assert (await world.touches.send(reminder)).outcome is TouchOutcome.SENT
    await world.change(SequenceEnrollment, (await world.enrollment(who)).id, phase="outreach", held=True)
    await world.change(OutreachCampaign, world.campaign_id, status="active")
    assert (await world.touches.send(touch)).outcome is TouchOutcome.SENT
    assert not (await world.enrollment(who)).held


async def test_a_campaign_that_is_over_sends_nothing(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    await world.change(OutreachCampaign, world.campaign_id, status="completed")
    result = await world.touches.send(world.touch(who))
    assert (result.outcome, result.reason, result.ends) == (DENIED, "campaign_over", Phase.STOPPED)
    assert mails(sandbox) == []


async def test_strangers_get_nothing(world: World, sandbox: Sandbox) -> None:
    result = await world.touches.send(world.touch(await world.contractor()))
    assert (result.outcome, result.reason, result.ends) == (DENIED, "not_enrolled", Phase.STOPPED)
    assert await world.rows(OutreachTouchpoint) == []


# A mailbox's day


async def test_a_full_mailbox_puts_off_to_its_next_day(world: World, sandbox: Sandbox) -> None:
    await world.mailbox(cap=2)
    people = [await world.enrolled(number) for number in range(3)]
    results = [await world.touches.send(world.touch(who)) for who in people]
    assert [result.outcome for result in results] == [TouchOutcome.SENT, TouchOutcome.SENT, DEFERRED]
    assert results[2].reason == "mailbox_full"
    assert results[2].until is not None
    local = results[2].until.astimezone(AUSTIN)
    assert (local.date(), 9 <= local.hour < 12) == (date(2026, 6, 10), True)
    arranged = world.touch(people[2], "booking-1-0", purpose=Purpose.ARRANGED, template="demo_invitation")
    assert (await world.touches.send(arranged)).outcome is TouchOutcome.SENT
    world.clock.now = results[2].until
    assert (await world.touches.send(world.touch(people[2]))).outcome is TouchOutcome.SENT
    assert len(await world.rows(MailboxClaim)) == 4


async def test_follow_ups_go_before_new_leads(world: World, sandbox: Sandbox) -> None:
    await world.mailbox(cap=2)
    old, new = await world.enrolled(1), await world.enrolled(2)
    for key in ("outreach-3", "outreach-4"):
        await world.records.plan_touch(
            world.touch(old, key, window=Window.ANY_TIME).model_copy(update={"starts_at": TUESDAY})
        )
    assert (await world.touches.send(world.touch(new))).reason == "mailbox_full"
    assert (await world.touches.send(world.touch(old, "outreach-3"))).outcome is TouchOutcome.SENT
    async with world.database.transaction() as tx:
        await tx.outreach.cancel_scheduled(await tx.outreach.live([old]))
    assert (await world.touches.send(world.touch(new))).outcome is TouchOutcome.SENT


async def test_a_mailbox_warms_up_and_a_resting_one_is_left_alone(world: World, sandbox: Sandbox) -> None:
    cold = await world.mailbox("cold@mail.example", warm_up=date(2026, 6, 10))
    who = await world.enrolled()
    assert (await world.touches.send(world.touch(who))).reason == "mailbox_full"
    await world.change(Mailbox, cold, state="paused")
    assert (await world.touches.send(world.touch(who))).reason == "no_mailbox"
    warm = await world.mailbox("warm@mail.example")
    assert (await world.touches.send(world.touch(who))).outcome is TouchOutcome.SENT
    assert mails(sandbox)[0]["from"] == "warm@mail.example"
    assert (await world.enrollment(who)).mailbox_id == warm


# Texts


async def test_a_text_goes_out_once_within_one_part(world: World, sandbox: Sandbox, settings: Settings) -> None:
    who = await world.enrolled(company_name="José’s Très Long-Named Roofing & Exteriors Company of Greater Austin 🏠")
    touch = world.text(who)
    assert (await world.touches.send(touch)).reason == "no_consent"
    await world.texts_allowed(who)
    touch = world.text(who, "outreach-8")
    result = await world.touches.send(touch)
    assert result.outcome is TouchOutcome.SENT
    assert await world.touches.send(touch) == result
    (sent,) = texts(sandbox)
    assert fits_one_sms(sent["body"])
    assert sent["body"].startswith("Ridgeline: ")
    assert "José's" in sent["body"]
    assert "STOP" in sent["body"]
    row = await world.touchpoint(touch)
    token = re.search(r"http://127\.0\.0\.1:8000/b/([\w-]{22})", sent["body"])
    assert token is not None
    assert from_short_token(token[1]) == row.id
    assert (row.extra or {})["demo_url"].startswith("https://calendly.com/d/")
    assert (row.message, row.cost) == (sent["body"], Decimal("0.0079"))
    async with serving(create_app(settings)) as api:
        page = await api.get(f"/b/{token[1]}")
        assert (page.status_code, page.headers["location"]) == (303, (row.extra or {})["demo_url"])
        for unknown in ("AAAAAAAAAAAAAAAAAAAAAA", "x", "%00"):
            problem(await api.get(f"/b/{unknown}"), Code.NOT_FOUND)


async def test_a_text_waits_for_morning_and_for_its_link(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    await world.texts_allowed(who)
    world.clock.pass_by(hours=12)
    result = await world.touches.send(world.text(who))
    assert (result.outcome, result.reason) == (DEFERRED, "quiet_hours")
    assert result.until is not None
    world.clock.now = result.until
    sandbox.fault("calendly", "error")
    with pytest.raises(VendorError):
        await world.touches.send(world.text(who))
    sandbox.mend()
    assert (await world.touches.send(world.text(who))).outcome is TouchOutcome.SENT


async def test_a_text_whose_record_was_lost_is_found_again(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    await world.texts_allowed(who)
    touch = world.text(who)
    await crashed(world, touch, after=True)
    assert (await world.touches.send(touch)).outcome is TouchOutcome.SENT
    assert len(texts(sandbox)) == 1
    assert (await world.touchpoint(touch)).cost == Decimal("0.0079")


async def test_a_carrier_that_knows_of_a_stop_is_believed(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    await world.texts_allowed(who)
    phone = (await world.row(Contractor, who)).phone
    sandbox.post("/control/webhooks", base_url="http://127.0.0.1:9")
    sandbox.post("/control/twilio/inbound", **{"from": phone, "body": "STOP"})
    touch = world.text(who)
    result = await world.touches.send(touch)
    assert (result.outcome, result.reason, result.ends) == (DENIED, "opted_out", Phase.OPTED_OUT)
    assert await world.touches.send(touch) == result
    async with world.database.transaction() as tx:
        assert "all" in await tx.people.suppressed("jo1@acme1.example", None)
    assert (await world.enrollment(who)).halted_at is not None


# Calls


async def test_a_call_needs_written_consent_and_is_placed_once(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled(phone_kind="landline")
    assert (await world.touches.send(world.call(who))).reason == "no_written_consent"
    await world.calls_allowed(who)
    touch = world.call(who, "outreach-5")
    first = await world.touches.send(touch)
    assert first.outcome is TouchOutcome.SENT
    assert await world.touches.send(touch) == first
    row = await world.touchpoint(touch)
    (log,) = await world.rows(AiCallLog)
    assert (log.touchpoint_id, log.external_call_id, log.contractor_id) == (row.id, row.external_id, who)
    assert (row.status, row.sent_at) == ("sent", TUESDAY)
    assert (row.message or "").startswith("Hi, is this Jo?")
    assert sandbox.get("/control/calls")["count"] == 1
    assert (await world.row(Contractor, who)).total_touchpoints == 1


async def test_a_call_whose_record_was_lost_is_found_again(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled(phone_kind="landline")
    await world.calls_allowed(who)
    sandbox.fault("vapi", "after_effect", count=1)
    assert (await world.touches.send(world.call(who))).outcome is TouchOutcome.SENT
    assert sandbox.get("/control/calls")["count"] == 1
    assert len(await world.rows(AiCallLog)) == 1


async def test_mobiles_are_not_called(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled(phone_kind="mobile")
    await world.calls_allowed(who)
    assert (await world.touches.send(world.call(who))).reason == "mobile_calls_off"
    assert sandbox.get("/control/calls")["count"] == 0


# As the worker builds it


async def test_the_worker_s_own_activity_sends(world: World, sandbox: Sandbox, sandbox_settings: Settings) -> None:
    who = await world.enrolled()
    async with activities(sandbox_settings, TaskQueue.MESSAGING, OutreachActivities) as built:
        assert isinstance(built, OutreachActivities)
        result = await run(built.send_touch, world.touch(who))
    assert result.outcome is TouchOutcome.SENT
    assert len(mails(sandbox)) == 1


# People's channels


def by_hand(world: World, who: UUID, channel: Channel) -> TouchRef:
    if channel is Channel.LINKEDIN:
        return world.touch(who, "outreach-3", channel=channel, template="connection_request")
    return world.touch(who, "outreach-5", channel=channel, template="postcard", condition=Condition.HIGH_VALUE)


async def test_people_get_what_people_do_on_their_list_once(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled(
        ltv_estimate=Decimal("10000.01"), linkedin_url="https://linkedin.example/acme", address="1 Main St, Austin"
    )
    for channel in (Channel.LINKEDIN, Channel.DIRECT_MAIL):
        touch = by_hand(world, who, channel)
        await world.records.plan_touch(touch)
        first = await world.touches.send(touch)
        assert first.outcome is TouchOutcome.TASK
        assert await world.touches.send(touch) == first
    tasks = {task.kind: task for task in await world.rows(OutreachTask)}
    assert set(tasks) == {"linkedin", "direct_mail"}
    assert "https://linkedin.example/acme" in tasks["linkedin"].instructions
    (code,) = await world.rows(PromoCode)
    assert re.fullmatch(rf"ROOF-[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", code.code)
    assert code.code in tasks["direct_mail"].instructions
    assert (code.percent_off, code.channel) == (50, "direct_mail")
    assert {row.status for row in await world.rows(ScheduledTouchpoint)} == {"sent"}
    assert set((await world.enroll(who)).done) == {"outreach-3", "outreach-5"}
    async with world.database.transaction() as tx:
        assert await tx.outreach.settle_task(tasks["linkedin"].id, "done", TUESDAY) is not None
        assert await tx.outreach.settle_task(tasks["linkedin"].id, "skipped", TUESDAY) is None
    assert (await world.touchpoint(by_hand(world, who, Channel.LINKEDIN))).status == "sent"
    assert (await world.row(Contractor, who)).total_touchpoints == 1
    await say_no(world, who)
    (left,) = await world.rows(OutreachTask, kind="direct_mail")
    assert left.state == "expired"
    assert (await world.touchpoint(by_hand(world, who, Channel.DIRECT_MAIL))).status == "skipped"


async def test_people_are_not_asked_to_write_to_those_who_said_no(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    await say_no(world, who)
    result = await world.touches.send(by_hand(world, who, Channel.LINKEDIN))
    assert (result.outcome, result.ends) == (DENIED, Phase.OPTED_OUT)
    assert await world.rows(OutreachTask) == []


async def test_a_code_is_redeemed_once_by_its_own_contractor_in_time(world: World, sandbox: Sandbox) -> None:
    who, other = await world.enrolled(1), await world.enrolled(2)
    await world.touches.send(world.touch(who, template="limited_offer"))
    (code,) = await world.rows(PromoCode)
    assert code.code in mails(sandbox)[0]["text"]
    assert code.expires_at.astimezone(AUSTIN).date() == date(2026, 6, 23)
    async with world.database.transaction() as tx:
        assert await tx.outreach.redeem(code.code, other, TUESDAY) is None
        assert await tx.outreach.redeem(code.code, who, code.expires_at + timedelta(seconds=1)) is None
        assert await tx.outreach.redeem(code.code.lower(), who, TUESDAY) is not None
        assert await tx.outreach.redeem(code.code, who, TUESDAY) is None


async def test_the_last_letter_says_when_the_offer_ends(world: World, sandbox: Sandbox) -> None:
    who, late = await world.enrolled(1), await world.enrolled(2)
    await world.touches.send(world.touch(who, "outreach-6", template="limited_offer"))
    world.clock.now = TUESDAY + timedelta(days=14)
    await world.touches.send(world.touch(who, "outreach-8", template="final_follow_up"))
    subjects = [mail["subject"] for mail in mails(sandbox)]
    assert subjects == ["First month 50% off", "Last chance: first month 50% off expires tonight"]
    world.clock.now = TUESDAY + timedelta(days=15)
    await world.touches.send(world.touch(late, "outreach-8", template="final_follow_up"))
    assert mails(sandbox, 2)[0]["subject"].startswith("First month 50% off until ")


async def test_a_phase_that_began_anew_forgets_the_halt_before_it(world: World, sandbox: Sandbox) -> None:
    who = await world.enrolled()
    async with world.database.transaction() as tx:
        await tx.outreach.halt([who], "replied", TUESDAY)
    world.clock.pass_by(minutes=5)
    await world.records.enter_phase(
        PhaseChange(campaign_id=world.campaign_id, contractor_id=who, phase=Phase.NURTURE, cycle=1)
    )
    letter = world.touch(who, "nurture-1-0", template="nurture", purpose=Purpose.NURTURE)
    assert (await world.touches.send(letter)).outcome is TouchOutcome.SENT
