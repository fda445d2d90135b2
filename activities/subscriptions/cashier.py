"""Subscriptions at Stripe: each step once, whatever crashes in between, and our records in line with theirs.

An effect that may have happened is looked for, and where a look finds nothing sent again under its key:
Stripe answers a key it knows with what it did, so nothing is repeated on a guess (decision 0003).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from activities.effects import Outcome, perform_once
from domain.matching import Tier
from domain.subscriptions import CENT, PLANS, prorate
from integrations.http import VendorRejected
from integrations.stripe_billing import (
    CardDeclined,
    NewSubscription,
    StripeBilling,
    StripeInvoice,
    StripePayment,
    StripeSubscription,
)
from schema.contracts.onboarding import (
    NEVER_PAID,
    UNPAID,
    PaymentAttempt,
    PaymentOutcome,
    PaymentResult,
    PlanAction,
    PlanAnswer,
    PlanOrder,
    PlanRefusal,
    Standing,
    SubscriptionRef,
    SubscriptionState,
)
from schema.database import Database, UnitOfWork
from schema.effects import EffectState
from schema.repositories.billing import InvoiceRecord
from schema.tables import Subscription

STATES: dict[str, SubscriptionState] = {
    "incomplete": SubscriptionState.INCOMPLETE,
    "incomplete_expired": SubscriptionState.INCOMPLETE,
    "trialing": SubscriptionState.TRIALING,
    "active": SubscriptionState.ACTIVE,
    "past_due": SubscriptionState.PAST_DUE,
    "unpaid": SubscriptionState.PAST_DUE,
    "paused": SubscriptionState.PAST_DUE,
    "canceled": SubscriptionState.CANCELED,
}
OVER = frozenset({"canceled", "incomplete_expired"})

PAYMENTS: dict[str, PaymentOutcome] = {
    "succeeded": PaymentOutcome.PAID,
    "requires_action": PaymentOutcome.AUTHENTICATE,
    "requires_payment_method": PaymentOutcome.DECLINED,
    "canceled": PaymentOutcome.DECLINED,
}

DECLINED = "declined:"
"""Begins the ledger's answer to an attempt that the bank turned down: it was made, and it is over."""
REFUSED = PaymentResult(outcome=PaymentOutcome.DECLINED, reason="not_accepted")
SUPERSEDED = PaymentResult(outcome=PaymentOutcome.WAITING, reason="superseded")
NOTHING_DUE = PaymentResult(outcome=PaymentOutcome.NOTHING_DUE)
MONTHLY = ("subscription_create", "subscription_cycle")
ENDINGS = {UNPAID: UNPAID, NEVER_PAID: NEVER_PAID}
"""Changes that the workflow itself orders, by their ids: why the subscription ended."""


@dataclass(frozen=True, slots=True)
class _Effect:
    """What is to be done once."""

    key: str
    kind: str
    perform: Callable[[], Awaitable[str]]
    look: Callable[[], Awaitable[str | None]]


