"""A city's contractors from Google Places and Yelp at once (spec 3.6.1)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.attempts import is_last_attempt
from activities.discovery.merging import Area, Merging
from activities.scraping.sources import JOBS
from domain.companies import GOOGLE, YELP, Listing, refusal
from domain.geo import Point
from integrations.google_places import GooglePlaces
from integrations.http import VendorError, VendorRejected, VendorUnavailable
from integrations.yelp import YelpFusion
from schema.contracts.outreach import DiscoveredContractors, DiscoveryRequest
from schema.database import Database
from schema.progress import ScrapingProgress
from schema.tables.core import TargetCity

QUERIES = ("roofing contractors in {city}, {state}", "roof repair companies in {city}, {state}")
"""Google shows sixty places of one question; the next one is asked while there is room for more."""
PATIENCE = 3
"""On this attempt a source that is still down is left out; the others' results are stored by then."""
DETAILS_FRESH = timedelta(days=30)
"""How long the details of a place, which are paid for one by one, are not asked again."""
BATCH = 20
DETAILS_AT_ONCE = 5


@dataclass
class Progress:
    """One discovery as it goes. The contractors are those the listings turned out to be."""

    job_id: UUID
    found: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    stored: int = 0
    contractors: set[UUID] = field(default_factory=set)
    down: dict[str, VendorError] = field(default_factory=dict)

    @property
    def shown(self) -> ScrapingProgress:
        """As the job's row shows it."""
        total = self.found.total()
        return ScrapingProgress(total, self.stored + self.refused.total() + self.failed, self.stored, self.failed)


class Discovery:
    """One discovery is one `scraping_jobs` row, whatever number of attempts it takes."""

    def __init__(self, db: Database, google: GooglePlaces, yelp: YelpFusion, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._google = google
        self._yelp = yelp
        self._clock = clock

    async def run(self, request: DiscoveryRequest) -> DiscoveredContractors:
        """Ask, merge, store. Raises when no source answers, and for a city we do not know.

        A retry asks the searches again and pays only for details that are not stored yet.
        """
        async with self._db.transaction() as tx:
            city = await tx.cities.get(request.city, request.state)
        if city is None:
            raise ApplicationError("not one of the target cities", type="UnknownCity", non_retryable=True)
        info = activity.info()
        progress = Progress(uuid5(JOBS, f"{info.workflow_run_id}/{info.activity_id}"))
        async with self._db.transaction() as tx:
            config = {"max_results": request.max_results}
            await tx.jobs.start_scraping(progress.job_id, "contractor", city.city, city.state, config)
        await self._gather(city, request.max_results, progress)
        return await self._finish(progress)

    async def _gather(self, city: TargetCity, most: int, progress: Progress) -> None:
        centre = Point(float(city.lat), float(city.lng)) if city.lat is not None and city.lng is not None else None
        merging = Merging(self._db, progress.job_id, Area(city.city, city.state, centre))
        for source, client in ((GOOGLE, self._google), (YELP, self._yelp)):
            if not client.configured:
                progress.down[source] = VendorRejected(source, "search", "there is no key", 401)
        searches = {
            GOOGLE: self._search(self._places(city, most), GOOGLE, progress),
            YELP: self._search(self._yelp.search(city.city, city.state, most), YELP, progress),
        }
        lists = dict(zip(searches, await asyncio.gather(*searches.values()), strict=True))
        good = {source: _welcome(listings[:most], centre, city.state, progress) for source, listings in lists.items()}
        await self._store_places(good[GOOGLE], merging, most, progress)
        await self._store(good[YELP], merging, most, progress)

    async def _places(self, city: TargetCity, most: int) -> AsyncIterator[Sequence[Listing]]:
        known: set[str] = set()
        for query in QUERIES:
            before = len(known)
            async for page in self._google.search(query.format(city=city.city, state=city.state)):
                new = [listing for listing in page if listing.external_id not in known]
                known |= {listing.external_id for listing in new}
                yield new
                if len(known) >= most:
                    return
            if len(known) == before:
                return

    async def _search(self, pages: AsyncIterator[Sequence[Listing]], source: str, progress: Progress) -> list[Listing]:
        """What a source's search gave, as far as it went; a failure is kept in `progress`."""
        found: list[Listing] = []
        if source in progress.down:
            return found
        try:
            async for page in pages:
                found += page
                progress.found[source] += len(page)
                activity.heartbeat()
        except VendorError as failure:
            progress.down[source] = failure
        return found

    async def _store_places(self, places: list[Listing], merging: Merging, most: int, progress: Progress) -> None:
        """Google's places with their details, a batch at a time."""
        async with self._db.transaction() as tx:
            fresh = await tx.discovery.detailed_since(
                GOOGLE, [place.external_id for place in places], self._clock() - DETAILS_FRESH
            )
        known = [place for place in places if place.external_id in fresh]
        await self._store(known, merging, most, progress)
        new = [place for place in places if place.external_id not in fresh]
        for start in range(0, len(new), BATCH):
            await self._store(await self._details(new[start : start + BATCH], progress), merging, most, progress)
            if GOOGLE in progress.down:
                return

    async def _details(self, places: Sequence[Listing], progress: Progress) -> list[Listing]:
        window = asyncio.Semaphore(DETAILS_AT_ONCE)

        async def ask(place: Listing) -> Listing | None:
            async with window:
                if GOOGLE in progress.down:
                    return None
                try:
                    return await self._google.details(place)
                except VendorUnavailable as failure:
                    progress.down[GOOGLE] = failure
                except VendorError:
                    progress.failed += 1
                return None

        found = await asyncio.gather(*(ask(place) for place in places))
        return [place for place in found if place is not None]

    async def _store(self, listings: Sequence[Listing], merging: Merging, most: int, progress: Progress) -> None:
        for start in range(0, len(listings), BATCH):
            batch = listings[start : start + BATCH]
            progress.contractors |= await merging.store(batch, most - len(progress.contractors))
            progress.stored += len(batch)
            async with self._db.transaction() as tx:
                await tx.jobs.scraping_progress(progress.job_id, progress.shown)
            activity.heartbeat()

    async def _finish(self, progress: Progress) -> DiscoveredContractors:
        passing = [failure for failure in progress.down.values() if isinstance(failure, VendorUnavailable)]
        if passing and not is_last_attempt() and activity.info().attempt < PATIENCE:
            raise passing[0]
        async with self._db.transaction() as tx:
            outcome = await tx.discovery.outcome(progress.contractors, progress.job_id)
            result = DiscoveredContractors(
                found=dict(progress.found),
                created=outcome.created,
                merged=max(0, progress.stored - len(progress.contractors)),
                to_enrich=outcome.to_enrich,
                unavailable=tuple(sorted(progress.down)),
            )
            summary = result.model_dump(mode="json", exclude={"to_enrich"}) | {"refused": dict(progress.refused)}
            error = "; ".join(str(progress.down[source]) for source in sorted(progress.down)) or None
            everything_down = len(progress.down) == len((GOOGLE, YELP)) and not progress.stored
            await tx.jobs.finish_scraping(progress.job_id, progress.shown, summary, error if everything_down else None)
        if everything_down:
            raise ApplicationError("no source of contractors answers", type="SourcesUnavailable", non_retryable=True)
        return result


def _welcome(listings: Sequence[Listing], centre: Point | None, state: str, progress: Progress) -> list[Listing]:
    welcome = []
    for listing in listings:
        why_not = refusal(listing, centre, state)
        if why_not is None:
            welcome.append(listing)
        else:
            progress.refused[why_not] += 1
    return welcome
