"""Workers, servers and the database are killed in the middle of a demo: nothing is lost, nothing repeated."""

import asyncio
import contextlib
import os
from collections import Counter
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from sqlalchemy import text
from temporalio.client import Client
from temporalio.service import RPCError

from config.settings import Settings
from demo.run import Demo, Options
from demo.world import project_root
from schema.contracts.base import LeadStatus
from schema.database import Database
from schema.pii import PiiVault
from stack.stack import Stack
from temporal import connect

PROPERTIES = 12
OVERRIDES = ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT", "TEMPORAL_ADDRESS", "RIDGELINE_STACK_DIR")

KILLS: list[tuple[int, tuple[str, ...]]] = [
    (0, ("workers",)),
    (1, ("workers-vision",)),
    (2, ("temporal",)),
    (4, ("workers",)),
    (5, ("postgres",)),
    (6, ("api", "valkey")),
    (8, ("workers", "workers-vision", "api")),
]
"""After how many finished properties which programs and servers are killed."""

SERVERS = frozenset({"temporal", "postgres", "valkey", "seaweedfs"})


@pytest.mark.timeout(420)
async def test_killing_everything_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in OVERRIDES}
    stack = Stack(project_root(), home=tmp_path / "stack", environ=environ)
    demo = Demo(Options(properties=PROPERTIES, seed=7, keep=False), Console(width=120), stack=stack)
    running = asyncio.create_task(demo.go())
    try:
        killed = await kill_on_the_way(demo, running)
        report = await running
        settings = demo.world.settings()
        async with httpx.AsyncClient(base_url=demo.world.sandbox_url, timeout=30) as sandbox:
            mails = (await sandbox.get("/control/mailbox")).json()["mails"]
        await assert_each_effect_once(settings, mails)
    finally:
        running.cancel()
        with contextlib.suppress(BaseException):
            await running
        demo.close()
    figures = report.as_json()
    assert killed == [names for _, names in KILLS]
    assert report.passed, figures
    assert figures["properties"] == PROPERTIES
    assert figures["failed"] == 0
    assert figures["history_pii_hits"] == 0
    assert figures["leads_available"] >= 0.8 * PROPERTIES, figures


async def kill_on_the_way(demo: Demo, running: "asyncio.Task[object]") -> list[tuple[str, ...]]:
    """Each kill once its number of properties is done and others are under way."""
    killed: list[tuple[str, ...]] = []
    await asyncio.wait([running, asyncio.create_task(demo.started.wait())], return_when=asyncio.FIRST_COMPLETED)
    client = await connect(demo.world.settings(), lazy=True)
    for finished, names in KILLS:
        while not running.done() and await count(client, "Stage = 'complete'") < finished:
            await asyncio.sleep(0.2)
        if running.done():
            break
        for name in names:
            await asyncio.to_thread(demo.world.stack.kill if name in SERVERS else demo.world.kill, name)
        killed.append(names)
    return killed


async def count(client: Client, condition: str) -> int:
    try:
        return (await client.count_workflows(f"WorkflowType = 'PropertyWorkflow' AND {condition}")).count
    except RPCError:
        return -1


async def assert_each_effect_once(settings: Settings, mails: list[dict[str, object]]) -> None:
    """The ledger, the rows and the vendor's own mailbox agree."""
    database = Database(settings.database_url, PiiVault.from_settings(settings))
    async with database.transaction() as tx:
        execute = tx.session.execute
        leads = {row.id: row.status for row in await execute(text("SELECT id, status FROM base_leads"))}
        images = list(
            await execute(
                text("SELECT base_lead_id, image_type, view_angle, count(*) n FROM property_images GROUP BY 1, 2, 3")
            )
        )
        notices = list(await execute(text("SELECT id, channel, state FROM notifications")))
        open_effects = list(await execute(text("SELECT key FROM effects WHERE state = 'started'")))
        analyses = list(await execute(text("SELECT base_lead_id, count(*) n FROM roof_analysis GROUP BY 1")))
        factors = list(
            await execute(text("SELECT base_lead_id, factor, count(*) n FROM score_breakdowns GROUP BY 1, 2"))
        )
    await database.close()
    assert set(leads.values()) <= {
        status.value for status in (LeadStatus.AVAILABLE, LeadStatus.UNQUALIFIED, LeadStatus.REJECTED)
    }
    assert all(row.n == 1 for row in [*images, *analyses, *factors])
    assert not open_effects
    delivered = Counter(str(mail["custom_args"]["notification_id"]) for mail in mails)  # type: ignore[index]
    assert not [notice for notice, times in delivered.items() if times > 1], "an e-mail went out twice"
    by_mail = {str(notice.id): notice.state for notice in notices if notice.channel == "email"}
    told = {notice for notice, status in by_mail.items() if status == "sent"}
    assert told <= set(delivered), "a notification is marked sent that never went out"
    left = set(by_mail.values()) - {"sent", "unknown", "failed"}
    assert not left, f"notifications left behind as {left}"
