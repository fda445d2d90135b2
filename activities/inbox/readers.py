"""Each vendor's deliveries as facts (spec 3.6.4, 7.2): one table or function per vendor, nothing looked up.

Whatever a delivery holds, a reader returns: what it cannot read becomes a fact that says so, since a vendor
that is answered with an error only sends the same again.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import getaddresses
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import TypeAdapter

from domain.contact_points import email_address, us_phone
from integrations.http import VendorError
from schema.calls import CallReport
from schema.contracts.inbox import Fact, FactKind
from schema.repositories.inbox import Incoming, storable

if TYPE_CHECKING:
    from integrations.calls import CallEvent

SENDGRID, SENDGRID_INBOUND = "sendgrid", "sendgrid_inbound"
TWILIO, TWILIO_INBOUND = "twilio", "twilio_inbound"
VAPI, BLAND, CALENDLY = "vapi", "bland_ai", "calendly"
UNSUBSCRIBE = "unsubscribe"

MAX_TEXT = 20_000
MAX_EVENTS = 5_000
"""Of one delivery; SendGrid sends about a thousand at most."""

_PLAIN_ID = re.compile(r"[\x21-\x7e]{1,200}")
_REPLY_TOKEN = re.compile(r"reply\+([0-9a-f]{32})@", re.ASCII | re.IGNORECASE)
_MESSAGE_ID = re.compile(r"^message-id:\s*(<[^>\r\n]{1,400}>)", re.IGNORECASE | re.MULTILINE)
_AUTOMATIC = re.compile(
    r"^(?:auto-submitted:[ \t]*auto-|x-auto-response-suppress:|x-autoreply:|x-autorespond:|precedence:[ \t]*auto)",
    re.IGNORECASE | re.MULTILINE,
)
_REPORT: TypeAdapter[CallReport] = TypeAdapter(CallReport)
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)

# SendGrid: events about a message of ours. What is not listed says nothing we need and is not kept.

SENDGRID_EVENTS: Mapping[str, FactKind] = {
    "delivered": FactKind.DELIVERED,
    "open": FactKind.OPENED,
    "click": FactKind.CLICKED,
    "bounce": FactKind.BOUNCED,
    "dropped": FactKind.FAILED,
    "spamreport": FactKind.COMPLAINED,
    "unsubscribe": FactKind.UNSUBSCRIBED,
    "group_unsubscribe": FactKind.UNSUBSCRIBED,
}
SENDGRID_DROPS: Mapping[str, FactKind] = {
    "bounced address": FactKind.BOUNCED,
    "invalid": FactKind.BOUNCED,
    "unsubscribed address": FactKind.UNSUBSCRIBED,
    "spam reporting address": FactKind.COMPLAINED,
}
"""Why SendGrid did not even try; any other reason says nothing of the address."""


def sendgrid_events(body: bytes, now: datetime) -> list[Incoming]:
    """A batch of the event webhook."""
    parsed = _json(body)
    if not isinstance(parsed, list):
        return [_unreadable(body, now)]
    return [found for event in parsed[:MAX_EVENTS] if (found := _sendgrid_event(event, now)) is not None]


def _sendgrid_event(event: Any, now: datetime) -> Incoming | None:
    if not isinstance(event, dict):
        return _unreadable(_canonical(event), now)
    name = _text(event, "event") or ""
    kind = SENDGRID_EVENTS.get(name)
    if kind is None or (kind is FactKind.OPENED and event.get("sg_machine_open") is True):
        return None
    reason: str | None = None
    if name == "dropped":
        kind = SENDGRID_DROPS.get((_text(event, "reason") or "").lower(), FactKind.FAILED)
        reason = "dropped"
    elif name == "bounce" and _text(event, "type") == "blocked":
        kind, reason = FactKind.FAILED, "blocked"
    elif kind is FactKind.BOUNCED:
        reason = "bounced"
    fact = Fact(
        kind=kind,
        at=_unix_time(event.get("timestamp"), now),
        touchpoint_id=_uuid(event.get("touchpoint_id")),
        notification_id=_uuid(event.get("notification_id")),
        # The id that mail/send answered with, in front of where the copy was delivered.
        external_id=_vendor_id((_text(event, "sg_message_id") or "").partition(".")[0]),
        address=email_address(_text(event, "email")),
        reason=reason,
    )
    return Incoming(event_id(_text(event, "sg_event_id"), event), name, fact)


# SendGrid: mail to us.


def sendgrid_inbound(form: Iterable[tuple[str, str]], now: datetime) -> list[Incoming]:
    """One message of Inbound Parse. Attachments never get this far."""
    fields: dict[str, str] = storable(dict(form))
    headers, envelope = fields.get("headers", ""), _json(fields.get("envelope", "").encode(errors="replace"))
    envelope = envelope if isinstance(envelope, dict) else {}
    recipients = envelope.get("to")
    to = [*(recipients if isinstance(recipients, list) else ()), fields.get("to", ""), fields.get("cc", "")]
    sender = _first_address(fields.get("from", "")) or _first_address(str(envelope.get("from") or ""))
    message_id = _MESSAGE_ID.search(headers)
    words = fields.get("text") or _text_of_html(fields.get("html", ""))
    fact = Fact(
        kind=FactKind.REPLY,
        at=now,
        tokens=_tokens(str(each) for each in to),
        address=sender,
        subject=fields.get("subject", "")[:500] or None,
        text=words[:MAX_TEXT],
        # Delivery reports come from nobody.
        automatic=bool(_AUTOMATIC.search(headers)) or envelope.get("from") == "",
        external_id=None,
    )
    told = {name: fields.get(name, "") for name in ("from", "to", "subject", "text", "html", "headers")}
    return [Incoming(event_id(message_id.group(1) if message_id else None, told), "reply", fact)]


# Twilio.

TWILIO_STATUSES: Mapping[str, FactKind] = {
    "delivered": FactKind.DELIVERED,
    "undelivered": FactKind.FAILED,
    "failed": FactKind.FAILED,
}
TWILIO_ERRORS: Mapping[str, tuple[FactKind, str]] = {
    "21610": (FactKind.UNSUBSCRIBED, "stopped_texts"),
    "30005": (FactKind.BOUNCED, "unknown_number"),
    "30006": (FactKind.BOUNCED, "cannot_receive_texts"),
}
"""Twilio's error codes that say something of the number; see its error dictionary."""


