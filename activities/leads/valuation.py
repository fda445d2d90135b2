"""Triggers, score, grade, price and cost estimate of a lead."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from activities.leads.facts import Analysed, age_of, analysed, around, lead_and_roof
from domain.age import RoofAge
from domain.clusters import assign
from domain.costs import CostEstimate, Range, assumed_roof_sqft, estimate_costs
from domain.geo import Point
from domain.pricing import Price, price_lead
from domain.roof import RoofMaterial
from domain.scoring import LeadFacts, ScoreBreakdown, missing_fields, score_lead
from domain.triggers import StormType, Surroundings, Trigger, detect, is_urgent
from schema.contracts.property import ScoreSummary, TriggerSummary
from schema.database import Database, UnitOfWork
from schema.repositories.triggers import Around
from schema.tables import BaseLead, RoofingLead


class Valuations:
    """What a lead is worth, and why."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._clock = clock

    async def detect(self, lead_id: UUID) -> TriggerSummary:
        """Finds and keeps the lead's triggers; the summary lists all that are active."""
        now = self._clock()
        today = now.date()
        async with self._db.transaction() as tx:
            near = await around(tx, lead_id, today)
            age = age_of(near, today)
            found = detect(_surroundings(near, age), today)
            created = await tx.triggers.replace({lead_id: found}, now)
            active = await tx.triggers.active(lead_id)
            await tx.triggers.show([_shown(near, age, active, now)])
            types = tuple(sorted({trigger.type.value for trigger in active}))
            if created:
                data = {"types": types, "new": created}
                await tx.events.record("lead.triggers_detected", "lead", lead_id, data, service="leads")
        return TriggerSummary(types=types, urgent=is_urgent(active))

    async def score(self, lead_id: UUID) -> ScoreSummary:
        """Scores, grades and prices the lead, and keeps the reasons."""
        now = self._clock()
        async with self._db.transaction() as tx:
            lead, roof = await lead_and_roof(tx, lead_id)
            analysis = await analysed(tx, lead_id)
            active = await tx.triggers.active(lead_id)
            age = age_of(await around(tx, lead_id, now.date()), now.date())
            breakdown = score_lead(_facts(lead, roof, analysis, active, age))
            exclusive = await _exclusive(tx, lead, now)
            price = price_lead(breakdown.total, urgent=is_urgent(active), exclusive_territory=exclusive)
            await _save_costs(tx, lead, roof, analysis, urgent=is_urgent(active))
            await tx.scores.save(lead_id, breakdown)
            await _save_score(tx, lead, breakdown, price)
        return ScoreSummary(score=breakdown.total, grade=breakdown.grade, price=price.amount if price else None)


def location(lead: BaseLead) -> Point | None:
    """Where the lead is, if it has been located."""
    if lead.lat is None or lead.lng is None:
        return None
    return Point(float(lead.lat), float(lead.lng))


def _surroundings(near: Around, age: RoofAge) -> Surroundings:
    return Surroundings(
        neighbor_permits_30d=near.permits_30d,
        last_neighbor_permit=near.last_permit,
        storms=near.storms,
        roof_age_years=age.years,
        worst_damage=near.worst_damage,
        analyzed_on=near.analyzed_on,
        last_sale=near.last_sale,
    )


def _shown(near: Around, age: RoofAge, active: Sequence[Trigger], now: datetime) -> dict[str, Any]:
    today = now.date()
    strongest = active[0] if active else None
    details = {"evidence": strongest.evidence, "strength": strongest.strength} if strongest else None
    return {
        "lead_id": near.lead_id,
        "within_30": near.permits_30d,
        "within_60": near.permits_60d,
        "within_90": near.permits_90d,
        "hail_30": near.had(StormType.HAIL, 30, today),
        "hail_90": near.had(StormType.HAIL, 90, today),
        "wind_30": near.had(StormType.WIND, 30, today),
        "roof_age": age.years,
        "trigger_event": strongest.key if strongest else None,
        "trigger_details": details,
    }


