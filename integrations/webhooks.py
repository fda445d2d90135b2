"""Who sent this webhook: each vendor's proof, checked over the bytes that arrived, before anything reads them.

Pure functions, one per vendor. They return nothing when the proof holds and raise `WebhookRefused` when it does
not; its reason is a stable code and never holds a part of the request. A missing key of ours refuses everything.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

SENDGRID_SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
SENDGRID_TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
TWILIO_SIGNATURE = "X-Twilio-Signature"
STRIPE_SIGNATURE = "Stripe-Signature"
VAPI_PROOF = "X-Vapi-Secret"
VAPI_SIGNATURE = "X-Signature"
VAPI_TIMESTAMP = "X-Timestamp"
BLAND_SIGNATURE = "X-Webhook-Signature"
CALENDLY_SIGNATURE = "Calendly-Webhook-Signature"

Form = Mapping[str, str] | Iterable[tuple[str, str]]
"""The decoded fields of a form, as a mapping or, where a name may come twice, as pairs."""

_UNIX_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
_UNIX_TIME = re.compile(r"[0-9]{1,13}", re.ASCII)


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
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
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
    if not isinstance(webhook.public_key, EllipticCurvePublicKey):
        raise WebhookRefused("not_configured")
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
    try:
        expected = {validator.compute_signature(each, fields) for each in (add_port(split), remove_port(split))}
    except UnicodeEncodeError as failure:
        raise WebhookRefused("bad_signature") from failure
    if not any(same(signature, each) for each in sorted(expected)):
        raise WebhookRefused("bad_signature")


def verify_stripe(body: bytes, headers: Mapping[str, str], secret: str, now: datetime, tolerance: timedelta) -> None:
    """Stripe's signature: HMAC over the time and the raw body. Raises WebhookRefused.

    The SDK itself lets a time in the future pass and reads its own clock; so it checks the proof only.
    """
    from stripe import SignatureVerificationError, WebhookSignature

    if not secret.strip():
        raise WebhookRefused("not_configured")
    given = header(headers, STRIPE_SIGNATURE)
    if not given:
        raise WebhookRefused("no_signature")
    stamps = [part[2:] for part in given.split(",") if part.startswith("t=")]
    if len(stamps) != 1 or not _UNIX_SECONDS.fullmatch(stamps[0]):
        raise WebhookRefused("bad_signature")
    try:
        WebhookSignature.verify_header(body, given, secret)
    except (SignatureVerificationError, UnicodeError) as failure:
        raise WebhookRefused("bad_signature") from failure
    check_age(int(stamps[0]), now, tolerance)


def verify_token(given: str, expected: str) -> None:
    """A secret part of the address, for vendors that sign nothing (SendGrid's Inbound Parse). Raises WebhookRefused."""
    if not expected:
        raise WebhookRefused("not_configured")
    if not given:
        raise WebhookRefused("no_signature")
    if not same(given, expected):
        raise WebhookRefused("bad_signature")


def verify_vapi(body: bytes, headers: Mapping[str, str], secret: str, now: datetime, tolerance: timedelta) -> None:
    """A server message of Vapi, proved in one of two ways. Raises WebhookRefused.

    With an HMAC credential: HMAC-SHA256 over `{X-Timestamp}.{body}` in `X-Signature`, so neither the words nor the
    time can be changed. Without one: our secret in `X-Vapi-Secret`, and the time is the message's own, if it has one.
    A request that carries a signature is judged by it alone.
    """
    if not secret:
        raise WebhookRefused("not_configured")
    signature, stamp = header(headers, VAPI_SIGNATURE), header(headers, VAPI_TIMESTAMP)
    if signature:
        if not _UNIX_TIME.fullmatch(stamp) or not same(signature.lower(), _hmac_sha256(secret, stamp, body)):
            raise WebhookRefused("bad_signature")
        check_age(_seconds(int(stamp)), now, tolerance)
        return
    given = header(headers, VAPI_PROOF)
    if not given:
        raise WebhookRefused("no_signature")
    if not same(given, secret):
        raise WebhookRefused("bad_signature")
    told = _message_time(body)
    if told is not None:
        check_age(told, now, tolerance)


def verify_bland(body: bytes, headers: Mapping[str, str], secret: str) -> None:
    """Bland.ai's signature: HMAC-SHA256 over the raw body, in hexadecimal digits.

    There is no time in it: whoever calls this must refuse what it has seen before by the call's own id. Raises
    WebhookRefused.
    """
    if not secret:
        raise WebhookRefused("not_configured")
    signature = header(headers, BLAND_SIGNATURE)
    if not signature:
        raise WebhookRefused("no_signature")
    if not same(signature.lower(), hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()):
        raise WebhookRefused("bad_signature")


def verify_calendly(
    body: bytes, headers: Mapping[str, str], signing_key: str, now: datetime, tolerance: timedelta
) -> None:
    """Calendly's signature `t=<seconds>,v1=<hex>`: HMAC-SHA256 over time and raw body. Raises WebhookRefused."""
    if not signing_key:
        raise WebhookRefused("not_configured")
    value = header(headers, CALENDLY_SIGNATURE)
    if not value:
        raise WebhookRefused("no_signature")
    parts = [part.strip().partition("=")[::2] for part in value.split(",")]
    stamps = [given for name, given in parts if name == "t"]
    if len(stamps) != 1 or not _UNIX_SECONDS.fullmatch(stamps[0]):
        raise WebhookRefused("bad_signature")
    expected = _hmac_sha256(signing_key, stamps[0], body)
    # While a key is changed there may be two signatures.
    if not any(same(given.lower(), expected) for name, given in parts if name == "v1"):
        raise WebhookRefused("bad_signature")
    check_age(int(stamps[0]), now, tolerance)


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


def _hmac_sha256(key: str, stamp: str, body: bytes) -> str:
    return hmac.new(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _seconds(stamp: int) -> int:
    """Unix seconds from seconds or milliseconds."""
    return stamp // 1000 if stamp >= 100_000_000_000 else stamp


def _message_time(body: bytes) -> int | None:
    """The `timestamp` (Unix milliseconds) of a server message of Vapi, in seconds; None where it has none."""
    try:
        message = json.loads(body)["message"]
        stamp = message.get("timestamp")
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    is_time = isinstance(stamp, int | float) and not isinstance(stamp, bool) and 0 < stamp < 1e15
    return _seconds(int(stamp)) if is_time else None


def _is_plain_base64(text: str) -> bool:
    """Whether this is the one way to write its bytes: a lenient decoder takes many texts for the same signature."""
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except (binascii.Error, ValueError):
        return False
