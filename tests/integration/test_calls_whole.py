"""From our order over the vendor's own webhook into our API and back to the sequence, with nothing of ours in between.

The sandbox's webhooks are handed to the API byte for byte, with the headers they came with.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from temporalio.client import Client

from activities.metering import call_meter
from activities.outreach.calls import Calls
from activities.outreach.demos import Demos
from api.app import create_app
from config.settings import Settings
from integrations.calendly import Calendly
from integrations.calls import CallScript, call_provider
from integrations.ollama_llm import LanguageModel
from schema.contracts.outreach import CallRef, DemoRequest, Disposition
from schema.database import Database
from schema.tables import AiCallLog, DemoMeeting
from tests.api_client import serving
from tests.integration.inbox_world import Inbox, Touch
from tests.support.sandbox import Sandbox
from tests.support.wire import Reply, Wire

SCRIPT = CallScript(first_message="Hi, this is an AI assistant.", system_prompt="Be kind.", voice_id="voice-1")


@pytest.fixture
def post(sandbox: Sandbox) -> Iterator[Wire]:
    """Where the sandbox's webhooks arrive."""
    with Wire(lambda _: Reply(200)) as wire:
        sandbox.post("/control/webhooks", base_url=wire.url)
        yield wire


@dataclass
class Whole:
    """Our API and our activities, and the vendors."""

    inbox: Inbox
    sandbox: Sandbox
    post: Wire
    calls: Calls
    demos: Demos

    async def hand_over(self, path: str, count: int) -> None:
        """Gives the API what the vendors sent to a path, the last of it first."""
        for request in reversed(await asyncio.to_thread(self.post.wait_for, path, count)):
            answer = await self.inbox.api.post(path, content=request.body, headers=request.headers)
            assert answer.status_code < 300, answer.text
        self.post.requests.clear()

    async def log(self, touch: Touch) -> AiCallLog:
        async with self.inbox.database.transaction() as tx:
            found = await tx.calls.of_touchpoint(touch.touchpoint)
        assert found is not None
        return found

    async def meeting(self, touch: Touch) -> list[DemoMeeting]:
        async with self.inbox.database.transaction() as tx:
            found = await tx.meetings.by_effect(f"demo-{touch.campaign}-{touch.contractor}-1")
        return [found] if found is not None else []


@pytest.fixture(params=["vapi"])
async def whole(
    request: pytest.FixtureRequest,
    sandbox: Sandbox,
    sandbox_settings: Settings,
    database: Database,
    temporal_client: Client,
    post: Wire,
) -> AsyncIterator[Whole]:
    """Everything wired with the sandbox's keys."""
    settings = sandbox_settings.model_copy(update={"call_provider": request.param})
    meter = call_meter(database)
    provider, model = call_provider(settings, meter), LanguageModel.from_settings(settings, meter)
    calendly = Calendly.from_settings(settings, meter)
    async with serving(create_app(settings)) as api:
        inbox = Inbox(api, database, temporal_client, settings)
        yield Whole(inbox, sandbox, post, Calls(database, provider, model), Demos(database, calendly))
    for client in (provider, model, calendly):
        await client.close()


@pytest.mark.parametrize(("whole", "path", "messages"), [
    ("vapi", "/webhooks/vapi", 4), ("bland_ai", "/webhooks/bland", 2),
], indirect=["whole"])  # fmt: skip
async def test_a_call_is_told_once_and_read(whole: Whole, path: str, messages: int) -> None:
    touch = await whole.inbox.touch(channel="call")
    whole.sandbox.post("/control/calls/script", number=touch.phone, outcome="moderate")
    await whole.calls.place(touch.touchpoint, f"touch-{touch.touchpoint}", touch.phone, SCRIPT)
    whole.sandbox.post("/control/calls/end", number=touch.phone, copies=2)
    await whole.hand_over(path, messages)

    log = await whole.log(touch)
    assert (log.status, log.contractor_id, log.campaign_id) == ("completed", touch.contractor, touch.campaign)
    assert log.full_transcript
    assert log.cost
    ended = [event for event in await whole.inbox.told(touch) if event["kind"] == "call_ended"]
    assert {event["touchpoint_id"] for event in ended} == {str(touch.touchpoint)}
    assert len({event["event_id"] for event in ended}) == len(ended)

    for vendor in ("vapi", "bland"):
        whole.sandbox.fault(vendor, "error")  # the report is here: nobody needs to be asked
    verdict = await whole.calls.analyze(CallRef(touchpoint_id=touch.touchpoint))
    assert verdict.disposition is Disposition.MODERATE


async def test_a_demo_is_told_of_and_its_no_show_too(whole: Whole) -> None:
    touch = await whole.inbox.touch()
    wanted = DemoRequest(campaign_id=touch.campaign, contractor_id=touch.contractor, attempt=1)
    booking = await whole.demos.book(wanted)
    await whole.hand_over("/webhooks/calendly", 1)
    (row,) = await whole.meeting(touch)
    assert (row.id, row.status) == (booking.meeting_id, "scheduled")
    whole.sandbox.post("/control/calendly/no_show", email=touch.email, copies=2)
    await whole.hand_over("/webhooks/calendly", 2)
    (row,) = await whole.meeting(touch)
    assert (row.status, row.attended) == ("no_show", False)
    told = [(event["kind"], event["meeting_id"]) for event in await whole.inbox.told(touch)]
    assert told == [("demo_booked", str(row.id)), ("demo_missed", str(row.id))]


async def test_a_page_of_calendly_leads_back_to_its_touch(whole: Whole) -> None:
    """Booked by somebody under another address, through the link we sent; then called off."""
    touch = await whole.inbox.touch()
    elsewhere = "owner@private.example"
    whole.sandbox.post("/control/calendly/book", email=elsewhere, utm_content=touch.touchpoint.hex)
    whole.sandbox.post("/control/calendly/cancel", email=elsewhere)
    await whole.hand_over("/webhooks/calendly", 2)  # the cancellation comes first
    async with whole.inbox.database.transaction() as tx:
        uri = whole.sandbox.get("/control/meetings")["meetings"][0]["uri"]
        row = await tx.meetings.by_external(uri)
    assert row is not None
    assert (row.contractor_id, row.campaign_id, row.status) == (touch.contractor, touch.campaign, "cancelled")
