"""The platform and its outside world as processes: started, watched, killed and stopped.

The demo runs on it, and so do the tests that kill things.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from config.settings import Settings
from sandbox.app import settings_for
from stack.ports import is_free, pick
from stack.processes import Started, memory_mb, spawn, stop, tail
from stack.stack import Stack

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
HEAL_EVERY_SECONDS = 1.0
MOST_DEATHS = 20

VISION_QUEUES = ("imagery", "inference")
OTHER_QUEUES = ("orchestration", "scraping", "enrichment", "messaging", "billing")


class WorldError(Exception):
    """A process of the demo did not start or died; the message ends with its log."""


@dataclass(frozen=True, slots=True)
class Program:
    """One process: how it starts and, for a server, where it says that it is ready."""

    argv: tuple[str, ...]
    ready_url: str | None = None


@dataclass
class World:
    """Sandbox, workers and API on one stack. Vendor URLs point at the sandbox; nothing leaves loopback."""

    stack: Stack
    seed: int
    say: Callable[[str], None] = lambda _: None
    extra: Mapping[str, str] = field(default_factory=dict)
    """Settings of the platform's programs besides those of servers and vendors."""
    sandbox_port: int = 0
    api_port: int = 0
    _running: dict[str, Started] = field(default_factory=dict)
    _environment: dict[str, str] = field(default_factory=dict)
    _deaths: Counter[str] = field(default_factory=Counter)

    @property
    def sandbox_url(self) -> str:
        """Where the outside world is played."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def api_url(self) -> str:
        """Where the API listens."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment every process of the platform gets."""
        return self._environment

    def settings(self) -> Settings:
        """The settings of the platform's processes."""
        fields = Settings.model_fields
        given = {name.lower(): value for name, value in self._environment.items() if name.lower() in fields}
        return Settings.model_validate(given)

    def start_stack(self) -> None:
        """Bring the servers up and choose ports for our own programs."""
        variables = self.stack.up()
        self.sandbox_port = self.sandbox_port or pick([])
        self.api_port = self.api_port or (8000 if is_free(8000) else pick([self.sandbox_port]))
        self._environment = {**os.environ, **variables, **self._vendors(), **self.extra, "PYTHONUNBUFFERED": "1"}

    async def start(self, *names: str) -> None:
        """Start the named programs (all when none is named) and wait until the servers among them answer."""
        programs = self._programs()
        for name in names or tuple(programs):
            self._spawn(name)
        async with httpx.AsyncClient(timeout=2) as client:
            for name in names or tuple(programs):
                url = programs[name].ready_url
                if url is not None:
                    await self._await_ready(client, name, url)

    def heal(self) -> None:
        """Start again whatever died: our programs and the servers of the stack.

        Raises WorldError for a program that keeps dying, with the end of its log.
        """
        if any(status.state == "down" for status in self.stack.status()):
            self.say("a server of the stack is gone; starting it again")
            self.stack.up()
        for name, started in list(self._running.items()):
            if started.process() is not None:
                continue
            self._deaths[name] += 1
            if self._deaths[name] > MOST_DEATHS:
                raise WorldError(f"{name} keeps dying. The end of its log:\n{tail(self.stack.log(name))}")
            self.say(f"{name} is gone; starting it again")
            self._spawn(name)

    @contextlib.asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        """Heal once a second; what cannot be healed is raised in the body."""
        body = asyncio.current_task()
        if body is None:
            raise RuntimeError("supervised() needs a running task")
        watch = asyncio.create_task(self._supervise(body))
        try:
            yield
        except asyncio.CancelledError:
            if watch.done() and not watch.cancelled() and (failure := watch.exception()) is not None:
                body.uncancel()
                raise failure from None
            raise
        finally:
            watch.cancel()
            await asyncio.wait([watch])

    async def _supervise(self, body: "asyncio.Task[Any]") -> None:
        while True:
            await asyncio.sleep(HEAL_EVERY_SECONDS)
            try:
                await asyncio.to_thread(self.heal)
            except Exception:
                body.cancel()
                raise

    def kill(self, name: str) -> None:
        """End a program with SIGKILL, as a crash would; `heal` starts it again."""
        stop(self._running[name], signal.SIGKILL, STOP_SECONDS)

    def find_running(self) -> bool:
        """Take over programs that an earlier run left running; True if there are any."""
        for name in self._programs():
            started = Started.load(self._pid_file(name))
            if started is not None and started.process() is not None:
                self._running[name] = started
        return bool(self._running)

    def _pid_file(self, name: str) -> Path:
        return self.stack.home / "pids" / f"demo-{name}.json"

    def _spawn(self, name: str) -> None:
        self._running[name] = spawn(
            self._programs()[name].argv, cwd=self.stack.root, log=self.stack.log(name), env=self._environment
        )
        self._running[name].save(self._pid_file(name))

    def stop(self) -> None:
        """Stop our programs, workers first, each with time to finish what it runs. The stack stays."""
        for name in sorted(self._running, key=lambda name: not name.startswith("workers")):
            stop(self._running.pop(name), signal.SIGTERM, STOP_SECONDS)

    def memory_mb(self) -> float:
        """Memory of the stack and of our programs in MB."""
        return self.stack.memory_mb() + sum(memory_mb(started) for started in list(self._running.values()))

    def _programs(self) -> dict[str, Program]:
        python = sys.executable
        return {
            "sandbox": Program(
                (python, "-m", "sandbox", "--port", str(self.sandbox_port), "--seed", str(self.seed)),
                f"{self.sandbox_url}/control/health",
            ),
            "workers": Program((python, "-m", "workers", *OTHER_QUEUES)),
            "workers-vision": Program((python, "-m", "workers", *VISION_QUEUES)),
            "api": Program((python, "-m", "api", "--port", str(self.api_port)), f"{self.api_url}/ready"),
        }

    def _vendors(self) -> dict[str, str]:
        named = {name.upper(): str(value) for name, value in settings_for(self.sandbox_url).items()}
        return {**named, "PUBLIC_URL": self.api_url}

    async def _await_ready(self, client: httpx.AsyncClient, name: str, url: str) -> None:
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if self._running[name].process() is None:
                raise WorldError(f"{name} died. The end of its log:\n{tail(self.stack.log(name))}")
            try:
                if (await client.get(url)).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
        raise WorldError(
            f"{name} was not ready within {READY_SECONDS:.0f} s. The end of its log:\n{tail(self.stack.log(name))}"
        )


class MemoryWatch:
    """Samples the memory of a world in a thread; `peak_mb` is the most seen."""

    def __init__(self, world: World, every_seconds: float = 1.0) -> None:
        self.peak_mb = 0.0
        self._world = world
        self._every = every_seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._every):
            self.peak_mb = max(self.peak_mb, self._world.memory_mb())


def project_root() -> Path:
    """The folder the project lives in."""
    return Path(__file__).resolve().parent.parent
