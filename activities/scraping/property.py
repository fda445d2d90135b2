"""What a permit portal and a county assessor know of one property (spec 3.1.1, 3.1.2)."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from activities.attempts import is_last_attempt
from activities.metering import charged_to
from activities.scraping.sources import JOBS, lead_and_city, permit_source
from domain.address import Address, InvalidAddress, parse_address
from domain.age import RoofPermit, roof_age
from domain.permits import PermitRecord, is_roofing, last_replacement
from domain.property_record import AssessorRecord
from integrations.assessor import Assessor, AssessorSite
from integrations.http import VendorRejected, VendorUnavailable, VendorUnreadable
from integrations.portals import PermitPortals, PortalUnsupported
from schema.contracts.property import PermitHistory, PropertyRecordSummary, Reason
from schema.database import Database
from schema.progress import ScrapingProgress
from schema.tables.core import BaseLead, RoofingPermit, TargetCity

RECORD_FRESH = timedelta(hours=24)


class PermitsOnFile:
    """Roofing permits at a property, of any age."""

    def __init__(self, db: Database, portals: PermitPortals, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._portals = portals
        self._clock = clock

    async def collect(self, lead_id: UUID) -> PermitHistory:
        """Store and link the permits. Whatever the portal does, those already in the database count."""
        row, city = await lead_and_city(self._db, lead_id)
        address = Address(row.address, row.city, row.state, row.zip)
        with charged_to(lead_id):
            permits, reason = await self._permits_at(city, address)
        today = self._clock().date()
        async with self._db.transaction() as tx:
            await tx.permits.upsert_many(permits)
            await tx.permits.link(lead_id, address.line, address.city, address.state)
            on_file = await tx.permits.at_address(address.line, address.city, address.state, limit=100)
            replaced = last_replacement(map(_record, on_file), today)
            if replaced is not None:
                age = roof_age([RoofPermit(replaced, replaced)], None, today)
                await tx.leads.update_roofing(lead_id, last_roof_permit=replaced, estimated_roof_age=age.years)
        return PermitHistory(permits=len(on_file), last_roof_permit=replaced, reason=reason)

    async def _permits_at(
        self, city: TargetCity | None, address: Address
    ) -> tuple[Sequence[PermitRecord], Reason | None]:
        if city is None:
            return (), Reason.UNKNOWN_CITY
        try:
            page = await self._portals.open(permit_source(city)).at_address(address)
        except VendorUnreadable:
            return (), Reason.PORTAL_UNREADABLE
        except (PortalUnsupported, VendorRejected):
            return (), Reason.PORTAL_UNAVAILABLE
        except VendorUnavailable:
            if not is_last_attempt():
                raise
            return (), Reason.PORTAL_UNAVAILABLE
        return await asyncio.to_thread(_roof_work_at, address.line, page.records), None


class PropertyRecord:
    """The county's record of a property and its owner."""

    def __init__(self, db: Database, assessor: Assessor) -> None:
        self._db = db
        self._assessor = assessor

    async def fetch(self, lead_id: UUID) -> PropertyRecordSummary:
        """Fetch and store the record, unless it was fetched less than 24 hours ago.

        That is the spec's cache, kept in `scraping_jobs`: what a cache would hold is personal data.
        """
        row, city = await lead_and_city(self._db, lead_id)
        job_id = uuid5(JOBS, f"property/{lead_id}")
        async with self._db.transaction() as tx:
            fresh = await tx.jobs.scraped_within(job_id, RECORD_FRESH)
            if fresh is not None:
                return _summary(bool((fresh.results or {}).get("found")))
            await tx.jobs.start_scraping(job_id, "property", row.city, row.state, {"lead_id": str(lead_id)})
        if city is None or not city.assessor_search_url_template:
            return await self._no_record(job_id, Reason.ASSESSOR_UNAVAILABLE, "no assessor search is known")
        site = AssessorSite.from_config(city.assessor_search_url_template, city.assessor_config)
        try:
            with charged_to(lead_id):
                record = await self._assessor.find(site, Address(row.address, row.city, row.state, row.zip))
        except VendorUnreadable as failure:
            return await self._no_record(job_id, Reason.ASSESSOR_UNREADABLE, str(failure))
        except VendorRejected as failure:
            return await self._no_record(job_id, Reason.ASSESSOR_UNAVAILABLE, str(failure))
        except VendorUnavailable as failure:
            if not is_last_attempt():
                raise
            return await self._no_record(job_id, Reason.ASSESSOR_UNAVAILABLE, str(failure))
        return await self._save_record(row, job_id, record)

    async def _save_record(self, row: BaseLead, job_id: UUID, record: AssessorRecord | None) -> PropertyRecordSummary:
        found = record is not None
        async with self._db.transaction() as tx:
            if record is not None:
                await tx.leads.save_property_record(row.id, _with_occupancy(record, row))
            progress = ScrapingProgress(1, 1, int(found), int(not found))
            await tx.jobs.finish_scraping(job_id, progress, {"found": found})
        return _summary(found)

    async def _no_record(self, job_id: UUID, reason: Reason, error: str) -> PropertyRecordSummary:
        async with self._db.transaction() as tx:
            await tx.jobs.finish_scraping(job_id, ScrapingProgress(1, 1, 0, 1), {"reason": reason.value}, error)
        return PropertyRecordSummary(reason=reason)


def _roof_work_at(line: str, records: Sequence[PermitRecord]) -> list[PermitRecord]:
    """The portal is asked loosely; this keeps roof work at exactly this address."""
    return [record for record in records if is_roofing(record) and _line(record) == line]


def _line(record: PermitRecord) -> str | None:
    try:
        return parse_address(record.address, record.city, record.state).line
    except InvalidAddress:
        return None


def _record(permit: RoofingPermit) -> PermitRecord:
    return PermitRecord(
        permit_number=permit.permit_number or "",
        address=permit.address,
        city=permit.city or "",
        state=permit.state or "",
        permit_type=permit.permit_type,
        description=permit.work_description,
        issue_date=permit.issue_date,
        completion_date=permit.completion_date,
        status=permit.permit_status,
    )


def _with_occupancy(record: AssessorRecord, row: BaseLead) -> AssessorRecord:
    """An owner whose mail goes to the house lives in it."""
    mailing = record.owner_mailing_address
    if record.owner_occupied is not None or not mailing:
        return record
    try:
        line = parse_address(mailing.split(",")[0], row.city, row.state).line
    except InvalidAddress:
        return replace(record, owner_occupied=False)
    return replace(record, owner_occupied=line == row.address)


def _summary(found: bool) -> PropertyRecordSummary:
    return PropertyRecordSummary(found=found, reason=None if found else Reason.OWNER_NOT_FOUND)
