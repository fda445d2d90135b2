"""Money through Stripe's own SDK: customers, cards, subscriptions, payments, refunds (spec 7.5).

Every call that changes something carries our idempotency key, and every object our key in its metadata,
so that a crash is resolved by looking: Stripe's lists are complete and current, and it keeps keys for at
least 24 hours. Sending a request again under its key is therefore safe where a look finds nothing. The SDK's
own retries are off: Temporal retries, and the ledger decides whether it may.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from domain.matching import Tier
from domain.subscriptions import CENT, PERCENT, PLANS, share_of
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

VENDOR = "stripe"
CURRENCY = "usd"
KEY = "effect_key"
"""Metadata by which an object is found again."""
CHANGE_KEY = "change_key"
"""Metadata of a subscription: the key of its latest change of tier."""
MAX_INVOICES = 24
MAX_LISTED = 100

CARD_FEE_MILLS, CARD_FEE_FIXED = 29, Decimal("0.30")
"""2.9 % + $0.30 a transaction (spec 7.5); Stripe keeps it when a payment is refunded."""

_LOOKUP = "ridgeline_{}_monthly"
_NEVER_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_EXISTS = "resource_already_exists"
_NO_MORE_THAN_ONCE = "once"

ResultT = TypeVar("ResultT")


class CardDeclined(VendorRejected):
    """The bank said no, or wants to see its customer; nothing was charged. `code` is Stripe's word for why."""

    def __init__(self, operation: str, code: str, payment_id: str | None = None) -> None:
        super().__init__(VENDOR, operation, f"declined: {code}", 402)
        self.code = code
        self.payment_id = payment_id


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """A subscription to begin; `percent_off` is taken off its first invoice."""

    key: str
    contractor_id: str
    customer: str
    payment_method: str
    tier: Tier
    percent_off: int = 0


@dataclass(frozen=True, slots=True)
class Charge:
    """A one-off payment, such as a lead's. `off_session`: its owner is not there to be asked by the bank."""

    key: str
    customer: str
    payment_method: str
    amount: Decimal
    off_session: bool
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StripeSubscription:
    """A subscription as Stripe has it; `status` is Stripe's word."""

    id: str
    customer: str
    status: str
    tier: Tier | None
    item: str
    period_start: datetime
    period_end: datetime
    cancel_at_period_end: bool
    ended_at: datetime | None
    latest_invoice: str | None
    change_key: str | None


@dataclass(frozen=True, slots=True)
class StripeInvoice:
    """An invoice: `total` is what it came to, `paid` what was taken for it. Dollars."""

    id: str
    status: str
    reason: str
    total: Decimal
    paid: Decimal
    attempted: bool
    created: datetime
    paid_at: datetime | None
    payment_id: str | None
    page: str | None = field(repr=False)
    tier: Tier | None
    starts_at: datetime | None
    ends_at: datetime | None
    """Of the month that is billed; None where only a proration is."""
    credit: Decimal
    charge: Decimal
    """Of its prorations: the old tier's rest given back, the new one's taken."""


@dataclass(frozen=True, slots=True)
class StripePayment:
    """A PaymentIntent; `status` is Stripe's word, `declined` why its last attempt failed."""

    id: str
    status: str
    amount: Decimal
    received: Decimal
    declined: str | None
    page: str | None = field(default=None, repr=False)
    """Where the bank asks its customer."""


@dataclass(frozen=True, slots=True)
class StripeRefund:
    """A refund, in dollars; `status` is Stripe's word."""

    id: str
    status: str
    amount: Decimal


