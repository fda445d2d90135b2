"""Only what Stripe signed just now is believed."""

from datetime import UTC, datetime, timedelta

import pytest

from integrations.webhooks import WebhookRefused, verify_stripe
from sandbox.vendors.stripe_control import WEBHOOK_SECRET, signed

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOLERANCE = timedelta(minutes=5)
BODY = b'{"id":"evt_1","type":"invoice.paid"}'


def at(offset: float = 0) -> int:
    return int(NOW.timestamp() + offset)


def check(body: bytes, headers: dict[str, str], secret: str = WEBHOOK_SECRET) -> str | None:
    try:
        verify_stripe(body, headers, secret, NOW, TOLERANCE)
    except WebhookRefused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize("offset", [-300, -1, 0, 1, 300])
def test_a_signed_event_passes_while_it_is_fresh(offset: int) -> None:
    assert check(BODY, signed(BODY, at(offset))) is None


@pytest.mark.parametrize(
    ("offset", "reason"), [(-301, "too_old"), (301, "from_the_future"), (86_400, "from_the_future")]
)
def test_a_stale_or_future_event_does_not(offset: int, reason: str) -> None:
    assert check(BODY, signed(BODY, at(offset))) == reason


def test_the_name_of_the_header_may_be_written_in_any_case() -> None:
    headers = {name.lower(): value for name, value in signed(BODY, at()).items()}
    assert check(BODY, headers) is None


def test_one_of_several_signatures_is_enough() -> None:
    """Stripe signs with the old and the new secret while a secret is rolled."""
    old, new = (signed(BODY, at(), secret)["Stripe-Signature"] for secret in ("whsec_old", WEBHOOK_SECRET))
    assert check(BODY, {"Stripe-Signature": f"{old},{new.split(',')[1]}"}) is None


@pytest.mark.parametrize(
    ("body", "header", "reason"),
    [
        (BODY + b" ", None, "bad_signature"),
        (BODY[:-1], None, "bad_signature"),
        (b"\xff\xfe", None, "bad_signature"),
        (BODY, "", "no_signature"),
        (BODY, "t=1", "bad_signature"),
        (BODY, f"t={at()}", "bad_signature"),
        (BODY, f"t={at()},v0=" + "0" * 64, "bad_signature"),
        (BODY, f"t={at()},v1=" + "0" * 64, "bad_signature"),
        (BODY, "nonsense", "bad_signature"),
        (BODY, "t=٣,v1=x", "bad_signature"),
    ],
)
def test_what_is_forged_is_refused(body: bytes, header: str | None, reason: str) -> None:
    headers = signed(BODY, at()) if header is None else {"Stripe-Signature": header}
    assert check(body, headers) == reason


def test_a_fresh_time_beside_an_old_signature_is_refused() -> None:
    stale = signed(BODY, at(-1000))["Stripe-Signature"]
    refreshed = f"t={at()},{stale.split(',')[1]}"
    assert check(BODY, {"Stripe-Signature": refreshed}) == "bad_signature"
    assert check(BODY, {"Stripe-Signature": f"{stale},t={at()}"}) == "bad_signature"


@pytest.mark.parametrize("secret", ["", "  "])
def test_without_a_secret_nothing_is_believed(secret: str) -> None:
    assert check(BODY, signed(BODY, at(), secret), secret) == "not_configured"


def test_another_accounts_signature_is_refused() -> None:
    assert check(BODY, signed(BODY, at(), "whsec_other")) == "bad_signature"
