"""A city's recent roofing permits, page by page (spec 3.1.1)."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

from temporalio import activity

from activities.attempts import is_last_attempt
from activities.scraping.sources import JOBS, permit_source
from domain.permits import is_roofing
from integrations.http import VendorRejected, VendorUnavailable, VendorUnreadable
from integrations.permit_rows import PermitPage
from integrations.portals import PermitPortals, PortalUnsupported
from schema.contracts.property import CityScrapeRequest, CityScrapeResult, Reason
from schema.database import Database
from schema.progress import ScrapingProgress
from schema.tables.core import TargetCity

ROWS_PER_PAGE = 500


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a city scrape is. It travels in heartbeats, so that a retry goes on where a crash left off."""

    offset: int = 0
    roofing: int = 0
    stored: int = 0
    rejected: int = 0

    def after(self, page: PermitPage, roofing: int, stored: int) -> "Cursor":
        """The cursor behind a page that is stored."""
        return Cursor(
            self.offset + page.rows, self.roofing + roofing, self.stored + stored, self.rejected + len(page.rejected)
        )

    @property
    def progress(self) -> ScrapingProgress:
        """As the job's row shows it."""
        return ScrapingProgress(self.offset, self.offset, self.offset - self.rejected, self.rejected)


class CityScrape:
    """One scrape is one `scraping_jobs` row, whatever number of attempts it takes."""

    def __init__(
        self,
        db: Database,
        portals: PermitPortals,
        clock: Callable[[], datetime],
        rows_per_page: int = ROWS_PER_PAGE,
    ) -> None:
        self._rows_per_page = rows_per_page
        self._db = db
        self._portals = portals
        self._clock = clock

    async def run(self, request: CityScrapeRequest) -> CityScrapeResult:
        """Scrape and store. A portal that cannot be read is a result with a reason; one that is down raises
        VendorUnavailable and is tried again from the last heartbeat.
        """
        async with self._db.transaction() as tx:
            city = await tx.cities.get(request.city, request.state)
        if city is None:
            return CityScrapeResult(reason=Reason.UNKNOWN_CITY)
        info = activity.info()
        job_id = uuid5(JOBS, f"{info.workflow_run_id}/{info.activity_id}")
        since = info.scheduled_time.date() - timedelta(days=request.days)
        config = {"since": since.isoformat(), "max_permits": request.max_permits}
        async with self._db.transaction() as tx:
            await tx.jobs.start_scraping(job_id, "permit", city.city, city.state, config)
        return await self._scrape(job_id, city, since, request.max_permits)

    async def _scrape(self, job_id: UUID, city: TargetCity, since: date, limit: int) -> CityScrapeResult:
        details = activity.info().heartbeat_details
        cursor = Cursor(**details[0]) if details else Cursor()
        try:
            portal = self._portals.open(permit_source(city))
            while cursor.offset < limit:
                size = min(self._rows_per_page, limit - cursor.offset)
                page = await portal.page(since, cursor.offset, size)
                cursor = await self._store(job_id, page, cursor)
                activity.heartbeat(asdict(cursor))
                if page.rows < size:
                    break
        except VendorUnreadable as failure:
            return await self._finish(job_id, city, cursor, Reason.PORTAL_UNREADABLE, str(failure))
        except (PortalUnsupported, VendorRejected) as failure:
            return await self._finish(job_id, city, cursor, Reason.PORTAL_UNAVAILABLE, str(failure))
        except VendorUnavailable as failure:
            if not is_last_attempt():
                raise
            return await self._finish(job_id, city, cursor, Reason.PORTAL_UNAVAILABLE, str(failure))
        return await self._finish(job_id, city, cursor)

    async def _store(self, job_id: UUID, page: PermitPage, cursor: Cursor) -> Cursor:
        permits = await asyncio.to_thread(lambda: [permit for permit in page.records if is_roofing(permit)])
        async with self._db.transaction() as tx:
            stored = await tx.permits.upsert_many(permits)
            cursor = cursor.after(page, len(permits), len(stored))
            await tx.jobs.scraping_progress(job_id, cursor.progress)
        return cursor

    async def _finish(
        self, job_id: UUID, city: TargetCity, cursor: Cursor, reason: Reason | None = None, error: str | None = None
    ) -> CityScrapeResult:
        result = CityScrapeResult(
            job_id=job_id,
            seen=cursor.offset,
            roofing=cursor.roofing,
            stored=cursor.stored,
            rejected_rows=cursor.rejected,
            reason=reason,
        )
        async with self._db.transaction() as tx:
            await tx.jobs.finish_scraping(job_id, cursor.progress, result.model_dump(mode="json"), error)
            if reason is None:
                await tx.cities.record_scrape(city.city, city.state, cursor.stored, self._clock())
        return result
