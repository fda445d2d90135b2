"""Scraper service (spec 5.2): fetch a city's permits, follow the jobs."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import TypeAdapter

from api import cursors
from api.problems import ApiProblem, Code
from api.resources import Injected
from api.starting import start_or_join
from schema.contracts.api import Job, JobPage, StartedWorkflow, StartPermitScrape
from schema.contracts.ids import permit_scrape_workflow_id
from schema.contracts.property import CityScrapeRequest
from schema.tables import ScrapingJob
from workflows.permits import PermitScrapeWorkflow

router = APIRouter(tags=["scraping"])

_CURSOR = TypeAdapter(cursors.MomentKey)


@router.post("/scrape/permits", status_code=202)
async def scrape_permits(body: StartPermitScrape, resources: Injected) -> StartedWorkflow:
    """Start fetching the roofing permits of the last `days` days, or join the scrape of that city."""
    async with resources.database.transaction() as tx:
        city = await tx.cities.get(body.city, body.state)
    if city is None:
        raise ApiProblem(Code.UNKNOWN_CITY)
    request = CityScrapeRequest(city=city.city, state=city.state, days=body.days)
    workflow_id = permit_scrape_workflow_id(city.city, city.state)
    return await start_or_join(resources, PermitScrapeWorkflow.run, request, workflow_id)


@router.get("/jobs")
async def list_jobs(
    resources: Injected, after: cursors.After = None, limit: cursors.Limit = cursors.DEFAULT_PAGE
) -> JobPage:
    """Scrapes, newest first."""
    key = cursors.decode(after, _CURSOR)
    async with resources.database.transaction() as tx:
        jobs = await tx.jobs.scraping_page(key, limit)
    last = jobs[-1] if len(jobs) == limit else None
    return JobPage(
        jobs=tuple(_shown(job) for job in jobs),
        next=cursors.encode((last.created_at, last.id), _CURSOR) if last else None,
    )


@router.get("/jobs/{job_id}")
async def get_job(job_id: UUID, resources: Injected) -> Job:
    """One scrape and how far it is."""
    async with resources.database.transaction() as tx:
        job = await tx.jobs.scraping_job(job_id)
    if job is None:
        raise ApiProblem(Code.UNKNOWN_JOB)
    return _shown(job)


def _shown(job: ScrapingJob) -> Job:
    return Job(
        job_id=job.id,
        job_type=job.job_type or "",
        city=job.city,
        state=job.state,
        status=job.status,
        total_items=job.total_items,
        processed_items=job.processed_items,
        succeeded_items=job.succeeded_items,
        failed_items=job.failed_items,
        error=job.error_message,
        started_at=job.started_at,
        completed_at=job.completed_at,
        created_at=job.created_at,
    )
