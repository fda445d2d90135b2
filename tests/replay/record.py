"""`python -m tests.replay.record`: runs each scenario and commits its history and the fingerprints.

Run it after a workflow changed on purpose and `pytest tests/replay` showed that the old histories still
replay (or that the change is guarded by `workflow.patched`).
"""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from schema.contracts.ids import property_workflow_id
from schema.contracts.property import GeocodeSummary, PropertyRequest, Reason, Stage
from temporal.clean_exit import leave
from temporal.search_attributes import INDEXED_VALUE_TYPES, SEARCH_ATTRIBUTES
from tests.replay.fingerprint import current_fingerprints
from tests.workflow.conftest import run_script
from tests.workflow.scripted import Script
from workflows.property import PropertyWorkflow

HERE = Path(__file__).parent
HISTORIES = HERE / "histories"
FINGERPRINTS = HERE / "fingerprints.json"

Handle = WorkflowHandle[PropertyWorkflow, object]


async def _nothing(_: Handle) -> None:
    return


def _signal_in_review(name: str) -> Callable[[Handle], Awaitable[None]]:
    async def act(handle: Handle) -> None:
        while (await handle.query(PropertyWorkflow.status)).stage is not Stage.REVIEW:
            await asyncio.sleep(0.01)
        await handle.signal(name)

    return act


Scenario = tuple[Callable[[], Script], Callable[[Handle], Awaitable[None]], bool]
"""The script, what a person does meanwhile, and whether the run is started under its own id."""

SCENARIOS: dict[str, Scenario] = {
    "confident": (Script, _nothing, True),
    "approved": (lambda: Script().needs_review(), _signal_in_review("approve"), True),
    "rejected": (lambda: Script().needs_review(), _signal_in_review("reject"), True),
    "review_expired": (lambda: Script().needs_review(), _nothing, True),
    "vendors_down": (
        lambda: Script(scrape_property_record=RuntimeError(), acquire_imagery=RuntimeError()),
        _nothing,
        True,
    ),
    "address_not_found": (
        lambda: Script(geocode_property=GeocodeSummary(reason=Reason.ADDRESS_NOT_FOUND)),
        _nothing,
        True,
    ),
    "handed_over": (Script, _nothing, False),
}


def without_traces(node: Any) -> Any:
    """The history without stack traces, which name folders of the machine that recorded it."""
    if isinstance(node, dict):
        return {key: without_traces(value) for key, value in node.items() if key != "stackTrace"}
    if isinstance(node, list):
        return [without_traces(value) for value in node]
    return node


async def record() -> None:
    """Write one history per scenario."""
    binary = shutil.which("temporal-test-server")
    assert binary, "temporal-test-server is missing"
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary, data_converter=pydantic_data_converter
    ) as environment:
        client = environment.client
        kinds = {name: INDEXED_VALUE_TYPES[kind] for name, kind in SEARCH_ATTRIBUTES.items()}
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace="default", search_attributes=kinds)
        )
        for name, (make_script, act, own_id) in SCENARIOS.items():
            script = make_script()
            async with run_script(client, script):
                handle = await client.start_workflow(
                    PropertyWorkflow.run,
                    PropertyRequest(lead_id=str(script.lead_id)),
                    id=property_workflow_id(script.lead_id) if own_id else f"by-hand-{script.lead_id}",
                    task_queue="orchestration",
                )
                await act(handle)
                await handle.result()
            history = await handle.fetch_history()
            # The id belongs to the history: the workflow asks for its own.
            recorded = {"workflow_id": history.workflow_id, **without_traces(json.loads(history.to_json()))}
            (HISTORIES / f"{name}.json").write_text(json.dumps(recorded, indent=1) + "\n")
            print(f"{name}: {len(history.events)} events")


if __name__ == "__main__":
    asyncio.run(record())
    FINGERPRINTS.write_text(json.dumps(current_fingerprints(), indent=2) + "\n")
    leave(0)
