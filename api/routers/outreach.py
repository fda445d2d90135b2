"""Outreach orchestrator (spec 5.8): sequences, planned touches, people's tasks."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from fastapi import APIRouter
from pydantic import TypeAdapter

from activities.inbox.announcements import WrongAnswer, check, stop, task_done
from activities.sequences.records import steps_of
from api import cursors
from api.problems import ApiProblem, Code
from api.resources import Injected, Resources
from api.sequences import command, deliver
from api.starting import start_or_join
from schema.contracts.api import StartedWorkflow
from schema.contracts.ids import sequence_workflow_id
from schema.contracts.outreach import Command, Control, SequenceRequest
from schema.contracts.outreach_api import (
    ClaimTask,
    Enroll,
    ExecuteTouchpoint,
    FinishTask,
    NewSequence,
    Pause,
    Reschedule,
    Resume,
    ScheduledTouch,
    ScheduledTouchPage,
    SequenceDetail,
    SequenceStanding,
    Skip,
    SkipTask,
    Stop,
    Stopped,
    Task,
    TaskKind,
    TaskPage,
)
from schema.database import UnitOfWork
from schema.repositories.desk import ScheduledPlace
from schema.tables import OutreachCampaign, OutreachTask, ScheduledTouchpoint
from workflows.sequence import ContractorSequenceWorkflow

router = APIRouter(tags=["outreach"])

_CURSOR = TypeAdapter(cursors.MomentKey)
_OVER = ("completed", "draft")
_NOTHING_TO_ADD = FinishTask()
_NO_REASON = SkipTask()


@router.post("/sequences", status_code=201)
async def create_sequence(body: NewSequence, resources: Injected) -> SequenceDetail:
    """A sequence with steps of one's own: a campaign without targets, open for enrolment at once."""
    channels = sorted({step.channel.value for step in body.steps})
    async with resources.database.transaction() as tx:
        campaign = await tx.desk.new_campaign(
            name=body.name,
            type=body.type,
            target_city=body.city,
            target_state=body.state,
            channels=channels,
            sequence_steps=[step.model_dump(mode="json") for step in body.steps],
        )
        return await _detail(tx, campaign)


@router.get("/sequences/{sequence_id}")
async def get_sequence(sequence_id: UUID, resources: Injected) -> SequenceDetail:
    """A sequence's steps, and how many contractors stand in which phase."""
    async with resources.database.transaction() as tx:
        return await _detail(tx, await _campaign(tx, sequence_id))


@router.post("/sequences/{sequence_id}/enroll", status_code=202)
async def enroll_contractor(sequence_id: UUID, body: Enroll, resources: Injected) -> StartedWorkflow:
    """Start a contractor's sequence, or join it. Whether it may write to them the sequence finds out itself."""
    async with resources.database.transaction() as tx:
        campaign = await _campaign(tx, sequence_id)
        if campaign.status in _OVER:
            raise ApiProblem(Code.SEQUENCE_CLOSED, f"Its status is {campaign.status}.")
        if await tx.outreach.contractor(body.contractor_id) is None:
            raise ApiProblem(Code.UNKNOWN_CONTRACTOR)
        place = await tx.outreach.enrollment(sequence_id, body.contractor_id)
    if place is not None and place.ended_at is not None:
        raise ApiProblem(Code.SEQUENCE_OVER)
    request = SequenceRequest(campaign_id=sequence_id, contractor_id=body.contractor_id)
    workflow_id = sequence_workflow_id(sequence_id, body.contractor_id)
    return await start_or_join(resources, ContractorSequenceWorkflow.run, request, workflow_id)


@router.post("/sequences/{sequence_id}/stop", status_code=202)
async def stop_sequence(sequence_id: UUID, body: Stop, resources: Injected) -> Stopped:
    """Take a contractor out for good: nothing more goes out from the moment this is answered."""
    now = datetime.now(UTC)
    async with resources.database.transaction() as tx:
        await _campaign(tx, sequence_id)
        if await tx.outreach.enrollment(sequence_id, body.contractor_id) is None:
            raise ApiProblem(Code.NOT_ENROLLED)
        announcement = await stop(tx, sequence_id, body.contractor_id, f"stop:{uuid4()}", now)
    await deliver(resources, announcement)
    return Stopped(sequence_id=sequence_id, contractor_id=body.contractor_id, live=announcement.item_id is not None)


