"""Discovery on a real database with the sandbox's Google and Yelp (spec 3.6.1)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from config.settings import Settings
from integrations.http import VendorUnavailable
from sandbox.adopt import adopt
from schema.contracts.outreach import DiscoveryRequest
from schema.database import Database
from schema.tables import Contractor
from tests.integration.discovery_world import DiscoveryWorld, discovery_world, known_ids
from tests.support.sandbox import Sandbox
from workers.runner import build_worker
from workflows.discovery import ContractorDiscoveryWorkflow
from workflows.options import TaskQueue


@pytest.fixture
async def world(sandbox_settings: Settings, database: Database, sandbox: Sandbox) -> AsyncIterator[DiscoveryWorld]:
    async with discovery_world(sandbox_settings, database, sandbox) as world:
        yield world


def pairs(groups: list[set[str]]) -> set[tuple[str, str]]:
    return {pair for group in groups for pair in combinations(sorted(group), 2)}


def wanted(company: dict[str, Any]) -> bool:
    return company["roofer"] and not company["closed"] and company["kind"] != "far"


async def test_listings_become_companies_and_nothing_else_does(world: DiscoveryWorld) -> None:
    result = await world.discover()
    rows = await world.contractors()
    assert result.unavailable == ()
    assert result.created == len(rows) == await world.events("contractor.discovered")
    assert set(result.to_enrich) == {row.id for row in rows}
    listed = {each for row in rows for each in known_ids(row)}
    for company in world.companies:
        ids = {*company["google"], *company["yelp"]}
        assert bool(ids & listed) == wanted(company), company["name"]
    truth = pairs([{*company["google"], *company["yelp"]} & listed for company in world.companies])
    made = pairs([known_ids(row) for row in rows])
    assert len(truth) >= 40
    assert len(truth & made) / len(made) >= 0.95
    assert len(truth & made) / len(truth) >= 0.95
    assert result.merged > 0
    job = await world.job()
    assert (job.job_type, job.status, job.city, job.state) == ("contractor", "completed", "Austin", "TX")
    assert job.results is not None
    assert {"closed", "not_a_roofer", "too_far"} == set(job.results["refused"])
    assert job.total_items == sum(result.found.values())
    await holds_the_best_of_both(world)


async def holds_the_best_of_both(world: DiscoveryWorld) -> None:
    company = next(each for each in world.companies if each["kind"] == "both" and not each["customer"])
    row = await world.contractor(company)
    assert (row.company_name, row.phone, row.zip) == (company["name"], company["phone"], company["zip"])
    assert (row.google_place_id, row.yelp_business_id) == (company["google"][0], company["yelp"][0])
    assert row.google_rating is not None and row.yelp_rating is not None
    assert (row.acquisition_status, row.source, row.timezone) == ("discovered", "google_maps", "America/Chicago")
    assert row.last_review_at is not None
    assert row.sources is not None
    assert (row.sources["fields"]["phone"], row.sources["fields"]["yelp_rating"]) == ("google_maps", "yelp")
    only = next(each for each in world.companies if each["kind"] == "yelp")
    alone = await world.contractor(only)
    assert (alone.source, alone.website, alone.google_place_id) == ("yelp", None, None)


async def test_a_second_run_creates_nothing_and_pays_for_no_details(world: DiscoveryWorld) -> None:
    first = await world.discover()
    before = {row.id: row.updated_at for row in await world.contractors()}
    details = len([call for call in await world.calls("google_maps") if call.api_endpoint == "place details"])
    world.run_id = "another"
    second = await world.discover()
    after = await world.contractors()
    assert (second.created, {row.id for row in after}) == (0, set(before))
    assert set(second.to_enrich) == set(first.to_enrich)
    assert await world.events("contractor.discovered") == first.created
    again = [call for call in await world.calls("google_maps") if call.api_endpoint == "place details"]
    assert len(again) == details
    assert all(call.cost == Decimal("0.025") for call in again)


async def test_a_retry_goes_on_where_the_vendor_failed(world: DiscoveryWorld) -> None:
    world.sandbox.fault("google", "error", skip=10 + 25, count=1)
    with pytest.raises(VendorUnavailable):
        await world.discover(attempt=1)
    part = len(await world.contractors())
    assert part > 0
    result = await world.discover(attempt=2)
    rows = await world.contractors()
    assert result.unavailable == ()
    assert result.created == len(rows) > part
    details = [
        call for call in await world.calls("google_maps") if call.api_endpoint == "place details" and call.success
    ]
    places = {each for row in rows for each in (row.sources or {})["listings"].get("google_maps", {}).get("ids", ())}
    assert len(details) < len(places) + 25


@pytest.mark.parametrize(("vendor", "name"), [("google", "google_maps"), ("yelp", "yelp")])
async def test_one_source_down_costs_its_name(world: DiscoveryWorld, vendor: str, name: str) -> None:
    world.sandbox.fault(vendor, "error")
    result = await world.discover(attempt=3)
    assert result.unavailable == (name,)
    assert result.created == len(await world.contractors()) > 20
    world.sandbox.mend()
    world.run_id = "later"
    healed = await world.discover()
    assert healed.unavailable == ()
    assert healed.created + result.created == len(await world.contractors())
    both = next(each for each in world.companies if each["kind"] == "both" and each["site"] == "full")
    row = await world.contractor(both)
    assert known_ids(row) == {*both["google"], *both["yelp"]}


async def test_sources_that_are_all_down_are_tried_again_and_then_given_up(world: DiscoveryWorld) -> None:
    world.sandbox.fault("google", "throttle")
    world.sandbox.fault("yelp", "garbage")
    with pytest.raises(VendorUnavailable):
        await world.discover(attempt=1)
    with pytest.raises(ApplicationError, match="no source"):
        await world.discover(attempt=3)
    assert await world.contractors() == []
    job = await world.job()
    assert (job.status, job.retry_count) == ("failed", 1)


async def test_what_a_customer_told_us_stays(world: DiscoveryWorld) -> None:
    await adopt(world.db, world.sandbox.url)
    before = {row.id: row for row in await world.contractors()}
    result = await world.discover()
    told = ("company_name", "phone", "website", "address", "email", "google_rating", "acquisition_status", "source")
    found = 0
    for row in await world.contractors():
        if row.id in before:
            assert all(getattr(row, name) == getattr(before[row.id], name) for name in told)
            found += row.google_place_id is not None
    assert found == sum(company["customer"] for company in world.companies) == 3
    assert not set(result.to_enrich) & set(before)


async def test_the_limit_holds_for_all_sources_together(world: DiscoveryWorld) -> None:
    result = await world.discover(max_results=25)
    assert result.created == len(await world.contractors()) <= 25
    assert await world.events("contractor.discovered") == result.created


async def test_without_a_key_a_source_is_not_asked(world: DiscoveryWorld) -> None:
    world.resources.settings.yelp_api_key = SecretStr("")
    result = await world.discover(max_results=20)
    assert result.unavailable == ("yelp",)
    assert await world.calls("yelp") == []


async def test_an_unknown_city_is_refused(world: DiscoveryWorld) -> None:
    with pytest.raises(ApplicationError) as refused:
        await world.run(world.discovery.discover_contractors, DiscoveryRequest(city="Nowhere", state="TX"))
    assert (refused.value.type, refused.value.non_retryable) == ("UnknownCity", True)


async def test_two_discoveries_at_once_create_each_company_once(world: DiscoveryWorld) -> None:
    results = await asyncio.gather(world.discover(max_results=30), world.discover(max_results=30))
    rows: list[Contractor] = await world.contractors()
    assert await world.events("contractor.discovered") == len(rows) <= 60
    listings = [each for row in rows for each in known_ids(row)]
    assert len(set(listings)) == len(listings)
    assert all(result.unavailable == () for result in results)


async def test_from_request_to_scored_contractors_with_nothing_of_them_in_the_history(
    world: DiscoveryWorld, temporal_client: Client
) -> None:
    async with AsyncExitStack() as stack:
        for queue in (TaskQueue.ORCHESTRATION, TaskQueue.SCRAPING, TaskQueue.ENRICHMENT):
            await stack.enter_async_context(build_worker(temporal_client, queue, world.resources))
        handle = await temporal_client.start_workflow(
            ContractorDiscoveryWorkflow.run,
            DiscoveryRequest(city="Austin", state="TX", max_results=12),
            id="discovery-tx-austin",
            task_queue=TaskQueue.ORCHESTRATION.value,
        )
        result = await handle.result()
        events = (await handle.fetch_history()).events
    rows = await world.contractors()
    assert (result.created, result.enriched) == (len(rows), len(rows))
    assert 0 < len(rows) <= 12
    assert all(row.enriched_at and row.scored_at and row.priority_score is not None for row in rows)
    assert any(row.email and row.email_status == "valid" for row in rows)
    # The events' own bytes: as JSON their payloads would be base64, in which nothing is ever found.
    history = b"".join(event.SerializeToString() for event in events)
    assert all(str(row.id).encode() in history for row in rows)
    for company in world.companies:
        for told in (company["phone"], company["email"], company["name"], company["street"]):
            assert told.encode() not in history
