import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from schema.contracts.base import LeadRef, LeadStatus
from schema.contracts.property import ClusterSummary, LeadClosing, PublishSummary, Reason
from schema.database import Database
from schema.tables import BaseLead, Contractor, LeadCluster, Notification, SuppressionEntry
from tests.integration.market_world import NOW, a_contractor, a_lead, events, leads_at, run


async def assign(database: Database, lead: LeadRef) -> UUID | None:
    result = await run(leads_at(database).assign_cluster, lead)
    assert isinstance(result, ClusterSummary)
    return result.cluster_id


async def publish(database: Database, lead: LeadRef, hours_later: int = 0) -> PublishSummary:
    result = await run(leads_at(database, NOW + timedelta(hours=hours_later)).publish_lead, lead)
    assert isinstance(result, PublishSummary)
    return result


async def scored(database: Database, line: str = "100 Oak St", score: int = 85, **columns: Any) -> LeadRef:
    price = Decimal(175) if score >= 60 else None
    return await a_lead(database, line, quality_score=score, grade="B" if price else "F", price=price, **columns)


async def row(database: Database, lead: LeadRef) -> BaseLead:
    async with database.transaction() as tx:
        found = await tx.leads.get(lead.lead_id)
    assert found is not None
    return found


async def told(database: Database, lead: LeadRef) -> set[tuple[UUID | None, str]]:
    async with database.transaction() as tx:
        found = await tx.session.scalars(select(Notification).where(Notification.base_lead_id == lead.lead_id))
        return {(notice.contractor_id, notice.channel) for notice in found}


# Clusters


async def test_the_nearest_cluster_within_two_miles_else_a_new_one(database: Database) -> None:
    first = await assign(database, await a_lead(database, "1 Oak St", north=0))
    assert await assign(database, await a_lead(database, "2 Oak St", north=1.9)) == first
    second = await assign(database, await a_lead(database, "3 Oak St", north=2.2))
    assert second not in (None, first)
    assert await assign(database, await a_lead(database, "4 Oak St", north=1.2)) == second
    assert await assign(database, await a_lead(database, "5 Oak St", north=None)) is None


async def test_twenty_at_once_in_one_place_found_one_cluster(database: Database) -> None:
    leads = [await a_lead(database, f"{number} Oak St", north=number / 100) for number in range(1, 21)]
    assigned = await asyncio.gather(*(assign(database, lead) for lead in leads))
    assert len(set(assigned)) == 1
    async with database.transaction() as tx:
        (cluster,) = (await tx.session.scalars(select(LeadCluster))).all()
    assert (cluster.id, cluster.lead_count, cluster.radius_miles) == (assigned[0], 20, Decimal("2.00"))


async def test_assigning_again_changes_nothing(database: Database) -> None:
    lead = await a_lead(database)
    assert await assign(database, lead) == await assign(database, lead)
    assert await events(database, lead, "lead.clustered") == 1
    async with database.transaction() as tx:
        (cluster,) = (await tx.session.scalars(select(LeadCluster))).all()
    assert cluster.lead_count == 1


async def test_a_lead_that_moves_leaves_its_old_cluster(database: Database) -> None:
    staying, moving = await a_lead(database, "1 Oak St"), await a_lead(database, "2 Oak St")
    old = await assign(database, staying)
    assert await assign(database, moving) == old
    await a_lead(database, "2 Oak St", north=10)
    new = await assign(database, moving)
    async with database.transaction() as tx:
        counts = {cluster.id: cluster.lead_count for cluster in await tx.session.scalars(select(LeadCluster))}
    assert counts == {old: 1, new: 1}


async def test_statistics_follow_the_market(database: Database) -> None:
    leads = [await scored(database, f"{number} Oak St", score) for number, score in ((1, 90), (2, 80), (3, 40))]
    for lead in leads:
        await assign(database, lead)
        await publish(database, lead)
    async with database.transaction() as tx:
        (cluster,) = (await tx.session.scalars(select(LeadCluster))).all()
    assert (cluster.lead_count, cluster.leads_available, cluster.leads_sold) == (3, 2, 0)
    assert (cluster.avg_quality_score, cluster.total_value) == (Decimal("70.00"), Decimal("350.00"))


