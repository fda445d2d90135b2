"""Repositories on a real database: races, idempotence, encryption at rest, previews without owners."""

import asyncio
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, text

from domain.address import Address, lead_id_for, parse_address
from domain.permits import PermitRecord
from domain.property_record import AssessorRecord
from domain.roof import RoofCondition
from integrations.http import ApiCall
from schema.contracts.base import LeadStatus
from schema.database import Database, UnitOfWork
from schema.effects import EffectState
from schema.repositories.leads import LeadMissing, LeadPreview
from schema.repositories.permits import PermitCursor
from schema.tables import BaseLead, LeadTrigger, RoofAnalysis

ADDRESS = parse_address("1204 Oak Hill Drive", "Austin", "TX", "78701")
LEAD = lead_id_for(ADDRESS)
OWNER = AssessorRecord(
    parcel_id="0001",
    owner_name="Pat Example",
    owner_mailing_address="9 Elsewhere Rd, Waco, TX",
    owner_phone="+15125550100",
    property_value=Decimal(410_000),
    year_built=1999,
    roof_type="tile",
)


async def _admit(
    database: Database, address: Address = ADDRESS, workflow: str = "w", permit: UUID | None = None
) -> str:
    async with database.transaction() as tx:
        return await tx.leads.admit(lead_id_for(address), address, workflow, permit)


