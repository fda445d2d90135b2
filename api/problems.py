"""Every error as `application/problem+json` (RFC 9457), from one table of kinds.

A problem never quotes what was sent: requests may hold an address, and answers end up in logs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from temporalio.client import RPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from integrations.http import VendorError, VendorUnavailable
from schema.contracts.api import FieldError, Problem
from schema.contracts.property import ReviewDecision

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5


class Code(StrEnum):
    """What went wrong, for programs. Codes shared with `Reason` mean the same there."""

    BAD_REQUEST = "bad_request"
    INVALID_REQUEST = "invalid_request"
    INVALID_ADDRESS = "invalid_address"
    INVALID_CURSOR = "invalid_cursor"
    INVALID_FILTER = "invalid_filter"
    UNKNOWN_CITY = "unknown_city"
    UNKNOWN_PERMIT = "unknown_permit"
    UNKNOWN_LEAD = "unknown_lead"
    UNKNOWN_WORKFLOW = "unknown_workflow"
    UNKNOWN_REVIEW = "unknown_review"
    UNKNOWN_REVIEWER = "unknown_reviewer"
    UNKNOWN_JOB = "unknown_job"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    ALREADY_SETTLED = "already_settled"
    ALREADY_EXISTS = "already_exists"
    REVIEW_SETTLED = "review_settled"
    WORKFLOW_GONE = "workflow_gone"
    UNKNOWN_CONTRACTOR = "unknown_contractor"
    UNKNOWN_SEQUENCE = "unknown_sequence"
    UNKNOWN_TOUCHPOINT = "unknown_touchpoint"
    UNKNOWN_TASK = "unknown_task"
    UNKNOWN_CALL = "unknown_call"
    UNKNOWN_USER = "unknown_user"
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    UNKNOWN_MAILBOX = "unknown_mailbox"
    CAMPAIGN_STATUS = "campaign_status"
    MAILBOX_RETIRED = "mailbox_retired"
    NOT_ENROLLED = "not_enrolled"
    SEQUENCE_OVER = "sequence_over"
    SEQUENCE_CLOSED = "sequence_closed"
    NOTHING_PLANNED = "nothing_planned"
    TOUCHPOINT_SETTLED = "touchpoint_settled"
    TASK_TAKEN = "task_taken"
    TASK_SETTLED = "task_settled"
    CALL_RUNNING = "call_running"
    CALL_NOT_OVER = "call_not_over"
    UNKNOWN_SUBSCRIPTION = "unknown_subscription"
    ALREADY_SUBSCRIBED = "already_subscribed"
    PROMO_CODE_REFUSED = "promo_code_refused"
    PLAN_NOT_CHANGED = "plan_not_changed"
    CARD_DECLINED = "card_declined"
    TOO_LARGE = "too_large"
    WRONG_HOST = "wrong_host"
    WEBHOOK_REFUSED = "webhook_refused"
    UNAVAILABLE = "unavailable"
    UPSTREAM_REFUSED = "upstream_refused"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Kind:
    """The status and the title that go with a code."""

    status: int
    title: str


KINDS: Mapping[Code, Kind] = {
    Code.BAD_REQUEST: Kind(400, "The request cannot be understood"),
    Code.INVALID_REQUEST: Kind(422, "The request does not hold what this endpoint needs"),
    Code.INVALID_ADDRESS: Kind(422, "This is not an address of a building in the United States"),
    Code.INVALID_CURSOR: Kind(422, "The cursor did not come from this list"),
    Code.INVALID_FILTER: Kind(422, "The filter is not one this list knows"),
    Code.UNKNOWN_CITY: Kind(422, "The city is not one of the target cities"),
    Code.UNKNOWN_PERMIT: Kind(404, "There is no such permit"),
    Code.UNKNOWN_LEAD: Kind(404, "There is no such lead"),
    Code.UNKNOWN_WORKFLOW: Kind(404, "There is no such workflow"),
    Code.UNKNOWN_REVIEW: Kind(404, "There is no such review"),
    Code.UNKNOWN_REVIEWER: Kind(422, "The reviewer is not a known user"),
    Code.UNKNOWN_JOB: Kind(404, "There is no such job"),
    Code.NOT_FOUND: Kind(404, "There is nothing here"),
    Code.METHOD_NOT_ALLOWED: Kind(405, "This path does not take that method"),
    Code.ALREADY_SETTLED: Kind(409, "The lead is reserved or sold and is not processed again"),
    Code.ALREADY_EXISTS: Kind(409, "It exists already"),
    Code.REVIEW_SETTLED: Kind(409, "The review has been settled differently"),
    Code.WORKFLOW_GONE: Kind(409, "The workflow that asked for this review has ended"),
    Code.UNKNOWN_CONTRACTOR: Kind(404, "There is no such contractor"),
    Code.UNKNOWN_SEQUENCE: Kind(404, "There is no such sequence"),
    Code.UNKNOWN_TOUCHPOINT: Kind(404, "There is no such touchpoint"),
    Code.UNKNOWN_TASK: Kind(404, "There is no such task"),
    Code.UNKNOWN_CALL: Kind(404, "There is no such call"),
    Code.UNKNOWN_CAMPAIGN: Kind(404, "There is no such campaign"),
    Code.UNKNOWN_MAILBOX: Kind(404, "There is no such mailbox"),
    Code.CAMPAIGN_STATUS: Kind(409, "The campaign's status does not allow this"),
    Code.MAILBOX_RETIRED: Kind(409, "The mailbox is retired for good"),
    Code.UNKNOWN_USER: Kind(422, "The user is not known"),
    Code.NOT_ENROLLED: Kind(409, "The contractor is not in that sequence"),
    Code.SEQUENCE_OVER: Kind(409, "The contractor's sequence has ended"),
    Code.SEQUENCE_CLOSED: Kind(409, "The sequence takes no contractors"),
    Code.NOTHING_PLANNED: Kind(409, "The sequence has no touch planned that this could be about"),
    Code.TOUCHPOINT_SETTLED: Kind(409, "The touch is not planned any more"),
    Code.TASK_TAKEN: Kind(409, "The task is settled, or somebody else has it"),
    Code.TASK_SETTLED: Kind(409, "The task has been settled"),
    Code.CALL_RUNNING: Kind(409, "The contractor is being called"),
    Code.CALL_NOT_OVER: Kind(409, "The call is not over"),
    Code.UNKNOWN_SUBSCRIPTION: Kind(404, "This contractor has no subscription"),
    Code.ALREADY_SUBSCRIBED: Kind(409, "This contractor has a subscription"),
    Code.PROMO_CODE_REFUSED: Kind(422, "The promo code is unknown, expired, used or somebody else's"),
    Code.PLAN_NOT_CHANGED: Kind(409, "The subscription was not changed"),
    Code.CARD_DECLINED: Kind(402, "The bank declined the payment"),
    Code.TOO_LARGE: Kind(413, "The request body is too large"),
    Code.WRONG_HOST: Kind(421, "The Host header does not name this server"),
    Code.WEBHOOK_REFUSED: Kind(403, "The sender has not proved who they are"),
    Code.UNAVAILABLE: Kind(503, "Something this service needs does not answer"),
    Code.UPSTREAM_REFUSED: Kind(502, "Something this service needs refused the request"),
    Code.INTERNAL_ERROR: Kind(500, "Something broke on our side"),
}

_BY_STATUS: Mapping[int, Code] = {
    400: Code.BAD_REQUEST,
    404: Code.NOT_FOUND,
    405: Code.METHOD_NOT_ALLOWED,
    413: Code.TOO_LARGE,
    422: Code.INVALID_REQUEST,
    500: Code.INTERNAL_ERROR,
    503: Code.UNAVAILABLE,
}

_RPC_CODES: Mapping[RPCStatusCode, Code] = {
    RPCStatusCode.NOT_FOUND: Code.UNKNOWN_WORKFLOW,
    RPCStatusCode.ALREADY_EXISTS: Code.ALREADY_EXISTS,
    RPCStatusCode.UNAVAILABLE: Code.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED: Code.UNAVAILABLE,
    RPCStatusCode.RESOURCE_EXHAUSTED: Code.UNAVAILABLE,
    RPCStatusCode.CANCELLED: Code.UNAVAILABLE,
    RPCStatusCode.ABORTED: Code.UNAVAILABLE,
    RPCStatusCode.INVALID_ARGUMENT: Code.INVALID_REQUEST,
}

_QUOTING_MESSAGES: Mapping[str, str] = {
    "uuid_parsing": "Input should be a valid UUID",
    "json_invalid": "The body is not valid JSON",
    "union_tag_invalid": "The tag is not one of the expected ones",
}
"""Pydantic's own words for these quote a part of the input."""

