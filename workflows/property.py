"""PropertyWorkflow: one roof from permit to published lead (spec 6.1).

The run method reads like the spec's diagram. A step that cannot be done costs the lead a reason in
`degraded`, never the workflow. Below 95 % confidence it waits for a person.
"""

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, TypeVar
from uuid import UUID

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import SearchAttributeUpdate, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError, is_cancelled_exception

from workflows import search_attributes as sa
from workflows.options import REVIEW_TIMES, local, remote

with workflow.unsafe.imports_passed_through():
    from activities.billing.activities import BillingActivities
    from activities.enrichment.activities import EnrichmentActivities
    from activities.imagery.activities import ImageryActivities
    from activities.inference.activities import InferenceActivities
    from activities.leads.activities import LeadActivities
    from activities.messaging.activities import MessagingActivities
    from activities.scraping.activities import ScrapingActivities
    from schema.contracts.base import LeadRef, LeadStatus
    from schema.contracts.ids import property_workflow_id
    from schema.contracts.property import (
        Admission,
        AnalysisSummary,
        ContactSummary,
        GeocodeSummary,
        ImagerySummary,
        LeadClosing,
        LeadCost,
        NotifySummary,
        PermitHistory,
        ProcessingSummary,
        PropertyRecordSummary,
        PropertyRequest,
        PropertyResult,
        PropertyStatus,
        Reason,
        Review,
        ReviewAnswer,
        ReviewDecision,
        ReviewNote,
        ReviewReminder,
        ReviewSettlement,
        ScoreSummary,
        Stage,
        ValidationSummary,
    )

T = TypeVar("T")
ChildHandle = workflow.ChildWorkflowHandle[Any, PropertyResult]


class Verdicts(Enum):
    """Whether a reviewer's verdict can be given now."""

    NOT_YET = auto()
    WANTED = auto()
    SETTLING = auto()
    OVER = auto()


