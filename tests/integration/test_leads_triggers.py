from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event, select

from domain.triggers import StormType
from schema.contracts.base import LeadRef
from schema.contracts.property import TriggerSummary
from schema.database import Database
from schema.tables import LeadTrigger, RoofingLead
from tests.integration.market_world import (
    NOW,
    TODAY,
    a_lead,
    analysed,
    events,
    leads_at,
    permits,
    poor_roof,
    run,
    storm,
    years_ago,
)


async def detect(database: Database, lead: LeadRef, days_later: int = 0) -> TriggerSummary:
    result = await run(leads_at(database, NOW + timedelta(days=days_later)).detect_triggers, lead)
    assert isinstance(result, TriggerSummary)
    return result


async def rows(database: Database, lead: LeadRef) -> dict[str, LeadTrigger]:
    async with database.transaction() as tx:
        found = await tx.session.scalars(select(LeadTrigger).where(LeadTrigger.base_lead_id == lead.lead_id))
        return {row.source_ref or "": row for row in found}


async def roof(database: Database, lead: LeadRef) -> RoofingLead:
    async with database.transaction() as tx:
        found = await tx.leads.roofing(lead.lead_id)
    assert found is not None
    return found


@asynccontextmanager
async def statements(database: Database) -> AsyncIterator[list[str]]:
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_neighbours_are_counted_in_three_windows_and_a_quarter_mile(database: Database) -> None:
    lead = await a_lead(database)
    await permits(database, count=5, north=0.2, days_ago=30, name="near")
    await permits(database, count=2, north=0.2, days_ago=60, name="older")
    await permits(database, count=3, north=0.2, days_ago=90, name="oldest")
    await permits(database, count=9, north=0.26, days_ago=5, name="far")
    await permits(database, count=9, north=0.1, days_ago=91, name="past")
    await permits(database, count=9, north=0.1, days_ago=-1, name="future")
    summary = await detect(database, lead)
    assert summary == TriggerSummary(types=("neighbor_permits",), urgent=False)
    shown = await roof(database, lead)
    assert (shown.neighbor_permits_30d, shown.neighbor_permits_60d, shown.neighbor_permits_90d) == (5, 7, 10)
    trigger = (await rows(database, lead))["neighbor_permits"]
    assert trigger.trigger_strength == 70
    assert trigger.expired_at == NOW.replace(hour=0) - timedelta(days=30) + timedelta(days=91)


async def test_a_property_is_not_its_own_neighbour(database: Database) -> None:
    lead = await a_lead(database, "7 Own St")
    await permits(database, count=4, north=0.1, days_ago=5, name="near")
    await permits(database, count=3, north=0.0, days_ago=5, name="own", address="7 OWN ST")
    await permits(database, count=3, north=0.0, days_ago=5, name="linked", base_lead_id=lead.lead_id)
    assert (await detect(database, lead)).types == ()
    assert (await roof(database, lead)).neighbor_permits_30d == 4


@pytest.mark.parametrize(
    ("north", "days_ago", "radius", "found"),
    [
        (4.9, 10, None, True),
        (5.2, 10, None, False),
        (14.0, 90, "10", True),
        (16.0, 10, "10", False),
        (0, 91, None, False),
    ],
)
async def test_hail_reaches_five_miles_beyond_its_swath(
    database: Database, north: float, days_ago: int, radius: str | None, found: bool
) -> None:
    lead = await a_lead(database)
    await storm(
        database,
        "hail",
        north=north,
        days_ago=days_ago,
        radius_miles=Decimal(radius) if radius else None,
        hail_size_inches=Decimal("1.75"),
    )
    summary = await detect(database, lead)
    assert (summary.types, summary.urgent) == ((("weather_event",), True) if found else ((), False))
    shown = await roof(database, lead)
    assert (shown.hail_event_90d, shown.hail_event_30d) == (found, found and days_ago <= 30)


async def test_storms_of_half_a_year_are_known_even_where_they_are_no_trigger(database: Database) -> None:
    lead = await a_lead(database)
    await storm(database, "hail", north=1, days_ago=170, hail_size_inches=Decimal("2.25"))
    await storm(database, "hail", north=1, days_ago=181, hail_size_inches=Decimal("4.00"))
    async with database.transaction() as tx:
        around = (await tx.triggers.around([lead.lead_id], TODAY))[lead.lead_id]
    assert around.largest_hail == 2.25
    assert around.had(StormType.HAIL, 180, TODAY)
    assert not around.had(StormType.HAIL, 90, TODAY)


async def test_many_leads_take_one_statement(database: Database) -> None:
    leads = [await a_lead(database, f"{number} Oak St", north=number / 100) for number in range(1, 31)]
    await permits(database, count=6, north=0.15, days_ago=5, name="near")
    await storm(database, "wind", north=1, days_ago=5, wind_speed_mph=70)
    async with database.transaction() as tx:
        await tx.session.connection()
        async with statements(database) as seen:
            found = await tx.triggers.around([lead.lead_id for lead in leads], TODAY)
    assert len(seen) == 1
    assert len(found) == 30
    assert all(around.permits_30d == 6 and len(around.storms) == 1 for around in found.values())


async def test_everything_at_once_and_again(database: Database) -> None:
    lead = await a_lead(database, year_built=1990, last_sale_date=TODAY - timedelta(days=100))
    await analysed(database, lead, poor_roof())
    await permits(database, count=7, north=0.1, days_ago=10, name="near")
    await storm(database, "hail", north=1, days_ago=20, hail_size_inches=Decimal("1.00"))
    await storm(database, "hail", north=2, days_ago=25, hail_size_inches=Decimal("2.00"))
    await storm(database, "wind", north=1, days_ago=20, wind_speed_mph=80)
    first = await detect(database, lead)
    before = await rows(database, lead)
    again = await detect(database, lead)
    after = await rows(database, lead)
    assert first == again
    assert first.urgent
    assert {row.source_ref: row.trigger_strength for row in before.values()} == {
        "weather_event:hail": 95,
        "weather_event:wind": 90,
        "damage_detected": 80,
        "neighbor_permits": 74,
        "roof_age": 70,
        "property_sale": 50,
    }
    assert {key: row.id for key, row in before.items()} == {key: row.id for key, row in after.items()}
    assert await events(database, lead, "lead.triggers_detected") == 1
    shown = await roof(database, lead)
    assert (shown.trigger_event, shown.wind_event_30d, shown.estimated_roof_age) == ("weather_event:hail", True, 36)


async def test_an_event_stays_active_until_it_expires_and_a_state_until_it_is_over(database: Database) -> None:
    lead = await a_lead(database, year_built=1990)
    await storm(database, "hail", north=1, days_ago=0, hail_size_inches=Decimal("1.00"))
    assert (await detect(database, lead)).types == ("roof_age", "weather_event")
    async with database.transaction() as tx:
        await tx.leads.update_roofing(lead.lead_id, last_roof_permit=years_ago(1))
    later = await detect(database, lead, days_later=120)
    assert (later.types, later.urgent) == (("weather_event",), True)
    assert (await detect(database, lead, days_later=180)).urgent
    assert await detect(database, lead, days_later=181) == TriggerSummary()
    assert not any(row.active for row in (await rows(database, lead)).values())


async def test_without_coordinates_there_are_no_neighbours_and_no_storms(database: Database) -> None:
    lead = await a_lead(database, north=None, year_built=2000)
    await permits(database, count=9, north=0, days_ago=1, name="near")
    await storm(database, "hail", north=0, days_ago=1)
    assert (await detect(database, lead)).types == ("roof_age",)