async def _count(database: Database, table: str) -> int:
    async with database.transaction() as tx:
        return int(await tx.session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


# Admission


async def test_many_admissions_at_once_make_one_lead(database: Database) -> None:
    assert set(await asyncio.gather(*(_admit(database) for _ in range(8)))) == {LeadStatus.PROCESSING}
    assert await _count(database, "base_leads") == 1
    assert await _count(database, "roofing_leads") == 1
    async with database.transaction() as tx:
        lead = await tx.leads.get(LEAD)
        assert lead is not None
        assert lead.vertical_id is not None
        assert (lead.address, lead.status, lead.workflow_id) == ("1204 OAK HILL DR", "processing", "w")


async def test_admission_reopens_all_but_sold_and_reserved(database: Database) -> None:
    await _admit(database)
    for status in LeadStatus:
        async with database.transaction() as tx:
            await tx.leads.set_status(LEAD, status, "some_reason", workflow_id="w", published_at=datetime.now(UTC))
        assert await _admit(database, workflow="again") == status
        async with database.transaction() as tx:
            lead = await tx.leads.get(LEAD)
        assert lead is not None
        settled = status in {LeadStatus.SOLD, LeadStatus.RESERVED}
        after = (status.value, "w", "some_reason") if settled else ("processing", "again", None)
        assert (lead.status, lead.workflow_id, lead.status_reason) == after
        assert (lead.published_at is not None) == settled


async def test_an_address_that_belongs_to_another_id_is_an_error(database: Database) -> None:
    await _admit(database)
    with pytest.raises(LeadMissing):
        async with database.transaction() as tx:
            await tx.leads.admit(uuid4(), ADDRESS, "w")


async def test_admission_ties_the_permit_to_the_lead(database: Database) -> None:
    async with database.transaction() as tx:
        (permit,) = await tx.permits.upsert_many([_permit(1)])
    await _admit(database, permit=permit)
    async with database.transaction() as tx:
        stored = await tx.permits.get(permit)
        assert stored is not None
        assert stored.base_lead_id == LEAD


# What is learnt


async def test_owner_contacts_are_unreadable_in_the_database(database: Database) -> None:
    await _admit(database)
    async with database.transaction() as tx:
        await tx.leads.save_property_record(LEAD, OWNER)
        await tx.leads.save_contact(LEAD, email="Pat@Owner.example", email_confidence=91.5, email_verified=True)
    async with database.transaction() as tx:
        row = str((await tx.session.execute(text("SELECT * FROM base_leads"))).mappings().one())
        for secret in ("owner.example", "5550100", "Elsewhere"):
            assert secret.lower() not in row.lower()
        contact = await tx.leads.contact(LEAD)
        assert contact is not None
        assert (contact.name, contact.email, contact.phone) == ("Pat Example", "Pat@Owner.example", "+15125550100")
        assert contact.mailing_address == "9 Elsewhere Rd, Waco, TX"
        assert (contact.email_verified, contact.email_confidence) == (True, Decimal("91.50"))
        assert await tx.leads.with_email(" pat@OWNER.example") == [LEAD]
        assert await tx.leads.with_email("other@owner.example") == []
        for secret in ("Pat", "owner.example", "555", "Elsewhere"):
            assert secret not in repr(contact)


async def test_a_poorer_record_erases_nothing(database: Database) -> None:
    await _admit(database)
    async with database.transaction() as tx:
        await tx.leads.save_property_record(LEAD, OWNER)
        await tx.leads.save_property_record(LEAD, AssessorRecord(sqft=1800, roof_type="thatch"))
        await tx.leads.save_location(LEAD, 30.2671234567, -97.7430000001, "geocoder")
        await tx.leads.update_roofing(LEAD, roof_sqft=2100)
        lead, roof = await tx.leads.get(LEAD), await tx.leads.roofing(LEAD)
    assert lead is not None
    assert roof is not None
    assert (lead.sqft, lead.year_built, lead.owner_name) == (1800, 1999, "Pat Example")
    assert (lead.lat, lead.lng, lead.geocode_source) == (Decimal("30.26712346"), Decimal("-97.74300000"), "geocoder")
    assert lead.geom is not None
    assert (roof.roof_type, roof.roof_sqft) == ("tile", 2100)


async def test_status_can_be_set_only_from_where_it_may(database: Database) -> None:
    await _admit(database)
    async with database.transaction() as tx:
        assert await tx.leads.set_status(LEAD, LeadStatus.AVAILABLE, price=Decimal("150.00"), grade="C")
        assert not await tx.leads.set_status(LEAD, LeadStatus.SOLD, among=[LeadStatus.RESERVED])
        assert await tx.leads.set_status(LEAD, LeadStatus.RESERVED, among=[LeadStatus.AVAILABLE])
        lead = await tx.leads.get(LEAD)
        assert lead is not None
        assert (lead.status, lead.price, lead.grade) == ("reserved", Decimal("150.00"), "C")
        with pytest.raises(AttributeError):
            await tx.leads.set_status(LEAD, LeadStatus.SOLD, owner_email="plain@text.example")
        with pytest.raises(LeadMissing):
            await tx.leads.set_status(uuid4(), LeadStatus.SOLD)


# The marketplace


async def _offer(database: Database, number: int, score: int, city: str = "Austin", **columns: object) -> UUID:
    address = parse_address(f"{number} Elm Street", city, "TX")
    await _admit(database, address)
    lead = lead_id_for(address)
    async with database.transaction() as tx:
        await tx.leads.save_property_record(lead, OWNER)
        values = {"grade": "B", "price": Decimal(175), "published_at": datetime.now(UTC), **columns}
        await tx.leads.set_status(lead, LeadStatus.AVAILABLE, quality_score=score, **values)
    return lead


async def test_pages_of_leads_are_complete_ordered_and_without_repeats(database: Database) -> None:
    scores = [90, 70, 80, 80, 80, 61, 95]
    leads = {await _offer(database, number, score): score for number, score in enumerate(scores, 1)}
    await _offer(database, 50, 99, city="Waco")
    await _offer(database, 51, 99, price=Decimal(240))
    await _offer(database, 52, 99, available_until=datetime.now(UTC) - timedelta(days=1))
    async with database.transaction() as tx:
        seen: list[LeadPreview] = []
        while page := await tx.leads.list_available(
            city="AUSTIN", state="tx", max_price=Decimal(200), after=seen[-1].cursor if seen else None, limit=2
        ):
            seen += page
        assert [preview.score for preview in seen] == sorted(scores, reverse=True)
        assert {preview.lead_id: preview.score for preview in seen} == leads
        assert {p.score for p in await tx.leads.list_available(min_score=91, max_price=Decimal(200))} == {95, 99}


async def test_a_preview_tells_of_the_roof_and_not_of_the_owner(database: Database) -> None:
    lead = await _offer(database, 1204, 88)
    async with database.transaction() as tx:
        tx.session.add(RoofAnalysis(base_lead_id=lead, overall_condition="poor", damage_types=["hail_damage"]))
        for kind, strength, active in (
            ("roof_age", 60, True),
            ("weather_event", 95, True),
            ("property_sale", 99, False),
        ):
            tx.session.add(LeadTrigger(base_lead_id=lead, trigger_type=kind, trigger_strength=strength, active=active))
    statements: list[str] = []
    event.listen(
        database.engine.sync_engine, "before_cursor_execute", lambda *call: statements.append(str(call[2]).lower())
    )
    async with database.transaction() as tx:
        (preview,) = await tx.leads.list_available()
    assert preview.street == "ELM ST"
    assert preview.condition is RoofCondition.POOR
    assert (preview.urgency, preview.trigger_types) == (95, ("roof_age", "weather_event"))
    assert (preview.value_range, preview.damages, preview.roof_type) == ("$300K-$500K", ("hail_damage",), "tile")
    assert not [field.name for field in fields(preview) if "owner" in field.name or field.name in {"lat", "lng"}]
    assert len(statements) == 1
    assert "owner" not in statements[0]


# Permits


def _permit(number: int, **changes: object) -> PermitRecord:
    values: dict[str, object] = {
        "permit_number": f"2026-{number}",
        "address": f"{number} Elm Street",
        "city": "Austin",
        "state": "TX",
        "lat": 30.26,
        "lng": -97.74,
        "issue_date": date(2026, 1, 1) + timedelta(days=number % 28),
        "description": "Re-roof",
        "estimated_value": Decimal("12500.50"),
        **changes,
    }
    return PermitRecord(**values)  # type: ignore[arg-type]


async def test_thousands_of_permits_are_one_statement_and_twice_is_once(database: Database) -> None:
    permits = [_permit(number) for number in range(1, 2_001)]
    inserts: list[str] = []
    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda *call: inserts.append(call[2]) if "INSERT INTO roofing_permits" in call[2] else None,
    )
    async with database.transaction() as tx:
        first = await tx.permits.upsert_many(permits)
        second = await tx.permits.upsert_many(permits)
        assert await tx.permits.upsert_many([]) == []
    assert len(set(first)) == 2_000
    assert set(first) == set(second)
    assert len(inserts) == 2
    assert await _count(database, "roofing_permits") == 2_000


