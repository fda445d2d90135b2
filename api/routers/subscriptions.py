"""Subscriptions (spec 3.6.6): choose a tier, look, change, cancel; and which leads a contractor wants."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from activities.subscriptions.choices import choose_tier, set_preferences
from api.onboarding import order, signal_onboarding
from api.problems import ApiProblem, Code
from api.resources import Injected, Resources
from domain.matching import Tier
from domain.subscriptions import PLANS
from schema.contracts.onboarding import PlanAction, SubscriptionState
from schema.contracts.subscriptions_api import (
    ChangeSubscription,
    ChooseSubscription,
    PeriodView,
    PlanChanged,
    PreferencesKept,
    SetPreferences,
    SubscriptionView,
)
from schema.database import UnitOfWork
from schema.tables import Subscription

router = APIRouter(prefix="/contractors/{contractor_id}", tags=["subscriptions"])

When = Annotated[Literal["period_end", "now"], Query(description="When the subscription ends.")]
_WHEN = {"period_end": PlanAction.CANCEL_AT_PERIOD_END, "now": PlanAction.CANCEL_NOW}


@router.post("/subscription", status_code=202)
async def choose_subscription(contractor_id: UUID, body: ChooseSubscription, resources: Injected) -> SubscriptionView:
    """Choose a tier and pay for its first month; follow the payment with GET.

    Sent again while the first month is not paid, it gives another card.
    """
    async with resources.database.transaction() as tx:
        if await tx.contractors.get(contractor_id) is None:
            raise ApiProblem(Code.UNKNOWN_CONTRACTOR)
        row = await tx.billing.of_contractor(contractor_id, lock=True)
        if row is None or row.state == SubscriptionState.CANCELED:
            row = await _choose(tx, contractor_id, body)
        elif row.state != SubscriptionState.INCOMPLETE or row.tier != body.tier:
            raise ApiProblem(Code.ALREADY_SUBSCRIBED)
        elif row.payment_method_id != body.payment_method:
            await tx.billing.give_card(row.id, body.payment_method)
        view = await _view(tx, resources, row)
    await signal_onboarding(resources, contractor_id, "look_again")
    return view


@router.get("/subscription")
async def get_subscription(contractor_id: UUID, resources: Injected) -> SubscriptionView:
    """The live subscription, else the last one, with its months."""
    async with resources.database.transaction() as tx:
        return await _view(tx, resources, await _known(tx, contractor_id))


@router.patch("/subscription")
async def change_subscription(contractor_id: UUID, body: ChangeSubscription, resources: Injected) -> PlanChanged:
    """Another tier, at once and prorated; or another card, which pays what is open."""
    async with resources.database.transaction() as tx:
        row = await _known(tx, contractor_id)
        if body.payment_method is not None and await tx.billing.give_card(row.id, body.payment_method) is None:
            raise ApiProblem(Code.PLAN_NOT_CHANGED, "There is no running subscription.")
    if body.payment_method is not None:
        await signal_onboarding(resources, contractor_id, "look_again")
        return PlanChanged(tier=Tier(row.tier))
    answer = await order(resources, contractor_id, PlanAction.CHANGE_TIER, body.tier)
    return PlanChanged.model_validate(answer, from_attributes=True)


@router.delete("/subscription")
async def cancel_subscription(contractor_id: UUID, resources: Injected, when: When = "period_end") -> PlanChanged:
    """Cancel: at the end of the paid month, or now; what was not used of the month goes back."""
    async with resources.database.transaction() as tx:
        await _known(tx, contractor_id)
    answer = await order(resources, contractor_id, _WHEN[when])
    return PlanChanged.model_validate(answer, from_attributes=True)


@router.patch("/preferences")
async def set_lead_preferences(contractor_id: UUID, body: SetPreferences, resources: Injected) -> PreferencesKept:
    """Service areas and lead preferences; leads of the areas chosen are shown at once."""
    areas = body.service_areas
    wanted = None if areas is None else [area.model_dump(mode="json", exclude_none=True) for area in areas]
    limits = body.lead_preferences
    async with resources.database.transaction() as tx:
        completed = await set_preferences(
            tx,
            contractor_id,
            wanted,
            None if limits is None else limits.model_dump(mode="json", exclude_none=True),
            datetime.now(UTC),
        )
        if completed is None:
            raise ApiProblem(Code.UNKNOWN_CONTRACTOR)
        row = await tx.billing.of_contractor(contractor_id)
    if row is not None and row.state != SubscriptionState.CANCELED:
        await signal_onboarding(resources, contractor_id, "profile_completed")
    return PreferencesKept(profile_complete=row is not None and row.profile_completed_at is not None)


async def _choose(tx: UnitOfWork, contractor_id: UUID, body: ChooseSubscription) -> Subscription:
    promo = None
    if body.promo_code is not None:
        promo = await tx.billing.promo(body.promo_code, contractor_id, datetime.now(UTC))
        if promo is None:
            raise ApiProblem(Code.PROMO_CODE_REFUSED)
    row = await choose_tier(tx, contractor_id, body.tier, body.payment_method, promo)
    if row is None:
        raise ApiProblem(Code.ALREADY_SUBSCRIBED)
    return row


async def _known(tx: UnitOfWork, contractor_id: UUID) -> Subscription:
    row = await tx.billing.of_contractor(contractor_id)
    if row is None:
        raise ApiProblem(Code.UNKNOWN_SUBSCRIPTION)
    return row


async def _view(tx: UnitOfWork, resources: Resources, row: Subscription) -> SubscriptionView:
    plan = PLANS[Tier(row.tier)]
    paid, refunded = await tx.billing.sums(row.contractor_id)
    months = await tx.billing.periods(row.id)
    return SubscriptionView(
        subscription_id=row.id,
        tier=plan.tier,
        monthly_fee=plan.fee,
        leads_per_month=plan.allowance,
        state=SubscriptionState(row.state),
        reason=row.reason,
        cancel_at_period_end=row.cancel_at_period_end,
        past_due_since=row.past_due_since,
        profile_complete=row.profile_completed_at is not None,
        payment_url=tx.vault.decrypt(row.payment_url) if row.payment_url else None,
        paid=paid,
        refunded=refunded,
        periods=tuple(PeriodView.model_validate(month, from_attributes=True) for month in months),
        workflow_id=row.workflow_id,
        links=resources.workflow_links(row.workflow_id),
    )
