"""Campaigns over HTTP: made, listed, started, paused, counted; mailboxes; what a contractor was sent."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio.client import Client

from api.app import create_app
from api.problems import Code
from config.settings import Settings
from domain.cadence import default_sequence
from schema.contracts.campaigns import OptimizationReport
from schema.contracts.ids import campaign_workflow_id
from schema.contracts.outreach import CampaignRequest, EnrollmentBatch
from schema.database import Database
from schema.tables import MailboxClaim
from tests.api_client import problem, serving
from tests.integration.api_world import World, scripted
from tests.integration.campaign_world import LONG_AGO, NOW, add, add_all, campaign, contractor, enrolled, mailbox, touch
from tests.workflow.scripted import Script
from workflows.optimization import CampaignOptimizationWorkflow

AUSTIN = {"name": "Austin Contractor Acquisition", "city": "Austin", "state": "TX"}


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(create_app(settings)) as client:
        yield client


async def test_a_campaign_is_made_as_a_draft_with_the_specs_sequence(client: httpx.AsyncClient) -> None:
    body = {**AUSTIN, "channels": ["email", "call", "sms"], "target_criteria": {"min_fit": 60, "min_ltv": "5000.50"}}
    response = await client.post("/campaigns", json=body)
    assert response.status_code == 201, response.text
    made = response.json()
    assert (made["status"], made["type"], made["city"], made["state"]) == ("draft", "cold_outreach", "Austin", "TX")
    assert [step["template"] for step in made["sequence_steps"]] == [each.template for each in default_sequence()]
    assert (made["target_criteria"]["min_fit"], made["target_criteria"]["min_ltv"]) == (60, "5000.50")
    assert (await client.get(f"/campaigns/{made['campaign_id']}")).json() == made


async def test_own_steps_are_kept_and_lists_are_paged(client: httpx.AsyncClient) -> None:
    steps = [{"day": 0, "channel": "email", "template": "hello"}, {"day": 1.5, "channel": "email", "template": "again"}]
    made = [
        (await client.post("/campaigns", json={**AUSTIN, "name": f"No {number}", "sequence_steps": steps})).json()
        for number in range(5)
    ]
    assert [(step["day"], step["template"]) for step in made[0]["sequence_steps"]] == [(0, "hello"), (1.5, "again")]
    listed: list[str] = []
    after: str | None = None
    while True:
        page = (await client.get("/campaigns", params={"limit": "2", **({"after": after} if after else {})})).json()
        listed += [row["name"] for row in page["campaigns"]]
        after = page["next"]
        if after is None:
            break
    assert listed == [f"No {number}" for number in reversed(range(5))]
    assert (await client.get("/campaigns", params={"status": "active"})).json()["campaigns"] == []


async def test_what_is_not_there(client: httpx.AsyncClient) -> None:
    nobody = uuid4()
    for method, path in (
        ("GET", f"/campaigns/{nobody}"), ("GET", f"/campaigns/{nobody}/stats"),
        ("GET", f"/campaigns/{nobody}/performance"), ("POST", f"/campaigns/{nobody}/start"),
        ("POST", f"/campaigns/{nobody}/pause"),
    ):  # fmt: skip
        problem(await client.request(method, path), Code.UNKNOWN_CAMPAIGN)
    problem(await client.get(f"/contractors/{nobody}/touchpoints"), Code.UNKNOWN_CONTRACTOR)
    problem(await client.get(f"/contractors/{nobody}/engagement"), Code.UNKNOWN_CONTRACTOR)
    problem(await client.patch(f"/mailboxes/{nobody}", json={"state": "paused"}), Code.UNKNOWN_MAILBOX)


async def test_started_paused_and_started_again(
    client: httpx.AsyncClient, settings: Settings, database: Database, temporal_client: Client
) -> None:
    """The launch itself is the real workflow; the contractors' sequences are elsewhere."""
    campaign_id = UUID((await client.post("/campaigns", json=AUSTIN)).json()["campaign_id"])
    path = f"/campaigns/{campaign_id}"
    problem(await client.post(f"{path}/pause"), Code.CAMPAIGN_STATUS)
    script = Script(next_batch=EnrollmentBatch(), finish_launch=None)
    async with scripted(World(settings, database, temporal_client), script):
        handle = temporal_client.get_workflow_handle(campaign_workflow_id(campaign_id))
        for number in (1, 2):
            started = await client.post(f"{path}/start")
            assert (started.status_code, started.json()["workflow_id"]) == (202, handle.id), started.text
            await handle.result()
            assert script.called("next_batch") == [CampaignRequest(campaign_id=campaign_id)] * number
            assert (await client.get(path)).json()["status"] == "active"
            for _ in range(2):  # pausing twice is pausing
                paused = (await client.post(f"{path}/pause")).json()
                assert (paused["status"], paused["pause_reason"]) == ("paused", "operator")
    async with database.transaction() as tx:
        events = [event.event_type for event in await tx.events.of("campaign", campaign_id)]
        assert await tx.campaigns.set_status(campaign_id, "completed", ("paused",))
    assert sorted(events) == ["campaign.paused", "campaign.paused", "campaign.started", "campaign.started"]
    problem(await client.post(f"{path}/start"), Code.CAMPAIGN_STATUS)
    problem(await client.post(f"{path}/pause"), Code.CAMPAIGN_STATUS)