# Market


async def test_a_good_lead_goes_on_the_market_and_matching_contractors_are_told(database: Database) -> None:
    lead = await scored(database)
    near = await a_contractor(database, "near")
    no_mail = await a_contractor(database, "no-mail", email=None)
    await a_contractor(database, "prospect", acquisition_status="contacted")
    assert await publish(database, lead) == PublishSummary(status=LeadStatus.AVAILABLE, matched=2)
    found = await row(database, lead)
    assert (found.status, found.published_at, found.available_until) == (
        "available",
        NOW,
        NOW + timedelta(days=30),
    )
    assert await told(database, lead) == {(near, "email"), (near, "in_app"), (no_mail, "in_app")}


async def test_publishing_again_keeps_the_date_and_tells_nobody_twice(database: Database) -> None:
    lead = await scored(database)
    await a_contractor(database, "near")
    first = await publish(database, lead)
    assert await publish(database, lead, hours_later=5) == first
    assert (await row(database, lead)).published_at == NOW
    assert len(await told(database, lead)) == 2
    assert await events(database, lead, "lead.available") == 1


@pytest.mark.parametrize(("score", "status"), [(60, "available"), (59, "unqualified"), (0, "unqualified")])
async def test_sixty_points_are_needed(database: Database, score: int, status: str) -> None:
    lead = await scored(database, score=score)
    await a_contractor(database, "near")
    summary = await publish(database, lead)
    assert summary.status == status
    found = await row(database, lead)
    assert found.status_reason == (None if status == "available" else "score_below_minimum")
    assert bool(await told(database, lead)) is (status == "available")


@pytest.mark.parametrize("status", [LeadStatus.SOLD, LeadStatus.RESERVED])
async def test_a_sold_lead_is_neither_published_nor_closed(database: Database, status: LeadStatus) -> None:
    lead = await scored(database)
    async with database.transaction() as tx:
        await tx.leads.set_status(lead.lead_id, status)
    assert await publish(database, lead) == PublishSummary(status=status)
    closing = LeadClosing(lead_id=lead.lead_id, status=LeadStatus.EXPIRED, reason=Reason.REVIEW_EXPIRED)
    await run(leads_at(database).close_lead, closing)
    assert (await row(database, lead)).status == status


async def test_a_lead_is_closed_with_its_reason_once(database: Database) -> None:
    lead = await a_lead(database)
    closing = LeadClosing(lead_id=lead.lead_id, status=LeadStatus.REJECTED, reason=Reason.ADDRESS_NOT_FOUND)
    for _ in range(2):
        await run(leads_at(database).close_lead, closing)
    found = await row(database, lead)
    assert (found.status, found.status_reason) == ("rejected", "address_not_found")
    assert await events(database, lead, "lead.rejected") == 1


WHO_MATCHES: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"service_areas": [{"city": "austin", "state": "tx"}], "lat": None, "lng": None}, True),
    ({"service_areas": [{"city": "Dallas", "state": "TX", "radius_miles": 25}], "city": "Dallas"}, True),
    ({"service_areas": [{"radius_miles": 3}]}, True),
    ({"service_areas": [{"state": "TX"}]}, True),
    ({"service_areas": []}, True),
    ({"service_areas": None}, True),
    ({"service_areas": {"city": "Austin"}}, True),
    ({"service_areas": [{"city": "Dallas", "state": "TX", "radius_miles": 25}]}, False),
    ({"service_areas": [{"radius_miles": "far"}, 7, None]}, True),
    ({"service_areas": [{"radius_miles": 3}], "lat": Decimal("30.5"), "city": "Round Rock"}, False),
    ({"service_areas": None, "city": "Round Rock"}, False),
    ({"service_areas": [{"city": "Austin", "state": "OK"}]}, False),
    ({"custom_fields": {"lead_preferences": {"min_score": 85, "max_score": 85, "max_price": 175}}}, True),
    ({"custom_fields": {"lead_preferences": {"min_score": 86}}}, False),
    ({"custom_fields": {"lead_preferences": {"max_score": 84}}}, False),
    ({"custom_fields": {"lead_preferences": {"max_price": "174.99"}}}, False),
    ({"custom_fields": {"lead_preferences": {"min_score": "many", "max_price": "cheap"}}}, True),
    ({"custom_fields": {"lead_preferences": "all"}}, True),
    ({"acquisition_status": "churned"}, False),
]


