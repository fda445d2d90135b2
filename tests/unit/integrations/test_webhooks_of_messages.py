"""Webhooks of SendGrid and Twilio: only what the vendor signed just now passes, to the byte."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as some

from integrations.webhooks import (
    SENDGRID_SIGNATURE,
    SENDGRID_TIMESTAMP,
    WebhookRefused,
    verify_sendgrid,
    verify_token,
    verify_twilio,
)

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
STAMP = int(NOW.timestamp())
TOLERANCE = timedelta(minutes=5)
BODY = '[{"email":"ann@roofs.example","event":"open","name":"Zoë"}]\r\n'.encode()
URL = "https://app.example/webhooks/twilio/status?touchpoint=5d1f"
TOKEN = "twilio-token"
FORM = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+15125550183", "Body": "Übung & more + = %"}
KEY, OTHER_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())


def shown(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    """A public key as SendGrid shows it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()


def sendgrid(body: bytes = BODY, stamp: str = str(STAMP), key: ec.EllipticCurvePrivateKey = KEY) -> dict[str, str]:
    """Headers that SendGrid sends with a body."""
    signature = key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {SENDGRID_SIGNATURE: base64.b64encode(signature).decode(), SENDGRID_TIMESTAMP: stamp}


def twilio(url: str = URL, form: dict[str, str] | None = None, token: str = TOKEN) -> str:
    """Twilio's signature, worked out as its documentation says."""
    text = url + "".join(name + value for name, value in sorted((FORM if form is None else form).items()))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def reason(check: Callable[[], None]) -> str | None:
    """Why a webhook is refused; None when it passes."""
    try:
        check()
    except WebhookRefused as refused:
        return refused.reason
    return None


def of_sendgrid(
    headers: dict[str, str] | None = None, body: bytes = BODY, now: datetime = NOW, key: str | None = None
) -> str | None:
    told = sendgrid() if headers is None else headers
    return reason(lambda: verify_sendgrid(body, told, shown(KEY) if key is None else key, now, TOLERANCE))


def of_twilio(
    signature: str | None = None, url: str = URL, form: dict[str, str] | None = None, token: str = TOKEN
) -> str | None:
    given = twilio() if signature is None else signature
    return reason(lambda: verify_twilio(url, FORM if form is None else form, given, token))


def test_what_sendgrid_signed_passes() -> None:
    assert of_sendgrid() is None
    assert of_sendgrid({name.upper(): value for name, value in sendgrid().items()}) is None
    assert of_sendgrid(sendgrid(b""), b"") is None


@pytest.mark.parametrize(
    ("late", "why"),
    [
        (timedelta(0), None),
        (TOLERANCE, None),
        (TOLERANCE + timedelta(seconds=1), "too_old"),
        (-TOLERANCE, None),
        (-TOLERANCE - timedelta(seconds=1), "from_the_future"),
        (timedelta(days=9000), "too_old"),
        (-timedelta(days=9000), "from_the_future"),
    ],
)
def test_sendgrid_must_have_signed_just_now(late: timedelta, why: str | None) -> None:
    assert of_sendgrid(now=NOW + late) == why


SIGNED = sendgrid()
ANOTHER_TIME = {**SIGNED, SENDGRID_TIMESTAMP: str(STAMP + 1)}


@pytest.mark.parametrize(
    ("headers", "body", "why"),
    [
        ({}, BODY, "no_signature"),
        ({SENDGRID_SIGNATURE: SIGNED[SENDGRID_SIGNATURE]}, BODY, "no_signature"),
        ({SENDGRID_TIMESTAMP: str(STAMP)}, BODY, "no_signature"),
        ({**SIGNED, SENDGRID_SIGNATURE: ""}, BODY, "no_signature"),
        ({**SIGNED, SENDGRID_SIGNATURE: "not base64!"}, BODY, "bad_signature"),
        ({**SIGNED, SENDGRID_SIGNATURE: "AAAA"}, BODY, "bad_signature"),
        ({**SIGNED, SENDGRID_SIGNATURE: SIGNED[SENDGRID_SIGNATURE] + "\n"}, BODY, "bad_signature"),
        (ANOTHER_TIME, BODY, "bad_signature"),
        (sendgrid(stamp="yesterday"), BODY, "bad_signature"),
        (sendgrid(stamp=f"{STAMP}.0"), BODY, "bad_signature"),
        (sendgrid(stamp=f"-{STAMP}"), BODY, "bad_signature"),
        (sendgrid(stamp="9" * 400), BODY, "bad_signature"),
        (SIGNED, BODY.replace(b"open", b"click"), "bad_signature"),
        (SIGNED, BODY.rstrip(), "bad_signature"),
        (SIGNED, b"", "bad_signature"),
        (SIGNED, b"\xff\xfe", "bad_signature"),
        (sendgrid(key=OTHER_KEY), BODY, "bad_signature"),
    ],
)
def test_what_sendgrid_did_not_sign_is_refused(headers: dict[str, str], body: bytes, why: str) -> None:
    assert of_sendgrid(headers, body) == why


def test_without_sendgrids_key_nothing_passes() -> None:
    stranger = shown(rsa.generate_private_key(65537, 2048))
    for key in ("", "not a key", "AAAA", stranger):
        assert of_sendgrid(key=key) == "not_configured"
    assert of_sendgrid(key=shown(OTHER_KEY)) == "bad_signature"


