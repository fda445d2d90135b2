"""E-mail through SendGrid's own SDK: one request per batch, one personalization per recipient.

The SDK is synchronous, so calls run in a thread. Each message carries custom arguments by which the
Email Activity API can find it again: that is how a crash between sending and recording is resolved.
(Email Activity is a paid add-on; without it such a case stays open for a person.)
"""

import asyncio
import errno
import http.client
import json
import logging
import re
import socket
import ssl
import time
import urllib.error
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from integrations.http import (
    ApiCall,
    CallMeter,
    VendorError,
    VendorNotReached,
    VendorRejected,
    VendorUnavailable,
    VendorUnreadable,
    parse_retry_after,
)

if TYPE_CHECKING:
    from config.settings import Settings

VENDOR = "sendgrid"
MAX_RECIPIENTS = 1_000
"""Personalizations per request, by SendGrid's rules."""
KEY_ARGUMENT = "effect_key"

RESERVED_HEADERS = frozenset(
    {
        "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
        "subject", "reply-to", "cc", "bcc",
    }
)  # fmt: skip
"""Headers that SendGrid writes itself; a request that sets one is refused."""

_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,70}")
_LINK = re.compile(r"https?://[^\s<>,\"]{1,900}")
_NEVER_CONNECTED = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a copy goes.

    `arguments` come back in every event; `substitutions` replace tokens in the text, though not in `headers`,
    which are this copy's alone.
    """

    email: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    substitutions: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MailBatch:
    """One message to many recipients, none of whom sees another. `key` is the effect's key.

    `sender` is an address and a name, the settings' own when None; answers go to `reply_to`, else to the sender.
    `unsubscribe_url` is one recipient's own link, so such a batch has one recipient. `track` lets SendGrid count
    openings and rewrite links in order to count clicks.
    """

    key: str
    subject: str
    text: str
    html: str
    recipients: Sequence[Recipient]
    category: str
    sender: tuple[str, str] | None = None
    reply_to: str | None = None
    unsubscribe_url: str | None = None
    track: bool = False


class SendGridMail:
    """Sends batches and finds them again."""

    def __init__(
        self, *, api_key: str, host: str, sender: str, sender_name: str, timeout: float, meter: CallMeter
    ) -> None:
        self._api_key = api_key
        self._host = host.rstrip("/")
        self._sender = {"email": sender, "name": sender_name}
        self._timeout = timeout
        self._meter = meter
        # At DEBUG the SDK logs whole requests, addresses included.
        logging.getLogger("python_http_client").setLevel(logging.WARNING)

    @classmethod
    def from_settings(cls, settings: "Settings", meter: CallMeter) -> Self:
        """The sender and account that the settings name."""
        return cls(
            api_key=settings.sendgrid_api_key.get_secret_value(),
            host=settings.sendgrid_base_url,
            sender=settings.email_from,
            sender_name=settings.email_from_name,
            timeout=settings.vendor_timeout_seconds,
            meter=meter,
        )

    async def send(self, batch: MailBatch) -> str | None:
        """Hands the batch to SendGrid in one request; returns its message id (X-Message-Id)."""
        body = self.request_body(batch)
        answer = await self._call("mail_send", "POST", lambda api: api.client.mail.send.post(request_body=body))
        message_id: str | None = answer.headers.get("X-Message-Id")
        return message_id

    async def find(self, key: str) -> str | None:
        """The id of a message sent under this key, or None if Email Activity has none."""
        _checked(key)
        query = {"query": f"(unique_args['{KEY_ARGUMENT}']=\"{key}\")", "limit": 1}
        answer = await self._call("messages", "GET", lambda api: api.client.messages.get(query_params=query))
        try:
            messages = json.loads(answer.body)["messages"]
            return str(messages[0]["msg_id"]) if messages else None
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise VendorUnreadable(VENDOR, "messages", "the answer is no list of messages") from error

    def request_body(self, batch: MailBatch) -> dict[str, Any]:
        """The v3 mail/send request of a batch."""
        _checked(batch.key)
        if not 1 <= len(batch.recipients) <= MAX_RECIPIENTS:
            raise ValueError(f"a batch has 1 to {MAX_RECIPIENTS} recipients")
        if batch.unsubscribe_url is not None and len(batch.recipients) != 1:
            raise ValueError("an unsubscribe link belongs to one recipient")
        sender = {"email": batch.sender[0], "name": batch.sender[1]} if batch.sender else self._sender
        return {
            "personalizations": [_personalization(batch, recipient) for recipient in batch.recipients],
            "from": sender,
            "reply_to": {"email": batch.reply_to} if batch.reply_to else sender,
            "subject": batch.subject,
            "content": [
                {"type": "text/plain", "value": batch.text},
                {"type": "text/html", "value": batch.html},
            ],
            "categories": [batch.category],
            "tracking_settings": _tracking(batch.track),
        }

    async def _call(self, operation: str, method: str, call: Callable[[Any], Any]) -> Any:
        started = time.perf_counter()
        status: int | None = None
        error: str | None = None
        try:
            answer = await asyncio.to_thread(lambda: call(self._client()))
            status = int(answer.status_code)
            return answer
        except Exception as failure:
            told = explain(operation, failure)
            if told is None:
                raise
            status = getattr(failure, "status_code", None)
            error = str(told)
            raise told from failure
        finally:
            elapsed = int((time.perf_counter() - started) * 1000)
            await self._meter(ApiCall(VENDOR, operation, method, status, elapsed, Decimal(0), error))

    def _client(self) -> Any:
        """A new SDK client per call: its header dictionary is shared and mutable."""
        from sendgrid import SendGridAPIClient

        api = SendGridAPIClient(self._api_key, host=self._host)
        api.client.timeout = self._timeout
        return api


def explain(operation: str, failure: BaseException) -> VendorError | None:
    """A failure of the SDK or of urllib beneath it as a VendorError; None if it is none of theirs."""
    from python_http_client.exceptions import HTTPError

    if isinstance(failure, HTTPError):
        return _by_status(operation, failure)
    if isinstance(failure, urllib.error.URLError):
        cause = failure.reason
        if isinstance(cause, _NEVER_CONNECTED) or getattr(cause, "errno", None) in _NO_ROUTE:
            return VendorNotReached(VENDOR, operation, type(cause).__name__)
        detail = type(cause).__name__ if isinstance(cause, BaseException) else "URLError"
        return VendorUnavailable(VENDOR, operation, detail)
    if isinstance(failure, TimeoutError):
        return VendorUnavailable(VENDOR, operation, "timed out")
    if isinstance(failure, ConnectionError | http.client.HTTPException):
        return VendorUnavailable(VENDOR, operation, type(failure).__name__)
    return None


def _by_status(operation: str, failure: Any) -> VendorError:
    status = int(failure.status_code)
    headers = failure.headers or {}
    if status == 429:
        wait = parse_retry_after(headers.get("Retry-After"), datetime.now(UTC))
        return VendorNotReached(VENDOR, operation, f"HTTP {status}", wait)
    if status == 408 or status >= 500:
        wait = parse_retry_after(headers.get("Retry-After"), datetime.now(UTC))
        return VendorUnavailable(VENDOR, operation, f"HTTP {status}", wait)
    return VendorRejected(VENDOR, operation, f"HTTP {status}", status)


def unsubscribe_headers(url: str, mail_to: str | None = None) -> dict[str, str]:
    """Headers by which a mail program unsubscribes with one POST to `url` (RFC 8058), or by a mail to `mail_to`.

    Raises ValueError for what is no plain web address.
    """
    if not _LINK.fullmatch(url):
        raise ValueError("an unsubscribe link is a plain web address")
    ways = [f"<{url}>"]
    if mail_to is not None:
        ways.append(f"<mailto:{quote(mail_to, safe='@+')}?subject=unsubscribe>")
    return {"List-Unsubscribe": ", ".join(ways), "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _personalization(batch: MailBatch, recipient: Recipient) -> dict[str, Any]:
    headers = dict(recipient.headers)
    if batch.unsubscribe_url is not None:
        headers |= unsubscribe_headers(batch.unsubscribe_url, batch.reply_to)
    personalization: dict[str, Any] = {
        "to": [{"email": recipient.email}],
        "custom_args": {KEY_ARGUMENT: batch.key, **recipient.arguments},
    }
    if recipient.substitutions:
        personalization["substitutions"] = dict(recipient.substitutions)
    if headers:
        personalization["headers"] = _checked_headers(headers)
    return personalization


def _tracking(track: bool) -> dict[str, Any]:
    """Said both ways, so that no setting of the account decides; the unsubscribe link is ours, not SendGrid's."""
    return {
        "click_tracking": {"enable": track, "enable_text": False},
        "open_tracking": {"enable": track},
        "subscription_tracking": {"enable": False},
    }


def _checked_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in RESERVED_HEADERS:
            raise ValueError("this header is not ours to set")
        if not value.isascii() or not value.isprintable():
            raise ValueError("a header is one line of plain text")
    return headers


def _checked(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise ValueError("an effect key is made of letters, digits and _ . : -")
