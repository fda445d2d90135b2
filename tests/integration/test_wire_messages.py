"""E-mail and texts at the wire: what our clients send keeps the published descriptions, and what comes back is proved.

The clients talk to the sandbox through a server that keeps every byte of both directions.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from openapi_schema_validator import OAS30Validator

from config.settings import Settings
from integrations.http import ApiCall, VendorRejected
from integrations.sendgrid_mail import MailBatch, Recipient, SendGridMail
from integrations.twilio_http import TwilioRejected
from integrations.twilio_messaging import LineType, Sms, TwilioMessaging
from integrations.webhooks import (
    SENDGRID_SIGNATURE,
    TWILIO_SIGNATURE,
    WebhookRefused,
    verify_sendgrid,
    verify_token,
    verify_twilio,
)
from sandbox.app import create_app, settings_for
from sandbox.world import World
from tests.support.wire import Reply, Request, Wire

SPECS = Path(__file__).parents[3] / "shared/data/specs"
TWILIO_API = SPECS / "twilio/twilio_api_v2010.json"
TWILIO_LOOKUPS = SPECS / "twilio/twilio_lookups_v2.json"
SENDGRID_MAIL = SPECS / "sendgrid/tsg_mail_v3.json"
INBOUND_SAMPLE = SPECS / "sendgrid/inbound_samples/default_data.txt"
published = pytest.mark.skipif(not SPECS.exists(), reason="the vendors' published descriptions lie beside the project")

TOLERANCE = timedelta(minutes=5)
EVENTS, INBOUND = "/webhooks/sendgrid/events", "/webhooks/sendgrid/inbound/"
TEXTED, STATUS = "/webhooks/twilio/inbound", "/webhooks/twilio/status"
ANN = "+15125550101"
LETTER = MailBatch(
    key="touch-c-1",
    subject="Roof leads in Austin",
    text="Hello https://app.example/unsubscribe/5d1f",
    html="<p>Hello</p>",
    recipients=[Recipient("ann@roofs.example", {"touchpoint_id": "5d1f"})],
    category="outreach",
    sender=("mia@mail.example", "Mia of Ridgeline"),
    reply_to="reply+5d1f@reply.ridgeline.example",
    unsubscribe_url="https://app.example/unsubscribe/5d1f",
    track=True,
)


def ours(request: Request) -> Reply | None:
    """Our API's answer to a webhook; everything else is for the sandbox."""
    return Reply(200, b"<Response/>", "text/xml") if request.path.startswith("/webhooks/") else None


@pytest.fixture(scope="module")
def server() -> Iterator[Wire]:
    """A sandbox of its own behind the server that remembers: requests of other tests are none of this one's."""
    world = World(seed=3, houses=20, today=date(2026, 11, 24))
    with Wire(ours, create_app(world)) as server:
        yield server


@pytest.fixture
def wire(server: Wire) -> Wire:
    """The server with nothing in its memory, the sandbox's or its own, and webhooks coming back to it."""
    for what in ("webhooks", "faults", "mailbox", "texts", "stats"):
        httpx.delete(f"{server.url}/control/{what}").raise_for_status()
    control(server, "webhooks", base_url=server.url)
    server.says(ours)
    return server


@pytest.fixture
def accounts(wire: Wire) -> Settings:
    """Settings of a customer of these vendors, read from nowhere else."""
    return Settings.model_validate({**Settings(_env_file=None).model_dump(), **settings_for(wire.url)})


@pytest.fixture
def booked() -> list[ApiCall]:
    """Calls that were metered."""
    return []


@pytest.fixture
def mail(accounts: Settings, booked: list[ApiCall]) -> SendGridMail:
    """Our SendGrid client."""
    return SendGridMail.from_settings(accounts, meter(booked))


@pytest.fixture
def texts(accounts: Settings, booked: list[ApiCall]) -> TwilioMessaging:
    """Our Twilio client."""
    return TwilioMessaging.from_settings(accounts, meter(booked))


def meter(booked: list[ApiCall]) -> Any:
    async def book(call: ApiCall) -> None:
        booked.append(call)

    return book


