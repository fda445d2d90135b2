"""Whatever a person or a vendor hands in, a property ends with a clear status and a reason."""

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from config.settings import Settings
from integrations.object_store import ObjectStore
from sandbox.adopt import adopt
from schema.contracts.base import LeadStatus
from schema.contracts.property import PropertyRequest, PropertyResult, Reason, Stage
from schema.database import Database
from tests.support.sandbox import Sandbox
from workers.runner import run_workers
from workflows.options import TaskQueue
from workflows.property import PropertyWorkflow


@pytest.fixture
async def platform(
    sandbox_settings: Settings,
    sandbox: Sandbox,
    database: Database,
    object_store: ObjectStore,
    temporal_client: Client,
) -> AsyncIterator[Client]:
    """All workers in this process, on the sandbox's city; yields the client."""
    await adopt(database, sandbox.url)
    stop = asyncio.Event()
    workers = asyncio.create_task(run_workers(sandbox_settings, list(TaskQueue), stop))
    yield temporal_client
    stop.set()
    await workers


async def process(client: Client, **request: str) -> PropertyResult:
    """Start by hand, as an operator would; a review that opens is approved."""
    handle = await client.start_workflow(
        PropertyWorkflow.run, PropertyRequest(**request), id=f"by-hand-{uuid4()}", task_queue="orchestration"
    )
    result = asyncio.create_task(handle.result())
    while not result.done():
        await asyncio.wait([result], timeout=0.2)
        status = await handle.query(PropertyWorkflow.status)
        if status.lead_id is not None:
            with contextlib.suppress(RPCError):  # it ended meanwhile
                await handle.signal(PropertyWorkflow.approve)
    return await result


def a_house(sandbox: Sandbox, **wanted: Any) -> dict[str, Any]:
    """A house of the sandbox that geocodes, has street views, an owner with an e-mail, and is as wanted."""
    wanted = {"geocodes": True, "has_street_view": True, **wanted}
    houses = (house for house in sandbox.get("/control/houses") if house["owner"]["email_status"] == "valid")
    return next(house for house in houses if all(house[name] == value for name, value in wanted.items()))


AUSTIN = {"city": "Austin", "state": "TX"}


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({}, Reason.BAD_REQUEST),
        ({"address": "1200 Maple Street"}, Reason.BAD_REQUEST),
        ({"address": "1200 Maple Street", "city": "Atlantis", "state": "TX"}, Reason.UNKNOWN_CITY),
        ({"address": "1200 Maple Street", "city": "Austin", "state": "Texas, I think"}, Reason.BAD_REQUEST),
        ({"address": "somewhere near the river", **AUSTIN}, Reason.INVALID_ADDRESS),
        ({"address": "PO BOX 12", **AUSTIN}, Reason.INVALID_ADDRESS),
        ({"permit_id": str(uuid4())}, Reason.UNKNOWN_PERMIT),
        ({"permit_id": "'; DROP TABLE base_leads; --"}, Reason.BAD_REQUEST),
        ({"lead_id": str(uuid4())}, Reason.UNKNOWN_LEAD),
        ({"address": "99999 Nowhere Lane", **AUSTIN}, Reason.ADDRESS_NOT_FOUND),
    ],
)
async def test_a_bad_request_is_refused_with_its_reason(
    platform: Client, request_: dict[str, str], reason: Reason
) -> None:
    result = await process(platform, **request_)
    assert (result.status, result.reason) == (LeadStatus.REJECTED, reason)
    if reason is not Reason.ADDRESS_NOT_FOUND:
        assert result.detail
        assert result.detail[0].isupper()


@pytest.mark.parametrize(
    ("vendor", "kind", "path", "reason"),
    [
        ("portal", "garbage", None, Reason.PORTAL_UNREADABLE),
        ("assessor", "garbage", None, Reason.ASSESSOR_UNREADABLE),
        ("google", "truncate", "staticmap", Reason.IMAGE_UNREADABLE),
        ("google", "garbage", "streetview", Reason.IMAGE_UNREADABLE),
        ("hunter", "garbage", None, Reason.CONTACT_VENDOR_UNAVAILABLE),
        ("zerobounce", "garbage", None, Reason.VERIFIER_UNAVAILABLE),
    ],
)
async def test_garbage_from_a_vendor_costs_a_reason_and_not_the_lead(
    platform: Client, sandbox: Sandbox, vendor: str, kind: str, path: str | None, reason: Reason
) -> None:
    house = a_house(sandbox)
    sandbox.fault(vendor, kind, **({"path": path} if path else {}))
    result = await process(platform, address=house["address"], **AUSTIN)
    assert result.status in (LeadStatus.AVAILABLE, LeadStatus.UNQUALIFIED), result
    assert reason in result.degraded, result


async def test_a_vendor_that_recovers_costs_nothing(platform: Client, sandbox: Sandbox) -> None:
    house = a_house(sandbox)
    for vendor in ("portal", "assessor", "google", "zerobounce"):
        sandbox.fault(vendor, "throttle", count=1, seconds=0.2)
        sandbox.fault(vendor, "error", count=1, skip=1)
    result = await process(platform, address=house["address"], **AUSTIN)
    assert result.status in (LeadStatus.AVAILABLE, LeadStatus.UNQUALIFIED), result
    assert not set(result.degraded) & {
        Reason.PORTAL_UNAVAILABLE,
        Reason.ASSESSOR_UNAVAILABLE,
        Reason.GEOCODER_UNAVAILABLE,
        Reason.IMAGERY_UNAVAILABLE,
        Reason.VERIFIER_UNAVAILABLE,
    }


async def test_the_temporal_command_line_starts_finds_and_reads_a_property(
    platform: Client, sandbox: Sandbox, sandbox_settings: Settings
) -> None:
    binary = shutil.which("temporal")
    assert binary

    async def temporal(*arguments: str) -> str:
        where = ("--address", sandbox_settings.temporal_address, "--namespace", sandbox_settings.temporal_namespace)
        done = await asyncio.to_thread(
            subprocess.run, [binary, *arguments, *where], capture_output=True, text=True, check=True, timeout=30
        )
        return done.stdout

    house = a_house(sandbox, recent_roofing_permit="worn")
    body = json.dumps({"address": house["address"], **AUSTIN})
    start = ("workflow", "start", "--type", "PropertyWorkflow", "--task-queue", "orchestration")
    await temporal(*start, "--workflow-id", "by-hand", "--input", body)
    handle = platform.get_workflow_handle_for(PropertyWorkflow.run, "by-hand")
    own = None
    while own is None or (await own.query(PropertyWorkflow.status)).stage not in (Stage.REVIEW, Stage.COMPLETE):
        lead_id = (await handle.query(PropertyWorkflow.status)).lead_id
        own = platform.get_workflow_handle_for(PropertyWorkflow.run, f"property-{lead_id}") if lead_id else None
        await asyncio.sleep(0.1)
    if (await own.query(PropertyWorkflow.status)).stage is Stage.REVIEW:
        assert "reviewer" in await temporal("workflow", "query", "--workflow-id", own.id, "--type", "status")
        await temporal("workflow", "signal", "--workflow-id", own.id, "--name", "approve")
    result = await handle.result()
    assert result.status is LeadStatus.AVAILABLE
    query = 'City="Austin" AND LeadStatus="available"'
    while own.id not in (listed := await temporal("workflow", "list", "--query", query)):
        await asyncio.sleep(0.1)
    assert "by-hand" not in listed
    history = (await own.fetch_history()).to_json()
    assert house["address"] not in history