@router.post("/sequences/{sequence_id}/pause")
async def pause_sequence(sequence_id: UUID, body: Pause, resources: Injected) -> SequenceStanding:
    """Make no touch until `until`, or until resumed."""
    control = Control(command=Command.PAUSE, until=body.until)
    return await command(resources, sequence_id, body.contractor_id, control)


@router.post("/sequences/{sequence_id}/resume")
async def resume_sequence(sequence_id: UUID, body: Resume, resources: Injected) -> SequenceStanding:
    """Go on."""
    return await command(resources, sequence_id, body.contractor_id, Control(command=Command.RESUME))


@router.post("/sequences/{sequence_id}/skip")
async def skip_touch(sequence_id: UUID, body: Skip, resources: Injected) -> SequenceStanding:
    """Leave out the next touch, or the one named."""
    control = Control(command=Command.SKIP, touch=body.touch)
    return await command(resources, sequence_id, body.contractor_id, control)


@router.post("/sequences/{sequence_id}/reschedule")
async def reschedule_touch(sequence_id: UUID, body: Reschedule, resources: Injected) -> SequenceStanding:
    """Make the next touch, or the one named, no sooner than `until`; the rules may move it further."""
    control = Control(command=Command.RESCHEDULE, until=body.until, touch=body.touch)
    return await command(resources, sequence_id, body.contractor_id, control)


@router.post("/touchpoints/execute", status_code=202)
async def execute_touchpoint(body: ExecuteTouchpoint, resources: Injected) -> SequenceStanding:
    """Make a planned touch as soon as the rules allow, by the sequence it belongs to."""
    if body.scheduled_touchpoint_id is not None:
        place = await _scheduled(body.scheduled_touchpoint_id, resources)
        control = Control(command=Command.SEND_NOW, touch=place.touch_key)
        return await command(resources, place.campaign_id, place.contractor_id, control)
    if body.sequence_id is None or body.contractor_id is None:
        raise ApiProblem(Code.INVALID_REQUEST)
    return await command(resources, body.sequence_id, body.contractor_id, Control(command=Command.SEND_NOW))


@router.get("/touchpoints/scheduled")
async def list_scheduled_touchpoints(
    resources: Injected,
    sequence_id: UUID | None = None,
    contractor_id: UUID | None = None,
    after: cursors.After = None,
    limit: cursors.Limit = cursors.DEFAULT_PAGE,
) -> ScheduledTouchPage:
    """Touches that are due at a time, the next ones first."""
    key = cursors.decode(after, _CURSOR)
    async with resources.database.transaction() as tx:
        rows = await tx.desk.scheduled_page(key, limit, campaign_id=sequence_id, contractor_id=contractor_id)
    last = rows[-1] if len(rows) == limit else None
    return ScheduledTouchPage(
        touchpoints=tuple(_shown(row) for row in rows),
        next=cursors.encode((last.scheduled_for, last.id), _CURSOR) if last else None,
    )


@router.post("/touchpoints/{scheduled_id}/cancel")
async def cancel_touchpoint(scheduled_id: UUID, resources: Injected) -> SequenceStanding:
    """Leave a planned touch out; the sequence goes on with the next."""
    place = await _scheduled(scheduled_id, resources)
    control = Control(command=Command.SKIP, touch=place.touch_key)
    standing = await command(resources, place.campaign_id, place.contractor_id, control)
    async with resources.database.transaction() as tx:
        await tx.desk.cancel(scheduled_id)
    return standing


@router.get("/tasks")
async def list_tasks(
    resources: Injected,
    kind: TaskKind | None = None,
    after: cursors.After = None,
    limit: cursors.Limit = cursors.DEFAULT_PAGE,
) -> TaskPage:
    """What people have to do, the most urgent first."""
    key = cursors.decode(after, _CURSOR)
    async with resources.database.transaction() as tx:
        rows = await tx.outreach.open_tasks(key, limit, kind.value if kind else None)
    last = rows[-1] if len(rows) == limit else None
    return TaskPage(
        tasks=tuple(_task(row) for row in rows),
        next=cursors.encode((last.due_at, last.id), _CURSOR) if last else None,
    )


