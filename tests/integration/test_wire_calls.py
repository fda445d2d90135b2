"""Calls, demos and the language model at the wire: our clients with the sandbox's vendors, and what comes back proved.

The clients talk to the sandbox through a server that keeps every byte of both directions.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import BaseModel, Field

from config.settings import Settings
from integrations import bland_calls, vapi_calls
from integrations.bland_calls import BlandCalls
from integrations.calendly import Booking, Calendly, SlotTaken
from integrations.calls import CallEvent, CallOrder, CallProvider, CallScript, call_provider
from integrations.http import (
    ApiCall,
    VendorNotReached,
    VendorRejected,
    VendorUnavailable,
    VendorUnreadable,
)
from integrations.ollama_llm import LanguageModel
from integrations.vapi_calls import VapiCalls
from integrations.webhooks import WebhookRefused, verify_bland, verify_calendly, verify_vapi
from sandbox.app import create_app, settings_for
from sandbox.conversations import OUTCOMES
from sandbox.world import World
from schema.calls import CallStatus
from schema.contracts.calls import CallAnalysis
from tests.support.wire import Reply, Request, Wire
from tests.unit.integrations.published import HAVE_OLLAMA, HAVE_VAPI, WHY, validate

TOLERANCE = timedelta(minutes=5)
OPERATOR = httpx.Client(timeout=30, trust_env=False)
"""One for all: building a client takes longer than asking."""
NUMBER = "+15125550123"
ZONE = ZoneInfo("America/Chicago")
HOOKS = {"vapi": "/webhooks/vapi", "bland_ai": "/webhooks/bland"}
PROVIDERS = ("vapi", "bland_ai")
SCRIPT = CallScript(
    first_message="Hi, is this Ann? This is an AI assistant calling for Ridgeline.",
    system_prompt="Be kind.",
    voice_id="21m00Tcm4TlvDq8ikWAM",
)


def ours(request: Request) -> Reply | None:
    """Our API's answer to a webhook; everything else is for the sandbox."""
    return Reply(200) if request.path.startswith("/webhooks/") else None


@pytest.fixture(scope="module")
def server() -> Iterator[Wire]:
    """A sandbox of its own behind the server that remembers."""
    world = World(seed=3, houses=20, today=date(2026, 11, 24))
    with Wire(ours, create_app(world)) as server:
        yield server


@pytest.fixture
def wire(server: Wire) -> Wire:
    """The server with nothing in its memory, and webhooks coming back to it."""
    for what in ("webhooks", "faults", "calls", "meetings", "ollama", "stats"):
        OPERATOR.delete(f"{server.url}/control/{what}").raise_for_status()
    control(server, "webhooks", base_url=server.url)
    server.says(ours)
    return server


@pytest.fixture
def accounts(wire: Wire) -> Settings:
    """Settings of a customer of these vendors, read from nowhere else."""
    mine = {"public_url": "https://app.example", "vendor_timeout_seconds": 5.0}
    return Settings.model_validate({**Settings(_env_file=None).model_dump(), **settings_for(wire.url), **mine})


@pytest.fixture
async def provider(accounts: Settings, request: pytest.FixtureRequest) -> AsyncIterator[CallProvider]:
    """A call provider: Vapi unless the test asks for another."""
    name = getattr(request, "param", "vapi")
    client = call_provider(accounts.model_copy(update={"call_provider": name}), ignore)
    yield client
    await client.close()


@pytest.fixture
async def calendly(accounts: Settings) -> AsyncIterator[Calendly]:
    """Our Calendly client."""
    client = Calendly.from_settings(accounts, ignore)
    yield client
    await client.close()


@pytest.fixture
async def model(accounts: Settings) -> AsyncIterator[LanguageModel]:
    """Our language models."""
    client = LanguageModel.from_settings(accounts, ignore)
    yield client
    await client.close()


async def ignore(call: ApiCall) -> None:
    """A meter that books nothing."""


def control(wire: Wire, what: str, /, **body: Any) -> Any:
    answer = OPERATOR.post(f"{wire.url}/control/{what}", json=body)
    answer.raise_for_status()
    return answer.json()


def looked_up(wire: Wire, path: str) -> Any:
    return OPERATOR.get(f"{wire.url}/control/{path}").json()


def order(key: str = "touch-c-1", to: str = NUMBER) -> CallOrder:
    return CallOrder(key, to, SCRIPT, {"touchpoint_id": "0d7f3a52-0000-4000-8000-000000000001"})


