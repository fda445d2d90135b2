"""Each spec service alone: who it is, what it serves, how it is started."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import structlog
from openapi_spec_validator import validate

from api.__main__ import is_loopback, main
from api.app import create_app
from api.services import SERVICES
from config.settings import Settings
from tests.api_client import serving

ROOT = Path(__file__).parents[3]

# Spec 5 and 9.3: the endpoints that exist so far, by service.
PORTS = {
    "backend": 8000,
    "scraper": 8001,
    "images": 8002,
    "inference": 8003,
    "enricher": 8004,
    "acquisition": 8005,
    "calling": 8006,
    "outreach": 8007,
    "leads": 8008,
    "orchestrator": 8009,
}
META = {("get", "/"), ("get", "/health"), ("get", "/ready")}
SCRAPER = {
    ("post", "/scrape/permits"),
    ("post", "/scrape/contractors"),
    ("get", "/jobs"),
    ("get", "/jobs/{job_id}"),
}
CONTRACTORS = {
    ("post", "/discover/city"),
    ("get", "/discover/sources"),
    ("get", "/contractors"),
    ("get", "/contractors/{contractor_id}"),
    ("patch", "/contractors/{contractor_id}"),
    ("post", "/contractors/{contractor_id}/enrich"),
    ("post", "/contractors/{contractor_id}/score"),
}
CAMPAIGNS = {
    ("post", "/campaigns"),
    ("get", "/campaigns"),
    ("get", "/campaigns/{campaign_id}"),
    ("post", "/campaigns/{campaign_id}/start"),
    ("post", "/campaigns/{campaign_id}/pause"),
    ("get", "/campaigns/{campaign_id}/stats"),
    ("get", "/contractors/{contractor_id}/touchpoints"),
}
TRACKING = {
    ("get", "/campaigns/{campaign_id}/performance"),
    ("get", "/contractors/{contractor_id}/engagement"),
    ("post", "/mailboxes"),
    ("get", "/mailboxes"),
    ("patch", "/mailboxes/{mailbox_id}"),
}
CALLING = {
    ("post", "/calls/make"),
    ("get", "/calls"),
    ("get", "/calls/pending-followup"),
    ("get", "/calls/{call_id}"),
    ("get", "/calls/{call_id}/transcript"),
    ("get", "/calls/{call_id}/recording"),
    ("post", "/calls/{call_id}/analyze"),
}
OUTREACH = {
    ("post", "/sequences"),
    ("get", "/sequences/{sequence_id}"),
    *(
        ("post", f"/sequences/{{sequence_id}}/{command}")
        for command in ("enroll", "stop", "pause", "resume", "skip", "reschedule")
    ),
    ("post", "/touchpoints/execute"),
    ("get", "/touchpoints/scheduled"),
    ("post", "/touchpoints/{scheduled_id}/cancel"),
    ("get", "/tasks"),
    *(("post", f"/tasks/{{task_id}}/{end}") for end in ("claim", "done", "skip")),
    ("get", "/b/{token}"),
    ("get", "/unsubscribe/{token}"),
    ("post", "/unsubscribe/{token}"),
    *(
        ("post", f"/webhooks/{path}")
        for path in (
            "sendgrid/events",
            "sendgrid/inbound/{token}",
            "twilio/status",
            "twilio/inbound",
            "vapi",
            "bland",
            "calendly",
        )
    ),
}
SUBSCRIPTIONS = {
    *((method, "/contractors/{contractor_id}/subscription") for method in ("get", "post", "patch", "delete")),
    ("patch", "/contractors/{contractor_id}/preferences"),
    ("post", "/webhooks/stripe"),
}
INFERENCE = {
    ("get", "/validation/pending"),
    ("post", "/validation/{review_id}/approve"),
    ("post", "/validation/{review_id}/reject"),
}
ORCHESTRATOR = {("post", "/workflows/property"), ("get", "/workflows"), ("get", "/workflows/{workflow_id}")}
ALONE = {
    "scraper": SCRAPER,
    "inference": INFERENCE,
    "acquisition": CONTRACTORS | CAMPAIGNS,
    "calling": CALLING,
    "outreach": TRACKING | OUTREACH,
    "orchestrator": ORCHESTRATOR,
}
ENDPOINTS = {**ALONE, "backend": {("get", "/api/leads")}.union(SUBSCRIPTIONS, *ALONE.values())}


def test_ports_are_those_of_the_spec() -> None:
    assert {name: service.port for name, service in SERVICES.items()} == PORTS


@pytest.mark.parametrize("service", PORTS)
def test_openapi_is_valid_and_holds_exactly_the_service(dead_settings: Settings, service: str) -> None:
    document = create_app(dead_settings, service).openapi()
    validate(document)
    served = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert served == META | ENDPOINTS.get(service, set())
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all("application/problem+json" in operation["responses"]["default"]["content"] for operation in operations)


def test_openapi_on_the_command_line_connects_to_nothing(dead_settings: Settings) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "api", "--openapi", "--service", "orchestrator"],
        cwd=ROOT,
        env={"PATH": "", "DATABASE_URL": dead_settings.database_url, "TEMPORAL_ADDRESS": "127.0.0.1:1"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert set(json.loads(printed.stdout)["paths"]) >= {"/workflows", "/workflows/property"}


def test_unknown_service_is_refused(dead_settings: Settings) -> None:
    with pytest.raises(ValueError, match="orchestrator"):
        create_app(dead_settings, "frontend")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.com", ""])
def test_other_hosts_need_the_insecure_flag(capsys: pytest.CaptureFixture[str], host: str) -> None:
    assert main(["--host", host]) == 2
    assert "--insecure-no-auth" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_recognised(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("service", PORTS)
async def test_every_service_says_who_it_is(dead_settings: Settings, service: str) -> None:
    async with serving(create_app(dead_settings, service)) as client:
        info = (await client.get("/")).json()
        assert info["service"] == service
        assert info["links"].pop("ready") == "/ready"
        for link in info["links"].values():
            assert (await client.get(link)).status_code == 200
        assert (await client.get("/health")).json() == {"status": "ok", "service": service}


async def test_not_ready_when_nothing_answers(client: httpx.AsyncClient) -> None:
    response = await client.get("/ready")
    assert response.status_code == 503
    assert response.headers["retry-after"]
    state = response.json()
    assert state["ready"] is False
    assert {name: check["up"] for name, check in state["checks"].items()} == {
        "postgresql": False,
        "redis": False,
        "object_store": False,
        "temporal": False,
    }
    assert all(check["reason"] for check in state["checks"].values())
    assert "secret-word" not in response.text


async def test_request_id_is_kept_or_made(client: httpx.AsyncClient) -> None:
    kept = await client.get("/health", headers={"x-request-id": "trace-0123456789"})
    assert kept.headers["x-request-id"] == "trace-0123456789"
    for bad in ("short", "x" * 65, "with space inside", 'quote"inside-it'):
        made = await client.get("/health", headers={"x-request-id": bad})
        assert made.headers["x-request-id"] != bad
        assert len(made.headers["x-request-id"]) == 36


async def test_access_log_has_the_route_and_no_personal_data(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as logs:
        await client.get("/workflows/property-elm-street-9", params={"q": "jane@owner.example"})
        await client.get("/elm-street-9")
    lines = [line for line in logs if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in lines] == [("/workflows/{workflow_id}", 503), (None, 404)]
    assert "elm-street" not in repr(logs)
    assert "jane@owner.example" not in repr(logs)