class StripeBilling:
    """Stripe, as far as we use it. One per process; `close` it at the end."""

    def __init__(self, *, api_key: str, base_url: str, timeout: float, meter: CallMeter) -> None:
        import stripe

        # At INFO the SDK logs the words of errors, which may quote what was sent.
        logging.getLogger("stripe").setLevel(logging.WARNING)
        stripe.enable_telemetry = False
        self._http = stripe.HTTPXClient(timeout=timeout)
        self._stripe: Any = stripe.StripeClient(
            api_key or "none",
            base_addresses={"api": base_url.rstrip("/")},
            http_client=self._http,
            max_network_retries=0,
        )
        self._meter = meter
        self._prices: dict[Tier, str] = {}
        self._catalogue = asyncio.Lock()

    @classmethod
    def from_settings(cls, settings: "Settings", meter: CallMeter) -> Self:
        """The account that the settings name."""
        return cls(
            api_key=settings.stripe_secret_key.get_secret_value(),
            base_url=settings.stripe_base_url,
            timeout=settings.vendor_timeout_seconds,
            meter=meter,
        )

    async def close(self) -> None:
        """Ends the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    # What we sell.

    async def ensure_catalogue(self) -> Mapping[Tier, str]:
        """The price of each tier at Stripe, created with its product where missing; asked once per process."""
        async with self._catalogue:
            if len(self._prices) < len(PLANS):
                found = await self._known_prices()
                missing = [tier for tier in PLANS if tier not in found]
                self._prices = found | {tier: await self._create_price(tier) for tier in missing}
        return self._prices

    async def _known_prices(self) -> dict[Tier, str]:
        keys = {_LOOKUP.format(tier): tier for tier in PLANS}
        params = {"lookup_keys": list(keys), "active": True, "limit": len(keys)}
        page = await self._call("prices.list", "GET", lambda: self._stripe.v1.prices.list_async(params))
        return {
            keys[price["lookup_key"]]: price["id"] for price in page["data"] if price["unit_amount"] == _fee_of(price)
        }

    async def _create_price(self, tier: Tier) -> str:
        plan, product = PLANS[tier], f"ridgeline_{tier}"
        details = {"id": product, "name": f"Ridgeline {tier.capitalize()}", "metadata": {"tier": tier.value}}
        await self._unless_there(
            "products.create", lambda: self._stripe.v1.products.create_async(details, _under(f"product-{tier}"))
        )
        params = {
            "product": product,
            "currency": CURRENCY,
            "unit_amount": to_cents(plan.fee),
            "recurring": {"interval": "month"},
            "lookup_key": _LOOKUP.format(tier),
            # Should the fee change, the name moves on to the new price; who has the old one keeps it.
            "transfer_lookup_key": True,
            "metadata": {"tier": tier.value},
        }
        key = _under(f"price-{tier}-{plan.fee}")
        created = await self._call("prices.create", "POST", lambda: self._stripe.v1.prices.create_async(params, key))
        return str(created["id"])

    async def _first_month_coupon(self, percent_off: int) -> str:
        coupon = f"ridgeline_first_month_{percent_off}"
        params = {
            "id": coupon,
            "percent_off": percent_off,
            "duration": _NO_MORE_THAN_ONCE,
            "name": f"{percent_off}% off the first month",
        }
        await self._unless_there(
            "coupons.create", lambda: self._stripe.v1.coupons.create_async(params, _under(f"coupon-{percent_off}"))
        )
        return coupon

    # Who pays.

    async def create_customer(self, key: str, contractor_id: str) -> str:
        """A customer for a contractor; Stripe learns our id and nothing else of them."""
        params = {"metadata": {"contractor_id": contractor_id, KEY: key}}
        created = await self._call(
            "customers.create", "POST", lambda: self._stripe.v1.customers.create_async(params, _under(key))
        )
        return str(created["id"])

    async def find_customer(self, contractor_id: str) -> str | None:
        """The customer of a contractor. Stripe's search lags by up to a minute: None is no proof."""
        params = {"query": f"metadata['contractor_id']:'{contractor_id}'", "limit": 1}
        page = await self._call("customers.search", "GET", lambda: self._stripe.v1.customers.search_async(params))
        return str(page["data"][0]["id"]) if page["data"] else None

    async def credit(self, customer: str) -> Decimal:
        """What a customer has with us, to be used by the next invoices."""
        found = await self._call(
            "customers.retrieve", "GET", lambda: self._stripe.v1.customers.retrieve_async(customer)
        )
        return from_cents(max(-found["balance"], 0))

    async def use_card(self, key: str, customer: str, payment_method: str, subscription: str | None = None) -> str:
        """Attaches a payment method and makes it the default; returns its id. Raises CardDeclined.

        Doing it twice changes nothing, so it needs no ledger.
        """
        attach = {"customer": customer}
        attached = await self._call(
            "payment_methods.attach",
            "POST",
            lambda: self._stripe.v1.payment_methods.attach_async(payment_method, attach, _under(f"{key}-attach")),
        )
        method = str(attached["id"])
        default = {"invoice_settings": {"default_payment_method": method}}
        await self._call(
            "customers.update",
            "POST",
            lambda: self._stripe.v1.customers.update_async(customer, default, _under(f"{key}-default")),
        )
        if subscription is not None:
            change = {"default_payment_method": method}
            await self._call(
                "subscriptions.update",
                "POST",
                lambda: self._stripe.v1.subscriptions.update_async(subscription, change, _under(f"{key}-renew")),
            )
        return method

    # Subscriptions.

    async def subscribe(self, new: NewSubscription) -> StripeSubscription:
        """Creates a subscription whose first invoice waits to be paid by `pay`."""
        prices = await self.ensure_catalogue()
        params: dict[str, Any] = {
            "customer": new.customer,
            "items": [{"price": prices[new.tier]}],
            "default_payment_method": new.payment_method,
            "payment_behavior": "default_incomplete",
            "payment_settings": {"payment_method_types": ["card"]},
            "billing_mode": {"type": "flexible", "flexible": {"proration_discounts": "included"}},
            "metadata": {"contractor_id": new.contractor_id, KEY: new.key},
        }
        if new.percent_off:
            params["discounts"] = [{"coupon": await self._first_month_coupon(new.percent_off)}]
        created = await self._call(
            "subscriptions.create",
            "POST",
            lambda: self._stripe.v1.subscriptions.create_async(params, _under(new.key)),
        )
        return self._subscription(created)

    async def find_subscription(self, customer: str, key: str) -> str | None:
        """The id of the subscription that was created under this key."""
        params = {"customer": customer, "status": "all", "limit": MAX_LISTED}
        page = await self._call("subscriptions.list", "GET", lambda: self._stripe.v1.subscriptions.list_async(params))
        return _with_key(page, key)

    async def subscription(self, subscription: str) -> StripeSubscription:
        """A subscription as it stands."""
        await self.ensure_catalogue()
        found = await self._call(
            "subscriptions.retrieve", "GET", lambda: self._stripe.v1.subscriptions.retrieve_async(subscription)
        )
        return self._subscription(found)

    async def invoices(self, subscription: str) -> list[StripeInvoice]:
        """The latest invoices of a subscription, newest first, with how they were paid."""
        await self.ensure_catalogue()
        params = {"subscription": subscription, "limit": MAX_INVOICES, "expand": ["data.payments"]}
        page = await self._call("invoices.list", "GET", lambda: self._stripe.v1.invoices.list_async(params))
        return [self._invoice(each) for each in page["data"]]

    async def change_tier(self, key: str, subscription: str, item: str, tier: Tier, at: datetime) -> None:
        """Moves a subscription to another tier, prorated at `at` and invoiced now. Raises CardDeclined.

        What cannot be paid does not happen.
        """
        prices = await self.ensure_catalogue()
        params = {
            "items": [{"id": item, "price": prices[tier]}],
            "proration_behavior": "always_invoice",
            "proration_date": int(at.timestamp()),
            "payment_behavior": "error_if_incomplete",
            "metadata": {CHANGE_KEY: key},
        }
        await self._call(
            "subscriptions.update",
            "POST",
            lambda: self._stripe.v1.subscriptions.update_async(subscription, params, _under(key)),
        )

    async def cancel(self, key: str, subscription: str, *, at_period_end: bool) -> None:
        """Ends a subscription now, without Stripe's own proration, or lets it run out."""
        if at_period_end:
            later = {"cancel_at_period_end": True}
            await self._call(
                "subscriptions.update",
                "POST",
                lambda: self._stripe.v1.subscriptions.update_async(subscription, later, _under(key)),
            )
            return
        now = {"prorate": False, "invoice_now": False}
        await self._call(
            "subscriptions.cancel",
            "DELETE",
            # Stripe takes no key for a DELETE: ending what has ended is refused with 404.
            lambda: self._stripe.v1.subscriptions.cancel_async(subscription, now),
        )

    # Payments.

    async def pay(self, key: str, payment: str, payment_method: str) -> StripePayment:
        """Confirms an invoice's payment with a card. Raises CardDeclined; `requires_action` is an answer."""
        params = {"payment_method": payment_method}
        return await self._paid(
            "payment_intents.confirm",
            lambda: self._stripe.v1.payment_intents.confirm_async(payment, params, _under(key)),
        )

    async def charge(self, charge: Charge) -> StripePayment:
        """Creates and confirms a payment. Raises CardDeclined; `requires_action` is an answer when on session."""
        params = {
            "amount": to_cents(charge.amount),
            "currency": CURRENCY,
            "customer": charge.customer,
            "payment_method": charge.payment_method,
            "payment_method_types": ["card"],
            "confirm": True,
            "off_session": charge.off_session,
            "metadata": {**charge.metadata, KEY: charge.key},
        }
        return await self._paid(
            "payment_intents.create",
            lambda: self._stripe.v1.payment_intents.create_async(params, _under(charge.key)),
        )

    async def find_charge(self, customer: str, key: str) -> str | None:
        """The id of the payment that was created under this key."""
        params = {"customer": customer, "limit": MAX_LISTED}
        page = await self._call(
            "payment_intents.list", "GET", lambda: self._stripe.v1.payment_intents.list_async(params)
        )
        return _with_key(page, key)

    async def payment(self, payment: str) -> StripePayment:
        """A payment as it stands."""
        found = await self._call(
            "payment_intents.retrieve", "GET", lambda: self._stripe.v1.payment_intents.retrieve_async(payment)
        )
        return _payment(found)

    async def cancel_payment(self, key: str, payment: str) -> StripePayment:
        """Gives up a payment that was not made. Raises VendorRejected when it was."""
        canceled = await self._call(
            "payment_intents.cancel",
            "POST",
            lambda: self._stripe.v1.payment_intents.cancel_async(payment, {}, _under(key)),
        )
        return _payment(canceled)

    async def refund(self, key: str, payment: str, amount: Decimal) -> StripeRefund:
        """Gives back `amount` dollars of a payment."""
        params = {"payment_intent": payment, "amount": to_cents(amount), "metadata": {KEY: key}}
        created = await self._call(
            "refunds.create", "POST", lambda: self._stripe.v1.refunds.create_async(params, _under(key))
        )
        return _refund(created)

    async def find_refund(self, payment: str, key: str) -> str | None:
        """The id of the refund that was made under this key."""
        params = {"payment_intent": payment, "limit": MAX_LISTED}
        page = await self._call("refunds.list", "GET", lambda: self._stripe.v1.refunds.list_async(params))
        return _with_key(page, key)

    # One call.

    async def _paid(self, operation: str, call: Callable[[], Awaitable[Any]]) -> StripePayment:
        paid: StripePayment = await self._call(
            operation, "POST", call, read=_payment, cost=lambda paid: card_fee(paid.received)
        )
        return paid

    async def _unless_there(self, operation: str, call: Callable[[], Awaitable[Any]]) -> None:
        try:
            await self._call(operation, "POST", call)
        except VendorRejected as refusal:
            if not isinstance(refusal, _AlreadyThere):
                raise

    async def _call(
        self,
        operation: str,
        method: str,
        call: Callable[[], Awaitable[Any]],
        read: Callable[[dict[str, Any]], Any] = lambda answer: answer,
        cost: Callable[[Any], Decimal] = lambda _: Decimal(0),
    ) -> Any:
        started = time.perf_counter()
        status: int | None = None
        error: str | None = None
        charged = Decimal(0)
        try:
            answer = await call()
            status = 200
            result = _read(operation, answer, read)
            charged = cost(result)
            return result
        except Exception as failure:
            told = failure if isinstance(failure, VendorError) else explain(operation, failure)
            if told is None:
                raise
            status = getattr(failure, "http_status", status)
            error = str(told)
            raise told from failure
        finally:
            elapsed = int((time.perf_counter() - started) * 1000)
            await self._meter(ApiCall(VENDOR, operation, method, status, elapsed, charged, error))

    # Stripe's objects in our words.

    def _subscription(self, found: dict[str, Any]) -> StripeSubscription:
        def read(subscription: dict[str, Any]) -> StripeSubscription:
            item = subscription["items"]["data"][0]
            latest = subscription["latest_invoice"]
            return StripeSubscription(
                id=subscription["id"],
                customer=_id(subscription["customer"]),
                status=subscription["status"],
                tier=self._tier(item["price"]["id"]),
                item=item["id"],
                period_start=_moment(item["current_period_start"]),
                period_end=_moment(item["current_period_end"]),
                cancel_at_period_end=subscription["cancel_at_period_end"],
                ended_at=_maybe(subscription["ended_at"]),
                latest_invoice=_id(latest) if latest else None,
                change_key=subscription["metadata"].get(CHANGE_KEY),
            )

        return _read("subscriptions", found, read)

    def _invoice(self, found: dict[str, Any]) -> StripeInvoice:
        def read(invoice: dict[str, Any]) -> StripeInvoice:
            lines = invoice["lines"]["data"]
            month = next((line for line in lines if not _is_proration(line)), None)
            prorations = [line for line in lines if _is_proration(line)]
            # The tier that an invoice is for: of its month, else the one that was changed to.
            billed = month or max(prorations, key=lambda line: line["amount"], default=None)
            return StripeInvoice(
                id=invoice["id"],
                status=invoice["status"],
                reason=invoice["billing_reason"],
                total=from_cents(invoice["total"]),
                paid=from_cents(invoice["amount_paid"]),
                attempted=invoice["attempted"],
                created=_moment(invoice["created"]),
                paid_at=_maybe(invoice["status_transitions"]["paid_at"]),
                payment_id=_paid_by(invoice),
                page=invoice["hosted_invoice_url"],
                tier=self._tier(_priced(billed)) if billed else None,
                starts_at=_moment(month["period"]["start"]) if month else None,
                ends_at=_moment(month["period"]["end"]) if month else None,
                credit=from_cents(-sum(line["amount"] for line in prorations if line["amount"] < 0)),
                charge=from_cents(sum(line["amount"] for line in prorations if line["amount"] > 0)),
            )

        return _read("invoices", found, read)

    def _tier(self, price: str) -> Tier | None:
        return next((tier for tier, known in self._prices.items() if known == price), None)


