"""Answers by e-mail and text: whose they are, what they say, and what they stop (spec 3.6.4, 6.3)."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from activities.inbox.findings import Finding, notices
from activities.outreach.opt_out import opt_out
from domain.replies import Intent, Reading, read_reply
from schema.contracts.inbox import Notice
from schema.contracts.outreach import EventKind
from schema.database import UnitOfWork
from schema.repositories.inbox import InboxItem
from schema.repositories.responses import STOP_KEYWORD, Writer

EVENTS: Mapping[Intent, EventKind] = {
    Intent.INTERESTED: EventKind.INTERESTED,
    Intent.CALLBACK: EventKind.CALLBACK,
    Intent.NOT_INTERESTED: EventKind.NOT_INTERESTED,
}
"""Whatever else an answer says, a person reads it."""

SENTIMENTS: Mapping[Intent, str] = {
    Intent.INTERESTED: "positive",
    Intent.CALLBACK: "positive",
    Intent.NOT_INTERESTED: "negative",
    Intent.OPT_OUT: "negative",
}
DEFAULT_ABSENCE = timedelta(days=7)
"""Of somebody who is away and does not say until when."""

INSTRUCTIONS = "Read the answer kept with this touchpoint and reply to it; what comes of it is entered with the task."


async def reply(tx: UnitOfWork, item: InboxItem) -> Finding:
    """An e-mail to us. Its writer is known by the address it went to, else by theirs, else by their company's."""
    fact = item.fact
    writers = await tx.responses.writers(fact.tokens, fact.address)
    asked = _addressed(writers)
    reading = _read(item, asked)
    if fact.automatic and reading.intent is not Intent.OUT_OF_OFFICE:
        return Finding(ignored="automatic_reply")
    return await _heard(tx, item, "email", writers, asked, reading)


async def text_message(tx: UnitOfWork, item: InboxItem) -> Finding:
    """A text to us. STOP and HELP are answered by the carrier; START takes back what STOP did, and no more."""
    fact = item.fact
    if fact.address is None:
        return Finding(ignored="unknown_sender")
    writers = await tx.responses.with_phone(fact.address)
    reading = _read(item, writers)
    if reading.intent is Intent.HELP:
        return Finding()
    if reading.intent is Intent.START:
        lifted = await tx.responses.allow_texts_again(fact.address, fact.at)
        return Finding() if lifted else Finding(ignored="nothing_to_lift")
    return await _heard(tx, item, "sms", writers, writers, reading)


def _read(item: InboxItem, asked: Sequence[Writer]) -> Reading:
    zone = next((writer.zone for writer in asked if writer.zone), None)
    return read_reply(item.fact.text or "", item.fact.at, zone, subject=item.fact.subject or "")


def _addressed(writers: Sequence[Writer]) -> list[Writer]:
    """Those the answer is from; the others are at the same company."""
    by_token = [writer for writer in writers if writer.touchpoint_id is not None]
    by_address = [writer for writer in writers if writer.by_address]
    return by_token or by_address or list(writers)


async def _heard(
    tx: UnitOfWork,
    item: InboxItem,
    channel: str,
    writers: Sequence[Writer],
    asked: Sequence[Writer],
    reading: Reading,
) -> Finding:
    if reading.intent is Intent.OPT_OUT:
        return await _opted_out(tx, item, channel, writers, asked, reading)
    if not writers:
        return Finding(ignored="unknown_sender")
    if reading.intent is Intent.OUT_OF_OFFICE:
        return await _away(tx, item, asked, reading)
    return await _answered(tx, item, channel, writers, asked, reading)


async def _opted_out(
    tx: UnitOfWork,
    item: InboxItem,
    channel: str,
    writers: Sequence[Writer],
    asked: Sequence[Writer],
    reading: Reading,
) -> Finding:
    """Anyone's no is the company's; a stranger's is kept for the address it came from."""
    fact = item.fact
    source = STOP_KEYWORD if channel == "sms" and reading.keyword else "reply" if channel == "email" else "text"
    told: list[Notice] = []
    for writer in writers:
        live = await opt_out(tx, writer.contractor_id, "all", source, "opt_out", fact.at)
        told += notices(item, EventKind.OPTED_OUT, live)
    if fact.address:
        await tx.people.suppress(fact.address, "all", "opt_out", source)
    await _keep(tx, item, channel, asked, reading)
    return Finding(told, None if writers else "unknown_sender")


async def _away(tx: UnitOfWork, item: InboxItem, asked: Sequence[Writer], reading: Reading) -> Finding:
    """Nothing unasked until they are back. An absence notice is no answer: nothing stops for good."""
    until = reading.until or item.fact.at + DEFAULT_ABSENCE
    absent = [writer.contractor_id for writer in asked]
    await tx.responses.pause(absent, until)
    return Finding(notices(item, EventKind.OUT_OF_OFFICE, await tx.outreach.live(absent), until=until))


async def _answered(
    tx: UnitOfWork,
    item: InboxItem,
    channel: str,
    writers: Sequence[Writer],
    asked: Sequence[Writer],
    reading: Reading,
) -> Finding:
    """Whatever was under way unasked stops for the whole company; who answered goes where the answer leads."""
    # A message that is just being handed over is waited for, so that none follows this one.
    for writer in writers:
        await tx.people.lock(writer.contractor_id)
    kind = EVENTS.get(reading.intent, EventKind.REPLIED)
    live = await tx.outreach.halt([writer.contractor_id for writer in writers], reading.intent.value, item.fact.at)
    await _keep(tx, item, channel, asked, reading)
    names = {writer.contractor_id for writer in asked}
    theirs = [each for each in live if each.contractor_id in names]
    colleagues = [each for each in live if each.contractor_id not in names]
    return Finding(
        [
            *notices(item, kind, theirs, until=reading.until),
            *notices(item, EventKind.REPLIED, colleagues),
        ]
    )


async def _keep(tx: UnitOfWork, item: InboxItem, channel: str, asked: Sequence[Writer], reading: Reading) -> None:
    """The words stay with the touchpoint they answer, in the database only; a person gets what rules cannot read."""
    fact = item.fact
    sentiment = SENTIMENTS.get(reading.intent, "neutral")
    for writer in asked:
        touchpoint_id = await tx.responses.answered(
            writer.contractor_id, channel, writer.touchpoint_id, fact.at, fact.text or "", sentiment
        )
        if reading.intent not in EVENTS and reading.intent is not Intent.OPT_OUT:
            await tx.outreach.open_task(
                f"reply-{item.id}-{writer.contractor_id}",
                "reply",
                writer.contractor_id,
                fact.at,
                touchpoint_id=touchpoint_id,
                instructions=INSTRUCTIONS,
            )
