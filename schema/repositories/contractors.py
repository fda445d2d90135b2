"""Contractors, as far as leads are concerned: who may have one."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from sqlalchemy import text

from domain.geo import Point
from domain.matching import BUYER_STATUSES, Buyer, Preferences, Tier, service_areas
from schema.repositories.base import Repository
from schema.tables import Contractor

MAX_MATCHES = 500

# Customers one of whose service areas may hold the lead: its city, its whole state, or a circle around
# the contractor; and all of the lead's own city, which counts where no areas are given. This finds a few
# too many, in one statement; the rules then decide.
_CANDIDATES = text(
    f"""
    SELECT contractor.id, contractor.subscription_tier, contractor.acquisition_status, contractor.city,
           contractor.state, contractor.lat, contractor.lng, contractor.service_areas,
           contractor.custom_fields -> 'lead_preferences' AS preferences
    FROM base_leads lead
    JOIN contractors contractor ON contractor.acquisition_status IN
         ({", ".join(f"'{status}'" for status in BUYER_STATUSES)})
    CROSS JOIN LATERAL (
        SELECT CASE jsonb_typeof(contractor.service_areas) WHEN 'array' THEN contractor.service_areas ELSE '[]' END
    ) AS listed (areas)
    WHERE lead.id = :lead_id
      AND (
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
    ORDER BY array_position(ARRAY['enterprise', 'professional', 'starter'], contractor.subscription_tier::text),
             contractor.priority_score DESC NULLS LAST, contractor.id
    LIMIT {MAX_MATCHES}
    """  # noqa: S608 - assembled from our own constants
)


class ContractorRepository(Repository):
    """`contractors`."""

    async def get(self, contractor_id: UUID) -> Contractor | None:
        """The contractor, or None."""
        return await self._session.get(Contractor, contractor_id, populate_existing=True)

    async def candidates(self, lead_id: UUID) -> list[Buyer]:
        """Customers that may serve the lead's place, best tier first: one statement, at most MAX_MATCHES."""
        found = await self._session.execute(_CANDIDATES, {"lead_id": lead_id})
        return [_buyer(row) for row in found.mappings()]


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
