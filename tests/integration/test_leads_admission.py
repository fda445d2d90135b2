import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from schema.contracts.base import LeadRef, LeadStatus
from schema.contracts.property import Admission, PropertyRequest, Reason
from schema.database import Database
from schema.tables import BaseLead, RoofingPermit
from tests.integration.market_world import TODAY, events, leads_at, run


async def admit(database: Database, workflow_id: str = "someone", **request: Any) -> Admission:
    result = await run(leads_at(database).admit_property, PropertyRequest(**request), workflow_id)
    assert isinstance(result, Admission)
    return result


async def status_of(database: Database, lead_id: UUID) -> str:
    async with database.transaction() as tx:
        lead = await tx.leads.get(lead_id)
    assert lead is not None
    return lead.status


async def test_an_address_becomes_one_lead_however_often_and_however_it_is_written(database: Database) -> None:
    first = await admit(database, address="1234 north main street, apt 4b", city="austin", state="tx")
    again = await admit(database, address="1234 N MAIN ST APT 4B", city="AUSTIN", state="Texas", zip="78701")
    assert first.lead_id is not None
    assert (first.city, first.state, first.reason) == ("Austin", "TX", None)
    assert again == first
    assert await events(database, LeadRef(lead_id=first.lead_id), "lead.created") == 1
    async with database.transaction() as tx:
        lead = await tx.leads.get(first.lead_id)
    assert lead is not None
    assert (lead.status, lead.workflow_id) == ("processing", f"property-{first.lead_id}")


BAD_REQUESTS: list[tuple[dict[str, str], Reason, str]] = [
    ({}, Reason.BAD_REQUEST, "Give an address"),
    ({"address": "  "}, Reason.BAD_REQUEST, "Give an address"),
    ({"address": "12 Oak St"}, Reason.BAD_REQUEST, "city and state"),
    ({"address": "12 Oak St", "city": "Austin"}, Reason.BAD_REQUEST, "city and state"),
    ({"address": "12 Oak St", "city": "Austin", "state": "ZZ"}, Reason.BAD_REQUEST, "not a US state"),
    ({"address": "12 Oak St", "city": "Austin", "state": "TX", "lead_id": "x"}, Reason.BAD_REQUEST, "only one"),
    ({"city": "Austin", "state": "TX"}, Reason.BAD_REQUEST, "Give an address"),
    ({"address": "12 Oak St", "city": "Atlantis", "state": "TX"}, Reason.UNKNOWN_CITY, "Atlantis, TX"),
    ({"address": "12 Oak St", "city": "12 Secret Ln", "state": "TX"}, Reason.UNKNOWN_CITY, "This place in TX"),
    ({"address": "12 Oak St", "city": "Aus\x00tin", "state": "TX"}, Reason.UNKNOWN_CITY, "target cities"),
    ({"address": "PO BOX 12", "city": "Austin", "state": "TX"}, Reason.INVALID_ADDRESS, "PO box"),
    ({"address": "Oak St", "city": "Austin", "state": "TX"}, Reason.INVALID_ADDRESS, "house number"),
    ({"address": "\x00", "city": "Austin", "state": "TX"}, Reason.INVALID_ADDRESS, "empty"),
    ({"lead_id": "not-a-uuid"}, Reason.BAD_REQUEST, "lead_id is not a UUID"),
    ({"permit_id": "12"}, Reason.BAD_REQUEST, "permit_id is not a UUID"),
    ({"lead_id": str(uuid4())}, Reason.UNKNOWN_LEAD, "no lead"),
    ({"permit_id": str(uuid4())}, Reason.UNKNOWN_PERMIT, "no permit"),
]


async def test_a_bad_request_ends_in_a_reason_and_a_sentence(database: Database) -> None:
    for request, reason, words in BAD_REQUESTS:
        admission = await admit(database, **request)
        assert (admission.lead_id, admission.reason) == (None, reason), request
        assert admission.detail is not None
        assert words in admission.detail, request
        assert "Oak" not in admission.detail
        assert "Secret" not in admission.detail
    async with database.transaction() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(BaseLead)) == 0