def twilio_status(form: Iterable[tuple[str, str]], query: Mapping[str, str], now: datetime) -> list[Incoming]:
    """A status callback; `query` is that of the callback address, which names the touchpoint."""
    fields: dict[str, str] = storable(dict(form))
    sid, status = fields.get("MessageSid") or fields.get("SmsSid"), fields.get("MessageStatus", "")
    if not sid or not status:
        return [_unreadable(_canonical(fields), now)]
    kind = TWILIO_STATUSES.get(status)
    if kind is None:
        return []
    reason: str | None = None
    if kind is FactKind.FAILED:
        kind, reason = TWILIO_ERRORS.get(fields.get("ErrorCode", ""), (kind, status))
    fact = Fact(
        kind=kind,
        at=now,
        touchpoint_id=_uuid(query.get("touchpoint")),
        external_id=_vendor_id(sid),
        address=us_phone(fields.get("To")),
        reason=reason,
    )
    return [Incoming(event_id(f"{sid}:{status}", fields), status, fact)]


def twilio_inbound(form: Iterable[tuple[str, str]], now: datetime) -> list[Incoming]:
    """A text message to us."""
    fields: dict[str, str] = storable(dict(form))
    sid = fields.get("MessageSid") or fields.get("SmsSid")
    if not sid:
        return [_unreadable(_canonical(fields), now)]
    fact = Fact(
        kind=FactKind.TEXT,
        at=now,
        external_id=_vendor_id(sid),
        address=us_phone(fields.get("From")),
        # With Advanced Opt-Out the carrier's reading of a keyword in any language comes along.
        text=(fields.get("OptOutType") or fields.get("Body", ""))[:MAX_TEXT],
    )
    return [Incoming(event_id(sid, fields), "text", fact)]


# Calls: what a report says is read where the provider's client is.


def vapi_message(body: bytes, now: datetime) -> list[Incoming]:
    """A server message of Vapi; most of them say nothing of a call's course."""
    from integrations.vapi_calls import event_of

    return _call_events(body, now, event_of)


def bland_call(body: bytes, now: datetime) -> list[Incoming]:
    """Bland's webhook at the end of a call."""
    from integrations.bland_calls import event_of

    return _call_events(body, now, event_of)


def _call_events(body: bytes, now: datetime, event_of: Callable[[object], "CallEvent | None"]) -> list[Incoming]:
    parsed = _json(body)
    if not isinstance(parsed, Mapping):
        return [_unreadable(body, now)]
    try:
        event = event_of(parsed)
    except (VendorError, ArithmeticError, ValueError, TypeError, AttributeError):
        return [_unreadable(body, now)]
    if event is None:
        return []
    fact = Fact(
        kind=FactKind.CALL_ENDED if event.report.over else FactKind.CALL_PROGRESS,
        at=_sane(event.at, now) if event.at is not None else now,
        external_id=event.call_id,
        touchpoint_id=_uuid(event.touchpoint_id),
        details=_REPORT.dump_python(event.report, mode="json", exclude_none=True),
    )
    return [Incoming(event_id(event.event_id, None), "call", fact)]


def call_report(fact: Fact) -> CallReport:
    """The report that a fact about a call holds."""
    return _REPORT.validate_python(fact.details)


# Meetings.

CALENDLY_EVENTS: Mapping[str, FactKind] = {
    "invitee.created": FactKind.MEETING_BOOKED,
    "invitee.canceled": FactKind.MEETING_CANCELED,
    "invitee_no_show.created": FactKind.MEETING_MISSED,
}


