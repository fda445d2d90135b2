from datetime import timedelta
from decimal import Decimal

from sqlalchemy import update

from domain.property_record import AssessorRecord
from domain.scoring import Factor
from schema.contracts.base import LeadRef
from schema.contracts.property import ScoreSummary
from schema.database import Database
from schema.tables import LeadCluster
from tests.integration.market_world import (
    NOW,
    a_contractor,
    a_lead,
    analysed,
    events,
    leads_at,
    permits,
    poor_roof,
    run,
    storm,
)


async def a_complete_lead(database: Database, line: str = "100 Oak St") -> LeadRef:
    """Everything known: an old house worth $420K with a poor roof after hail."""
    lead = await a_lead(database, line)
    record = AssessorRecord(
        property_value=Decimal(420_000), year_built=1995, sqft=1800, owner_name="Test Owner", parcel_id="1"
    )
    await analysed(database, lead, poor_roof())
    async with database.transaction() as tx:
        await tx.leads.save_property_record(lead.lead_id, record)
        await tx.leads.save_contact(
            lead.lead_id, email="owner@mail.example", email_confidence=95, email_verified=True, phone="+15125550101"
        )
    return lead


async def score(database: Database, lead: LeadRef) -> ScoreSummary:
    activities = leads_at(database)
    await run(activities.detect_triggers, lead)
    result = await run(activities.score_lead, lead)
    assert isinstance(result, ScoreSummary)
    return result


async def points(database: Database, lead: LeadRef) -> dict[Factor, tuple[int, str]]:
    async with database.transaction() as tx:
        factors = (await tx.scores.breakdowns([lead.lead_id]))[lead.lead_id]
    return {factor.name: (factor.points, factor.evidence) for factor in factors}


async def test_a_lead_is_scored_graded_priced_and_explained(database: Database) -> None:
    lead = await a_complete_lead(database)
    await storm(database, "hail", north=1, days_ago=20, hail_size_inches=Decimal("1.50"))
    await permits(database, count=6, north=0.1, days_ago=10, name="near")
    summary = await score(database, lead)
    # value 15, age 20, hail 15 + neighbours 10, poor 15, contact 10, complete 5
    assert summary == ScoreSummary(score=90, grade="A", price=Decimal("240.00"))
    explained = await points(database, lead)
    assert [number for number, _ in explained.values()] == [15, 20, 25, 15, 10, 5]
    assert list(explained) == list(Factor)
    assert "1.5 inch hail" in explained[Factor.TRIGGERS][1]
    assert "house built in 1995" in explained[Factor.ROOF_AGE][1]
    async with database.transaction() as tx:
        row = await tx.leads.get(lead.lead_id)
    assert row is not None
    assert (row.quality_score, row.grade, row.price) == (90, "A", Decimal("240.00"))


async def test_nothing_personal_is_in_the_explanation(database: Database) -> None:
    lead = await a_complete_lead(database, "4711 Secret Ln")
    await score(database, lead)
    words = " ".join(text for _, text in (await points(database, lead)).values())
    assert not any(secret in words for secret in ("Owner", "owner@", "555", "Secret", "SECRET", "4711", "420"))


async def test_scoring_again_changes_nothing_and_says_nothing(database: Database) -> None:
    lead = await a_complete_lead(database)
    first = await score(database, lead)
    assert await score(database, lead) == first
    assert await events(database, lead, "lead.scored") == 1
    async with database.transaction() as tx:
        await tx.leads.update(lead.lead_id, property_value=Decimal(90_000))
    assert (await score(database, lead)).score == first.score - 15
    assert await events(database, lead, "lead.scored") == 2


async def test_a_lead_we_know_nothing_of_has_an_honest_score(database: Database) -> None:
    lead = await a_lead(database, north=None)
    assert await score(database, lead) == ScoreSummary(score=0, grade="F", price=None)
    explained = await points(database, lead)
    assert explained[Factor.ROOF_CONDITION] == (0, "roof condition unknown (no usable imagery)")
    assert explained[Factor.DATA_COMPLETENESS][1].startswith("three or more fields missing: location, property_value")


async def test_costs_are_estimated_for_the_condition_of_record(database: Database) -> None:
    lead = await a_complete_lead(database)
    async with database.transaction() as tx:
        await tx.leads.update_roofing(lead.lead_id, ai_insights={"note": "kept"})
    await score(database, lead)
    async with database.transaction() as tx:
        roof = await tx.leads.roofing(lead.lead_id)
        analysis = await tx.analyses.current(lead.lead_id)
    assert roof is not None
    assert analysis is not None
    assert roof.replacement_cost_estimate is not None
    assert roof.repair_cost_estimate is not None
    assert 5_000 < roof.replacement_cost_estimate["low"] < roof.replacement_cost_estimate["high"] < 30_000
    assert roof.repair_cost_estimate["high"] < roof.replacement_cost_estimate["low"]
    assert analysis.replacement_cost_low == Decimal(roof.replacement_cost_estimate["low"])
    assert roof.ai_insights is not None
    assert roof.ai_insights["note"] == "kept"
    assert 0 < roof.ai_insights["urgency"] <= 100


async def test_a_lead_in_somebody_s_territory_costs_a_tenth_more(database: Database) -> None:
    lead = await a_complete_lead(database)
    plain = await score(database, lead)
    await run(leads_at(database).assign_cluster, lead)
    owner = await a_contractor(database, "owner")
    async with database.transaction() as tx:
        await tx.session.execute(update(LeadCluster).values(exclusive_contractor_id=owner))
    exclusive = await score(database, lead)
    assert plain.price is not None
    assert exclusive.price == plain.price * Decimal("1.1")
    async with database.transaction() as tx:
        await tx.session.execute(update(LeadCluster).values(exclusivity_expires_at=NOW - timedelta(seconds=1)))
    assert (await score(database, lead)).price == plain.price
