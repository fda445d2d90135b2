"""Permits as portals publish them, stored once per city and number."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.address import InvalidAddress, parse_address
from domain.permits import PermitRecord
from schema.repositories.base import Repository, clean, page_size, rows_of
from schema.tables import RoofingPermit

MAX_VALUE = Decimal("99999999.99")
_KEY = ("city", "state", "permit_number")
_COLUMNS = (
    *_KEY,
    "address",
    "zip",
    "lat",
    "lng",
    "permit_type",
    "work_description",
    "estimated_value",
    "contractor_name",
    "contractor_license",
    "issue_date",
    "completion_date",
    "permit_status",
    "source",
    "source_url",
)


@dataclass(frozen=True, slots=True)
class PermitCursor:
    """Where a page of permits ended: date of issue, then id."""

    issue_date: date
    permit_id: UUID


class PermitRepository(Repository):
    """`roofing_permits`."""

    async def upsert_many(self, records: Sequence[PermitRecord]) -> list[UUID]:
        """Stores permits in one statement and returns their ids; a permit seen before is brought up to date.

        Addresses are stored in USPS form where they can be read as such, so that `at_address` finds them.
        Of two records with the same number the later one counts.
        """
        if not records:
            return []
        latest = {(record.city, record.state, record.permit_number): record for record in records}
        # Address parsing is slow enough (about a millisecond each) to stall an event loop.
        rows = await asyncio.to_thread(lambda: [_values(record) for record in latest.values()])
        statement = insert(RoofingPermit).from_select(
            list(_COLUMNS), rows_of(RoofingPermit, _COLUMNS, rows), include_defaults=False
        )
        changed = {
            name: func.coalesce(statement.excluded[name], getattr(RoofingPermit, name))
            for name in _COLUMNS
            if name not in _KEY
        }
        statement = statement.on_conflict_do_update(
            index_elements=list(_KEY), set_={**changed, "scraped_at": func.now(), "updated_at": func.now()}
        )
        return list(await self._session.scalars(statement.returning(col(RoofingPermit.id))))

    async def get(self, permit_id: UUID) -> RoofingPermit | None:
        """The permit, or None."""
        return await self._session.get(RoofingPermit, permit_id)

    async def at_address(self, line: str, city: str, state: str, limit: int = 50) -> Sequence[RoofingPermit]:
        """Permits on file for an address in USPS form, newest first."""
        found = await self._session.scalars(
            select(RoofingPermit)
            .where(
                col(RoofingPermit.address) == line,
                func.lower(col(RoofingPermit.city)) == city.lower(),
                col(RoofingPermit.state) == state,
            )
            .order_by(col(RoofingPermit.issue_date).desc().nulls_last(), col(RoofingPermit.id).desc())
            .limit(page_size(limit))
        )
        return found.all()

    async def for_city(
        self, city: str, state: str, since: date, limit: int = 100, after: PermitCursor | None = None
    ) -> Sequence[RoofingPermit]:
        """Permits of a city issued on or after `since`, newest first; undated ones are left out."""
        conditions = [
            col(RoofingPermit.state) == state,
            func.lower(col(RoofingPermit.city)) == city.lower(),
            col(RoofingPermit.issue_date) >= since,
        ]
        if after is not None:
            key = tuple_(col(RoofingPermit.issue_date), col(RoofingPermit.id))
            conditions.append(key < tuple_(after.issue_date, after.permit_id))
        found = await self._session.scalars(
            select(RoofingPermit)
            .where(*conditions)
            .order_by(col(RoofingPermit.issue_date).desc(), col(RoofingPermit.id).desc())
            .limit(page_size(limit))
        )
        return found.all()

    async def link(self, lead_id: UUID, line: str, city: str, state: str) -> None:
        """Ties the permits at an address to its lead."""
        await self._session.execute(
            update(RoofingPermit)
            .where(
                col(RoofingPermit.address) == line,
                func.lower(col(RoofingPermit.city)) == city.lower(),
                col(RoofingPermit.state) == state,
            )
            .values(base_lead_id=lead_id)
        )


def _values(record: PermitRecord) -> dict[str, Any]:
    line, zip_code = _address(record)
    value = record.estimated_value
    return {
        "city": record.city,
        "state": record.state,
        "permit_number": clean(record.permit_number, 100),
        "address": line,
        "zip": zip_code,
        "lat": record.lat,
        "lng": record.lng,
        "permit_type": clean(record.permit_type, 100),
        "work_description": clean(record.description),
        "estimated_value": value if value is not None and abs(value) <= MAX_VALUE else None,
        "contractor_name": clean(record.contractor_name, 255),
        "contractor_license": clean(record.contractor_license, 100),
        "issue_date": record.issue_date,
        "completion_date": record.completion_date,
        "permit_status": clean(record.status, 50),
        "source": clean(record.source, 100),
        "source_url": clean(record.source_url),
    }


def _address(record: PermitRecord) -> tuple[str, str | None]:
    try:
        address = parse_address(record.address, record.city, record.state, record.zip)
    except InvalidAddress:
        return clean(record.address) or "", clean(record.zip, 10)
    return address.line, address.zip
