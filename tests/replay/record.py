"""`python -m tests.replay.record [NAME ...]`: records histories of `scenarios.py`, and the fingerprints.

Without names it records the scenarios that have no history yet: histories of older code are worth keeping, since
runs of it may be under way. Name one (`sequence_*` works too) to record it anew. Run it after a workflow changed on
purpose and `pytest tests/replay` showed that the old histories still replay, or that the change is guarded by
`workflow.patched`.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowContinuedAsNewError, WorkflowHandle

from schema.contracts.property import Stage
from temporal.clean_exit import leave
from tests.replay.fingerprint import current_fingerprints
from tests.replay.scenarios import SCENARIOS, Scenario, Signal
from tests.workflow.conftest import run_script, time_skipping_server
from tests.workflow.contractor import ContractorScript

HERE = Path(__file__).parent
HISTORIES = HERE / "histories"
FINGERPRINTS = HERE / "fingerprints.json"

OF_THE_MACHINE = frozenset({"stackTrace", "identity"})
"""Fields that name folders, the host and the process of whoever recorded; a replay needs none of them."""


def without_traces(node: Any) -> Any:
    """The history without what is of the machine that recorded it."""
    if isinstance(node, dict):
        return {key: without_traces(value) for key, value in node.items() if key not in OF_THE_MACHINE}
    if isinstance(node, list):
        return [without_traces(value) for value in node]
    return node


def teller(handle: WorkflowHandle[Any, Any], signals: tuple[Signal, ...]) -> Callable[[], Awaitable[None]]:
    """A reaction to a touch: these signals, in this order."""

    async def tell() -> None:
        for name, said in signals:
            await handle.signal(name, said)

    return tell


async def review(handle: WorkflowHandle[Any, Any], answer: str) -> None:
    """Answers as a reviewer would, once there is something to review."""
    while (await handle.query("status"))["stage"] != Stage.REVIEW:
        await asyncio.sleep(0.01)
    await handle.signal(answer)


async def history_of(client: Client, scenario: Scenario) -> dict[str, Any]:
    """Runs a scenario to its end, or to where it continues as new."""
    if isinstance(scenario.script, ContractorScript):
        told = client.get_workflow_handle(scenario.id)
        scenario.script.when = {key: teller(told, signals) for key, signals in scenario.said.items()}
    async with run_script(client, scenario.script):
        handle = await client.start_workflow(
            scenario.workflow, scenario.request, id=scenario.id, task_queue="orchestration"
        )
        if scenario.in_review is not None:
            await review(handle, scenario.in_review)
        with contextlib.suppress(WorkflowContinuedAsNewError):
            await handle.result(follow_runs=False)
    history = await client.get_workflow_handle(scenario.id, run_id=handle.first_execution_run_id).fetch_history()
    # The id belongs to the history: the workflow asks for its own.
    return {"workflow_id": history.workflow_id, **without_traces(json.loads(history.to_json()))}


def chosen(patterns: list[str]) -> list[str]:
    """The scenarios that a pattern names; without patterns, those without a history."""
    if not patterns:
        return [name for name in SCENARIOS if not (HISTORIES / f"{name}.json").exists()]
    return [name for name in SCENARIOS if any(fnmatch(name, pattern) for pattern in patterns)]


async def record(names: list[str]) -> None:
    """Write one history per scenario, each with a server of its own: what one leaves running holds no other up."""
    for name in names:
        async with time_skipping_server() as environment:
            scenario = SCENARIOS[name](await environment.get_current_time())
            recorded = await history_of(environment.client, scenario)
            (HISTORIES / f"{name}.json").write_text(json.dumps(recorded, indent=1) + "\n")
            print(f"{name}: {len(recorded['events'])} events")


if __name__ == "__main__":
    asyncio.run(record(chosen(sys.argv[1:])))
    FINGERPRINTS.write_text(json.dumps(current_fingerprints(), indent=2) + "\n")
    leave(0)
