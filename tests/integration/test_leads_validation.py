from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from temporalio.exceptions import ApplicationError

from domain.roof import RoofCondition, View
from schema.contracts.base import LeadRef, LeadStatus
from schema.contracts.property import (
    Reason,
    Review,
    ReviewDecision,
    ReviewReminder,
    ReviewSettlement,
    ValidationSummary,
)
from schema.database import Database
from schema.tables import Notification, ReviewTask, RoofAnalysis
from tests.integration.market_world import (
    NOW,
    a_lead,
    analysed,
    events,
    findings,
    leads_at,
    poor_roof,
    run,
    storm,
    years_ago,
)

APPROVE = Review(decision=ReviewDecision.APPROVE)


async def validate(database: Database, lead: LeadRef) -> ValidationSummary:
    result = await run(leads_at(database).validate_analysis, lead, f"property-{lead.lead_id}")
    assert isinstance(result, ValidationSummary)
    return result


async def corroborated(database: Database, line: str = "100 Oak St") -> LeadRef:
    """An eighteen years old roof after hail."""
    lead = await a_lead(database, line)
    async with database.transaction() as tx:
        await tx.leads.update_roofing(lead.lead_id, last_roof_permit=years_ago(18))
    return lead


async def in_review(database: Database) -> tuple[LeadRef, UUID]:
    lead = await a_lead(database)
    await analysed(database, lead, poor_roof(0.6))
    review_id = (await validate(database, lead)).review_id
    assert review_id is not None
    return lead, review_id


async def settle(database: Database, lead: LeadRef, review_id: UUID, review: Review | None) -> None:
    settlement = ReviewSettlement(lead_id=lead.lead_id, review_id=review_id, review=review)
    await run(leads_at(database).settle_review, settlement)


async def state_of(database: Database, lead: LeadRef, review_id: UUID) -> tuple[ReviewTask, RoofAnalysis, str]:
    async with database.transaction() as tx:
        task = await tx.reviews.get(review_id)
        analysis = await tx.analyses.current(lead.lead_id)
        row = await tx.leads.get(lead.lead_id)
    assert task is not None
    assert analysis is not None
    assert row is not None
    return task, analysis, row.status


async def test_a_confident_consistent_corroborated_roof_needs_nobody(database: Database) -> None:
    lead = await corroborated(database)
    await storm(database, "hail", north=1, days_ago=100, hail_size_inches=Decimal("1.50"))
    await analysed(database, lead, poor_roof(0.8))
    summary = await validate(database, lead)
    assert summary.confidence is not None
    assert summary.confidence >= 95
    assert (summary.review_id, summary.failed_stages) == (None, ())
    async with database.transaction() as tx:
        analysis = await tx.analyses.current(lead.lead_id)
    assert analysis is not None
    assert (analysis.validation_status, analysis.validation_date) == ("approved", NOW)


async def test_a_doubtful_roof_opens_one_review(database: Database) -> None:
    lead, review_id = await in_review(database)
    again = await validate(database, lead)
    assert again.review_id == review_id
    assert again.failed_stages == ("confidence",)
    task, analysis, status = await state_of(database, lead, review_id)
    assert status == LeadStatus.NEEDS_REVIEW
    assert (task.workflow_id, task.expires_at) == (f"property-{lead.lead_id}", NOW + timedelta(days=7))
    assert task.evidence is not None
    assert [stage["stage"] for stage in task.evidence["stages"]] == [
        "image_consistency",
        "cross_source",
        "statistical_anomaly",
        "ground_truth",
        "confidence",
    ]
    assert analysis.validation_status == "needs_review"
    assert await events(database, lead, "review.opened") == 1
    async with database.transaction() as tx:
        pending = await tx.reviews.pending(None, 10)
    assert [review.task.id for review in pending] == [review_id]


async def test_views_that_disagree_fail_the_first_stage(database: Database) -> None:
    lead = await corroborated(database)
    images = (
        findings(RoofCondition.POOR, 0.9, damaged=0.06),
        findings(RoofCondition.EXCELLENT, 0.9, View.FRONT),
    )
    await analysed(database, lead, images)
    assert "image_consistency" in (await validate(database, lead)).failed_stages


async def test_without_an_analysis_there_is_nothing_to_validate(database: Database) -> None:
    lead = await a_lead(database)
    assert await validate(database, lead) == ValidationSummary(reason=Reason.NO_USABLE_IMAGE)
    with pytest.raises(ApplicationError, match="no such lead") as caught:
        await validate(database, LeadRef(lead_id=uuid4()))
    assert caught.value.non_retryable


