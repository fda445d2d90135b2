"""What SendGrid tells its customer: signed events of a mail, and answers to it through Inbound Parse."""

import base64
import json
from datetime import UTC, datetime
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from typing import Annotated, Any, Literal

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from sandbox.world import Mail, World

EVENTS_PATH = "/webhooks/sendgrid/events"
INBOUND_PATH = "/webhooks/sendgrid/inbound"
INBOUND_TOKEN = "sandbox-inbound-token"  # noqa: S105
SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"

_KEY = ec.derive_private_key(int.from_bytes(sha256(b"sandbox sendgrid webhook key").digest()), ec.SECP256R1())
PUBLIC_KEY = base64.b64encode(
    _KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
"""What SendGrid shows its customer: base64 of the key, always the same one."""

_BROWSER = {
    "useragent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15",
    "ip": "203.0.113.7",
}
USUAL: dict[str, dict[str, Any]] = {
    "processed": {},
    "deferred": {"response": "451 4.7.1 try again later", "attempt": "1"},
    "delivered": {"response": "250 2.0.0 OK", "ip": "203.0.113.25", "tls": 1},
    "open": {**_BROWSER, "sg_content_type": "html", "sg_machine_open": False},
    "click": {**_BROWSER, "url": "https://ridgeline.example/", "url_offset": {"index": 0, "type": "html"}},
    "bounce": {
        "type": "bounce",
        "status": "5.1.1",
        "reason": "550 5.1.1 the address does not exist",
        "bounce_classification": "Invalid Address",
    },
    "dropped": {"reason": "Bounced Address", "status": "5.0.0"},
    "spamreport": {},
    "unsubscribe": {},
    "group_unsubscribe": {**_BROWSER, "url": "https://ridgeline.example/", "asm_group_id": 10},
    "group_resubscribe": {**_BROWSER, "url": "https://ridgeline.example/", "asm_group_id": 10},
}
"""Events with the fields of their own that SendGrid sends, unless a trigger says otherwise."""

Copies = Annotated[int, Field(ge=1, le=100)]
BOUNDARY = "xYzZY"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Event(BaseModel):
    """One event. Any other field replaces or joins the usual ones, so that odd events can be told too."""

    model_config = ConfigDict(extra="allow")

    event: Literal[
        "processed", "deferred", "delivered", "open", "click", "bounce", "dropped", "spamreport", "unsubscribe",
        "group_unsubscribe", "group_resubscribe",
    ]  # fmt: skip
    timestamp: int | None = None
    sg_event_id: str | None = None


class Events(_Strict):
    """Events of the latest mail that fits all that is named.

    `custom_args` are compared with the mail's; `touchpoint_id` is short for one of them. `timestamp_offset` moves
    the signed time by seconds; `tamper` changes the body after it is signed.
    """

    touchpoint_id: str | None = None
    message_id: str | None = None
    email: str | None = None
    custom_args: dict[str, str] = {}
    events: Annotated[list[Event], Field(min_length=1, max_length=1000)]
    copies: Copies = 1
    tamper: bool = False
    timestamp_offset: int = 0


class Reply(_Strict):
    """A mail to an address that Inbound Parse takes. `headers` join or replace the usual ones.

    `charset` is that of the text as it is posted; `tamper` posts to an address with another token.
    """

    to: str
    sender: str = Field(alias="from")
    subject: str = ""
    text: str = ""
    html: str | None = None
    headers: dict[str, str] = {}
    charset: str = "UTF-8"
    copies: Copies = 1
    tamper: bool = False


def router(world: World) -> APIRouter:
    """Routes under /control/sendgrid."""
    routes = APIRouter(prefix="/control/sendgrid")

    @routes.post("/events")
    async def events(trigger: Events) -> dict[str, Any]:
        mail = _mail(world, trigger)
        told = [_event(world, mail, event) for event in trigger.events]
        body = rendered(told)
        headers = signed(body, int(datetime.now(UTC).timestamp()) + trigger.timestamp_offset)
        sent = body.replace(b'"email":"', b'"email":"x', 1) if trigger.tamper else body
        statuses = await world.webhooks.deliver_copies(trigger.copies, EVENTS_PATH, sent, headers)
        return {"statuses": statuses, "sg_event_ids": [event["sg_event_id"] for event in told]}

    @routes.post("/reply")
    async def reply(trigger: Reply) -> dict[str, Any]:
        try:
            message_id, body = parsed(world, trigger)
        except (LookupError, UnicodeEncodeError) as failure:
            raise HTTPException(422, "The text cannot be written in this charset.") from failure
        path = f"{INBOUND_PATH}/{'x' if trigger.tamper else ''}{INBOUND_TOKEN}"
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "User-Agent": "SendGrid"}
        statuses = await world.webhooks.deliver_copies(trigger.copies, path, body, headers)
        return {"statuses": statuses, "message_id": message_id}

    return routes


