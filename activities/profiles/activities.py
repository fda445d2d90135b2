"""Activities of the `enrichment` queue that complete a contractor's profile."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.outreach import ContractorRef, ProfileSummary

if TYPE_CHECKING:
    from integrations.hunter import HunterFinder
    from integrations.twilio_messaging import TwilioMessaging
    from integrations.websites import Websites
    from integrations.zerobounce import ZeroBounceVerifier
    from schema.database import Database


def utc_now() -> datetime:
    """The time of day profiles go by."""
    return datetime.now(UTC)


class ProfileActivities:
    """A contractor's website, contacts and scores."""

    def __init__(
        self,
        db: "Database",
        websites: "Websites",
        finder: "HunterFinder",
        verifier: "ZeroBounceVerifier",
        lines: "TwilioMessaging",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        # Here and not above: workflows import this module, and neither SQL nor HTTP has a place in them.
        from activities.profiles.enrichment import Enrichment

        self._db = db
        self._enrichment = Enrichment(db, websites, finder, verifier, lines, clock)
        self._clock = clock

    @activity.defn
    async def enrich_contractor(self, contractor: ContractorRef) -> ProfileSummary:
        """Reads the website, finds and verifies the e-mail, learns the kind of phone line, then scores."""
        found = await self._enrichment.run(contractor.contractor_id)
        scored = await self._score(contractor)
        return scored.model_copy(update={"website_read": found.website_read, "reason": found.reason})

    @activity.defn
    async def score_contractor(self, contractor: ContractorRef) -> ProfileSummary:
        """Fit, likelihood, lifetime value and priority with their breakdown (spec 3.6.3)."""
        return await self._score(contractor)

    async def _score(self, contractor: ContractorRef) -> ProfileSummary:
        from activities.profiles.scoring import score

        return await score(self._db, contractor.contractor_id, self._clock())
