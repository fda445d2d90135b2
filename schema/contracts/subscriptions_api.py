"""What the API takes and answers about subscriptions."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from domain.matching import Tier
from schema.contracts.api import ApiRequest, CityName, StateCode
from schema.contracts.base import Contract
from schema.contracts.onboarding import SubscriptionState

PaymentMethodId = Annotated[str, StringConstraints(pattern=r"^pm_[A-Za-z0-9_]{1,200}$")]
"""What Stripe's form in the browser gives for a card: its number never comes to us."""
MoneyAmount = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=2)]
Score = Annotated[int, Field(ge=0, le=100)]


class ChooseSubscription(ApiRequest):
    """A tier, a card, and a promo code if there is one (spec 3.6.6 steps 1-2)."""

    tier: Tier
    payment_method: PaymentMethodId
    promo_code: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30)] | None = None


class ChangeSubscription(ApiRequest):
    """Another tier, or another card; one at a time."""

    tier: Tier | None = None
    payment_method: PaymentMethodId | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.tier is None) == (self.payment_method is None):
            raise ValueError("give either `tier` or `payment_method`")
        return self


class ServiceAreaChoice(ApiRequest):
    """A city with its state, a whole state, or a circle around the company (miles)."""

    city: CityName | None = None
    state: StateCode | None = None
    radius_miles: Annotated[float, Field(gt=0, le=500)] | None = None

    @model_validator(mode="after")
    def _some_place(self) -> Self:
        if self.city is not None and self.state is None:
            raise ValueError("a city needs its state")
        if self.state is None and self.radius_miles is None:
            raise ValueError("an area is a city, a state or a radius")
        return self


class LeadPreferences(ApiRequest):
    """Limits on the leads that are wanted; None: no limit."""

    min_score: Score | None = None
    max_score: Score | None = None
    max_price: MoneyAmount | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_score is not None and self.max_score is not None and self.min_score > self.max_score:
            raise ValueError("min_score is above max_score")
        return self


class SetPreferences(ApiRequest):
    """Service areas and lead preferences (spec 3.6.6 steps 4-5); what is left out stays as it is."""

    service_areas: Annotated[list[ServiceAreaChoice], Field(min_length=1, max_length=50)] | None = None
    lead_preferences: LeadPreferences | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.service_areas is None and self.lead_preferences is None:
            raise ValueError("give `service_areas`, `lead_preferences` or both")
        return self


class PreferencesKept(Contract):
    """What became of it: `profile_complete` once areas and preferences have both been chosen."""

    profile_complete: bool


class PeriodView(Contract):
    """A month of a subscription. Dollars."""

    number: int
    starts_at: datetime
    ends_at: datetime
    tier: Tier
    paid: Decimal
    allowance: int
    used: int
    state: str
    unused_refund: Decimal | None = None
    guarantee_due_at: datetime | None = None
    guarantee_decision: str | None = None
    guarantee_refund: Decimal | None = None


class SubscriptionView(Contract):
    """A subscription as it stands. Dollars."""

    subscription_id: UUID
    tier: Tier
    monthly_fee: Decimal
    leads_per_month: int
    state: SubscriptionState
    reason: str | None = None
    cancel_at_period_end: bool = False
    past_due_since: datetime | None = None
    profile_complete: bool = False
    payment_url: str | None = None
    """Where an open payment can be made, or confirmed with the bank."""
    paid: Decimal
    refunded: Decimal
    """Of all the contractor's payments."""
    periods: tuple[PeriodView, ...] = ()
    workflow_id: str
    links: dict[str, str] = Field(default_factory=dict)


class PlanChanged(Contract):
    """What a change came to. Dollars; `total` below zero is a credit towards the next invoice."""

    tier: Tier | None = None
    credit: Decimal | None = None
    charge: Decimal | None = None
    total: Decimal | None = None
    ends_at: datetime | None = None
