"""Whether the servers behind the API answer, asked all at once and each within a budget."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from api.resources import Resources
from schema.contracts.api import DependencyState, Readiness

BUDGET_SECONDS = 2.0


async def check(resources: Resources, service: str) -> Readiness:
    """Ask PostgreSQL, Redis, the object store and Temporal; ready when all four answer in time."""
    probes: dict[str, Callable[[], Awaitable[object]]] = {
        "postgresql": resources.database.ping,
        "redis": resources.redis.ping,
        "object_store": resources.objects.ping,
        "temporal": resources.temporal.ping,
    }
    states = await asyncio.gather(*(_probe(probe) for probe in probes.values()))
    checks = dict(zip(probes, states, strict=True))
    return Readiness(ready=all(state.up for state in states), service=service, checks=checks)


async def _probe(probe: Callable[[], Awaitable[object]]) -> DependencyState:
    started = time.perf_counter()
    reason: str | None = None
    try:
        async with asyncio.timeout(BUDGET_SECONDS):
            await probe()
    except TimeoutError:
        reason = "timeout"
    except Exception as failure:  # noqa: BLE001 - any failure means down; its message may hold a URL with a password
        reason = type(failure).__name__
    elapsed_ms = round((time.perf_counter() - started) * 1000)
    return DependencyState(up=reason is None, elapsed_ms=elapsed_ms, reason=reason)
