"""Leads: admission, what is learnt of a property and its owner, status, and the marketplace's preview."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, Select, Text, cast, func, or_, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlmodel import col

from domain.address import Address
from domain.property_record import AssessorRecord
from domain.roof import RoofCondition, RoofMaterial
from schema.contracts.base import LeadStatus
from schema.repositories.base import Repository, checked, clean, page_size
from schema.tables import BaseLead, LeadTrigger, RoofAnalysis, RoofingLead, RoofingPermit, Vertical

SETTLED = frozenset({LeadStatus.RESERVED, LeadStatus.SOLD})
"""Statuses that no run of a property may undo."""

_OWNER_COLUMNS = frozenset(name for name in BaseLead.model_fields if name.startswith("owner_"))
_COMPUTED = frozenset({"id", "geom", "created_at"})

VALUE_RANGES = (
    (Decimal(500_000), "$500K or more"),
    (Decimal(300_000), "$300K-$500K"),
    (Decimal(200_000), "$200K-$300K"),
    (Decimal(100_000), "$100K-$200K"),
    (Decimal(0), "under $100K"),
)

_HOUSE_NUMBER = re.compile(r"^[A-Z]{0,2}\d[\w/-]*(?:\s+\d/\d)?\s+", re.IGNORECASE)
_UNIT = re.compile(r"\s+(?:(?:APT|UNIT|STE|BLDG|FL|LOT|TRLR|SPC)\b|#).*$", re.IGNORECASE)


class LeadMissing(LookupError):
    """There is no lead with this id."""


@dataclass(frozen=True, slots=True)
class OwnerContact:
    """How to reach a property's owner, decrypted. Its `repr` shows nothing personal."""

    name: str | None = field(repr=False)
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    mailing_address: str | None = field(repr=False)
    occupied: bool | None
    email_verified: bool
    email_confidence: Decimal | None
    phone_verified: bool


@dataclass(frozen=True, slots=True)
class LeadCursor:
    """Where a page of leads ended: score, then id."""

    score: int
    lead_id: UUID

    def encode(self) -> str:
        """As text for a query parameter."""
        return f"{self.score}.{self.lead_id.hex}"

    @classmethod
    def decode(cls, text: str) -> "LeadCursor":
        """The cursor of a text made by `encode`; raises ValueError for any other."""
        score, _, lead_id = text.partition(".")
        return cls(int(score), UUID(lead_id))


@dataclass(frozen=True, slots=True)
class LeadPreview:
    """A lead for sale as seen before buying (spec 3.7.2): no owner, no house number, no coordinates.

    `urgency` is the strength (0-100) of its strongest active trigger; `value_range` a band of US dollars.
    """

    lead_id: UUID
    street: str
    city: str
    state: str
    zip: str | None
    score: int
    grade: str | None
    price: Decimal | None
    value_range: str | None
    condition: RoofCondition | None
    urgency: int | None
    trigger_types: tuple[str, ...]
    roof_type: str | None
    roof_age_years: int | None
    roof_sqft: int | None
    damages: tuple[str, ...]
    year_built: int | None
    published_at: datetime | None
    available_until: datetime | None

    @property
    def cursor(self) -> LeadCursor:
        """Pass as `after` for the leads behind this one."""
        return LeadCursor(self.score, self.lead_id)


def street_of(line: str) -> str:
    """The street of an address line, without house number and unit."""
    return _UNIT.sub("", _HOUSE_NUMBER.sub("", line.strip()))


def value_range(value: Decimal | None) -> str | None:
    """The band a property value is shown as."""
    if value is None:
        return None
    return next((name for low, name in VALUE_RANGES if value >= low), None)


