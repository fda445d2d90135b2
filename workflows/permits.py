"""PermitScrapeWorkflow: a city's recent roofing permits into the database (spec 3.1.1)."""

from pydantic import ValidationError
from temporalio import workflow

from workflows import search_attributes as sa
from workflows.options import remote

with workflow.unsafe.imports_passed_through():
    from activities.scraping.activities import ScrapingActivities
    from schema.contracts.property import CityScrapeRequest, CityScrapeResult


@workflow.defn(failure_exception_types=[ValidationError])
class PermitScrapeWorkflow:
    """One scrape of one city; its id is `permits-<state>-<city>`."""

    @workflow.run
    async def run(self, request: CityScrapeRequest) -> CityScrapeResult:
        """Scrape the last `days` days of permits; the job's progress is in `scraping_jobs`."""
        workflow.upsert_search_attributes([sa.CITY.value_set(request.city), sa.STATE.value_set(request.state)])
        workflow.set_current_details(f"Reading {request.days} days of permits of {request.city}, {request.state}.")
        return await remote(ScrapingActivities.scrape_city_permits, request, "Page through the permit portal")
