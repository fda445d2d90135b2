"""Migrations on a real PostGIS database: up, down, up again, and equal to the models at every turn."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config.settings import Settings
from schema.database import Database
from schema.ddl import ddl
from schema.migrations import runner
from schema.tables import Contractor, LeadAssignment, ReviewTask, TargetCity, metadata
from tests.support import servers

ROOT = Path(__file__).resolve().parents[2]

CATALOGUE = """
    SELECT format('column %s.%s %s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                  a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    UNION ALL
    SELECT format('constraint %s %s %s', r.conrelid::regclass, r.conname, pg_get_constraintdef(r.oid))
    FROM pg_constraint r WHERE r.connamespace = 'public'::regnamespace
    UNION ALL
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
"""


async def _catalogue(url: str) -> set[str]:
    """Everything the database knows of our tables, checks included (which Alembic does not compare)."""
    connection = await asyncpg.connect(_plain(url))
    try:
        rows = [row[0] for row in await connection.fetch(CATALOGUE)]
    finally:
        await connection.close()
    foreign = ("alembic_version", "spatial_ref_sys")
    return {row for row in rows if not any(name in row for name in foreign)}


def _plain(url: str) -> str:
    return url.replace("+asyncpg", "")


@pytest.fixture
async def empty(stack: Mapping[str, str]) -> AsyncIterator[str]:
    """The URL of a database with nothing in it."""
    name = f"test_{uuid4().hex}"
    server = await asyncpg.connect(_plain(servers.database_url(stack, "postgres")))
    try:
        await server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield servers.database_url(stack, name)
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await server.close()


async def test_from_empty_to_head_and_back_and_forth(empty: str) -> None:
    await runner.upgrade(empty)
    assert await runner.current(empty) == runner.head()
    assert await runner.differences(empty) == []
    migrated = await _catalogue(empty)
    assert len([row for row in migrated if row.startswith("column ")]) > 600

    await runner.downgrade(empty, "base")
    assert await runner.current(empty) is None
    assert await _catalogue(empty) == set()

    await runner.upgrade(empty)
    assert await _catalogue(empty) == migrated


async def test_migrations_and_printed_ddl_build_the_same_database(empty: str, settings: Settings) -> None:
    connection = await asyncpg.connect(_plain(empty))
    await connection.execute(ddl())
    await connection.close()
    assert await runner.differences(empty) == []
    assert await _catalogue(empty) == await _catalogue(settings.database_url)


async def test_a_database_that_lacks_something_is_told_apart(empty: str) -> None:
    await runner.upgrade(empty)
    connection = await asyncpg.connect(_plain(empty))
    await connection.execute("ALTER TABLE base_leads DROP COLUMN parcel_id; DROP INDEX idx_base_leads_geom")
    await connection.close()
    found = {str(change[0]) for change in await runner.differences(empty)}
    assert found == {"add_column", "add_index"}


async def test_two_at_once_do_not_get_in_each_others_way(empty: str) -> None:
    await asyncio.gather(*(runner.upgrade(empty) for _ in range(3)))
    assert await runner.differences(empty) == []


async def test_the_command_line_migrates_and_downgrades(empty: str, environment: dict[str, str]) -> None:
    def schema(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "schema", *arguments],
            cwd=ROOT,
            env={**environment, "DATABASE_URL": _plain(empty)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert await asyncio.to_thread(schema, "migrate") == f"database is at revision {runner.head()}\n"
    assert await asyncio.to_thread(schema, "downgrade") == "database is at revision base\n"


async def test_a_database_that_is_not_there_is_one_line(environment: dict[str, str]) -> None:
    result = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "schema", "migrate"],
        cwd=ROOT,
        env={**environment, "DATABASE_URL": "postgresql://nobody:hidden@127.0.0.1:9/none"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("the database of DATABASE_URL cannot be used")
    assert len(result.stderr.splitlines()) == 1
    assert "hidden" not in result.stderr


async def test_seeding_twice_refreshes_facts_and_overrules_no_operator(
    database: Database, environment: dict[str, str]
) -> None:
    async with database.transaction() as tx:
        await tx.cities.point_at("Austin", "TX", permit_url="http://127.0.0.1:9/p", permit_config={"by": "operator"})
        denver, dallas = await tx.cities.get("Denver", "CO"), await tx.cities.get("Dallas", "TX")
        assert denver is not None
        assert dallas is not None
        denver.population, denver.permit_url, denver.active, dallas.active = 1, "stale", False, True
    command = [sys.executable, "-m", "schema", "seed"]
    seeded = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    assert "75 cities" in seeded.stdout
    async with database.transaction() as tx:
        cities = {city.city: city for city in await tx.cities.all()}
        assert len(cities) == 75
        assert cities["Austin"].permit_url == "http://127.0.0.1:9/p"
        assert cities["Austin"].permit_config == {"by": "operator"}
        assert cities["Denver"].population == 715_522
        assert cities["Denver"].permit_url.startswith("https://")
        assert (cities["Denver"].active, cities["Dallas"].active) == (False, True)
        assert cities["Denver"].permit_config["confidence"] == "seen"
        assert [user.role for user in await tx.users.with_role("reviewer")] == ["reviewer"]
        assert (await tx.session.scalar(text("SELECT count(*) FROM verticals"))) == 1


LEAD = "INSERT INTO base_leads (address, city, state) VALUES ('1 ELM ST', 'Austin', 'TX')"
WRONG = {
    "ck_base_leads_status": "INSERT INTO base_leads (address, city, state, status) VALUES ('1', 'A', 'TX', 'for sale')",
    "ck_base_leads_state": "INSERT INTO base_leads (address, city, state) VALUES ('1', 'Austin', 'tx')",
    "ck_base_leads_quality_score": (
        "INSERT INTO base_leads (address, city, state, quality_score) VALUES ('1', 'A', 'TX', 101)"
    ),
    "ck_weather_events_event_type": "INSERT INTO weather_events (event_type) VALUES ('frogs')",
    "ck_contractors_acquisition_status": (
        "INSERT INTO contractors (company_name, acquisition_status) VALUES ('Acme', 'won')"
    ),
    "ck_effects_state": "INSERT INTO effects (key, kind, state) VALUES ('k', 'email', 'new')",
    "ck_users_contractor_role": "INSERT INTO users (email, role) VALUES ('a@b.example', 'contractor')",
    "ck_users_email_lower": "INSERT INTO users (email, role) VALUES ('A@b.example', 'operator')",
    "ck_notifications_recipient": "INSERT INTO notifications (channel, kind) VALUES ('email', 'new_lead')",
    "uq_base_leads_address_city_state": LEAD,
    "uq_users_email": "INSERT INTO users (email, role) VALUES ('reviewer@ridgeline.example', 'operator')",
}


async def test_the_database_refuses_what_breaks_a_rule(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.session.execute(text(LEAD))
        for constraint, statement in WRONG.items():
            with pytest.raises(DBAPIError, match=constraint):
                async with tx.session.begin_nested():
                    await tx.session.execute(text(statement))


async def _lead_and_contractors(database: Database) -> tuple[object, list[object]]:
    async with database.transaction() as tx:
        lead = await tx.session.scalar(text(f"{LEAD} RETURNING id"))
        contractors = [Contractor(company_name=name) for name in ("Acme", "Bolt")]
        tx.session.add_all(contractors)
        await tx.session.flush()
        return lead, [contractor.id for contractor in contractors]


async def test_a_lead_is_sold_once_until_it_is_released(database: Database) -> None:
    lead, (first, second) = await _lead_and_contractors(database)
    async with database.transaction() as tx:
        tx.session.add(LeadAssignment(base_lead_id=lead, contractor_id=first))
    with pytest.raises(DBAPIError, match="uq_lead_assignments_live"):
        async with database.transaction() as tx:
            tx.session.add(LeadAssignment(base_lead_id=lead, contractor_id=second))
    async with database.transaction() as tx:
        await tx.session.execute(text("UPDATE lead_assignments SET released_at = now()"))
        tx.session.add(LeadAssignment(base_lead_id=lead, contractor_id=second))


async def test_a_lead_has_one_open_review_and_takes_its_children_along(database: Database) -> None:
    lead, _ = await _lead_and_contractors(database)
    async with database.transaction() as tx:
        tx.session.add(ReviewTask(base_lead_id=lead, workflow_id="w", state="approved"))
        tx.session.add(ReviewTask(base_lead_id=lead, workflow_id="w"))
    with pytest.raises(DBAPIError, match="uq_review_tasks_open"):
        async with database.transaction() as tx:
            tx.session.add(ReviewTask(base_lead_id=lead, workflow_id="w"))
    async with database.transaction() as tx:
        await tx.session.execute(text("DELETE FROM base_leads"))
        assert await tx.session.scalar(text("SELECT count(*) FROM review_tasks")) == 0


async def test_a_notification_goes_out_once(database: Database) -> None:
    lead, (first, second) = await _lead_and_contractors(database)
    insert = text(
        "INSERT INTO notifications (base_lead_id, contractor_id, channel, kind) "
        "VALUES (:lead, :to, 'email', 'new_lead')"
    )
    async with database.transaction() as tx:
        await tx.session.execute(insert, {"lead": lead, "to": first})
        await tx.session.execute(insert, {"lead": lead, "to": second})
    with pytest.raises(DBAPIError, match="uq_notifications_once"):
        async with database.transaction() as tx:
            await tx.session.execute(insert, {"lead": lead, "to": first})


async def test_points_follow_their_coordinates(database: Database) -> None:
    miles = text("SELECT ST_Distance(geom, 'POINT(-97.743 30.268)'::geography) / 1609.344 FROM roofing_permits")
    async with database.transaction() as tx:
        await tx.session.execute(
            text("INSERT INTO roofing_permits (address, lat, lng) VALUES ('1 ELM ST', 30.268, -97.743)")
        )
        assert await tx.session.scalar(miles) == 0
        await tx.session.execute(text("UPDATE roofing_permits SET lat = 30.268 + 0.0145"))
        assert 0.9 < await tx.session.scalar(miles) < 1.1
        await tx.session.execute(text("UPDATE roofing_permits SET lat = NULL"))
        assert await tx.session.scalar(text("SELECT geom IS NULL FROM roofing_permits"))


async def test_every_model_can_be_read_and_changed_without_further_round_trips(database: Database) -> None:
    async with database.transaction() as tx:
        for table in metadata.sorted_tables:
            await tx.session.execute(table.select().limit(1))
        city = await tx.session.get(TargetCity, (await tx.cities.all())[0].id)
        assert city is not None
        before = city.updated_at
        city.population = 5
        await tx.session.flush()
        assert city.updated_at >= before
        assert city.updated_at.utcoffset() is not None
