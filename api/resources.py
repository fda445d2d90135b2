"""What the routers use, opened once per application and handed to them through `Depends`.

Opening connects to nothing: the API starts, and says through `/ready` what is missing, while the
servers behind it are still coming up.
"""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request
from redis.asyncio import Redis
from temporalio.client import Client
from temporalio.service import RPCError

from api.problems import unavailable
from api.refusals import Refusals
from config.settings import Settings
from integrations.object_store import ObjectStore
from schema.database import Database
from schema.pii import PiiVault
from temporal import connect

RPC_TIMEOUT = timedelta(seconds=5)
"""Of one call to the workflow server, retries included; a person waits for the answer."""

UPDATE_TIMEOUT = timedelta(seconds=10)
"""Of an update that waits until the workflow has recorded its outcome."""

DATABASE_CONNECTIONS = 10
REDIS_TIMEOUT_SECONDS = 2.0


class TemporalGateway:
    """The Temporal client, which connects on first use and is asked again after a failure."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._connecting = asyncio.Lock()
        self._connected = False

    @property
    def namespace(self) -> str:
        """The namespace every workflow of this API lives in."""
        return self._client.namespace

    async def client(self) -> Client:
        """The connected client. Raises a 503 problem when the server does not answer."""
        if not self._connected:
            async with self._connecting:
                await self.ping()
                self._connected = True
        return self._client

    async def ping(self) -> None:
        """Raises a 503 problem unless the server answers."""
        try:
            async with asyncio.timeout(RPC_TIMEOUT.total_seconds()):
                await self._client.service_client.check_health(timeout=RPC_TIMEOUT)
        # The SDK raises a bare RuntimeError where the first connection fails.
        except (RuntimeError, RPCError, TimeoutError) as failure:
            raise unavailable("The workflow server") from failure


@dataclass(frozen=True, slots=True)
class Resources:
    """Everything outside the process that a router may touch."""

    settings: Settings
    database: Database
    redis: Redis
    objects: ObjectStore
    temporal: TemporalGateway
    refusals: Refusals

    def workflow_links(self, workflow_id: str) -> dict[str, str]:
        """Where to follow a workflow: this API's status and, if its address is known, the Temporal UI."""
        links = {"status": f"/workflows/{workflow_id}"}
        if self.settings.temporal_ui_url:
            ui = self.settings.temporal_ui_url.rstrip("/")
            links["temporal_ui"] = f"{ui}/namespaces/{self.temporal.namespace}/workflows/{workflow_id}"
        return links


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Pools and clients for `settings`, closed again at the end whatever happens in between."""
    async with AsyncExitStack() as closing:
        database = Database(settings.database_url, PiiVault.from_settings(settings), pool_size=DATABASE_CONNECTIONS)
        closing.push_async_callback(database.close)
        redis = Redis.from_url(
            settings.redis_url,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        )
        closing.push_async_callback(redis.aclose)
        objects = await closing.enter_async_context(ObjectStore.from_settings(settings))
        # Loading it on first use would stop every request for a second or two.
        importlib.import_module("aiobotocore.session")
        # The metrics port belongs to the worker process, which reads the same environment.
        client = await connect(settings.model_copy(update={"metrics_port": None}), lazy=True)
        yield Resources(settings, database, redis, objects, TemporalGateway(client), Refusals(database))


def resources_of(request: Request) -> Resources:
    """The resources that the application's lifespan opened."""
    resources: Resources = request.app.state.resources
    return resources


Injected = Annotated[Resources, Depends(resources_of)]
