"""What happens around every activity: heartbeats, and errors made fit for a workflow history.

An exception's text can hold an address, a name or an SQL parameter, and Temporal stores it for ever. So
only vendor errors, whose messages are ours, keep their words; any other error reaches the history as its
class name and a reference, under which the worker's own log has the rest.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from integrations.http import VendorError, VendorUnavailable

log = structlog.get_logger()


def history_safe(error: BaseException, activity_type: str) -> ApplicationError:
    """The error a workflow may see: no personal data, and retryable unless the vendor's no is final."""
    if isinstance(error, ApplicationError):
        return error
    if isinstance(error, VendorUnavailable):
        delay = timedelta(seconds=error.retry_after) if error.retry_after is not None else None
        return ApplicationError(str(error), type=type(error).__name__, next_retry_delay=delay)
    if isinstance(error, VendorError):
        return ApplicationError(str(error), type=type(error).__name__, non_retryable=True)
    reference = uuid4().hex[:12]
    log.error("activity failed", activity=activity_type, reference=reference, error_type=type(error).__name__)
    return ApplicationError(
        f"{type(error).__name__} in {activity_type}; see worker log {reference}", type=type(error).__name__
    )


class HistorySafeActivities(Interceptor):
    """Worker interceptor; see the module's docstring."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next)


class _Inbound(ActivityInboundInterceptor):
    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self._heartbeats = _Heartbeats(outbound)
        super().init(self._heartbeats)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            async with self._heartbeats.running():
                return await super().execute_activity(input)
        except (CancelledError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its words must not reach the history
            raise history_safe(error, activity.info().activity_type) from None


class _Heartbeats(ActivityOutboundInterceptor):
    """Beats on the activity's behalf, repeating the details it gave last (its resume cursor)."""

    def __init__(self, next: ActivityOutboundInterceptor) -> None:
        super().__init__(next)
        self._details: tuple[Any, ...] | None = None

    def heartbeat(self, *details: Any) -> None:
        self._details = details
        super().heartbeat(*details)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        info = activity.info()
        if info.heartbeat_timeout is None or info.is_local:
            yield
            return
        self._details = tuple(info.heartbeat_details)
        beat = asyncio.create_task(self._beat(info.heartbeat_timeout.total_seconds() / 3))
        try:
            yield
        finally:
            beat.cancel()

    async def _beat(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            super().heartbeat(*(self._details or ()))
