"""The database steps of a subscription's life."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from domain.matching import BUYER_STATUSES, Tier, match
from domain.subscriptions import PLANS
from schema.contracts.onboarding import FirstLeads, SequenceRef, SignedUp, Standing, SubscriptionRef
from schema.database import Database, UnitOfWork
from schema.tables import Subscription

SIGNED_UP = "signed_up"


class Records:
    """What the workflow reads and writes."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._clock = clock

    async def look_up(self, contractor_id: UUID) -> Standing:
        """Where the contractor's subscription stands; a month that is over is closed on the way."""
        async with self._db.transaction() as tx:
            row = await tx.billing.of_contractor(contractor_id, lock=True)
            if row is not None:
                await tx.billing.close_finished(row, self._clock())
            return await tx.billing.standing(contractor_id)

    async def sign_up(self, ref: SubscriptionRef) -> SignedUp:
        """The contractor is a customer from now on, and nothing unasked goes out any more."""
        now = self._clock()
        async with self._db.transaction() as tx:
            # A letter under way is finished first; the next one finds the contractor a customer.
            await tx.people.lock(ref.contractor_id, wait_seconds=15)
            row = await tx.billing.get(ref.subscription_id, lock=True)
            if row is None:
                return SignedUp(at=now)
            if row.onboarded_at is None:
                await _welcome(tx, row, now)
                live = await tx.outreach.halt([ref.contractor_id], SIGNED_UP, now)
            else:
                live = await tx.outreach.live([ref.contractor_id])
        sequences = tuple(SequenceRef(campaign_id=each.campaign_id, contractor_id=each.contractor_id) for each in live)
        return SignedUp(sequences=sequences, at=row.onboarded_at or now)

    async def show_leads(self, contractor_id: UUID) -> FirstLeads:
        """Leads on the market that match, shown in the app; a lead shown before is not shown again."""
        async with self._db.transaction() as tx:
            offers = await tx.contractors.offers(contractor_id, self._clock())
            found = [(offer.lead_id, each) for offer in offers for each in match(offer.lead, [offer.buyer])]
            shown = await tx.notifications.show(found)
        return FirstLeads(announced=shown, available=len(found))

    async def count_reminder(self, ref: SubscriptionRef) -> Standing:
        """Notes that a reminder went out. The workflow asks once a letter, and never at the same time."""
        async with self._db.transaction() as tx:
            row = await tx.billing.get(ref.subscription_id, lock=True)
            if row is not None and row.past_due_since is not None:
                await tx.billing.update(row.id, reminders_sent=row.reminders_sent + 1)
            return await tx.billing.standing(ref.contractor_id)


async def _welcome(tx: UnitOfWork, row: Subscription, now: datetime) -> None:
    plan = PLANS[Tier(row.tier)]
    await tx.billing.update(row.id, onboarded_at=now)
    contractor = await tx.contractors.get(row.contractor_id)
    status = contractor.acquisition_status if contractor else None
    await tx.billing.set_contractor(
        row.contractor_id,
        acquisition_status=status if status in BUYER_STATUSES else "onboarded",
        current_stage=SIGNED_UP,
        signed_up_at=now,
        subscription_tier=plan.tier.value,
        monthly_fee=plan.fee,
        leads_per_month=plan.allowance,
        contract_start_date=now.date(),
        contract_end_date=row.period_end.date() if row.period_end else None,
        auto_renew=True,
    )
    if row.promo_code_id is not None:
        await tx.billing.redeem(row.promo_code_id, now)
    data = {"tier": plan.tier, "subscription_id": row.id, "promo_code": row.promo_code_id is not None}
    await tx.events.record("contractor.signed_up", "contractor", row.contractor_id, data, service="billing")
