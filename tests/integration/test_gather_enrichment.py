"""The enrichment activities against the sandbox's geocoder, finder and verifier, on the real database and cache."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from temporalio.exceptions import ApplicationError

from config.settings import Settings
from domain.permits import PermitRecord
from integrations.http import VendorUnavailable
from schema.contracts.base import LeadRef
from schema.contracts.property import ContactSummary, GeocodeSummary, Reason
from schema.database import Database
from schema.tables import EnrichmentJob
from tests.integration.gather_world import ATTEMPTS, Gather, gather_world
from tests.support.sandbox import Sandbox

SEARCH, CHECK = Decimal("0.05"), Decimal("0.001")
House = dict[str, Any]


@pytest.fixture
async def world(sandbox_settings: Settings, database: Database, sandbox: Sandbox) -> AsyncIterator[Gather]:
    async with gather_world(sandbox_settings, database, sandbox) as gather:
        yield gather


def owner(**wanted: Any) -> Callable[[House], bool]:
    """Houses whose owner is a person with these facts."""
    return lambda house: not house["owner"]["company"] and all(house["owner"][name] == wanted[name] for name in wanted)


async def spent(world: Gather, lead: LeadRef) -> list[tuple[str | None, Decimal | None]]:
    return [(call.api_provider, call.cost) for call in await world.calls(lead) if call.api_provider != "assessor"]


async def job(world: Gather, lead: LeadRef) -> EnrichmentJob:
    async with world.db.transaction() as tx:
        jobs = await tx.session.scalars(
            select(EnrichmentJob).where(EnrichmentJob.base_lead_id == lead.lead_id)  # type: ignore[arg-type]
        )
        return jobs.one()


# Where the property is


async def test_a_property_is_located_by_the_geocoder_once(world: Gather) -> None:
    house = world.house(lambda house: house["geocodes"])
    lead = await world.lead(house)
    found = await world.run(world.enrichment.geocode_property, lead)
    assert found == GeocodeSummary(located=True, source="geocoder")
    async with world.db.transaction() as tx:
        row = await tx.leads.get(lead.lead_id)
    assert row is not None
    assert (float(row.lat or 0), float(row.lng or 0)) == (house["lat"], house["lng"])
    assert row.geom is not None
    assert row.geocode_source == "geocoder"
    assert await world.run(world.enrichment.geocode_property, lead) == found
    assert await spent(world, lead) == [("google_maps", Decimal("0.005"))]


async def test_the_cache_spares_the_geocoder_for_a_day(world: Gather) -> None:
    house = world.house(lambda house: house["geocodes"])
    lead = await world.lead(house)
    await world.run(world.enrichment.geocode_property, lead)
    async with world.db.transaction() as tx:
        await tx.leads.update(lead.lead_id, geocode_source=None)
    world.sandbox.fault("google", "error")
    assert (await world.run(world.enrichment.geocode_property, lead)).source == "geocoder"
    keys = await world.resources.redis.keys(f"{world.cache_prefix}*")
    assert len(keys) == 1
    assert 86_000 < await world.resources.redis.ttl(keys[0]) <= 86_400


async def put_permit(world: Gather, house: House, lat: float | None) -> None:
    lng = house["lng"] if lat is not None else None
    permit = PermitRecord("1", house["address"], house["city"], house["state"], lat=lat, lng=lng, description="Reroof")
    async with world.db.transaction() as tx:
        await tx.permits.upsert_many([permit])


@pytest.mark.parametrize(
    ("fault", "attempt", "reason"),
    [
        (None, 1, None),
        ("error", ATTEMPTS, Reason.GEOCODER_UNAVAILABLE),
        ("garbage", 1, Reason.GEOCODER_UNAVAILABLE),
    ],
)
async def test_a_permit_locates_what_the_geocoder_cannot(
    world: Gather, fault: str | None, attempt: int, reason: Reason | None
) -> None:
    house = world.house(lambda house: not house["geocodes"])
    lead = await world.lead(house)
    await put_permit(world, house, house["lat"])
    if fault is not None:
        world.sandbox.fault("google", fault)
    found = await world.run(world.enrichment.geocode_property, lead, attempt=attempt)
    assert found == GeocodeSummary(located=True, source="permit", reason=reason)
    async with world.db.transaction() as tx:
        row = await tx.leads.get(lead.lead_id)
    assert row is not None
    assert float(row.lat or 0) == house["lat"]
    assert row.geocode_source == "permit"


@pytest.mark.parametrize(
    ("fault", "reason"), [(None, Reason.ADDRESS_NOT_FOUND), ("error", Reason.GEOCODER_UNAVAILABLE)]
)
async def test_without_coordinates_anywhere_a_property_is_not_located(
    world: Gather, fault: str | None, reason: Reason
) -> None:
    house = world.house(lambda house: not house["geocodes"])
    lead = await world.lead(house)
    await put_permit(world, house, None)
    if fault is not None:
        world.sandbox.fault("google", fault)
    found = await world.run(world.enrichment.geocode_property, lead, attempt=ATTEMPTS)
    assert found == GeocodeSummary(located=False, reason=reason)


async def test_a_geocoder_that_is_down_is_tried_again(world: Gather) -> None:
    house = world.house(lambda house: house["geocodes"])
    await put_permit(world, house, house["lat"])
    world.sandbox.fault("google", "throttle")
    with pytest.raises(VendorUnavailable):
        await world.run(world.enrichment.geocode_property, await world.lead(house))


# How to reach the owner


async def test_an_owner_is_found_and_verified_and_paid_for_once(world: Gather) -> None:
    house = world.house(owner(email_status="valid", phone_listed=True))
    lead = await world.recorded_lead(house)
    found = await world.run(world.enrichment.find_contacts, lead)
    assert found == ContactSummary(email_found=True, email_verified=True, phone_found=True)
    async with world.db.transaction() as tx:
        row, contact = await tx.leads.get(lead.lead_id), await tx.leads.contact(lead.lead_id)
    assert row is not None
    assert contact is not None
    assert (contact.email, contact.phone) == (house["owner"]["email"], house["owner"]["phone"])
    assert row.owner_email_source == "hunter"
    assert row.email_acquisition_cost == SEARCH + CHECK
    assert row.owner_email is not None
    assert house["owner"]["email"] not in row.owner_email
    done = await job(world, lead)
    assert (done.status, done.sources_tried, done.successful_source) == (
        "completed",
        ["public_record", "hunter"],
        "hunter",
    )
    assert (done.cost, done.api_calls_made, done.data_found) == (SEARCH + CHECK, 2, True)
    for secret in (house["owner"]["email"], house["owner"]["name"].split()[1]):
        assert secret not in str(done.enrichment_data)
    # Twice, and once more after the answers have been stored: nobody is asked again.
    assert await world.run(world.enrichment.find_contacts, lead) == found
    assert await spent(world, lead) == [("hunter", SEARCH), ("zerobounce", CHECK)]
    assert (await job(world, lead)).cost == SEARCH + CHECK


async def test_a_retry_after_the_verifier_failed_does_not_search_again(world: Gather) -> None:
    lead = await world.recorded_lead(world.house(owner(email_status="valid")))
    world.sandbox.fault("zerobounce", "error", count=1)
    with pytest.raises(VendorUnavailable):
        await world.run(world.enrichment.find_contacts, lead)
    found = await world.run(world.enrichment.find_contacts, lead, attempt=2)
    assert found.email_verified
    assert await spent(world, lead) == [("hunter", SEARCH), ("zerobounce", Decimal(0)), ("zerobounce", CHECK)]
    assert (await job(world, lead)).cost == SEARCH + CHECK


@pytest.mark.parametrize("status", ["catch-all", "unknown"])
async def test_an_address_nobody_can_vouch_for_stays_unverified(world: Gather, status: str) -> None:
    lead = await world.recorded_lead(world.house(owner(email_status=status)))
    found = await world.run(world.enrichment.find_contacts, lead)
    assert (found.email_found, found.email_verified, found.reason) == (True, False, None)
    async with world.db.transaction() as tx:
        contact = await tx.leads.contact(lead.lead_id)
    assert contact is not None
    assert contact.email_confidence is not None
    assert contact.email_confidence <= 50


@pytest.mark.parametrize("status", ["invalid", "do_not_mail"])
async def test_an_address_that_bounces_is_dropped(world: Gather, status: str) -> None:
    lead = await world.recorded_lead(world.house(owner(email_status=status)))
    found = await world.run(world.enrichment.find_contacts, lead)
    assert not found.email_found
    async with world.db.transaction() as tx:
        contact = await tx.leads.contact(lead.lead_id)
    assert contact is not None
    assert contact.email is None


async def test_the_public_record_comes_first_and_costs_only_the_check(world: Gather) -> None:
    house = world.house(owner(email_status="valid", phone_listed=False))
    lead = await world.recorded_lead(house)
    await from_county(world, lead, house["owner"]["email"])
    found = await world.run(world.enrichment.find_contacts, lead)
    assert found.email_verified
    assert await spent(world, lead) == [("zerobounce", CHECK)]
    assert (await job(world, lead)).successful_source == "public_record"


async def test_a_dead_address_of_the_county_gives_way_to_the_finder(world: Gather) -> None:
    house = world.house(owner(email_status="valid"))
    lead = await world.recorded_lead(house)
    await from_county(world, lead, "gone@post.example")
    assert (await world.run(world.enrichment.find_contacts, lead)).email_verified
    async with world.db.transaction() as tx:
        contact = await tx.leads.contact(lead.lead_id)
    assert contact is not None
    assert contact.email == house["owner"]["email"]


async def test_a_dead_address_of_the_county_is_forgotten(world: Gather) -> None:
    lead = await world.recorded_lead(world.house(owner(email=None)))
    await from_county(world, lead, "gone@post.example")
    assert not (await world.run(world.enrichment.find_contacts, lead)).email_found
    async with world.db.transaction() as tx:
        contact = await tx.leads.contact(lead.lead_id)
    assert contact is not None
    assert contact.email is None


async def from_county(world: Gather, lead: LeadRef, email: str) -> None:
    async with world.db.transaction() as tx:
        await tx.leads.save_contact(lead.lead_id, email=email, email_source="assessor")


async def test_a_company_is_no_person_to_search_for(world: Gather) -> None:
    lead = await world.recorded_lead(world.house(lambda house: house["owner"]["company"]))
    found = await world.run(world.enrichment.find_contacts, lead)
    assert found == ContactSummary(reason=Reason.CONTACT_NOT_FOUND)
    assert await spent(world, lead) == []


async def test_without_an_owner_nobody_is_asked(world: Gather) -> None:
    lead = await world.lead(world.house(owner(email_status="valid")))
    found = await world.run(world.enrichment.find_contacts, lead)
    assert found == ContactSummary(reason=Reason.CONTACT_NOT_FOUND)
    assert await spent(world, lead) == []


@pytest.mark.parametrize(
    ("vendor", "kind", "attempt", "expected"),
    [
        ("hunter", "error", ATTEMPTS, (False, False, Reason.CONTACT_VENDOR_UNAVAILABLE)),
        ("hunter", "garbage", 1, (False, False, Reason.CONTACT_VENDOR_UNAVAILABLE)),
        ("zerobounce", "error", ATTEMPTS, (True, False, Reason.VERIFIER_UNAVAILABLE)),
        ("zerobounce", "garbage", 1, (True, False, Reason.VERIFIER_UNAVAILABLE)),
    ],
)
async def test_a_vendor_that_fails_costs_a_reason_and_keeps_the_rest(
    world: Gather, vendor: str, kind: str, attempt: int, expected: tuple[bool, bool, Reason]
) -> None:
    lead = await world.recorded_lead(world.house(owner(email_status="valid", phone_listed=True)))
    world.sandbox.fault(vendor, kind)
    found = await world.run(world.enrichment.find_contacts, lead, attempt=attempt)
    assert (found.email_found, found.email_verified, found.reason) == expected
    assert found.phone_found
    assert (await job(world, lead)).error_message == found.reason


async def test_a_finder_that_is_down_is_tried_again(world: Gather) -> None:
    lead = await world.recorded_lead(world.house(owner(email_status="valid")))
    world.sandbox.fault("hunter", "throttle", seconds=2)
    with pytest.raises(VendorUnavailable) as failure:
        await world.run(world.enrichment.find_contacts, lead)
    assert failure.value.retry_after == 2


async def test_an_unknown_lead_is_a_plain_failure(world: Gather) -> None:
    for method in (world.enrichment.geocode_property, world.enrichment.find_contacts):
        with pytest.raises(ApplicationError, match="no such lead"):
            await world.run(method, LeadRef(lead_id=uuid4()))