class LeadRepository(Repository):
    """`base_leads` and `roofing_leads`."""

    async def admit(
        self, lead_id: UUID, address: Address, workflow_id: str, permit_id: UUID | None = None
    ) -> LeadStatus:
        """Makes the lead exist and be in processing; returns its status before, PROCESSING if it is new.

        A reserved or sold lead is left untouched. Two at once give one row: the second waits for the first.
        """
        inserted = await self._insert(lead_id, address, workflow_id)
        previous = LeadStatus.PROCESSING if inserted else await self._reopen(lead_id, address, workflow_id)
        if permit_id is not None:
            await self._session.execute(
                update(RoofingPermit).where(col(RoofingPermit.id) == permit_id).values(base_lead_id=lead_id)
            )
        return previous

    async def _insert(self, lead_id: UUID, address: Address, workflow_id: str) -> bool:
        roofing = select(col(Vertical.id)).where(col(Vertical.slug) == "roofing").scalar_subquery()
        statement = insert(BaseLead).values(
            id=lead_id,
            vertical_id=roofing,
            address=address.line,
            city=address.city,
            state=address.state,
            zip=address.zip,
            status=LeadStatus.PROCESSING.value,
            workflow_id=workflow_id,
        )
        created = await self._session.scalar(statement.on_conflict_do_nothing().returning(col(BaseLead.id)))
        await self._session.execute(
            insert(RoofingLead)
            .from_select(
                ["base_lead_id", "vertical_id"],
                select(col(BaseLead.id), col(BaseLead.vertical_id)).where(col(BaseLead.id) == lead_id),
                include_defaults=False,
            )
            .on_conflict_do_nothing()
        )
        return created is not None

    async def _reopen(self, lead_id: UUID, address: Address, workflow_id: str) -> LeadStatus:
        found = await self._session.scalar(
            select(col(BaseLead.status)).where(col(BaseLead.id) == lead_id).with_for_update()
        )
        if found is None:
            raise LeadMissing("this address belongs to a lead with another id")
        previous = LeadStatus(found)
        if previous in SETTLED:
            return previous
        await self._session.execute(
            update(BaseLead)
            .where(col(BaseLead.id) == lead_id)
            .values(
                status=LeadStatus.PROCESSING.value,
                status_reason=None,
                workflow_id=workflow_id,
                zip=func.coalesce(address.zip, col(BaseLead.zip)),
                published_at=None,
                available_until=None,
            )
        )
        return previous

    async def get(self, lead_id: UUID) -> BaseLead | None:
        """The lead, or None. Owner contacts in it are ciphertext; see `contact`."""
        return await self._session.get(BaseLead, lead_id, populate_existing=True)

    async def roofing(self, lead_id: UUID) -> RoofingLead | None:
        """The roof of the lead, or None."""
        return await self._session.scalar(
            select(RoofingLead)
            .where(col(RoofingLead.base_lead_id) == lead_id)
            .execution_options(populate_existing=True)
        )

    async def save_property_record(self, lead_id: UUID, record: AssessorRecord) -> None:
        """Keeps what the county record says; what it does not say stays as it was."""
        known: dict[str, Any] = {
            "parcel_id": clean(record.parcel_id, 100),
            "owner_name": clean(record.owner_name, 255),
            "owner_occupied": record.owner_occupied,
            "property_value": record.property_value,
            "tax_amount": record.tax_amount,
            "last_sale_date": record.last_sale_date,
            "last_sale_price": record.last_sale_price,
            "year_built": record.year_built,
            "sqft": record.sqft,
            "lot_size": record.lot_size,
            "beds": record.beds,
            "baths": record.baths,
            "property_type": clean(record.property_type, 50),
            **self._sealed("owner_mailing_address", record.owner_mailing_address, indexed=False),
            **self._sealed("owner_email", record.owner_email),
            **self._sealed("owner_phone", record.owner_phone),
        }
        if known.get("owner_email"):
            known["owner_email_source"] = "assessor"
        await self._update(lead_id, {name: value for name, value in known.items() if value is not None})
        if record.roof_type in tuple(RoofMaterial):
            await self.update_roofing(lead_id, roof_type=record.roof_type)

    async def save_location(self, lead_id: UUID, lat: float | Decimal, lng: float | Decimal, source: str) -> None:
        """Keeps the coordinates (degrees) and where they come from."""
        places = {"lat": round(Decimal(str(lat)), 8), "lng": round(Decimal(str(lng)), 8)}
        await self._update(lead_id, {**places, "geocode_source": source})

    async def save_contact(
        self,
        lead_id: UUID,
        *,
        email: str | None = None,
        email_confidence: Decimal | float | None = None,
        email_source: str | None = None,
        email_verified: bool = False,
        phone: str | None = None,
        phone_verified: bool = False,
        cost: Decimal | None = None,
    ) -> None:
        """Keeps the owner's contacts, encrypted and indexed. A contact that is None stays as it was.

        `email_confidence` is 0-100, `cost` in US dollars.
        """
        found: dict[str, Any] = {}
        if email:
            confidence = None if email_confidence is None else round(Decimal(str(email_confidence)), 2)
            found |= self._sealed("owner_email", email)
            found |= {
                "owner_email_confidence": confidence,
                "owner_email_source": email_source,
                "owner_email_verified": email_verified,
            }
        if phone:
            found |= self._sealed("owner_phone", phone) | {"owner_phone_verified": phone_verified}
        if cost is not None:
            found["email_acquisition_cost"] = cost
        await self._update(lead_id, found)

    async def drop_email(self, lead_id: UUID) -> None:
        """Forgets an e-mail address that mail cannot reach."""
        nothing = dict.fromkeys(
            ("owner_email", "owner_email_bidx", "owner_email_confidence", "owner_email_source"), None
        )
        await self._update(lead_id, {**nothing, "owner_email_verified": False})

    async def contact(self, lead_id: UUID) -> OwnerContact | None:
        """The owner's contacts, decrypted; None without such a lead."""
        lead = await self.get(lead_id)
        if lead is None:
            return None
        return OwnerContact(
            name=lead.owner_name,
            email=self._opened(lead.owner_email),
            phone=self._opened(lead.owner_phone),
            mailing_address=self._opened(lead.owner_mailing_address),
            occupied=lead.owner_occupied,
            email_verified=lead.owner_email_verified,
            email_confidence=lead.owner_email_confidence,
            phone_verified=lead.owner_phone_verified,
        )

    async def with_email(self, email: str, limit: int = 50) -> Sequence[UUID]:
        """Leads whose owner has this e-mail address, found by its blind index."""
        found = await self._session.scalars(
            select(col(BaseLead.id))
            .where(col(BaseLead.owner_email_bidx) == self._vault.blind_index(email))
            .order_by(col(BaseLead.id))
            .limit(page_size(limit))
        )
        return found.all()

    async def set_status(
        self,
        lead_id: UUID,
        status: LeadStatus,
        reason: str | None = None,
        *,
        among: Collection[LeadStatus] | None = None,
        **columns: Any,
    ) -> bool:
        """Sets the status with its reason and any other columns of the lead.

        With `among`, only if the status is one of these now; returns whether it was. Raises LeadMissing.
        """
        checked(BaseLead, columns, _OWNER_COLUMNS | _COMPUTED)
        values = {**columns, "status": status.value, "status_reason": reason}
        conditions = [] if among is None else [col(BaseLead.status).in_([state.value for state in among])]
        return await self._update(lead_id, values, *conditions)

    async def update(self, lead_id: UUID, **columns: Any) -> None:
        """Sets columns of the lead other than the owner's. Raises LeadMissing."""
        checked(BaseLead, columns, _OWNER_COLUMNS | _COMPUTED)
        await self._update(lead_id, columns)

    async def update_roofing(self, lead_id: UUID, **columns: Any) -> None:
        """Sets columns of the lead's roof."""
        checked(RoofingLead, columns, {"id", "base_lead_id", "created_at"})
        if not columns:
            return
        statement = insert(RoofingLead).values(base_lead_id=lead_id, **columns)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["base_lead_id"], set_={**columns, "updated_at": func.now()})
        )

    async def list_available(
        self,
        *,
        city: str | None = None,
        state: str | None = None,
        min_score: int | None = None,
        max_price: Decimal | None = None,
        after: LeadCursor | None = None,
        limit: int = 50,
    ) -> list[LeadPreview]:
        """Leads for sale, best score first; no owner column is read."""
        conditions = [
            col(BaseLead.status) == LeadStatus.AVAILABLE.value,
            col(BaseLead.quality_score).is_not(None),
            or_(col(BaseLead.available_until).is_(None), col(BaseLead.available_until) > func.now()),
        ]
        if state:
            conditions.append(col(BaseLead.state) == state.upper())
        if city:
            conditions.append(func.lower(col(BaseLead.city)) == city.lower())
        if min_score is not None:
            conditions.append(col(BaseLead.quality_score) >= min_score)
        if max_price is not None:
            conditions.append(col(BaseLead.price) <= max_price)
        if after is not None:
            key = tuple_(col(BaseLead.quality_score), col(BaseLead.id))
            conditions.append(key < tuple_(after.score, after.lead_id))
        statement = (
            _preview()
            .where(*conditions)
            .order_by(col(BaseLead.quality_score).desc(), col(BaseLead.id).desc())
            .limit(page_size(limit))
        )
        return [_to_preview(row) for row in (await self._session.execute(statement)).mappings()]

    async def _update(self, lead_id: UUID, values: dict[str, Any], *conditions: Any) -> bool:
        if values:
            statement = update(BaseLead).where(col(BaseLead.id) == lead_id, *conditions).values(**values)
            result = await self._session.execute(statement, execution_options={"synchronize_session": False})
            if isinstance(result, CursorResult) and result.rowcount:
                return True
        if await self._session.scalar(select(col(BaseLead.id)).where(col(BaseLead.id) == lead_id)) is None:
            raise LeadMissing("no lead with this id")
        return not values

    def _sealed(self, name: str, value: str | None, indexed: bool = True) -> dict[str, str]:
        text = clean(value)
        if text is None:
            return {}
        index = {f"{name}_bidx": self._vault.blind_index(text)} if indexed else {}
        return {name: self._vault.encrypt(text), **index}

    def _opened(self, token: str | None) -> str | None:
        return None if token is None else self._vault.decrypt(token)