class _AlreadyThere(VendorRejected):
    """An object with an id of our own choosing exists: somebody created it before."""


def explain(operation: str, failure: BaseException) -> VendorError | None:
    """A failure of the SDK as a VendorError, without Stripe's words; None if it is none of theirs."""
    import stripe

    if not isinstance(failure, stripe.StripeError):
        return None
    if isinstance(failure, stripe.APIConnectionError):
        cause = failure.__cause__
        kind = type(cause).__name__ if cause else "connection failed"
        unreached = isinstance(cause, _NEVER_CONNECTED)
        return VendorNotReached(VENDOR, operation, kind) if unreached else VendorUnavailable(VENDOR, operation, kind)
    if isinstance(failure, stripe.CardError):
        return _declined(operation, failure)
    return _by_status(operation, failure)


def _declined(operation: str, failure: Any) -> CardDeclined:
    error = failure.error
    code = (getattr(error, "decline_code", None) if error else None) or failure.code or "card_declined"
    intent = getattr(error, "payment_intent", None) if error else None
    return CardDeclined(operation, code, getattr(intent, "id", None))


def _by_status(operation: str, failure: Any) -> VendorError:
    status = failure.http_status
    if status is None or status < 400:
        # No JSON at all: something between us and Stripe answered. That passes.
        return VendorUnavailable(VENDOR, operation, "the answer is no JSON")
    detail = f"HTTP {status}" + (f" {failure.code}" if isinstance(failure.code, str) else "")
    wait = parse_retry_after((failure.headers or {}).get("retry-after"), datetime.now(UTC))
    if status == 429:
        return VendorNotReached(VENDOR, operation, detail, wait)
    # 409: another request with this key, or on this object, is under way.
    if status in (408, 409) or status >= 500:
        return VendorUnavailable(VENDOR, operation, detail, wait)
    kind = _AlreadyThere if failure.code == _EXISTS else VendorRejected
    return kind(VENDOR, operation, detail, status)


