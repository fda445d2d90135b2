"""Who may start a property, and which lead the request stands for."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from domain.address import Address, InvalidAddress, lead_id_for, parse_address, parse_state
from schema.contracts.base import LeadStatus
from schema.contracts.ids import property_workflow_id
from schema.contracts.property import Admission, PropertyRequest, Reason
from schema.database import Database, UnitOfWork
from schema.repositories.leads import SETTLED, LeadMissing

if TYPE_CHECKING:
    from schema.tables import TargetCity


# A place name may be quoted back; anything else typed into the field may be somebody's address.
_PLACE_NAME = re.compile(r"[^\W\d_][^\W\d_ .'-]{0,60}(?:[ .'-]+[^\W\d_]{1,60}){0,4}\.?")


class Refused(Exception):
    """The request stands for no lead we can process. `detail` is one sentence and never quotes the address."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Wanted:
    """The property a request names."""

    lead_id: UUID
    address: Address
    permit_id: UUID | None = None


class Admissions:
    """Turns requests into leads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def admit(self, request: PropertyRequest, workflow_id: str) -> Admission:
        """The lead, in processing, or a reason. Bad input never raises."""
        async with self._db.transaction() as tx:
            try:
                wanted = await _wanted(tx, request)
                return await _admit(tx, wanted, workflow_id)
            except Refused as refusal:
                return Admission(reason=refusal.reason, detail=refusal.detail)


async def _wanted(tx: UnitOfWork, request: PropertyRequest) -> Wanted:
    ways = [value for value in (request.address, request.permit_id, request.lead_id) if value and value.strip()]
    if not ways:
        raise Refused(Reason.BAD_REQUEST, "Give an address with city and state, a permit_id or a lead_id.")
    if len(ways) > 1:
        raise Refused(Reason.BAD_REQUEST, "Give only one of address, permit_id and lead_id.")
    if request.lead_id and request.lead_id.strip():
        return await _by_lead(tx, request.lead_id)
    if request.permit_id and request.permit_id.strip():
        return await _by_permit(tx, request.permit_id)
    return await _by_address(tx, request)


async def _by_lead(tx: UnitOfWork, text: str) -> Wanted:
    lead_id = _uuid(text, "lead_id")
    lead = await tx.leads.get(lead_id)
    if lead is None:
        raise Refused(Reason.UNKNOWN_LEAD, "There is no lead with this lead_id.")
    return Wanted(lead_id, Address(lead.address, lead.city, lead.state, lead.zip))


async def _by_permit(tx: UnitOfWork, text: str) -> Wanted:
    permit_id = _uuid(text, "permit_id")
    permit = await tx.permits.get(permit_id)
    if permit is None:
        raise Refused(Reason.UNKNOWN_PERMIT, "There is no permit with this permit_id.")
    city = await _city(tx, permit.city or "", permit.state or "")
    address = _parsed(permit.address, city, permit.zip)
    return Wanted(lead_id_for(address), address, permit_id)


async def _by_address(tx: UnitOfWork, request: PropertyRequest) -> Wanted:
    if not (request.city or "").strip() or not (request.state or "").strip():
        raise Refused(Reason.BAD_REQUEST, "An address needs city and state.")
    city = await _city(tx, request.city or "", request.state or "")
    address = _parsed(request.address or "", city, request.zip)
    return Wanted(lead_id_for(address), address)


async def _city(tx: UnitOfWork, name: str, state: str) -> "TargetCity":
    """The target city, whose spelling is the one leads are kept under."""
    try:
        code = parse_state(state)
    except InvalidAddress as problem:
        raise Refused(Reason.BAD_REQUEST, problem.detail) from problem
    tidy = " ".join(name.replace("\x00", " ").split())
    shown = f"{tidy}, {code}" if _PLACE_NAME.fullmatch(tidy) else f"This place in {code}"
    city = await tx.cities.get(tidy, code) if tidy else None
    if city is None:
        raise Refused(Reason.UNKNOWN_CITY, f"{shown} is not one of the target cities.")
    if not city.active:
        raise Refused(Reason.UNKNOWN_CITY, f"{city.city}, {code} is a target city but is not active.")
    return city


def _parsed(line: str, city: "TargetCity", zip_code: str | None) -> Address:
    try:
        return parse_address(line, city.city, city.state, zip_code)
    except InvalidAddress as problem:
        raise Refused(Reason.INVALID_ADDRESS, problem.detail) from problem


def _uuid(text: str, field: str) -> UUID:
    try:
        return UUID(text.strip())
    except ValueError as problem:
        raise Refused(Reason.BAD_REQUEST, f"The {field} is not a UUID.") from problem


async def _admit(tx: UnitOfWork, wanted: Wanted, workflow_id: str) -> Admission:
    address = wanted.address
    known = await tx.leads.get(wanted.lead_id)
    own = property_workflow_id(wanted.lead_id)
    # Under another id a start only finds the property; its own workflow reopens it, if it is not running.
    if known is None or workflow_id == own:
        try:
            previous = await tx.leads.admit(wanted.lead_id, address, own, wanted.permit_id)
        except LeadMissing:
            raise Refused(Reason.BAD_REQUEST, "This address belongs to a lead with another id.") from None
    else:
        previous = LeadStatus(known.status)
    if previous in SETTLED:
        return Admission(
            lead_id=wanted.lead_id,
            city=address.city,
            state=address.state,
            status=previous,
            reason=Reason.ALREADY_SETTLED,
            detail=f"The lead is {previous.value} and is not processed again.",
        )
    if known is None:
        source = "permit" if wanted.permit_id else "address"
        await tx.events.record("lead.created", "lead", wanted.lead_id, {"source": source}, service="leads")
    return Admission(lead_id=wanted.lead_id, city=address.city, state=address.state)
