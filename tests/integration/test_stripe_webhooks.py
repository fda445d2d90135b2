"""Stripe's webhooks as they arrive: only genuine and fresh ones are believed, and each acts once."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import Client

from activities.subscriptions.webhooks import UnreadableEvent, notice_of
from api.problems import Code
from config.settings import Settings
from sandbox.vendors.stripe_control import signed
from schema.database import Database
from tests.api_client import problem
from tests.integration.billing_world import ASKING_CARD, Billing, billing
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.filterwarnings("ignore:Use .content=:DeprecationWarning")


@pytest.fixture
async def world(
    sandbox_settings: Settings, database: Database, temporal_client: Client, sandbox: Sandbox
) -> AsyncIterator[Billing]:
    async with billing(sandbox_settings, database, temporal_client, sandbox) as world:
        yield world


async def rows(world: Billing) -> list[Any]:
    return await world.rows("SELECT event_id, event_type, state FROM webhook_inbox WHERE source = 'stripe'")


async def all_told(world: Billing) -> list[Any]:
    """The inbox, once every event that Stripe has sent lies in it and is finished."""
    events = (await world.stripe())["events"]
    return await world.wait(
        lambda: rows(world), lambda found: len(found) == len(events) and all(row.state != "received" for row in found)
    )


async def test_every_event_is_kept_once_and_those_that_matter_are_passed_on(world: Billing) -> None:
    contractor_id = await world.subscribed()
    inbox = await all_told(world)
    states = {row.event_type: row.state for row in inbox}
    assert states["invoice.paid"] == "processed"
    assert states["customer.subscription.updated"] == "processed"
    assert states["charge.succeeded"] == "ignored"
    before = (await world.status(contractor_id)).events
    again = await world.control("event", type="invoice.paid", copies=5)
    assert set(again["statuses"]) == {204}
    assert await rows(world) == inbox
    assert (await world.status(contractor_id)).events == before


async def test_what_stripe_did_not_send_just_now_is_refused(world: Billing) -> None:
    contractor_id = await world.contractor()
    await world.choose(contractor_id, card=ASKING_CARD)
    await world.mail(contractor_id, "asks you to confirm")
    inbox = await all_told(world)
    for how in ({"tamper": True}, {"timestamp_offset": -600}, {"timestamp_offset": 600}, {"secret": "whsec_other"}):
        assert (await world.control("event", type="invoice.finalized", **how))["statuses"] == [403], how
    assert await rows(world) == inbox


async def test_events_in_the_wrong_order_come_to_the_same(world: Billing) -> None:
    await world.control_webhooks("")
    contractor_id = await world.contractor()
    await world.choose(contractor_id, card=ASKING_CARD)
    await world.mail(contractor_id, "asks you to confirm")
    [intent] = (await world.stripe())["payment_intents"]
    await world.control("authenticate", payment_intent=intent["id"])
    await world.control_webhooks(world.settings.public_url)
    for event in reversed((await world.stripe())["events"]):
        assert (await world.control("event", event=event["id"], copies=2))["statuses"] == [204, 204]
    await world.until(contractor_id, state="active")
    await world.mail(contractor_id, "training call")
    assert len((await world.view(contractor_id))["periods"]) == 1


async def test_an_event_that_was_stored_and_not_passed_on_is_passed_on_when_stripe_repeats_it(world: Billing) -> None:
    await world.control_webhooks("")
    contractor_id = await world.contractor()
    await world.choose(contractor_id, card=ASKING_CARD)
    await world.mail(contractor_id, "asks you to confirm")
    [intent] = (await world.stripe())["payment_intents"]
    await world.control("authenticate", payment_intent=intent["id"])
    [paid] = [event["id"] for event in (await world.stripe())["events"] if event["type"] == "invoice.paid"]
    # As the sweep leaves a row whose reader died.
    await world.rows(
        "INSERT INTO webhook_inbox (source, event_id, event_type, state, error_message, payload) "
        "VALUES ('stripe', :id, 'invoice.paid', 'ignored', 'invoice.paid', '{}')",
        id=paid,
    )
    await world.control_webhooks(world.settings.public_url)
    assert (await world.control("event", event=paid))["statuses"] == [204]
    await world.until(contractor_id, state="active")


async def test_an_event_of_nobody_is_kept_and_passed_over(world: Billing) -> None:
    event = {
        "id": "evt_stranger", "object": "event", "type": "invoice.paid", "created": 1_800_000_000,
        "data": {"object": {"customer": "cus_stranger", "metadata": {"contractor_id": "not an id"}}},
    }  # fmt: skip
    answer = await post(world, json.dumps(event).encode())
    assert answer.status_code == 204
    assert [tuple(row) for row in await rows(world)] == [("evt_stranger", "invoice.paid", "ignored")]


async def test_signed_nonsense_is_refused_with_words(world: Billing) -> None:
    misfit = b'{"id": 7, "type": "x", "created": 1, "data": {"object": {}}}'
    for body in (b"", b"not json", b"[]", b"{}", b'{"id": "evt_1"}', misfit):
        problem(await post(world, body), Code.BAD_REQUEST)
    assert await rows(world) == []


async def post(world: Billing, body: bytes) -> Any:
    return await world.api.post("/webhooks/stripe", content=body, headers=signed(body, int(time.time())))


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"id": "e", "type": "t", "created": 1, "data": None},
        {"id": "e", "type": "t", "created": 10**30, "data": {"object": {}}},
        {"id": "e" * 201, "type": "t", "created": 1, "data": {"object": {}}},
        {"id": "e", "type": "t", "created": "yesterday", "data": {"object": {}}},
        {"id": "e", "type": "t", "created": 1, "data": {"object": []}},
        {"id": "e", "type": "t", "created": 1, "data": {"object": {"parent": "x"}}},
    ],
)
def test_what_is_no_event_is_said_to_be_none(payload: dict[str, Any]) -> None:
    with pytest.raises(UnreadableEvent):
        notice_of(payload)