def to_cents(amount: Decimal) -> int:
    """Dollars as Stripe counts them. Raises ValueError for a fraction of a cent."""
    counted = amount / CENT
    if counted != counted.to_integral_value():
        raise ValueError("an amount is of whole cents")
    return int(counted)


def from_cents(amount: int) -> Decimal:
    """Stripe's cents as dollars."""
    return amount * CENT


def card_fee(amount: Decimal) -> Decimal:
    """What Stripe keeps of a payment."""
    return share_of(amount, CARD_FEE_MILLS, 10 * PERCENT) + CARD_FEE_FIXED if amount else Decimal(0)


def _read(operation: str, answer: Any, read: Callable[[dict[str, Any]], ResultT]) -> ResultT:
    try:
        plain = answer if isinstance(answer, dict) else answer.to_dict()
        return read(plain)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as failure:
        raise VendorUnreadable(VENDOR, operation, "the answer is not what Stripe documents") from failure


def _payment(intent: dict[str, Any]) -> StripePayment:
    error = intent["last_payment_error"] or {}
    action = (intent["next_action"] or {}).get("redirect_to_url") or {}
    return StripePayment(
        id=intent["id"],
        status=intent["status"],
        amount=from_cents(intent["amount"]),
        received=from_cents(intent["amount_received"]),
        declined=error.get("decline_code") or error.get("code"),
        page=action.get("url"),
    )