async def test_an_inactive_city_says_so(database: Database) -> None:
    async with database.transaction() as tx:
        city = await tx.cities.get("Austin", "TX")
        assert city is not None
        city.active = False
    admission = await admit(database, address="12 Oak St", city="Austin", state="TX")
    assert admission.reason is Reason.UNKNOWN_CITY
    assert admission.detail == "Austin, TX is a target city but is not active."


async def permit_at(database: Database, address: str, city: str = "Austin") -> str:
    permit = RoofingPermit(permit_number="P-1", address=address, city=city, state="TX", zip="78704", issue_date=TODAY)
    async with database.transaction() as tx:
        tx.session.add(permit)
    return str(permit.id)


async def test_a_permit_stands_for_the_property_at_its_address(database: Database) -> None:
    permit_id = await permit_at(database, "77 ELM AVE")
    by_permit = await admit(database, permit_id=permit_id)
    by_address = await admit(database, address="77 Elm Avenue", city="Austin", state="TX")
    assert by_permit.lead_id == by_address.lead_id is not None
    async with database.transaction() as tx:
        permit = await tx.permits.get(UUID(permit_id))
    assert permit is not None
    assert permit.base_lead_id == by_permit.lead_id


async def test_a_permit_without_a_street_address_or_outside_the_target_cities(database: Database) -> None:
    assert (await admit(database, permit_id=await permit_at(database, "LOT 4 BLK 2"))).reason is Reason.INVALID_ADDRESS
    elsewhere = await permit_at(database, "77 ELM AVE", city="Atlantis")
    assert (await admit(database, permit_id=elsewhere)).reason is Reason.UNKNOWN_CITY


@pytest.mark.parametrize("status", [LeadStatus.RESERVED, LeadStatus.SOLD])
async def test_a_reserved_or_sold_lead_is_left_alone(database: Database, status: LeadStatus) -> None:
    lead_id = (await admit(database, address="12 Oak St", city="Austin", state="TX")).lead_id
    assert lead_id is not None
    async with database.transaction() as tx:
        await tx.leads.set_status(lead_id, status)
    for workflow_id in (f"property-{lead_id}", "someone"):
        admission = await admit(database, workflow_id, lead_id=str(lead_id))
        assert (admission.lead_id, admission.reason, admission.status) == (lead_id, Reason.ALREADY_SETTLED, status)
    assert await status_of(database, lead_id) == status


async def test_only_the_property_s_own_workflow_reopens_it(database: Database) -> None:
    lead_id = (await admit(database, address="12 Oak St", city="Austin", state="TX")).lead_id
    assert lead_id is not None
    async with database.transaction() as tx:
        await tx.leads.set_status(lead_id, LeadStatus.NEEDS_REVIEW)
    found = await admit(database, "cli-start", address="12 Oak St", city="Austin", state="TX")
    assert (found.lead_id, found.reason) == (lead_id, None)
    assert await status_of(database, lead_id) == "needs_review"
    await admit(database, f"property-{lead_id}", lead_id=str(lead_id))
    assert await status_of(database, lead_id) == "processing"


async def test_two_at_once_make_one_lead(database: Database) -> None:
    admissions = await asyncio.gather(
        *(admit(database, address="12 Oak St", city="Austin", state="TX") for _ in range(8))
    )
    assert len({admission.lead_id for admission in admissions}) == 1
    async with database.transaction() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(BaseLead)) == 1


async def test_an_address_kept_under_another_id_is_refused(database: Database) -> None:
    async with database.transaction() as tx:
        tx.session.add(BaseLead(address="12 OAK ST", city="Austin", state="TX"))
    admission = await admit(database, address="12 Oak St", city="Austin", state="TX")
    assert admission.reason is Reason.BAD_REQUEST
    assert "another id" in (admission.detail or "")
