"""The scraping activities against the sandbox's portal and county, on the real database."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from temporalio.exceptions import ApplicationError

from activities.scraping.city import CityScrape
from config.settings import Settings
from domain.age import RoofPermit, roof_age
from integrations.http import VendorUnavailable
from integrations.portals import PermitPortals
from schema.contracts.base import LeadRef
from schema.contracts.property import CityScrapeRequest, Reason
from schema.database import Database
from schema.tables import RoofingPermit, ScrapingJob
from tests.integration.gather_world import ATTEMPTS, Gather, gather_world
from tests.support.sandbox import Sandbox

AUSTIN = CityScrapeRequest(city="Austin", state="TX", days=30)


@pytest.fixture
async def world(sandbox_settings: Settings, database: Database, sandbox: Sandbox) -> AsyncIterator[Gather]:
    async with gather_world(sandbox_settings, database, sandbox) as gather:
        yield gather


async def numbers(world: Gather) -> set[str]:
    async with world.db.transaction() as tx:
        rows = list(await tx.session.scalars(select(RoofingPermit.permit_number)))
    assert len(rows) == len(set(rows))
    return {number for number in rows if number}


async def job(world: Gather, job_id: UUID | None) -> ScrapingJob:
    assert job_id is not None
    async with world.db.transaction() as tx:
        found = await tx.jobs.scraping_job(job_id)
    assert found is not None
    return found


def roofing(world: Gather, days: int = 30) -> set[str]:
    permits = world.sandbox.get("/control/permits", recent_days=days, roofing=True)
    return {permit["permit_number"] for permit in permits}


def requests(world: Gather, vendor: str) -> int:
    count: int = world.sandbox.get("/control/stats")["requests"].get(vendor, 0)
    return count


async def test_a_city_scrape_stores_all_roof_work_and_nothing_else(world: Gather) -> None:
    result = await world.run(world.scraping.scrape_city_permits, AUSTIN)
    assert await numbers(world) == roofing(world)
    assert result.reason is None
    assert result.roofing == result.stored == len(roofing(world)) > 20
    assert result.seen > result.roofing, "the portal also shows what only sounds like roof work"
    done = await job(world, result.job_id)
    assert (done.status, done.job_type, done.city, done.state) == ("completed", "permit", "Austin", "TX")
    assert (done.processed_items, done.failed_items) == (result.seen, 0)
    async with world.db.transaction() as tx:
        city = await tx.cities.get("Austin", "TX")
    assert city is not None
    assert city.last_scraped_at is not None


async def test_a_city_scraped_twice_has_the_same_rows(world: Gather) -> None:
    first = await world.run(world.scraping.scrape_city_permits, AUSTIN)
    before = await numbers(world)
    again = await world.run(world.scraping.scrape_city_permits, AUSTIN, attempt=2)
    assert await numbers(world) == before
    assert again == first
    assert (await job(world, again.job_id)).retry_count == 1


async def test_a_scrape_goes_on_where_it_crashed(world: Gather) -> None:
    portals = PermitPortals(world.resources.vendor("permit_portal", ""))
    scrape = CityScrape(world.db, portals, lambda: datetime.now(UTC), rows_per_page=20)
    world.sandbox.fault("portal", "error", skip=2, count=1)
    with pytest.raises(VendorUnavailable):
        await world.run(scrape.run, AUSTIN)
    assert world.heartbeats[-1][0]["offset"] == 40
    before = requests(world, "portal")
    result = await world.run(scrape.run, AUSTIN, attempt=2, details=world.heartbeats[-1])
    assert await numbers(world) == roofing(world)
    assert result.roofing == len(roofing(world))
    pages = -(-(result.seen + 1) // 20)
    assert requests(world, "portal") - before == pages - 2
    assert (await job(world, result.job_id)).status == "completed"


async def test_a_scrape_stops_at_its_limit(world: Gather) -> None:
    result = await world.run(world.scraping.scrape_city_permits, AUSTIN.model_copy(update={"max_permits": 10}))
    assert result.seen == 10


@pytest.mark.parametrize(
    ("kind", "attempt", "reason"),
    [
        ("garbage", 1, Reason.PORTAL_UNREADABLE),
        ("truncate", 1, Reason.PORTAL_UNREADABLE),
        ("error", ATTEMPTS, Reason.PORTAL_UNAVAILABLE),
        ("throttle", ATTEMPTS, Reason.PORTAL_UNAVAILABLE),
    ],
)
async def test_a_portal_that_fails_is_a_reason_and_a_failed_job(
    world: Gather, kind: str, attempt: int, reason: Reason
) -> None:
    world.sandbox.fault("portal", kind)
    result = await world.run(world.scraping.scrape_city_permits, AUSTIN, attempt=attempt)
    assert result.reason is reason
    failed = await job(world, result.job_id)
    assert failed.status == "failed"
    assert failed.error_message


async def test_a_portal_that_is_down_is_tried_again(world: Gather) -> None:
    world.sandbox.fault("portal", "throttle", seconds=3)
    with pytest.raises(VendorUnavailable) as failure:
        await world.run(world.scraping.scrape_city_permits, AUSTIN)
    assert failure.value.retry_after == 3


@pytest.mark.parametrize(
    ("city", "state", "reason", "words"),
    [
        ("Atlantis", "TX", Reason.UNKNOWN_CITY, None),
        ("Phoenix", "AZ", Reason.PORTAL_UNAVAILABLE, "not supported yet"),
    ],
)
async def test_a_city_we_cannot_read_says_why(
    world: Gather, city: str, state: str, reason: Reason, words: str | None
) -> None:
    result = await world.run(world.scraping.scrape_city_permits, CityScrapeRequest(city=city, state=state))
    assert result.reason is reason
    if words is not None:
        assert words in str((await job(world, result.job_id)).error_message)


def has_history(house: dict[str, object]) -> bool:
    return house["recent_roofing_permit"] is None and 3 <= int(str(house["roof_age_years"])) <= 15


async def test_the_permits_of_a_property_date_its_roof(world: Gather) -> None:
    house = next(
        house
        for house in world.sandbox.get("/control/houses")
        if has_history(house)
        and any(p["replaces_roof"] for p in world.sandbox.get("/control/truth", address=house["address"])["permits"])
    )
    truth = world.sandbox.get("/control/truth", address=house["address"])["permits"]
    lead = await world.lead(house)
    history = await world.run(world.scraping.scrape_permit_history, lead)
    assert history.reason is None
    assert history.permits == sum(permit["roofing"] for permit in truth)
    assert history.last_roof_permit is not None
    roofed = date.fromisoformat(house["roofed_on"])
    assert abs(history.last_roof_permit - roofed) < timedelta(days=60)
    async with world.db.transaction() as tx:
        roof = await tx.leads.roofing(lead.lead_id)
        linked = await tx.session.scalar(
            select(func.count()).where(RoofingPermit.base_lead_id == lead.lead_id)  # type: ignore[arg-type]
        )
    assert roof is not None
    assert roof.last_roof_permit == history.last_roof_permit
    done = [RoofPermit(history.last_roof_permit, history.last_roof_permit)]
    assert roof.estimated_roof_age == roof_age(done, None, datetime.now(UTC).date()).years
    assert linked == history.permits
    assert await world.run(world.scraping.scrape_permit_history, lead) == history


async def test_a_fresh_permit_for_work_not_done_leaves_the_roof_old(world: Gather) -> None:
    house = world.house(lambda house: house["recent_roofing_permit"] == "worn")
    history = await world.run(world.scraping.scrape_permit_history, await world.lead(house))
    assert history.permits >= 1
    today = datetime.now(UTC).date()
    assert history.last_roof_permit is None or (today - history.last_roof_permit).days > 180


async def test_permits_on_file_count_while_the_portal_fails(world: Gather) -> None:
    await world.run(world.scraping.scrape_city_permits, AUSTIN)
    house = world.house(lambda house: house["recent_roofing_permit"] == "worn")
    lead = await world.lead(house)
    world.sandbox.fault("portal", "garbage")
    history = await world.run(world.scraping.scrape_permit_history, lead)
    assert history.reason is Reason.PORTAL_UNREADABLE
    assert history.permits == 1


@pytest.mark.parametrize(("attempt", "raises"), [(1, True), (ATTEMPTS, False)])
async def test_a_portal_down_is_retried_until_the_last_attempt(world: Gather, attempt: int, raises: bool) -> None:
    lead = await world.lead(world.house(has_history))
    world.sandbox.fault("portal", "error")
    if raises:
        with pytest.raises(VendorUnavailable):
            await world.run(world.scraping.scrape_permit_history, lead, attempt=attempt)
    else:
        history = await world.run(world.scraping.scrape_permit_history, lead, attempt=attempt)
        assert history.reason is Reason.PORTAL_UNAVAILABLE
    booked = await world.calls(lead)
    assert [(call.api_provider, call.response_status, call.success) for call in booked] == [
        ("permit_portal", 500, False)
    ]


async def test_the_county_record_of_a_property(world: Gather) -> None:
    house = world.house(lambda house: house["owner"]["phone_listed"] and not house["owner"]["company"])
    lead = await world.lead(house)
    summary = await world.run(world.scraping.scrape_property_record, lead)
    assert (summary.found, summary.reason) == (True, None)
    async with world.db.transaction() as tx:
        row, contact = await tx.leads.get(lead.lead_id), await tx.leads.contact(lead.lead_id)
    assert row is not None
    assert contact is not None
    assert row.parcel_id == house["parcel_id"]
    assert (row.year_built, row.sqft, row.beds) == (house["year_built"], house["sqft"], house["beds"])
    assert row.property_value == house["property_value"]
    assert row.owner_occupied == house["owner_occupied"]
    assert (contact.name, contact.mailing_address) == (house["owner"]["name"], house["mailing_address"])
    stored = [row.owner_phone or "", row.owner_mailing_address or ""]
    assert all(secret.startswith("v1.") for secret in stored), "ciphertext at rest"


async def test_a_record_is_fetched_once_a_day(world: Gather) -> None:
    lead = await world.recorded_lead(world.house(has_history))
    before = requests(world, "assessor")
    again = await world.run(world.scraping.scrape_property_record, lead)
    assert again.found
    assert requests(world, "assessor") == before
    async with world.db.transaction() as tx:
        await tx.session.execute(text("UPDATE scraping_jobs SET completed_at = completed_at - interval '25 hours'"))
    assert (await world.run(world.scraping.scrape_property_record, lead)).found
    assert requests(world, "assessor") > before


async def test_a_property_the_county_does_not_know(world: Gather) -> None:
    house = {"address": "1 Nowhere Bluff Ln", "city": "Austin", "state": "TX", "zip": None}
    summary = await world.run(world.scraping.scrape_property_record, await world.lead(house))
    assert (summary.found, summary.reason) == (False, Reason.OWNER_NOT_FOUND)


@pytest.mark.parametrize(
    ("kind", "attempt", "reason"),
    [("garbage", 1, Reason.ASSESSOR_UNREADABLE), ("error", ATTEMPTS, Reason.ASSESSOR_UNAVAILABLE)],
)
async def test_a_county_that_fails_is_a_reason_and_is_asked_again_later(
    world: Gather, kind: str, attempt: int, reason: Reason
) -> None:
    lead = await world.lead(world.house(has_history))
    world.sandbox.fault("assessor", kind, count=1)
    summary = await world.run(world.scraping.scrape_property_record, lead, attempt=attempt)
    assert (summary.found, summary.reason) == (False, reason)
    assert (await world.run(world.scraping.scrape_property_record, lead)).found


async def test_a_county_that_is_down_is_tried_again(world: Gather) -> None:
    lead = await world.lead(world.house(has_history))
    world.sandbox.fault("assessor", "error")
    with pytest.raises(VendorUnavailable):
        await world.run(world.scraping.scrape_property_record, lead)


async def test_a_city_without_an_assessor_search(world: Gather) -> None:
    house = {"address": "5 Oak St", "city": "Atlantis", "state": "TX", "zip": None}
    summary = await world.run(world.scraping.scrape_property_record, await world.lead(house))
    assert summary.reason is Reason.ASSESSOR_UNAVAILABLE


async def test_an_unknown_lead_is_a_plain_failure(world: Gather) -> None:
    for method in (world.scraping.scrape_permit_history, world.scraping.scrape_property_record):
        with pytest.raises(ApplicationError, match="no such lead"):
            await world.run(method, LeadRef(lead_id=uuid4()))
