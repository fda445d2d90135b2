"""Vendors' webhooks as the vendors would sign them, contractors to send them about, and the sequences they reach."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from twilio.request_validator import RequestValidator

from api.app import create_app
from config.settings import Settings
from schema.contracts.ids import sequence_workflow_id
from schema.database import Database
from schema.tables import Contractor, OutreachCampaign, OutreachTouchpoint, SequenceEnrollment
from tests.api_client import serving

SENDGRID_KEY = ec.derive_private_key(20_011, ec.SECP256R1())
TWILIO_TOKEN, INBOUND_TOKEN = "twilio-token-of-a-test", "inbound-token-of-a-test"
VAPI_SECRET, BLAND_SECRET, CALENDLY_KEY = "vapi-secret-of-a-test", "bland-secret-of-a-test", "calendly-key-of-a-test"
PUBLIC_URL = "https://api.ridgeline.example"


def with_secrets(settings: Settings) -> Settings:
    """Settings whose webhooks this module can sign."""
    public = SENDGRID_KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return settings.model_copy(
        update={
            "public_url": PUBLIC_URL,
            "sendgrid_webhook_public_key": base64.b64encode(public).decode(),
            "sendgrid_inbound_token": SecretStr(INBOUND_TOKEN),
            "twilio_auth_token": SecretStr(TWILIO_TOKEN),
            "vapi_webhook_secret": SecretStr(VAPI_SECRET),
            "bland_webhook_secret": SecretStr(BLAND_SECRET),
            "calendly_webhook_signing_key": SecretStr(CALENDLY_KEY),
            "inbound_mail_domain": "reply.ridgeline.example",
        }
    )


@dataclass
class Touch:
    """A contractor in a campaign, and one touch that was sent to them."""

    contractor: UUID
    campaign: UUID
    touchpoint: UUID
    email: str
    phone: str

    @property
    def reply_to(self) -> str:
        return f"reply+{self.touchpoint.hex}@reply.ridgeline.example"

    @property
    def workflow_id(self) -> str:
        return sequence_workflow_id(self.campaign, self.contractor)


@dataclass
class Inbox:
    """The API behind its own application, with the database and the Temporal namespace of the test."""

    api: httpx.AsyncClient
    database: Database
    temporal: Client
    settings: Settings
    numbers: list[int] = field(default_factory=lambda: list(range(1, 100)))

    # Rows.

    async def campaign(self, **values: Any) -> UUID:
        campaign = OutreachCampaign(id=uuid4(), name="A test", status="active", channels=["email", "sms"], **values)
        async with self.database.transaction() as tx:
            tx.session.add(campaign)
        return campaign.id

    async def touch(
        self, *, campaign: UUID | None = None, domain: str | None = None, channel: str = "email", **contractor: Any
    ) -> Touch:
        """A contractor, enrolled, to whom a touch went out an hour ago."""
        number = self.numbers.pop(0)
        campaign = campaign or await self.campaign()
        email = f"roofer{number}@{domain or f'roofing{number}.example'}"
        values: dict[str, Any] = {
            "company_name": f"Roofing {number}",
            "email": email,
            "email_domain": domain or f"roofing{number}.example",
            "phone": f"+1512555{number:04d}".replace("+1512555", "+1512478"),
            "city": "Austin",
            "state": "TX",
            "timezone": "America/Chicago",
            "acquisition_status": "contacted",
            **contractor,
        }
        sent = datetime.now(UTC) - timedelta(hours=1)
        person, touchpoint = Contractor(id=uuid4(), **values), uuid4()
        async with self.database.transaction() as tx:
            tx.session.add(person)
            await tx.session.flush()
            tx.session.add(
                SequenceEnrollment(
                    campaign_id=campaign,
                    contractor_id=person.id,
                    workflow_id=sequence_workflow_id(campaign, person.id),
                )
            )
            tx.session.add(
                OutreachTouchpoint(
                    id=touchpoint,
                    contractor_id=person.id,
                    campaign_id=campaign,
                    channel=channel,
                    template_used="cold_introduction",
                    status="sent",
                    sent_at=sent,
                    effect_key=f"touch-{campaign}-{person.id}-outreach-0",
                    touch_key="outreach-0",
                    purpose="outreach",
                )
            )
        return Touch(person.id, campaign, touchpoint, values["email"], values["phone"])

    async def row(self, touch: Touch) -> OutreachTouchpoint:
        async with self.database.transaction() as tx:
            found = await tx.outreach.touchpoint(touch.touchpoint)
        assert found is not None
        return found

    async def enrollment(self, touch: Touch) -> SequenceEnrollment:
        async with self.database.transaction() as tx:
            found = await tx.outreach.enrollment(touch.campaign, touch.contractor)
        assert found is not None
        return found

    async def suppressed(self, touch: Touch) -> frozenset[str]:
        async with self.database.transaction() as tx:
            return await tx.people.suppressed(touch.email, touch.phone)

    async def states(self, source: str) -> dict[str, int]:
        """How many inbox rows of a source there are in each state."""
        async with self.database.transaction() as tx:
            found = await tx.inbox.states()
        return {state: number for (where, state), number in found.items() if where == source}

    async def everything(self, *besides: str) -> dict[str, list[str]]:
        """Every row of every table as text: what a request changes shows in here."""
        async with self.database.transaction() as tx:
            names = await tx.session.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
            )
            return {
                name: sorted((await tx.session.scalars(text(f'SELECT t::text FROM "{name}" t'))).all())
                for name in names
                if name not in besides and name != "spatial_ref_sys"
            }

    async def told(self, touch: Touch) -> list[dict[str, Any]]:
        """The events that a sequence was signalled, in order of arrival; empty if it was never started."""
        handle = self.temporal.get_workflow_handle(touch.workflow_id)
        try:
            history = await handle.fetch_history()
        except RPCError as failure:
            if failure.status is RPCStatusCode.NOT_FOUND:
                return []
            raise
        return [
            json.loads(event.workflow_execution_signaled_event_attributes.input.payloads[0].data)
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        ]

    async def kinds(self, touch: Touch) -> list[str]:
        return [event["kind"] for event in await self.told(touch)]

    # Vendors.

    async def sendgrid(self, *events: Mapping[str, Any], at: datetime | None = None, **changes: Any) -> httpx.Response:
        body = json.dumps(list(events)).encode()
        return await self.sendgrid_raw(body, at=at, **changes)

    async def sendgrid_raw(self, body: bytes, at: datetime | None = None, **changes: str) -> httpx.Response:
        stamp = str(int((at or datetime.now(UTC)).timestamp()))
        signature = SENDGRID_KEY.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        headers = {
            "content-type": "application/json",
            "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            **changes,
        }
        return await self.api.post("/webhooks/sendgrid/events", content=body, headers=headers)

    async def reply(
        self, words: str, *, sender: str, to: str, message_id: str | None = None, headers: str = "", **fields: str
    ) -> httpx.Response:
        message = {
            "headers": f"Message-ID: <{message_id or uuid4()}@mail.example>\r\n{headers}",
            "from": f"Somebody <{sender}>",
            "to": f"Ridgeline <{to}>",
            "subject": "Re: Roofs",
            "text": words,
            "envelope": json.dumps({"to": [to], "from": sender}),
            **fields,
        }
        parts = {name: (None, value) for name, value in message.items()}
        return await self.api.post(f"/webhooks/sendgrid/inbound/{INBOUND_TOKEN}", files=parts)

    async def twilio(self, path: str, form: Mapping[str, str], **changes: str) -> httpx.Response:
        signature = RequestValidator(TWILIO_TOKEN).compute_signature(PUBLIC_URL + path, dict(form))
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": signature,
            **changes,
        }
        return await self.api.post(path, content=urlencode(form), headers=headers)

    async def text_us(self, words: str, phone: str, sid: str | None = None) -> httpx.Response:
        form = {"MessageSid": sid or f"SM{uuid4().hex}", "From": phone, "To": "+15125550100", "Body": words}
        return await self.twilio("/webhooks/twilio/inbound", form)

    async def vapi(self, message: Mapping[str, Any], at: datetime | None = None) -> httpx.Response:
        body = json.dumps({"message": message}).encode()
        stamp = str(int((at or datetime.now(UTC)).timestamp()))
        signature = hmac.new(VAPI_SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"X-Timestamp": stamp, "X-Signature": signature, "content-type": "application/json"}
        return await self.api.post("/webhooks/vapi", content=body, headers=headers)

    async def bland(self, call: Mapping[str, Any]) -> httpx.Response:
        body = json.dumps(call).encode()
        signature = hmac.new(BLAND_SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Webhook-Signature": signature, "content-type": "application/json"}
        return await self.api.post("/webhooks/bland", content=body, headers=headers)

    async def calendly(self, event: str, payload: Mapping[str, Any], at: datetime | None = None) -> httpx.Response:
        now = at or datetime.now(UTC)
        body = json.dumps({"event": event, "created_at": now.isoformat(), "payload": payload}).encode()
        stamp = str(int(now.timestamp()))
        signature = hmac.new(CALENDLY_KEY.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"Calendly-Webhook-Signature": f"t={stamp},v1={signature}", "content-type": "application/json"}
        return await self.api.post("/webhooks/calendly", content=body, headers=headers)


@asynccontextmanager
async def open_inbox(settings: Settings, database: Database, client: Client) -> AsyncIterator[Inbox]:
    """The whole API, its webhooks' secrets known to the test."""
    known = with_secrets(settings)
    async with serving(create_app(known)) as api:
        yield Inbox(api, database, client, known)


def event_of(touch: Touch, event: str, *, minutes: float = 0, **more: Any) -> dict[str, Any]:
    """An event of SendGrid about a touch, so many minutes after now."""
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    return {
        "email": touch.email,
        "timestamp": int(at.timestamp()),
        "event": event,
        "sg_event_id": uuid4().hex,
        "sg_message_id": f"{uuid4().hex[:20]}.recvd-1",
        "touchpoint_id": str(touch.touchpoint),
        **more,
    }
