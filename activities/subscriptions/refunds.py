"""Money that goes back for a month: written down in one transaction, then paid refund by refund, each once."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import UUID

from activities.effects import Outcome, perform_once
from domain.subscriptions import judge_guarantee, spread, unused_refund
from integrations.stripe_billing import StripeBilling
from schema.contracts.onboarding import RefundSummary
from schema.database import Database, UnitOfWork
from schema.effects import EffectState
from schema.repositories.billing import PendingRefund
from schema.tables import SubscriptionPeriod

UNUSED, GUARANTEE = "unused_leads", "guarantee"
STATES = {EffectState.DONE: "succeeded", EffectState.UNKNOWN: "unknown", EffectState.FAILED: "failed"}

Decide = Callable[[UnitOfWork, SubscriptionPeriod], Awaitable[Decimal]]
"""Values a month and keeps the decision; returns the dollars that go back. Called once."""


class Refunds:
    """Unused leads and the performance guarantee (decision 0009)."""

    def __init__(self, db: Database, stripe: StripeBilling) -> None:
        self._db = db
        self._stripe = stripe

    async def settle(self, period_id: UUID) -> RefundSummary:
        """Pays back the leads of an ended month that were not drawn."""

        async def decide(tx: UnitOfWork, period: SubscriptionPeriod) -> Decimal:
            before = await tx.billing.refunded(period.id)
            return unused_refund(period.paid, period.allowance, period.used, before)

        period = await self._decide(period_id, UNUSED, lambda period: period.unused_refund is not None, decide)
        if period is None:
            return RefundSummary()
        return await self._pay(period, UNUSED)

    async def judge(self, period_id: UUID) -> RefundSummary:
        """Judges the guarantee of a month, and pays back what it was not worth."""

        async def decide(tx: UnitOfWork, period: SubscriptionPeriod) -> Decimal:
            tally = await tx.billing.tally(period)
            verdict = judge_guarantee(tally.bought, tally.won, period.paid, await tx.billing.refunded(period.id))
            await tx.billing.settle_guarantee(period.id, verdict)
            data = {"period": period.number, "bought": tally.bought, "won": tally.won, "decision": verdict.decision}
            await tx.events.record(
                "subscription.guarantee_judged", "contractor", period.contractor_id, data, service="billing"
            )
            return verdict.refund

        period = await self._decide(period_id, GUARANTEE, lambda period: period.guarantee_decision is not None, decide)
        if period is None:
            return RefundSummary()
        return await self._pay(period, GUARANTEE)

    async def _decide(
        self, period_id: UUID, reason: str, decided: Callable[[SubscriptionPeriod], bool], decide: Decide
    ) -> SubscriptionPeriod | None:
        """Writes down the refunds of an ended month; what was decided before stays."""
        async with self._db.transaction() as tx:
            period = await tx.billing.period(period_id, lock=True)
            if period is None or period.state != "ended":
                return None
            if not decided(period):
                amount = await decide(tx, period)
                shares = spread(amount, await tx.billing.refundable(period)) if amount else ()
                await tx.billing.plan_refunds(reason, shares, period.id)
                if reason == UNUSED:
                    await tx.billing.settle_unused(period.id, sum((share for _, share in shares), Decimal(0)))
        async with self._db.transaction() as tx:
            return await tx.billing.period(period_id)

    async def _pay(self, period: SubscriptionPeriod, reason: str) -> RefundSummary:
        async with self._db.transaction() as tx:
            pending = await tx.billing.pending_refunds(period.id, reason)
        for refund in pending:
            await self._refund(period.contractor_id, refund)
        async with self._db.transaction() as tx:
            total, unconfirmed = await tx.billing.refund_sums(period.id, reason)
        decision = period.guarantee_decision if reason == GUARANTEE else None
        return RefundSummary(refunded=total, pending=unconfirmed, decision=decision)

    async def _refund(self, contractor_id: UUID, refund: PendingRefund) -> None:
        async def pay() -> str:
            return (await self._stripe.refund(refund.effect_key, refund.payment_intent, refund.amount)).id

        async def find(key: str) -> str | None:
            # Stripe's list is complete: what it does not have may be sent again under its key.
            return await self._stripe.find_refund(refund.payment_intent, key) or await pay()

        async def record(tx: UnitOfWork, outcome: Outcome) -> None:
            await tx.billing.settle_refund(refund.effect_key, STATES[outcome.state], outcome.external_id)

        outcome = await perform_once(self._db, refund.effect_key, "stripe_refund", contractor_id, pay, find, record)
        if not outcome.fresh:
            async with self._db.transaction() as tx:
                await record(tx, outcome)
