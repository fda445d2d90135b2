"""`python -m sandbox`: serve the outside world, point the database at it, or draw it."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import date

from sandbox.world import World


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    return int({"serve": _serve, "adopt": _adopt, "picture": _picture}[options.command](options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("serve", "adopt", "picture"), default="serve")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--houses", type=int, default=400)
    parser.add_argument("--today", type=date.fromisoformat, help="the day dates are counted back from (YYYY-MM-DD)")
    parser.add_argument("--url", help="adopt: the running sandbox; default http://HOST:PORT")
    parser.add_argument("--out", default="city.png", help="picture: the PNG file to write")
    parser.add_argument("--map", action="store_true", help="picture: a map in place of a contact sheet")
    return parser


def _serve(options: argparse.Namespace) -> int:
    import uvicorn

    from sandbox.app import create_app

    world = World(options.seed, options.houses, options.today)
    world.warm()
    uvicorn.run(
        create_app(world),
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    return 0


def _adopt(options: argparse.Namespace) -> int:
    from config.settings import get_settings
    from sandbox.adopt import adopt
    from schema.database import Database
    from schema.pii import PiiVault

    async def run() -> int:
        settings = get_settings()
        database = Database(settings.database_url, PiiVault.from_settings(settings))
        try:
            adopted = await adopt(database, options.url or f"http://{options.host}:{options.port}")
        finally:
            await database.close()
        sys.stdout.write(f"{adopted}\n")
        return 0

    return asyncio.run(run())


def _picture(options: argparse.Namespace) -> int:
    from sandbox.pictures import city_map, contact_sheet, save

    world = World(options.seed, options.houses, options.today)
    city = next(iter(world.towns.values())).city
    recent = [house for house in city.houses if house.recent]
    save(city_map(city) if options.map else contact_sheet(recent[:: max(1, len(recent) // 24)][:24]), options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