async def test_the_hourly_look_launches_active_campaigns(
    settings: Settings, database: Database, temporal_client: Client
) -> None:
    active = uuid4()
    script = Script(
        optimize_campaigns=OptimizationReport(campaigns=2, active=(active,)),
        next_batch=EnrollmentBatch(),
        finish_launch=None,
    )
    async with scripted(World(settings, database, temporal_client), script):
        report = await temporal_client.execute_workflow(
            CampaignOptimizationWorkflow.run, id="schedule-campaign-optimization", task_queue="orchestration"
        )
        await temporal_client.get_workflow_handle(campaign_workflow_id(active)).result()
    assert report.campaigns == 2
    assert script.called("next_batch") == [CampaignRequest(campaign_id=active)]


async def test_stats_performance_and_engagement(client: httpx.AsyncClient, database: Database) -> None:
    ours, who, other = campaign(), contractor(1), contractor(2)
    await add(database, ours, who, other)
    hours = timedelta(hours=6)
    first = {"sequence_step": 0, "template_used": "cold_introduction", "touch_key": "outreach-0"}
    await add(
        database,
        enrolled(ours.id, who.id), enrolled(ours.id, other.id),
        touch(ours.id, who.id, **first, variant="numbers", cost=Decimal("0.0010"), delivered_at=LONG_AGO,
              opened_at=LONG_AGO, replied_at=LONG_AGO + hours, response_sentiment="positive", contractor_responded=True,
              subject="Roofing leads", message="Hello", response_text="Tell me more", created_at=LONG_AGO),
        touch(ours.id, other.id, **first, variant="plain", delivered_at=LONG_AGO),
        touch(ours.id, who.id, channel="sms", sent_at=NOW, template_used="check_in", sequence_step=7),
    )  # fmt: skip
    stats = (await client.get(f"/campaigns/{ours.id}/stats")).json()
    assert (stats["counters"]["emails_sent"], stats["counters"]["sms_sent"]) == (2, 1)
    assert (stats["rates"]["opened"], stats["rates"]["replied"], stats["rates"]["calls_answered"]) == (0.5, 0.5, None)
    assert [step["reached"] for step in stats["funnel"]] == [2, 2, 1, 1, 1, 0, 0]
    assert (stats["costs"], stats["total_cost"], stats["roi_percent"]) == ({"email": "0.0010"}, "0.0010", "-100.00")
    [cold, value] = sorted(stats["experiments"], key=lambda each: each["template"])
    assert (cold["template"], cold["state"], cold["winner"]) == ("cold_introduction", "too_few", None)
    arms = {arm["arm"]: arm for arm in cold["arms"]}
    assert (arms["numbers"]["trials"], arms["numbers"]["successes"]) == (1, 1)
    assert arms["numbers"]["best"] > arms["plain"]["best"] and value["arms"][0]["trials"] == 0
    # Nothing is stored by looking.
    assert (await client.get(f"/campaigns/{ours.id}")).json()["emails_sent"] == 0

    performance = (await client.get(f"/campaigns/{ours.id}/performance")).json()
    assert [(day["channel"], day["sent"], day["replied"]) for day in performance["days"]] == [
        ("email", 2, 1), ("sms", 1, 0),
    ]  # fmt: skip
    assert [(step["template"], step["sent"], step["reply_rate"]) for step in performance["steps"]] == [
        ("cold_introduction", 2, 0.5), ("check_in", 1, None),
    ]  # fmt: skip
    for wrong in ({"first": "2026-02-01", "last": "2026-01-31"}, {"first": "2020-01-01", "last": "2026-01-01"}):
        problem(await client.get(f"/campaigns/{ours.id}/performance", params=wrong), Code.INVALID_REQUEST)

    found = (await client.get(f"/contractors/{who.id}/engagement")).json()
    assert 40 < found["score"] < 60 and found["hours_to_response"] == 6.0
    assert (found["touchpoints"], found["channels"], found["response_rate"]) == (2, ["email", "sms"], 0.5)
    assert found["parts"][0]["sign"] == "replied"

    page = (await client.get(f"/contractors/{who.id}/touchpoints", params={"limit": "1"})).json()
    assert [each["template"] for each in page["touchpoints"]] == ["check_in"] and page["next"]
    last = await client.get(f"/contractors/{who.id}/touchpoints", params={"after": page["next"]})
    [touched] = last.json()["touchpoints"]
    assert (touched["variant"], touched["sentiment"], touched["responded"]) == ("numbers", "positive", True)
    assert "Tell me more" not in last.text and "Hello" not in last.text and str(who.email) not in last.text


