"""Which contractors may have a lead, and from when on (spec 3.7.2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.geo import Point, miles_between


class Tier(StrEnum):
    """Subscription tiers (spec 3.6.6)."""

    STARTER = "starter"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"


# How much later than the best tier each sees a new lead: "premium contractors get first access".
HEAD_START: dict[Tier, timedelta] = {
    Tier.ENTERPRISE: timedelta(0),
    Tier.PROFESSIONAL: timedelta(minutes=30),
    Tier.STARTER: timedelta(hours=2),
}
# Only these may buy (`contractors.acquisition_status`).
BUYER_STATUSES = ("onboarded", "active")
DEFAULT_RADIUS_MILES = 25.0


@dataclass(frozen=True, slots=True)
class ServiceArea:
    """A city, or a circle of `radius_miles` around the contractor's own place when the city is not given."""

    city: str | None = None
    state: str | None = None
    radius_miles: float | None = None


@dataclass(frozen=True, slots=True)
class Preferences:
    """Leads a contractor wants; None: no limit. Both ends of the score range count."""

    min_score: int | None = None
    max_score: int | None = None
    max_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Buyer:
    """A contractor as far as matching goes."""

    id: UUID
    tier: Tier | None
    status: str
    city: str | None
    state: str | None
    at: Point | None
    areas: tuple[ServiceArea, ...]
    preferences: Preferences = Preferences()


@dataclass(frozen=True, slots=True)
class OfferedLead:
    """A lead as far as matching goes; `exclusive_to` is the contractor its territory belongs to."""

    city: str
    state: str
    at: Point | None
    score: int
    price: Decimal
    published_at: datetime
    exclusive_to: UUID | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A contractor that may have the lead, from `visible_from` on."""

    contractor_id: UUID
    tier: Tier | None
    visible_from: datetime


def match(lead: OfferedLead, buyers: Iterable[Buyer]) -> tuple[Match, ...]:
    """Everyone who may have the lead, first access first."""
    matches = (
        Match(buyer.id, buyer.tier, visible_from(buyer.tier, lead.published_at))
        for buyer in buyers
        if mismatch(lead, buyer) is None
    )
    return tuple(sorted(matches, key=lambda found: (found.visible_from, found.contractor_id)))


def mismatch(lead: OfferedLead, buyer: Buyer) -> str | None:
    """Why a contractor does not get a lead; None when it does."""
    wants = buyer.preferences
    reasons = (
        (buyer.status not in BUYER_STATUSES, "not a customer"),
        (lead.exclusive_to not in (None, buyer.id), "another contractor's exclusive territory"),
        (not serves(buyer, lead.city, lead.state, lead.at), "outside the service area"),
        (wants.min_score is not None and lead.score < wants.min_score, "below the preferred score"),
        (wants.max_score is not None and lead.score > wants.max_score, "above the preferred score"),
        (wants.max_price is not None and lead.price > wants.max_price, "above the preferred price"),
    )
    return next((why for holds, why in reasons if holds), None)


def serves(buyer: Buyer, city: str, state: str, at: Point | None) -> bool:
    """Whether any service area holds the place; without areas, the contractor's own city does."""
    areas = buyer.areas or (ServiceArea(buyer.city, buyer.state),)
    return any(_holds(area, buyer, city, state, at) for area in areas)


def visible_from(tier: Tier | None, published_at: datetime) -> datetime:
    """When a tier first sees a lead; no subscription waits as long as the lowest tier."""
    return published_at + HEAD_START[tier or Tier.STARTER]


def service_areas(raw: Any) -> tuple[ServiceArea, ...]:
    """Areas from `contractors.service_areas`; entries that make no sense are left out."""
    entries = raw if isinstance(raw, list) else []
    return tuple(area for entry in entries if isinstance(entry, Mapping) and (area := _area(entry)))


def _area(entry: Mapping[str, Any]) -> ServiceArea | None:
    city, state, radius = entry.get("city"), entry.get("state"), entry.get("radius_miles")
    miles = float(radius) if isinstance(radius, int | float) and radius > 0 else None
    if not city and not state and miles is None:
        return None
    return ServiceArea(str(city) if city else None, str(state) if state else None, miles)


def _holds(area: ServiceArea, buyer: Buyer, city: str, state: str, at: Point | None) -> bool:
    if _same(area.city, city) and _same(area.state, state):
        return True
    if area.city is None and area.radius_miles is None:
        return _same(area.state, state)
    # The point in `contractors` is that of the contractor's own city: a radius is drawn around it only.
    own = area.city is None or _same(area.city, buyer.city)
    if area.radius_miles is None or not own or buyer.at is None or at is None:
        return False
    return miles_between(buyer.at, at) <= area.radius_miles


def _same(a: str | None, b: str | None) -> bool:
    return bool(a) and bool(b) and str(a).casefold() == str(b).casefold()
