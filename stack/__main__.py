"""`python -m stack up|down|status|logs|env`: what `./scripts/stack` runs."""

import argparse
import json
import os
import sys
from dataclasses import asdict

from stack.components import COMPONENTS
from stack.errors import StackError
from stack.processes import tail
from stack.stack import ComponentStatus, Stack, as_lines


def table(statuses: list[ComponentStatus]) -> str:
    """The status of every component, for reading."""
    rows = [("component", "state", "pid", "memory", "address", "data")]
    for status in statuses:
        memory = f"{status.memory_mb:.0f} MB" if status.pid else ""
        rows.append((status.title, status.state, str(status.pid or ""), memory, status.address, status.data))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def up(stack: Stack, options: argparse.Namespace) -> int:
    """Start the stack."""
    variables = stack.up()
    print(f"The stack is up. Temporal UI: {variables.get('TEMPORAL_UI_URL', '(external)')}")
    print("Point any tool at it with: export $(./scripts/stack env)")
    return 0


def down(stack: Stack, options: argparse.Namespace) -> int:
    """Stop the stack; the data stays unless asked otherwise."""
    stack.down()
    if options.delete_data:
        stack.destroy()
        print("The stack is down and its data deleted.")
        return 0
    print(f"The stack is down. Its data stays in {stack.home}")
    return 0


def status(stack: Stack, options: argparse.Namespace) -> int:
    """Show every component; exit 3 unless all are up."""
    statuses = stack.status()
    print(json.dumps([asdict(one) for one in statuses], indent=2) if options.json else table(statuses))
    return 3 if any(one.state == "down" for one in statuses) else 0


def logs(stack: Stack, options: argparse.Namespace) -> int:
    """Show the end of each log, or follow them."""
    names = [options.component] if options.component else [kind.name for kind in COMPONENTS]
    paths = [stack.log(name) for name in names if stack.log(name).exists()]
    if options.follow and paths:
        os.execvp("tail", ["tail", "-n", str(options.lines), "-F", *map(str, paths)])
    for path in paths:
        print(f"==> {path} <==\n{tail(path, options.lines)}\n")
    return 0


def env(stack: Stack, options: argparse.Namespace) -> int:
    """Print the environment as KEY=VALUE lines."""
    print(as_lines(stack.env()))
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="./scripts/stack", description="The embedded servers of Ridgeline.")
    commands = top.add_subparsers(required=True, metavar="up | down | status | logs | env")
    commands.add_parser("up", help="start what is not running and wait for it").set_defaults(run=up)
    end = commands.add_parser("down", help="stop everything; the data stays")
    end.add_argument("--delete-data", action="store_true", help="delete the data too")
    end.set_defaults(run=down)
    show = commands.add_parser("status", help="what runs, where, with how much memory")
    show.add_argument("--json", action="store_true")
    show.set_defaults(run=status)
    read = commands.add_parser("logs", help="the end of the servers' logs")
    read.add_argument("component", nargs="?", choices=[kind.name for kind in COMPONENTS])
    read.add_argument("-f", "--follow", action="store_true")
    read.add_argument("-n", "--lines", type=int, default=40)
    read.set_defaults(run=logs)
    commands.add_parser("env", help="KEY=VALUE lines that point any tool at the stack").set_defaults(run=env)
    return top


def main() -> int:
    """Run one command; a StackError becomes a message and exit code 1."""
    options = parser().parse_args()
    stack = Stack(say=lambda words: print(words, file=sys.stderr, flush=True))
    try:
        code: int = options.run(stack, options)
    except StackError as failure:
        print(f"stack: {failure}", file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
