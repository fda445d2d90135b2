"""What contractors choose: a tier, a card, the leads they want. Each in the caller's transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.matching import Tier
from schema.contracts.ids import onboarding_workflow_id
from schema.database import UnitOfWork
from schema.tables import PromoCode, Subscription

ONBOARDED, ACTIVE = "onboarded", "active"


async def choose_tier(
    tx: UnitOfWork, contractor_id: UUID, tier: Tier, payment_method: str, promo: PromoCode | None
) -> Subscription | None:
    """A subscription waiting for its first payment; None where there is a live one."""
    workflow_id = onboarding_workflow_id(contractor_id)
    promo_id = promo.id if promo else None
    chosen = await tx.billing.choose(contractor_id, tier, payment_method, workflow_id, promo_id)
    if chosen is not None:
        data = {"tier": tier, "subscription_id": chosen.id, "promo_code": promo is not None}
        await tx.events.record("subscription.chosen", "contractor", contractor_id, data, service="billing")
    return chosen


async def set_preferences(
    tx: UnitOfWork,
    contractor_id: UUID,
    service_areas: list[dict[str, Any]] | None,
    preferences: dict[str, Any] | None,
    now: datetime,
) -> bool | None:
    """Keeps what a contractor wants. True: that completed its profile; None: there is no such contractor.

    A profile is complete once areas and preferences have been chosen (spec 3.6.6 steps 3-5).
    """
    if not await tx.billing.save_preferences(contractor_id, service_areas, preferences):
        return None
    contractor = await tx.contractors.get(contractor_id)
    row = await tx.billing.of_contractor(contractor_id, lock=True)
    if contractor is None or row is None or row.profile_completed_at is not None:
        return False
    chosen = contractor.service_areas and "lead_preferences" in (contractor.custom_fields or {})
    if not chosen:
        return False
    await tx.billing.update(row.id, profile_completed_at=now)
    if contractor.acquisition_status == ONBOARDED:
        await tx.billing.set_contractor(contractor_id, acquisition_status=ACTIVE)
    await tx.events.record("contractor.profile_completed", "contractor", contractor_id, service="billing")
    return True
