"""The Stripe client against the sandbox's Stripe: what is asked, what comes of it, and what an error means."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from activities.effects import Meaning, meaning_of
from domain.matching import Tier
from domain.subscriptions import PLANS, prorate
from integrations.http import (
    ApiCall,
    VendorError,
    VendorNotReached,
    VendorRejected,
    VendorUnavailable,
)
from integrations.stripe_billing import CardDeclined, Charge, NewSubscription, StripeBilling, StripeSubscription
from sandbox.vendors.stripe_control import SECRET_KEY
from tests.support.sandbox import Sandbox

FIXTURES = Path(__file__).parents[3] / "shared/data/specs/stripe/fixtures3.json"
pytestmark = pytest.mark.filterwarnings("ignore:Use .content=:DeprecationWarning")
"""The SDK hands httpx its body in a way that httpx would like changed."""
INCLUDABLE = {"invoice": {"payments"}}
"""Fields that appear when asked for and that the published examples leave out."""


class Client(StripeBilling):
    """The client, with its metered calls and a customer to begin with."""

    def __init__(self, base_url: str, api_key: str = SECRET_KEY, timeout: float = 5) -> None:
        super().__init__(api_key=api_key, base_url=base_url, timeout=timeout, meter=self._book)
        self.calls: list[ApiCall] = []

    async def _book(self, call: ApiCall) -> None:
        self.calls.append(call)

    async def customer_with(self, card: str = "pm_card_visa") -> tuple[str, str]:
        """A new customer and the payment method that was attached to it."""
        number = uuid4().hex[:8]
        customer = await self.create_customer(f"customer-{number}", number)
        return customer, await self.use_card(f"card-{number}", customer, card)

    async def subscribed(
        self, tier: Tier = Tier.STARTER, card: str = "pm_card_visa", percent_off: int = 0
    ) -> tuple[StripeSubscription, str]:
        """A subscription whose first invoice waits, and that invoice's payment."""
        customer, method = await self.customer_with(card)
        key = f"subscribe-{uuid4().hex[:8]}"
        new = NewSubscription(key, "contractor", customer, method, tier, percent_off)
        created = await self.subscribe(new)
        [invoice] = await self.invoices(created.id)
        assert invoice.payment_id
        return created, invoice.payment_id


@pytest.fixture
async def stripe(sandbox: Sandbox) -> AsyncIterator[Client]:
    client = Client(f"{sandbox.url}/stripe")
    yield client
    await client.close()


def books(sandbox: Sandbox) -> Any:
    return sandbox.get("/control/stripe")


async def test_the_catalogue_is_made_once(stripe: Client, sandbox: Sandbox) -> None:
    first = await stripe.ensure_catalogue()
    asked = len(stripe.calls)
    assert await stripe.ensure_catalogue() == first
    assert len(stripe.calls) == asked, "known by now"
    other = Client(f"{sandbox.url}/stripe")
    assert await other.ensure_catalogue() == first, "another process finds what is there"
    await other.close()
    assert set(first) == set(Tier)


@pytest.mark.parametrize(("tier", "off", "price"), [(Tier.STARTER, 0, 500), (Tier.PROFESSIONAL, 50, 1000)])
async def test_a_first_month_is_paid(stripe: Client, sandbox: Sandbox, tier: Tier, off: int, price: int) -> None:
    created, payment = await stripe.subscribed(tier, percent_off=off)
    assert (created.status, created.tier) == ("incomplete", tier)
    paid = await stripe.pay("pay-1", payment, await _method(sandbox))
    assert (paid.status, paid.received) == ("succeeded", Decimal(price))
    assert (await stripe.subscription(created.id)).status == "active"
    [invoice] = await stripe.invoices(created.id)
    assert (invoice.status, invoice.total, invoice.paid) == ("paid", price, price)
    assert invoice.reason == "subscription_create"
    assert (invoice.starts_at, invoice.ends_at, invoice.tier) == (created.period_start, created.period_end, tier)
    assert books(sandbox)["taken"] == price * 100
    [fee] = [call.cost for call in stripe.calls if call.cost]
    assert fee == Decimal(price) * 29 / 1000 + Decimal("0.30")


async def _method(sandbox: Sandbox) -> str:
    return str(books(sandbox)["payment_methods"][0]["id"])


