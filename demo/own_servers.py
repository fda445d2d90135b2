"""A run on servers of its own: brought up, filled, measured or shot at, and deleted again."""

import asyncio
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from temporalio.client import Client

from config.settings import Settings
from demo.world import World, WorldError, project_root
from schema.database import Database
from schema.pii import PiiVault
from stack.processes import tail
from stack.stack import Stack
from temporal import connect


class OwnServers:
    """Servers, sandbox, workers and API in a folder of their own; `go` does what `run` of a subclass says."""

    def __init__(
        self, name: str, console: Console, extra: Mapping[str, str] | None = None, home: Path | None = None
    ) -> None:
        self._console = console
        self._home = home or project_root() / ".stack" / name
        # Whatever servers the environment names stay as they are: this run fills and deletes a database.
        self.world = World(Stack(project_root(), home=self._home, environ={}), seed=1, extra=extra or {})

    async def go(self) -> dict[str, Any]:
        """Everything: servers up, migrated, programs running, then the run itself."""
        self._console.print("Bringing servers, sandbox, workers and API up")
        await asyncio.to_thread(self.world.start_stack)
        for command in ("migrate", "seed"):
            await self._module("schema", command)
        await self.world.start("sandbox", "workers", "api")
        settings = self.world.settings()
        database = Database(settings.database_url, PiiVault.from_settings(settings))
        client = await connect(settings.model_copy(update={"metrics_port": None}))
        try:
            async with httpx.AsyncClient(base_url=self.world.api_url, timeout=30) as api:
                return await self.run(settings, database, client, api)
        finally:
            await database.close()

    async def run(
        self, settings: Settings, database: Database, client: Client, api: httpx.AsyncClient
    ) -> dict[str, Any]:
        """What is to be found out; returns the figures."""
        raise NotImplementedError

    def last_words(self) -> str:
        """The end of the workers' and the API's logs."""
        return "\n".join(f"{name}:\n{tail(self.world.stack.log(name))}" for name in ("workers", "api"))

    def close(self) -> None:
        """Stop everything and delete what the run left."""
        self.world.stop()
        self.world.stack.down()
        shutil.rmtree(self._home, ignore_errors=True)

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
            raise WorldError(f"python -m {' '.join(arguments)} failed:\n{output.decode(errors='replace')}")
