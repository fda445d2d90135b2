"""Contractors are told of a lead once, through the real SDK and the sandbox's mailbox, whatever goes wrong."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from activities.messaging.activities import MessagingActivities
from config.settings import Settings
from integrations.http import VendorError, VendorNotReached, VendorRejected
from integrations.sendgrid_mail import SendGridMail
from schema.contracts.property import NotifySummary, Reason
from schema.database import Database
from schema.tables import ApiUsageLog, Effect, Notification, SuppressionEntry, SystemEvent
from tests.conftest import as_environment
from tests.integration.lead_world import House, activities, admit, houses, publish, run
from tests.support.sandbox import Sandbox
from workflows.options import TaskQueue


@pytest.fixture
async def messaging(sandbox_settings: Settings) -> AsyncIterator[MessagingActivities]:
    quick = sandbox_settings.model_copy(update={"vendor_timeout_seconds": 1.0})
    async with activities(quick, TaskQueue.MESSAGING) as built:
        yield built


@pytest.fixture
async def house(database: Database, sandbox: Sandbox) -> House:
    return await admit(database, houses(sandbox)[0])


def mailbox(sandbox: Sandbox) -> dict[str, int]:
    counts: dict[str, int] = sandbox.get("/control/mailbox")["by_recipient"]
    return counts


def everyone(count: int = 3) -> dict[str, int]:
    return {f"roofer{number}@contractor.example": 1 for number in range(count)}


async def states(database: Database, lead_id: UUID) -> dict[str, int]:
    async with database.transaction() as tx:
        return await tx.notifications.email_states(lead_id)


async def effect_state(database: Database, lead_id: UUID) -> str | None:
    async with database.transaction() as tx:
        return await tx.session.scalar(select(col(Effect.state)).where(col(Effect.key) == f"notify-{lead_id}"))


async def error_events(database: Database) -> list[str]:
    async with database.transaction() as tx:
        found = await tx.session.scalars(
            select(col(SystemEvent.event_type)).where(col(SystemEvent.severity) == "error")
        )
        return [str(name) for name in found]


async def test_every_matched_contractor_gets_one_mail(
    messaging: MessagingActivities, database: Database, sandbox: Sandbox, house: House
) -> None:
    await publish(database, house)
    for _ in range(3):
        assert await run(messaging.notify_contractors, house.ref) == NotifySummary(notified=3)
    assert mailbox(sandbox) == everyone()
    assert await states(database, house.lead_id) == {"sent": 3}
    async with database.transaction() as tx:
        sent = (await tx.session.scalars(select(Notification).where(col(Notification.channel) == "email"))).all()
        calls = (await tx.session.scalars(select(ApiUsageLog))).all()
    assert all(notice.sent_at is not None and notice.external_id for notice in sent)
    assert [(call.api_provider, call.api_endpoint, call.entity_id) for call in calls] == [
        ("sendgrid", "mail_send", house.lead_id)
    ]


async def test_a_mail_shows_the_preview_and_nothing_of_owner_or_house_number(
    messaging: MessagingActivities, database: Database, sandbox: Sandbox, house: House
) -> None:
    contractors = await publish(database, house)
    await run(messaging.notify_contractors, house.ref)
    mails: list[dict[str, Any]] = sandbox.get("/control/mailbox")["mails"]
    number, _, street = house.truth["address"].partition(" ")
    people = sandbox.get("/control/people")
    async with database.transaction() as tx:
        rows = await tx.session.scalars(select(Notification).where(col(Notification.channel) == "email"))
        notices = {str(row.contractor_id): str(row.id) for row in rows}
    by_mail = {contractor.email: notices[str(contractor.id)] for contractor in contractors}
    for mail in mails:
        shown = mail["subject"] + mail["text"] + mail["html"]
        assert street.split()[0].lower() in shown.lower()
        assert f" {number} " not in shown
        assert f"{number} {street}".lower() not in shown.lower()
        assert not [person for person in people if person in shown]
        assert "100 Example Street" in mail["text"]
        assert f"/unsubscribe/{by_mail[mail['to']]}" in mail["text"]
        assert f"/unsubscribe/{by_mail[mail['to']]}" in mail["html"]
        assert "-unsubscribe_url-" not in shown
        assert mail["headers"]["List-Unsubscribe"].endswith(f"/unsubscribe/{by_mail[mail['to']]}>")
        assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail["custom_args"] == {
            "effect_key": f"notify-{house.lead_id}",
            "notification_id": by_mail[mail["to"]],
        }


async def test_suppressed_addresses_get_none(
    messaging: MessagingActivities, database: Database, sandbox: Sandbox, house: House
) -> None:
    await publish(database, house)
    async with database.transaction() as tx:
        for address, channel in (("Roofer0@contractor.example", "email"), ("roofer2@contractor.example", "all")):
            index = database.vault.blind_index(address)
            tx.session.add(SuppressionEntry(address_bidx=index, channel=channel, reason="opt_out"))
    assert await run(messaging.notify_contractors, house.ref) == NotifySummary(notified=1)
    assert mailbox(sandbox) == {"roofer1@contractor.example": 1}
    assert (await states(database, house.lead_id))["failed"] == 2


async def test_a_lead_off_the_market_is_not_announced(
    messaging: MessagingActivities, database: Database, sandbox: Sandbox, house: House
) -> None:
    from schema.contracts.base import LeadStatus

    await publish(database, house)
    async with database.transaction() as tx:
        await tx.leads.set_status(house.lead_id, LeadStatus.SOLD)
    assert await run(messaging.notify_contractors, house.ref) == NotifySummary()
    assert mailbox(sandbox) == {}


async def test_nobody_to_tell_is_no_effect(
    messaging: MessagingActivities, database: Database, sandbox: Sandbox, house: House
) -> None:
    assert await run(messaging.notify_contractors, house.ref) == NotifySummary()
    assert await effect_state(database, house.lead_id) is None
    assert sandbox.get("/control/mailbox")["count"] == 0


@pytest.mark.parametrize(
    ("kind", "seconds"), [("after_effect", None), ("after_effect", 5.0)], ids=["500 after sending", "answer lost"]
)
async def test_an_answer_lost_after_sending_is_found_not_sent_again(
    messaging: MessagingActivities,
    database: Database,
    sandbox: Sandbox,
    house: House,
    kind: str,
    seconds: float | None,
) -> None:
    await publish(database, house)
    sandbox.fault("sendgrid", kind, count=1, path="/mail/send", **({"seconds": seconds} if seconds else {}))
    for _ in range(2):
        assert await run(messaging.notify_contractors, house.ref) == NotifySummary(notified=3)
    assert mailbox(sandbox) == everyone()
    assert await effect_state(database, house.lead_id) == "done"
    assert await error_events(database) == []


@pytest.mark.parametrize(
    ("kind", "seconds"), [("error", None), ("timeout", 5.0)], ids=["500 before sending", "silence"]
)
async def test_what_nobody_knows_is_left_to_a_person(
    messaging: MessagingActivities,
    database: Database,
    sandbox: Sandbox,
    house: House,
    kind: str,
    seconds: float | None,
) -> None:
    """SendGrid has no trace: perhaps it never had it, perhaps the search lags. It is not sent again."""
    await publish(database, house)
    sandbox.fault("sendgrid", kind, count=1, path="/mail/send", **({"seconds": seconds} if seconds else {}))
    for _ in range(2):
        assert await run(messaging.notify_contractors, house.ref) == NotifySummary(unknown=3)
    assert mailbox(sandbox) == {}
    assert await effect_state(database, house.lead_id) == "unknown"
    assert await error_events(database) == ["effect_unknown"]


async def test_throttling_is_tried_again(
    messaging: MessagingActivities, database: Database, sandbox: Sandbox, house: House
) -> None:
    await publish(database, house)
    sandbox.fault("sendgrid", "throttle", count=1, seconds=3)
    with pytest.raises(VendorNotReached) as refused:
        await run(messaging.notify_contractors, house.ref)
    assert refused.value.retry_after == 3
    assert await effect_state(database, house.lead_id) is None
    assert await run(messaging.notify_contractors, house.ref) == NotifySummary(notified=3)
    assert mailbox(sandbox) == everyone()


async def test_a_wrong_key_sends_nothing_and_mending_it_sends(
    sandbox_settings: Settings, database: Database, sandbox: Sandbox, house: House
) -> None:
    from pydantic import SecretStr

    await publish(database, house)
    wrong = sandbox_settings.model_copy(update={"sendgrid_api_key": SecretStr(" ")})
    async with activities(wrong, TaskQueue.MESSAGING) as built:
        with pytest.raises(VendorRejected):
            await run(built.notify_contractors, house.ref)
    async with activities(sandbox_settings, TaskQueue.MESSAGING) as built:
        assert await run(built.notify_contractors, house.ref) == NotifySummary(notified=3)
    assert mailbox(sandbox) == everyone()


async def test_a_request_the_vendor_refuses_fails_with_a_reason(
    sandbox_settings: Settings, database: Database, sandbox: Sandbox, house: House
) -> None:
    await publish(database, house)
    broken = sandbox_settings.model_copy(update={"email_from": "not an address"})
    async with activities(broken, TaskQueue.MESSAGING) as built:
        for _ in range(2):
            assert await run(built.notify_contractors, house.ref) == NotifySummary(reason=Reason.NOTIFICATION_FAILED)
    assert await states(database, house.lead_id) == {"failed": 3, "failed_delivery": 3}
    assert mailbox(sandbox) == {}


async def test_two_workers_at_once_send_once(
    sandbox_settings: Settings, database: Database, sandbox: Sandbox, house: House
) -> None:
    await publish(database, house)
    sandbox.fault("sendgrid", "latency", count=1, seconds=0.5, path="/mail/send")
    async with (
        activities(sandbox_settings, TaskQueue.MESSAGING) as one,
        activities(sandbox_settings, TaskQueue.MESSAGING) as other,
    ):
        summaries = await asyncio.gather(*(run(each.notify_contractors, house.ref) for each in (one, other)))
    assert summaries == [NotifySummary(notified=3)] * 2
    assert mailbox(sandbox) == everyone()


DYING = """
import asyncio, os, sys
from uuid import UUID
from temporalio.testing import ActivityEnvironment
from config.settings import Settings
from integrations.sendgrid_mail import SendGridMail
from schema.contracts.base import LeadRef
from tests.integration.lead_world import activities
from workflows.options import TaskQueue

