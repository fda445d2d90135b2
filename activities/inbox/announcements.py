"""What operators and people's tasks tell sequences: by the vendors' inbox, so that nothing is lost on the way."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from activities.inbox.findings import Sequenced, notices
from activities.outreach.opt_out import opt_out
from schema.contracts.inbox import Notice
from schema.contracts.outreach import EventKind
from schema.contracts.outreach_api import Answer, FinishTask, TaskKind
from schema.database import UnitOfWork
from schema.repositories.outreach import Enrolled
from schema.tables import OutreachTask

OPERATOR, TASK = "operator", "task"

EVENTS = {
    Answer.INTERESTED: EventKind.INTERESTED,
    Answer.CALLBACK: EventKind.CALLBACK,
    Answer.NOT_INTERESTED: EventKind.NOT_INTERESTED,
}
CONVERSATIONS = frozenset({TaskKind.REPLY, TaskKind.CALL})


@dataclass(frozen=True, slots=True)
class Announcement:
    """Events to pass on, and the inbox row to settle once they have arrived."""

    item_id: UUID | None = None
    notices: tuple[Notice, ...] = ()


class WrongAnswer(ValueError):
    """The answer does not belong to this kind of task; its message says what does."""


async def announce(
    tx: UnitOfWork,
    source: str,
    event_id: str,
    kind: EventKind,
    sequences: Iterable[Sequenced],
    at: datetime,
    *,
    until: datetime | None = None,
    meeting_id: UUID | None = None,
) -> Announcement:
    """Stores an event for these sequences, once per id; to be passed on after the transaction."""
    item = await tx.inbox.announce(source, event_id, kind.value, at)
    if item is None:
        return Announcement()
    told = notices(item, kind, sequences, until=until, meeting_id=meeting_id)
    await tx.inbox.was_read(item.id, told)
    return Announcement(item.id, tuple(told))


async def stop(tx: UnitOfWork, campaign_id: UUID, contractor_id: UUID, event_id: str, at: datetime) -> Announcement:
    """Takes a contractor out of a sequence. Nothing to announce if it had ended."""
    await tx.people.lock(contractor_id)
    if not await tx.desk.stop(campaign_id, contractor_id, at):
        return Announcement()
    place = Enrolled(campaign_id, contractor_id)
    await tx.outreach.cancel_scheduled([place])
    return await announce(tx, OPERATOR, event_id, EventKind.STOPPED, [place], at)


def check(task: OutreachTask, answer: FinishTask) -> None:
    """Raises WrongAnswer unless the answer is one to this kind of task."""
    kind = TaskKind(task.kind)
    if kind is TaskKind.DEMO_OUTCOME and answer.attended is None:
        raise WrongAnswer("The outcome of a demo says whether the contractor `attended`.")
    if kind is not TaskKind.DEMO_OUTCOME and answer.attended is not None:
        raise WrongAnswer("`attended` belongs to the outcome of a demo.")
    if kind not in CONVERSATIONS and answer.answer is not None:
        raise WrongAnswer("`answer` belongs to a reply or a call.")


async def task_done(tx: UnitOfWork, task: OutreachTask, answer: FinishTask, at: datetime) -> Announcement:
    """What a finished task means for the sequences (spec 6.3 steps 6 to 8)."""
    event_id = str(task.id)
    live = await _sequences(tx, task)
    if TaskKind(task.kind) is TaskKind.DEMO_OUTCOME:
        kind = EventKind.DEMO_ATTENDED if answer.attended else EventKind.DEMO_MISSED
        meeting_id = await _meeting(tx, task)
        if meeting_id is not None:
            await _held(tx, meeting_id, attended=answer.attended is True)
        return await announce(tx, TASK, event_id, kind, live, at, meeting_id=meeting_id)
    if answer.answer is None:
        return Announcement()
    if answer.answer is Answer.OPTED_OUT:
        refused = await opt_out(tx, task.contractor_id, "all", TASK, "opt_out", at)
        return await announce(tx, TASK, event_id, EventKind.OPTED_OUT, refused, at)
    return await announce(tx, TASK, event_id, EVENTS[answer.answer], live, at, until=answer.callback_at)


async def _sequences(tx: UnitOfWork, task: OutreachTask) -> list[Enrolled]:
    """The task's own sequence, or all of the contractor's where it belongs to none."""
    live = await tx.outreach.live([task.contractor_id])
    return [each for each in live if task.campaign_id in (None, each.campaign_id)]


async def _held(tx: UnitOfWork, meeting_id: UUID, *, attended: bool) -> None:
    """What a person saw stands in the meeting's row too."""
    if attended:
        await tx.meetings.held(meeting_id)
        return
    row = await tx.meetings.get(meeting_id)
    if row is not None and row.external_id is not None:
        await tx.meetings.missed(row.external_id)


async def _meeting(tx: UnitOfWork, task: OutreachTask) -> UUID | None:
    """The demo that the sequence is at."""
    if task.campaign_id is None:
        return None
    row = await tx.outreach.enrollment(task.campaign_id, task.contractor_id)
    return row.meeting_id if row is not None else None
