"""`python -m workers [QUEUE …]`: runs the workers of the named task queues, or of all, in this process.

`--list [--json]` prints what each queue serves. SIGTERM and SIGINT finish running activities first.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

from config.settings import get_settings
from temporal.clean_exit import leave
from workers.queues import QUEUES
from workflows.options import TaskQueue


def catalogue() -> list[dict[str, object]]:
    """Each task queue with its workflows, activities and concurrency."""
    return [
        {
            "queue": queue.value,
            "concurrency": spec.concurrency,
            "workflows": [workflow.__name__ for workflow in spec.workflows],
            "activities": spec.activity_names(),
        }
        for queue, spec in QUEUES.items()
    ]


def show(as_json: bool) -> None:
    """Print the catalogue for a person or a script."""
    rows = catalogue()
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(f"{row['queue']}  (concurrency {row['concurrency']})")
        for kind in ("workflows", "activities"):
            for name in row[kind]:  # type: ignore[attr-defined]
                print(f"    {kind[:-1] if kind == 'workflows' else 'activity'}  {name}")


async def serve(queues: list[TaskQueue]) -> None:
    """Run until SIGTERM or SIGINT."""
    from workers.runner import run_workers

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # asyncio's default of a few threads is fewer than the activities that may compute or block at once.
    slots = sum(QUEUES[queue].concurrency for queue in queues)
    loop.set_default_executor(ThreadPoolExecutor(max_workers=slots + 8))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run_workers(get_settings(), queues, stop)


def main() -> int:
    """Command line entry."""
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument("queues", nargs="*", metavar="QUEUE", help=f"of {', '.join(QUEUES)}; all when left out")
    parser.add_argument("--list", action="store_true", help="print what each queue serves, and exit")
    parser.add_argument("--json", action="store_true", help="with --list: as JSON")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.queues if name not in set(TaskQueue)]
    if unknown:
        parser.error(f"unknown queue {', '.join(unknown)}; choose from {', '.join(QUEUES)}")
    if arguments.list:
        show(arguments.json)
        return 0
    logging.basicConfig(level=get_settings().log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # At INFO httpx logs every URL, with the vendor's key, the address and the e-mail asked about in it.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(serve([TaskQueue(name) for name in arguments.queues] or list(QUEUES)))
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    leave(main())
