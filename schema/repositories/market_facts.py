"""What can truly be said of a city's market: counted when it is said, from our own rows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import text

from domain.matching import BUYER_STATUSES
from schema.repositories.base import Repository
from schema.repositories.leads import value_range

LEADS_SPAN = timedelta(days=30)
PERMITS_SPAN = timedelta(days=90)
TIME_TO_CLOSE = timedelta(days=45)
"""Younger sales are not counted among what leads turned into: their jobs may still come (spec 6.4)."""

_CUSTOMERS = ", ".join(f"'{status}'" for status in BUYER_STATUSES)

# One statement, whatever the spelling of the city in capitals.
_MARKET = text(
    f"""
    SELECT
        (SELECT count(*) FROM base_leads
         WHERE state = :state AND lower(city) = lower(:city) AND status IN ('available', 'reserved', 'sold')
           AND published_at >= :leads_since) AS recent,
        (SELECT count(*) FROM base_leads
         WHERE state = :state AND lower(city) = lower(:city) AND status = 'available') AS available,
        (SELECT count(*) FROM roofing_permits
         WHERE state = :state AND lower(city) = lower(:city) AND issue_date >= CAST(:permits_since AS date)) AS permits,
        (SELECT count(*) FROM contractors
         WHERE state = :state AND lower(city) = lower(:city) AND acquisition_status IN ({_CUSTOMERS})) AS contractors,
        (SELECT count(*) FROM lead_clusters
         WHERE state = :state AND lower(city) = lower(:city)
           AND (exclusive_contractor_id IS NULL OR exclusivity_expires_at <= :now)) AS places
    """  # noqa: S608 - assembled from our own constants
)

_WON = text(
    """
    SELECT count(*) AS sold, count(*) FILTER (WHERE converted) AS jobs,
           avg(job_value) FILTER (WHERE converted AND job_value > 0) AS value
    FROM lead_assignments
    WHERE released_at IS NULL AND assigned_at <= :before
    """
)

_SAMPLE = text(
    """
    SELECT lead.quality_score, lead.grade, lead.price, lead.property_value, analysis.overall_condition
    FROM base_leads lead
    LEFT JOIN roof_analysis analysis ON analysis.base_lead_id = lead.id
    WHERE lead.state = :state AND lower(lead.city) = lower(:city) AND lead.status = 'available'
      AND lead.quality_score IS NOT NULL AND lead.grade IS NOT NULL AND lead.price IS NOT NULL
    ORDER BY lead.quality_score DESC, lead.id DESC
    LIMIT 1
    """
)


@dataclass(frozen=True, slots=True)
class Market:
    """Counts of one city: leads published in 30 days and open now, permits of 90 days, customers, free areas."""

    recent: int = 0
    available: int = 0
    permits: int = 0
    contractors: int = 0
    places: int = 0


@dataclass(frozen=True, slots=True)
class Won:
    """What sold leads turned into, over all contractors. `value`: average job in US dollars."""

    sold: int = 0
    jobs: int = 0
    value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """An open lead as anybody may see it: nothing that says which house it is."""

    condition: str | None
    value_range: str | None
    score: int
    grade: str
    price: Decimal


class MarketFactsRepository(Repository):
    """Counts over leads, permits, sales and customers."""

    async def market(self, city: str, state: str, now: datetime) -> Market:
        """A city's counts."""
        found = await self._session.execute(
            _MARKET,
            {
                "city": city,
                "state": state.upper(),
                "now": now,
                "leads_since": now - LEADS_SPAN,
                "permits_since": (now - PERMITS_SPAN).date(),
            },
        )
        return Market(**found.mappings().one())

    async def won(self, now: datetime) -> Won:
        """What leads turned into that were sold long enough ago to tell."""
        row = (await self._session.execute(_WON, {"before": now - TIME_TO_CLOSE})).mappings().one()
        value = None if row["value"] is None else Decimal(row["value"]).quantize(Decimal(1))
        return Won(row["sold"], row["jobs"], value)

    async def sample(self, city: str, state: str) -> Sample | None:
        """The best lead that is open in a city."""
        row = (await self._session.execute(_SAMPLE, {"city": city, "state": state.upper()})).mappings().first()
        if row is None:
            return None
        return Sample(
            condition=row["overall_condition"],
            value_range=value_range(row["property_value"]),
            score=row["quality_score"],
            grade=row["grade"],
            price=row["price"],
        )
