"""AI calling (spec 5.7): make a call, look at calls, have one analysed again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import TypeAdapter

from api import cursors
from api.problems import ApiProblem, Code
from api.resources import Injected, Resources
from api.starting import start_or_join
from domain.contact_points import us_phone
from schema.calls import OVER
from schema.contracts.api import StartedWorkflow
from schema.contracts.ids import call_workflow_id
from schema.contracts.outreach import CallRef
from schema.contracts.outreach_api import Call, CallDetail, CallPage, CallState, MakeCall, Recording, Transcript
from schema.contracts.single_call import CallRequest
from schema.tables import AiCallLog
from workflows.single_call import CallAnalysisWorkflow, ContractorCallWorkflow

router = APIRouter(prefix="/calls", tags=["calls"])

_CURSOR = TypeAdapter(cursors.MomentKey)
_TEMPLATES = {"cold_outreach": "demo_call", "demo_call": "demo_call", "callback": "callback"}
"""The spec's name of a script, and ours."""


@router.post("/make", status_code=202)
async def make_call(body: MakeCall, resources: Injected) -> StartedWorkflow:
    """Call a contractor who is in a sequence, now, if every rule allows; the workflow says what became of it.

    Only the number that we hold for the contractor is called: consent and the Do Not Call lists are about it.
    """
    async with resources.database.transaction() as tx:
        known, phone = await tx.desk.phone(body.contractor_id)
        if not known:
            raise ApiProblem(Code.UNKNOWN_CONTRACTOR)
        campaign_id = await tx.desk.latest_live(body.contractor_id)
    if body.phone_number is not None and us_phone(body.phone_number) != us_phone(phone):
        raise ApiProblem(Code.INVALID_REQUEST, "`phone_number` is not the contractor's number.")
    if campaign_id is None:
        raise ApiProblem(Code.NOT_ENROLLED, "Only a contractor who is in a sequence is called.")
    request = CallRequest(
        campaign_id=campaign_id,
        contractor_id=body.contractor_id,
        number=int(datetime.now(UTC).timestamp()),
        template=_TEMPLATES[body.script_template],
    )
    started = await start_or_join(resources, ContractorCallWorkflow.run, request, call_workflow_id(body.contractor_id))
    if started.existing:
        raise ApiProblem(Code.CALL_RUNNING)
    return started


@router.get("")
async def list_calls(
    resources: Injected,
    contractor_id: UUID | None = None,
    status: CallState | None = None,
    after: cursors.After = None,
    limit: cursors.Limit = cursors.DEFAULT_PAGE,
) -> CallPage:
    """Calls, newest first."""
    key = cursors.decode(after, _CURSOR)
    async with resources.database.transaction() as tx:
        rows = await tx.calls.page(key, limit, contractor_id=contractor_id, status=status.value if status else None)
    return _page(rows, limit)


@router.get("/pending-followup")
async def list_calls_pending_follow_up(
    resources: Injected, after: cursors.After = None, limit: cursors.Limit = cursors.DEFAULT_PAGE
) -> CallPage:
    """Calls after which something is owed and nothing was done yet, newest first."""
    key = cursors.decode(after, _CURSOR)
    async with resources.database.transaction() as tx:
        rows = await tx.calls.pending_follow_up(key, limit)
    return _page(rows, limit)


@router.get("/{call_id}")
async def get_call(call_id: UUID, resources: Injected) -> CallDetail:
    """A call and what was read out of it."""
    row = await _call(call_id, resources)
    return CallDetail(
        **_shown(row).model_dump(),
        summary=row.summary,
        key_points=tuple(row.key_points or ()),
        sentiment=row.sentiment,
        interest_level=row.interest_level,
        objections=tuple(row.objections_raised or ()),
        questions=tuple(row.questions_asked or ()),
        next_action=row.next_action,
        probability_to_convert=row.probability_to_convert,
        wants_demo=row.wants_demo,
        demo_at=row.demo_scheduled_for,
        wants_callback=row.wants_callback,
        callback_at=row.callback_time,
        not_interested=row.not_interested,
        model=row.model,
        rejected_claims=tuple(row.rejected_claims or ()),
        analyzed_at=row.analyzed_at,
        has_transcript=bool(row.full_transcript),
        has_recording=bool(row.recording_url),
    )


@router.get("/{call_id}/transcript")
async def get_call_transcript(call_id: UUID, resources: Injected) -> Transcript:
    """Every word of a call."""
    row = await _call(call_id, resources)
    if not row.full_transcript:
        raise ApiProblem(Code.NOT_FOUND, "The call has no transcript.")
    return Transcript(call_id=row.id, transcript=row.full_transcript)


@router.get("/{call_id}/recording")
async def get_call_recording(call_id: UUID, resources: Injected) -> Recording:
    """Where the recording of a call is, at the provider."""
    row = await _call(call_id, resources)
    if not row.recording_url:
        raise ApiProblem(Code.NOT_FOUND, "The call has no recording.")
    return Recording(call_id=row.id, url=row.recording_url)


@router.post("/{call_id}/analyze", status_code=202)
async def analyze_call(call_id: UUID, resources: Injected) -> StartedWorkflow:
    """Have a call that is over read again, by a workflow whose result is the verdict. Its sequence is not told."""
    row = await _call(call_id, resources)
    if row.touchpoint_id is None or row.status not in OVER:
        raise ApiProblem(Code.CALL_NOT_OVER)
    call = CallRef(touchpoint_id=row.touchpoint_id)
    return await start_or_join(resources, CallAnalysisWorkflow.run, call, f"call-analysis-{row.id}")


async def _call(call_id: UUID, resources: Resources) -> AiCallLog:
    async with resources.database.transaction() as tx:
        row = await tx.calls.get(call_id)
    if row is None:
        raise ApiProblem(Code.UNKNOWN_CALL)
    return row


def _page(rows: Sequence[AiCallLog], limit: int) -> CallPage:
    last = rows[-1] if len(rows) == limit else None
    return CallPage(
        calls=tuple(_shown(row) for row in rows),
        next=cursors.encode((last.created_at, last.id), _CURSOR) if last else None,
    )


def _shown(row: AiCallLog) -> Call:
    return Call(
        call_id=row.id,
        contractor_id=row.contractor_id,
        sequence_id=row.campaign_id,
        touchpoint_id=row.touchpoint_id,
        provider=row.call_provider,
        status=row.status,
        started_at=row.started_at,
        ended_at=row.ended_at,
        duration_seconds=row.duration_seconds,
        ended_reason=row.ended_reason,
        cost=row.cost,
        disposition=row.disposition,
        created_at=row.created_at,
    )
