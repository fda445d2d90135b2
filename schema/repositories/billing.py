"""Subscriptions, their months, payments and refunds. Sums are checked here: never more goes back than came in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.contact_points import contact_point
from domain.matching import Tier
from domain.subscriptions import CENT, GUARANTEE_AFTER, NOTHING, PLANS, Refundable, Verdict
from schema.contracts.onboarding import Standing, SubscriptionState
from schema.repositories.base import Repository, checked
from schema.tables import (
    Contractor,
    LeadAssignment,
    Payment,
    PaymentRefund,
    PromoCode,
    Subscription,
    SubscriptionPeriod,
    SuppressionEntry,
    WebhookInboxItem,
)

LIVE = text("state <> 'canceled'")
GONE = ("hard_bounce", "complaint")
"""Suppressions that also hold for letters about a subscription: they would not arrive, or are not wanted at all."""
MAX_PAYMENTS = 200
MAX_TO_SETTLE = 20


@dataclass(frozen=True, slots=True)
class InvoiceRecord:
    """An invoice that was paid, as it is kept. `opens`: it bills a month of its own."""

    invoice_id: str
    payment_id: str | None
    amount: Decimal
    total: Decimal
    tier: Tier
    paid_at: datetime
    opens: tuple[datetime, datetime] | None = None
    """Start and end of that month; None: a change within one."""


@dataclass(frozen=True, slots=True)
class PendingRefund:
    """A refund that is to be made at Stripe."""

    effect_key: str
    payment_intent: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class LeadTally:
    """Leads of a month that were not refunded, and how many of them became jobs."""

    bought: int
    won: int


@dataclass(frozen=True, slots=True)
class LetterAddress:
    """Whom a letter goes to. Its `repr` does not show the address."""

    email: str | None = field(repr=False)
    company: str = field(repr=False)
    reachable: bool = True


class BillingRepository(Repository):
    """`subscriptions`, `subscription_periods`, `payments`, `payment_refunds`."""

    # Subscriptions.

    async def choose(
        self,
        contractor_id: UUID,
        tier: Tier,
        payment_method: str,
        workflow_id: str,
        promo_code_id: UUID | None = None,
    ) -> Subscription | None:
        """A new subscription whose first month is to be paid; None if the contractor has a live one."""
        return await self._session.scalar(
            insert(Subscription)
            .values(
                contractor_id=contractor_id,
                tier=tier.value,
                workflow_id=workflow_id,
                payment_method_id=payment_method,
                promo_code_id=promo_code_id,
                stripe_customer_id=await self.customer_of(contractor_id),
            )
            .on_conflict_do_nothing(index_elements=["contractor_id"], index_where=LIVE)
            .returning(Subscription)
        )

    async def of_contractor(self, contractor_id: UUID, *, lock: bool = False) -> Subscription | None:
        """The live subscription of a contractor, else the last one."""
        query = (
            select(Subscription)
            .where(col(Subscription.contractor_id) == contractor_id)
            .order_by(col(Subscription.state) == "canceled", col(Subscription.created_at).desc())
            .limit(1)
            .execution_options(populate_existing=True)
        )
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def get(self, subscription_id: UUID, *, lock: bool = False) -> Subscription | None:
        """The subscription, or None."""
        query = select(Subscription).where(col(Subscription.id) == subscription_id)
        query = query.execution_options(populate_existing=True)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def update(self, subscription_id: UUID, **values: Any) -> None:
        """Sets columns of a subscription."""
        checked(Subscription, values, {"id", "contractor_id", "created_at"})
        await self._session.execute(
            update(Subscription).where(col(Subscription.id) == subscription_id).values(**values)
        )

    async def give_card(self, subscription_id: UUID, payment_method: str) -> int | None:
        """Another payment method for a live subscription; returns its number. None: the subscription is over."""
        return await self._session.scalar(
            update(Subscription)
            .where(col(Subscription.id) == subscription_id, col(Subscription.state) != "canceled")
            .values(payment_method_id=payment_method, payment_attempt=col(Subscription.payment_attempt) + 1)
            .returning(col(Subscription.payment_attempt))
        )

    async def customer_of(self, contractor_id: UUID) -> str | None:
        """The contractor's customer id at Stripe, from any of its subscriptions."""
        return await self._session.scalar(
            select(col(Subscription.stripe_customer_id))
            .where(col(Subscription.contractor_id) == contractor_id, col(Subscription.stripe_customer_id).is_not(None))
            .order_by(col(Subscription.created_at).desc())
            .limit(1)
        )

    async def contractor_of(self, customer: str) -> UUID | None:
        """The contractor that is this customer at Stripe."""
        return await self._session.scalar(
            select(col(Subscription.contractor_id)).where(col(Subscription.stripe_customer_id) == customer).limit(1)
        )

    async def standing(self, contractor_id: UUID) -> Standing:
        """Everything a contractor's subscription waits for."""
        row = await self.of_contractor(contractor_id)
        if row is None:
            return Standing()
        latest = await self.latest_period(row.id)
        judged = await self._next_guarantee(contractor_id)
        return Standing(
            subscription_id=row.id,
            state=SubscriptionState(row.state),
            reason=row.reason,
            tier=Tier(row.tier),
            attempt=row.payment_attempt,
            created_at=row.created_at,
            onboarded=row.onboarded_at is not None,
            profile_complete=row.profile_completed_at is not None,
            period=latest.number if latest else 0,
            period_id=latest.id if latest else None,
            period_ends_at=latest.ends_at if latest else row.period_end,
            cancel_at_period_end=row.cancel_at_period_end,
            past_due_since=row.past_due_since,
            reminders=row.reminders_sent,
            to_settle=tuple(await self._to_settle(contractor_id)),
            guarantee=judged.id if judged else None,
            guarantee_due_at=judged.guarantee_due_at if judged else None,
        )

    # Months.

    async def latest_period(self, subscription_id: UUID) -> SubscriptionPeriod | None:
        """The newest month that was paid for."""
        return await self._session.scalar(
            select(SubscriptionPeriod)
            .where(col(SubscriptionPeriod.subscription_id) == subscription_id)
            .order_by(col(SubscriptionPeriod.number).desc())
            .limit(1)
            .execution_options(populate_existing=True)
        )

    async def period(self, period_id: UUID, *, lock: bool = False) -> SubscriptionPeriod | None:
        """A month, or None."""
        query = select(SubscriptionPeriod).where(col(SubscriptionPeriod.id) == period_id)
        query = query.execution_options(populate_existing=True)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def periods(self, subscription_id: UUID, limit: int = 24) -> Sequence[SubscriptionPeriod]:
        """The months of a subscription, newest first."""
        found = await self._session.scalars(
            select(SubscriptionPeriod)
            .where(col(SubscriptionPeriod.subscription_id) == subscription_id)
            .order_by(col(SubscriptionPeriod.number).desc())
            .limit(max(1, min(limit, 120)))
        )
        return found.all()

    async def record_invoices(self, subscription: Subscription, invoices: Sequence[InvoiceRecord]) -> int:
        """Keeps paid invoices, oldest first; returns how many are new. One that bills a month opens it.

        What was kept before is left alone. The caller holds the subscription's row.
        """
        new = 0
        for invoice in invoices:
            payment_id = await self._record_payment(subscription, invoice)
            if payment_id is None:
                continue
            new += 1
            period = await self._period_of(subscription, invoice)
            if period is not None:
                await self._session.execute(
                    update(Payment).where(col(Payment.id) == payment_id).values(period_id=period)
                )
                await self._add_up(period)
        return new

    async def _record_payment(self, subscription: Subscription, invoice: InvoiceRecord) -> UUID | None:
        kind = "subscription" if invoice.opens else "proration"
        return await self._session.scalar(
            insert(Payment)
            .values(
                contractor_id=subscription.contractor_id,
                subscription_id=subscription.id,
                kind=kind,
                amount=invoice.amount,
                total=invoice.total,
                state="succeeded",
                stripe_payment_intent_id=invoice.payment_id,
                stripe_invoice_id=invoice.invoice_id,
                effect_key=f"invoice-{invoice.invoice_id}",
                paid_at=invoice.paid_at,
            )
            .on_conflict_do_nothing(index_elements=["stripe_invoice_id"])
            .returning(col(Payment.id))
        )

    async def _period_of(self, subscription: Subscription, invoice: InvoiceRecord) -> UUID | None:
        """The month an invoice belongs to: opened now, or the one that is open, on its new terms."""
        latest = await self.latest_period(subscription.id)
        if invoice.opens is None:
            if latest is not None:
                plan = PLANS[invoice.tier]
                await self._session.execute(
                    update(SubscriptionPeriod)
                    .where(col(SubscriptionPeriod.id) == latest.id)
                    .values(tier=invoice.tier.value, fee=plan.fee, allowance=plan.allowance)
                )
            return latest.id if latest else None
        starts_at, ends_at = invoice.opens
        if latest is not None:
            await self.close(latest.id, latest.ends_at)
        return await self._session.scalar(
            insert(SubscriptionPeriod)
            .values(
                subscription_id=subscription.id,
                contractor_id=subscription.contractor_id,
                number=latest.number + 1 if latest else 1,
                starts_at=starts_at,
                ends_at=ends_at,
                tier=invoice.tier.value,
                fee=invoice.total,
                allowance=PLANS[invoice.tier].allowance,
                stripe_invoice_id=invoice.invoice_id,
            )
            .returning(col(SubscriptionPeriod.id))
        )

    async def _add_up(self, period_id: UUID) -> None:
        """A month's price is the sum of its invoices, never below zero."""
        total = select(func.greatest(func.sum(col(Payment.total)), 0)).where(col(Payment.period_id) == period_id)
        await self._session.execute(
            update(SubscriptionPeriod)
            .where(col(SubscriptionPeriod.id) == period_id)
            .values(paid=func.coalesce(total.scalar_subquery(), 0))
        )

    async def close(self, period_id: UUID, ended_at: datetime) -> None:
        """A month is over; its guarantee is judged some time after. Once closed it stays so."""
        await self._session.execute(
            update(SubscriptionPeriod)
            .where(col(SubscriptionPeriod.id) == period_id, col(SubscriptionPeriod.state) == "open")
            .values(state="ended", ended_at=ended_at, guarantee_due_at=ended_at + GUARANTEE_AFTER)
        )

    async def close_finished(self, subscription: Subscription, now: datetime) -> None:
        """Closes the month of a subscription that is over, or whose end has passed without the next being paid.

        A renewal closes the month before it itself: until it has arrived the month runs on.
        """
        latest = await self.latest_period(subscription.id)
        if latest is None or latest.state != "open":
            return
        ended_at = min(subscription.canceled_at, latest.ends_at) if subscription.canceled_at else latest.ends_at
        if subscription.state == "canceled" or (subscription.state == "past_due" and ended_at <= now):
            await self.close(latest.id, ended_at)

    async def draw_lead(self, contractor_id: UUID) -> UUID | None:
        """Takes one lead from the allowance of the running month; returns the month, or None: pay by card.

        None also while a payment is overdue. Atomic: two purchases at once never share the last one.
        """
        running = (
            select(col(SubscriptionPeriod.id))
            .join(Subscription, col(Subscription.id) == col(SubscriptionPeriod.subscription_id))
            .where(
                col(SubscriptionPeriod.contractor_id) == contractor_id,
                col(SubscriptionPeriod.state) == "open",
                col(Subscription.state).in_(("active", "trialing")),
            )
            .scalar_subquery()
        )
        return await self._session.scalar(
            update(SubscriptionPeriod)
            .where(
                col(SubscriptionPeriod.id) == running, col(SubscriptionPeriod.used) < col(SubscriptionPeriod.allowance)
            )
            .values(used=col(SubscriptionPeriod.used) + 1)
            .returning(col(SubscriptionPeriod.id))
            .execution_options(synchronize_session=False)
        )

    async def return_lead(self, period_id: UUID) -> bool:
        """Puts a lead back into the allowance of a month that still runs; False: that month is over."""
        returned = await self._session.scalar(
            update(SubscriptionPeriod)
            .where(
                col(SubscriptionPeriod.id) == period_id,
                col(SubscriptionPeriod.state) == "open",
                col(SubscriptionPeriod.used) > 0,
            )
            .values(used=col(SubscriptionPeriod.used) - 1)
            .returning(col(SubscriptionPeriod.id))
            .execution_options(synchronize_session=False)
        )
        return returned is not None

    async def tally(self, period: SubscriptionPeriod) -> LeadTally:
        """The leads bought in a month, without those that were refunded, and those won."""
        until = period.ended_at or period.ends_at
        found = await self._session.execute(
            select(func.count(), func.count(case((col(LeadAssignment.converted), 1)))).where(
                col(LeadAssignment.contractor_id) == period.contractor_id,
                col(LeadAssignment.released_at).is_(None),
                col(LeadAssignment.assigned_at) >= period.starts_at,
                col(LeadAssignment.assigned_at) < until,
            )
        )
        bought, won = found.one()
        return LeadTally(bought, won)

    async def _to_settle(self, contractor_id: UUID) -> Sequence[UUID]:
        found = await self._session.scalars(
            select(col(SubscriptionPeriod.id))
            .where(
                col(SubscriptionPeriod.contractor_id) == contractor_id,
                col(SubscriptionPeriod.state) == "ended",
                or_(
                    col(SubscriptionPeriod.unused_refund).is_(None),
                    col(SubscriptionPeriod.id).in_(
                        select(col(PaymentRefund.period_id)).where(
                            col(PaymentRefund.state) == "pending", col(PaymentRefund.reason) == "unused_leads"
                        )
                    ),
                ),
            )
            .order_by(col(SubscriptionPeriod.starts_at))
            .limit(MAX_TO_SETTLE)
        )
        return found.all()

    async def _next_guarantee(self, contractor_id: UUID) -> SubscriptionPeriod | None:
        return await self._session.scalar(
            select(SubscriptionPeriod)
            .where(
                col(SubscriptionPeriod.contractor_id) == contractor_id,
                col(SubscriptionPeriod.guarantee_due_at).is_not(None),
                or_(
                    col(SubscriptionPeriod.guarantee_decision).is_(None),
                    col(SubscriptionPeriod.id).in_(
                        select(col(PaymentRefund.period_id)).where(
                            col(PaymentRefund.state) == "pending", col(PaymentRefund.reason) == "guarantee"
                        )
                    ),
                ),
            )
            .order_by(col(SubscriptionPeriod.guarantee_due_at), col(SubscriptionPeriod.id))
            .limit(1)
            .execution_options(populate_existing=True)
        )

    # Refunds.

    async def refunded(self, period_id: UUID) -> Decimal:
        """What went back, or will, for a month."""
        total = await self._session.scalar(
            select(func.coalesce(func.sum(col(PaymentRefund.amount)), 0)).where(
                col(PaymentRefund.period_id) == period_id, col(PaymentRefund.state) != "failed"
            )
        )
        return Decimal(total or 0)

    async def refundable(self, period: SubscriptionPeriod) -> list[Refundable[UUID]]:
        """Payments that can bear a refund of a month: its own first, then earlier ones of the same subscription.

        Locks them, so that two refunds at once do not both count on the same dollars.
        """
        payments = await self._session.scalars(
            select(Payment)
            .where(
                col(Payment.subscription_id) == period.subscription_id,
                col(Payment.state) == "succeeded",
                col(Payment.amount) > 0,
                col(Payment.stripe_payment_intent_id).is_not(None),
            )
            .order_by(
                (col(Payment.period_id) == period.id).desc().nulls_last(),
                col(Payment.paid_at).desc(),
                col(Payment.id),
            )
            .limit(MAX_PAYMENTS)
            .with_for_update()
        )
        found = payments.all()
        gone = await self._refunded_of([payment.id for payment in found])
        return [Refundable(payment.id, payment.amount - gone.get(payment.id, NOTHING)) for payment in found]

    async def plan_refunds(
        self, reason: str, shares: Sequence[tuple[UUID, Decimal]], period_id: UUID | None = None
    ) -> None:
        """Writes down refunds before they are made. Raises ValueError for more than a payment still holds."""
        ids = [payment_id for payment_id, _ in shares]
        found = await self._session.scalars(select(Payment).where(col(Payment.id).in_(ids)).with_for_update())
        amounts = {payment.id: payment.amount for payment in found}
        gone = await self._refunded_of(ids)
        for payment_id, share in shares:
            if share > amounts.get(payment_id, NOTHING) - gone.get(payment_id, NOTHING):
                raise ValueError("more than the payment still holds")
            await self._session.execute(
                insert(PaymentRefund)
                .values(
                    payment_id=payment_id,
                    period_id=period_id,
                    amount=share,
                    reason=reason,
                    effect_key=f"refund-{reason}-{period_id or 'payment'}-{payment_id}",
                )
                .on_conflict_do_nothing(index_elements=["effect_key"])
            )

    async def pending_refunds(self, period_id: UUID, reason: str) -> list[PendingRefund]:
        """Refunds of a month that are written down and not made."""
        found = await self._session.execute(
            select(col(PaymentRefund.effect_key), col(Payment.stripe_payment_intent_id), col(PaymentRefund.amount))
            .join(Payment, col(Payment.id) == col(PaymentRefund.payment_id))
            .where(
                col(PaymentRefund.period_id) == period_id,
                col(PaymentRefund.reason) == reason,
                col(PaymentRefund.state) == "pending",
            )
            .order_by(col(PaymentRefund.effect_key))
            .limit(MAX_PAYMENTS)
        )
        return [PendingRefund(key, intent, amount) for key, intent, amount in found if intent]

    async def settle_refund(self, effect_key: str, state: str, stripe_refund_id: str | None) -> None:
        """Records how a refund went."""
        await self._session.execute(
            update(PaymentRefund)
            .where(col(PaymentRefund.effect_key) == effect_key, col(PaymentRefund.state) != "succeeded")
            .values(state=state, stripe_refund_id=stripe_refund_id, settled_at=func.now())
        )

    async def settle_unused(self, period_id: UUID, refund: Decimal) -> None:
        """The unused leads of a month have been valued."""
        await self._session.execute(
            update(SubscriptionPeriod).where(col(SubscriptionPeriod.id) == period_id).values(unused_refund=refund)
        )

    async def settle_guarantee(self, period_id: UUID, verdict: Verdict) -> None:
        """The guarantee of a month has been judged."""
        await self._session.execute(
            update(SubscriptionPeriod)
            .where(col(SubscriptionPeriod.id) == period_id)
            .values(guarantee_decision=verdict.decision.value, guarantee_refund=verdict.refund)
        )

    async def refund_sums(self, period_id: UUID, reason: str) -> tuple[Decimal, Decimal]:
        """What went back for a month for this reason, and what of it is not confirmed."""
        found = await self._session.execute(
            select(
                func.coalesce(func.sum(col(PaymentRefund.amount)), 0),
                func.coalesce(
                    func.sum(col(PaymentRefund.amount)).filter(col(PaymentRefund.state).in_(("pending", "unknown"))), 0
                ),
            ).where(
                col(PaymentRefund.period_id) == period_id,
                col(PaymentRefund.reason) == reason,
                col(PaymentRefund.state) != "failed",
            )
        )
        total, pending = found.one()
        return Decimal(total), Decimal(pending)

    async def _refunded_of(self, payment_ids: Sequence[UUID]) -> dict[UUID, Decimal]:
        found = await self._session.execute(
            select(col(PaymentRefund.payment_id), func.sum(col(PaymentRefund.amount)))
            .where(col(PaymentRefund.payment_id).in_(payment_ids), col(PaymentRefund.state) != "failed")
            .group_by(col(PaymentRefund.payment_id))
        )
        return {row[0]: row[1] for row in found}

    # Money, as it stands.

    async def payments(self, contractor_id: UUID, limit: int = 50) -> Sequence[Payment]:
        """A contractor's payments, newest first."""
        found = await self._session.scalars(
            select(Payment)
            .where(col(Payment.contractor_id) == contractor_id)
            .order_by(col(Payment.created_at).desc(), col(Payment.id))
            .limit(max(1, min(limit, MAX_PAYMENTS)))
        )
        return found.all()

    async def sums(self, contractor_id: UUID) -> tuple[Decimal, Decimal]:
        """What a contractor paid, and what went back (confirmed only)."""
        paid = await self._session.scalar(
            select(func.coalesce(func.sum(col(Payment.amount)), 0)).where(
                col(Payment.contractor_id) == contractor_id, col(Payment.state) == "succeeded"
            )
        )
        back = await self._session.scalar(
            select(func.coalesce(func.sum(col(PaymentRefund.amount)), 0))
            .join(Payment, col(Payment.id) == col(PaymentRefund.payment_id))
            .where(col(Payment.contractor_id) == contractor_id, col(PaymentRefund.state) == "succeeded")
        )
        return Decimal(paid or 0).quantize(CENT), Decimal(back or 0).quantize(CENT)

    # Contractors, as far as a subscription changes them.

    async def set_contractor(self, contractor_id: UUID, **values: Any) -> None:
        """Sets columns of the contractor that say what it subscribes to."""
        checked(Contractor, values, {"id", "created_at", "email", "phone"})
        await self._session.execute(update(Contractor).where(col(Contractor.id) == contractor_id).values(**values))

    async def save_preferences(
        self, contractor_id: UUID, service_areas: list[dict[str, Any]] | None, preferences: dict[str, Any] | None
    ) -> bool:
        """Keeps service areas and lead preferences where given; False: there is no such contractor."""
        row = await self._session.get(Contractor, contractor_id, with_for_update=True, populate_existing=True)
        if row is None:
            return False
        if service_areas is not None:
            row.service_areas = service_areas
        if preferences is not None:
            row.custom_fields = {**(row.custom_fields or {}), "lead_preferences": preferences}
        await self._session.flush()
        return True

    async def address(self, contractor_id: UUID) -> LetterAddress | None:
        """Where letters about a subscription go; None without such a contractor."""
        row = await self._session.get(Contractor, contractor_id)
        if row is None:
            return None
        point = contact_point(row.email) if row.email else None
        gone = None
        if point is not None:
            gone = await self._session.scalar(
                select(col(SuppressionEntry.id))
                .where(
                    col(SuppressionEntry.address_bidx) == self._vault.blind_index(point),
                    col(SuppressionEntry.reason).in_(GONE),
                )
                .limit(1)
            )
        return LetterAddress(row.email, row.company_name, gone is None)

    async def promo(self, code: str, contractor_id: UUID, now: datetime) -> PromoCode | None:
        """A code its own contractor may still use; None if it is unknown, not theirs, expired or used."""
        return await self._session.scalar(
            select(PromoCode).where(
                col(PromoCode.code) == code.strip().upper(),
                col(PromoCode.contractor_id) == contractor_id,
                col(PromoCode.redeemed_at).is_(None),
                or_(col(PromoCode.expires_at).is_(None), col(PromoCode.expires_at) > now),
            )
        )

    async def promo_of(self, promo_code_id: UUID | None) -> PromoCode | None:
        """A code by its id."""
        return await self._session.get(PromoCode, promo_code_id) if promo_code_id else None

    async def redeem(self, promo_code_id: UUID, at: datetime) -> None:
        """The code's month was paid."""
        await self._session.execute(
            update(PromoCode)
            .where(col(PromoCode.id) == promo_code_id, col(PromoCode.redeemed_at).is_(None))
            .values(redeemed_at=at)
        )

    async def unfinished_webhook(self, event_id: str) -> UUID | None:
        """The inbox row of an event of Stripe's that nobody has passed on yet.

        The sweep, which knows nothing of subscriptions, finishes such a row with the event's type as reason; Stripe
        sends again what was not answered, and then it is passed on all the same.
        """
        item = WebhookInboxItem
        swept = (col(item.state) == "ignored") & (col(item.error_message) == col(item.event_type))
        return await self._session.scalar(
            select(col(item.id)).where(
                col(item.source) == "stripe",
                col(item.event_id) == event_id,
                (col(item.state) == "received") | swept,
            )
        )
