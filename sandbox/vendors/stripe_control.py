"""The sandbox's own handles on Stripe: its books, time that passes, banks that answer, and its signed webhooks."""

import hmac
import json
import time
from hashlib import sha256
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from sandbox.vendors.stripe_books import Answered, Books, Object
from sandbox.vendors.stripe_forms import StripeProblem
from sandbox.world import World

SECRET_KEY = "sk_test_sandbox"  # noqa: S105
WEBHOOK_SECRET = "whsec_sandbox"  # noqa: S105
PATH = "/webhooks/stripe"


class Account:
    """The account of the sandbox's one customer, and how it is told of events."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.books = Books(world.seed, self._tell)

    def _tell(self, event: Object) -> None:
        if self.world.webhooks.aimed:
            body = encoded(event)
            self.world.webhooks.later(self.world.webhooks.deliver(PATH, body, signed(body, int(time.time()))))


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Advance(_Request):
    """Time passes for a subscription.

    `paid`: its month ends and the next is paid, or an open invoice is paid after all; `failed`: the next month's
    payment fails, or fails again; `expired`: its first payment was never made.
    """

    subscription: str
    outcome: Literal["paid", "failed", "expired"] = "paid"


class Authentication(_Request):
    """What came of the bank's question to its customer."""

    payment_intent: str
    success: bool = True


class Delivery(_Request):
    """Sends an event again: the one with this id, or the latest of this type.

    `tamper` changes it after it is signed; `timestamp_offset` in seconds; `secret` signs with another's.
    """

    event: str | None = None
    type: str | None = None
    copies: Annotated[int, Field(ge=1, le=100)] = 1
    tamper: bool = False
    timestamp_offset: int = 0
    secret: str = WEBHOOK_SECRET


class Hold(_Request):
    """A request under this idempotency key is taking its time; `release` ends that."""

    key: str
    release: bool = False


def router(account: Account) -> APIRouter:
    """Routes under /control/stripe."""
    routes = APIRouter(prefix="/control/stripe")
    books = account.books
    _add_books(routes, books)
    _add_time(routes, books)

    @routes.post("/event")
    async def deliver(delivery: Delivery) -> dict[str, Any]:
        event = _event(books, delivery)
        body = encoded(event)
        headers = signed(body, int(time.time()) + delivery.timestamp_offset, delivery.secret)
        if delivery.tamper:
            body = body.replace(b'"livemode":false', b'"livemode":true', 1)
        webhooks = account.world.webhooks
        return {"event": event["id"], "statuses": await webhooks.deliver_copies(delivery.copies, PATH, body, headers)}

    return routes


def _add_books(routes: APIRouter, books: Books) -> None:
    @routes.get("")
    async def show() -> dict[str, Any]:
        kinds = ("customer", "subscription", "invoice", "payment_intent", "charge", "refund", "payment_method")
        return {f"{kind}s": list(books.all(kind)) for kind in kinds} | {
            "events": [{"id": event["id"], "type": event["type"]} for event in books.events],
            "replays": books.replays,
            "taken": sum(charge["amount"] for charge in books.all("charge")),
            "given_back": sum(refund["amount"] for refund in books.all("refund")),
        }

    @routes.delete("")
    async def clear() -> dict[str, int]:
        removed = len(books.objects)
        books.clear()
        return {"removed": removed}

    @routes.post("/hold")
    async def hold(hold: Hold) -> dict[str, bool]:
        if hold.release:
            books.answered.pop(hold.key, None)
        else:
            books.answered[hold.key] = Answered("")
        return {"held": not hold.release}


def _add_time(routes: APIRouter, books: Books) -> None:
    @routes.post("/advance")
    async def advance(advance: Advance) -> Object:
        subscription = _found(books, "subscription", advance.subscription)
        if subscription["status"] in ("canceled", "incomplete_expired"):
            raise HTTPException(409, "This subscription is over.")
        if advance.outcome == "expired":
            books.end(subscription, int(time.time()), "incomplete_expired")
        else:
            _pass_a_month(books, subscription, paid=advance.outcome == "paid")
        return subscription

    @routes.post("/authenticate")
    async def authenticate(authentication: Authentication) -> Object:
        intent = _found(books, "payment_intent", authentication.payment_intent)
        try:
            books.authenticate(intent, success=authentication.success)
        except StripeProblem as problem:
            raise HTTPException(409, str(problem)) from problem
        return intent


def _pass_a_month(books: Books, subscription: Object, *, paid: bool) -> None:
    invoice = books.open_invoice(subscription)
    if invoice is None and subscription["cancel_at_period_end"]:
        books.end(subscription, subscription["items"]["data"][0]["current_period_end"])
        return
    if invoice is None:
        books.next_period(subscription)
        price = subscription["items"]["data"][0]["price"]
        invoice = books.bill(subscription, "subscription_cycle", [books.month_line(subscription, price)])
    intent = books.intent_of(invoice)
    if intent is None:
        return
    method = books.objects[subscription["default_payment_method"]]
    if paid:
        books.collect(intent, method)
    else:
        books.refuse(intent, method)


def encoded(event: Object) -> bytes:
    """An event as it travels."""
    return json.dumps(event, separators=(",", ":")).encode()


def signed(body: bytes, at: int, secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    """The headers of a webhook, with Stripe's signature over the time and the raw body."""
    proof = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    return {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": f"t={at},v1={proof}"}


def _event(books: Books, delivery: Delivery) -> Object:
    for event in reversed(books.events):
        if delivery.event in (None, event["id"]) and delivery.type in (None, event["type"]):
            return event
    raise HTTPException(404, "There is no such event.")


def _found(books: Books, kind: str, identity: str) -> Object:
    found = books.objects.get(identity)
    if found is None or found["object"] != kind:
        raise HTTPException(404, f"There is no such {kind}.")
    return found
