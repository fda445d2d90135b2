"""The API on the real stack: ready when all of it answers, not ready when one part does not."""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client

from api.app import create_app
from config.settings import Settings
from integrations.object_store import ObjectStore
from tests.api_client import serving

ROOT = Path(__file__).parents[2]


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port that refuses connections: taken, and nobody listens on it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


@pytest.fixture
def free_port() -> int:
    """A port nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def down_in(response: httpx.Response) -> list[str]:
    """The servers that a readiness answer calls down."""
    return [name for name, one in response.json()["checks"].items() if not one["up"]]


async def settled(client: httpx.AsyncClient, down: list[str]) -> httpx.Response:
    """The readiness answer once it is as expected: a first connection on a busy machine may exceed the budget."""
    deadline = time.monotonic() + 30
    while True:
        response = await client.get("/ready")
        if down_in(response) == down or time.monotonic() > deadline:
            return response


async def test_ready_when_all_four_answer(settings: Settings, object_store: ObjectStore) -> None:
    async with serving(create_app(settings)) as client:
        response = await settled(client, down=[])
    state = response.json()
    assert (response.status_code, state["ready"]) == (200, True), state
    assert set(state["checks"]) == {"postgresql", "redis", "object_store", "temporal"}


@pytest.mark.parametrize(
    ("check", "field", "value"),
    [
        ("postgresql", "database_url", "postgresql+asyncpg://ridgeline:ridgeline@127.0.0.1:{port}/ridgeline"),
        ("redis", "redis_url", "redis://127.0.0.1:{port}/0"),
        ("object_store", "s3_endpoint", "http://127.0.0.1:{port}"),
        ("temporal", "temporal_address", "127.0.0.1:{port}"),
    ],
)
async def test_names_the_one_that_does_not_answer(
    settings: Settings, object_store: ObjectStore, dead_port: int, check: str, field: str, value: str
) -> None:
    broken = settings.model_copy(update={field: value.format(port=dead_port)})
    async with serving(create_app(broken)) as client:
        response = await settled(client, down=[check])
    state = response.json()
    assert (response.status_code, state["ready"]) == (503, False)
    assert down_in(response) == [check]


async def test_a_server_that_hangs_costs_two_seconds_not_more(settings: Settings) -> None:
    """A socket that accepts and never answers must not hold up the answer about the others."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        hanging = settings.model_copy(
            update={"redis_url": f"redis://127.0.0.1:{port}/0", "temporal_address": f"127.0.0.1:{port}"}
        )
        async with serving(create_app(hanging)) as client:
            await client.get("/ready")
            checks = (await client.get("/ready")).json()["checks"]
    assert checks["postgresql"]["up"] is True
    assert {name: checks[name]["up"] for name in ("redis", "temporal")} == {"redis": False, "temporal": False}
    assert all(check["elapsed_ms"] < 4000 for check in checks.values())


async def answer(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """The first good answer of a server that is still starting, on a machine that may be busy."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(httpx.TransportError):
                response = await client.get(path)
                if response.status_code == 200:
                    return response
            await asyncio.sleep(0.1)


async def test_process_serves_and_stops_on_sigterm(
    environment: dict[str, str], object_store: ObjectStore, temporal_client: Client, free_port: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api", "--service", "orchestrator", "--port", str(free_port)),
        cwd=ROOT,
        env={**environment, "LOG_LEVEL": "INFO"},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{free_port}", timeout=10) as client:
            health = await answer(client, "/health")
            await answer(client, "/ready?address=742-evergreen")
        assert health.json() == {"status": "ok", "service": "orchestrator"}
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, errors.decode()
    lines = errors.decode().splitlines()
    assert any('"route": "/ready"' in line and '"status": 200' in line for line in lines), lines
    assert "evergreen" not in errors.decode()