async def test_mailboxes(client: httpx.AsyncClient, database: Database) -> None:
    made = await client.post("/mailboxes", json={"address": "Anna@Sender.example", "display_name": "Anna"})
    assert made.status_code == 201, made.text
    box = made.json()
    assert (box["address"], box["state"], box["daily_cap"], box["cap_today"]) == (
        "anna@sender.example",
        "active",
        40,
        5,
    )
    again = await client.post("/mailboxes", json={"address": "ANNA@sender.example", "display_name": "Anna"})
    problem(again, Code.ALREADY_EXISTS)
    problem(await client.post("/mailboxes", json={"address": "anna", "display_name": "Anna"}), Code.INVALID_REQUEST)
    path = f"/mailboxes/{box['mailbox_id']}"
    problem(await client.patch(path, json={}), Code.INVALID_REQUEST)

    paused = (await client.patch(path, json={"state": "paused"})).json()
    assert (paused["state"], paused["pause_reason"], paused["cap_today"]) == ("paused", "operator", 0)
    resumed = (await client.patch(path, json={"state": "active", "daily_cap": 3})).json()
    assert (resumed["state"], resumed["pause_reason"], resumed["cap_today"]) == ("active", None, 3)
    assert (await client.patch(path, json={"state": "retired"})).json()["state"] == "retired"
    problem(await client.patch(path, json={"state": "active"}), Code.MAILBOX_RETIRED)

    warm, who = mailbox(7), contractor()
    await add(database, warm, who)
    sent = [touch(None, who.id, mailbox_id=warm.id, bounced_at=LONG_AGO if n == 0 else None) for n in range(3)]
    await add_all(database, sent)
    await add_all(database, [MailboxClaim(touchpoint_id=each.id, mailbox_id=warm.id, day=NOW.date()) for each in sent])
    [shown, _] = (await client.get("/mailboxes")).json()["mailboxes"]
    assert (shown["address"], shown["cap_today"], shown["sent_today"]) == (warm.address, 40, 3)
    assert (shown["sent"], shown["bounced"], shown["complained"]) == (3, 1, 0)


async def test_resuming_a_mailbox_that_is_active_does_not_warm_it_up_again(
    client: httpx.AsyncClient, database: Database
) -> None:
    warm = mailbox()
    await add(database, warm)
    shown = (await client.patch(f"/mailboxes/{warm.id}", json={"state": "active"})).json()
    assert (shown["warm_up_from"], shown["cap_today"]) == (None, 40)
