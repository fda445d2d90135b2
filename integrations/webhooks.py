"""Who sent this webhook: each vendor's proof, checked over the bytes that arrived, before anything reads them.

Pure functions, one per vendor. They return nothing when the proof holds and raise `WebhookRefused` when it does
not; its reason is a stable code and never holds a part of the request. A missing key of ours refuses everything.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

SENDGRID_SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
SENDGRID_TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
TWILIO_SIGNATURE = "X-Twilio-Signature"

Form = Mapping[str, str] | Iterable[tuple[str, str]]
"""The decoded fields of a form, as a mapping or, where a name may come twice, as pairs."""

_UNIX_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


class WebhookRefused(Exception):
    """A request that its vendor did not provably send just now.

    `reason`: `not_configured` (we hold no key to check with), `no_signature`, `bad_signature`, `too_old`,
    `from_the_future`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def verify_sendgrid(
    body: bytes, headers: Mapping[str, str], public_key: str, now: datetime, tolerance: timedelta
) -> None:
    """SendGrid's signed event webhook: ECDSA over the timestamp and the raw body.

    `public_key` is the base64 text that SendGrid shows; one that is no key counts as none. Raises
    WebhookRefused.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from sendgrid.helpers.eventwebhook import EventWebhook

    if not public_key:
        raise WebhookRefused("not_configured")
    signature, stamp = header(headers, SENDGRID_SIGNATURE), header(headers, SENDGRID_TIMESTAMP)
    if not signature or not stamp:
        raise WebhookRefused("no_signature")
    if not _UNIX_SECONDS.fullmatch(stamp) or not _is_plain_base64(signature):
        raise WebhookRefused("bad_signature")
    try:
        webhook = EventWebhook(public_key)
    except (ValueError, UnsupportedAlgorithm) as failure:
        raise WebhookRefused("not_configured") from failure
    try:
        genuine = webhook.verify_signature(body.decode(), signature, stamp)
    except ValueError as failure:
        raise WebhookRefused("bad_signature") from failure
    if not genuine:
        raise WebhookRefused("bad_signature")
    check_age(int(stamp), now, tolerance)


def verify_twilio(url: str, form: Form, signature: str, auth_token: str) -> None:
    """Twilio's X-Twilio-Signature: HMAC over the public address, query included, and the sorted form fields.

    `url` is the address as Twilio was given it, not as a proxy passed it on. The proof has no time in it: whoever
    calls this must refuse what it has seen before by the message's own id. Raises WebhookRefused.
    """
    from twilio.request_validator import RequestValidator, add_port, remove_port

    if not auth_token:
        raise WebhookRefused("not_configured")
    if not signature:
        raise WebhookRefused("no_signature")
    validator = RequestValidator(auth_token)
    fields = _Fields(form)
    split = urlsplit(url)
    # Twilio signs addresses with or without the port. The SDK's own `validate` stops early where lengths differ.
    expected = {validator.compute_signature(each, fields) for each in (add_port(split), remove_port(split))}
    if not any(same(signature, each) for each in sorted(expected)):
        raise WebhookRefused("bad_signature")


def verify_token(given: str, expected: str) -> None:
    """A secret part of the address, for vendors that sign nothing (SendGrid's Inbound Parse). Raises WebhookRefused."""
    if not expected:
        raise WebhookRefused("not_configured")
    if not given:
        raise WebhookRefused("no_signature")
    if not same(given, expected):
        raise WebhookRefused("bad_signature")


def check_age(stamp: int, now: datetime, tolerance: timedelta) -> None:
    """Refuses a signed time (Unix seconds) that is further than `tolerance` from now, either way."""
    age = now.astimezone(UTC).timestamp() - stamp
    if age > tolerance.total_seconds():
        raise WebhookRefused("too_old")
    if -age > tolerance.total_seconds():
        raise WebhookRefused("from_the_future")


def header(headers: Mapping[str, str], name: str) -> str:
    """A header's value whatever the case of its name; empty when it is not there."""
    wanted = name.lower()
    return next((value for given, value in headers.items() if given.lower() == wanted), "")


def same(given: str, expected: str) -> bool:
    """Whether two texts are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode(errors="surrogatepass"))


class _Fields:
    """A form as Twilio's validator reads one: names to iterate over, and every value of a name."""

    def __init__(self, form: Form) -> None:
        pairs = form.items() if isinstance(form, Mapping) else form
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def getlist(self, name: str) -> list[str]:
        """Every value of a field."""
        return self._values[name]


def _is_plain_base64(text: str) -> bool:
    """Whether this is the one way to write its bytes: a lenient decoder takes many texts for the same signature."""
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except (binascii.Error, ValueError):
        return False