def control(wire: Wire, path: str, **body: Any) -> Any:
    answer = httpx.post(f"{wire.url}/control/{path}", json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()


def sms(body: str = "Ridgeline: https://app.example/t/5d1f Reply STOP to stop", to: str = ANN) -> Sms:
    return Sms("touch-c-2", to, body, datetime.now(UTC), f"https://app.example{STATUS}?touchpoint=5d1f")


def sent(wire: Wire, vendor: str) -> list[Request]:
    """What our clients asked of a vendor."""
    return [request for request in wire.requests if request.path.startswith(f"/{vendor}/")]


def sendgrid_passes(request: Request, settings: Settings, now: datetime | None = None) -> None:
    key = settings.sendgrid_webhook_public_key
    verify_sendgrid(request.body, request.headers, key, now or datetime.now(UTC), TOLERANCE)


def twilio_passes(request: Request, settings: Settings, base: str) -> None:
    url = base + request.path + (f"?{request.query}" if request.query else "")
    signature = request.headers.get(TWILIO_SIGNATURE.lower(), "")
    verify_twilio(url, request.form, signature, settings.twilio_auth_token.get_secret_value())


# --- Our requests against the published descriptions -----------------------------------------------------------------


def described(path: Path, url: str, method: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """An operation, and the components that its references lead to."""
    document = json.loads(path.read_text())
    return document["paths"][url][method], document["components"]


def check_parameters(operation: dict[str, Any], place: str, given: dict[str, str], components: dict[str, Any]) -> None:
    """Fails unless all are described, each is of its type, and none that is required is missing."""
    known = {each["name"]: each for each in operation["parameters"] if each["in"] == place}
    assert set(given) <= set(known)
    assert {name for name, each in known.items() if each.get("required")} <= set(given)
    for name, value in given.items():
        schema = {**known[name]["schema"], "components": components}
        OAS30Validator(schema).validate(typed(value, schema))


def typed(text: str, schema: dict[str, Any]) -> Any:
    """A value of a form or query as its schema means it."""
    return int(text) if schema.get("type") == "integer" else text


@published
async def test_texts_as_twilio_describes_them(wire: Wire, texts: TwilioMessaging, accounts: Settings) -> None:
    await texts.send(sms())
    await texts.send(Sms("touch-c-3", ANN, "Ridgeline: no callback", datetime.now(UTC)))
    operation, components = described(TWILIO_API, "/2010-04-01/Accounts/{AccountSid}/Messages.json", "post")
    schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    requests = sent(wire, "twilio")
    assert len(requests) == 2
    for request in requests:
        assert request.method == "POST"
        assert request.path == f"/twilio/2010-04-01/Accounts/{accounts.twilio_account_sid}/Messages.json"
        check_parameters(operation, "path", {"AccountSid": request.path.split("/")[4]}, components)
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert request.headers["authorization"].startswith("Basic ")
        assert set(request.form) <= set(schema["properties"])
        form = {name: typed(value, schema["properties"][name]) for name, value in request.form.items()}
        OAS30Validator({**schema, "components": components}).validate(form)


@published
async def test_searches_as_twilio_describes_them(wire: Wire, texts: TwilioMessaging) -> None:
    wanted = sms()
    assert await texts.find(wanted) is None
    sid = await texts.send(wanted)
    for number in range(60):
        await texts.send(sms(f"Ridgeline: another {number}"))
    assert await texts.find(wanted) == sid
    operation, components = described(TWILIO_API, "/2010-04-01/Accounts/{AccountSid}/Messages.json", "get")
    searches = [request for request in sent(wire, "twilio") if request.method == "GET"]
    assert len(searches) > 2
    for request in searches:
        check_parameters(operation, "path", {"AccountSid": request.path.split("/")[4]}, components)
        check_parameters(operation, "query", request.parameters, components)


@published
async def test_lookups_as_twilio_describes_them(wire: Wire, texts: TwilioMessaging) -> None:
    await texts.lookup(ANN)
    operation, components = described(TWILIO_LOOKUPS, "/v2/PhoneNumbers/{PhoneNumber}", "get")
    (request,) = sent(wire, "twilio")
    assert (request.method, request.path) == ("GET", f"/twilio/v2/PhoneNumbers/{ANN}")
    check_parameters(operation, "path", {"PhoneNumber": request.path.split("/")[-1]}, components)
    check_parameters(operation, "query", request.parameters, components)
    (fields,) = [each for each in operation["parameters"] if each["name"] == "Fields"]
    assert request.parameters["Fields"] in fields["description"]


@published
async def test_letters_as_sendgrid_describes_them(wire: Wire, mail: SendGridMail) -> None:
    notice = MailBatch("notify-1", "New lead", "text", "<p>html</p>", [Recipient("bob@roofs.example")], "new_lead")
    for batch in (LETTER, notice):
        await mail.send(batch)
    document = json.loads(SENDGRID_MAIL.read_text())
    schema = document["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
    assert "post" in document["paths"]["/v3/mail/send"]
    reserved = schema["properties"]["headers"]["description"].lower()
    requests = sent(wire, "sendgrid")
    assert len(requests) == 2
    for request in requests:
        assert (request.method, request.path) == ("POST", "/sendgrid/v3/mail/send")
        assert request.headers["content-type"] == "application/json"
        assert request.headers["authorization"].startswith("Bearer ")
        body = json.loads(request.body)
        assert set(body) <= set(schema["properties"])
        jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(body)
        for personalization in body["personalizations"]:
            assert not [name for name in personalization.get("headers", {}) if f"`{name.lower()}`" in reserved]


# --- SendGrid: there and back ----------------------------------------------------------------------------------------


async def test_a_letter_as_its_reader_gets_it(wire: Wire, mail: SendGridMail) -> None:
    await mail.send(LETTER)
    (letter,) = httpx.get(f"{wire.url}/control/mailbox").json()["mails"]
    assert (letter["from"], letter["reply_to"]) == ("mia@mail.example", LETTER.reply_to)
    assert letter["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["headers"]["List-Unsubscribe"].startswith(f"<{LETTER.unsubscribe_url}>, <mailto:reply+5d1f@")
    assert letter["tracking"] == {"open": True, "click": True}


async def test_events_come_back_signed(wire: Wire, mail: SendGridMail, accounts: Settings) -> None:
    message_id = await mail.send(LETTER)
    kinds = ["processed", "delivered", "open", "click", "bounce", "dropped", "spamreport", "unsubscribe"]
    events = [{"event": kind} for kind in kinds]
    told = control(wire, "sendgrid/events", touchpoint_id="5d1f", events=events, copies=2)
    assert told["statuses"] == [200, 200]
    first, second = wire.to(EVENTS)
    assert first.body == second.body
    for request in (first, second):
        sendgrid_passes(request, accounts)
    received = json.loads(first.body)
    assert [event["event"] for event in received] == kinds
    assert [event["sg_event_id"] for event in received] == told["sg_event_ids"]
    assert len(set(told["sg_event_ids"])) == len(kinds)
    for event in received:
        assert (event["touchpoint_id"], event["effect_key"]) == ("5d1f", "touch-c-1")
        assert event["sg_message_id"].startswith(f"{message_id}.")
        assert (event["email"], event["category"]) == ("ann@roofs.example", ["outreach"])
        assert abs(event["timestamp"] - datetime.now(UTC).timestamp()) < 60
    bounce = received[kinds.index("bounce")]
    assert (bounce["type"], bounce["status"][0]) == ("bounce", "5")


async def test_events_can_be_odd(wire: Wire, mail: SendGridMail, accounts: Settings) -> None:
    message_id = await mail.send(LETTER)
    odd = {"event": "bounce", "type": "blocked", "status": "4.2.2", "timestamp": 1, "sg_event_id": "same"}
    control(wire, "sendgrid/events", message_id=message_id, events=[odd, {"event": "open", "touchpoint_id": "nobody"}])
    (request,) = wire.to(EVENTS)
    sendgrid_passes(request, accounts)
    bounce, opened = json.loads(request.body)
    assert {name: bounce[name] for name in odd} == odd
    assert opened["touchpoint_id"] == "nobody"


@pytest.mark.parametrize(
    ("forgery", "why"),
    [
        ({"tamper": True}, "bad_signature"),
        ({"timestamp_offset": -301}, "too_old"),
        ({"timestamp_offset": 330}, "from_the_future"),
        ({"timestamp_offset": -240}, None),
    ],
)
async def test_forged_and_stale_events_are_refused(
    wire: Wire, mail: SendGridMail, accounts: Settings, forgery: dict[str, Any], why: str | None
) -> None:
    await mail.send(LETTER)
    control(wire, "sendgrid/events", touchpoint_id="5d1f", events=[{"event": "open"}], **forgery)
    (request,) = wire.to(EVENTS)
    if why is None:
        sendgrid_passes(request, accounts)
        return
    with pytest.raises(WebhookRefused) as refused:
        sendgrid_passes(request, accounts)
    assert refused.value.reason == why


async def test_a_replay_is_too_old_and_cannot_be_altered(wire: Wire, mail: SendGridMail, accounts: Settings) -> None:
    await mail.send(LETTER)
    control(wire, "sendgrid/events", touchpoint_id="5d1f", events=[{"event": "open"}])
    (request,) = wire.to(EVENTS)
    with pytest.raises(WebhookRefused, match="too_old"):
        sendgrid_passes(request, accounts, datetime.now(UTC) + TOLERANCE + timedelta(seconds=2))
    altered = request.body.replace(b"open", b"spamreport")
    with pytest.raises(WebhookRefused, match="bad_signature"):
        verify_sendgrid(
            altered, request.headers, accounts.sendgrid_webhook_public_key, datetime.now(UTC), TOLERANCE
        )  # fmt: skip
    unsigned = {name: value for name, value in request.headers.items() if name != SENDGRID_SIGNATURE.lower()}
    with pytest.raises(WebhookRefused, match="no_signature"):
        verify_sendgrid(
            request.body, unsigned, accounts.sendgrid_webhook_public_key, datetime.now(UTC), TOLERANCE
        )  # fmt: skip


async def test_events_of_nobodys_letter_are_a_mistake(wire: Wire) -> None:
    answer = httpx.post(
        f"{wire.url}/control/sendgrid/events", json={"touchpoint_id": "none", "events": [{"event": "open"}]}
    )  # fmt: skip
    assert answer.status_code == 404


def fields(request: Request) -> dict[str, bytes]:
    """The fields of a multipart form, undecoded."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    return parts(head + request.body)


def parts(document: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in BytesParser().parsebytes(document).walk():
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str):
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            found[name] = payload.rstrip(b"\r\n")
    return found


REPLY = {
    "to": "Mia <reply+5d1f@reply.ridgeline.example>",
    "from": "Ann Roof <ann@roofs.example>",
    "subject": "Re: Roof leads",
    "text": "Sounds good.\n\n> Hello Zoë",
}


async def test_a_reply_comes_through_inbound_parse(wire: Wire, accounts: Settings) -> None:
    told = control(
        wire, "sendgrid/reply", **REPLY, html="<p>Sounds good</p>", headers={"Auto-Submitted": "no"}, copies=2
    )
    assert told["statuses"] == [200, 200]
    first, second = (request for request in wire.requests if request.path.startswith(INBOUND))
    assert first.body == second.body
    verify_token(first.path.removeprefix(INBOUND), accounts.sendgrid_inbound_token.get_secret_value())
    form = fields(first)
    assert form["text"].decode() == REPLY["text"]
    assert json.loads(form["envelope"]) == {"to": ["reply+5d1f@reply.ridgeline.example"], "from": "ann@roofs.example"}
    headers = form["headers"].decode()
    assert f"Message-ID: {told['message_id']}" in headers
    assert "Auto-Submitted: no" in headers
    if INBOUND_SAMPLE.exists():
        sample = b"Content-Type: multipart/form-data; boundary=xYzZY\r\n\r\n" + INBOUND_SAMPLE.read_bytes()
        assert set(form) == set(parts(sample))
        assert set(json.loads(form["charsets"])) == set(json.loads(parts(sample)["charsets"]))


async def test_a_reply_may_come_in_another_charset(wire: Wire) -> None:
    control(wire, "sendgrid/reply", **REPLY, charset="iso-8859-1")
    (request,) = (request for request in wire.requests if request.path.startswith(INBOUND))
    form = fields(request)
    assert json.loads(form["charsets"])["text"] == "iso-8859-1"
    assert form["text"].decode("latin-1") == REPLY["text"]


async def test_a_reply_to_another_address_is_refused(wire: Wire, accounts: Settings) -> None:
    control(wire, "sendgrid/reply", **REPLY, tamper=True)
    (request,) = (request for request in wire.requests if request.path.startswith(INBOUND))
    with pytest.raises(WebhookRefused, match="bad_signature"):
        verify_token(request.path.removeprefix(INBOUND), accounts.sendgrid_inbound_token.get_secret_value())


# --- Twilio: there and back ------------------------------------------------------------------------------------------


async def test_a_text_is_sent_found_and_followed(
    wire: Wire, texts: TwilioMessaging, accounts: Settings, booked: list[ApiCall]
) -> None:
    control(wire, "twilio/lines", number=ANN, type="mobile")
    assert await texts.lookup(ANN) is LineType.MOBILE
    text = sms()
    sid = await texts.send(text)
    assert await texts.find(text) == sid
    assert await texts.find(sms("other words")) is None
    updates = wire.wait_for(STATUS, 3)
    for update in updates:
        assert update.parameters == {"touchpoint": "5d1f"}
        twilio_passes(update, accounts, "https://app.example")
        with pytest.raises(WebhookRefused, match="bad_signature"):
            twilio_passes(update, accounts, "https://other.example")
    assert [update.form["MessageStatus"] for update in updates] == ["queued", "sent", "delivered"]
    assert {update.form["MessageSid"] for update in updates} == {sid}
    costs = {call.operation: str(call.cost) for call in booked}
    assert costs == {"lookup": "0.008", "send": "0.0079", "find": "0"}


async def test_texts_come_in_signed(wire: Wire, accounts: Settings) -> None:
    told = control(wire, "twilio/inbound", **{"from": ANN, "body": "Yes & no – Zoë", "copies": 2})
    assert told["statuses"] == [200, 200]
    first, second = wire.to(TEXTED)
    assert first.body == second.body
    twilio_passes(first, accounts, wire.url)
    assert (first.form["From"], first.form["Body"]) == (ANN, "Yes & no – Zoë")


async def test_forged_texts_are_refused(wire: Wire, accounts: Settings) -> None:
    control(wire, "twilio/inbound", **{"from": ANN, "body": "STOP", "tamper": True})
    (request,) = wire.to(TEXTED)
    with pytest.raises(WebhookRefused, match="bad_signature"):
        twilio_passes(request, accounts, wire.url)


async def test_after_stop_twilio_takes_no_text(wire: Wire, texts: TwilioMessaging) -> None:
    control(wire, "twilio/inbound", **{"from": ANN, "body": "stop"})
    with pytest.raises(TwilioRejected) as refused:
        await texts.send(sms())
    assert refused.value.unsubscribed
    assert await texts.send(sms(to="+15125550102"))


async def test_a_wrong_token_is_not_let_in(wire: Wire, accounts: Settings, booked: list[ApiCall]) -> None:
    wrong = accounts.model_copy(update={"twilio_account_sid": "AC" + "00" * 16})
    with pytest.raises(VendorRejected) as refused:
        await TwilioMessaging.from_settings(wrong, meter(booked)).send(sms())
    assert refused.value.status == 401


async def test_a_lost_answer_is_found_again(wire: Wire, texts: TwilioMessaging) -> None:
    """The text goes out and the answer does not come: asking by its words finds it, so it is not sent twice."""
    fault = {"vendor": "twilio", "kind": "after_effect", "count": 1}
    httpx.post(f"{wire.url}/control/faults", json=fault).raise_for_status()
    text = sms()
    with pytest.raises(Exception, match="HTTP 500"):
        await texts.send(text)
    found = await texts.find(text)
    assert found is not None
    assert [each["sid"] for each in httpx.get(f"{wire.url}/control/texts").json()["texts"]] == [found]