def proved(provider: CallProvider, request: Request, settings: Settings) -> CallEvent | None:
    """What a webhook says, once it has proved who sent it."""
    now, body = datetime.now(UTC), request.body
    if provider.name == "vapi":
        verify_vapi(body, request.headers, settings.vapi_webhook_secret.get_secret_value(), now, TOLERANCE)
        return vapi_calls.event_of(json.loads(body))
    verify_bland(body, request.headers, settings.bland_webhook_secret.get_secret_value())
    return bland_calls.event_of(json.loads(body))


# --- Calls -----------------------------------------------------------------------------------------------------------


def test_the_settings_pick_the_provider(accounts: Settings) -> None:
    assert isinstance(call_provider(accounts, ignore), VapiCalls)
    assert isinstance(call_provider(accounts.model_copy(update={"call_provider": "bland_ai"}), ignore), BlandCalls)


@pytest.mark.parametrize("provider", PROVIDERS, indirect=True)
async def test_a_call_from_the_order_to_the_proved_report(
    wire: Wire, provider: CallProvider, accounts: Settings
) -> None:
    control(wire, "calls/script", number=NUMBER, outcome="not_interested")
    call_id = await provider.place(order())
    assert await provider.find("touch-c-1") == call_id
    assert await provider.find("touch-c-2") is None
    assert not (await provider.fetch(call_id)).over

    assert set(control(wire, "calls/end", number=NUMBER, copies=2)["statuses"]) == {200}
    events = [proved(provider, request, accounts) for request in wire.to(HOOKS[provider.name])]
    reports = {event.event_id: event.report for event in events if event and event.report.transcript}
    assert len(reports) == 1, "the copies of a report are one event"
    (told,) = reports.values()
    asked = await provider.fetch(call_id)
    assert told == asked, "what is told and what is asked are the same"
    assert (told.call_id, told.status, told.over) == (call_id, CallStatus.COMPLETED, True)
    assert told.transcript is not None
    assert "\nUser: Word of mouth. I'm not interested, thanks." in told.transcript
    assert told.transcript.startswith(f"AI: {SCRIPT.first_message}")
    assert told.duration_seconds
    assert told.cost
    assert {event.touchpoint_id for event in events if event} <= {"0d7f3a52-0000-4000-8000-000000000001", None}
    seen = looked_up(wire, "calls")
    assert (seen["by_key"], seen["by_number"]) == ({"touch-c-1": 1}, {NUMBER: 1})


NUMBERS = {f"+1512555013{index}": outcome for index, outcome in enumerate(OUTCOMES)}
STATUS_OF = {
    "voicemail": CallStatus.VOICEMAIL,
    "no_answer": CallStatus.NO_ANSWER,
    "busy": CallStatus.BUSY,
}


@pytest.mark.parametrize("provider", PROVIDERS, indirect=True)
async def test_every_outcome_is_told_apart(wire: Wire, provider: CallProvider) -> None:
    for number, outcome in NUMBERS.items():
        control(wire, "calls/script", number=number, outcome=outcome)
        call_id = await provider.place(order(to=number))
        control(wire, "calls/end", number=number, copies=0)
        report = await provider.fetch(call_id)
        assert (outcome, report.status) == (outcome, STATUS_OF.get(outcome, CallStatus.COMPLETED))
    assert wire.to(HOOKS[provider.name]) == []


@pytest.mark.skipif(not HAVE_VAPI, reason=WHY)
async def test_what_the_sandbox_says_is_what_vapi_publishes(wire: Wire, provider: CallProvider) -> None:
    headers = {"authorization": "Bearer sandbox-vapi-key"}
    for number, outcome in NUMBERS.items():
        control(wire, "calls/script", number=number, outcome=outcome)
        call_id = await provider.place(order(to=number))
        control(wire, "calls/end", number=number)
        update, report = (json.loads(request.body)["message"] for request in wire.to(HOOKS["vapi"])[-2:])
        validate("vapi", "ServerMessageStatusUpdate", update)
        validate("vapi", "ServerMessageEndOfCallReport", report)
        validate("vapi", "Call", OPERATOR.get(f"{wire.url}/vapi/call/{call_id}", headers=headers).json())


@pytest.mark.skipif(not HAVE_VAPI, reason=WHY)
async def test_our_request_at_the_wire_is_what_vapi_publishes(wire: Wire, provider: CallProvider) -> None:
    await provider.place(order())
    (request,) = wire.to("/vapi/call")
    validate("vapi", "CreateCallDTO", json.loads(request.body))


