"""Migrations without an alembic.ini: configuration in code, one async connection, one lock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from geoalchemy2 import alembic_helpers
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from schema.database import CONNECT_TIMEOUT_SECONDS, async_url
from schema.tables import metadata

# Two processes that migrate at once wait for each other instead of failing half-way.
_LOCK = 7_263_941


def config() -> Config:
    """Alembic's configuration; the scripts lie beside this file."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return settings


def context_options() -> dict[str, Any]:
    """How models and database are compared and drafted; PostGIS's own tables are left out."""
    return {
        "target_metadata": metadata,
        "include_object": alembic_helpers.include_object,
        "render_item": _render_item,
        "compare_type": True,
        "compare_server_default": True,
    }


def head() -> str:
    """The newest revision."""
    revision = ScriptDirectory.from_config(config()).get_current_head()
    if revision is None:
        raise RuntimeError("there are no migrations")
    return revision


async def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database up to `revision`."""
    async with _connection(url) as connection:
        await connection.run_sync(_run, command.upgrade, revision)


async def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision` (`base` for empty). Drops data."""
    async with _connection(url) as connection:
        await connection.run_sync(_run, command.downgrade, revision)


async def current(url: str) -> str | None:
    """The revision the database is at; None before the first."""
    async with _connection(url) as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def differences(url: str) -> list[Any]:
    """What a new migration would have to change for database and models to agree; empty when they do."""
    async with _connection(url) as connection:
        return await connection.run_sync(_compare)


async def draft(url: str, message: str, revision: str) -> None:
    """Write a new revision with what the models have and the database lacks."""
    async with _connection(url) as connection:
        await connection.run_sync(
            lambda sync: command.revision(_with(sync), message=message, autogenerate=True, rev_id=revision)
        )


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(
        async_url(url),
        poolclass=NullPool,
        connect_args={
            "timeout": CONNECT_TIMEOUT_SECONDS,
            "server_settings": {"application_name": "ridgeline-migrate", "timezone": "UTC"},
        },
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection
    finally:
        await engine.dispose()


def _with(connection: Connection) -> Config:
    settings = config()
    settings.attributes["connection"] = connection
    return settings


def _run(connection: Connection, step: Any, revision: str) -> None:
    step(_with(connection), revision)


def _compare(connection: Connection) -> list[Any]:
    options = {name: value for name, value in context_options().items() if name != "render_item"}
    found: list[Any] = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    return found


def _render_item(kind: str, item: Any, autogen: Any) -> Any:
    """Plain SQLAlchemy types in migrations, so that they keep working when the models' helpers change."""
    if kind != "type":
        return False
    if isinstance(item, AutoString):
        return f"sa.String(length={item.length})"
    if isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, JSONB):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return "postgresql.JSONB()"
    if isinstance(item, sa.Text):
        return "sa.Text()"
    return alembic_helpers.render_item(kind, item, autogen)  # type: ignore[no-untyped-call]
