"""The database from the command line: `python -m schema migrate | downgrade | seed | revision | new-key | --ddl`."""

import argparse
import asyncio
import sys

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import get_settings
from schema.database import create_engine
from schema.ddl import ddl
from schema.migrations import runner
from schema.pii import new_key
from schema.seed import seed


async def _migrate(arguments: argparse.Namespace) -> None:
    await runner.upgrade(get_settings().database_url, arguments.to)
    print(f"database is at revision {await runner.current(get_settings().database_url)}")


async def _downgrade(arguments: argparse.Namespace) -> None:
    await runner.downgrade(get_settings().database_url, arguments.to)
    print(f"database is at revision {await runner.current(get_settings().database_url) or 'base'}")


async def _seed(arguments: argparse.Namespace) -> None:
    engine = create_engine(get_settings().database_url, pool_size=1, application_name="ridgeline-seed")
    try:
        async with AsyncSession(engine) as session, session.begin():
            cities = await seed(session)
    finally:
        await engine.dispose()
    print(f"seeded the roofing vertical, {cities} cities, an operator and a reviewer")


async def _revision(arguments: argparse.Namespace) -> None:
    await runner.draft(get_settings().database_url, arguments.message, f"{int(runner.head()) + 1:04d}")


async def _new_key(arguments: argparse.Namespace) -> None:
    print(f"PII_ENCRYPTION_KEY={new_key()}\nPII_INDEX_KEY={new_key()}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m schema", description="Ridgeline's database.")
    parser.add_argument("--ddl", action="store_true", help="print the SQL of the head schema; needs no database")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    migrate = commands.add_parser("migrate", help="bring DATABASE_URL up to a revision")
    migrate.add_argument("--to", default="head", metavar="REV", help="revision to stop at (default: head)")
    migrate.set_defaults(run=_migrate)

    downgrade = commands.add_parser("downgrade", help="take DATABASE_URL back to a revision; drops data")
    downgrade.add_argument("--to", default="base", metavar="REV", help="revision to go back to (default: base)")
    downgrade.set_defaults(run=_downgrade)

    seeding = commands.add_parser("seed", help="add or refresh the vertical, the cities and the service users")
    seeding.set_defaults(run=_seed)

    revision = commands.add_parser("revision", help="draft a migration to what the models have by now")
    revision.add_argument("--message", "-m", required=True, help="what the migration does")
    revision.set_defaults(run=_revision)

    keys = commands.add_parser("new-key", help="print fresh keys for personal data, as lines for .env")
    keys.set_defaults(run=_new_key)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs one command; 0 on success, 1 when the database cannot be used, 2 for wrong usage."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.ddl:
        print(ddl(), end="")
        return 0
    if "run" not in arguments:
        parser.print_help()
        return 2
    try:
        asyncio.run(arguments.run(arguments))
    except (OSError, DBAPIError) as failure:
        cause = failure.orig if isinstance(failure, DBAPIError) and failure.orig else failure
        print(f"the database of DATABASE_URL cannot be used: {cause}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
