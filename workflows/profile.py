"""ContractorProfileWorkflow: one contractor completed and scored because somebody asked (spec 5.6, enrichment)."""

from pydantic import ValidationError
from temporalio import workflow

from workflows import search_attributes as sa
from workflows.options import remote

with workflow.unsafe.imports_passed_through():
    from activities.profiles.activities import ProfileActivities
    from schema.contracts.outreach import ContractorRef, ProfileSummary
    from schema.contracts.profiles import ProfileRequest


@workflow.defn(failure_exception_types=[ValidationError])
class ContractorProfileWorkflow:
    """One profile at a time per contractor; its id is `profile-<contractor id>`."""

    @workflow.run
    async def run(self, request: ProfileRequest) -> ProfileSummary:
        """Completes the profile, which scores it, or scores it only."""
        workflow.upsert_search_attributes([sa.CONTRACTOR_ID.value_set(str(request.contractor_id))])
        contractor = ContractorRef(contractor_id=request.contractor_id)
        if request.enrich:
            workflow.set_current_details("Reading the website, finding contacts, scoring.")
            return await remote(ProfileActivities.enrich_contractor, contractor, "Website, contacts, scores")
        workflow.set_current_details("Scoring.")
        return await remote(ProfileActivities.score_contractor, contractor, "Fit, likelihood, value, priority")
