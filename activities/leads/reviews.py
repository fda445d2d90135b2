"""Validation of an analysis and the reviews that follow from it (spec 3.4.4)."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from activities.leads.facts import Analysed, age_of, analysed, around, lead_and_roof
from domain.age import DAYS_PER_YEAR
from domain.ensemble import agreement, score_of
from domain.roof import RoofCondition
from domain.validation import (
    REVIEW_EXPIRES_AFTER,
    TRUTH_HOLDS_FOR,
    ValidationEvidence,
    ValidationReport,
    validate,
)
from schema.contracts.base import LeadStatus
from schema.contracts.property import (
    Reason,
    ReviewDecision,
    ReviewReminder,
    ReviewSettlement,
    ValidationSummary,
)
from schema.database import Database, UnitOfWork
from schema.repositories.reviews import NewReview
from schema.tables import ReviewTask

# Outcome of a review: state of the task, validation status of the analysis (None: as it was).
OUTCOMES: dict[ReviewDecision | None, tuple[str, str | None]] = {
    ReviewDecision.APPROVE: ("approved", "approved"),
    ReviewDecision.REJECT: ("rejected", "rejected"),
    None: ("expired", None),
}
REMINDER = "review_reminder"


class Validations:
    """Decides whether an analysis stands, and keeps what reviewers say of it."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._clock = clock

    async def validate(self, lead_id: UUID, workflow_id: str) -> ValidationSummary:
        """Runs the five stages; what does not pass becomes an open review."""
        now = self._clock()
        async with self._db.transaction() as tx:
            await lead_and_roof(tx, lead_id)
            analysis = await analysed(tx, lead_id)
            if analysis is None:
                return ValidationSummary(reason=Reason.NO_USABLE_IMAGE)
            report = validate(await _evidence(tx, lead_id, analysis, now))
            review_id = None
            if report.needs_review:
                review_id = await _open_review(tx, lead_id, workflow_id, analysis, report, now)
            await _keep(tx, analysis, report, now)
        return ValidationSummary(
            confidence=round(report.confidence, 2), failed_stages=report.failed_stages, review_id=review_id
        )

    async def settle(self, settlement: ReviewSettlement) -> None:
        """Closes the task once; an approval or rejection also marks the analysis."""
        review = settlement.review
        state, status = OUTCOMES[review.decision if review else None]
        now = self._clock()
        async with self._db.transaction() as tx:
            reviewer_id = review.reviewer_id if review else None
            corrected = review.corrected_condition if review else None
            if not await tx.reviews.settle(settlement.review_id, state, now, reviewer_id, corrected):
                return
            task = await tx.reviews.get(settlement.review_id)
            if status is not None and task is not None and task.analysis_id is not None:
                await tx.analyses.update(task.analysis_id, **_verdict(task, status, now))
            await tx.leads.set_status(
                settlement.lead_id, LeadStatus.PROCESSING, among=(LeadStatus.NEEDS_REVIEW, LeadStatus.PROCESSING)
            )
            data = {"state": state, "corrected_condition": corrected}
            await tx.events.record(f"review.{state}", "lead", settlement.lead_id, data, service="leads")

    async def remind(self, reminder: ReviewReminder) -> None:
        """One in-app notification per reviewer and number, while the review is open."""
        async with self._db.transaction() as tx:
            task = await tx.reviews.get(reminder.review_id)
            if task is None or not await tx.reviews.reminded(reminder.review_id, reminder.number):
                return
            reviewers = [user.id for user in await tx.users.with_role("reviewer")]
            kind = f"{REMINDER}_{reminder.number}_{task.id.hex[:8]}"
            payload = {"review_id": str(task.id), "number": reminder.number, "expires_at": task.expires_at}
            await tx.notifications.remind(task.base_lead_id, reviewers, kind, payload)
            data = {"number": reminder.number, "reviewers": len(reviewers)}
            await tx.events.record("review.reminded", "lead", task.base_lead_id, data, service="leads")


