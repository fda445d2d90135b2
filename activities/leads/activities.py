"""Activities of a lead's life. They run as local activities on the `orchestration` worker.

Each is one transaction and may run twice: the second run finds the rows of the first. An event is
recorded only when something changed.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.base import LeadRef
from schema.contracts.property import (
    Admission,
    ClusterSummary,
    LeadClosing,
    PropertyRequest,
    PublishSummary,
    ReviewReminder,
    ReviewSettlement,
    ScoreSummary,
    TriggerSummary,
    ValidationSummary,
)

if TYPE_CHECKING:
    from schema.database import Database


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LeadActivities:
    """What happens to a lead in the database between admission and market."""

    def __init__(self, db: "Database", clock: Callable[[], datetime] = _utc_now) -> None:
        # Here and not above: workflows import this module, and tables have no place in them.
        from activities.leads.admission import Admissions
        from activities.leads.market import Market
        from activities.leads.reviews import Validations
        from activities.leads.valuation import Valuations

        self._admissions = Admissions(db)
        self._validations = Validations(db, clock)
        self._valuations = Valuations(db, clock)
        self._market = Market(db, clock)

    @activity.defn
    async def admit_property(self, request: PropertyRequest) -> Admission:
        """Steps 1 and 2: the lead a request stands for, created if need be, or why there is none."""
        return await self._admissions.admit(request, activity.info().workflow_id or "")

    @activity.defn
    async def close_lead(self, closing: LeadClosing) -> None:
        """Ends a lead before it reaches the market; a reserved or sold one stays as it is."""
        await self._market.close(closing)

    @activity.defn
    async def validate_analysis(self, lead: LeadRef) -> ValidationSummary:
        """Step 7: the five stages of spec 3.4.4; below 95 % a review is opened in the same transaction."""
        return await self._validations.validate(lead.lead_id, activity.info().workflow_id or "")

    @activity.defn
    async def settle_review(self, settlement: ReviewSettlement) -> None:
        """Records a verdict, or that the review expired; an approved correction changes the analysis."""
        await self._validations.settle(settlement)

    @activity.defn
    async def remind_reviewers(self, reminder: ReviewReminder) -> None:
        """Puts the n-th reminder of an open review into every reviewer's notifications, once."""
        await self._validations.remind(reminder)

    @activity.defn
    async def detect_triggers(self, lead: LeadRef) -> TriggerSummary:
        """Step 8: neighbours' permits, storms, roof age, damage and sale (spec 3.5.3)."""
        return await self._valuations.detect(lead.lead_id)

    @activity.defn
    async def score_lead(self, lead: LeadRef) -> ScoreSummary:
        """Step 9: score with its breakdown, grade, price and cost estimate (spec 3.5.1, 3.5.2, 3.4.3)."""
        return await self._valuations.score(lead.lead_id)

    @activity.defn
    async def assign_cluster(self, lead: LeadRef) -> ClusterSummary:
        """Step 10: the nearest cluster within two miles, or a new one (spec 3.5.4)."""
        return await self._market.assign_cluster(lead.lead_id)

    @activity.defn
    async def publish_lead(self, lead: LeadRef) -> PublishSummary:
        """Step 11: on the market from 60 points on, with a notification for every matching contractor."""
        return await self._market.publish(lead.lead_id)
