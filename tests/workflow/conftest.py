"""Time-skipping server and workers whose activities follow a script."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.interceptor import HistorySafeActivities
from temporal.search_attributes import INDEXED_VALUE_TYPES, SEARCH_ATTRIBUTES
from tests.workflow.scripted import Script
from workers.queues import QUEUES
from workers.runner import workflow_runner

RunScript = Callable[[Client, Script], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def time_skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """A test server on which fourteen days pass in a moment, with our search attributes registered."""
    binary = shutil.which("temporal-test-server")
    assert binary, "temporal-test-server is missing; run ./scripts/test, which installs it"
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary, data_converter=pydantic_data_converter
    ) as environment:
        kinds: dict[str, IndexedValueType.ValueType] = {
            name: INDEXED_VALUE_TYPES[kind] for name, kind in SEARCH_ATTRIBUTES.items()
        }
        await environment.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace="default", search_attributes=kinds)
        )
        yield environment


@pytest.fixture(scope="session")
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    """The time-skipping server that the tests of one worker share."""
    async with time_skipping_server() as environment:
        yield environment


@asynccontextmanager
async def run_script(client: Client, script: Script) -> AsyncIterator[None]:
    """Workers on every queue of the platform, answering from `script`."""
    async with AsyncExitStack() as stack:
        for queue, spec in QUEUES.items():
            worker = Worker(
                client,
                task_queue=queue.value,
                workflows=spec.workflows,
                activities=script.activities(),
                workflow_runner=workflow_runner(),
                interceptors=[HistorySafeActivities()],
            )
            await stack.enter_async_context(worker)
        yield