@router.post("/tasks/{task_id}/claim")
async def claim_task(task_id: UUID, body: ClaimTask, resources: Injected) -> Task:
    """Take a task on; claiming it again is fine, claiming somebody else's is not."""
    async with resources.database.transaction() as tx:
        await _user(tx, body.user_id)
        await _known_task(tx, task_id)
        claimed = await tx.desk.claim_task(task_id, body.user_id)
        if claimed is None:
            raise ApiProblem(Code.TASK_TAKEN)
        return _task(claimed)


@router.post("/tasks/{task_id}/done")
async def finish_task(task_id: UUID, resources: Injected, body: FinishTask = _NOTHING_TO_ADD) -> Task:
    """A task is done. What came of it moves the sequence: a demo attended or missed, an answer given to a person."""
    now = datetime.now(UTC)
    async with resources.database.transaction() as tx:
        task = await _known_task(tx, task_id)
        await _user(tx, body.user_id)
        try:
            check(task, body)
        except WrongAnswer as wrong:
            raise ApiProblem(Code.INVALID_REQUEST, str(wrong)) from wrong
        settled = await tx.outreach.settle_task(task_id, "done", now, note=body.note, by=body.user_id)
        if settled is None:
            raise ApiProblem(Code.TASK_SETTLED)
        announcement = await task_done(tx, settled, body, now)
        shown = _task(settled)
    await deliver(resources, announcement)
    return shown


@router.post("/tasks/{task_id}/skip")
async def skip_task(task_id: UUID, resources: Injected, body: SkipTask = _NO_REASON) -> Task:
    """A task is not done, for a reason that the note gives."""
    async with resources.database.transaction() as tx:
        await _known_task(tx, task_id)
        await _user(tx, body.user_id)
        settled = await tx.outreach.settle_task(task_id, "skipped", datetime.now(UTC), note=body.note, by=body.user_id)
        if settled is None:
            raise ApiProblem(Code.TASK_SETTLED)
        return _task(settled)


async def _campaign(tx: UnitOfWork, campaign_id: UUID) -> OutreachCampaign:
    campaign = await tx.outreach.campaign(campaign_id)
    if campaign is None:
        raise ApiProblem(Code.UNKNOWN_SEQUENCE)
    return campaign


async def _detail(tx: UnitOfWork, campaign: OutreachCampaign) -> SequenceDetail:
    return SequenceDetail(
        sequence_id=campaign.id,
        name=campaign.name,
        type=campaign.type,
        status=campaign.status,
        city=campaign.target_city,
        state=campaign.target_state,
        channels=tuple(campaign.channels or ()),
        steps=steps_of(campaign),
        phases=await tx.desk.phases(campaign.id),
        created_at=campaign.created_at,
    )


async def _scheduled(scheduled_id: UUID, resources: Resources) -> ScheduledPlace:
    async with resources.database.transaction() as tx:
        place = await tx.desk.scheduled(scheduled_id)
    if place is None:
        raise ApiProblem(Code.UNKNOWN_TOUCHPOINT)
    if place.status != "scheduled":
        raise ApiProblem(Code.TOUCHPOINT_SETTLED, f"Its status is {place.status}.")
    return place


async def _known_task(tx: UnitOfWork, task_id: UUID) -> OutreachTask:
    task = await tx.outreach.task(task_id)
    if task is None:
        raise ApiProblem(Code.UNKNOWN_TASK)
    return task


async def _user(tx: UnitOfWork, user_id: UUID | None) -> None:
    if user_id is not None and not await tx.desk.is_user(user_id):
        raise ApiProblem(Code.UNKNOWN_USER)


def _shown(row: ScheduledTouchpoint) -> ScheduledTouch:
    return ScheduledTouch(
        scheduled_touchpoint_id=row.id,
        sequence_id=row.campaign_id,
        contractor_id=row.contractor_id,
        touch=row.touch_key,
        channel=row.channel,
        template=row.template,
        scheduled_for=row.scheduled_for,
        status=row.status,
    )


def _task(row: OutreachTask) -> Task:
    return Task(
        task_id=row.id,
        kind=TaskKind(row.kind),
        state=row.state,
        contractor_id=row.contractor_id,
        sequence_id=row.campaign_id,
        touchpoint_id=row.touchpoint_id,
        due_at=row.due_at,
        instructions=row.instructions,
        assignee_id=row.assignee_id,
        settled_at=row.settled_at,
        note=row.note,
    )
