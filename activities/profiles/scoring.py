"""Fit, likelihood, lifetime value and priority from what we know of a contractor (spec 3.6.3)."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from temporalio.exceptions import ApplicationError

from domain.contractors import ContractorFacts, ContractorScore, employees_from_range, score_contractor
from domain.geo import Point, miles_between
from schema.contracts.outreach import ProfileSummary
from schema.database import Database
from schema.tables.contractors import Contractor
from schema.tables.core import TargetCity

URBAN_POPULATION = 100_000
"""From here on a target city is urban; the spec says "urban area" and no number."""
URBAN_MILES = 25.0
"""Within this distance of a city its demand is the contractor's (the spec's nearest band around a city)."""
LICENCE_VALID = "active"


async def score(db: Database, contractor_id: UUID, now: datetime) -> ProfileSummary:
    """Score and store, with the points of every factor and their evidence."""
    async with db.transaction() as tx:
        row = await tx.discovery.locked(contractor_id)
        if row is None:
            raise ApplicationError("no such contractor", type="UnknownContractor", non_retryable=True)
        facts = facts_of(row, await tx.cities.all(active=True), now)
        result = score_contractor(facts)
        await tx.discovery.save(
            contractor_id,
            fit_score=result.fit,
            conversion_likelihood=result.likelihood,
            ltv_estimate=result.ltv,
            priority_score=result.priority,
            score_breakdown=breakdown(result, facts),
            scored_at=now,
        )
    return ProfileSummary(
        email_found=facts.has_email,
        phone_kind=row.phone_kind,
        fit=result.fit,
        likelihood=result.likelihood,
        priority=float(result.priority),
    )


def facts_of(row: Contractor, cities: Sequence[TargetCity], now: datetime) -> ContractorFacts:
    """The facts that scoring looks at. A licence counts once a board says that it is active; profiles that the
    contractor links from its own site count as active social media.
    """
    home, miles = _nearest(row, cities)
    in_city = home is not None and _is_in(row, home)
    urban = home is not None and (home.population or 0) >= URBAN_POPULATION
    expired = row.license_expiration is not None and row.license_expiration < now.date()
    return ContractorFacts(
        has_website=bool(row.website),
        has_email=bool(row.email) and row.email_status != "invalid",
        google_rating=float(row.google_rating) if row.google_rating is not None else None,
        google_reviews=row.google_review_count or 0,
        bbb_accredited=bool(row.bbb_accredited),
        employees=employees_from_range(row.employee_count_range),
        years_in_business=row.years_in_business,
        in_target_city=in_city,
        miles_to_city=miles,
        residential="residential" in (row.roof_types or ()),
        roof_types=len(row.roof_types or ()),
        insurance_restoration="insurance restoration" in (row.services_offered or ()),
        licensed=row.license_status == LICENCE_VALID and not expired,
        manufacturer_certified=bool(row.certifications),
        active_social_media=bool(row.social_media),
        days_since_review=(now - row.last_review_at).days if row.last_review_at else None,
        urban=urban and (in_city or (miles is not None and miles <= URBAN_MILES)),
    )


def breakdown(result: ContractorScore, facts: ContractorFacts) -> dict[str, Any]:
    """The scores' factors as stored: points, maximum and evidence of each; what the lifetime value rests on."""
    return {
        "fit": [asdict(factor) for factor in result.fit_factors],
        "likelihood": [asdict(factor) for factor in result.likelihood_factors],
        "ltv": {"employees": facts.employees, "google_rating": facts.google_rating, "urban": facts.urban},
    }


def _is_in(row: Contractor, city: TargetCity) -> bool:
    return row.state == city.state and (row.city or "").lower() == city.city.lower()


def _nearest(row: Contractor, cities: Sequence[TargetCity]) -> tuple[TargetCity | None, float | None]:
    """The contractor's own target city, else the nearest one, with the distance in miles where both are known."""
    home = next((city for city in cities if _is_in(row, city)), None)
    if row.lat is None or row.lng is None:
        return home, None
    here = Point(float(row.lat), float(row.lng))
    distances = [
        (miles_between(here, Point(float(city.lat), float(city.lng))), city)
        for city in ([home] if home else cities)
        if city.lat is not None and city.lng is not None
    ]
    if not distances:
        return home, None
    miles, nearest = min(distances, key=lambda pair: pair[0])
    return nearest, round(miles, 2)