def calendly_event(body: bytes, now: datetime) -> list[Incoming]:
    """Calendly's events about invitees. A meeting that is moved is cancelled and booked anew."""
    from integrations.calls import moment, text_in

    parsed = _json(body)
    payload = _mapping(parsed, "payload")
    if not payload:
        return [_unreadable(body, now)]
    name = text_in(parsed, "event") or ""
    kind = CALENDLY_EVENTS.get(name)
    if kind is None:
        return []
    # The payload of a no-show names the invitee, or is one.
    uri = text_in(payload, "uri")
    invitee = (text_in(payload, "invitee") if kind is FactKind.MEETING_MISSED else None) or uri
    if invitee is None:
        return [_unreadable(body, now)]
    key = text_in(payload, "tracking", "utm_content")
    try:
        at, starts_at = moment(parsed.get("created_at")), moment(text_in(payload, "scheduled_event", "start_time"))
    except OverflowError:
        return [_unreadable(body, now)]
    details = {
        "starts_at": starts_at.isoformat() if starts_at else None,
        "key": key[:255] if key else None,
        "join_url": text_in(payload, "scheduled_event", "location", "join_url"),
        "moved": True if payload.get("rescheduled") is True else None,
    }
    fact = Fact(
        kind=kind,
        at=_sane(at, now) if at is not None else now,
        touchpoint_id=_uuid(key),
        external_id=_vendor_id(invitee),
        address=email_address(text_in(payload, "email")),
        details={detail: value for detail, value in details.items() if value is not None},
    )
    return [Incoming(event_id(f"{name}:{uri or invitee}", None), name, fact)]


# Our own pages.


def one_click(token: UUID, now: datetime, *, notice: bool) -> list[Incoming]:
    """Somebody unsubscribed by the link of a touchpoint, or of a notice to a customer.

    Pressing the button again within a minute is the same; later it counts anew, since they may have agreed to
    something in between.
    """
    named = {"notification_id": token} if notice else {"touchpoint_id": token}
    fact = Fact(kind=FactKind.UNSUBSCRIBED, at=now, reason="one_click", **named)
    return [Incoming(f"{token}:{now.astimezone(UTC):%Y%m%dT%H%M}", "unsubscribe", fact)]


# Odds and ends of reading what strangers write.

BODY_READERS: Mapping[str, Callable[[bytes, datetime], list[Incoming]]] = {
    SENDGRID: sendgrid_events,
    VAPI: vapi_message,
    BLAND: bland_call,
    CALENDLY: calendly_event,
}
"""Vendors whose deliveries are one JSON document."""


def event_id(given: str | None, whole: Any) -> str:
    """The vendor's id of an event, or one made from all that it says, or from an id that is no plain text."""
    if given and _PLAIN_ID.fullmatch(given):
        return given
    return "sha256:" + hashlib.sha256(given.encode(errors="replace") if given else _canonical(whole)).hexdigest()


def _unreadable(body: bytes, now: datetime) -> Incoming:
    fact = Fact(kind=FactKind.NOTHING, at=now, reason="unreadable")
    return Incoming("sha256:" + hashlib.sha256(body).hexdigest(), "unreadable", fact)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, default=str).encode()


def _json(body: bytes) -> Any:
    try:
        return storable(json.loads(body))
    except (ValueError, RecursionError):
        return None


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _text(value: Mapping[str, Any], name: str) -> str | None:
    found = value.get(name)
    return found if isinstance(found, str) and found else None


def _vendor_id(given: str | None) -> str | None:
    return given if given and len(given) <= 500 else None


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _unix_time(value: Any, now: datetime) -> datetime:
    """Seconds, or milliseconds, since 1970; now for what is no time of the past years."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e14:
        return now
    return _sane(datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC), now)


def _sane(at: datetime, now: datetime) -> datetime:
    """A vendor's clock within reason: nothing happened before we existed, or in the future."""
    return at if _EARLIEST <= at <= now else now


def _first_address(text: str) -> str | None:
    found = (email_address(address) for _, address in getaddresses([text[:2_000]]))
    return next((address for address in found if address), None)


def _tokens(addresses: Iterable[str]) -> tuple[UUID, ...]:
    found = (UUID(token) for address in addresses for token in _REPLY_TOKEN.findall(address[:5_000]))
    return tuple(dict.fromkeys(found))[:10]


def _text_of_html(html: str) -> str:
    if not html.strip():
        return ""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html[: MAX_TEXT * 10])
    for quoted in tree.css("style, script, blockquote, .gmail_quote"):
        quoted.decompose()
    body = tree.body
    return body.text(separator="\n", strip=True) if body is not None else ""


URGENT = frozenset(FactKind) - {FactKind.DELIVERED, FactKind.OPENED, FactKind.CLICKED, FactKind.NOTHING}


def by_urgency(incoming: Sequence[Incoming]) -> list[Incoming]:
    """What may stop somebody's sequence does not wait behind a hundred opens; otherwise as it happened."""
    return sorted(incoming, key=lambda each: (each.fact.kind not in URGENT, each.fact.at))
