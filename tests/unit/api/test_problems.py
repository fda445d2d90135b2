"""Every kind of failure answers as application/problem+json and echoes nothing of what was sent."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import structlog
from fastapi import FastAPI
from pydantic import TypeAdapter
from temporalio.service import RPCError, RPCStatusCode

from api import cursors
from api.app import create_app
from api.middleware import MAX_BODY_BYTES
from api.problems import KINDS, ApiProblem, Code, rpc_problem
from api.services import SERVICES
from config.settings import Settings
from integrations.http import VendorRejected, VendorUnavailable
from tests.api_client import problem, serving

SECRET = "742 Evergreen Terrace"


def check(response: httpx.Response, code: Code) -> dict[str, object]:
    """The problem document, which must not hold what was sent."""
    assert SECRET not in response.text
    return problem(response, code)


def test_every_code_has_a_kind() -> None:
    assert set(KINDS) == set(Code)


async def test_unknown_path(client: httpx.AsyncClient) -> None:
    check(await client.get(f"/nothing/{SECRET}"), Code.NOT_FOUND)


async def test_wrong_method_names_the_right_one(client: httpx.AsyncClient) -> None:
    response = await client.delete("/health")
    check(response, Code.METHOD_NOT_ALLOWED)
    assert response.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"address": SECRET}, ""),
        ({"address": SECRET, "city": "Austin", "state": "TX", "permit_id": str(uuid.uuid4())}, ""),
        ({}, ""),
        ({"permit_id": SECRET}, "permit_id"),
        ({"address": SECRET, "city": "Austin", "state": SECRET}, "state"),
        ({"address": SECRET, "city": '" OR City="Dallas', "state": "TX"}, "city"),
        ({"address": SECRET, "city": "Austin", "state": "TX", "zip": SECRET}, "zip"),
        ({"address": [SECRET], "city": "Austin", "state": "TX"}, "address"),
        ({"address": SECRET, "city": "Austin", "state": "TX", "owner": SECRET}, "owner"),
    ],
)
async def test_bad_body_names_the_field(client: httpx.AsyncClient, body: dict[str, object], field: str) -> None:
    document = check(await client.post("/workflows/property", json=body), Code.INVALID_REQUEST)
    errors = document["errors"]
    assert isinstance(errors, list)
    assert {"location": "body", "field": field} == {name: errors[0][name] for name in ("location", "field")}
    assert errors[0]["message"]


async def test_body_that_is_not_json(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/workflows/property", content=f'{{"address": "{SECRET}', headers={"content-type": "application/json"}
    )
    document = check(response, Code.INVALID_REQUEST)
    assert document["errors"] == [
        {"location": "body", "field": "", "code": "json_invalid", "message": "The body is not valid JSON"}
    ]


async def test_form_from_another_site_is_not_taken_for_json(client: httpx.AsyncClient) -> None:
    """A web page can post text/plain to loopback without asking; it must not start anything."""
    response = await client.post(
        "/scrape/permits", content='{"city": "Austin", "state": "TX"}', headers={"content-type": "text/plain"}
    )
    check(response, Code.INVALID_REQUEST)


@pytest.mark.parametrize(
    "path", ["/api/leads?after=", "/validation/pending?after=", "/jobs?after=", "/workflows?page_token="]
)
@pytest.mark.parametrize("cursor", ["garbage", "e30", "WzEsMl0", "%C3%BC", "W1tbW1tb", "%00", "bnVsbA", "!!!", ""])
async def test_garbage_cursor(client: httpx.AsyncClient, path: str, cursor: str) -> None:
    check(await client.get(path + cursor), Code.INVALID_CURSOR)


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00", "2026-11-24T10:00:00", "1e400"]
)
def test_cursor_with_a_time_the_database_cannot_compare(moment: str) -> None:
    forged = cursors.encode((moment, "00000000-0000-4000-8000-000000000000"), TypeAdapter(tuple[str, str]))
    with pytest.raises(ApiProblem) as refused:
        cursors.decode(forged, TypeAdapter(cursors.MomentKey))
    assert refused.value.code is Code.INVALID_CURSOR


@pytest.mark.parametrize("path", ["/api/leads", "/validation/pending", "/jobs", "/workflows"])
@pytest.mark.parametrize("limit", ["0", "-1", "101", "many"])
async def test_limits_are_bounded(client: httpx.AsyncClient, path: str, limit: str) -> None:
    check(await client.get(path, params={"limit": limit}), Code.INVALID_REQUEST)


@pytest.mark.parametrize(
    "filters", [{"status": "running' OR 1=1"}, {"city": 'Austin" OR "1"="1'}, {"state": "T'"}, {"stage": "none"}]
)
async def test_filters_cannot_carry_a_query(client: httpx.AsyncClient, filters: dict[str, str]) -> None:
    check(await client.get("/workflows", params=filters), Code.INVALID_REQUEST)


@pytest.mark.parametrize("path", ["/api/leads", "/workflows", "/jobs", f"/validation/pending?limit=1&city={SECRET}"])
async def test_server_down_is_503_with_retry_after(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    check(response, Code.UNAVAILABLE)
    assert response.headers["retry-after"] == "5"
    assert "secret-word" not in response.text


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (RPCStatusCode.NOT_FOUND, Code.UNKNOWN_WORKFLOW),
        (RPCStatusCode.ALREADY_EXISTS, Code.ALREADY_EXISTS),
        (RPCStatusCode.UNAVAILABLE, Code.UNAVAILABLE),
        (RPCStatusCode.DEADLINE_EXCEEDED, Code.UNAVAILABLE),
        (RPCStatusCode.RESOURCE_EXHAUSTED, Code.UNAVAILABLE),
        (RPCStatusCode.INVALID_ARGUMENT, Code.INVALID_REQUEST),
        (RPCStatusCode.PERMISSION_DENIED, Code.UPSTREAM_REFUSED),
        (RPCStatusCode.INTERNAL, Code.UPSTREAM_REFUSED),
    ],
)
def test_rpc_errors_are_mapped(status: RPCStatusCode, code: Code) -> None:
    assert rpc_problem(RPCError(SECRET, status, b"")).code is code


@pytest.fixture
async def failing(dead_settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The API with routes that fail in every way a dependency can."""
    app: FastAPI = create_app(dead_settings)
    failures: dict[str, Exception] = {
        "bug": RuntimeError(SECRET),
        "rpc-not-found": RPCError(SECRET, RPCStatusCode.NOT_FOUND, b""),
        "rpc-exists": RPCError(SECRET, RPCStatusCode.ALREADY_EXISTS, b""),
        "rpc-down": RPCError(SECRET, RPCStatusCode.UNAVAILABLE, b""),
        "store-down": VendorUnavailable("object_store", "get", "timed out"),
        "store-refuses": VendorRejected("object_store", "get", "HTTP 403", 403),
        "reset": ConnectionResetError(SECRET),
    }

    @app.get("/fail/{how}")
    async def fail(how: str) -> None:
        raise failures[how]

    async with serving(app) as client:
        yield client


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("bug", Code.INTERNAL_ERROR),
        ("rpc-not-found", Code.UNKNOWN_WORKFLOW),
        ("rpc-exists", Code.ALREADY_EXISTS),
        ("rpc-down", Code.UNAVAILABLE),
        ("store-down", Code.UNAVAILABLE),
        ("store-refuses", Code.UPSTREAM_REFUSED),
        ("reset", Code.UNAVAILABLE),
    ],
)
async def test_failures_inside_a_route(failing: httpx.AsyncClient, how: str, code: Code) -> None:
    with structlog.testing.capture_logs() as logs:
        check(await failing.get(f"/fail/{how}"), code)
    assert SECRET not in repr(logs)


