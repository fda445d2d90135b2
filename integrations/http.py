"""How Ridgeline talks HTTP to any vendor: one client, three kinds of error, every call metered.

Clients raise only `VendorError`s. Their messages name the vendor, the operation and the status, and
never a URL, a parameter or a body, because activity failures end up in workflow histories.
"""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

MAX_BODY_BYTES = 20_000_000
_NEVER_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class VendorError(Exception):
    """A vendor call that did not give an answer we can use."""

    def __init__(self, vendor: str, operation: str, detail: str) -> None:
        super().__init__(f"{vendor} {operation}: {detail}")
        self.vendor = vendor
        self.operation = operation


class VendorUnavailable(VendorError):
    """Down, slow or throttling: worth another try, after `retry_after` seconds if the vendor said so."""

    def __init__(self, vendor: str, operation: str, detail: str, retry_after: float | None = None) -> None:
        super().__init__(vendor, operation, detail)
        self.retry_after = retry_after


class VendorNotReached(VendorUnavailable):
    """Unavailable, and the request provably did nothing: refused connection, throttled. Safe to send again."""


class VendorRejected(VendorError):
    """The vendor understood and said no (bad key, bad request): another try changes nothing."""

    def __init__(self, vendor: str, operation: str, detail: str, status: int) -> None:
        super().__init__(vendor, operation, detail)
        self.status = status


class VendorUnreadable(VendorError):
    """An answer that is not what the vendor documents: garbage, truncated, the wrong type."""


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One metered call, for `api_usage_logs`. Carries no parameter values: they may be personal."""

    vendor: str
    operation: str
    method: str
    status: int | None
    elapsed_ms: int
    cost: Decimal
    error: str | None = None


CallMeter = Callable[[ApiCall], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Body:
    """A response body within bounds, with its media type."""

    content: bytes
    content_type: str
    status: int
    headers: Mapping[str, str]


class VendorHttp:
    """A vendor's HTTP endpoint. `meter` is awaited once for every request, whatever its outcome."""

    def __init__(self, vendor: str, client: httpx.AsyncClient, base_url: str, meter: CallMeter) -> None:
        self.vendor = vendor
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._meter = meter

    async def get(
        self,
        operation: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        cost: Decimal = Decimal(0),
        accept: frozenset[int] = frozenset({200}),
    ) -> Body:
        """GET `path` (absolute URLs pass as they are). Raises a VendorError unless the status is in `accept`."""
        return await self._request("GET", operation, path, params, headers=headers, cost=cost, accept=accept)

    async def get_json(self, operation: str, path: str, params: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """GET and decode JSON; raises VendorUnreadable when the body is not JSON."""
        return self._decoded(operation, await self.get(operation, path, params, **options))

    async def post(
        self,
        operation: str,
        path: str,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        cost: Decimal = Decimal(0),
        accept: frozenset[int] = frozenset({200, 201, 202}),
    ) -> Body:
        """POST `body` as JSON, once: it is never repeated here, since it may have had its effect.

        Raises VendorNotReached when no connection came about or the vendor throttled, so nothing happened.
        """
        return await self._request(
            "POST", operation, path, params, body=body, headers=headers, cost=cost, accept=accept
        )

    async def post_json(self, operation: str, path: str, body: Any = None, **options: Any) -> Any:
        """POST and decode the JSON answer; raises VendorUnreadable when it is none: the effect may stand."""
        return self._decoded(operation, await self.post(operation, path, body, **options))

    async def delete(
        self,
        operation: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        accept: frozenset[int] = frozenset({200, 202, 204}),
    ) -> Body:
        """DELETE `path`; errors as for `post`. Put 404 into `accept` where gone already is good enough."""
        return await self._request("DELETE", operation, path, params, headers=headers, accept=accept)

    async def _request(
        self,
        method: str,
        operation: str,
        path: str,
        params: Mapping[str, Any] | None,
        *,
        accept: frozenset[int],
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        cost: Decimal = Decimal(0),
    ) -> Body:
        url = path if path.startswith(("http://", "https://")) else self._base_url + path
        started = time.perf_counter()
        status: int | None = None
        error: str | None = None
        try:
            async with self._client.stream(method, url, params=params, headers=headers, json=body) as response:
                status = response.status_code
                content = await self._read(operation, response)
                self._check(method, operation, response, accept)
            return Body(content, response.headers.get("content-type", ""), status, response.headers)
        except _NEVER_CONNECTED as failure:
            error = type(failure).__name__
            raise self._not_connected(method, operation, error) from failure
        except httpx.TimeoutException as failure:
            error = "timed out"
            raise VendorUnavailable(self.vendor, operation, error) from failure
        except (httpx.TransportError, httpx.DecodingError) as failure:
            error = type(failure).__name__
            raise VendorUnavailable(self.vendor, operation, error) from failure
        except VendorError as failure:
            error = str(failure)
            raise
        finally:
            elapsed = int((time.perf_counter() - started) * 1000)
            charged = cost if error is None else Decimal(0)
            await self._meter(ApiCall(self.vendor, operation, method, status, elapsed, charged, error))

    def _decoded(self, operation: str, body: Body) -> Any:
        try:
            return json.loads(body.content)
        except (UnicodeDecodeError, json.JSONDecodeError) as failure:
            raise VendorUnreadable(self.vendor, operation, "the answer is not JSON") from failure

    def _not_connected(self, method: str, operation: str, detail: str) -> VendorUnavailable:
        """Reading again is always safe; for what changes something it matters that nothing was sent."""
        kind = VendorUnavailable if method == "GET" else VendorNotReached
        return kind(self.vendor, operation, detail)

    async def _read(self, operation: str, response: httpx.Response) -> bytes:
        chunks = bytearray()
        async for chunk in response.aiter_bytes():
            chunks += chunk
            if len(chunks) > MAX_BODY_BYTES:
                raise VendorUnreadable(self.vendor, operation, f"the answer is larger than {MAX_BODY_BYTES} bytes")
        return bytes(chunks)

    def _check(self, method: str, operation: str, response: httpx.Response, accept: frozenset[int]) -> None:
        status = response.status_code
        if status in accept:
            return
        if status in (408, 425, 429) or status >= 500:
            retry_after = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
            throttled = status == 429 and method != "GET"
            kind = VendorNotReached if throttled else VendorUnavailable
            raise kind(self.vendor, operation, f"HTTP {status}", retry_after)
        raise VendorRejected(self.vendor, operation, f"HTTP {status}", status)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait from a Retry-After header (RFC 9110 10.2.3: seconds or a date), at most an hour."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - now).total_seconds()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), 3600.0)