async def test_the_same_key_charges_once(stripe: Client, sandbox: Sandbox) -> None:
    customer, method = await stripe.customer_with()
    charge = Charge("lead-1", customer, method, Decimal("175.00"), off_session=True)
    first = await stripe.charge(charge)
    assert (await stripe.charge(charge)).id == first.id
    assert await stripe.find_charge(customer, "lead-1") == first.id
    assert await stripe.find_charge(customer, "lead-2") is None
    with pytest.raises(VendorRejected) as other:
        await stripe.charge(Charge("lead-1", customer, method, Decimal("1.00"), off_session=True))
    assert other.value.status == 400
    assert books(sandbox)["taken"] == 175_00


async def test_a_request_under_way_is_not_repeated(stripe: Client, sandbox: Sandbox) -> None:
    customer, method = await stripe.customer_with()
    sandbox.post("/control/stripe/hold", key="slow")
    with pytest.raises(VendorUnavailable) as busy:
        await stripe.charge(Charge("slow", customer, method, Decimal(10), off_session=True))
    assert meaning_of(busy.value) is Meaning.UNCLEAR
    sandbox.post("/control/stripe/hold", key="slow", release=True)
    assert (await stripe.charge(Charge("slow", customer, method, Decimal(10), off_session=True))).status == "succeeded"
    assert books(sandbox)["taken"] == 10_00


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
    ],
)
async def test_a_card_that_is_no_good_says_why(stripe: Client, card: str, code: str) -> None:
    with pytest.raises(CardDeclined) as declined:
        await stripe.customer_with(card)
    assert declined.value.code == code
    assert meaning_of(declined.value) is Meaning.DID_NOTHING


async def test_a_declined_payment_names_itself_and_the_same_key_says_the_same(stripe: Client, sandbox: Sandbox) -> None:
    customer, method = await stripe.customer_with("pm_card_chargeCustomerFail")
    declines = []
    for _ in range(2):
        with pytest.raises(CardDeclined) as declined:
            await stripe.charge(Charge("lead-1", customer, method, Decimal(100), off_session=True))
        declines.append((declined.value.code, declined.value.payment_id))
    assert declines[0] == declines[1]
    [intent] = books(sandbox)["payment_intents"]
    assert declines[0] == ("generic_decline", intent["id"])
    assert (await stripe.payment(intent["id"])).declined == "generic_decline"
    assert books(sandbox)["taken"] == 0


@pytest.mark.parametrize("success", [True, False])
async def test_the_bank_may_ask_its_customer(stripe: Client, sandbox: Sandbox, success: bool) -> None:
    created, payment = await stripe.subscribed(card="pm_card_authenticationRequired")
    asked = await stripe.pay("pay-1", payment, await _method(sandbox))
    assert (asked.status, asked.received) == ("requires_action", 0)
    sandbox.post("/control/stripe/authenticate", payment_intent=payment, success=success)
    after = await stripe.payment(payment)
    assert after.status == ("succeeded" if success else "requires_payment_method")
    assert (await stripe.subscription(created.id)).status == ("active" if success else "incomplete")


async def test_nobody_is_there_to_be_asked(stripe: Client) -> None:
    customer, method = await stripe.customer_with("pm_card_authenticationRequired")
    with pytest.raises(CardDeclined) as declined:
        await stripe.charge(Charge("lead-1", customer, method, Decimal(100), off_session=True))
    assert declined.value.code == "authentication_required"


@pytest.mark.parametrize(
    ("before", "after", "percent_off"),
    [
        (Tier.STARTER, Tier.ENTERPRISE, 0),
        (Tier.ENTERPRISE, Tier.STARTER, 0),
        (Tier.PROFESSIONAL, Tier.ENTERPRISE, 50),
        (Tier.PROFESSIONAL, Tier.STARTER, 50),
    ],
)
async def test_a_change_of_tier_costs_what_we_said(
    stripe: Client, sandbox: Sandbox, before: Tier, after: Tier, percent_off: int
) -> None:
    created, payment = await stripe.subscribed(before, percent_off=percent_off)
    await stripe.pay("pay-1", payment, await _method(sandbox))
    at = created.period_start + timedelta(days=11, seconds=17)
    price = PLANS[before].fee * (100 - percent_off) / 100
    ours = prorate(price, PLANS[after].fee, created.period_start, created.period_end, at)
    await stripe.change_tier("change-1", created.id, created.item, after, at)
    changed = await stripe.subscription(created.id)
    assert changed.tier is after
    latest = (await stripe.invoices(created.id))[0]
    assert (latest.reason, latest.total, latest.starts_at) == ("subscription_update", ours.total, None)
    assert latest.paid == max(ours.total, Decimal(0))
    [customer] = books(sandbox)["customers"]
    assert customer["balance"] == min(ours.total, 0) * 100


