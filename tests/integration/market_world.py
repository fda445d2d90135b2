"""Leads with neighbours, storms, images and buyers, as the lead activities find them."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from temporalio.testing import ActivityEnvironment

from activities.leads.activities import LeadActivities
from domain.address import lead_id_for, parse_address
from domain.roof import Box, DamageType, Detection, ImageFindings, RoofCondition, RoofMaterial, View
from schema.contracts.base import LeadRef
from schema.database import Database
from schema.repositories.analyses import findings_to_json
from schema.tables import Contractor, RoofingPermit, SystemEvent, WeatherEvent

NOW = datetime(2026, 6, 1, 15, tzinfo=UTC)
TODAY = NOW.date()
LAT, LNG = 30.2672, -97.7431
MILE = 1 / 68.88
"""Degrees of latitude per mile at Austin, near enough for distances in these tests."""


def leads_at(database: Database, now: datetime = NOW) -> LeadActivities:
    """The activities with a clock that stands still."""
    return LeadActivities(database, lambda: now)


async def run(method: Any, argument: Any, workflow_id: str = "property-test") -> Any:
    """Run an activity method as a worker would, for this workflow."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, workflow_id=workflow_id)
    return await environment.run(method, argument)


async def a_lead(
    database: Database, line: str = "100 Oak St", *, north: float | None = 0.0, city: str = "Austin", **columns: Any
) -> LeadRef:
    """A lead in processing, so many miles north of the middle of Austin; None: not located."""
    address = parse_address(line, city, "TX", "78701")
    lead_id = lead_id_for(address)
    async with database.transaction() as tx:
        await tx.leads.admit(lead_id, address, f"property-{lead_id}")
        if north is not None:
            await tx.leads.save_location(lead_id, LAT + north * MILE, LNG, "geocoder")
        if columns:
            await tx.leads.update(lead_id, **columns)
    return LeadRef(lead_id=lead_id)


async def permits(database: Database, *, count: int, north: float, days_ago: int, name: str, **columns: Any) -> None:
    """Roofing permits of as many houses."""
    async with database.transaction() as tx:
        tx.session.add_all(
            RoofingPermit(
                **{
                    "permit_number": f"{name}-{number}",
                    "address": f"{number} {name} ST".upper(),
                    "city": "Austin",
                    "state": "TX",
                    "lat": Decimal(str(round(LAT + north * MILE, 8))),
                    "lng": Decimal(str(LNG)),
                    "issue_date": TODAY - timedelta(days=days_ago),
                    **columns,
                }
            )
            for number in range(1, count + 1)
        )


async def storm(database: Database, kind: str, *, north: float, days_ago: int, **columns: Any) -> None:
    """A storm report."""
    async with database.transaction() as tx:
        tx.session.add(
            WeatherEvent(
                event_type=kind,
                event_date=TODAY - timedelta(days=days_ago),
                lat=Decimal(str(round(LAT + north * MILE, 8))),
                lng=Decimal(str(LNG)),
                source="test",
                external_id=f"{kind}-{north}-{days_ago}",
                **columns,
            )
        )


def findings(
    condition: RoofCondition, confidence: float, view: View = View.OVERHEAD, *, damaged: float = 0.0
) -> ImageFindings:
    """What confident models say of an image; `damaged` is the share of the roof."""
    rest = (1 - confidence) / 4
    probabilities = {grade: confidence if grade is condition else rest for grade in RoofCondition}
    side = (damaged * 0.25 / 0.7) ** 0.5
    boxes = (Detection(DamageType.MISSING_SHINGLES, confidence, Box(0.3, 0.3, side, side)),) if damaged else ()
    return ImageFindings(
        view=view,
        condition_probabilities=probabilities,
        detections=boxes,
        roof_share=0.25,
        damage_share=damaged,
        segmentation_confidence=confidence,
        material=RoofMaterial.SHINGLE,
        material_confidence=0.9,
        roof_sqft=2000.0 if view is View.OVERHEAD else None,
    )


def poor_roof(confidence: float = 0.85) -> tuple[ImageFindings, ...]:
    """Overhead and street agree on a poor roof."""
    return tuple(findings(RoofCondition.POOR, confidence, view, damaged=0.06) for view in (View.OVERHEAD, View.FRONT))


async def analysed(database: Database, lead: LeadRef, images: tuple[ImageFindings, ...]) -> UUID:
    """The analysis of these findings, as the inference worker stores it."""
    from domain.ensemble import combine

    verdict = combine(images)
    async with database.transaction() as tx:
        analysis_id = await tx.analyses.replace(
            lead.lead_id,
            {
                "overall_condition": verdict.condition.value,
                "confidence_score": round(Decimal(verdict.confidence), 2),
                "damage_detected": bool(verdict.damages),
                "damage_types": [damage.damage.value for damage in verdict.damages],
                "damage_severity": {damage.damage.value: damage.severity for damage in verdict.damages},
                "roof_sqft": round(verdict.roof_sqft or 0) or None,
                "roof_type": verdict.material,
            },
            [],
        )
        await tx.leads.update_roofing(lead.lead_id, ai_roof_analysis={"findings": findings_to_json(images)})
    return analysis_id


async def a_contractor(database: Database, name: str, **columns: Any) -> UUID:
    """A customer in Austin who serves 25 miles around."""
    contractor = Contractor(
        **{
            "company_name": name,
            "email": f"{name}@contractor.example",
            "city": "Austin",
            "state": "TX",
            "lat": Decimal(str(LAT)),
            "lng": Decimal(str(LNG)),
            "acquisition_status": "active",
            "subscription_tier": "starter",
            "service_areas": [{"city": "Austin", "state": "TX", "radius_miles": 25}],
            **columns,
        }
    )
    async with database.transaction() as tx:
        tx.session.add(contractor)
    return contractor.id


async def events(database: Database, lead: LeadRef, event_type: str) -> int:
    """How often something was said to have happened to a lead."""
    async with database.transaction() as tx:
        found = await tx.session.scalar(
            select(func.count()).where(SystemEvent.entity_id == lead.lead_id, SystemEvent.event_type == event_type)
        )
    return found or 0


def years_ago(years: int) -> date:
    """A day so many years before today."""
    return TODAY.replace(year=TODAY.year - years)