class DyingMail(SendGridMail):
    async def send(self, batch):
        if sys.argv[2] == "before":
            os._exit(9)
        await super().send(batch)
        os._exit(9)

async def main():
    import integrations.sendgrid_mail as module
    module.SendGridMail = DyingMail
    async with activities(Settings(), TaskQueue.MESSAGING) as built:
        await ActivityEnvironment().run(built.notify_contractors, LeadRef(lead_id=UUID(sys.argv[1])))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("moment", "mails", "summary"),
    [("after", everyone(), NotifySummary(notified=3)), ("before", {}, NotifySummary(unknown=3))],
    ids=["killed after sending", "killed before sending"],
)
async def test_a_killed_worker_leaves_no_second_mail(
    sandbox_settings: Settings,
    messaging: MessagingActivities,
    database: Database,
    sandbox: Sandbox,
    house: House,
    moment: str,
    mails: dict[str, int],
    summary: NotifySummary,
) -> None:
    await publish(database, house)
    died = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", DYING, str(house.lead_id), moment],
        env=as_environment(sandbox_settings),
        capture_output=True,
        timeout=60,
    )
    assert died.returncode == 9, died.stderr.decode()
    assert await effect_state(database, house.lead_id) == "started"
    assert await states(database, house.lead_id) == {"pending": 3}
    assert await run(messaging.notify_contractors, house.ref) == summary
    assert mailbox(sandbox) == mails


async def test_find_asks_email_activity_by_our_key(sandbox_settings: Settings, sandbox: Sandbox) -> None:
    from integrations.http import ApiCall
    from integrations.sendgrid_mail import MailBatch, Recipient

    async def ignore(call: ApiCall) -> None:
        """Nothing to book."""

    mail = SendGridMail.from_settings(sandbox_settings, ignore)
    assert await mail.find("nobody-1") is None
    batch = MailBatch("somebody-1", "Subject", "text", "<p>text</p>", [Recipient("a@contractor.example")], "test")
    message_id = await mail.send(batch)
    assert message_id
    found = await mail.find("somebody-1")
    assert found is not None
    assert found.startswith(message_id)
    assert await mail.find("somebody") is None


@pytest.mark.parametrize("kind", ["garbage", "error", "throttle"])
async def test_find_says_when_it_cannot_tell(sandbox_settings: Settings, sandbox: Sandbox, kind: str) -> None:
    from integrations.http import ApiCall

    async def ignore(call: ApiCall) -> None:
        """Nothing to book."""

    sandbox.fault("sendgrid", kind, path="/messages")
    with pytest.raises(VendorError):
        await SendGridMail.from_settings(sandbox_settings, ignore).find("somebody-1")