async def test_credit_pays_the_next_month(stripe: Client, sandbox: Sandbox) -> None:
    created, payment = await stripe.subscribed(Tier.ENTERPRISE)
    await stripe.pay("pay-1", payment, await _method(sandbox))
    await stripe.change_tier("change-1", created.id, created.item, Tier.STARTER, created.period_start)
    sandbox.post("/control/stripe/advance", subscription=created.id)
    latest = (await stripe.invoices(created.id))[0]
    assert (latest.status, latest.total, latest.paid) == ("paid", 500, 0)
    assert books(sandbox)["customers"][0]["balance"] == -4000_00


async def test_an_upgrade_that_cannot_be_paid_does_not_happen(stripe: Client, sandbox: Sandbox) -> None:
    created, payment = await stripe.subscribed()
    await stripe.pay("pay-1", payment, await _method(sandbox))
    await stripe.use_card("other", created.customer, "pm_card_chargeCustomerFail", created.id)
    with pytest.raises(CardDeclined):
        await stripe.change_tier("change-1", created.id, created.item, Tier.ENTERPRISE, created.period_start)
    assert (await stripe.subscription(created.id)).tier is Tier.STARTER
    assert books(sandbox)["taken"] == 500_00


async def test_cancelling_now_and_later(stripe: Client, sandbox: Sandbox) -> None:
    created, payment = await stripe.subscribed()
    await stripe.pay("pay-1", payment, await _method(sandbox))
    await stripe.cancel("cancel-1", created.id, at_period_end=True)
    leaving = await stripe.subscription(created.id)
    assert (leaving.status, leaving.cancel_at_period_end, leaving.ended_at) == ("active", True, None)
    await stripe.cancel("cancel-2", created.id, at_period_end=False)
    over = await stripe.subscription(created.id)
    assert over.status == "canceled"
    assert over.ended_at is not None
    with pytest.raises(VendorRejected) as again:
        await stripe.cancel("cancel-3", created.id, at_period_end=False)
    assert again.value.status == 404
    assert books(sandbox)["given_back"] == 0, "what goes back is ours to say"


async def test_refunds_never_exceed_what_was_taken(stripe: Client, sandbox: Sandbox) -> None:
    customer, method = await stripe.customer_with()
    paid = await stripe.charge(Charge("lead-1", customer, method, Decimal("175.00"), off_session=True))
    first = await stripe.refund("refund-1", paid.id, Decimal("100.01"))
    assert (await stripe.refund("refund-1", paid.id, Decimal("100.01"))).id == first.id
    assert await stripe.find_refund(paid.id, "refund-1") == first.id
    with pytest.raises(VendorRejected):
        await stripe.refund("refund-2", paid.id, Decimal("75.00"))
    await stripe.refund("refund-3", paid.id, Decimal("74.99"))
    assert books(sandbox)["given_back"] == 175_00


async def test_a_payment_not_made_can_be_given_up(stripe: Client, sandbox: Sandbox) -> None:
    customer, method = await stripe.customer_with("pm_card_authenticationRequired")
    asked = await stripe.charge(Charge("lead-1", customer, method, Decimal(100), off_session=False))
    assert asked.status == "requires_action"
    assert (await stripe.cancel_payment("give-up", asked.id)).status == "canceled"
    assert books(sandbox)["taken"] == 0


@pytest.mark.parametrize("fraction", ["0.001", "100.005"])
async def test_no_fraction_of_a_cent_is_sent(stripe: Client, fraction: str) -> None:
    with pytest.raises(ValueError, match="whole cents"):
        await stripe.refund("refund-1", "pi_1", Decimal(fraction))


# Failures


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "throttle", "seconds": 7}, VendorNotReached),
        ({"kind": "error"}, VendorUnavailable),
        ({"kind": "garbage"}, VendorUnavailable),
        ({"kind": "after_effect"}, VendorUnavailable),
        ({"kind": "after_effect", "seconds": 30}, VendorUnavailable),
    ],
)
async def test_what_a_failure_means(sandbox: Sandbox, fault: dict[str, Any], kind: type[VendorError]) -> None:
    stripe = Client(f"{sandbox.url}/stripe", timeout=0.5)
    customer, method = await stripe.customer_with()
    charge = Charge("lead-1", customer, method, Decimal(100), off_session=True)
    sandbox.fault("stripe", path="/payment_intents", count=1, **fault)
    with pytest.raises(VendorError) as failure:
        await stripe.charge(charge)
    assert type(failure.value) is kind
    if isinstance(failure.value, VendorNotReached):
        assert failure.value.retry_after == 7
    assert stripe.calls[-1].error == str(failure.value)
    sandbox.mend()
    assert (await stripe.charge(charge)).status == "succeeded"
    assert books(sandbox)["taken"] == 100_00, "once, whether the first request arrived or not"
    await stripe.close()


