"""Completing and scoring contractors on a real database with the sandbox's websites and vendors (spec 3.6.2, 3.6.3)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError

from config.settings import Settings
from domain.websites import size_range
from integrations.http import VendorUnavailable
from schema.contracts.outreach import ContractorRef
from schema.database import Database
from tests.integration.discovery_world import DiscoveryWorld, discovery_world
from tests.support.sandbox import Sandbox


@pytest.fixture
async def world(sandbox_settings: Settings, database: Database, sandbox: Sandbox) -> AsyncIterator[DiscoveryWorld]:
    async with discovery_world(sandbox_settings, database, sandbox) as world:
        yield world


def company(world: DiscoveryWorld, **facts: Any) -> dict[str, Any]:
    """The first company of the sandbox that is so."""
    return next(
        each for each in world.companies if not each["customer"] and all(each[name] == facts[name] for name in facts)
    )


async def test_a_site_tells_what_is_true(world: DiscoveryWorld) -> None:
    for truth in [each for each in world.companies if each["site"] == "full" and not each["customer"]][:6]:
        row = await world.adopt(truth)
        summary = await world.enrich(row.id)
        row = await world.row(row.id)
        assert summary.website_read
        assert row.years_in_business == datetime.now(UTC).year - truth["founded"]
        assert row.employee_count_range == size_range(truth["employees"])
        assert row.license_number == truth["licence"]
        assert row.license_status == ("unverified" if truth["licence"] else None)
        assert sorted(row.certifications or []) == truth["certifications"]
        assert ("general liability" in (row.insurance_types or [])) == truth["insured"]
        assert ("commercial" in (row.roof_types or [])) == truth["commercial"]
        assert set(row.social_media or {}) == set(truth["networks"])
        assert len(row.services_offered or []) == len(truth["services"])
        assert row.enriched_at is not None
    assert await world.events("contractor.enriched") == 6


async def test_the_sites_address_is_verified_and_taken(world: DiscoveryWorld) -> None:
    for shown in ("mailto", "plain", "hidden"):
        await takes_the_sites_address(world, company(world, site="full", email_shown=shown, email_status="valid"))
    assert await world.calls("hunter") == []


async def takes_the_sites_address(world: DiscoveryWorld, truth: dict[str, Any]) -> None:
    row = await world.adopt(truth)
    summary = await world.enrich(row.id)
    row = await world.row(row.id)
    assert summary.email_found
    assert (row.email, row.email_status) == (truth["email"], "valid")
    assert row.email_domain == truth["email"].partition("@")[2]
    assert row.sources is not None and row.sources["fields"]["email"] == "website"
    checks = [call for call in await world.calls("zerobounce") if call.entity_id == row.id]
    assert [call.entity_type for call in checks] == ["contractor"]


async def test_without_an_address_on_the_site_hunter_is_asked_once(world: DiscoveryWorld) -> None:
    truth = company(world, email_shown="none", in_finder=True, email_status="valid", roofer=True)
    row = await world.adopt(truth)
    for _ in range(2):
        await world.enrich(row.id)
    row = await world.row(row.id)
    assert row.email == truth["email"]
    assert row.sources is not None and row.sources["fields"]["email"] == "hunter"
    assert len(await world.calls("hunter")) == 1


async def test_an_address_that_bounces_is_not_taken(world: DiscoveryWorld) -> None:
    truth = company(world, email_status="invalid", site="full")
    row = await world.adopt(truth)
    summary = await world.enrich(row.id)
    row = await world.row(row.id)
    assert (row.email, summary.email_found, summary.reason) == (None, False, "email_not_found")


BAD_SITES = {
    "gone": "website_refused",
    "forbidden": "website_refused",
    "private": "website_refused",
    "garbage": "website_unreadable",
    "huge": "website_unreadable",
    "circle": "website_unreadable",
}


async def test_bad_sites_cost_a_reason(world: DiscoveryWorld) -> None:
    for site, reason in BAD_SITES.items():
        row = await world.adopt(company(world, site=site))
        summary = await world.enrich(row.id)
        assert (summary.website_read, summary.reason) == (False, reason), site
        assert summary.fit is not None
        pages = [
            call for call in await world.calls("website") if call.api_endpoint == "page" and call.entity_id == row.id
        ]
        assert len(pages) == {"forbidden": 0, "circle": 5}.get(site, 1), site


async def test_a_site_that_moved_is_followed(world: DiscoveryWorld) -> None:
    truth = company(world, site="moved")
    row = await world.adopt(truth)
    assert (await world.enrich(row.id)).website_read
    assert (await world.row(row.id)).employee_count_range == size_range(truth["employees"])


async def test_addresses_that_are_nobodys_site_are_refused(world: DiscoveryWorld) -> None:
    for address in (
        world.resources.settings.s3_endpoint,
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
    ):
        row = await world.adopt(world.companies[0], website=address)
        summary = await world.enrich(row.id)
        assert (summary.website_read, summary.reason) == (False, "website_refused")


async def test_each_vendor_that_is_down_costs_a_reason_and_nothing_else(world: DiscoveryWorld) -> None:
    truth = company(world, site="full", email_shown="mailto", email_status="valid")
    row = await world.adopt(truth)
    for vendor in ("hunter", "zerobounce", "twilio"):
        world.sandbox.fault(vendor, "error")
    with pytest.raises(VendorUnavailable):
        await world.enrich(row.id, attempt=1)
    summary = await world.enrich(row.id)
    row = await world.row(row.id)
    assert (row.email, row.email_status, row.phone_kind) == (truth["email"], None, None)
    assert summary.website_read
    pages = [call for call in await world.calls("website") if call.api_endpoint == "page"]
    assert len(pages) == 5, "the retry read the site again"
    world.sandbox.mend()
    await world.enrich(row.id)
    row = await world.row(row.id)
    assert row.email_status == "valid"
    assert row.phone_kind in ("mobile", "landline", "voip")


async def test_what_a_person_told_is_not_overruled(world: DiscoveryWorld) -> None:
    truth = company(world, site="full", email_shown="mailto", email_status="valid")
    row = await world.adopt(truth, email="boss@elsewhere.example", years_in_business=99, phone="+15125550180")
    await world.enrich(row.id)
    row = await world.row(row.id)
    assert (row.email, row.years_in_business) == ("boss@elsewhere.example", 99)
    assert await world.calls("zerobounce") == []


async def test_scores_follow_the_spec_and_are_stored_with_their_reasons(world: DiscoveryWorld) -> None:
    row = await world.adopt(
        company(world, site="full"),
        email="office@one.example",
        email_status="valid",
        employee_count_range="10-50",
        years_in_business=12,
        google_rating=Decimal("4.7"),
        google_review_count=80,
        last_review_at=datetime.now(UTC),
        roof_types=["residential", "commercial"],
        services_offered=["insurance restoration"],
        certifications=["GAF Master Elite"],
        license_number="1",
        license_status="active",
        social_media={"facebook": "https://facebook.com/one"},
        city="Austin",
    )
    summary = await world.run(world.profiles.score_contractor, ContractorRef(contractor_id=row.id))
    row = await world.row(row.id)
    assert (row.fit_score, row.conversion_likelihood, row.priority_score) == (95, 100, Decimal("97.50"))
    assert row.ltv_estimate == Decimal("117000.00")  # 5,000 x 1.3 x 1.5 x 12
    assert (summary.fit, summary.likelihood, summary.priority) == (95, 100, 97.5)
    breakdown = row.score_breakdown
    assert sum(factor["points"] for factor in breakdown["fit"]) == 95
    assert sum(factor["maximum"] for factor in breakdown["fit"]) == 100
    assert {factor["name"]: factor["evidence"] for factor in breakdown["fit"]}["location"] == "in the target city"
    assert breakdown["ltv"] == {"employees": 30, "google_rating": 4.7, "urban": True}


async def test_nothing_known_scores_nothing_and_far_away_is_not_urban(world: DiscoveryWorld) -> None:
    row = await world.adopt(
        world.companies[0], website=None, phone=None, city="Terlingua", lat=Decimal("29.32"), lng=Decimal("-103.62")
    )
    await world.run(world.profiles.score_contractor, ContractorRef(contractor_id=row.id))
    row = await world.row(row.id)
    assert (row.fit_score, row.conversion_likelihood, row.ltv_estimate) == (0, 0, Decimal("6000.00"))


async def test_an_unknown_contractor_is_refused(world: DiscoveryWorld) -> None:
    for method in (world.profiles.enrich_contractor, world.profiles.score_contractor):
        with pytest.raises(ApplicationError) as refused:
            await world.run(method, ContractorRef(contractor_id=uuid4()))
        assert refused.value.type == "UnknownContractor"
