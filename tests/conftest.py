"""Fixtures every test may use: real servers, a database of one's own, the sandbox.

The servers start when the first test of a run asks for them; all xdist workers share them. Each test
that asks gets a fresh clone of the migrated and seeded database, a Temporal namespace and a bucket, so
tests may run at the same time.
"""

import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from config.settings import Settings
from tests.support import servers
from tests.support.sandbox import Sandbox

if TYPE_CHECKING:
    from temporalio.client import Client

    from integrations.object_store import ObjectStore
    from schema.database import Database

NOWHERE = "http://127.0.0.1:9"
"""The discard port, on which nothing listens: a test that forgot its sandbox fails, and calls no real vendor."""

_sessions: dict[pytest.Config, pytest.Session] = {}


# One run: its servers, and how it ends


def pytest_configure(config: pytest.Config) -> None:
    """Shield the run from the user's environment, and give it a folder for its servers."""
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)
    Settings.model_config["env_file"] = None
    if not _is_worker(config):
        servers.begin_run()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember the session: it knows the exit status."""
    _sessions[session.config] = session


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers, then leave at once with the status of the run.

    temporalio 1.35 on CPython 3.11 now and then aborts while the interpreter shuts down, after the last
    test: that must not turn a green run red, nor hide a red one (see `temporal.clean_exit`).
    """
    if not _is_worker(config):
        servers.end_run()
    session = _sessions.pop(config, None)
    if session is not None:
        config.add_cleanup(lambda: _leave(int(session.exitstatus)))


def _leave(status: int) -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()
    os._exit(status)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


# Servers


@pytest.fixture(scope="session")
def stack() -> Mapping[str, str]:
    """The environment of the run's real servers: Temporal, PostgreSQL, Valkey, S3."""
    return servers.run_stack()


@pytest.fixture(scope="session")
def _sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox") / "sandbox.log")
    yield sandbox
    sandbox.close()


@pytest.fixture
def sandbox(_sandbox_process: Sandbox) -> Sandbox:
    """The outside world: `url`, `seed`, `get()`, `fault()`. Without faults and mail at the start of each test."""
    _sandbox_process.reset()
    return _sandbox_process


# What a test has for itself


@pytest.fixture
async def settings(stack: Mapping[str, str]) -> AsyncIterator[Settings]:
    """Settings with a fresh clone of the seeded database, a namespace and a bucket name of this test's own.

    Vendors lead nowhere: use `sandbox_settings` to reach the sandbox's.
    """
    import asyncpg

    name = f"test_{uuid4().hex}"
    server = await asyncpg.connect(servers.database_url(stack, "postgres").replace("+asyncpg", ""))
    try:
        await server.execute(f"CREATE DATABASE {name} TEMPLATE {servers.TEMPLATE}")
        yield make_settings(stack, name)
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await server.close()


@pytest.fixture
async def sandbox_settings(settings: Settings, sandbox: Sandbox) -> Settings:
    """This test's settings with every vendor played by the sandbox."""
    return Settings.model_validate({**settings.model_dump(), **sandbox.settings()})


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator["Database"]:
    """This test's database: migrated, seeded, nobody else's."""
    from schema.database import Database
    from schema.pii import PiiVault

    database = Database(settings.database_url, PiiVault.from_settings(settings))
    yield database
    await database.close()


@pytest.fixture
async def object_store(settings: Settings) -> AsyncIterator["ObjectStore"]:
    """This test's bucket."""
    from integrations.object_store import ObjectStore

    async with ObjectStore.from_settings(settings) as store:
        await store.ensure_bucket()
        yield store


@pytest.fixture
async def temporal_client(settings: Settings) -> "Client":
    """A client of the real server in a namespace of this test's own, with our search attributes registered."""
    from google.protobuf.duration_pb2 import Duration
    from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
    from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest

    from temporal import connect
    from temporal.search_attributes import INDEXED_VALUE_TYPES, SEARCH_ATTRIBUTES

    client = await connect(settings)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=settings.temporal_namespace, workflow_execution_retention_period=Duration(seconds=86_400)
        )
    )
    kinds = {name: INDEXED_VALUE_TYPES[kind] for name, kind in SEARCH_ATTRIBUTES.items()}
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace=settings.temporal_namespace, search_attributes=kinds)
    )
    return client


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """This test's settings as the environment of a subprocess."""
    return as_environment(settings)


def make_settings(stack: Mapping[str, str], name: str) -> Settings:
    """Settings for the database `name` (also the namespace and, with hyphens, the bucket) of the run's servers."""
    vendors = {field: NOWHERE for field in Settings.model_fields if field.endswith("_base_url")}
    values: dict[str, Any] = {
        key.lower(): value for key, value in stack.items() if key.lower() in Settings.model_fields
    }
    values |= {
        "database_url": servers.database_url(stack, name),
        "temporal_namespace": name,
        "s3_bucket": name.replace("_", "-"),
        "models_dir": str(servers.ROOT / "ml_models" / "weights"),
    }
    return Settings(_env_file=None, **vendors, **values)


def as_environment(settings: Settings) -> dict[str, str]:
    """Environment variables that give a subprocess exactly these settings, whatever `.env` says."""
    variables: dict[str, str] = {}
    for name, value in settings.model_dump().items():
        plain = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        if plain is not None:
            variables[name.upper()] = str(plain)
    return {**os.environ, **variables, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
