"""ML inference (spec 5.4): predictions below 95 % and what reviewers say of them."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import TypeAdapter
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.imagery.keys import ImageType, overlay_key
from api import cursors
from api.problems import ApiProblem, Code
from api.resources import UPDATE_TIMEOUT, Injected, Resources
from domain.roof import RoofCondition, View
from schema.contracts.api import PendingReview, PendingReviewPage, ReviewImage, ReviewInput, SettledReview
from schema.contracts.property import Review, ReviewAnswer, ReviewDecision
from schema.repositories.leads import street_of
from schema.repositories.reviews import OpenReview
from schema.tables import PropertyImage, ReviewTask
from workflows.property import PropertyWorkflow

router = APIRouter(prefix="/validation", tags=["validation"])

IMAGE_URL_SECONDS = 900

_CURSOR = TypeAdapter(cursors.MomentKey)
_ORIGINALS = frozenset({ImageType.SATELLITE, ImageType.STREET_VIEW})
_DECISIONS = {"approved": ReviewDecision.APPROVE, "rejected": ReviewDecision.REJECT}

Kind = Literal["original", "overlay"]
Answer = Annotated[ReviewInput | None, Body()]


@router.get("/pending")
async def list_pending_reviews(
    resources: Injected, after: cursors.After = None, limit: cursors.Limit = cursors.DEFAULT_PAGE
) -> PendingReviewPage:
    """Open reviews, the longest waiting first, with images whose URLs work for fifteen minutes."""
    key = cursors.decode(after, _CURSOR)
    async with resources.database.transaction() as tx:
        found = await tx.reviews.pending(key, limit)
    reviews = await asyncio.gather(*(_shown(review, resources) for review in found))
    last = found[-1].task if len(found) == limit else None
    return PendingReviewPage(
        reviews=tuple(reviews),
        next=cursors.encode((last.created_at, last.id), _CURSOR) if last else None,
    )


@router.post("/{review_id}/approve")
async def approve_review(review_id: UUID, resources: Injected, answer: Answer = None) -> SettledReview:
    """The analysis is right, or right once its condition is corrected: the lead goes on to market."""
    return await _decide(review_id, ReviewDecision.APPROVE, answer or ReviewInput(), resources)


@router.post("/{review_id}/reject")
async def reject_review(review_id: UUID, resources: Injected, answer: Answer = None) -> SettledReview:
    """The analysis is of no use: the lead ends as rejected."""
    return await _decide(review_id, ReviewDecision.REJECT, answer or ReviewInput(), resources)


async def _decide(
    review_id: UUID, decision: ReviewDecision, answer: ReviewInput, resources: Resources
) -> SettledReview:
    """Ask the workflow, which serialises reviewers; the note is kept once the verdict stands.

    Repeating a decision, after a lost answer say, succeeds and still stores the note.
    """
    wanted = Review(decision=decision, reviewer_id=answer.reviewer_id, corrected_condition=answer.corrected_condition)
    task = await _task(review_id, resources)
    await _check_reviewer(answer.reviewer_id, resources)
    if task.state == "open":
        settled, repeated = await _ask_workflow(task, wanted, resources)
    else:
        settled, repeated = _recorded(task), True
    if (settled.decision, settled.corrected_condition) != (wanted.decision, wanted.corrected_condition):
        raise _settled_differently(settled)
    if answer.note:
        async with resources.database.transaction() as tx:
            await tx.reviews.add_note(review_id, answer.note)
    return SettledReview(
        review_id=review_id,
        lead_id=task.base_lead_id,
        workflow_id=task.workflow_id,
        decision=settled.decision,
        corrected_condition=settled.corrected_condition,
        repeated=repeated,
    )


async def _ask_workflow(task: ReviewTask, review: Review, resources: Resources) -> tuple[ReviewAnswer, bool]:
    """The verdict that stands, and whether it was there before ours."""
    client = await resources.temporal.client()
    try:
        answer = await client.get_workflow_handle(task.workflow_id).execute_update(
            PropertyWorkflow.review,
            review,
            # A repeated request attaches to the first one's update instead of being refused as a second.
            id=f"review-{task.id}-{review.decision.value}",
            rpc_timeout=UPDATE_TIMEOUT,
        )
    except WorkflowUpdateFailedError as failure:
        standing = _standing_verdict(failure.cause, task.base_lead_id)
        return (standing or _recorded(await _task(task.id, resources))), True
    except RPCError as failure:
        if failure.status is not RPCStatusCode.NOT_FOUND:
            raise
        return _recorded(await _task(task.id, resources)), True
    return answer, False


def _standing_verdict(refusal: BaseException, lead_id: UUID) -> ReviewAnswer | None:
    """The verdict that the workflow names when it refuses a second one."""
    if not isinstance(refusal, ApplicationError) or refusal.type != "AlreadyDecided" or len(refusal.details) != 2:
        return None
    decision, condition = refusal.details
    return ReviewAnswer(lead_id=lead_id, decision=decision, corrected_condition=condition)


async def _task(review_id: UUID, resources: Resources) -> ReviewTask:
    async with resources.database.transaction() as tx:
        task = await tx.reviews.get(review_id)
    if task is None:
        raise ApiProblem(Code.UNKNOWN_REVIEW)
    return task


def _recorded(task: ReviewTask) -> ReviewAnswer:
    """What the database says was decided. Raises a 409 problem when that is nothing."""
    if task.state == "open":
        raise ApiProblem(Code.WORKFLOW_GONE, "It no longer waits for this review.")
    if task.state not in _DECISIONS:
        raise ApiProblem(Code.REVIEW_SETTLED, "It expired before anyone decided.")
    condition = RoofCondition(task.corrected_condition) if task.corrected_condition else None
    return ReviewAnswer(lead_id=task.base_lead_id, decision=_DECISIONS[task.state], corrected_condition=condition)


def _settled_differently(standing: ReviewAnswer) -> ApiProblem:
    corrected = f", corrected to {standing.corrected_condition.value}" if standing.corrected_condition else ""
    detail = f"The decision that stands is {standing.decision.value}{corrected}."
    return ApiProblem(Code.REVIEW_SETTLED, detail, decided=standing.decision)


async def _check_reviewer(reviewer_id: UUID | None, resources: Resources) -> None:
    if reviewer_id is None:
        return
    async with resources.database.transaction() as tx:
        if await tx.users.get(reviewer_id) is None:
            raise ApiProblem(Code.UNKNOWN_REVIEWER)


async def _shown(review: OpenReview, resources: Resources) -> PendingReview:
    task = review.task
    images = await asyncio.gather(
        *(_image(image, kind, resources) for image in review.images if (kind := _kind(image)) is not None)
    )
    return PendingReview(
        review_id=task.id,
        lead_id=task.base_lead_id,
        workflow_id=task.workflow_id,
        street=street_of(review.address),
        city=review.city,
        state=review.state,
        predicted_condition=RoofCondition(review.predicted_condition) if review.predicted_condition else None,
        confidence=float(task.confidence) if task.confidence is not None else None,
        failed_stages=tuple(task.failed_stages or ()),
        evidence=task.evidence or {},
        images=tuple(images),
        opened_at=task.created_at,
        expires_at=task.expires_at,
    )


async def _image(image: PropertyImage, kind: Kind, resources: Resources) -> ReviewImage:
    url = await resources.objects.presign_get(image.s3_key or "", IMAGE_URL_SECONDS)
    return ReviewImage(view=View(image.view_angle or ""), kind=kind, url=url)


def _kind(image: PropertyImage) -> Kind | None:
    """`original` or `overlay`; None for the pictures in between, which only the models look at."""
    if image.image_type in _ORIGINALS:
        return "original"
    overlay = overlay_key(image.base_lead_id, View(image.view_angle or ""))
    return "overlay" if image.s3_key == overlay else None
