"""Stripe: the part of its API that takes and gives back money, its idempotency, and its signed events."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from sandbox.vendors import stripe_control
from sandbox.vendors.stripe_books import Answered, Books, Object, month_after
from sandbox.vendors.stripe_forms import StripeProblem, allow, flag, invalid, labels, missing, parse_form, whole
from sandbox.world import World

SECRET_KEY = stripe_control.SECRET_KEY
WEBHOOK_SECRET = stripe_control.WEBHOOK_SECRET
MAX_KEY = 255
MAX_LISTED = 100

Params = dict[str, Any]
Handler = Callable[[Books, Params, str], Object]
"""An endpoint: the account, the parameters, the id in the path (empty where there is none)."""


def router(world: World) -> APIRouter:
    """Routes under /stripe and /control/stripe."""
    account = stripe_control.Account(world)
    routes = APIRouter()
    api = APIRouter(prefix="/stripe/v1")
    for method, path, handler in ENDPOINTS:
        _add(api, account.books, method, path, handler)
    routes.include_router(api)
    routes.include_router(stripe_control.router(account))
    return routes


def _add(api: APIRouter, books: Books, method: str, path: str, handler: Handler) -> None:
    async def endpoint(request: Request) -> Response:
        try:
            _authorise(request.headers.get("authorization", ""))
            pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True, strict_parsing=False)
            if method != "POST":
                pairs = list(request.query_params.multi_items())
            params, identity = parse_form(pairs), request.path_params.get("identity", "")
            if method != "POST":
                return JSONResponse(handler(books, params, identity))
            return _once(books, request, pairs, lambda: handler(books, params, identity))
        except StripeProblem as problem:
            return JSONResponse(problem.body, problem.status)
        except (AttributeError, TypeError, ValueError):
            # An object where a text belongs, a text where an object does, bytes that are no text.
            return JSONResponse(StripeProblem(400, "Invalid request: a parameter has the wrong shape.").body, 400)

    api.add_api_route(path, endpoint, methods=[method], name=f"{method} {path}")


def _once(books: Books, request: Request, pairs: list[tuple[str, str]], run: Callable[[], Object]) -> Response:
    """The first answer again for the same key and parameters. Requests that are invalid do not use up a key."""
    key = request.headers.get("idempotency-key", "")
    if len(key) > MAX_KEY:
        raise StripeProblem(400, "Idempotency keys can be at most 255 characters long.")
    fingerprint = sha256(json.dumps([request.url.path, sorted(pairs)]).encode()).hexdigest()
    before = books.answered.get(key) if key else None
    if before is not None and before.status == 0:
        text = "There is currently another in-progress request using this Idempotent Key."
        raise StripeProblem(409, text, "idempotency_error", code="idempotency_key_in_use")
    if before is not None and before.fingerprint != fingerprint:
        text = "Keys for idempotent requests can only be used with the same parameters they were first used with."
        raise StripeProblem(400, text, "idempotency_error")
    if before is not None:
        books.replays += 1
        return JSONResponse(before.body, before.status, {"Idempotent-Replayed": "true"})
    try:
        status, body = 200, deepcopy(run())
    except StripeProblem as problem:
        if problem.status != 402:
            raise
        status, body = problem.status, deepcopy(problem.body)
    if key:
        books.answered[key] = Answered(fingerprint, status, body)
    return JSONResponse(body, status)


def _authorise(authorization: str) -> None:
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "basic":
        given = base64.b64decode(given.encode(), validate=False).decode(errors="replace").partition(":")[0]
    if scheme.lower() not in ("bearer", "basic") or not hmac.compare_digest(given.encode(), SECRET_KEY.encode()):
        raise StripeProblem(401, "Invalid API Key provided.")


# Customers and cards.


def _create_customer(books: Books, params: Params, _: str) -> Object:
    allow(params, "metadata", "email", "name", "description", "phone")
    customer = books.new(
        "customer",
        "cus",
        balance=0,
        currency="usd",
        default_source=None,
        delinquent=False,
        description=params.get("description"),
        email=params.get("email"),
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        metadata=labels(params),
        name=params.get("name"),
        phone=params.get("phone"),
    )
    customer["invoice_prefix"] = customer["id"][-8:].upper()
    books.emit("customer.created", customer)
    return customer


def _update_customer(books: Books, params: Params, identity: str) -> Object:
    allow(params, "metadata", "email", "name", "description", "invoice_settings")
    customer = books.get("customer", identity)
    method = params.get("invoice_settings", {}).get("default_payment_method")
    if method:
        _owned(books, method, customer["id"])
        customer["invoice_settings"]["default_payment_method"] = method
    customer["metadata"] |= labels(params)
    return customer


def _search_customers(books: Books, params: Params, _: str) -> Object:
    query = params.get("query") or ""
    name, _, value = query.partition(":")
    if not name.startswith("metadata['") or not value:
        raise invalid("query", "only metadata can be searched here.")
    label = name[len("metadata['") : -len("']")]
    found = [each for each in books.all("customer") if each["metadata"].get(label) == value.strip("'")]
    return {
        "object": "search_result",
        "url": "/v1/customers/search",
        "has_more": False,
        "data": found[: _limit(params)],
        "next_page": None,
    }


def _attach(books: Books, params: Params, identity: str) -> Object:
    allow(params, "customer")
    if "customer" not in params:
        raise missing("customer")
    return books.attach(identity, books.get("customer", params["customer"], "customer"))


def _owned(books: Books, method: str, customer: str) -> Object:
    found = books.get("payment_method", method, "payment_method")
    if found["customer"] != customer:
        raise invalid("payment_method", "it does not belong to this customer.")
    return found


# What is sold.


def _create_product(books: Books, params: Params, _: str) -> Object:
    allow(params, "id", "name", "metadata", "description")
    if not params.get("name"):
        raise missing("name")
    product = books.new(
        "product",
        "prod",
        active=True,
        default_price=None,
        description=params.get("description"),
        images=[],
        metadata=labels(params),
        name=params["name"],
        type="service",
    )
    return _under_own_id(books, product, params.get("id"), "Product")


def _under_own_id(books: Books, made: Object, identity: str | None, what: str) -> Object:
    """The object under the id its creator chose; refused where there is one."""
    if identity is None:
        return made
    del books.objects[made["id"]]
    if identity in books.objects:
        raise StripeProblem(400, f"{what} already exists.", code="resource_already_exists", param="id")
    made["id"] = identity
    books.objects[identity] = made
    return made


def _create_price(books: Books, params: Params, _: str) -> Object:
    allow(params, "product", "currency", "unit_amount", "recurring", "lookup_key", "transfer_lookup_key", "metadata")
    product = books.get("product", params.get("product"), "product")
    if params.get("recurring", {}).get("interval") != "month":
        raise invalid("recurring[interval]", "only months are billed here.")
    lookup = params.get("lookup_key")
    holder = next((each for each in books.all("price") if lookup and each["lookup_key"] == lookup), None)
    if holder is not None and not flag(params, "transfer_lookup_key"):
        raise invalid("lookup_key", "another price uses it.")
    if holder is not None:
        holder["lookup_key"] = None
    amount = whole(params, "unit_amount", 0)
    return books.new(
        "price",
        "price",
        active=True,
        billing_scheme="per_unit",
        currency=params.get("currency"),
        custom_unit_amount=None,
        lookup_key=lookup,
        metadata=labels(params),
        nickname=None,
        product=product["id"],
        recurring={"interval": "month", "interval_count": 1, "usage_type": "licensed", "meter": None},
        tax_behavior="unspecified",
        tiers_mode=None,
        transform_quantity=None,
        type="recurring",
        unit_amount=amount,
        unit_amount_decimal=str(amount),
    )


def _list_prices(books: Books, params: Params, _: str) -> Object:
    wanted, active = params.get("lookup_keys"), flag(params, "active")
    found = [
        each
        for each in books.all("price")
        if (not wanted or each["lookup_key"] in wanted) and active in (None, each["active"])
    ]
    return _page("/v1/prices", found, params)


def _create_coupon(books: Books, params: Params, _: str) -> Object:
    allow(params, "id", "percent_off", "duration", "name", "metadata")
    if params.get("duration") not in ("once", "forever"):
        raise invalid("duration", "must be one of once, forever.")
    try:
        percent = float(params.get("percent_off") or "0")
    except ValueError:
        raise invalid("percent_off", "must be a number.") from None
    if not 0 < percent <= 100:
        raise invalid("percent_off", "must be greater than 0 and at most 100.")
    coupon = books.new(
        "coupon",
        "coupon",
        amount_off=None,
        currency=None,
        duration=params["duration"],
        duration_in_months=None,
        max_redemptions=None,
        metadata=labels(params),
        name=params.get("name"),
        percent_off=percent,
        redeem_by=None,
        times_redeemed=0,
        valid=True,
    )
    return _under_own_id(books, coupon, params.get("id"), "Coupon")


# Subscriptions and invoices.


def _create_subscription(books: Books, params: Params, _: str) -> Object:
    allow(
        params, "customer", "items", "default_payment_method", "payment_behavior", "payment_settings", "billing_mode",
        "metadata", "discounts",
    )  # fmt: skip
    customer = books.get("customer", params.get("customer"), "customer")
    [wanted] = params.get("items") or [{}]
    price = books.get("price", wanted.get("price"), "items[0][price]")
    behaviour = params.get("payment_behavior", "allow_incomplete")
    if behaviour != "default_incomplete":
        raise invalid("payment_behavior", "only default_incomplete is played here.")
    method = params.get("default_payment_method")
    if method:
        _owned(books, method, customer["id"])
    subscription = _new_subscription(books, customer, price, method, labels(params))
    discount = _discount(books, params, price["unit_amount"])
    books.basis[subscription["id"]] = price["unit_amount"] - discount
    books.emit("customer.subscription.created", subscription)
    books.bill(subscription, "subscription_create", [books.month_line(subscription, price)], discount)
    return _expanded(books, subscription, params)


def _new_subscription(
    books: Books, customer: Object, price: Object, method: str | None, metadata: dict[str, str]
) -> Object:
    subscription = books.new(
        "subscription",
        "sub",
        billing_mode={"type": "flexible", "flexible": {"proration_discounts": "included"}},
        cancel_at=None,
        cancel_at_period_end=False,
        canceled_at=None,
        collection_method="charge_automatically",
        currency="usd",
        customer=customer["id"],
        default_payment_method=method,
        description=None,
        discounts=[],
        ended_at=None,
        latest_invoice=None,
        metadata=metadata,
        pending_setup_intent=None,
        pending_update=None,
        schedule=None,
        status="incomplete",
        trial_end=None,
        trial_start=None,
    )
    start = subscription["created"]
    subscription |= {"billing_cycle_anchor": start, "start_date": start}
    item = books.new(
        "subscription_item",
        "si",
        current_period_start=start,
        current_period_end=month_after(start),
        discounts=[],
        metadata={},
        price=price,
        quantity=1,
        subscription=subscription["id"],
        tax_rates=[],
    )
    del item["livemode"]
    subscription["items"] = {"object": "list", "data": [item], "has_more": False, "url": "/v1/subscription_items"}
    return subscription


def _discount(books: Books, params: Params, amount: int) -> int:
    total = 0
    for each in params.get("discounts") or []:
        coupon = books.get("coupon", each.get("coupon"), "discounts[0][coupon]")
        coupon["times_redeemed"] += 1
        total += round(amount * coupon["percent_off"] / 100)
    return min(total, amount)


def _update_subscription(books: Books, params: Params, identity: str) -> Object:
    allow(
        params, "items", "default_payment_method", "payment_behavior", "proration_behavior", "proration_date",
        "metadata", "cancel_at_period_end",
    )  # fmt: skip
    subscription = books.get("subscription", identity)
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise StripeProblem(400, "A canceled subscription can only update its metadata.")
    if "default_payment_method" in params:
        method = _owned(books, params["default_payment_method"], subscription["customer"])
        subscription["default_payment_method"] = method["id"]
    if params.get("items"):
        _change_price(books, subscription, params)
    stopping = flag(params, "cancel_at_period_end")
    if stopping is not None:
        item = subscription["items"]["data"][0]
        subscription["cancel_at_period_end"] = stopping
        subscription["cancel_at"] = item["current_period_end"] if stopping else None
    subscription["metadata"] |= labels(params)
    books.emit("customer.subscription.updated", subscription)
    return _expanded(books, subscription, params)


def _change_price(books: Books, subscription: Object, params: Params) -> None:
    """Prorates and invoices at once; a change that cannot be paid does not happen."""
    if params.get("payment_behavior") != "error_if_incomplete" or params.get("proration_behavior") != "always_invoice":
        raise invalid("payment_behavior", "only error_if_incomplete with always_invoice is played here.")
    [wanted] = params["items"]
    item = books.get("subscription_item", wanted.get("id"), "items[0][id]")
    price = books.get("price", wanted.get("price"), "items[0][price]")
    lines = books.prorate(subscription, price, whole(params, "proration_date"))
    customer = books.objects[subscription["customer"]]
    if sum(line["amount"] for line in lines) + min(customer["balance"], 0) > 0:
        _must_be_payable(books, subscription)
    item["price"] = price
    books.basis[subscription["id"]] = price["unit_amount"]
    invoice = books.bill(subscription, "subscription_update", lines)
    intent = books.intent_of(invoice)
    if intent is not None:
        method = books.objects[subscription["default_payment_method"]]
        books.confirm(intent, method, off_session=False)


def _must_be_payable(books: Books, subscription: Object) -> None:
    card = books.cards.get(subscription["default_payment_method"] or "")
    if card is None:
        raise StripeProblem(400, "This customer has no attached payment source or default payment method.")
    if card.on_charge:
        raise books.declined(card.on_charge)
    if card.authenticate:
        text = "Payment for this subscription requires additional user action before it can be completed."
        raise StripeProblem(402, text, "card_error", code="subscription_payment_intent_requires_action")


def _cancel_subscription(books: Books, params: Params, identity: str) -> Object:
    allow(params, "prorate", "invoice_now")
    subscription = books.get("subscription", identity)
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise StripeProblem(404, f"No such subscription: '{identity}'", code="resource_missing", param="id")
    books.end(subscription, int(time.time()))
    return subscription


def _get_subscription(books: Books, params: Params, identity: str) -> Object:
    return _expanded(books, books.get("subscription", identity), params)


def _list_subscriptions(books: Books, params: Params, _: str) -> Object:
    status, customer = params.get("status"), params.get("customer")
    over = ("canceled", "incomplete_expired")
    found = [
        each
        for each in books.all("subscription")
        if (not customer or each["customer"] == customer)
        and (status == "all" or each["status"] == status or (status is None and each["status"] not in over))
    ]
    return _page("/v1/subscriptions", found, params)


def _get_invoice(books: Books, params: Params, identity: str) -> Object:
    return _with_payments(books, books.get("invoice", identity), params.get("expand") or [], "payments")


def _list_invoices(books: Books, params: Params, _: str) -> Object:
    wanted = params.get("subscription")
    found = [
        _with_payments(books, each, params.get("expand") or [], "data.payments")
        for each in books.all("invoice")
        if not wanted or each["parent"]["subscription_details"]["subscription"] == wanted
    ]
    return _page("/v1/invoices", found, params)


def _with_payments(books: Books, invoice: Object, expand: list[str], name: str) -> Object:
    if name not in expand:
        return invoice
    payments = books.payments(invoice)
    return invoice | {
        "payments": {"object": "list", "data": payments, "has_more": False, "url": "/v1/invoice_payments"}
    }


def _expanded(books: Books, subscription: Object, params: Params) -> Object:
    expand = params.get("expand") or []
    if not any(name.startswith("latest_invoice") for name in expand) or not subscription["latest_invoice"]:
        return subscription
    invoice = books.objects[subscription["latest_invoice"]]
    return subscription | {"latest_invoice": _with_payments(books, invoice, expand, "latest_invoice.payments")}


# Payments and refunds.


def _create_intent(books: Books, params: Params, _: str) -> Object:
    allow(
        params, "amount", "currency", "customer", "payment_method", "payment_method_types", "confirm", "off_session",
        "metadata", "return_url", "description",
    )  # fmt: skip
    amount = whole(params, "amount", 50)
    if params.get("currency") != "usd":
        raise invalid("currency", "only usd is taken here.")
    customer = books.get("customer", params["customer"], "customer")["id"] if "customer" in params else None
    method = _method(books, params, customer)
    intent = books.intent(amount, customer)
    intent["metadata"] = labels(params)
    if method is not None:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    books.emit("payment_intent.created", intent)
    if flag(params, "confirm"):
        if method is None:
            raise missing("payment_method")
        off_session = flag(params, "off_session") or False
        books.confirm(intent, method, off_session=off_session, return_url=params.get("return_url"))
    return intent


def _method(books: Books, params: Params, customer: str | None) -> Object | None:
    given = params.get("payment_method")
    if not given:
        return None
    if given in books.objects:
        return _owned(books, given, customer or "")
    if customer is None:
        raise invalid("payment_method", "attach it to a customer first.")
    return books.attach(given, books.objects[customer])


def _confirm_intent(books: Books, params: Params, identity: str) -> Object:
    allow(params, "payment_method", "off_session", "return_url")
    intent = books.get("payment_intent", identity)
    method = _method(books, params, intent["customer"]) or books.objects.get(intent["payment_method"] or "")
    if method is None:
        raise missing("payment_method")
    off_session = flag(params, "off_session") or False
    books.confirm(intent, method, off_session=off_session, return_url=params.get("return_url"))
    return intent


def _cancel_intent(books: Books, params: Params, identity: str) -> Object:
    allow(params, "cancellation_reason")
    intent = books.get("payment_intent", identity)
    if intent["status"] in ("succeeded", "canceled"):
        text = f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
        raise StripeProblem(400, text, code="payment_intent_unexpected_state")
    intent |= {"status": "canceled", "canceled_at": intent["created"], "next_action": None}
    books.emit("payment_intent.canceled", intent)
    return intent


def _get_intent(books: Books, _: Params, identity: str) -> Object:
    return books.get("payment_intent", identity)


def _list_intents(books: Books, params: Params, _: str) -> Object:
    customer = params.get("customer")
    found = [each for each in books.all("payment_intent") if not customer or each["customer"] == customer]
    return _page("/v1/payment_intents", found, params)


def _create_refund(books: Books, params: Params, _: str) -> Object:
    allow(params, "payment_intent", "amount", "metadata", "reason")
    intent = books.get("payment_intent", params.get("payment_intent"), "payment_intent")
    amount = whole(params, "amount") if "amount" in params else intent["amount_received"]
    return books.refund(intent, amount, labels(params))


def _list_refunds(books: Books, params: Params, _: str) -> Object:
    intent = params.get("payment_intent")
    found = [each for each in books.all("refund") if not intent or each["payment_intent"] == intent]
    return _page("/v1/refunds", found, params)


def _page(url: str, found: list[Object], params: Mapping[str, Any]) -> Object:
    limit = _limit(params)
    return {"object": "list", "url": url, "has_more": len(found) > limit, "data": found[:limit]}


def _limit(params: Mapping[str, Any]) -> int:
    limit = whole(params, "limit") if "limit" in params else 10
    if limit > MAX_LISTED:
        raise invalid("limit", "must be at most 100.")
    return limit


ENDPOINTS: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/customers", _create_customer),
    ("GET", "/customers/search", _search_customers),
    ("GET", "/customers/{identity}", lambda books, _, identity: books.get("customer", identity)),
    ("POST", "/customers/{identity}", _update_customer),
    ("POST", "/payment_methods/{identity}/attach", _attach),
    ("GET", "/payment_methods/{identity}", lambda books, _, identity: books.get("payment_method", identity)),
    ("POST", "/products", _create_product),
    ("POST", "/prices", _create_price),
    ("GET", "/prices", _list_prices),
    ("POST", "/coupons", _create_coupon),
    ("POST", "/subscriptions", _create_subscription),
    ("GET", "/subscriptions", _list_subscriptions),
    ("GET", "/subscriptions/{identity}", _get_subscription),
    ("POST", "/subscriptions/{identity}", _update_subscription),
    ("DELETE", "/subscriptions/{identity}", _cancel_subscription),
    ("GET", "/invoices", _list_invoices),
    ("GET", "/invoices/{identity}", _get_invoice),
    ("POST", "/payment_intents", _create_intent),
    ("GET", "/payment_intents", _list_intents),
    ("GET", "/payment_intents/{identity}", _get_intent),
    ("POST", "/payment_intents/{identity}/confirm", _confirm_intent),
    ("POST", "/payment_intents/{identity}/cancel", _cancel_intent),
    ("POST", "/refunds", _create_refund),
    ("GET", "/refunds", _list_refunds),
    ("GET", "/refunds/{identity}", lambda books, _, identity: books.get("refund", identity)),
)
