"""Activities of the `enrichment` queue that complete a contractor's profile."""

from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.outreach import ContractorRef, ProfileSummary

if TYPE_CHECKING:
    from schema.database import Database


class ProfileActivities:
    """A contractor's website, contacts and scores."""

    def __init__(self, db: "Database") -> None:
        self._db = db

    @activity.defn
    async def enrich_contractor(self, contractor: ContractorRef) -> ProfileSummary:
        """Reads the website, finds and verifies the e-mail, learns the kind of phone line, then scores."""
        raise NotImplementedError

    @activity.defn
    async def score_contractor(self, contractor: ContractorRef) -> ProfileSummary:
        """Fit, likelihood, lifetime value and priority with their breakdown (spec 3.6.3)."""
        raise NotImplementedError