async def test_a_wrong_key_and_a_closed_door(sandbox: Sandbox) -> None:
    stranger = Client(f"{sandbox.url}/stripe", api_key="sk_test_wrong")
    with pytest.raises(VendorRejected) as refused:
        await stranger.ensure_catalogue()
    assert refused.value.status == 401
    nobody = Client("http://127.0.0.1:9")
    with pytest.raises(VendorNotReached):
        await nobody.ensure_catalogue()
    await asyncio.gather(stranger.close(), nobody.close())


async def test_errors_quote_nothing(stripe: Client) -> None:
    with pytest.raises(VendorRejected) as refused:
        await stripe.create_customer("key", "x" * 501)
    assert "xxx" not in str(refused.value)
    with pytest.raises(VendorRejected) as refused:
        await stripe.use_card("key", "cus_somebody", "pm_card_visa")
    assert "somebody" not in str(refused.value)


# The sandbox's Stripe speaks as the real one does


@pytest.mark.skipif(
    not FIXTURES.exists(),
    reason="reads Stripe's own examples from ../shared/data, which are not ours to ship; other tests judge the answers",
)
async def test_the_sandboxs_objects_have_only_fields_that_stripe_publishes(stripe: Client, sandbox: Sandbox) -> None:
    created, payment = await stripe.subscribed(percent_off=50)
    await stripe.pay("pay-1", payment, await _method(sandbox))
    await stripe.refund("refund-1", payment, Decimal(1))
    published = json.loads(FIXTURES.read_text())["resources"]
    kept = {name: kind for name, kind in books(sandbox).items() if isinstance(kind, list) and name != "events"}
    seen = [each for kind in kept.values() for each in kind]
    headers = {"Authorization": f"Bearer {SECRET_KEY}"}
    async with httpx.AsyncClient(base_url=f"{sandbox.url}/stripe/v1", headers=headers) as http:
        seen += (await http.get("/prices")).json()["data"]
        listed = (await http.get("/invoices", params={"expand[]": "data.payments"})).json()["data"]
        seen += [*listed, *listed[0]["payments"]["data"]]
        seen += listed[0]["lines"]["data"]
    seen += [item for each in books(sandbox)["subscriptions"] for item in each["items"]["data"]]
    kinds = {each["object"] for each in seen}
    assert kinds >= {"customer", "subscription", "invoice", "payment_intent", "charge", "refund", "price"}
    for each in seen:
        allowed = set(published[each["object"]]) | INCLUDABLE.get(each["object"], set())
        assert set(each) <= allowed, (each["object"], set(each) - allowed)
    assert created.id.startswith("sub_")


@pytest.mark.parametrize(
    ("path", "form", "status", "code"),
    [
        ("/customers", {"nickname": "x"}, 400, "parameter_unknown"),
        ("/payment_intents", {"currency": "usd"}, 400, None),
        ("/payment_intents", {"amount": "12.5", "currency": "usd"}, 400, "parameter_invalid_integer"),
        ("/payment_intents", {"amount": "1", "currency": "usd"}, 400, None),
        ("/payment_methods/pm_card_nobody/attach", {"customer": "cus_x"}, 404, "resource_missing"),
        ("/subscriptions", {"customer": "cus_x", "items": "price"}, 404, "resource_missing"),
        ("/customers", {"metadata": "text"}, 400, None),
        ("/customers", {"metadata[a][b][c][d][e][f][g]": "x"}, 400, None),
        ("/customers", {"a[": "x"}, 400, None),
        ("/customers", {"invoice_settings": "x"}, 400, "parameter_unknown"),
    ],
)
async def test_the_sandbox_refuses_what_stripe_refuses(
    sandbox: Sandbox, path: str, form: dict[str, str], status: int, code: str | None
) -> None:
    async with httpx.AsyncClient(base_url=f"{sandbox.url}/stripe/v1", auth=(SECRET_KEY, "")) as http:
        answer = await http.post(path, data=form, headers={"Idempotency-Key": "k"})
        again = await http.post("/customers", headers={"Idempotency-Key": "k"})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"].get("code") == code or code is None
    assert again.status_code == 200, "a request that was never carried out uses up no key"


async def test_times_are_in_utc(stripe: Client) -> None:
    created, _ = await stripe.subscribed()
    assert created.period_start.tzinfo is UTC
    assert timedelta(days=27) < created.period_end - created.period_start < timedelta(days=32)
    assert abs(created.period_start - datetime.now(UTC)) < timedelta(minutes=1)