class Cashier:
    """Takes payments, changes plans, ends subscriptions."""

    def __init__(self, db: Database, stripe: StripeBilling, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._stripe = stripe
        self._clock = clock

    # Paying.

    async def use_card(self, attempt: PaymentAttempt) -> PaymentResult:
        """Tries the payment method that was given as this attempt."""
        row = await self._row(attempt.subscription_id)
        if row is None or row.state == SubscriptionState.CANCELED or row.payment_method_id is None:
            return NOTHING_DUE
        if row.payment_attempt != attempt.attempt:
            return SUPERSEDED
        customer = await self._customer(row)
        known = await self._known(row)
        if known is None and row.state != SubscriptionState.INCOMPLETE:
            return NOTHING_DUE
        try:
            key, identity = f"card-{row.id}-{attempt.attempt}", known.id if known else None
            method = await self._stripe.use_card(key, customer, row.payment_method_id, identity)
        except CardDeclined as declined:
            return PaymentResult(outcome=PaymentOutcome.DECLINED, reason=declined.code)
        except VendorRejected as refusal:
            if refusal.status not in (400, 404):
                raise
            return REFUSED
        subscription = known.id if known else await self._subscribe(row, customer, method, attempt.attempt)
        if subscription is None:
            return REFUSED
        return await self._pay(row, subscription, method, attempt.attempt)

    async def _known(self, row: Subscription) -> StripeSubscription | None:
        """The subscription at Stripe; None: none was made, or it ran out before its first payment."""
        if row.stripe_subscription_id is None:
            return None
        found = await self._stripe.subscription(row.stripe_subscription_id)
        return None if found.status in OVER else found

    async def _customer(self, row: Subscription) -> str:
        if row.stripe_customer_id is not None:
            return row.stripe_customer_id
        contractor, key = str(row.contractor_id), f"customer-{row.contractor_id}"
        effect = _Effect(
            key,
            "stripe_customer",
            lambda: self._stripe.create_customer(key, contractor),
            lambda: self._stripe.find_customer(contractor),
        )
        made = await self._once(row, effect)
        if made.external_id is None:
            raise VendorRejected("stripe", "customers.create", "no customer could be made", 400)
        async with self._db.transaction() as tx:
            await tx.billing.update(row.id, stripe_customer_id=made.external_id)
        return made.external_id

    async def _subscribe(self, row: Subscription, customer: str, method: str, attempt: int) -> str | None:
        async with self._db.transaction() as tx:
            promo = await tx.billing.promo_of(row.promo_code_id)
        key = f"subscribe-{row.id}-{attempt}"
        new = NewSubscription(
            key=key,
            contractor_id=str(row.contractor_id),
            customer=customer,
            payment_method=method,
            tier=Tier(row.tier),
            percent_off=promo.percent_off if promo else 0,
        )

        async def subscribe() -> str:
            return (await self._stripe.subscribe(new)).id

        effect = _Effect(key, "stripe_subscription", subscribe, lambda: self._stripe.find_subscription(customer, key))
        made = await self._once(row, effect)
        if made.external_id is None:
            return None
        async with self._db.transaction() as tx:
            await tx.billing.update(row.id, stripe_subscription_id=made.external_id)
        return made.external_id

    async def _pay(self, row: Subscription, subscription: str, method: str, attempt: int) -> PaymentResult:
        invoices = await self._stripe.invoices(subscription)
        due = next((each for each in invoices if each.status == "open" and each.payment_id), None)
        if due is None or due.payment_id is None:
            first = row.state == SubscriptionState.INCOMPLETE
            return PaymentResult(outcome=PaymentOutcome.PAID) if first else NOTHING_DUE
        key, payment = f"pay-{row.id}-{attempt}", due.payment_id

        async def pay() -> str:
            return (await self._stripe.pay(key, payment, method)).id

        async def paid() -> str | None:
            return payment if (await self._stripe.payment(payment)).status == "succeeded" else None

        await self._once(row, _Effect(key, "stripe_payment", pay, paid))
        return _result(await self._stripe.payment(payment))

    # Changing.

    async def change(self, order: PlanOrder) -> PlanAnswer:
        """Does what was asked for, and says what it came to; asked again under its id it says the same."""
        row = await self._row(order.subscription_id)
        if row is None or row.stripe_subscription_id is None:
            return await self._give_up(row)
        key = f"change-{row.id}-{order.change.change_id}"
        async with self._db.transaction() as tx:
            begun = await tx.effects.get(key)
        refusal = None if begun else _refusal(row, order)
        if refusal is not None:
            return PlanAnswer(refusal=refusal, tier=Tier(row.tier))
        if order.change.action is PlanAction.CHANGE_TIER and order.change.tier is not None:
            return await self._change_tier(row, order, key, order.change.tier)
        return await self._cancel(row, order, key)

    async def _give_up(self, row: Subscription | None) -> PlanAnswer:
        """A subscription that never began at Stripe ends with us."""
        if row is None or row.state == SubscriptionState.CANCELED:
            return PlanAnswer(refusal=PlanRefusal.NOT_ACTIVE)
        now = self._clock()
        async with self._db.transaction() as tx:
            await tx.billing.update(row.id, state="canceled", reason="given_up", canceled_at=now)
        return PlanAnswer(tier=Tier(row.tier), ends_at=now)

    async def _change_tier(self, row: Subscription, order: PlanOrder, key: str, tier: Tier) -> PlanAnswer:
        identity = str(row.stripe_subscription_id)
        before = await self._stripe.subscription(identity)
        at = min(max(order.at, before.period_start), before.period_end)

        async def change() -> str:
            await self._stripe.change_tier(key, identity, before.item, tier, at)
            return identity

        async def changed() -> str | None:
            return identity if (await self._stripe.subscription(identity)).change_key == key else None

        async with self._db.transaction() as tx:
            period = await tx.billing.latest_period(row.id)
        outcome = await self._once(row, _Effect(key, "stripe_change", change, changed))
        refused = _declined(outcome)
        if refused is not None:
            return PlanAnswer(refusal=PlanRefusal.DECLINED, reason=refused, tier=Tier(row.tier))
        if outcome.state is not EffectState.DONE:
            return PlanAnswer(refusal=PlanRefusal.UNAVAILABLE, tier=Tier(row.tier))
        invoices = await self._stripe.invoices(identity)
        billed = next((each for each in invoices if each.reason == "subscription_update"), None)
        if outcome.fresh and period is not None and billed is not None:
            quoted = prorate(period.fee, PLANS[tier].fee, period.starts_at, period.ends_at, at)
            await self._compare(row, billed, quoted.credit, quoted.charge)
        await self.sync(SubscriptionRef(contractor_id=row.contractor_id, subscription_id=row.id))
        if billed is None:
            return PlanAnswer(tier=tier)
        return PlanAnswer(tier=tier, credit=billed.credit, charge=billed.charge, total=billed.total)

    async def _compare(self, row: Subscription, billed: StripeInvoice, credit: Any, charge: Any) -> None:
        if abs(billed.credit - credit) < CENT and abs(billed.charge - charge) < CENT:
            return
        data = {
            "subscription_id": row.id, "credit": credit, "charge": charge, "billed_credit": billed.credit,
            "billed_charge": billed.charge,
        }  # fmt: skip
        async with self._db.transaction() as tx:
            await tx.events.record(
                "subscription.proration_differs", "contractor", row.contractor_id, data, "warning", service="billing"
            )

    async def _cancel(self, row: Subscription, order: PlanOrder, key: str) -> PlanAnswer:
        identity = str(row.stripe_subscription_id)
        later = order.change.action is PlanAction.CANCEL_AT_PERIOD_END

        async def done() -> str | None:
            found = await self._stripe.subscription(identity)
            return identity if found.status in OVER or (later and found.cancel_at_period_end) else None

        async def cancel() -> str:
            if await done() is None:
                await self._stripe.cancel(key, identity, at_period_end=later)
            return identity

        outcome = await self._once(row, _Effect(key, "stripe_cancel", cancel, done))
        if outcome.state is not EffectState.DONE:
            return PlanAnswer(refusal=PlanRefusal.UNAVAILABLE, tier=Tier(row.tier))
        found = await self._stripe.subscription(identity)
        if found.status == "incomplete_expired":
            return await self._give_up(row)
        if not later:
            await self._say_what_is_left(row, outcome)
            async with self._db.transaction() as tx:
                await tx.billing.update(row.id, reason=ENDINGS.get(order.change.change_id, "asked_for"))
        await self.sync(SubscriptionRef(contractor_id=row.contractor_id, subscription_id=row.id))
        return PlanAnswer(tier=Tier(row.tier), ends_at=found.ended_at or found.period_end)

    async def _say_what_is_left(self, row: Subscription, outcome: Outcome) -> None:
        """Credit of a downgrade that no invoice will use any more: a person pays it out (decision 0009)."""
        if not outcome.fresh or row.stripe_customer_id is None:
            return
        credit = await self._stripe.credit(row.stripe_customer_id)
        if credit > 0:
            data = {"subscription_id": row.id, "credit": credit}
            async with self._db.transaction() as tx:
                await tx.events.record(
                    "subscription.credit_left", "contractor", row.contractor_id, data, "warning", service="billing"
                )

    # Keeping in line.

    async def sync(self, ref: SubscriptionRef) -> Standing:
        """Reads the subscription and its invoices at Stripe, and writes what is new."""
        row = await self._row(ref.subscription_id)
        if row is not None and row.stripe_subscription_id is not None:
            found = await self._stripe.subscription(row.stripe_subscription_id)
            invoices = await self._stripe.invoices(found.id)
            async with self._db.transaction() as tx:
                row = await tx.billing.get(ref.subscription_id, lock=True)
                if row is not None:
                    await self._write(tx, row, found, invoices)
        async with self._db.transaction() as tx:
            return await tx.billing.standing(ref.contractor_id)

    async def _write(
        self, tx: UnitOfWork, row: Subscription, found: StripeSubscription, invoices: list[StripeInvoice]
    ) -> None:
        now, before = self._clock(), row.state
        tier = found.tier or Tier(row.tier)
        await tx.billing.record_invoices(row, _paid(invoices, tier))
        state = SubscriptionState.CANCELED if before == SubscriptionState.CANCELED else STATES[found.status]
        overdue = state is SubscriptionState.PAST_DUE
        page = next((each.page for each in invoices if each.status == "open"), None)
        ended = found.ended_at if state is SubscriptionState.CANCELED else None
        await tx.billing.update(
            row.id,
            state=state.value,
            tier=tier.value,
            stripe_customer_id=found.customer,
            period_start=found.period_start,
            period_end=found.period_end,
            cancel_at_period_end=found.cancel_at_period_end,
            past_due_since=(row.past_due_since or now) if overdue else None,
            reminders_sent=row.reminders_sent if overdue else 0,
            canceled_at=row.canceled_at or ended,
            payment_url=tx.vault.encrypt(page) if page else None,
        )
        row = await tx.billing.get(row.id) or row
        await tx.billing.close_finished(row, now)
        if row.onboarded_at is not None:
            await _tell_contractor(tx, row, state)
        if state != before:
            data = {"subscription_id": row.id, "before": before, "tier": tier}
            await tx.events.record(
                f"subscription.{state.value}", "contractor", row.contractor_id, data, service="billing"
            )

    # Once.

    async def _once(self, row: Subscription, effect: _Effect) -> Outcome:
        async def perform() -> str:
            try:
                return await effect.perform()
            except CardDeclined as declined:
                return f"{DECLINED}{declined.code}"

        async def find(_: str) -> str | None:
            return await effect.look() or await perform()

        return await perform_once(self._db, effect.key, effect.kind, row.contractor_id, perform, find)

    async def _row(self, subscription_id: Any) -> Subscription | None:
        async with self._db.transaction() as tx:
            return await tx.billing.get(subscription_id)


def _refusal(row: Subscription, order: PlanOrder) -> PlanRefusal | None:
    changes = order.change.action is PlanAction.CHANGE_TIER
    reasons = (
        (row.state == SubscriptionState.CANCELED, PlanRefusal.NOT_ACTIVE),
        (changes and row.state == SubscriptionState.INCOMPLETE, PlanRefusal.NOT_ACTIVE),
        (changes and row.state == SubscriptionState.PAST_DUE, PlanRefusal.PAST_DUE),
        (changes and row.cancel_at_period_end, PlanRefusal.LEAVING),
        (changes and order.change.tier in (None, row.tier), PlanRefusal.SAME_TIER),
    )
    return next((why for holds, why in reasons if holds), None)


def _result(payment: StripePayment) -> PaymentResult:
    outcome = PAYMENTS.get(payment.status, PaymentOutcome.WAITING)
    return PaymentResult(outcome=outcome, reason=payment.declined if outcome is PaymentOutcome.DECLINED else None)


def _declined(outcome: Outcome) -> str | None:
    answer = outcome.external_id or ""
    return answer.removeprefix(DECLINED) if answer.startswith(DECLINED) else None


def _paid(invoices: list[StripeInvoice], tier: Tier) -> list[InvoiceRecord]:
    """Paid invoices, oldest first."""
    return [
        InvoiceRecord(
            invoice_id=each.id,
            payment_id=each.payment_id if each.paid else None,
            amount=each.paid,
            total=each.total,
            tier=each.tier or tier,
            paid_at=each.paid_at or each.created,
            opens=(each.starts_at, each.ends_at)
            if each.reason in MONTHLY and each.starts_at and each.ends_at
            else None,
        )
        for each in reversed(invoices)
        if each.status == "paid"
    ]


async def _tell_contractor(tx: UnitOfWork, row: Subscription, state: SubscriptionState) -> None:
    if state is SubscriptionState.CANCELED:
        ended = (row.canceled_at or row.period_end or row.created_at).date()
        await tx.billing.set_contractor(
            row.contractor_id, acquisition_status="churned", auto_renew=False, contract_end_date=ended
        )
        return
    plan = PLANS[Tier(row.tier)]
    await tx.billing.set_contractor(
        row.contractor_id,
        subscription_tier=plan.tier.value,
        monthly_fee=plan.fee,
        leads_per_month=plan.allowance,
        auto_renew=not row.cancel_at_period_end,
        contract_end_date=row.period_end.date() if row.period_end else None,
    )
