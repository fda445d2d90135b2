"""The sandbox as a program: up quickly, the same world for the same seed, gone when told."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from stack.ports import pick

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    """A sandbox of this test's own and a client of it."""
    port = pick([])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "--port", str(port), "--houses", "40", *arguments, cwd=ROOT
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            await _answering(process, client)
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _answering(process: asyncio.subprocess.Process, client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            assert process.returncode is None, "the sandbox ended before it answered"
            try:
                (await client.get("/control/health")).raise_for_status()
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_two_programs_tell_the_same_world() -> None:
    told = []
    for _ in range(2):
        async with running("--seed", "11", "--today", "2026-03-01") as (_, client):
            paths = ("/control/houses", "/control/permits?recent_days=9999", "/control/contractors", "/control/storms")
            told.append([(await client.get(path)).json() for path in paths])
    assert told[0] == told[1]
    assert len(told[0][0]) == 40


async def test_it_stops_on_sigterm_though_a_request_is_held() -> None:
    async with running() as (process, client):
        await client.post("/control/faults", json={"vendor": "portal", "kind": "timeout", "seconds": 3000})
        held = asyncio.create_task(client.get("/portal/austin/resource/3syk-w9eu.json"))
        while not (await client.get("/control/stats")).json()["faults"]:
            assert not held.done()
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 15)
        await asyncio.gather(held, return_exceptions=True)


async def test_pictures_of_the_city_are_drawn(tmp_path: Path) -> None:
    for name, extra in (("sheet.png", ()), ("map.png", ("--map",))):
        arguments = ("picture", "--houses", "30", "--out", str(tmp_path / name), *extra)
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "sandbox", *arguments, cwd=ROOT)
        assert await process.wait() == 0
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