def _refund(refund: dict[str, Any]) -> StripeRefund:
    return StripeRefund(refund["id"], refund["status"], from_cents(refund["amount"]))


def _with_key(page: dict[str, Any], key: str) -> str | None:
    return next((each["id"] for each in page["data"] if (each["metadata"] or {}).get(KEY) == key), None)


def _is_proration(line: dict[str, Any]) -> bool:
    parent = line["parent"] or {}
    details = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    return bool(details.get("proration"))


def _priced(line: dict[str, Any]) -> str:
    return _id(line["pricing"]["price_details"]["price"])


def _paid_by(invoice: dict[str, Any]) -> str | None:
    payments = (invoice.get("payments") or {}).get("data", [])
    found = next((each["payment"] for each in payments if each["is_default"]), None)
    intent = found.get("payment_intent") if found else None
    return _id(intent) if intent else None


def _fee_of(price: dict[str, Any]) -> int:
    tier = (price["metadata"] or {}).get("tier")
    return to_cents(PLANS[Tier(tier)].fee) if tier in tuple(Tier) else -1


def _id(found: Any) -> str:
    return str(found["id"] if isinstance(found, dict) else found)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _maybe(seconds: int | None) -> datetime | None:
    return None if seconds is None else _moment(seconds)


def _under(key: str) -> dict[str, str]:
    return {"idempotency_key": key}