def changed(data: bytes, at: int, by: int) -> bytes:
    """The bytes with one of them another."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ by]) + data[at + 1 :]


ONE_BYTE = {"at": some.integers(0, 10_000), "by": some.integers(1, 255)}


@given(**ONE_BYTE)
def test_any_other_byte_in_a_body_is_seen(at: int, by: int) -> None:
    assert of_sendgrid(SIGNED, changed(BODY, at, by)) == "bad_signature"


@given(**ONE_BYTE)
def test_any_other_byte_in_sendgrids_signature_is_seen(at: int, by: int) -> None:
    signature = changed(SIGNED[SENDGRID_SIGNATURE].encode(), at, by).decode("latin-1")
    assert of_sendgrid({**SIGNED, SENDGRID_SIGNATURE: signature}) == "bad_signature"


@given(**ONE_BYTE)
def test_any_other_byte_in_sendgrids_time_is_seen(at: int, by: int) -> None:
    stamp = changed(SIGNED[SENDGRID_TIMESTAMP].encode(), at, by).decode("latin-1")
    assert of_sendgrid({**SIGNED, SENDGRID_TIMESTAMP: stamp}) == "bad_signature"


def test_what_twilio_signed_passes() -> None:
    assert of_twilio() is None
    assert reason(lambda: verify_twilio(URL, list(FORM.items()), twilio(), TOKEN)) is None
    assert of_twilio(twilio(form={}), form={}) is None
    assert of_twilio(twilio(URL.replace(".example", ".example:443"))) is None
    local = "http://127.0.0.1:8000/webhooks/twilio/inbound"
    assert of_twilio(twilio(local), local) is None


def test_a_field_may_come_twice() -> None:
    pairs = [("MediaUrl", "b"), ("MediaUrl", "a"), ("Sid", "SM1")]
    text = f"{URL}MediaUrlaMediaUrlbSidSM1"
    signature = base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()
    assert reason(lambda: verify_twilio(URL, pairs, signature, TOKEN)) is None
    assert reason(lambda: verify_twilio(URL, pairs[1:], signature, TOKEN)) == "bad_signature"


@pytest.mark.parametrize(
    ("signature", "url", "form", "token", "why"),
    [
        ("", URL, FORM, TOKEN, "no_signature"),
        (twilio(), URL, FORM, "", "not_configured"),
        (twilio(token=""), URL, FORM, "", "not_configured"),
        (twilio(), URL, FORM, "another", "bad_signature"),
        (twilio(token="another"), URL, FORM, TOKEN, "bad_signature"),
        (twilio(), URL.replace("5d1f", "5d1e"), FORM, TOKEN, "bad_signature"),
        (twilio(), URL.partition("?")[0], FORM, TOKEN, "bad_signature"),
        (twilio(), URL.replace("https", "http"), FORM, TOKEN, "bad_signature"),
        (twilio(), URL, {**FORM, "MessageStatus": "failed"}, TOKEN, "bad_signature"),
        (twilio(), URL, {**FORM, "Extra": ""}, TOKEN, "bad_signature"),
        (twilio(), URL, {}, TOKEN, "bad_signature"),
        (twilio(), URL, {**FORM, "Body": "\ud800"}, TOKEN, "bad_signature"),
        (twilio()[:-1], URL, FORM, TOKEN, "bad_signature"),
        (twilio() + "=", URL, FORM, TOKEN, "bad_signature"),
        ("é" * 28, URL, FORM, TOKEN, "bad_signature"),
    ],
)
def test_what_twilio_did_not_sign_is_refused(
    signature: str, url: str, form: dict[str, str], token: str, why: str
) -> None:
    assert of_twilio(signature, url, form, token) == why


@given(**ONE_BYTE)
def test_any_other_byte_in_twilios_signature_is_seen(at: int, by: int) -> None:
    assert of_twilio(changed(twilio().encode(), at, by).decode("latin-1")) == "bad_signature"


@given(**ONE_BYTE)
def test_any_other_byte_that_changes_a_form_is_seen(at: int, by: int) -> None:
    """%2b and %2B are the same field, and nobody can tell them apart once it is read."""
    body = changed(urlencode(FORM).encode(), at, by).decode("latin-1")
    form = parse_qsl(body, keep_blank_values=True)
    expected = None if dict(form) == FORM else "bad_signature"
    assert reason(lambda: verify_twilio(URL, form, twilio(), TOKEN)) == expected


@pytest.mark.parametrize(
    ("given_token", "expected", "why"),
    [
        ("secret", "secret", None),
        ("secret", "", "not_configured"),
        ("", "", "not_configured"),
        ("", "secret", "no_signature"),
        ("Secret", "secret", "bad_signature"),
        ("secre", "secret", "bad_signature"),
        ("secret ", "secret", "bad_signature"),
        ("sécret", "secret", "bad_signature"),
    ],
)
def test_a_secret_part_of_the_address(given_token: str, expected: str, why: str | None) -> None:
    assert reason(lambda: verify_token(given_token, expected)) == why


def test_a_refusal_quotes_nothing() -> None:
    with pytest.raises(WebhookRefused) as refused:
        verify_sendgrid(BODY, sendgrid(key=OTHER_KEY), shown(KEY), NOW, TOLERANCE)
    assert str(refused.value) == "bad_signature"