async def test_a_permit_is_brought_up_to_date_and_loses_nothing(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.permits.upsert_many([_permit(1, status="issued")])
        newer = _permit(1, status="final", lat=None, lng=None, estimated_value=Decimal(10) ** 12)
        (permit_id,) = await tx.permits.upsert_many([_permit(1, status="overruled"), newer])
        permit = await tx.permits.get(permit_id)
    assert permit is not None
    assert (permit.permit_status, permit.lat) == ("final", Decimal("30.26000000"))
    assert permit.estimated_value == Decimal("12500.50")


async def test_the_same_number_in_two_cities_is_two_permits(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.permits.upsert_many([_permit(1), _permit(1, city="Waco")])
    assert await _count(database, "roofing_permits") == 2


async def test_hostile_text_is_stored_harmlessly(database: Database) -> None:
    texts = ["nul\x00inside", "'); DROP TABLE users; --", '{"json": "\\u0000"}', "é 屋根 🏠", "x" * 100_000]
    async with database.transaction() as tx:
        ids = await tx.permits.upsert_many(
            [_permit(n, description=words, contractor_name=words) for n, words in enumerate(texts, 1)]
        )
        stored = {permit.work_description for i in ids if (permit := await tx.permits.get(i))}
    assert stored == {words.replace("\x00", "") for words in texts}


async def test_permits_are_found_by_address_and_by_city(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.permits.upsert_many([_permit(7), _permit(7, permit_number="older", issue_date=date(2001, 5, 5))])
        await tx.permits.upsert_many([_permit(number) for number in range(8, 28)])
        await tx.permits.upsert_many([_permit(30, address="LOT 4 BLK 2", issue_date=None)])
        at = await tx.permits.at_address("7 ELM ST", "austin", "TX")
        assert [permit.permit_number for permit in at] == ["2026-7", "older"]
        seen: list[UUID] = []
        after: PermitCursor | None = None
        while page := await tx.permits.for_city("Austin", "TX", date(2026, 1, 1), limit=6, after=after):
            seen += [permit.id for permit in page]
            after = PermitCursor(page[-1].issue_date or date.min, page[-1].id)
        assert len(seen) == len(set(seen)) == 21
        await _assert_linked(tx)


async def _assert_linked(tx: UnitOfWork) -> None:
    await tx.leads.admit(LEAD, ADDRESS, "w")
    await tx.permits.link(LEAD, "7 ELM ST", "AUSTIN", "TX")
    linked = await tx.session.scalar(
        text("SELECT count(*) FROM roofing_permits WHERE base_lead_id = :lead"), {"lead": LEAD}
    )
    assert linked == 2


# The ledger


async def _begin(database: Database, key: str) -> EffectState:
    async with database.transaction() as tx:
        return await tx.effects.begin(key, "email", LEAD)


async def test_one_of_many_may_act(database: Database) -> None:
    states = await asyncio.gather(*(_begin(database, "k") for _ in range(9)))
    assert sorted(states) == [EffectState.NEW] + [EffectState.STARTED] * 8
    async with database.transaction() as tx:
        effect = await tx.effects.get("k")
        assert effect is not None
        assert effect.attempts == 9


async def test_a_rolled_back_claim_is_no_claim(database: Database) -> None:
    with pytest.raises(RuntimeError, match="crash"):
        async with database.transaction() as tx:
            assert await tx.effects.begin("k", "email", LEAD) is EffectState.NEW
            raise RuntimeError("crash")
    assert await _begin(database, "k") is EffectState.NEW


async def test_done_is_final_and_failed_may_be_tried_again_by_one(database: Database) -> None:
    await _begin(database, "k")
    async with database.transaction() as tx:
        await tx.effects.settle("k", EffectState.FAILED)
    assert await _begin(database, "k") is EffectState.FAILED

    async def reopen() -> bool:
        async with database.transaction() as tx:
            return await tx.effects.reopen("k")

    assert sorted(await asyncio.gather(*(reopen() for _ in range(5)))) == [False] * 4 + [True]
    async with database.transaction() as tx:
        await tx.effects.settle("k", EffectState.DONE, "message-1")
        await tx.effects.settle("k", EffectState.UNKNOWN, "message-2")
        effect = await tx.effects.get("k")
        assert effect is not None
        assert (effect.state, effect.external_id) == ("done", "message-1")
        assert not await tx.effects.reopen("k")
        with pytest.raises(LookupError):
            await tx.effects.settle("never begun", EffectState.DONE)
        with pytest.raises(ValueError, match="settles as"):
            await tx.effects.settle("k", EffectState.STARTED)


# The rest


async def test_vendor_calls_add_up_to_the_cost_of_a_lead(database: Database) -> None:
    call = ApiCall("google_maps", "geocode", "GET", 200, 12, Decimal("0.005"))
    failed = ApiCall("hunter", "find", "GET", None, 15_000, Decimal(0), "timed out")
    async with database.transaction() as tx:
        for metered in (call, call, failed):
            await tx.usage.record(metered, LEAD)
        await tx.usage.record(call)
        assert await tx.usage.cost_of(LEAD) == Decimal("0.010")
        assert await tx.usage.cost_of(uuid4()) == 0


async def test_events_of_an_entity_newest_first(database: Database) -> None:
    for number in range(3):
        async with database.transaction() as tx:
            await tx.events.record("lead.scored", "base_lead", LEAD, {"number": number, "price": Decimal("1.50")})
    async with database.transaction() as tx:
        found = await tx.events.of("base_lead", LEAD, limit=2)
    assert [row.event_data for row in found] == [{"number": 2, "price": "1.50"}, {"number": 1, "price": "1.50"}]


async def test_users_are_ensured_once(database: Database) -> None:
    async def ensure() -> UUID:
        async with database.transaction() as tx:
            return await tx.users.ensure(" New@Reviewer.example", "reviewer")

    ids = await asyncio.gather(*(ensure() for _ in range(4)))
    assert len(set(ids)) == 1
    async with database.transaction() as tx:
        user = await tx.users.by_email("NEW@reviewer.example")
        assert user is not None
        assert (user.id, user.password_hash) == (ids[0], None)


async def test_cities_are_found_in_any_case_and_can_be_added(database: Database) -> None:
    async with database.transaction() as tx:
        assert [city.priority for city in (await tx.cities.all(active=True))[:3]] == [100, 99, 98]
        await tx.cities.point_at("AUSTIN", "tx", permit_url="http://127.0.0.1:9", permit_config={})
        await tx.cities.point_at("Smallville", "KS", permit_url=None, permit_config=None, timezone="America/Chicago")
        austin, small = await tx.cities.get("austin", "TX"), await tx.cities.get("smallville", "ks")
        assert austin is not None
        assert small is not None
        assert (austin.city, austin.permit_url, austin.population) == ("Austin", "http://127.0.0.1:9", 961_855)
        assert (await tx.cities.get("Atlantis", "TX")) is None
        at = datetime(2026, 11, 24, tzinfo=UTC)
        await tx.cities.record_scrape("Austin", "TX", 3, at)
        await tx.cities.record_scrape("Austin", "TX", 4, at + timedelta(days=1))
        austin = await tx.cities.get("Austin", "TX")
        assert austin is not None
        assert (austin.total_permits_found, austin.first_scraped_at) == (7, at)
    assert await _count(database, "target_cities") == 76


async def test_a_unit_of_work_is_all_or_nothing_and_the_pool_recovers(database: Database) -> None:
    async def fail(number: int) -> None:
        async with database.transaction() as tx:
            await tx.leads.admit(lead_id_for(ADDRESS), ADDRESS, "w")
            raise RuntimeError(str(number))

    results = await asyncio.gather(*(fail(number) for number in range(25)), return_exceptions=True)
    assert {type(result) for result in results} == {RuntimeError}
    assert await _count(database, "base_leads") == 0
    await database.ping()


async def test_connections_killed_behind_our_back_are_replaced(database: Database) -> None:
    await database.ping()
    async with database.transaction() as tx:
        await tx.session.execute(text("SELECT 1"))
        other = Database(database.engine.url.render_as_string(hide_password=False), database.vault, pool_size=1)
        async with other.transaction() as second:
            await second.session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND pid <> pg_backend_pid() AND state = 'idle'"
                )
            )
        await other.close()
    await _admit(database)
    async with database.transaction() as tx:
        assert await tx.session.get(BaseLead, LEAD) is not None
