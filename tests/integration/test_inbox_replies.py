"""Answers by e-mail and text: whose they are, what they stop, and that their words stay in the database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.client import Client

from config.settings import Settings
from schema.database import Database
from schema.tables import OutreachTask
from tests.integration.inbox_world import Inbox, Touch, open_inbox


@pytest.fixture
async def inbox(settings: Settings, database: Database, temporal_client: Client) -> AsyncIterator[Inbox]:
    async with open_inbox(settings, database, temporal_client) as world:
        yield world


async def tasks(inbox: Inbox, touch: Touch) -> list[OutreachTask]:
    async with inbox.database.transaction() as tx:
        found = await tx.session.scalars(
            select(OutreachTask).where(col(OutreachTask.contractor_id) == touch.contractor)
        )
        return list(found)


@pytest.mark.parametrize(
    ("words", "kind", "sentiment", "asks_a_person"),
    [
        ("Yes, I am interested. Can you show me a demo?", "interested", "positive", False),
        ("Please call me back tomorrow at 2pm.", "callback", "positive", False),
        ("No thanks, we are not interested.", "not_interested", "negative", False),
        ("My cousin also has a truck.", "replied", "neutral", True),
    ],
)
async def test_an_answer_halts_and_leads_where_it_says(
    inbox: Inbox, words: str, kind: str, sentiment: str, asks_a_person: bool
) -> None:
    touch = await inbox.touch()
    assert (await inbox.reply(words, sender=touch.email, to=touch.reply_to)).status_code == 204
    (told,) = await inbox.told(touch)
    assert told["kind"] == kind
    assert bool(told.get("until")) == (kind == "callback")
    assert words not in str(told)
    row = await inbox.row(touch)
    assert (row.status, row.contractor_responded, row.response_text) == ("replied", True, words)
    assert row.response_sentiment == sentiment
    assert (await inbox.enrollment(touch)).halted_at is not None
    assert [task.kind for task in await tasks(inbox, touch)] == ["reply"] * asks_a_person
    assert await inbox.suppressed(touch) == frozenset()


async def test_an_answer_by_anyone_at_the_company_stops_the_company(inbox: Inbox) -> None:
    asked = await inbox.touch(domain="bigroofing.example")
    colleague = await inbox.touch(domain="bigroofing.example")
    stranger = await inbox.touch()
    await inbox.reply("Sounds good, I am interested", sender="boss@bigroofing.example", to=asked.reply_to)
    assert await inbox.kinds(asked) == ["interested"]
    assert await inbox.kinds(colleague) == ["replied"]
    assert await inbox.kinds(stranger) == []
    assert (await inbox.enrollment(colleague)).halted_at is not None
    assert (await inbox.enrollment(stranger)).halted_at is None


async def test_a_writer_is_known_by_token_then_address_then_domain(inbox: Inbox) -> None:
    by_token, by_address, by_domain = [await inbox.touch() for _ in range(3)]
    elsewhere = "hello@reply.ridgeline.example"
    await inbox.reply("I am interested", sender="me@private.example", to=by_token.reply_to)
    await inbox.reply("I am interested", sender=by_address.email.upper(), to=elsewhere)
    await inbox.reply("I am interested", sender=f"office@{by_domain.email.partition('@')[2]}", to=elsewhere)
    for touch in (by_token, by_address, by_domain):
        assert await inbox.kinds(touch) == ["interested"]
        assert (await inbox.row(touch)).response_text == "I am interested"


async def test_nobody_shares_a_mail_providers_domain(inbox: Inbox) -> None:
    touch = await inbox.touch(domain="mail.example", email_domain=None)
    await inbox.reply("I am interested", sender="other@mail.example", to="hello@reply.ridgeline.example")
    assert await inbox.kinds(touch) == []
    assert await inbox.states("sendgrid_inbound") == {"ignored": 1}


async def test_a_no_in_ordinary_words_is_everybodys_at_the_company(inbox: Inbox) -> None:
    asked = await inbox.touch(domain="bigroofing.example")
    colleague = await inbox.touch(domain="bigroofing.example")
    words = "Please take me off your list and do not contact us again."
    await inbox.reply(words, sender="boss@bigroofing.example", to=asked.reply_to)
    for touch in (asked, colleague):
        assert await inbox.suppressed(touch) == {"all"}
        assert await inbox.kinds(touch) == ["opted_out"]
    async with inbox.database.transaction() as tx:
        assert await tx.people.suppressed("boss@bigroofing.example", None) == {"all"}


async def test_a_strangers_no_is_kept_for_their_address(inbox: Inbox) -> None:
    await inbox.reply("unsubscribe", sender="who@nowhere.example", to="hello@reply.ridgeline.example")
    async with inbox.database.transaction() as tx:
        assert await tx.people.suppressed("who@nowhere.example", None) == {"all"}


async def test_an_absence_pauses_and_is_no_answer(inbox: Inbox) -> None:
    touch = await inbox.touch()
    back = datetime.now(UTC) + timedelta(days=9)
    words = f"I am out of the office and will be back on {back:%B %d, %Y}."
    headers = "Auto-Submitted: auto-replied\r\n"
    await inbox.reply(words, sender=touch.email, to=touch.reply_to, headers=headers, subject="Automatic reply: Roofs")
    (told,) = await inbox.told(touch)
    assert told["kind"] == "out_of_office"
    row = await inbox.enrollment(touch)
    assert row.halted_at is None
    assert row.paused_until is not None
    assert timedelta(days=7) < row.paused_until - datetime.now(UTC) < timedelta(days=11)
    assert (await inbox.row(touch)).contractor_responded is False


async def test_other_answers_by_machines_stop_nothing(inbox: Inbox) -> None:
    touch = await inbox.touch()
    words = "We have received your message. Your ticket number is 4711."
    await inbox.reply(words, sender=touch.email, to=touch.reply_to, headers="Auto-Submitted: auto-replied\r\n")
    await inbox.reply("Your message could not be delivered.", sender="x@y.example", to=touch.reply_to,
                      envelope='{"to": [], "from": ""}')  # fmt: skip
    assert await inbox.told(touch) == []
    assert (await inbox.enrollment(touch)).halted_at is None
    assert await inbox.states("sendgrid_inbound") == {"ignored": 2}


async def test_the_same_message_twice_is_one_answer(inbox: Inbox) -> None:
    touch = await inbox.touch()
    for _ in range(2):
        await inbox.reply("My cousin has a truck.", sender=touch.email, to=touch.reply_to, message_id="one")
    assert await inbox.kinds(touch) == ["replied"]
    assert len(await tasks(inbox, touch)) == 1


async def test_opens_bounces_and_answers_end_alike_in_every_order(inbox: Inbox) -> None:
    from tests.integration.inbox_world import event_of

    ends = set()
    for order in list(permutations(range(3)))[::2]:
        touch = await inbox.touch()
        steps = (
            lambda touch=touch: inbox.sendgrid(event_of(touch, "open", minutes=-5)),
            lambda touch=touch: inbox.reply("I am interested", sender=touch.email, to=touch.reply_to),
            lambda touch=touch: inbox.sendgrid(event_of(touch, "unsubscribe", minutes=-1)),
        )
        for index in order:
            assert (await steps[index]()).status_code == 204
        row = await inbox.row(touch)
        ends.add((row.status, row.response_text, row.opened_at is not None, row.unsubscribed_at is not None))
        assert sorted(await inbox.kinds(touch)) == ["interested", "opted_out"]
        assert await inbox.suppressed(touch) == {"all"}
    assert ends == {("replied", "I am interested", True, True)}


async def test_stop_and_start_by_text(inbox: Inbox) -> None:
    touch = await inbox.touch(channel="sms")
    assert (await inbox.text_us("Stop", touch.phone)).text.endswith("<Response></Response>")
    assert await inbox.suppressed(touch) == {"all"}
    assert await inbox.kinds(touch) == ["opted_out"]
    await inbox.text_us("START", touch.phone)
    async with inbox.database.transaction() as tx:
        # Texts are allowed again; calls and e-mail were refused too, and no text allows those.
        assert await tx.people.suppressed(None, touch.phone) == {"call"}
        assert await tx.people.suppressed(touch.email, None) == {"all"}


async def test_start_takes_back_nothing_but_stop(inbox: Inbox) -> None:
    touch = await inbox.touch(channel="sms")
    await inbox.text_us("please stop texting me", touch.phone)
    await inbox.text_us("START", touch.phone)
    assert await inbox.suppressed(touch) == {"all"}


async def test_help_by_text_changes_nothing(inbox: Inbox) -> None:
    touch = await inbox.touch(channel="sms")
    before = await inbox.everything("webhook_inbox")
    await inbox.text_us("HELP", touch.phone)
    assert await inbox.everything("webhook_inbox") == before
    assert await inbox.states("twilio_inbound") == {"processed": 1}


async def test_an_answer_by_text_halts(inbox: Inbox) -> None:
    touch = await inbox.touch(channel="sms")
    await inbox.text_us("Yes, I'm interested, tell me more", touch.phone)
    assert await inbox.kinds(touch) == ["interested"]
    assert (await inbox.row(touch)).response_text == "Yes, I'm interested, tell me more"
