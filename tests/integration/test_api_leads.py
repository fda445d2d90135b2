"""The marketplace list and the jobs list: previews only, pages complete and bounded."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import httpx
import pytest

from api.app import create_app
from api.problems import Code
from config.settings import Settings
from schema.database import Database
from schema.tables import BaseLead, RoofingLead, ScrapingJob
from tests.api_client import problem, serving

NOW = datetime.now(UTC)
OWNER = "Quincy Examplesson"


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(create_app(settings)) as client:
        yield client


@pytest.fixture
async def leads(database: Database) -> list[BaseLead]:
    """Nine for sale with scores in pairs, and one that is not."""
    rows = [
        BaseLead(
            id=uuid4(),
            address=f"{7400 + number} EVERGREEN TER",
            city="Austin" if number % 2 else "Dallas",
            state="TX",
            zip="78701",
            status="available",
            quality_score=60 + number // 2 * 5,
            grade="C",
            price=Decimal(100 + number * 10),
            property_value=Decimal(350_000),
            owner_name=OWNER,
            published_at=NOW,
            available_until=NOW + timedelta(days=14),
        )
        for number in range(9)
    ]
    rows.append(BaseLead(id=uuid4(), address="1 SOLD ST", city="Austin", state="TX", status="sold", quality_score=99))
    async with database.transaction() as tx:
        tx.session.add_all(rows)
        await tx.session.flush()
        tx.session.add(RoofingLead(base_lead_id=rows[8].id, roof_type="shingle", estimated_roof_age=22))
    return rows


async def pages(client: httpx.AsyncClient, path: str, item: str, **parameters: str) -> list[dict[str, object]]:
    """Every row of a list, two at a time."""
    rows: list[dict[str, object]] = []
    asked = {**parameters, "limit": "2"}
    while True:
        response = await client.get(path, params=asked)
        assert response.status_code == 200, response.text
        rows += response.json()[item]
        if response.json()["next"] is None:
            return rows
        asked["after"] = response.json()["next"]


async def test_previews_show_neither_owner_nor_house_number(client: httpx.AsyncClient, leads: list[BaseLead]) -> None:
    response = await client.get("/api/leads", params={"limit": 1})
    (best,) = response.json()["leads"]
    assert best["lead_id"] == str(leads[8].id)
    assert (best["street"], best["score"], best["grade"], best["price"]) == ("EVERGREEN TER", 80, "C", "180.00")
    assert (best["roof_type"], best["roof_age_years"]) == ("shingle", 22)
    assert best["value_range"] == "$300K-$500K"
    assert not {name for name in best if "owner" in name or name in ("lat", "lng", "address", "property_value")}
    assert OWNER not in response.text and "7408 " not in response.text


async def test_pages_hold_every_lead_once_best_first(client: httpx.AsyncClient, leads: list[BaseLead]) -> None:
    rows = await pages(client, "/api/leads", "leads")
    assert [row["score"] for row in rows] == sorted((lead.quality_score for lead in leads[:9]), reverse=True)
    assert {row["lead_id"] for row in rows} == {str(lead.id) for lead in leads[:9]}


async def test_filters(client: httpx.AsyncClient, leads: list[BaseLead]) -> None:
    rows = await pages(client, "/api/leads", "leads", city="austin", state="tx", min_score="65", max_price="150.00")
    assert {row["lead_id"] for row in rows} == {str(leads[number].id) for number in (3, 5)}


async def test_a_cursor_of_another_list_is_refused(client: httpx.AsyncClient, leads: list[BaseLead]) -> None:
    cursor = (await client.get("/api/leads", params={"limit": 1})).json()["next"]
    problem(await client.get("/jobs", params={"after": cursor}), Code.INVALID_CURSOR)
    problem(await client.get("/validation/pending", params={"after": cursor}), Code.INVALID_CURSOR)


async def test_jobs_newest_first_and_one_by_id(client: httpx.AsyncClient, database: Database) -> None:
    rows = [
        ScrapingJob(
            id=uuid4(),
            job_type="permit",
            city="Austin",
            state="TX",
            status="completed" if number else "failed",
            succeeded_items=number,
            error_message=None if number else "portal_unreadable",
            created_at=NOW - timedelta(minutes=number // 2),
        )
        for number in range(5)
    ]
    async with database.transaction() as tx:
        tx.session.add_all(rows)
    listed = await pages(client, "/jobs", "jobs")
    assert sorted(job["job_id"] for job in listed) == sorted(str(row.id) for row in rows)
    assert [job["created_at"] for job in listed] == sorted((job["created_at"] for job in listed), reverse=True)
    failed = (await client.get(f"/jobs/{rows[0].id}")).json()
    assert (failed["status"], failed["error"]) == ("failed", "portal_unreadable")
    problem(await client.get(f"/jobs/{uuid4()}"), Code.UNKNOWN_JOB)