def _preview() -> Select[Any]:
    triggers = (
        select(
            func.array_agg(func.distinct(col(LeadTrigger.trigger_type))).label("trigger_types"),
            func.max(col(LeadTrigger.trigger_strength)).label("urgency"),
        )
        .where(col(LeadTrigger.base_lead_id) == col(BaseLead.id), col(LeadTrigger.active))
        .lateral("trigger")
    )
    analysis = (
        select(col(RoofAnalysis.overall_condition), col(RoofAnalysis.damage_types))
        .where(col(RoofAnalysis.base_lead_id) == col(BaseLead.id))
        .order_by(col(RoofAnalysis.analyzed_at).desc())
        .limit(1)
        .lateral("analysis")
    )
    columns: list[Any] = [
        col(BaseLead.id).label("lead_id"),
        col(BaseLead.address),
        col(BaseLead.city),
        col(BaseLead.state),
        col(BaseLead.zip),
        col(BaseLead.quality_score).label("score"),
        col(BaseLead.grade),
        col(BaseLead.price),
        col(BaseLead.property_value),
        col(BaseLead.year_built),
        col(BaseLead.published_at),
        col(BaseLead.available_until),
        col(RoofingLead.roof_type),
        col(RoofingLead.estimated_roof_age).label("roof_age_years"),
        col(RoofingLead.roof_sqft),
        analysis.c.overall_condition,
        func.coalesce(analysis.c.damage_types, cast([], ARRAY(Text))).label("damages"),
        func.coalesce(triggers.c.trigger_types, cast([], ARRAY(Text))).label("trigger_types"),
        triggers.c.urgency,
    ]
    return (
        select(*columns)
        .outerjoin(RoofingLead, col(RoofingLead.base_lead_id) == col(BaseLead.id))
        .outerjoin(analysis, true())
        .outerjoin(triggers, true())
    )


def _to_preview(row: Any) -> LeadPreview:
    condition = row["overall_condition"]
    return LeadPreview(
        lead_id=row["lead_id"],
        street=street_of(row["address"]),
        city=row["city"],
        state=row["state"],
        zip=row["zip"],
        score=row["score"],
        grade=row["grade"],
        price=row["price"],
        value_range=value_range(row["property_value"]),
        condition=RoofCondition(condition) if condition else None,
        urgency=row["urgency"],
        trigger_types=tuple(sorted(row["trigger_types"])),
        roof_type=row["roof_type"],
        roof_age_years=row["roof_age_years"],
        roof_sqft=row["roof_sqft"],
        damages=tuple(row["damages"]),
        year_built=row["year_built"],
        published_at=row["published_at"],
        available_until=row["available_until"],
    )