async def test_who_matches(database: Database) -> None:
    lead = await scored(database)
    ids = [await a_contractor(database, f"c{index}", **columns) for index, (columns, _) in enumerate(WHO_MATCHES)]
    matched = (await publish(database, lead)).matched
    notified = {contractor for contractor, _ in await told(database, lead)}
    assert [(columns, contractor in notified) for contractor, (columns, _) in zip(ids, WHO_MATCHES, strict=True)] == (
        WHO_MATCHES
    )
    assert matched == len(notified)


async def test_better_tiers_come_first(database: Database) -> None:
    lead = await scored(database)
    for tier in ("starter", "enterprise", "professional"):
        await a_contractor(database, tier, subscription_tier=tier)
    await publish(database, lead)
    async with database.transaction() as tx:
        rows = await tx.session.execute(
            select(Contractor.subscription_tier, Notification.payload["visible_from"].astext)
            .join(Notification, Notification.contractor_id == Contractor.id)
            .where(Notification.channel == "in_app")
        )
        seen = dict(rows.all())
    assert seen["enterprise"] < seen["professional"] < seen["starter"]


async def test_an_exclusive_territory_is_respected_until_it_expires(database: Database) -> None:
    lead = await scored(database)
    await assign(database, lead)
    owner, other = await a_contractor(database, "owner"), await a_contractor(database, "other")
    async with database.transaction() as tx:
        await tx.session.execute(
            update(LeadCluster).values(exclusive_contractor_id=owner, exclusivity_expires_at=NOW + timedelta(hours=1))
        )
    assert (await publish(database, lead)).matched == 1
    assert {contractor for contractor, _ in await told(database, lead)} == {owner}
    second = await scored(database, "2 Oak St")
    await assign(database, second)
    await publish(database, second, hours_later=1)
    assert {contractor for contractor, _ in await told(database, second)} == {owner, other}


# Notifications as the messaging worker sees them


async def test_pending_e_mails_know_who_must_not_be_written_to(database: Database) -> None:
    lead = await scored(database)
    welcome, refused = await a_contractor(database, "welcome"), await a_contractor(database, "refused")
    async with database.transaction() as tx:
        tx.session.add(
            SuppressionEntry(
                address_bidx=database.vault.blind_index("refused@contractor.example"), channel="email", reason="opt_out"
            )
        )
    await publish(database, lead)
    async with database.transaction() as tx:
        pending = await tx.notifications.pending_emails(lead.lead_id)
        assert {(notice.contractor_id, notice.suppressed) for notice in pending} == {(welcome, False), (refused, True)}
        assert "contractor.example" not in repr(pending)
        by_contractor = {notice.contractor_id: notice.notification_id for notice in pending}
        await tx.notifications.settle_emails([by_contractor[refused]], "failed", reason="suppressed")
        await tx.notifications.settle_emails([by_contractor[welcome]], "sent", external_id="m-1")
        await tx.notifications.settle_emails([by_contractor[welcome]], "failed")
        assert await tx.notifications.email_states(lead.lead_id) == {"failed": 1, "sent": 1}
        assert await tx.notifications.pending_emails(lead.lead_id) == []
        assert await tx.notifications.told(lead.lead_id) == 2


async def test_a_thousand_customers_far_away_do_not_match(database: Database) -> None:
    lead = await scored(database)
    async with database.transaction() as tx:
        tx.session.add_all(
            Contractor(
                company_name=f"Far {number}",
                city="Dallas",
                state="TX",
                lat=Decimal("32.78"),
                lng=Decimal("-96.80"),
                acquisition_status="active",
                service_areas=[{"city": "Dallas", "state": "TX", "radius_miles": 50}],
            )
            for number in range(1000)
        )
    assert (await publish(database, lead)).matched == 0
    async with database.transaction() as tx:
        assert await tx.contractors.candidates(uuid4()) == []
        assert await tx.session.scalar(select(func.count()).select_from(Contractor)) == 1000