async def test_a_roof_unlike_its_kind_is_an_anomaly(database: Database) -> None:
    for number in range(1, 13):
        other = await corroborated(database, f"{number} Elm St")
        await analysed(database, other, (findings(RoofCondition.EXCELLENT, 0.9),))
    lead = await corroborated(database)
    await analysed(database, lead, poor_roof())
    assert "statistical_anomaly" not in (await validate(database, lead)).failed_stages
    async with database.transaction() as tx:
        for number in range(1, 13):
            other = await a_lead(database, f"{number} Elm St")
            await tx.leads.update_roofing(other.lead_id, estimated_roof_age=18)
        await tx.leads.update_roofing(lead.lead_id, estimated_roof_age=18)
    assert "statistical_anomaly" in (await validate(database, lead)).failed_stages


async def test_an_approval_lets_the_lead_go_on(database: Database) -> None:
    lead, review_id = await in_review(database)
    async with database.transaction() as tx:
        reviewer = await tx.users.ensure("reviewer@ridgeline.example", "reviewer")
    await settle(database, lead, review_id, Review(decision=ReviewDecision.APPROVE, reviewer_id=reviewer))
    task, analysis, status = await state_of(database, lead, review_id)
    assert (task.state, task.reviewer_id, task.settled_at) == ("approved", reviewer, NOW)
    assert (analysis.validation_status, analysis.human_validated, analysis.human_validator_id) == (
        "approved",
        True,
        reviewer,
    )
    assert (analysis.overall_condition, status) == ("poor", "processing")


async def test_a_correction_is_what_the_lead_is_scored_by(database: Database) -> None:
    lead, review_id = await in_review(database)
    review = Review(decision=ReviewDecision.APPROVE, corrected_condition=RoofCondition.EXCELLENT)
    await settle(database, lead, review_id, review)
    task, analysis, _ = await state_of(database, lead, review_id)
    assert task.corrected_condition == analysis.overall_condition == "excellent"
    assert (analysis.damage_detected, analysis.damage_severity) == (False, {})


async def test_a_verdict_is_settled_once(database: Database) -> None:
    lead, review_id = await in_review(database)
    await settle(database, lead, review_id, APPROVE)
    await settle(database, lead, review_id, Review(decision=ReviewDecision.REJECT))
    task, analysis, _ = await state_of(database, lead, review_id)
    assert (task.state, analysis.validation_status) == ("approved", "approved")
    assert await events(database, lead, "review.approved") == 1
    assert await events(database, lead, "review.rejected") == 0


async def test_a_reviewer_we_do_not_know_still_decides(database: Database) -> None:
    lead, review_id = await in_review(database)
    await settle(database, lead, review_id, Review(decision=ReviewDecision.REJECT, reviewer_id=uuid4()))
    task, analysis, _ = await state_of(database, lead, review_id)
    assert (task.state, task.reviewer_id, analysis.validation_status) == ("rejected", None, "rejected")


async def test_a_review_nobody_answers_expires(database: Database) -> None:
    lead, review_id = await in_review(database)
    await settle(database, lead, review_id, None)
    task, analysis, _ = await state_of(database, lead, review_id)
    assert (task.state, analysis.validation_status, analysis.human_validated) == ("expired", "needs_review", False)


async def test_each_reviewer_is_reminded_once_per_number_while_it_is_open(database: Database) -> None:
    lead, review_id = await in_review(database)
    async with database.transaction() as tx:
        for number in (1, 2):
            await tx.users.ensure(f"reviewer{number}@ridgeline.example", "reviewer")
        reviewers = {user.id for user in await tx.users.with_role("reviewer")}
        await tx.users.ensure("operator@ridgeline.example", "operator")
    for number in (1, 1, 2):
        await run(leads_at(database).remind_reviewers, ReviewReminder(review_id=review_id, number=number))
    await settle(database, lead, review_id, APPROVE)
    await run(leads_at(database).remind_reviewers, ReviewReminder(review_id=review_id, number=3))
    await run(leads_at(database).remind_reviewers, ReviewReminder(review_id=uuid4(), number=1))
    async with database.transaction() as tx:
        rows = (await tx.session.scalars(select(Notification))).all()
    assert len(reviewers) >= 2
    assert sorted((row.user_id, (row.payload or {})["number"]) for row in rows) == sorted(
        (reviewer, number) for reviewer in reviewers for number in (1, 2)
    )
    assert {row.channel for row in rows} == {"in_app"}


async def test_what_a_person_found_is_ground_truth_until_a_new_roof(database: Database) -> None:
    lead, review_id = await in_review(database)
    await settle(database, lead, review_id, APPROVE)
    await analysed(database, lead, poor_roof(0.6))
    assert (await validate(database, lead)).review_id is None
    async with database.transaction() as tx:
        await tx.leads.update_roofing(lead.lead_id, last_roof_permit=NOW.date() + timedelta(days=1))
    await analysed(database, lead, poor_roof(0.6))
    assert (await validate(database, lead)).review_id not in (None, review_id)
