"""Webhooks about calls and demos: the genuine pass; forged, altered, stale and future ones do not."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from integrations.webhooks import WebhookRefused, verify_bland, verify_calendly, verify_vapi

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
STAMP = int(NOW.timestamp())
TOLERANCE = timedelta(seconds=300)
BODY = b'{"message": {"type": "end-of-call-report"}}'
KEY = "key-1"

Headers = dict[str, str]


def digest(message: bytes, key: str = KEY) -> str:
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def vapi_signed(stamp: int | str = STAMP, body: bytes = BODY, key: str = KEY) -> Headers:
    return {"x-timestamp": str(stamp), "x-signature": digest(f"{stamp}.".encode() + body, key)}


def calendly_signed(stamp: int | str = STAMP, body: bytes = BODY, key: str = KEY) -> Headers:
    return {"calendly-webhook-signature": f"t={stamp},v1={digest(f'{stamp}.'.encode() + body, key)}"}


def bland_signed(body: bytes = BODY, key: str = KEY) -> Headers:
    return {"x-webhook-signature": digest(body, key)}


def vapi(body: bytes, headers: Headers, key: str = KEY) -> None:
    verify_vapi(body, headers, key, NOW, TOLERANCE)


def calendly(body: bytes, headers: Headers, key: str = KEY) -> None:
    verify_calendly(body, headers, key, NOW, TOLERANCE)


GENUINE: dict[str, tuple[Callable[..., None], Headers]] = {
    "vapi, signed": (vapi, vapi_signed()),
    "vapi, signed in milliseconds": (vapi, vapi_signed(STAMP * 1000)),
    "vapi, header names in capitals": (vapi, {name.upper(): value for name, value in vapi_signed().items()}),
    "vapi, secret": (vapi, {"X-Vapi-Secret": KEY}),
    "bland": (verify_bland, bland_signed()),
    "calendly": (calendly, calendly_signed()),
    "calendly, two keys": (
        calendly, {"Calendly-Webhook-Signature": calendly_signed()["calendly-webhook-signature"] + ",v1=00ff"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("verify", "headers"), GENUINE.values(), ids=GENUINE.keys())
def test_the_genuine_pass(verify: Callable[..., None], headers: Headers) -> None:
    verify(BODY, headers, KEY)


REFUSED: dict[str, tuple[Callable[..., None], bytes, Headers, str]] = {
    "vapi, nothing": (vapi, BODY, {}, "no_signature"),
    "vapi, other secret": (vapi, BODY, {"X-Vapi-Secret": "key-2"}, "bad_signature"),
    "vapi, part of the secret": (vapi, BODY, {"X-Vapi-Secret": "key-"}, "bad_signature"),
    "vapi, other key": (vapi, BODY, vapi_signed(key="key-2"), "bad_signature"),
    "vapi, other body": (vapi, BODY + b" ", vapi_signed(), "bad_signature"),
    "vapi, other time": (vapi, BODY, {**vapi_signed(), "x-timestamp": str(STAMP + 1)}, "bad_signature"),
    "vapi, no time": (vapi, BODY, {"x-signature": digest(BODY)}, "bad_signature"),
    "vapi, time in words": (vapi, BODY, vapi_signed("now"), "bad_signature"),
    "vapi, a bad signature beside the secret": (
        vapi, BODY, {**vapi_signed(key="key-2"), "X-Vapi-Secret": KEY}, "bad_signature",
    ),
    "vapi, stale": (vapi, BODY, vapi_signed(STAMP - 301), "too_old"),
    "vapi, future": (vapi, BODY, vapi_signed(STAMP + 301), "from_the_future"),
    "vapi, stale with the secret": (
        vapi, json.dumps({"message": {"timestamp": (STAMP - 301) * 1000}}).encode(), {"X-Vapi-Secret": KEY}, "too_old",
    ),
    "vapi, future with the secret": (
        vapi, json.dumps({"message": {"timestamp": (STAMP + 400) * 1000}}).encode(), {"X-Vapi-Secret": KEY},
        "from_the_future",
    ),
    "bland, nothing": (verify_bland, BODY, {}, "no_signature"),
    "bland, other key": (verify_bland, BODY, bland_signed(key="key-2"), "bad_signature"),
    "bland, other body": (verify_bland, BODY + b" ", bland_signed(), "bad_signature"),
    "calendly, nothing": (calendly, BODY, {}, "no_signature"),
    "calendly, other key": (calendly, BODY, calendly_signed(key="key-2"), "bad_signature"),
    "calendly, other body": (calendly, BODY + b" ", calendly_signed(), "bad_signature"),
    "calendly, no time": (calendly, BODY, {"Calendly-Webhook-Signature": f"v1={digest(BODY)}"}, "bad_signature"),
    "calendly, two times": (
        calendly, BODY,
        {"Calendly-Webhook-Signature": f"t={STAMP - 900}," + calendly_signed()["calendly-webhook-signature"]},
        "bad_signature",
    ),
    "calendly, no digest": (calendly, BODY, {"Calendly-Webhook-Signature": f"t={STAMP}"}, "bad_signature"),
    "calendly, rubbish": (calendly, BODY, {"Calendly-Webhook-Signature": "é,=,t"}, "bad_signature"),
    "calendly, stale": (calendly, BODY, calendly_signed(STAMP - 301), "too_old"),
    "calendly, future": (calendly, BODY, calendly_signed(STAMP + 301), "from_the_future"),
}  # fmt: skip


@pytest.mark.parametrize(("verify", "body", "headers", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_anything_else_is_refused(verify: Callable[..., None], body: bytes, headers: Headers, reason: str) -> None:
    with pytest.raises(WebhookRefused) as refusal:
        verify(body, headers, KEY)
    assert refusal.value.reason == reason
    assert str(refusal.value) == reason


@pytest.mark.parametrize(("verify", "headers"), GENUINE.values(), ids=GENUINE.keys())
def test_without_a_key_of_ours_nothing_is_believed(verify: Callable[..., None], headers: Headers) -> None:
    with pytest.raises(WebhookRefused) as refusal:
        verify(BODY, headers, "")
    assert refusal.value.reason == "not_configured"


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_within_the_tolerance_a_clock_may_be_off(seconds: int) -> None:
    vapi(BODY, vapi_signed(STAMP + seconds))
    calendly(BODY, calendly_signed(STAMP + seconds))
