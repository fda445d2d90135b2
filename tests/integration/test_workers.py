"""Workers as processes: what they finish before they stop, what they show, how they are versioned."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

import httpx
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from config.settings import Settings
from sandbox.adopt import adopt
from schema.contracts.property import CityScrapeRequest, PropertyRequest, PropertyResult, Reason
from schema.database import Database
from stack.ports import pick
from tests.conftest import as_environment
from tests.support.sandbox import Sandbox
from tests.support.servers import ROOT
from workflows.permits import PermitScrapeWorkflow
from workflows.property import PropertyWorkflow


@asynccontextmanager
async def worker(settings: Settings, *queues: str, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m workers QUEUE …` on the test's settings; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers", *queues, cwd=ROOT, env={**as_environment(settings), **variables}
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def refused(client: Client) -> PropertyResult:
    """The shortest real run there is: a request for nothing."""
    return await client.execute_workflow(
        PropertyWorkflow.run, PropertyRequest(), id=f"empty-{uuid4()}", task_queue="orchestration"
    )


async def test_a_worker_told_to_stop_finishes_what_it_runs(
    sandbox_settings: Settings, sandbox: Sandbox, database: Database, temporal_client: Client
) -> None:
    await adopt(database, sandbox.url)
    sandbox.fault("portal", "latency", seconds=3, count=1)
    async with worker(sandbox_settings, "orchestration"), worker(sandbox_settings, "scraping") as scraping:
        handle = await temporal_client.start_workflow(
            PermitScrapeWorkflow.run,
            CityScrapeRequest(city="Austin", state="TX", days=5),
            id="permits-tx-austin",
            task_queue="orchestration",
        )
        while not (await asyncio.to_thread(sandbox.get, "/control/stats"))["faults"]:
            await asyncio.sleep(0.1)
        scraping.send_signal(signal.SIGTERM)
        assert await scraping.wait() == 0
        result = await handle.result()
    assert result.stored > 0
    events = (await handle.fetch_history()).events
    [started] = [event for event in events if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED]
    assert started.activity_task_started_event_attributes.attempt == 1


async def test_metrics_and_traces_leave_the_worker(settings: Settings, temporal_client: Client) -> None:
    port = pick([])
    with collector() as (address, received):
        async with worker(
            settings, "orchestration", METRICS_PORT=str(port), OTEL_EXPORTER_OTLP_ENDPOINT=address
        ) as process:
            assert (await refused(temporal_client)).reason is Reason.BAD_REQUEST
            async with httpx.AsyncClient() as http:
                metrics = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    assert "temporal_workflow_completed_total" in metrics
    assert "temporal_workflow_endtoend_latency_seconds" in metrics
    assert any(b"PropertyWorkflow" in body for body in received)


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """An OTLP collector over HTTP that keeps what it gets."""
    received: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()


async def test_a_versioned_worker_serves_once_its_build_is_current(settings: Settings, temporal_client: Client) -> None:
    temporal = shutil.which("temporal")
    assert temporal
    make_current = [
        *(temporal, "worker", "deployment", "set-current-version", "--deployment-name", "ridgeline"),
        *("--build-id", "build-1", "--yes", "--address", settings.temporal_address),
        *("--namespace", settings.temporal_namespace),
    ]
    async with worker(settings, "orchestration", WORKER_BUILD_ID="build-1"):
        running = asyncio.create_task(refused(temporal_client))
        while (await asyncio.to_thread(subprocess.run, make_current, capture_output=True, check=False)).returncode:
            await asyncio.sleep(0.2)
        assert (await running).reason is Reason.BAD_REQUEST


async def test_without_keys_for_personal_data_a_worker_says_what_to_do(settings: Settings) -> None:
    environment = {**as_environment(settings), "PII_ENCRYPTION_KEY": "", "PII_INDEX_KEY": ""}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "workers", "billing"],
        cwd=ROOT,
        env={**environment, "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", "")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "python -m schema new-key" in done.stderr


@pytest.mark.parametrize("argument", ["--version", "imagery,inference"])
def test_an_argument_it_does_not_know_is_refused(argument: str) -> None:
    done = subprocess.run([sys.executable, "-m", "workers", argument], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and argument in done.stderr
