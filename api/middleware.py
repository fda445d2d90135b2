"""What happens around every request: an id, bounds, one log line, and a problem for what nobody foresaw."""

import re
import time
import traceback
from collections.abc import Mapping
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import ApiProblem, Code, problem_response

log = structlog.get_logger()

REQUEST_ID_HEADER = "X-Request-ID"
MAX_BODY_BYTES = 64 * 1024
WEBHOOK_BYTES = 5 * 1024 * 1024
INBOUND_MAIL_BYTES = 31 * 1024 * 1024
"""An e-mail with its attachments, by SendGrid's limit of 30 MB: refusing one would lose the answer in it."""

BODY_LIMITS: Mapping[str, int] = {
    "/webhooks/sendgrid/inbound/": INBOUND_MAIL_BYTES,
    "/webhooks/": WEBHOOK_BYTES,
}
"""Paths that take more than the rest, by how they start; the first that fits counts."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{8,64}")


class RequestGuard:
    """Runs outside everything else. `hosts` are the Host names served; None serves any.

    Without a log-in, a web page in a browser on this machine could otherwise reach the API by
    pointing its own host name at loopback (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, service: str, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._service = service
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id, service=self._service):
            try:
                limit = body_limit(scope["path"])
                refusal = self._refusal(headers, limit)
                if refusal is not None:
                    await problem_response(refusal, request_id)(scope, receive, send_with_id)
                else:
                    await self._app(scope, _bounded(receive, limit), send_with_id)
            except Exception as failure:
                _log_failure(failure)
                if status:
                    raise
                problem = ApiProblem(Code.INTERNAL_ERROR, "The request id finds the failure in the log.")
                await problem_response(problem, request_id)(scope, receive, send_with_id)
            finally:
                log.info(
                    "request",
                    method=scope["method"],
                    route=getattr(scope.get("route"), "path", None),
                    status=status,
                    elapsed_ms=round((time.perf_counter() - started) * 1000, 1),
                )

    def _refusal(self, headers: Headers, limit: int) -> ApiProblem | None:
        if self._hosts is not None and _host_name(headers.get("host", "")) not in self._hosts:
            return ApiProblem(Code.WRONG_HOST)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            return ApiProblem(Code.TOO_LARGE, f"At most {limit} bytes are read.")
        return None


def body_limit(path: str) -> int:
    """How many bytes a request to this path may have."""
    return next((limit for start, limit in BODY_LIMITS.items() if path.startswith(start)), MAX_BODY_BYTES)


def _request_id(headers: Headers) -> str:
    given = headers.get(REQUEST_ID_HEADER, "")
    return given if _REQUEST_ID.fullmatch(given) else str(uuid4())


def _host_name(host: str) -> str:
    bare = host.rsplit("]", 1)[0].lstrip("[") if host.startswith("[") else host.split(":", 1)[0]
    return bare.lower()


def _bounded(receive: Receive, limit: int) -> Receive:
    """Counts a body that came without a length."""
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413)
        return message

    return counting


def _log_failure(failure: Exception) -> None:
    """Where it broke and the kind of failure; its message may quote personal data and stays out."""
    trace = traceback.extract_tb(failure.__traceback__)
    ours = [frame for frame in trace if "site-packages" not in frame.filename]
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in (*ours[-6:], *trace[-1:])]
    log.error("unexpected_failure", failure=type(failure).__name__, frames=frames)