def signed(body: bytes, stamp: int) -> dict[str, str]:
    """Headers of a signed event webhook: ECDSA over the time and the body."""
    signature = _KEY.sign(str(stamp).encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "Content-Type": "application/json",
        "User-Agent": "SendGrid Event API",
        SIGNATURE_HEADER: base64.b64encode(signature).decode(),
        TIMESTAMP_HEADER: str(stamp),
    }


def rendered(events: list[dict[str, Any]]) -> bytes:
    """Events as SendGrid writes them: a JSON list with one to a line."""
    lines = ",\r\n".join(json.dumps(event, separators=(",", ":")) for event in events)
    return f"[{lines}]\r\n".encode()


def parsed(world: World, reply: Reply) -> tuple[str, bytes]:
    """A reply's Message-ID and the form in which Inbound Parse posts it."""
    sender = parseaddr(reply.sender)[1]
    usual = {
        "Received": "by mx.example with SMTP",
        "From": reply.sender,
        "Date": format_datetime(datetime.now(UTC)),
        "Subject": reply.subject,
        "To": reply.to,
        "Message-ID": f"<{world.mailbox.next_id(world.seed)}@{sender.rpartition('@')[2]}>",
    }
    given = {name.lower() for name in reply.headers}
    headers = {name: value for name, value in usual.items() if name.lower() not in given} | reply.headers
    message_id = next(value for name, value in headers.items() if name.lower() == "message-id")
    charsets = {"to": "UTF-8", "subject": "UTF-8", "from": "UTF-8", "text": reply.charset}
    fields: dict[str, bytes] = {
        "headers": "".join(f"{name}: {value}\n" for name, value in headers.items()).encode(),
        "dkim": f"{{@{sender.rpartition('@')[2]} : pass}}".encode(),
        "to": reply.to.encode(),
        "from": reply.sender.encode(),
        "text": reply.text.encode(reply.charset),
        "sender_ip": b"203.0.113.26",
        "envelope": json.dumps({"to": [parseaddr(reply.to)[1]], "from": sender}).encode(),
        "attachments": b"0",
        "subject": reply.subject.encode(),
        "SPF": b"pass",
    }
    if reply.html is not None:
        fields["html"] = reply.html.encode()
        charsets["html"] = "UTF-8"
    fields["charsets"] = json.dumps(charsets).encode()
    return message_id, _multipart(fields)


def _multipart(fields: dict[str, bytes]) -> bytes:
    boundary = b"--" + BOUNDARY.encode()
    parts = [
        boundary + b'\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + value + b"\r\n"
        for name, value in fields.items()
    ]
    return b"".join(parts) + boundary + b"--\r\n"


def _mail(world: World, trigger: Events) -> Mail:
    wanted = trigger.custom_args | ({"touchpoint_id": trigger.touchpoint_id} if trigger.touchpoint_id else {})
    for mail in reversed(world.mailbox.mails):
        named = trigger.message_id in (None, mail.message_id, mail.message_id.partition(".")[0])
        if named and trigger.email in (None, mail.to) and wanted.items() <= mail.custom_args.items():
            return mail
    raise HTTPException(404, "No mail in the mailbox fits.")


def _event(world: World, mail: Mail, event: Event) -> dict[str, Any]:
    serial = world.mailbox.next_id(world.seed)
    told = {
        "email": mail.to,
        "timestamp": event.timestamp or int(datetime.now(UTC).timestamp()),
        "smtp-id": f"<{mail.message_id}@geopod-ismtpd-0>",
        "event": event.event,
        "category": list(mail.categories),
        "sg_event_id": event.sg_event_id or base64.urlsafe_b64encode(serial.encode()).decode().rstrip("="),
        "sg_message_id": mail.message_id,
    }
    return mail.custom_args | told | USUAL[event.event] | (event.model_extra or {})
