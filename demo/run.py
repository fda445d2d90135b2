"""The demo from the first server to the last figure."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
from rich.console import Console
from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from activities.imagery.keys import overlay_key
from config.settings import Settings
from demo.contact_sheet import Tile, captions, draw, pick
from demo.histories import HistoryReport, read_histories
from demo.progress import Progress
from demo.report import Report
from demo.reviewer import Reviewer
from demo.truth import Judged, compare
from demo.world import MemoryWatch, World, project_root
from domain.address import InvalidAddress, parse_address
from domain.ensemble import EnsembleVerdict, combine
from domain.roof import DamageType, RoofCondition, View
from integrations.object_store import ObjectMissing, ObjectStore
from sandbox.adopt import adopt
from schema.contracts.ids import permit_scrape_workflow_id, property_workflow_id
from schema.contracts.property import PropertyResult, Stage
from schema.database import Database
from schema.pii import PiiVault
from stack.stack import Stack
from temporal import connect

CITY, STATE = "Austin", "TX"
LOOKBACK_DAYS = 30
MOST_PERMITS = 200
POLL_SECONDS = 1.0
LIMIT_SECONDS = 30 * 60
PATIENCE_SECONDS = 120
FINAL_ANSWERS = frozenset(
    {
        RPCStatusCode.NOT_FOUND,
        RPCStatusCode.INVALID_ARGUMENT,
        RPCStatusCode.ALREADY_EXISTS,
        RPCStatusCode.FAILED_PRECONDITION,
        RPCStatusCode.PERMISSION_DENIED,
        RPCStatusCode.UNIMPLEMENTED,
    }
)
"""What a Temporal server that is up says; any other failure may be a server that was just killed."""
MAX_OVERLAY_BYTES = 16_000_000

T = TypeVar("T")


class DemoError(Exception):
    """The demo cannot go on; the message says what happened and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for."""

    properties: int
    seed: int
    keep: bool


@dataclass(frozen=True, slots=True)
class House:
    """A house of the sandbox as it truly is."""

    condition: RoofCondition
    damages: frozenset[DamageType]
    roof_sqft: float


class Demo:
    """One run of the demo; `go` returns its report."""

    def __init__(self, options: Options, console: Console, stack: Stack | None = None) -> None:
        self._options = options
        self._console = console
        self._began = time.monotonic()
        self.started = asyncio.Event()
        self.world = World(stack or Stack(project_root(), say=self._say), options.seed, say=self._say)

    async def go(self) -> Report:
        """Everything: servers up, permits in, leads out, figures read."""
        if self.world.find_running():
            self._step("Stopping the programs of an earlier demo")
            await asyncio.to_thread(self.world.stop)
        self._step("Bringing the stack up")
        await asyncio.to_thread(self.world.start_stack)
        settings = self.world.settings()
        await self._prepare_database()
        database = Database(settings.database_url, PiiVault.from_settings(settings))
        try:
            with MemoryWatch(self.world) as memory:
                await self._start_programs(database)
                async with self.world.supervised():
                    report = await self._process(settings, database)
            report.peak_memory_mb = round(memory.peak_mb)
            report.wall_s = round(time.monotonic() - self._began, 1)
            return report
        finally:
            await database.close()

    def close(self) -> None:
        """Stop our programs and the stack, unless they were asked to stay."""
        if not self._options.keep:
            self.stop()

    def stop(self) -> None:
        """Stop what runs, also what an earlier demo left running. All data stays."""
        self._step("Stopping everything")
        self.world.find_running()
        self.world.stop()
        self.world.stack.down()

    # Set-up

    async def _prepare_database(self) -> None:
        self._step("Migrating and seeding the database")
        for command in ("migrate", "seed"):
            await self._module("schema", command)

    async def _start_programs(self, database: Database) -> None:
        self._step(f"Starting the sandbox city (seed {self._options.seed}), workers and API")
        await self.world.start("sandbox")
        await adopt(database, self.world.sandbox_url)
        await self.world.start("workers", "workers-vision", "api")
        self._say(f"API docs: {self.world.api_url}/docs")

    async def _module(self, *arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            env=dict(self.world.environment),
            cwd=project_root(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise DemoError(f"python -m {' '.join(arguments)} failed:\n{output.decode(errors='replace')}")

    # Permits to leads

    async def _process(self, settings: Settings, database: Database) -> Report:
        client = await connect(settings)
        async with httpx.AsyncClient(base_url=self.world.api_url, timeout=30) as api:
            permits = await self._scrape(client, database, api)
            leads = await self._start_properties(api, permits)
            houses = await self._houses()
            truth = {lead: houses[line] for lead, line in leads.items() if line in houses}
            reviewer = Reviewer(api, {lead: house.condition for lead, house in truth.items()})
            results, failed = await self._watch(client, list(leads), reviewer)
            self._step("Reading histories and comparing with the truth")
            ids = [*map(property_workflow_id, leads), permit_scrape_workflow_id(CITY, STATE)]
            histories = await read_histories(client, ids, await self._people())
            return await self._report(database, settings, results, failed, histories, reviewer, truth)

    async def _scrape(self, client: Client, database: Database, api: httpx.AsyncClient) -> list[tuple[UUID, str]]:
        """Scrape the city through the API; the newest permits, one per address, as (permit id, address line)."""
        self._step(f"Reading {LOOKBACK_DAYS} days of permits of {CITY}, {STATE}")
        request = {"city": CITY, "state": STATE, "days": LOOKBACK_DAYS}
        started = await patiently(lambda: post(api, "/scrape/permits", request))
        result = await patiently(lambda: client.get_workflow_handle(started["workflow_id"]).result())
        self._say(f"{result['roofing']} roofing permits among {result['seen']} rows")
        since = datetime.now(UTC).date() - timedelta(days=LOOKBACK_DAYS)
        async with database.transaction() as tx:
            rows = await tx.permits.for_city(CITY, STATE, since=since, limit=MOST_PERMITS)
        # Permit ids are random; a seed must choose the same properties every time.
        rows = sorted(rows, key=lambda permit: (permit.issue_date or since, permit.permit_number or ""), reverse=True)
        chosen: dict[str, UUID] = {}
        for permit in rows:
            try:
                chosen.setdefault(parse_address(permit.address, CITY, STATE, permit.zip).line, permit.id)
            except InvalidAddress:
                continue
        picked = [(permit_id, line) for line, permit_id in chosen.items()][: self._options.properties]
        if not picked:
            raise DemoError("The sandbox's portal has no roofing permit to process; try another --seed.")
        if len(picked) < self._options.properties:
            self._say(f"the city has only {len(picked)} recent roofing permits")
        return picked

    async def _start_properties(self, api: httpx.AsyncClient, permits: Sequence[tuple[UUID, str]]) -> dict[UUID, str]:
        """Start one workflow per permit; address line by lead id."""
        self._step(f"Starting {len(permits)} property workflows")
        leads: dict[UUID, str] = {}
        for permit_id, line in permits:
            started = await patiently(partial(post, api, "/workflows/property", {"permit_id": str(permit_id)}))
            leads[UUID(started["lead_id"])] = line
        return leads

    async def _watch(
        self, client: Client, leads: Sequence[UUID], reviewer: Reviewer
    ) -> tuple[dict[UUID, PropertyResult], dict[UUID, str]]:
        """Show progress until every workflow has ended; results, and failures by lead."""
        results: dict[UUID, PropertyResult] = {}
        failed: dict[UUID, str] = {}

        async def follow(lead: UUID) -> None:
            handle = client.get_workflow_handle(property_workflow_id(lead), result_type=PropertyResult)
            try:
                results[lead] = await patiently(handle.result)
            except WorkflowFailureError as failure:
                failed[lead] = str(failure.cause)

        done = asyncio.Event()
        reviewing = asyncio.create_task(reviewer.work(done))
        following = asyncio.gather(*(follow(lead) for lead in leads))
        self.started.set()
        with Progress(self._console, len(leads)) as progress:
            try:
                async with asyncio.timeout(LIMIT_SECONDS):
                    while not following.done():
                        progress.show(await patiently(lambda: self._stages(client, leads)))
                        await asyncio.wait([following], timeout=POLL_SECONDS)
                    await following
            finally:
                done.set()
                following.cancel()
                await reviewing
        return results, failed

    async def _stages(self, client: Client, leads: Sequence[UUID]) -> Iterable[str]:
        wanted = {property_workflow_id(lead) for lead in leads}
        stages = []
        async for workflow in client.list_workflows("WorkflowType = 'PropertyWorkflow'"):
            if workflow.id in wanted:
                wanted.discard(workflow.id)
                stages.append(str((workflow.search_attributes.get("Stage") or [Stage.PERMIT.value])[0]))
        return stages

    # Figures

    async def _houses(self) -> dict[str, House]:
        async with httpx.AsyncClient(base_url=self.world.sandbox_url, timeout=30) as sandbox:
            rows = (await sandbox.get("/control/houses")).raise_for_status().json()
        return {
            parse_address(row["address"], CITY, STATE, row["zip"]).line: House(
                RoofCondition(row["condition"]),
                frozenset(DamageType(damage["damage"]) for damage in row["damages"]),
                float(row["roof_sqft"]),
            )
            for row in rows
        }

    async def _people(self) -> list[str]:
        async with httpx.AsyncClient(base_url=self.world.sandbox_url, timeout=30) as sandbox:
            people: list[str] = (await sandbox.get("/control/people")).raise_for_status().json()
            houses = (await sandbox.get("/control/houses")).raise_for_status().json()
        return people + [house["address"] for house in houses]

    async def _report(
        self,
        database: Database,
        settings: Settings,
        results: Mapping[UUID, PropertyResult],
        failed: Mapping[UUID, str],
        histories: HistoryReport,
        reviewer: Reviewer,
        truth: Mapping[UUID, House],
    ) -> Report:
        verdicts = await self._model_verdicts(database, results)
        async with database.transaction() as tx:
            breakdowns = await tx.scores.breakdowns(list(results))
        judged = [
            Judged(
                predicted=verdict.condition,
                true=truth[lead].condition,
                damages_seen=frozenset(damage.damage for damage in verdict.damages),
                damages_true=truth[lead].damages,
                sqft_measured=verdict.roof_sqft,
                sqft_true=truth[lead].roof_sqft,
            )
            for lead, verdict in verdicts.items()
            if lead in truth
        ]
        sheet = await self._contact_sheet(settings, results)
        return Report(
            results=dict(results),
            failures=dict(failed),
            reviewer=reviewer,
            truth=compare(judged),
            histories=histories,
            breakdowns=breakdowns,
            contact_sheet=sheet,
            api_url=self.world.api_url,
            temporal_ui_url=self.world.environment.get("TEMPORAL_UI_URL", ""),
        )

    async def _model_verdicts(self, database: Database, leads: Iterable[UUID]) -> dict[UUID, EnsembleVerdict]:
        """What the models said, whatever a reviewer made of it afterwards."""
        async with database.transaction() as tx:
            findings = {lead: await tx.analyses.findings(lead) for lead in leads}
        return {lead: combine(found) for lead, found in findings.items() if found}

    async def _contact_sheet(self, settings: Settings, results: Mapping[UUID, PropertyResult]) -> Path | None:
        tiles = []
        async with ObjectStore.from_settings(settings) as store:
            for lead, result in pick(results):
                with contextlib.suppress(ObjectMissing):
                    overlay = await store.get(overlay_key(lead, View.OVERHEAD), max_bytes=MAX_OVERLAY_BYTES)
                    tiles.append(Tile(overlay, *captions(result)))
        return draw(tiles, project_root() / "out" / "contact-sheet.png") if tiles else None

    def _step(self, words: str) -> None:
        self._console.print(f"[bold]==>[/bold] {words}")

    def _say(self, words: str) -> None:
        self._console.print(f"    {words}", markup=False, highlight=False)


async def post(api: httpx.AsyncClient, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """POST and decode; raises on any status that is not a success."""
    answer = await api.post(path, json=body)
    return dict(answer.raise_for_status().json())


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """The call's answer, tried again while the API or Temporal is away (it was killed and comes back)."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await call()
        except (httpx.TransportError, httpx.HTTPStatusError, RPCError) as failure:
            if time.monotonic() > deadline or not _passes(failure):
                raise
        await asyncio.sleep(POLL_SECONDS)


def _passes(failure: Exception) -> bool:
    if isinstance(failure, httpx.HTTPStatusError):
        return failure.response.is_server_error
    if isinstance(failure, RPCError):
        return failure.status not in FINAL_ANSWERS
    return True