async def _evidence(tx: UnitOfWork, lead_id: UUID, analysis: Analysed, now: datetime) -> ValidationEvidence:
    today = now.date()
    near = await around(tx, lead_id, today)
    verdict = analysis.verdict
    condition = verdict.condition if verdict else RoofCondition(analysis.row.overall_condition or "")
    return ValidationEvidence(
        condition=condition,
        score=verdict.score if verdict else score_of(condition),
        confidence=verdict.confidence if verdict else float(analysis.row.confidence_score or 0),
        agreement=agreement(analysis.findings),
        roof_age_years=age_of(near, today).years,
        recent_hail_inches=near.largest_hail,
        years_since_roof_permit=_years_since(near.last_roof_permit, today),
        neighbor_permits_90d=near.permits_90d,
        similar=await tx.scores.similar_roofs(lead_id, today),
        known_condition=await tx.reviews.known_condition(lead_id, _truth_since(near.last_roof_permit, now)),
    )


def _years_since(day: date | None, today: date) -> float | None:
    return None if day is None else (today - day).days / DAYS_PER_YEAR


def _truth_since(last_roof: date | None, now: datetime) -> datetime:
    """A reviewer's finding says nothing of a roof that was laid after it."""
    since = now - TRUTH_HOLDS_FOR
    return since if last_roof is None else max(since, now.combine(last_roof, now.timetz()))


async def _open_review(
    tx: UnitOfWork, lead_id: UUID, workflow_id: str, analysis: Analysed, report: ValidationReport, now: datetime
) -> UUID:
    review_id, is_new = await tx.reviews.open(
        NewReview(
            lead_id=lead_id,
            analysis_id=analysis.row.id,
            workflow_id=workflow_id,
            confidence=report.confidence,
            failed_stages=report.failed_stages,
            evidence=_explained(analysis, report),
            expires_at=now + REVIEW_EXPIRES_AFTER,
        )
    )
    await tx.leads.set_status(lead_id, LeadStatus.NEEDS_REVIEW, among=(LeadStatus.PROCESSING, LeadStatus.NEEDS_REVIEW))
    if is_new:
        data = {"review_id": str(review_id), "confidence": round(report.confidence, 2)}
        await tx.events.record("review.opened", "lead", lead_id, data, service="leads")
    return review_id


def _explained(analysis: Analysed, report: ValidationReport) -> dict[str, Any]:
    verdict = analysis.verdict
    stages = [
        {"stage": stage.stage, "passed": stage.passed, "ratio": stage.ratio, "evidence": stage.evidence}
        for stage in report.stages
    ]
    damages = [
        {"damage": damage.damage, "severity": damage.severity, "confidence": round(damage.confidence, 1)}
        for damage in (verdict.damages if verdict else ())
    ]
    return {
        "condition": analysis.row.overall_condition,
        "ensemble_confidence": float(analysis.row.confidence_score or 0),
        "stages": stages,
        "damages": damages,
    }


async def _keep(tx: UnitOfWork, analysis: Analysed, report: ValidationReport, now: datetime) -> None:
    status = "needs_review" if report.needs_review else "approved"
    before = analysis.row.validation_status
    await tx.analyses.update(
        analysis.row.id,
        validation_status=status,
        validation_confidence=round(Decimal(report.confidence), 2),
        validation_date=now,
    )
    if before != status:
        data = {"status": status, "confidence": round(report.confidence, 2), "failed_stages": report.failed_stages}
        await tx.events.record("lead.validated", "lead", analysis.row.base_lead_id, data, service="leads")


def _verdict(task: ReviewTask, status: str, now: datetime) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "validation_status": status,
        "validation_date": now,
        "human_validated": True,
        "human_validator_id": task.reviewer_id,
    }
    if task.corrected_condition and status == "approved":
        columns["overall_condition"] = task.corrected_condition
        if task.corrected_condition == RoofCondition.EXCELLENT:
            # By the spec's definition an excellent roof has no damage: what the models saw was not there.
            columns |= {"damage_detected": False, "damage_types": [], "damage_severity": {}, "damage_areas_sqft": {}}
    return columns