@pytest.mark.parametrize("provider", PROVIDERS, indirect=True)
async def test_altered_reports_prove_nothing(wire: Wire, provider: CallProvider, accounts: Settings) -> None:
    await provider.place(order())
    control(wire, "calls/end", number=NUMBER, tamper=True)
    requests = wire.to(HOOKS[provider.name])
    assert requests
    for request in requests:
        with pytest.raises(WebhookRefused) as refusal:
            proved(provider, request, accounts)
        assert refusal.value.reason == "bad_signature"


@pytest.mark.parametrize(("offset", "reason"), [(-301, "too_old"), (302, "from_the_future")])
@pytest.mark.parametrize("credential", ["", None], ids=["secret", "signed"])
async def test_stale_and_future_reports_are_refused(
    wire: Wire, accounts: Settings, offset: int, reason: str, credential: str | None
) -> None:
    settings = accounts if credential is None else accounts.model_copy(update={"vapi_credential_id": credential})
    provider = VapiCalls.from_settings(settings, ignore)
    await provider.place(order())
    control(wire, "calls/end", number=NUMBER, timestamp_offset=offset)
    for request in wire.to(HOOKS["vapi"]):
        with pytest.raises(WebhookRefused) as refusal:
            proved(provider, request, accounts)
        assert refusal.value.reason == reason
    await provider.close()


async def test_calls_can_end_by_themselves(wire: Wire, provider: CallProvider, accounts: Settings) -> None:
    control(wire, "calls/settings", auto=True)
    call_id = await provider.place(order())
    last = await asyncio.to_thread(wire.wait_for, HOOKS["vapi"], 2)
    event = proved(provider, last[-1], accounts)
    assert event is not None
    assert (event.call_id, event.report.over) == (call_id, True)


@pytest.mark.parametrize("provider", PROVIDERS, indirect=True)
@pytest.mark.parametrize("kind", ["error", "timeout"])
async def test_a_lost_answer_is_resolved_by_asking(wire: Wire, provider: CallProvider, kind: str) -> None:
    vendor = "vapi" if provider.name == "vapi" else "bland"
    # The connection is let go with nothing but a 504: as unclear as one that timed out.
    control(wire, "faults", vendor=vendor, kind=kind, count=1, after=True, seconds=0.1)
    with pytest.raises(VendorUnavailable) as unclear:
        await provider.place(order())
    assert not isinstance(unclear.value, VendorNotReached)
    calls = looked_up(wire, "calls")["calls"]
    assert [call["metadata"]["effect_key"] for call in calls] == ["touch-c-1"]
    assert await provider.find("touch-c-1") == calls[0]["id"]


@pytest.mark.parametrize("provider", PROVIDERS, indirect=True)
async def test_a_throttled_order_did_nothing(wire: Wire, provider: CallProvider) -> None:
    vendor = "vapi" if provider.name == "vapi" else "bland"
    control(wire, "faults", vendor=vendor, kind="throttle", count=1, seconds=2)
    with pytest.raises(VendorNotReached) as told:
        await provider.place(order())
    assert told.value.retry_after == 2
    assert looked_up(wire, "calls")["count"] == 0
    assert await provider.place(order())


@pytest.mark.parametrize("provider", PROVIDERS, indirect=True)
@pytest.mark.parametrize("kind", ["garbage", "truncate"])
async def test_nonsense_is_not_taken_for_a_call(wire: Wire, provider: CallProvider, kind: str) -> None:
    vendor = "vapi" if provider.name == "vapi" else "bland"
    control(wire, "faults", vendor=vendor, kind=kind)
    with pytest.raises((VendorUnreadable, VendorUnavailable)) as told:
        await provider.place(order())
    assert not isinstance(told.value, VendorNotReached)


async def test_a_number_that_is_none_and_a_key_that_is_wrong_are_refused(wire: Wire, accounts: Settings) -> None:
    provider = VapiCalls.from_settings(accounts, ignore)
    with pytest.raises(VendorRejected) as refused:
        await provider.place(order(to="12"))
    assert refused.value.status == 400
    await provider.close()
    stranger = VapiCalls.from_settings(accounts.model_copy(update={"vapi_api_key": accounts.bland_api_key}), ignore)
    with pytest.raises(VendorRejected) as unknown:
        await stranger.place(order())
    assert unknown.value.status == 401
    await stranger.close()
    assert looked_up(wire, "calls")["count"] == 0


# --- Demos -----------------------------------------------------------------------------------------------------------


def booking(calendly: Calendly, starts_at: datetime, key: str = "demo-1", email: str = "ann@roofs.example") -> Booking:
    return Booking(key, calendly.event_type, starts_at, "Ann Roofer", email, "America/Denver")


