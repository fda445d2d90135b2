"""Contractors, as far as leads are concerned: who may have one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from sqlalchemy import text

from domain.geo import Point
from domain.matching import BUYER_STATUSES, Buyer, OfferedLead, Preferences, Tier, service_areas
from schema.repositories.base import Repository
from schema.tables import Contractor

MAX_MATCHES = 500
MAX_OFFERS = 100

# Customers one of whose service areas may hold the lead: its city, its whole state, or a circle around
# the contractor; and all of the lead's own city, which counts where no areas are given. This finds a few
# too many, in one statement; the rules then decide. Leads stop at once when a payment is overdue (decision 0009).
_MAY_SERVE = """
    JOIN contractors contractor ON contractor.acquisition_status IN ({statuses})
     AND NOT EXISTS (
        SELECT 1 FROM subscriptions
        WHERE subscriptions.contractor_id = contractor.id AND subscriptions.state = 'past_due'
     )
    CROSS JOIN LATERAL (
        SELECT CASE jsonb_typeof(contractor.service_areas) WHEN 'array' THEN contractor.service_areas ELSE '[]' END
    ) AS listed (areas)
    WHERE (
        EXISTS (
            SELECT 1
            FROM jsonb_array_elements(listed.areas) AS area
            WHERE (lower(area ->> 'city') = lower(lead.city) AND upper(area ->> 'state') = lead.state)
               OR (area ->> 'city' IS NULL AND upper(area ->> 'state') = lead.state)
               OR (jsonb_typeof(area -> 'radius_miles') = 'number'
                   AND ST_DWithin(contractor.geom, lead.geom,
                                  LEAST((area ->> 'radius_miles')::float8, 3000) * 1609.344 * 1.02))
        )
        OR (lower(contractor.city) = lower(lead.city) AND contractor.state = lead.state)
      )
""".format(statuses=", ".join(f"'{status}'" for status in BUYER_STATUSES))  # noqa: S608 - our own constants

_BUYER = """contractor.id, contractor.subscription_tier, contractor.acquisition_status, contractor.city,
           contractor.state, contractor.lat, contractor.lng, contractor.service_areas,
           contractor.custom_fields -> 'lead_preferences' AS preferences"""

_CANDIDATES = text(
    f"""
    SELECT {_BUYER}
    FROM base_leads lead
    {_MAY_SERVE}
      AND lead.id = :lead_id
    ORDER BY array_position(ARRAY['enterprise', 'professional', 'starter'], contractor.subscription_tier::text),
             contractor.priority_score DESC NULLS LAST, contractor.id
    LIMIT {MAX_MATCHES}
    """  # noqa: S608 - assembled from our own constants
)

_OFFERS = text(
    f"""
    SELECT {_BUYER}, lead.id AS lead_id, lead.city AS lead_city, lead.state AS lead_state, lead.lat AS lead_lat,
           lead.lng AS lead_lng, lead.quality_score, lead.price, lead.published_at,
           CASE WHEN cluster.exclusivity_expires_at IS NULL OR cluster.exclusivity_expires_at > :now
                THEN cluster.exclusive_contractor_id END AS exclusive_to
    FROM base_leads lead
    LEFT JOIN lead_clusters cluster ON cluster.id = lead.cluster_id
    {_MAY_SERVE}
      AND contractor.id = :contractor_id
      AND lead.status = 'available' AND lead.quality_score IS NOT NULL AND lead.price IS NOT NULL
      AND lead.published_at IS NOT NULL AND (lead.available_until IS NULL OR lead.available_until > :now)
    ORDER BY lead.quality_score DESC, lead.id DESC
    LIMIT {MAX_OFFERS}
    """  # noqa: S608 - assembled from our own constants
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A lead on the market that a contractor may serve, with the contractor as matching sees it."""

    lead_id: UUID
    lead: OfferedLead
    buyer: Buyer


class ContractorRepository(Repository):
    """`contractors`."""

    async def get(self, contractor_id: UUID) -> Contractor | None:
        """The contractor, or None."""
        return await self._session.get(Contractor, contractor_id, populate_existing=True)

    async def candidates(self, lead_id: UUID) -> list[Buyer]:
        """Customers that may serve the lead's place, best tier first: one statement, at most MAX_MATCHES."""
        found = await self._session.execute(_CANDIDATES, {"lead_id": lead_id})
        return [_buyer(row) for row in found.mappings()]

    async def offers(self, contractor_id: UUID, now: datetime) -> list[Offer]:
        """Leads on the market that a customer may serve, best first: one statement, at most MAX_OFFERS."""
        found = await self._session.execute(_OFFERS, {"contractor_id": contractor_id, "now": now})
        return [Offer(row["lead_id"], _offered(row), _buyer(row)) for row in found.mappings()]


def _buyer(row: Mapping[Any, Any]) -> Buyer:
    located = row["lat"] is not None and row["lng"] is not None
    return Buyer(
        id=row["id"],
        tier=Tier(row["subscription_tier"]) if row["subscription_tier"] else None,
        status=row["acquisition_status"],
        city=row["city"],
        state=row["state"],
        at=Point(float(row["lat"]), float(row["lng"])) if located else None,
        areas=service_areas(row["service_areas"]),
        preferences=_preferences(row["preferences"]),
    )


def _offered(row: Mapping[Any, Any]) -> OfferedLead:
    located = row["lead_lat"] is not None and row["lead_lng"] is not None
    return OfferedLead(
        city=row["lead_city"],
        state=row["lead_state"],
        at=Point(float(row["lead_lat"]), float(row["lead_lng"])) if located else None,
        score=row["quality_score"],
        price=row["price"],
        published_at=row["published_at"],
        exclusive_to=row["exclusive_to"],
    )


def _preferences(raw: Any) -> Preferences:
    """Limits from `custom_fields.lead_preferences`; what makes no sense is no limit."""
    if not isinstance(raw, Mapping):
        return Preferences()
    return Preferences(_number(raw.get("min_score")), _number(raw.get("max_score")), _money(raw.get("max_price")))


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _money(value: Any) -> Decimal | None:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
