"""Contractors in campaigns, and the one who sends to them, built as the messaging worker builds it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import SQLModel, col

from activities.messaging.letters import Letters, Sender
from activities.metering import call_meter
from activities.outreach.calls import Calls
from activities.outreach.channels.call import CallSender
from activities.outreach.channels.email import EmailSender
from activities.outreach.channels.sms import SmsSender
from activities.outreach.gate import ContactGate
from activities.outreach.links import Links
from activities.outreach.personal import Personaliser
from activities.outreach.sending import Touches
from activities.sequences.records import SequenceRecords
from config.settings import Settings
from domain.cadence import Channel, Condition, Window
from domain.compliance import Policy
from integrations.calendly import Calendly
from integrations.calls import call_provider
from integrations.ollama_llm import LanguageModel
from integrations.sendgrid_mail import SendGridMail
from integrations.twilio_messaging import TwilioMessaging
from schema.contracts.outreach import Enrollment, Purpose, SequenceRequest, SequenceStep, TouchRef
from schema.database import Database
from schema.tables import Contractor, Mailbox, OutreachCampaign, OutreachTouchpoint, SequenceEnrollment

TUESDAY = datetime(2026, 6, 9, 15, 0, tzinfo=UTC)
"""Ten in the morning in Austin, on a business day."""


@dataclass
class Clock:
    """A clock that a test sets."""

    now: datetime = TUESDAY

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        """Time goes on."""
        self.now += timedelta(**span)


@dataclass
class World:
    """One campaign; its contractors; who sends."""

    database: Database
    clock: Clock
    campaign_id: UUID
    touches: Touches = field(repr=False)
    senders: dict[Channel, Any] = field(repr=False)
    records: SequenceRecords = field(repr=False)

    async def contractor(self, number: int = 1, **values: Any) -> UUID:
        """A roofer of Austin."""
        row = Contractor(
            **{
                "company_name": f"Acme Roofing {number}",
                "owner_name": "Jo Miller",
                "email": f"jo{number}@acme{number}.example",
                "phone": f"+1512555{1000 + number}",
                "city": "Austin",
                "state": "TX",
                "timezone": "America/Chicago",
                "years_in_business": 12,
                **values,
            }
        )
        return await self.add(row)

    async def add(self, row: Any) -> Any:
        """Stores a row; returns its id."""
        async with self.database.transaction() as tx:
            tx.session.add(row)
            await tx.session.flush()
            return row.id

    async def enrolled(self, number: int = 1, **values: Any) -> UUID:
        """A contractor in the campaign's sequence."""
        contractor_id = await self.contractor(number, **values)
        assert (await self.enroll(contractor_id)).refusal is None
        return contractor_id

    async def enroll(self, contractor_id: UUID) -> Enrollment:
        """As the workflow does first."""
        return await self.records.enroll(SequenceRequest(campaign_id=self.campaign_id, contractor_id=contractor_id))

    def touch(self, contractor_id: UUID, key: str = "outreach-0", **step: Any) -> TouchRef:
        """A touch of the sequence: by default the first, with a letter that no model has a part in."""
        given = {"day": 0, "channel": Channel.EMAIL, "template": "case_study", "window": Window.BUSINESS, **step}
        own = {name: given.pop(name) for name in ("purpose", "meeting_id", "not_before", "after") if name in given}
        return TouchRef(
            campaign_id=self.campaign_id,
            contractor_id=contractor_id,
            key=key,
            step=SequenceStep(**given),
            starts_at=self.clock.now,
            **own,
        )

    def text(self, contractor_id: UUID, key: str = "outreach-7", **step: Any) -> TouchRef:
        """The text of day 11."""
        return self.touch(
            contractor_id, key, channel=Channel.SMS, template="check_in", condition=Condition.HAS_PHONE, **step
        )

    def call(self, contractor_id: UUID, key: str = "outreach-2") -> TouchRef:
        """The call of day 2."""
        return self.touch(contractor_id, key, channel=Channel.CALL, template="demo_call", condition=Condition.HAS_PHONE)

    async def calls_allowed(self, contractor_id: UUID) -> None:
        """Written consent to calls by a machine, and a fresh Do Not Call list without the number."""
        row = await self.row(Contractor, contractor_id)
        async with self.database.transaction() as tx:
            await tx.people.grant_consent(row.phone, "call", "express_written", "test", wording="Call me")
            await tx.people.load_dnc({"512": []}, self.clock.now)

    async def texts_allowed(self, contractor_id: UUID) -> None:
        """Consent to texts, and a fresh Do Not Call list without the number."""
        row = await self.row(Contractor, contractor_id)
        async with self.database.transaction() as tx:
            await tx.people.grant_consent(row.phone, "sms", "express", "test")
            await tx.people.load_dnc({"512": []}, self.clock.now)

    async def row(self, table: type[Any], row_id: UUID) -> Any:
        """A row by its id."""
        async with self.database.transaction() as tx:
            return await tx.session.get(table, row_id)

    async def rows(self, table: type[SQLModel], **where: Any) -> list[Any]:
        """Rows with these values."""
        query = select(table).where(*(col(getattr(table, name)) == value for name, value in where.items()))
        async with self.database.transaction() as tx:
            return list((await tx.session.scalars(query)).all())

    async def touchpoint(self, touch: TouchRef) -> OutreachTouchpoint:
        """The row of a touch."""
        (row,) = await self.rows(OutreachTouchpoint, contractor_id=touch.contractor_id, touch_key=touch.key)
        assert isinstance(row, OutreachTouchpoint)
        return row

    async def enrollment(self, contractor_id: UUID) -> SequenceEnrollment:
        """The contractor's place."""
        (row,) = await self.rows(SequenceEnrollment, contractor_id=contractor_id)
        assert isinstance(row, SequenceEnrollment)
        return row

    async def change(self, table: type[Any], row_id: UUID, **values: Any) -> None:
        """Changes a row."""
        async with self.database.transaction() as tx:
            row = await tx.session.get(table, row_id)
            for name, value in values.items():
                setattr(row, name, value)

    async def mailbox(self, address: str = "dana@mail.example", cap: int = 40, warm_up: date | None = None) -> UUID:
        """A mailbox to write from."""
        return await self.add(
            Mailbox(address=address, display_name="Dana at Ridgeline", daily_cap=cap, warm_up_from=warm_up)
        )


