"""`python -m temporal.schedules apply|diff|list [--json]`: the schedules of the table and those of the server.

`apply` makes the server agree with the table, `diff` says what it would do and exits with 1 if that is
anything, `list` shows when each job ran last and runs next.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from config.settings import get_settings
from temporal import connect
from temporal.clean_exit import leave
from temporal.schedules import Change, Standing, apply, diff, standing


async def run(command: str) -> Sequence[Change | Standing]:
    """Carries out one command on the server of the settings."""
    client = await connect(get_settings().model_copy(update={"metrics_port": None}))
    if command == "list":
        return await standing(client)
    return await (apply if command == "apply" else diff)(client)


def line(row: Change | Standing) -> str:
    """One row for people."""
    if isinstance(row, Change):
        what = f" ({', '.join(row.fields)})" if row.fields else ""
        return f"{row.kind:7} {row.name}{what}"
    if not row.exists:
        return f"{row.name:24} missing: run `python -m temporal.schedules apply`"
    state = "paused" if row.paused else f"next {_shown(row.next_at)}"
    return f"{row.name:24} {state}, last {_shown(row.last_at)}, {row.runs} runs. {row.note}"


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment is not None else "never"


def main() -> int:
    """Command line entry."""
    parser = argparse.ArgumentParser(prog="python -m temporal.schedules", description=__doc__)
    parser.add_argument("command", choices=["apply", "diff", "list"])
    parser.add_argument("--json", action="store_true", help="for scripts")
    arguments = parser.parse_args()
    rows = asyncio.run(run(arguments.command))
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], default=datetime.isoformat, indent=2))
    else:
        print("\n".join(map(line, rows)))
    differs = any(isinstance(row, Change) and row.kind != "none" for row in rows)
    return int(arguments.command == "diff" and differs)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    leave(main())