@workflow.defn(
    # A start whose input cannot be decoded fails with words instead of retrying its first task for ever.
    failure_exception_types=[ValidationError],
)
class PropertyWorkflow:
    """Processes one property. Its id is `property-<lead id>`; started under any other id it delegates there."""

    def __init__(self) -> None:
        self._status = PropertyStatus(stage=Stage.PERMIT, status=LeadStatus.PROCESSING)
        self._verdict: Review | None = None
        self._answer: ReviewAnswer | None = None
        self._verdicts = Verdicts.NOT_YET
        self._delegate: str | None = None

    @workflow.run
    async def run(self, request: PropertyRequest | None = None) -> PropertyResult:
        """Steps 1 to 12 of spec 6.1; the result says how the property ended and why."""
        admission = await local(
            LeadActivities.admit_property, request or PropertyRequest(), "Find or create the base lead"
        )
        if admission.lead_id is None or admission.reason is not None:
            return await self._finish(admission.status or LeadStatus.REJECTED, admission.reason, admission.detail)
        if workflow.info().workflow_id != property_workflow_id(admission.lead_id):
            return await self._hand_over(admission.lead_id)
        self._open(admission)
        lead = LeadRef(lead_id=admission.lead_id)

        located = await self._gather(lead)
        if located.reason is Reason.ADDRESS_NOT_FOUND:
            return await self._close(lead, LeadStatus.REJECTED, Reason.ADDRESS_NOT_FOUND)

        analysis = await self._analyze(lead)
        if analysis.analysis_id is not None:
            ending = await self._validate(lead)
            if ending is not None:
                return ending
        return await self._sell(lead)

    # Steps 3 and 4: three branches side by side, then wait for all of them.

    async def _gather(self, lead: LeadRef) -> GeocodeSummary:
        self._enter(Stage.GATHERING, "portal, assessor, geocoder and imagery")
        _, _, located = await asyncio.gather(
            self._try(
                remote(ScrapingActivities.scrape_permit_history, lead, "Permits on file"),
                PermitHistory(reason=Reason.PORTAL_UNAVAILABLE),
            ),
            self._find_owner(lead),
            self._locate(lead),
        )
        return located

    async def _find_owner(self, lead: LeadRef) -> None:
        await self._try(
            remote(ScrapingActivities.scrape_property_record, lead, "County assessor record"),
            PropertyRecordSummary(reason=Reason.ASSESSOR_UNAVAILABLE),
        )
        await self._try(
            remote(EnrichmentActivities.find_contacts, lead, "Owner e-mail and phone, verified"),
            ContactSummary(reason=Reason.CONTACT_VENDOR_UNAVAILABLE),
        )

    async def _locate(self, lead: LeadRef) -> GeocodeSummary:
        located = await self._try(
            remote(EnrichmentActivities.geocode_property, lead, "Geocode the address"),
            GeocodeSummary(reason=Reason.GEOCODER_UNAVAILABLE),
        )
        if located.located:
            await self._try(
                remote(ImageryActivities.acquire_imagery, lead, "Satellite and four street views"),
                ImagerySummary(reason=Reason.IMAGERY_UNAVAILABLE),
            )
        return located

    # Steps 5 and 6.

    async def _analyze(self, lead: LeadRef) -> AnalysisSummary:
        self._enter(Stage.IMAGE_PROCESSING, "an imagery worker")
        await self._try(
            remote(ImageryActivities.process_images, lead, "Pre-process the images"),
            ProcessingSummary(reason=Reason.NO_USABLE_IMAGE),
        )
        self._enter(Stage.INFERENCE, "an inference worker")
        analysis = await self._try(
            remote(InferenceActivities.analyze_roof, lead, "Three models and their ensemble"),
            AnalysisSummary(reason=Reason.INFERENCE_FAILED),
        )
        self._update(condition=analysis.condition, confidence=analysis.confidence)
        return analysis

    # Step 7: five stages; below 95 % a person decides.

    async def _validate(self, lead: LeadRef) -> PropertyResult | None:
        """None when the analysis stands; otherwise how the property ended."""
        self._enter(Stage.VALIDATION, None)
        # The review is open in the database a moment before this workflow hears of it.
        self._verdicts = Verdicts.WANTED
        validation = await local(LeadActivities.validate_analysis, lead, "Five-stage validation")
        self._update(confidence=validation.confidence)
        if validation.review_id is None:
            self._verdicts = Verdicts.OVER
            return None
        review = await self._review(validation.review_id, validation)
        self._verdicts = Verdicts.SETTLING
        settlement = ReviewSettlement(lead_id=lead.lead_id, review_id=validation.review_id, review=review)
        await local(LeadActivities.settle_review, settlement, "Record the reviewer's verdict")
        if review is not None:
            self._answer = ReviewAnswer(lead_id=lead.lead_id, **review.model_dump(exclude={"reviewer_id"}))
        self._verdicts = Verdicts.OVER
        self._update(status=LeadStatus.PROCESSING, review_id=None, review_expires_at=None)
        if review is None:
            return await self._close(lead, LeadStatus.EXPIRED, Reason.REVIEW_EXPIRED)
        if review.decision is ReviewDecision.REJECT:
            return await self._close(lead, LeadStatus.REJECTED, Reason.REVIEW_REJECTED)
        self._update(condition=review.corrected_condition or self._status.condition)
        return None

    async def _review(self, review_id: UUID, validation: ValidationSummary) -> Review | None:
        """The first verdict, after reminders if need be; None when the review expires."""
        opened = workflow.now()
        expires = opened + REVIEW_TIMES.expires_after
        self._update(status=LeadStatus.NEEDS_REVIEW, review_id=review_id, review_expires_at=expires)
        self._enter(
            Stage.REVIEW,
            f"a reviewer: confidence {validation.confidence or 0:.0f} % is below 95 %. "
            f"Signal `approve` or `reject` before {expires:%d %B %H:%M} UTC",
        )
        for number, after in enumerate(REVIEW_TIMES.reminders, start=1):
            if await self._verdict_by(opened + after):
                return self._verdict
            reminder = ReviewReminder(review_id=review_id, number=number)
            await local(LeadActivities.remind_reviewers, reminder, f"Reminder {number} to reviewers")
        await self._verdict_by(expires)
        return self._verdict

    async def _verdict_by(self, moment: datetime) -> bool:
        try:
            await workflow.wait_condition(
                lambda: self._verdict is not None, timeout=max(moment - workflow.now(), timedelta(0))
            )
        except TimeoutError:
            return False
        return True

    # Steps 8 to 12.

    async def _sell(self, lead: LeadRef) -> PropertyResult:
        self._enter(Stage.TRIGGERS, None)
        await local(LeadActivities.detect_triggers, lead, "Neighbour permits, storms, age, sale")
        self._enter(Stage.SCORING, None)
        score = await local(LeadActivities.score_lead, lead, "Score, grade and price")
        self._update(score=score.score, grade=score.grade, price=score.price)
        self._enter(Stage.CLUSTERING, None)
        await local(LeadActivities.assign_cluster, lead, "Nearest cluster within 2 miles")
        self._enter(Stage.PUBLISHING, "the messaging worker")
        published = await local(LeadActivities.publish_lead, lead, "Publish and match contractors")
        await asyncio.gather(self._notify(lead, published.matched), self._settle_cost(lead))
        reason = Reason.SCORE_BELOW_MINIMUM if published.status is LeadStatus.UNQUALIFIED else None
        return await self._finish(published.status, reason, score=score)

    async def _notify(self, lead: LeadRef, matched: int) -> None:
        if matched:
            await self._try(
                remote(MessagingActivities.notify_contractors, lead, f"Tell {matched} matching contractors"),
                NotifySummary(reason=Reason.NOTIFICATION_FAILED),
            )

    async def _settle_cost(self, lead: LeadRef) -> None:
        cost = remote(BillingActivities.settle_lead_cost, lead, "Vendor costs of this lead")
        await self._try(cost, LeadCost(reason=Reason.COSTING_FAILED))

    # Started under another id (CLI, UI): the property's own workflow does the work, verdicts are passed on.

    async def _hand_over(self, lead_id: UUID) -> PropertyResult:
        self._delegate = property_workflow_id(lead_id)
        self._update(lead_id=lead_id, waiting_for=self._delegate)
        workflow.set_current_details(f"Handed over to **{self._delegate}**, which processes this property.")
        try:
            child = await workflow.start_child_workflow(
                PropertyWorkflow.run,
                PropertyRequest(lead_id=str(lead_id)),
                id=self._delegate,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
        except WorkflowAlreadyStartedError:
            detail = f"{self._delegate} is already processing this property; follow it there."
            return await self._finish(LeadStatus.PROCESSING, Reason.ALREADY_RUNNING, detail)
        while not child.done():
            await workflow.wait_condition(lambda: child.done() or self._verdict is not None)
            if self._verdict is not None and not child.done():
                verdict, self._verdict = self._verdict, None
                await self._pass_on(child, verdict)
        return await child

    async def _pass_on(self, child: ChildHandle, verdict: Review) -> None:
        try:
            await child.signal(verdict.decision.value, verdict)
        except ApplicationError:
            # It ended while the signal was on its way: there was nothing left to decide.
            workflow.logger.info("verdict came too late")

    # What people say.

    @workflow.signal
    def approve(self, note: Any = None) -> None:
        """Approve the analysis. Optional payload: `{"reviewer_id": …, "corrected_condition": …}`."""
        self._take_verdict(ReviewDecision.APPROVE, note)

    @workflow.signal
    def reject(self, note: Any = None) -> None:
        """Reject the analysis; the lead ends as rejected."""
        self._take_verdict(ReviewDecision.REJECT, note)

    @workflow.update
    async def review(self, review: Review) -> ReviewAnswer:
        """Give a verdict and learn, once it is recorded, that it stands."""
        self._verdict = review
        await workflow.wait_condition(lambda: self._verdicts is Verdicts.OVER)
        if self._answer is None:
            raise ApplicationError("the analysis passed validation; no review was needed", type="NoReviewOpen")
        return self._answer

    @review.validator
    def _validate_review(self, review: Review) -> None:
        if self._delegate is not None:
            raise ApplicationError(f"send the review to {self._delegate}", type="NoReviewOpen")
        if self._verdict is not None:
            stands = (self._verdict.decision.value, self._verdict.corrected_condition)
            raise ApplicationError(f"already decided: {stands[0]}", *stands, type="AlreadyDecided")
        if self._verdicts is not Verdicts.WANTED:
            raise ApplicationError(f"no review is open at stage {self._status.stage}", type="NoReviewOpen")

    @workflow.query
    def status(self) -> PropertyStatus:
        """Where the property stands and what it waits for."""
        return self._status

    def _take_verdict(self, decision: ReviewDecision, note: Any) -> None:
        wanted = self._verdicts is Verdicts.WANTED or self._delegate is not None
        if self._verdict is not None or not wanted:
            workflow.logger.info("verdict ignored: none is wanted", extra={"decision": decision.value})
            return
        try:
            parsed = ReviewNote.model_validate(note or {})
        except ValidationError:
            parsed = ReviewNote()
        self._verdict = Review(decision=decision, **parsed.model_dump())

    # State, as people see it.

    def _open(self, admission: Admission) -> None:
        self._update(lead_id=admission.lead_id)
        place = [sa.CITY.value_set(admission.city or ""), sa.STATE.value_set(admission.state or "")]
        workflow.upsert_search_attributes(place)

    def _update(self, **changes: Any) -> None:
        self._status = self._status.model_copy(update=changes)

    def _enter(self, stage: Stage, waiting_for: str | None) -> None:
        """Move to `stage`. Only stages that wait are worth a history event for the search attribute."""
        self._update(stage=stage, waiting_for=waiting_for)
        waiting = f" Waiting for {waiting_for}." if waiting_for else ""
        workflow.set_current_details(f"Step: **{stage.value.replace('_', ' ')}**.{waiting}")
        if waiting_for is not None:
            workflow.upsert_search_attributes(
                [sa.STAGE.value_set(stage.value), sa.LEAD_STATUS.value_set(self._status.status.value)]
            )

    async def _try(self, step: Awaitable[T], fallback: T) -> T:
        """The step's result; when its attempts are used up, `fallback`. Reasons are kept either way."""
        try:
            result = await step
        except ActivityError as failure:
            if is_cancelled_exception(failure):
                raise
            result = fallback
        reason = getattr(result, "reason", None)
        if reason is not None and reason not in self._status.degraded:
            self._update(degraded=(*self._status.degraded, reason))
        return result

    async def _close(self, lead: LeadRef, status: LeadStatus, reason: Reason) -> PropertyResult:
        closing = LeadClosing(lead_id=lead.lead_id, status=status, reason=reason)
        await local(LeadActivities.close_lead, closing, f"End as {status.value}: {reason.value}")
        await self._settle_cost(lead)
        return await self._finish(status, reason)

    async def _finish(
        self,
        status: LeadStatus,
        reason: Reason | None,
        detail: str | None = None,
        score: ScoreSummary | None = None,
    ) -> PropertyResult:
        self._update(stage=Stage.COMPLETE, status=status, waiting_for=None, review_id=None)
        because = f" ({reason.value})" if reason else ""
        workflow.set_current_details(f"Done: **{status.value}**{because}. {detail or ''}")
        attributes: list[SearchAttributeUpdate[Any]] = [
            sa.STAGE.value_set(Stage.COMPLETE.value),
            sa.LEAD_STATUS.value_set(status.value),
        ]
        if score is not None:
            attributes.append(sa.LEAD_SCORE.value_set(score.score))
        workflow.upsert_search_attributes(attributes)
        await workflow.wait_condition(workflow.all_handlers_finished)
        now = self._status
        return PropertyResult(
            workflow_id=workflow.info().workflow_id,
            lead_id=now.lead_id,
            status=status,
            reason=reason,
            detail=detail,
            score=now.score,
            grade=now.grade,
            price=now.price,
            condition=now.condition,
            confidence=now.confidence,
            reviewed=self._answer is not None,
            degraded=now.degraded,
        )