async def free(calendly: Calendly, days: int = 10) -> list[datetime]:
    now = datetime.now(UTC)
    return await calendly.free_times(now, now + timedelta(days=days))


async def test_free_times_are_in_business_hours_and_booking_takes_one(calendly: Calendly) -> None:
    times = await free(calendly)
    local = [at.astimezone(ZONE) for at in times]
    assert times == sorted(times)
    assert all(at.weekday() < 5 and 9 <= at.hour < 17 for at in local)
    assert len({at.date() for at in local}) >= 5, "more than one question's worth of days"
    event = await calendly.book(booking(calendly, times[3]))
    assert (event.starts_at, event.minutes) == (times[3], 30)
    assert event.join_url is not None
    assert event.uri.startswith("https://api.calendly.com/scheduled_events/")
    assert await free(calendly) == times[:3] + times[4:]
    assert await calendly.find("demo-1", "ANN@roofs.example") == event
    assert await calendly.find("demo-2", "ann@roofs.example") is None
    assert await calendly.find("demo-1", "bob@roofs.example") is None


async def test_a_time_is_given_once(calendly: Calendly) -> None:
    at = (await free(calendly))[0]
    await calendly.book(booking(calendly, at))
    with pytest.raises(SlotTaken):
        await calendly.book(booking(calendly, at, "demo-2", "bob@roofs.example"))


async def test_a_booking_stands_even_if_its_details_cannot_be_had(wire: Wire, calendly: Calendly) -> None:
    at = (await free(calendly))[0]
    control(wire, "faults", vendor="calendly", kind="throttle", path="/scheduled_events/")
    event = await calendly.book(booking(calendly, at))
    assert (event.starts_at, event.join_url) == (at, None)


async def test_a_lost_booking_is_found(wire: Wire, calendly: Calendly) -> None:
    at = (await free(calendly))[0]
    control(wire, "faults", vendor="calendly", kind="after_effect", count=1, path="/invitees")
    with pytest.raises(VendorUnavailable) as unclear:
        await calendly.book(booking(calendly, at))
    assert not isinstance(unclear.value, VendorNotReached)
    found = await calendly.find("demo-1", "ann@roofs.example")
    assert found is not None
    assert found.starts_at == at
    assert looked_up(wire, "meetings")["count"] == 1


async def test_a_link_is_for_one_and_says_for_whom(calendly: Calendly) -> None:
    first, second = await calendly.scheduling_link("touch-1"), await calendly.scheduling_link("touch-2")
    assert httpx.URL(first).params["utm_content"] == "touch-1"
    assert first.partition("?")[0] != second.partition("?")[0]


async def test_a_cancelled_demo_frees_its_time(calendly: Calendly) -> None:
    at = (await free(calendly))[0]
    event = await calendly.book(booking(calendly, at))
    assert event.event_uri is not None
    await calendly.cancel(event.event_uri, "asked for")
    await calendly.cancel(event.event_uri, "asked for")
    assert (await free(calendly))[0] == at


CALENDLY_KINDS = {"cancel": "invitee.canceled", "no_show": "invitee_no_show.created", "book": "invitee.created"}


@pytest.mark.parametrize("what", CALENDLY_KINDS)
async def test_news_of_demos_are_signed(wire: Wire, calendly: Calendly, accounts: Settings, what: str) -> None:
    control(wire, "webhooks", base_url="")
    event = await calendly.book(booking(calendly, (await free(calendly))[0]))
    control(wire, "webhooks", base_url=wire.url)
    who = {"starts_at": (await free(calendly))[0].isoformat()} if what == "book" else {}
    control(wire, f"calendly/{what}", email="ann@roofs.example", copies=2, **who)
    control(wire, f"calendly/{what}", email="ann@roofs.example", tamper=True, **_later(who))
    control(wire, f"calendly/{what}", email="ann@roofs.example", timestamp_offset=-301, **_later(who, 2))
    first, copy, altered, stale = wire.to("/webhooks/calendly")
    assert first.body == copy.body
    key, now = accounts.calendly_webhook_signing_key.get_secret_value(), datetime.now(UTC)
    verify_calendly(first.body, first.headers, key, now, TOLERANCE)
    for request, reason in ((altered, "bad_signature"), (stale, "too_old")):
        with pytest.raises(WebhookRefused) as refusal:
            verify_calendly(request.body, request.headers, key, now, TOLERANCE)
        assert refusal.value.reason == reason
    told = json.loads(first.body)
    assert told["event"] == CALENDLY_KINDS[what]
    assert told["payload"]["email"] == "ann@roofs.example"
    if what != "book":
        assert told["payload"]["uri"] == event.uri
        assert told["payload"]["tracking"]["utm_content"] == "demo-1"


