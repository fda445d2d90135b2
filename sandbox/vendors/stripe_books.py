"""What Stripe keeps: customers, cards, prices, subscriptions, invoices, payments, refunds, events. Amounts in cents.

Objects are kept in the form they are answered in. Only the fields that clients read carry a meaning; the
others have the values Stripe gives a plain card customer in the United States.
"""

import calendar
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sandbox.vendors.stripe_forms import StripeProblem, invalid

API_VERSION = "2026-10-28.endive"
EVENTS_KEPT = 5_000
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Card:
    """How a test card behaves: a code it declines with when attached or charged; whether the bank wants to see you."""

    brand: str = "visa"
    last4: str = "4242"
    on_attach: str | None = None
    on_charge: str | None = None
    authenticate: bool = False


# Stripe's own test cards, by the token that stands for them.
CARDS: dict[str, Card] = {
    "pm_card_visa": Card(),
    "pm_card_mastercard": Card("mastercard", "4444"),
    "pm_card_visa_chargeDeclined": Card(last4="0002", on_attach="generic_decline"),
    "pm_card_chargeDeclined": Card(last4="0002", on_attach="generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": Card(last4="9995", on_attach="insufficient_funds"),
    "pm_card_visa_chargeDeclinedLostCard": Card(last4="9987", on_attach="lost_card"),
    "pm_card_chargeDeclinedExpiredCard": Card(last4="0069", on_attach="expired_card"),
    "pm_card_chargeCustomerFail": Card(last4="0341", on_charge="generic_decline"),
    "pm_card_authenticationRequired": Card(last4="3184", authenticate=True),
}
CARD_CODES = {"expired_card": "expired_card", "incorrect_cvc": "incorrect_cvc"}
"""Declines that are an error code of their own; all others are `card_declined`."""

BILLING_DETAILS = {
    "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
} | dict.fromkeys(("email", "name", "phone", "tax_id"))


@dataclass(slots=True)
class Answered:
    """What the first request under an idempotency key was and got."""

    fingerprint: str
    status: int = 0
    body: Object = field(default_factory=dict)


class Books:
    """One Stripe account. `tell` hears of every event."""

    def __init__(self, seed: int, tell: Callable[[Object], None]) -> None:
        self._seed = seed
        self._serial = 0
        self._tell = tell
        self.clear()

    def clear(self) -> None:
        """An empty account; ids that were given are not given again."""
        self.objects: dict[str, Object] = {}
        self.answered: dict[str, Answered] = {}
        self.replays = 0
        self.events: list[Object] = []
        self.cards: dict[str, Card] = {}
        self.basis: dict[str, int] = {}
        """Per subscription: what a whole period costs on its present terms, discount taken off."""

    # Objects.

    def new(self, kind: str, prefix: str, **fields: Any) -> Object:
        """A new object with an id that looks like Stripe's."""
        self._serial += 1
        random = sha256(f"{self._seed} {self._serial}".encode()).hexdigest()[:24]
        made: Object = {
            "id": f"{prefix}_{random}",
            "object": kind,
            "created": int(time.time()),
            "livemode": False,
        } | fields
        self.objects[made["id"]] = made
        return made

    def get(self, kind: str, identity: Any, param: str = "id") -> Object:
        """The object with this id, or Stripe's 404."""
        found = self.objects.get(str(identity))
        if found is None or found["object"] != kind:
            words = kind.replace("_", " ")
            raise StripeProblem(404, f"No such {words}: '{str(identity)[:60]}'", code="resource_missing", param=param)
        return found

    def all(self, kind: str) -> Iterator[Object]:
        """Objects of a kind, newest first."""
        return (each for each in reversed(list(self.objects.values())) if each["object"] == kind)

    def emit(self, event_type: str, subject: Object) -> Object:
        """Something happened to `subject`; it is told as it is now."""
        self._serial += 1
        event = {
            "id": f"evt_{sha256(f'event {self._seed} {self._serial}'.encode()).hexdigest()[:24]}",
            "object": "event",
            "api_version": API_VERSION,
            "created": int(time.time()),
            "data": {"object": deepcopy(subject)},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": event_type,
        }
        self.events.append(event)
        del self.events[:-EVENTS_KEPT]
        self._tell(event)
        return event

    # Customers and cards.

    def attach(self, token: str, customer: Object) -> Object:
        """The payment method of a test token, or an attached one, as this customer's."""
        known = self.objects.get(token)
        if known is not None and known["object"] == "payment_method":
            if known["customer"] not in (None, customer["id"]):
                raise StripeProblem(400, "The payment method you provided has already been attached to a customer.")
            return known
        card = CARDS.get(token)
        if card is None:
            raise StripeProblem(
                404, f"No such PaymentMethod: '{token[:60]}'", code="resource_missing", param="payment_method"
            )
        if card.on_attach:
            raise self.declined(card.on_attach)
        method = self.new(
            "payment_method",
            "pm",
            type="card",
            customer=customer["id"],
            allow_redisplay="unspecified",
            billing_details=deepcopy(BILLING_DETAILS),
            card={"brand": card.brand, "country": "US", "exp_month": 8, "exp_year": 2034, "last4": card.last4},
            metadata={},
        )
        self.cards[method["id"]] = card
        self.emit("payment_method.attached", method)
        return method

    def declined(self, reason: str, intent: Object | None = None) -> StripeProblem:
        """A bank's no."""
        extra = {"payment_intent": deepcopy(intent)} if intent else {}
        code = CARD_CODES.get(reason, reason if reason == "authentication_required" else "card_declined")
        return StripeProblem(402, "Your card was declined.", "card_error", code=code, decline_code=reason, **extra)

    # Payments.

    def intent(self, amount: int, customer: str | None, **fields: Any) -> Object:
        """A payment that has not been tried."""
        made = self.new(
            "payment_intent",
            "pi",
            amount=amount,
            amount_capturable=0,
            amount_received=0,
            canceled_at=None,
            cancellation_reason=None,
            capture_method="automatic",
            confirmation_method="automatic",
            currency="usd",
            customer=customer,
            description=None,
            last_payment_error=None,
            latest_charge=None,
            next_action=None,
            payment_method=None,
            payment_method_types=["card"],
            metadata={},
            setup_future_usage=None,
            status="requires_payment_method",
            **fields,
        )
        made["client_secret"] = f"{made['id']}_secret_{sha256(made['id'].encode()).hexdigest()[:24]}"
        return made

    def confirm(self, intent: Object, method: Object, *, off_session: bool, return_url: str | None = None) -> None:
        """Tries a card. Raises StripeProblem 402 when the bank says no."""
        if intent["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
            raise StripeProblem(
                400,
                f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
                code="payment_intent_unexpected_state",
            )
        card = self.cards[method["id"]]
        intent["payment_method"] = method["id"]
        if card.on_charge:
            self._fail(intent, card.on_charge)
            raise self.declined(card.on_charge, intent)
        if card.authenticate and off_session:
            self._fail(intent, "authentication_required")
            raise self.declined("authentication_required", intent)
        if card.authenticate:
            self._ask(intent, return_url)
            return
        self._succeed(intent)

    def authenticate(self, intent: Object, *, success: bool) -> None:
        """The customer has been to their bank's page."""
        if intent["status"] != "requires_action":
            raise invalid("payment_intent", "it does not wait for its customer.")
        intent["next_action"] = None
        if success:
            self._succeed(intent)
        else:
            self._fail(intent, "payment_intent_authentication_failure")

    def collect(self, intent: Object, method: Object) -> None:
        """Stripe itself charges a renewal, and the bank agrees."""
        intent["payment_method"] = method["id"]
        self._succeed(intent)

    def refuse(self, intent: Object, method: Object, reason: str = "insufficient_funds") -> None:
        """Stripe itself charges a renewal, and the bank says no."""
        intent["payment_method"] = method["id"]
        self._fail(intent, reason)

    def _ask(self, intent: Object, return_url: str | None) -> None:
        page = f"https://hooks.stripe.com/3d_secure/{intent['id']}"
        redirect = {"type": "redirect_to_url", "redirect_to_url": {"url": page, "return_url": return_url}}
        intent["next_action"] = redirect if return_url else {"type": "use_stripe_sdk"}
        intent["status"] = "requires_action"
        self.emit("payment_intent.requires_action", intent)
        invoice = self._invoice_of(intent)
        if invoice is not None:
            self._attempted(invoice)
            self.emit("invoice.payment_action_required", invoice)

    def _fail(self, intent: Object, reason: str) -> None:
        intent["status"] = "requires_payment_method"
        intent["next_action"] = None
        intent["last_payment_error"] = self.declined(reason).error
        self.emit("payment_intent.payment_failed", intent)
        invoice = self._invoice_of(intent)
        if invoice is not None:
            self._attempted(invoice)
            self.emit("invoice.payment_failed", invoice)
            subscription = self.objects.get(_subscription_of(invoice))
            if subscription is not None and subscription["status"] == "active":
                self._turn(subscription, "past_due")

    def _succeed(self, intent: Object) -> None:
        charge = self.new(
            "charge",
            "ch",
            amount=intent["amount"],
            amount_captured=intent["amount"],
            amount_refunded=0,
            captured=True,
            currency=intent["currency"],
            customer=intent["customer"],
            metadata=dict(intent["metadata"]),
            paid=True,
            payment_intent=intent["id"],
            payment_method=intent["payment_method"],
            refunded=False,
            status="succeeded",
        )
        intent |= {
            "status": "succeeded",
            "amount_received": intent["amount"],
            "latest_charge": charge["id"],
            "last_payment_error": None,
            "next_action": None,
        }
        self.emit("charge.succeeded", charge)
        self.emit("payment_intent.succeeded", intent)
        invoice = self._invoice_of(intent)
        if invoice is not None:
            self._attempted(invoice)
            self.settle(invoice, intent["amount"])

    def refund(self, intent: Object, amount: int, metadata: Mapping[str, str]) -> Object:
        """Gives money back; Stripe never gives back more than it took."""
        charge = self.objects.get(intent["latest_charge"] or "")
        if charge is None:
            raise StripeProblem(400, "This PaymentIntent does not have a successful charge to refund.")
        left = charge["amount"] - charge["amount_refunded"]
        if left == 0:
            raise StripeProblem(
                400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
            )
        if amount > left:
            raise StripeProblem(
                400, f"Refund amount (${amount / 100:.2f}) is greater than unrefunded amount on charge.", param="amount"
            )
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        refund = self.new(
            "refund",
            "re",
            amount=amount,
            charge=charge["id"],
            currency=charge["currency"],
            metadata=dict(metadata),
            payment_intent=intent["id"],
            reason=None,
            receipt_number=None,
            status="succeeded",
        )
        del refund["livemode"]
        self.emit("charge.refunded", charge)
        self.emit("refund.created", refund)
        return refund

    # Invoices.

    def bill(self, subscription: Object, reason: str, lines: list[Object], discount: int = 0) -> Object:
        """An invoice, finalised: paid at once where credit covers it, else open with a payment to be made."""
        customer = self.objects[subscription["customer"]]
        subtotal = sum(line["amount"] for line in lines)
        total = subtotal - discount
        before = customer["balance"]
        due = max(total + min(before, 0), 0) if total > 0 else 0
        customer["balance"] = before + total - due if total > 0 else before + total
        now = int(time.time())
        invoice = self.new(
            "invoice",
            "in",
            amount_due=due,
            amount_paid=0,
            amount_remaining=due,
            attempt_count=0,
            attempted=False,
            auto_advance=True,
            billing_reason=reason,
            collection_method="charge_automatically",
            currency="usd",
            customer=customer["id"],
            default_payment_method=None,
            description=None,
            discounts=[],
            ending_balance=customer["balance"],
            lines={"object": "list", "data": lines, "has_more": False, "url": "/v1/invoices/lines"},
            metadata={},
            next_payment_attempt=None,
            number=f"{customer['invoice_prefix']}-{self._serial:04d}",
            parent={
                "type": "subscription_details",
                "subscription_details": {
                    "subscription": subscription["id"],
                    "metadata": dict(subscription["metadata"]),
                },
                "quote_details": None,
            },
            period_end=now,
            period_start=now,
            starting_balance=before,
            status="open",
            status_transitions={
                "finalized_at": now,
                "marked_uncollectible_at": None,
                "paid_at": None,
                "voided_at": None,
            },
            subtotal=subtotal,
            total=total,
            total_discount_amounts=[{"amount": discount, "discount": "di_first_month"}] if discount else [],
        )
        invoice["hosted_invoice_url"] = f"https://invoice.stripe.com/i/acct_sandbox/test_{invoice['id']}"
        for line in lines:
            line["invoice"] = invoice["id"]
        subscription["latest_invoice"] = invoice["id"]
        if due:
            self._request_payment(invoice, subscription["default_payment_method"])
        self.emit("invoice.finalized", invoice)
        if not due:
            self.settle(invoice, 0)
        return invoice

    def _request_payment(self, invoice: Object, method: str | None) -> None:
        intent = self.intent(invoice["amount_due"], invoice["customer"])
        if method:
            intent |= {"payment_method": method, "status": "requires_confirmation"}
        self.new(
            "invoice_payment",
            "inpay",
            amount_paid=None,
            amount_requested=invoice["amount_due"],
            currency="usd",
            invoice=invoice["id"],
            is_default=True,
            payment={"type": "payment_intent", "payment_intent": intent["id"]},
            status="open",
            status_transitions={"canceled_at": None, "paid_at": None},
        )

    def payments(self, invoice: Object) -> list[Object]:
        """How an invoice is paid, or to be paid."""
        return [each for each in self.all("invoice_payment") if each["invoice"] == invoice["id"]]

    def intent_of(self, invoice: Object) -> Object | None:
        """The payment of an invoice; None where there is nothing to pay."""
        found = next(iter(self.payments(invoice)), None)
        return self.objects[found["payment"]["payment_intent"]] if found else None

    def _invoice_of(self, intent: Object) -> Object | None:
        for payment in self.all("invoice_payment"):
            if payment["payment"]["payment_intent"] == intent["id"]:
                return self.objects[payment["invoice"]]
        return None

    def _attempted(self, invoice: Object) -> None:
        invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + 1}

    def settle(self, invoice: Object, amount: int) -> None:
        """An invoice is paid, and with it the subscription in good standing."""
        now = int(time.time())
        invoice |= {"status": "paid", "amount_paid": amount, "amount_remaining": 0, "next_payment_attempt": None}
        invoice["status_transitions"]["paid_at"] = now
        for payment in self.payments(invoice):
            payment |= {"status": "paid", "amount_paid": amount}
            payment["status_transitions"]["paid_at"] = now
        self.emit("invoice.paid", invoice)
        self.emit("invoice.payment_succeeded", invoice)
        subscription = self.objects.get(_subscription_of(invoice))
        if subscription is not None and subscription["status"] in ("incomplete", "past_due"):
            self._turn(subscription, "active")

    # Subscriptions.

    def month_line(self, subscription: Object, price: Object) -> Object:
        """The line that bills a month."""
        item = subscription["items"]["data"][0]
        return self._line(
            price["unit_amount"], price, item["current_period_start"], item["current_period_end"], subscription, False
        )

    def prorate(self, subscription: Object, price: Object, at: int) -> list[Object]:
        """The lines of a change of price at a moment of the period: the rest credited, the rest charged."""
        item = subscription["items"]["data"][0]
        start, end = item["current_period_start"], item["current_period_end"]
        if not start <= at <= end:
            raise invalid("proration_date", "it must be within the current period.")
        credit = _share(self.basis[subscription["id"]], end - at, end - start)
        charge = _share(price["unit_amount"], end - at, end - start)
        return [
            self._line(-credit, item["price"], at, end, subscription, True),
            self._line(charge, price, at, end, subscription, True),
        ]

    def _line(self, amount: int, price: Object, start: int, end: int, subscription: Object, proration: bool) -> Object:
        self._serial += 1
        return {
            "id": f"il_{sha256(f'line {self._seed} {self._serial}'.encode()).hexdigest()[:24]}",
            "object": "line_item",
            "amount": amount,
            "currency": "usd",
            "description": "Unused time" if amount < 0 else "Subscription",
            "discount_amounts": [],
            "discountable": not proration,
            "discounts": [],
            "invoice": None,
            "livemode": False,
            "metadata": {},
            "parent": {
                "type": "subscription_item_details",
                "invoice_item_details": None,
                "subscription_item_details": {
                    "invoice_item": None,
                    "proration": proration,
                    "proration_details": {"credited_items": None},
                    "subscription": subscription["id"],
                    "subscription_item": subscription["items"]["data"][0]["id"],
                },
            },
            "period": {"start": start, "end": end},
            "pricing": {
                "type": "price_details",
                "price_details": {"price": price["id"], "product": price["product"]},
                "unit_amount_decimal": str(price["unit_amount"]),
            },
            "quantity": 1,
            "subtotal": amount,
        }

    def next_period(self, subscription: Object) -> None:
        """The subscription's month is over and the next begins."""
        item = subscription["items"]["data"][0]
        start = item["current_period_end"]
        item |= {"current_period_start": start, "current_period_end": month_after(start)}
        self.basis[subscription["id"]] = item["price"]["unit_amount"]

    def end(self, subscription: Object, at: int, status: str = "canceled") -> None:
        """The subscription is over; what is open is not collected any more."""
        subscription |= {"status": status, "canceled_at": subscription["canceled_at"] or at, "ended_at": at}
        for invoice in self.all("invoice"):
            if _subscription_of(invoice) == subscription["id"] and invoice["status"] == "open":
                invoice["auto_advance"] = False
                if status == "incomplete_expired":
                    invoice["status"] = "void"
        self.emit(
            "customer.subscription.deleted" if status == "canceled" else "customer.subscription.updated", subscription
        )

    def open_invoice(self, subscription: Object) -> Object | None:
        """The newest invoice that waits to be paid."""
        return next(
            (
                invoice
                for invoice in self.all("invoice")
                if _subscription_of(invoice) == subscription["id"] and invoice["status"] == "open"
            ),
            None,
        )

    def _turn(self, subscription: Object, status: str) -> None:
        subscription["status"] = status
        self.emit("customer.subscription.updated", subscription)


def month_after(moment: int) -> int:
    """The same time of day a month later; the last day of a month that has no such day."""
    at = datetime.fromtimestamp(moment, UTC)
    year, month = (at.year + 1, 1) if at.month == 12 else (at.year, at.month + 1)
    day = min(at.day, calendar.monthrange(year, month)[1])
    return int(at.replace(year=year, month=month, day=day).timestamp())


def _share(amount: int, part: int, whole: int) -> int:
    return (2 * amount * part + whole) // (2 * whole)


def _subscription_of(invoice: Object) -> str:
    return str(((invoice["parent"] or {}).get("subscription_details") or {}).get("subscription"))
