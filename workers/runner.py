"""Runs workers for a set of task queues in one process, and shuts them down without losing work."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.interceptor import HistorySafeActivities
from config.settings import Settings
from temporal import connect
from workers.factories import FACTORIES
from workers.queues import QUEUES, activity_methods
from workers.resources import Resources
from workflows.options import TaskQueue

log = structlog.get_logger()

DEPLOYMENT = "ridgeline"
GRACEFUL_SHUTDOWN = timedelta(seconds=20)
PASSTHROUGH = ("domain", "schema.contracts", "activities", "pydantic", "pydantic_core", "annotated_types")
"""Modules workflows may share with the process: pure, deterministic, and slow to import anew per workflow."""


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandboxed runner every worker and replay uses."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSTHROUGH))


def build_worker(client: Client, queue: TaskQueue, resources: Resources, task_queue: str | None = None) -> Worker:
    """The worker of one queue with its dependencies injected."""
    spec = QUEUES[queue]
    return Worker(
        client,
        task_queue=task_queue or queue.value,
        workflows=spec.workflows,
        activities=[method for build in FACTORIES[queue] for method in activity_methods(build(resources))],
        workflow_runner=workflow_runner(),
        interceptors=[HistorySafeActivities()],
        max_concurrent_activities=spec.concurrency,
        max_concurrent_local_activities=spec.concurrency,
        max_concurrent_workflow_tasks=50,
        max_cached_workflows=2_000,
        graceful_shutdown_timeout=GRACEFUL_SHUTDOWN,
        deployment_config=_deployment(resources.settings.worker_build_id) if spec.workflows else None,
    )


def _deployment(build_id: str | None) -> WorkerDeploymentConfig | None:
    """Versioned mode, when a build id is given: running workflows move to the build that is made current."""
    if build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def run_workers(settings: Settings, queues: list[TaskQueue], stop: asyncio.Event) -> None:
    """Run until `stop` is set; then finish what runs, for at most `GRACEFUL_SHUTDOWN`."""
    async with AsyncExitStack() as stack:
        if settings.otel_exporter_otlp_endpoint is not None:
            stack.push_async_callback(_flush_traces)
        resources = Resources(settings, stack)
        client = await connect(settings)
        workers = [build_worker(client, queue, resources) for queue in queues]
        for worker in workers:
            await stack.enter_async_context(worker)
        log.info("workers running", queues=[queue.value for queue in queues])
        await stop.wait()
        log.info("workers stopping: finishing what runs")


async def _flush_traces() -> None:
    from temporal.tracing import flush_traces

    await asyncio.to_thread(flush_traces)
