"""A database that adopts the sandbox: once or twice, with the same rows."""

import asyncio
import os
import sys
from pathlib import Path

from sqlalchemy import func, select
from sqlmodel import col

from sandbox.adopt import adopt
from schema.database import Database
from schema.tables import Contractor, WeatherEvent
from tests.support.sandbox import Sandbox

ROOT = Path(__file__).parents[2]


async def test_the_city_points_at_the_sandbox(database: Database, sandbox: Sandbox) -> None:
    adopted = await adopt(database, sandbox.url)
    assert adopted == {"cities": 1, "contractors": 15, "storms": 5}
    async with database.transaction() as tx:
        city = await tx.cities.get("Austin", "TX")
    assert city is not None
    assert city.permit_url == f"{sandbox.url}/portal/austin/resource/3syk-w9eu.json"
    assert city.permit_config is not None
    assert city.permit_config["field_map"]["permit_number"] == "permit_number"
    assert city.assessor_search_url_template == f"{sandbox.url}/assessor/austin/search?address={{address}}"
    assert city.tier == 1, "what the city table knew before stays"


async def test_adopting_twice_adds_nothing(database: Database, sandbox: Sandbox) -> None:
    await adopt(database, sandbox.url)
    first = await counts(database)
    await adopt(database, sandbox.url)
    assert await counts(database) == first


async def test_contractors_and_storms_are_on_the_map(database: Database, sandbox: Sandbox) -> None:
    await adopt(database, sandbox.url)
    async with database.transaction() as tx:
        contractors = (await tx.session.scalars(select(Contractor).where(col(Contractor.source) == "sandbox"))).all()
        storms = (await tx.session.scalars(select(WeatherEvent).where(col(WeatherEvent.source) == "sandbox"))).all()
    assert {row.subscription_tier for row in contractors} == {"starter", "professional", "enterprise"}
    assert all(row.acquisition_status == "active" and row.geom is not None for row in contractors)
    assert all(row.service_areas and row.email and row.email.endswith(".example") for row in contractors)
    assert any(row.certifications for row in contractors)
    assert all(row.geom is not None and row.event_date is not None for row in storms)


async def test_the_command_adopts(database: Database, sandbox: Sandbox, environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "adopt", "--url", sandbox.url, cwd=ROOT, env=os.environ | environment
    )
    assert await process.wait() == 0
    assert (await counts(database))[1] == 5


async def counts(database: Database) -> tuple[int, int]:
    """Contractors and storms from the sandbox."""
    async with database.transaction() as tx:
        found = [
            await tx.session.scalar(select(func.count()).select_from(model).where(col(model.source) == "sandbox"))
            for model in (Contractor, WeatherEvent)
        ]
    return found[0] or 0, found[1] or 0