async def test_body_too_large_by_its_length(client: httpx.AsyncClient) -> None:
    response = await client.post("/workflows/property", json={"address": "x" * (MAX_BODY_BYTES + 1)})
    check(response, Code.TOO_LARGE)


async def test_body_too_large_without_a_length(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 1024 + 2):
            yield b" " * 1024

    response = await client.post("/workflows/property", content=endless(), headers={"content-type": "application/json"})
    check(response, Code.TOO_LARGE)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
async def test_foreign_host_name_is_refused(client: httpx.AsyncClient, host: str) -> None:
    check(await client.get("/health", headers={"host": host}), Code.WRONG_HOST)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "LOCALHOST", "[::1]:8009", "localhost:1"])
async def test_loopback_host_names_are_served(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/health", headers={"host": host})).status_code == 200


def test_the_guide_lists_every_code_with_its_status() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
    rows = [line.split("|") for line in guide.splitlines() if line.startswith("| `")]
    listed = {
        code.strip(" `"): int(cells[2])
        for cells in rows
        for code in cells[1].split(",")
        if cells[2].strip().isdecimal()
    }
    ports = {name for name in listed if name in SERVICES}
    assert {name: status for name, status in listed.items() if name not in ports} == {
        code.value: kind.status for code, kind in KINDS.items()
    }
    assert {name: listed[name] for name in ports} == {name: service.port for name, service in SERVICES.items()}
