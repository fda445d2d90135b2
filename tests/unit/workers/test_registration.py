"""Every activity and workflow is served by exactly one queue, and called on the queue that serves it."""

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

import activities
import workflows
from workers.factories import FACTORIES
from workers.queues import QUEUES, activity_names
from workflows.options import REMOTE, TaskQueue

SPEC_3_8_4 = {TaskQueue.IMAGERY: 5, TaskQueue.ENRICHMENT: 10, TaskQueue.INFERENCE: 2, TaskQueue.MESSAGING: 5}


def classes_of(package: object) -> Iterator[type]:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):  # type: ignore[attr-defined]
        for _, member in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if member.__module__ == module.name:
                yield member


def test_every_activity_class_is_served_by_one_queue() -> None:
    found = {kind for kind in classes_of(activities) if activity_names(kind)}
    served = [kind for spec in QUEUES.values() for kind in spec.activities]
    assert found == set(served)
    assert len(served) == len(set(served))


def test_every_workflow_is_served_by_one_queue() -> None:
    found = {kind for kind in classes_of(workflows) if hasattr(kind, "__temporal_workflow_definition")}
    served = [workflow for spec in QUEUES.values() for workflow in spec.workflows]
    assert found == set(served)
    assert len(served) == len(set(served))


def test_remote_activities_are_called_where_they_are_served() -> None:
    served = {name: queue for queue, spec in QUEUES.items() for name in spec.activity_names()}
    assert {name: call.queue for name, call in REMOTE.items()} == {
        name: queue for name, queue in served.items() if queue is not TaskQueue.ORCHESTRATION
    }


def test_every_queue_has_its_factory_and_the_concurrency_of_the_spec() -> None:
    assert set(FACTORIES) == set(QUEUES) == set(TaskQueue)
    assert {queue: QUEUES[queue].concurrency for queue in SPEC_3_8_4} == SPEC_3_8_4


def test_the_list_is_for_people_and_for_scripts() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "workers", "--list", "--json"], capture_output=True, text=True, check=True
    )
    rows = {row["queue"]: row for row in json.loads(listed.stdout)}
    assert set(rows) == {queue.value for queue in TaskQueue}
    assert "PropertyWorkflow" in rows["orchestration"]["workflows"]
    assert rows["inference"]["activities"] == ["analyze_roof"]


def test_an_unknown_queue_is_named_in_the_error() -> None:
    refused = subprocess.run([sys.executable, "-m", "workers", "imagrey"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "imagrey" in refused.stderr
    assert "imagery" in refused.stderr


HEAVY = (
    "sqlmodel", "sqlalchemy", "torch", "onnxruntime", "cv2", "playwright", "sendgrid", "aiobotocore", "stripe",
    "twilio", "vapi", "ollama", "rapidfuzz",
)  # fmt: skip


@pytest.mark.parametrize("module", [f"workflows.{module.name}" for module in pkgutil.iter_modules(workflows.__path__)])
def test_workflows_import_without_tables_models_or_vendors(module: str) -> None:
    blocked = "\n".join(f"sys.modules[{name!r}] = None" for name in HEAVY)
    subprocess.run([sys.executable, "-c", f"import sys\n{blocked}\nimport {module}"], check=True)
