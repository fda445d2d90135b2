"""What runs by the clock (spec 3.8, 9.4), as a table; `python -m temporal.schedules apply` makes the server agree.

Overlap is SKIP for all: a run that takes longer than its interval delays the next, and never meets it.
The catch-up window bounds what is made up for after an outage; without it the server would start every
run missed in a year. Times are UTC, in which no hour is skipped or comes twice.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleDescription,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from workflows.optimization import CampaignOptimizationWorkflow
from workflows.options import TaskQueue
from workflows.sweep import OutreachSweepWorkflow

OWNER = {"owner": "ridgeline"}
"""Memo of the schedules that this table owns: `apply` removes only those."""


def every(**interval: float) -> ScheduleSpec:
    """At each multiple of an interval, e.g. `every(minutes=5)`."""
    return ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(**interval))])


def daily(hour: int, minute: int = 0) -> ScheduleSpec:
    """Once a day at this time, UTC."""
    return _at(hour, minute)


def weekly(weekday: int, hour: int, minute: int = 0) -> ScheduleSpec:
    """Once a week at this time, UTC; Sunday is 0."""
    return _at(hour, minute, day_of_week=(ScheduleRange(weekday),))


def _at(hour: int, minute: int, **more: Any) -> ScheduleSpec:
    return ScheduleSpec(
        calendars=[ScheduleCalendarSpec(hour=(ScheduleRange(hour),), minute=(ScheduleRange(minute),), **more)]
    )


@dataclass(frozen=True, slots=True)
class Job:
    """One schedule. Its workflow takes no argument, and may run twice without harm."""

    name: str
    workflow: type
    when: ScheduleSpec
    at_most: timedelta
    """How long a run may take before the server ends it."""
    note: str
    """What it is for, as the Temporal UI shows it."""
    catch_up: timedelta = timedelta(minutes=10)
    jitter: timedelta = timedelta(0)

    def schedule(self, *, paused: bool = False) -> Schedule:
        """The job as the server keeps it."""
        return Schedule(
            action=ScheduleActionStartWorkflow(
                self.workflow.__name__,
                id=f"schedule-{self.name}",
                task_queue=TaskQueue.ORCHESTRATION.value,
                execution_timeout=self.at_most,
            ),
            spec=replace(self.when, jitter=self.jitter or None),
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=self.catch_up),
            state=ScheduleState(note=self.note, paused=paused),
        )


JOBS: tuple[Job, ...] = (
    Job(
        "outreach-sweep", OutreachSweepWorkflow, every(minutes=5), timedelta(minutes=10),
        "Starts sequences again that were lost, passes on events that nobody did (spec 3.8.2).",
    ),
    Job(
        "campaign-optimization", CampaignOptimizationWorkflow, every(hours=1), timedelta(minutes=30),
        "Counts campaigns anew, judges A/B tests, pauses what does harm (spec 3.6.5).",
        catch_up=timedelta(hours=1), jitter=timedelta(minutes=2),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between the table and the server: `create`, `update` (and in what), `remove` or `none`."""

    name: str
    kind: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """A job as it stands on the server; `exists` is False before the first `apply`."""

    name: str
    workflow: str
    note: str
    exists: bool
    paused: bool = False
    runs: int = 0
    last_at: datetime | None = None
    next_at: datetime | None = None


async def diff(client: Client, jobs: tuple[Job, ...] = JOBS) -> list[Change]:
    """What `apply` would do; changes nothing."""
    changes: list[Change] = []
    for job in jobs:
        described = await _describe(client, job.name)
        if described is None:
            changes.append(Change(job.name, "create"))
            continue
        fields = _differences(job, described)
        changes.append(Change(job.name, "update" if fields else "none", fields))
    return changes + [Change(name, "remove") for name in await _no_longer_wanted(client, jobs)]


async def apply(client: Client, jobs: tuple[Job, ...] = JOBS) -> list[Change]:
    """Makes the server's schedules those of the table; returns what was done. An operator's pause stays."""
    changes = await diff(client, jobs)
    by_name = {job.name: job for job in jobs}
    for change in changes:
        if change.kind == "create":
            await _create(client, by_name[change.name])
        elif change.kind == "update":
            await client.get_schedule_handle(change.name).update(_updater(by_name[change.name]))
        elif change.kind == "remove":
            await _remove(client, change.name)
    return changes


async def standing(client: Client, jobs: tuple[Job, ...] = JOBS) -> list[Standing]:
    """Every job of the table with what the server says of it."""
    rows: list[Standing] = []
    for job in jobs:
        described = await _describe(client, job.name)
        row = Standing(job.name, job.workflow.__name__, job.note, exists=described is not None)
        if described is not None:
            info = described.info
            row = replace(
                row,
                paused=described.schedule.state.paused,
                runs=info.num_actions,
                last_at=info.recent_actions[-1].started_at if info.recent_actions else None,
                next_at=info.next_action_times[0] if info.next_action_times else None,
            )
        rows.append(row)
    return rows


def _differences(job: Job, described: ScheduleDescription) -> tuple[str, ...]:
    wanted, found = job.schedule(), described.schedule
    pairs: dict[str, tuple[object, object]] = {
        "when": (wanted.spec, found.spec),
        "policy": (wanted.policy, found.policy),
        "note": (wanted.state.note, found.state.note),
        "action": (_action(wanted), _action(found)),
    }
    return tuple(name for name, (one, other) in pairs.items() if one != other)


def _action(schedule: Schedule) -> tuple[object, ...] | None:
    action = schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow):
        return None
    return action.workflow, action.id, action.task_queue, action.execution_timeout, len(action.args)


async def _describe(client: Client, name: str) -> ScheduleDescription | None:
    try:
        return await client.get_schedule_handle(name).describe()
    except RPCError as failure:
        if failure.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _no_longer_wanted(client: Client, jobs: tuple[Job, ...]) -> list[str]:
    """Schedules of ours that the table does not hold. The list may lag a moment behind."""
    wanted = {job.name for job in jobs}
    ours = [
        listed.id
        async for listed in await client.list_schedules()
        if listed.id not in wanted and (await listed.memo()).get("owner") == OWNER["owner"]
    ]
    return sorted(ours)


async def _create(client: Client, job: Job) -> None:
    try:
        await client.create_schedule(job.name, job.schedule(), memo=OWNER)
    except ScheduleAlreadyRunningError:
        # Somebody else applies the same table at this moment.
        await client.get_schedule_handle(job.name).update(_updater(job))


def _updater(job: Job) -> Any:
    def update(known: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(job.schedule(paused=known.description.schedule.state.paused))

    return update


async def _remove(client: Client, name: str) -> None:
    try:
        await client.get_schedule_handle(name).delete()
    except RPCError as failure:
        if failure.status is not RPCStatusCode.NOT_FOUND:
            raise