def _later(who: dict[str, str], slots: int = 1) -> dict[str, str]:
    """The same request for another half hour, where there is a time in it."""
    return {
        name: (datetime.fromisoformat(value) + timedelta(minutes=30 * slots)).isoformat() for name, value in who.items()
    }


# --- The language model ----------------------------------------------------------------------------------------------


class Note(BaseModel):
    """A short text about a company."""

    paragraph: str = Field(max_length=600)


FACTS = "Write a paragraph from these facts.\n- company: Hill Country Roofing\n- city: Austin\n- years in business: 12"
FIRST, SECOND = "llama3.2:3b", "mistral:7b-instruct"


async def test_the_model_knows_what_was_said(wire: Wire, provider: CallProvider, model: LanguageModel) -> None:
    for number, outcome in NUMBERS.items():
        if outcome in ("no_answer", "busy", "voicemail"):
            continue
        control(wire, "calls/script", number=number, outcome=outcome)
        call_id = await provider.place(order(to=number))
        control(wire, "calls/end", number=number, copies=0)
        report = await provider.fetch(call_id)
        answer = await model.answer(f"Read this.\n{report.transcript}", CallAnalysis)
        truth = next(call["truth"] for call in looked_up(wire, "calls")["calls"] if call["number"] == number)
        truth = {name: value for name, value in truth.items() if name in CallAnalysis.model_fields}
        assert answer.model == FIRST
        assert answer.value == CallAnalysis.model_validate(truth)


@pytest.mark.parametrize("mood", ["garbage", "truncated", "missing"])
async def test_a_model_that_talks_no_sense_is_replaced(wire: Wire, model: LanguageModel, mood: str) -> None:
    control(wire, "ollama", mood=mood, model=FIRST)
    answer = await model.answer(FACTS, Note)
    assert answer.model == SECOND
    assert looked_up(wire, "ollama")["asked"] == [FIRST, SECOND]


@pytest.mark.parametrize("mood", ["garbage", "truncated", "missing"])
async def test_without_a_valid_answer_there_is_none(wire: Wire, model: LanguageModel, mood: str) -> None:
    control(wire, "ollama", mood=mood)
    with pytest.raises(VendorUnreadable):
        await model.ask(FACTS, Note)


async def test_a_server_that_breaks_may_be_asked_again(wire: Wire, model: LanguageModel) -> None:
    control(wire, "faults", vendor="ollama", kind="error", count=2)
    with pytest.raises(VendorUnavailable):
        await model.ask(FACTS, Note)
    assert (await model.ask(FACTS, Note)).paragraph


async def test_nobody_listens(accounts: Settings) -> None:
    nowhere = LanguageModel.from_settings(accounts.model_copy(update={"ollama_base_url": "http://127.0.0.1:9"}), ignore)
    with pytest.raises(VendorNotReached):
        await nowhere.ask(FACTS, Note)
    await nowhere.close()


async def test_the_truthful_model_keeps_to_the_facts_and_the_inventive_does_not(
    wire: Wire, model: LanguageModel
) -> None:
    honest = (await model.ask(FACTS, Note)).paragraph
    assert "Hill Country Roofing" in honest
    assert "12 years" in honest
    assert honest == (await model.ask(FACTS, Note)).paragraph
    control(wire, "ollama", mood="inventive")
    invented = (await model.ask(FACTS, Note)).paragraph
    assert "million" in invented
    assert "million" not in honest


@pytest.mark.skipif(not HAVE_OLLAMA, reason=WHY)
async def test_our_question_is_what_ollama_publishes(wire: Wire, model: LanguageModel) -> None:
    await model.ask(FACTS, Note)
    (request,) = wire.to("/ollama/api/chat")
    body = json.loads(request.body)
    validate("ollama", "ChatRequest", body)
    assert body["options"]["temperature"] == 0
    assert body["stream"] is False
    assert body["format"] == Note.model_json_schema()


async def test_the_prompt_is_in_no_error(wire: Wire, model: LanguageModel) -> None:
    control(wire, "ollama", mood="garbage")
    with pytest.raises(VendorUnreadable) as refusal:
        await model.ask(FACTS, Note)
    assert "Hill Country" not in repr(refusal.value)
    assert refusal.value.__cause__ is None