_MAX_FIELD_LENGTH = 60


class ApiProblem(Exception):
    """Raise to answer with a problem. `detail` is one sentence and never quotes the request."""

    def __init__(
        self,
        code: Code,
        detail: str | None = None,
        *,
        errors: tuple[FieldError, ...] | None = None,
        decided: ReviewDecision | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.decided = decided


def unavailable(what: str) -> ApiProblem:
    """A server we depend on does not answer; `what` names it."""
    return ApiProblem(Code.UNAVAILABLE, f"{what} does not answer; try again in {RETRY_AFTER_SECONDS} seconds.")


def problem_response(
    problem: ApiProblem, request_id: str | None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The HTTP answer for a problem; says when to come back if it is ours and passing."""
    kind = KINDS[problem.code]
    body = Problem(
        type=f"urn:ridgeline:problem:{problem.code}",
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        instance=f"urn:ridgeline:request:{request_id}" if request_id else None,
        code=problem.code,
        errors=problem.errors,
        decided=problem.decided,
    )
    extra = {"Retry-After": str(RETRY_AFTER_SECONDS)} if kind.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return JSONResponse(
        body.model_dump(mode="json", exclude_none=True),
        status_code=kind.status,
        headers={**(headers or {}), **extra},
        media_type=MEDIA_TYPE,
    )


def field_errors(failure: RequestValidationError) -> tuple[FieldError, ...]:
    """What is wrong with a request, field by field, without the values."""
    return tuple(_field_error(error) for error in failure.errors()[:20])


def _field_error(error: Mapping[str, Any]) -> FieldError:
    location, *path = error["loc"]
    message = _QUOTING_MESSAGES.get(error["type"], error["msg"].removeprefix("Value error, "))
    named = path if error["type"] != "json_invalid" else []
    field = ".".join(str(part)[:_MAX_FIELD_LENGTH] for part in named)
    return FieldError(location=str(location), field=field, code=error["type"], message=message)


def rpc_problem(failure: RPCError) -> ApiProblem:
    """What Temporal's answer means for our caller. Its message may quote input and is left out."""
    code = _RPC_CODES.get(failure.status, Code.UPSTREAM_REFUSED)
    if code is Code.UNAVAILABLE:
        return unavailable("The workflow server")
    return ApiProblem(code)


def install(app: FastAPI) -> None:
    """Answer every kind of failure of `app` with a problem; unexpected ones are the middleware's."""

    def answer(request: Request, problem: ApiProblem, headers: Mapping[str, str] | None = None) -> JSONResponse:
        return problem_response(problem, getattr(request.state, "request_id", None), headers)

    async def on_problem(request: Request, failure: ApiProblem) -> JSONResponse:
        return answer(request, failure)

    async def on_validation(request: Request, failure: RequestValidationError) -> JSONResponse:
        return answer(request, ApiProblem(Code.INVALID_REQUEST, errors=field_errors(failure)))

    async def on_http(request: Request, failure: HTTPException) -> JSONResponse:
        fallback = Code.BAD_REQUEST if failure.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else Code.INTERNAL_ERROR
        return answer(request, ApiProblem(_BY_STATUS.get(failure.status_code, fallback)), failure.headers)

    async def on_rpc(request: Request, failure: RPCError) -> JSONResponse:
        log.warning("temporal_refused", rpc_status=failure.status.name)
        return answer(request, rpc_problem(failure))

    async def on_rpc_timeout(request: Request, failure: RPCTimeoutOrCancelledError) -> JSONResponse:
        return answer(request, unavailable("The workflow server"))

    async def on_database_down(request: Request, failure: Exception) -> JSONResponse:
        log.warning("database_unavailable", failure=type(failure).__name__)
        return answer(request, unavailable("The database"))

    async def on_vendor(request: Request, failure: VendorError) -> JSONResponse:
        log.warning("vendor_failed", vendor=failure.vendor, operation=failure.operation)
        if isinstance(failure, VendorUnavailable):
            return answer(request, unavailable("The object store"))
        return answer(request, ApiProblem(Code.UPSTREAM_REFUSED))

    app.add_exception_handler(VendorError, on_vendor)  # type: ignore[arg-type]
    app.add_exception_handler(ApiProblem, on_problem)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, on_validation)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, on_http)  # type: ignore[arg-type]
    app.add_exception_handler(RPCError, on_rpc)  # type: ignore[arg-type]
    app.add_exception_handler(RPCTimeoutOrCancelledError, on_rpc_timeout)  # type: ignore[arg-type]
    for down in (OperationalError, InterfaceError, PoolTimeout, ConnectionError, TimeoutError):
        app.add_exception_handler(down, on_database_down)
