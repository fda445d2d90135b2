"""Builds what activities need, once per process and only for the queues it serves."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import httpx

from config.settings import Settings
from integrations.http import CallMeter, VendorHttp

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from integrations.object_store import ObjectStore
    from ml_models.runner import RoofModels
    from schema.database import Database
    from schema.pii import PiiVault


@dataclass
class Resources:
    """Lazily built shared resources; `stack` closes them in reverse order."""

    settings: Settings
    stack: AsyncExitStack

    @cached_property
    def vault(self) -> "PiiVault":
        """Keys for personal data."""
        from schema.pii import PiiVault

        return PiiVault.from_settings(self.settings)

    @cached_property
    def database(self) -> "Database":
        """The bounded PostgreSQL pool."""
        from schema.database import Database

        database = Database(self.settings.database_url, self.vault)
        self.stack.push_async_callback(database.close)
        return database

    @cached_property
    def redis(self) -> "Redis":
        """The cache."""
        from redis.asyncio import Redis

        redis = Redis.from_url(self.settings.redis_url)
        self.stack.push_async_callback(redis.aclose)
        return redis

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """One connection pool for every vendor."""
        client = httpx.AsyncClient(
            timeout=self.settings.vendor_timeout_seconds,
            # A vendor that sends us elsewhere is followed by its own client, if at all, and each hop is booked.
            follow_redirects=False,
            headers={"user-agent": self.settings.vendor_user_agent},
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
        )
        self.stack.push_async_callback(client.aclose)
        return client

    @cached_property
    def object_store(self) -> "ObjectStore":
        """The bucket of images."""
        from integrations.object_store import ObjectStore

        store = ObjectStore.from_settings(self.settings)
        self.stack.push_async_callback(store.close)
        return store

    @cached_property
    def models(self) -> "RoofModels":
        """The three models, loaded once per process."""
        from ml_models.runner import RoofModels

        return RoofModels.load(self.settings.models_dir, threads=self.settings.inference_threads)

    @cached_property
    def meter(self) -> CallMeter:
        """Books every vendor call."""
        from activities.metering import call_meter

        return call_meter(self.database)

    def vendor(self, name: str, base_url: str) -> VendorHttp:
        """A metered HTTP endpoint of a vendor."""
        return VendorHttp(name, self.http, base_url, self.meter)