async def make_world(
    database: Database,
    settings: Settings,
    policy: Policy | None = None,
    clock: Clock | None = None,
    **campaign: Any,
) -> World:
    """An active campaign and a sender of letters, texts and calls."""
    clock = clock or Clock()
    row = OutreachCampaign(
        **{
            "name": "Austin", "type": "cold_outreach", "target_city": "Austin", "target_state": "TX",
            "status": "active", "channels": ["email", "call", "sms"], **campaign,
        }
    )  # fmt: skip
    async with database.transaction() as tx:
        tx.session.add(row)
        await tx.session.flush()
    meter = call_meter(database)
    letters = Letters(Sender.from_settings(settings))
    links = Links(Calendly.from_settings(settings, meter), settings.public_url)
    model = LanguageModel.from_settings(settings, meter)
    personaliser = Personaliser(model)
    calls = Calls(database, call_provider(settings, meter), model)
    mail = SendGridMail.from_settings(settings, meter)
    senders: dict[Channel, Any] = {
        Channel.EMAIL: EmailSender(database, mail, letters, links, personaliser, settings.inbound_mail_domain),
        Channel.SMS: SmsSender(
            database, TwilioMessaging.from_settings(settings, meter), letters, links, settings.public_url
        ),
        Channel.CALL: CallSender(database, calls, settings.email_from_name, settings.call_voice_id),
    }
    gate = ContactGate(policy) if policy is not None else ContactGate()
    return World(
        database, clock, row.id, Touches(database, senders, letters, gate, clock), senders,
        SequenceRecords(database, clock),
    )  # fmt: skip


__all__ = ["TUESDAY", "Clock", "Decimal", "Purpose", "World", "make_world"]