def _facts(
    lead: BaseLead, roof: RoofingLead | None, analysis: Analysed | None, active: tuple[Trigger, ...], age: RoofAge
) -> LeadFacts:
    condition = analysis.condition if analysis else None
    fields = {
        "zip": lead.zip,
        "location": location(lead),
        "property_value": lead.property_value,
        "year_built": lead.year_built,
        "sqft": lead.sqft,
        "owner_name": lead.owner_name,
        "roof_age": age.years,
        "roof_condition": condition,
        "roof_sqft": _roof_sqft(roof, analysis),
    }
    return LeadFacts(
        property_value=lead.property_value,
        roof_age_years=age.years,
        triggers=active,
        condition=condition,
        email_found=lead.owner_email is not None,
        email_verified=lead.owner_email_verified,
        phone_found=lead.owner_phone is not None,
        missing_fields=missing_fields(fields),
        roof_age_evidence=age.evidence,
        condition_evidence=_how_known(analysis) if analysis else None,
    )


def _how_known(analysis: Analysed) -> str:
    row = analysis.row
    if row.human_validated:
        return "confirmed by a reviewer"
    return f"validated at {row.validation_confidence or row.confidence_score or 0:.0f} % confidence"


def _roof_sqft(roof: RoofingLead | None, analysis: Analysed | None) -> float | None:
    measured = analysis.row.roof_sqft if analysis else None
    return measured or (roof.roof_sqft if roof else None)


async def _exclusive(tx: UnitOfWork, lead: BaseLead, now: datetime) -> bool:
    """Whether the lead lies in a territory that belongs to one contractor."""
    at = location(lead)
    if at is None:
        return False
    near = {found.cluster.id: found for found in await tx.clusters.near(lead.city, lead.state, at)}
    chosen = assign(lead.id, at, [found.cluster for found in near.values()])
    return not chosen.created and near[chosen.cluster.id].owner_at(now) is not None


async def _save_score(tx: UnitOfWork, lead: BaseLead, breakdown: ScoreBreakdown, price: Price | None) -> None:
    amount = price.amount if price else None
    before = (lead.quality_score, lead.grade, lead.price)
    after = (breakdown.total, breakdown.grade.value, amount)
    if before == after:
        return
    await tx.leads.update(lead.id, quality_score=after[0], grade=after[1], price=after[2])
    data = {"score": after[0], "grade": after[1], "price": amount, "because": price.evidence if price else ()}
    await tx.events.record("lead.scored", "lead", lead.id, data, service="leads")


async def _save_costs(
    tx: UnitOfWork, lead: BaseLead, roof: RoofingLead | None, analysis: Analysed | None, *, urgent: bool
) -> None:
    """The estimate for the condition of record, a reviewer's correction and recent storms included."""
    sqft = _roof_sqft(roof, analysis) or (assumed_roof_sqft(lead.sqft) if lead.sqft else None)
    if analysis is None or analysis.condition is None or sqft is None:
        return
    costs = estimate_costs(
        roof_sqft=float(sqft),
        material=_material(roof, analysis),
        condition=analysis.condition,
        damages=analysis.verdict.damages if analysis.verdict and analysis.row.damage_detected is not False else (),
        city=lead.city,
        state=lead.state,
        recent_storm=urgent,
    )
    await tx.analyses.update(analysis.row.id, **_cost_columns(costs))
    insights = dict(roof.ai_insights or {}) if roof else {}
    await tx.leads.update_roofing(
        lead.id,
        repair_cost_estimate=_as_json(costs.repair),
        replacement_cost_estimate=_as_json(costs.replacement),
        ai_insights={**insights, "urgency": costs.urgency, "costs": list(costs.evidence)},
    )


def _material(roof: RoofingLead | None, analysis: Analysed) -> RoofMaterial | None:
    known = analysis.row.roof_type or (roof.roof_type if roof else None)
    return RoofMaterial(known) if known in tuple(RoofMaterial) else None


def _cost_columns(costs: CostEstimate) -> dict[str, Decimal | None]:
    return {
        "repair_cost_low": costs.repair.low if costs.repair else None,
        "repair_cost_high": costs.repair.high if costs.repair else None,
        "replacement_cost_low": costs.replacement.low,
        "replacement_cost_high": costs.replacement.high,
        "roi_for_replacement": costs.roi_percent,
    }


def _as_json(amount: Range | None) -> dict[str, float] | None:
    return None if amount is None else {"low": float(amount.low), "high": float(amount.high)}
