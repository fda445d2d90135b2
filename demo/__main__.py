"""`./scripts/demo [--properties N] [--seed S] [--keep] [--json FILE]`, and `./scripts/demo --stop` after `--keep`.

Exits 0 only if no workflow failed, every property reached a final status and no person of the sandbox
was found in any workflow history.
"""

import argparse
import asyncio
import json
import signal
from pathlib import Path

from rich.console import Console

from demo.run import Demo, DemoError, Options
from demo.world import WorldError
from stack.errors import StackError
from temporal.clean_exit import leave

MOST_PROPERTIES = 200


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(prog="./scripts/demo", description=__doc__)
    parser.add_argument("--properties", type=int, default=25, metavar="N", help="roofing permits to process (25)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which sandbox city (1)")
    parser.add_argument("--keep", action="store_true", help="leave everything running afterwards")
    parser.add_argument("--stop", action="store_true", help="stop what an earlier --keep left running, and exit")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write the summary as a picture to FILE")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parsed = parser.parse_args()
    if not 1 <= parsed.properties <= MOST_PROPERTIES:
        parser.error(f"--properties must be between 1 and {MOST_PROPERTIES}")
    for option, path in (("--json", parsed.json), ("--svg", parsed.svg)):
        if path is not None and not path.resolve().parent.is_dir():
            parser.error(f"{option}: the folder {path.resolve().parent} does not exist")
    return parsed


def main() -> int:
    """Run the demo and judge it."""
    chosen = arguments()
    console = Console()
    # A demo that is told to end stops what it started, as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    demo = Demo(Options(chosen.properties, chosen.seed, chosen.keep), console)
    if chosen.stop:
        demo.stop()
        return 0
    try:
        report = asyncio.run(demo.go())
        console.record = chosen.svg is not None
        report.show(console, kept=chosen.keep)
        if chosen.svg is not None:
            console.save_svg(str(chosen.svg), title="./scripts/demo")
        if chosen.json is not None:
            chosen.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
            console.print(f"Figures: {chosen.json}", highlight=False)
    except (DemoError, WorldError, StackError) as failure:
        console.print(f"[red]The demo stopped:[/] {failure}", highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted; nothing is lost: run it again to go on where it stopped.")
        return 130
    finally:
        demo.close()
    return 0 if report.passed else 1


if __name__ == "__main__":
    leave(main())
