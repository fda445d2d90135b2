"""ContractorDiscoveryWorkflow: a city's contractors, found, completed and scored (spec 6.3 steps 1 to 3)."""

import asyncio

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows import search_attributes as sa
from workflows.options import remote

with workflow.unsafe.imports_passed_through():
    from activities.discovery.activities import DiscoveryActivities
    from activities.profiles.activities import ProfileActivities
    from schema.contracts.outreach import ContractorRef, DiscoveryRequest, DiscoveryResult

AT_ONCE = 10


@workflow.defn(failure_exception_types=[ValidationError])
class ContractorDiscoveryWorkflow:
    """One discovery of one city; its id is `discovery-<state>-<city>`."""

    @workflow.run
    async def run(self, request: DiscoveryRequest) -> DiscoveryResult:
        """Asks every source, then completes and scores each new contractor, ten at a time."""
        workflow.upsert_search_attributes([sa.CITY.value_set(request.city), sa.STATE.value_set(request.state)])
        workflow.set_current_details(f"Looking for contractors in {request.city}, {request.state}.")
        found = await remote(DiscoveryActivities.discover_contractors, request, "Google Places and Yelp, merged")
        enriched = 0
        window = asyncio.Semaphore(AT_ONCE)

        async def complete(contractor: ContractorRef) -> None:
            nonlocal enriched
            async with window:
                try:
                    await remote(ProfileActivities.enrich_contractor, contractor, "Website, contacts, scores")
                    enriched += 1
                except ActivityError as failure:
                    if is_cancelled_exception(failure):
                        raise
                workflow.set_current_details(f"{enriched} of {len(found.to_enrich)} contractors completed.")

        await asyncio.gather(*(complete(ContractorRef(contractor_id=each)) for each in found.to_enrich))
        return DiscoveryResult(
            found=found.found,
            created=found.created,
            merged=found.merged,
            enriched=enriched,
            unavailable=found.unavailable,
        )
