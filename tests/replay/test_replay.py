"""Committed histories replay on today's code; a workflow edited without proof fails the suite."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.replay.fingerprint import current_fingerprints, fingerprint
from workers.queues import QUEUES
from workers.runner import workflow_runner

HERE = Path(__file__).parent
HISTORIES = sorted((HERE / "histories").glob("*.json"))
MUST_FAIL = sorted((HERE / "must_fail").glob("*.json"))


def replayer() -> Replayer:
    return Replayer(
        workflows=[workflow for spec in QUEUES.values() for workflow in spec.workflows],
        data_converter=pydantic_data_converter,
        workflow_runner=workflow_runner(),
    )


def load(path: Path) -> WorkflowHistory:
    recorded = json.loads(path.read_text())
    return WorkflowHistory.from_json(recorded.pop("workflow_id"), recorded)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_history_replays(path: Path) -> None:
    await replayer().replay_workflow(load(path))


@pytest.mark.parametrize("path", MUST_FAIL, ids=lambda path: path.stem)
async def test_incompatible_history_is_refused(path: Path) -> None:
    """Proof that the test above can fail: these histories took another course."""
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(load(path))


def test_there_are_histories_of_both_kinds() -> None:
    assert len(HISTORIES) >= 7
    assert len(MUST_FAIL) >= 1


def test_workflows_are_as_recorded() -> None:
    recorded = json.loads((HERE / "fingerprints.json").read_text())
    assert current_fingerprints() == recorded, (
        "A workflow's code changed. Running workflows must survive it: make sure tests/replay passes "
        "(guard the change with workflow.patched if it does not), then run python -m tests.replay.record."
    )


def test_fingerprint_sees_commands_and_not_comments() -> None:
    plain = fingerprint("async def run():\n    await step_one()\n    await step_two()\n")
    commented = fingerprint(
        'async def run():\n    """Says why."""\n    await step_one()  # why\n\n    await step_two()\n'
    )
    swapped = fingerprint("async def run():\n    await step_two()\n    await step_one()\n")
    assert plain == commented != swapped
