"""The table of schedules and the real server: applied once, twice, changed, paused, removed."""

import asyncio
import json
import sys
from dataclasses import replace
from datetime import timedelta

from temporalio.client import Client, ScheduleOverlapPolicy

from config.settings import Settings
from schema.contracts.outreach import SweepFindings
from schema.database import Database
from temporal.schedules import JOBS, Change, Job, apply, daily, diff, every, standing, weekly
from tests.conftest import as_environment
from tests.integration.api_world import World, scripted
from tests.support.servers import ROOT
from tests.workflow.scripted import Script
from workers.queues import QUEUES
from workflows.sweep import OutreachSweepWorkflow

NOTHING = [Change(job.name, "none") for job in JOBS]


def job(name: str = "test-sweep", **changes: object) -> Job:
    plain = Job(name, OutreachSweepWorkflow, every(hours=2), timedelta(minutes=1), "A test.")
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_the_table_holds_what_the_spec_asks_for_so_far() -> None:
    by_name = {job.name: job for job in JOBS}
    assert len(by_name) == len(JOBS)
    assert by_name["outreach-sweep"].when == every(minutes=5)
    assert by_name["campaign-optimization"].when == every(hours=1)
    served = {workflow for spec in QUEUES.values() for workflow in spec.workflows}
    for each in JOBS:
        schedule = each.schedule()
        assert each.workflow in served
        assert schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
        assert timedelta(0) < each.catch_up <= timedelta(days=1) and each.at_most > timedelta(0)


async def test_applying_twice_changes_nothing_the_second_time(temporal_client: Client) -> None:
    assert await diff(temporal_client) == [Change(each.name, "create") for each in JOBS]
    assert [change.kind for change in await apply(temporal_client)] == ["create"] * len(JOBS)
    assert await diff(temporal_client) == await apply(temporal_client) == NOTHING
    for each in await standing(temporal_client):
        assert each.exists and not each.paused and each.next_at is not None


async def test_every_kind_of_time_is_recognised_again(temporal_client: Client) -> None:
    table = tuple(job(f"at-{n}", when=when) for n, when in enumerate((daily(2), weekly(0, 1, 30), every(days=1))))
    await apply(temporal_client, table)
    assert {change.kind for change in await diff(temporal_client, table)} == {"none"}


async def test_what_changed_is_named_and_mended(temporal_client: Client) -> None:
    await apply(temporal_client, (job(),))
    later = job(when=daily(3), at_most=timedelta(minutes=2), jitter=timedelta(seconds=9), catch_up=timedelta(hours=1))
    assert await diff(temporal_client, (later,)) == [Change("test-sweep", "update", ("when", "policy", "action"))]
    assert (await apply(temporal_client, (later,)))[0].kind == "update"
    assert await diff(temporal_client, (later,)) == [Change("test-sweep", "none")]


async def test_an_operators_pause_survives_a_change(temporal_client: Client) -> None:
    await apply(temporal_client, (job(),))
    await temporal_client.get_schedule_handle("test-sweep").pause()
    await apply(temporal_client, (job(when=daily(3)),))
    [found] = await standing(temporal_client, (job(),))
    assert found.paused


async def test_only_our_own_schedules_are_removed(temporal_client: Client) -> None:
    await temporal_client.create_schedule("somebody-elses", job("other").schedule())
    await apply(temporal_client, (job("old"), job("kept")))
    # The server's list may lag a moment behind its schedules.
    while len([each async for each in await temporal_client.list_schedules()]) < 3:
        await asyncio.sleep(0.05)
    assert await apply(temporal_client, (job("kept"),)) == [Change("kept", "none"), Change("old", "remove")]
    [gone] = await standing(temporal_client, (job("old"),))
    assert not gone.exists
    await temporal_client.get_schedule_handle("somebody-elses").describe()


async def test_a_scheduled_sweep_runs(settings: Settings, database: Database, temporal_client: Client) -> None:
    await apply(temporal_client, (job(),))
    script = Script(find_stranded=SweepFindings())
    async with scripted(World(settings, database, temporal_client), script):
        await temporal_client.get_schedule_handle("test-sweep").trigger()
        while not (found := (await standing(temporal_client, (job(),)))[0]).runs:
            await asyncio.sleep(0.05)
        while not script.called("find_stranded"):
            await asyncio.sleep(0.05)
    assert found.last_at is not None


async def run_command(settings: Settings, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "temporal.schedules", *arguments, cwd=ROOT, env=as_environment(settings),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_the_command_line(settings: Settings, temporal_client: Client) -> None:
    status, output = await run_command(settings, "diff", "--json")
    assert status == 1 and {row["kind"] for row in json.loads(output)} == {"create"}
    status, output = await run_command(settings, "apply")
    assert status == 0 and "create  outreach-sweep" in output
    status, output = await run_command(settings, "list")
    assert status == 0 and all(each.name in output for each in JOBS) and "next 20" in output
