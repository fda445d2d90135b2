"""The sandbox's Twilio: its rules and error codes, its list, its lines, and what it tells us."""

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from integrations.webhooks import TWILIO_SIGNATURE, WebhookRefused, verify_twilio
from sandbox.vendors.twilio import line_type, parts_of
from sandbox.vendors.twilio_webhooks import ACCOUNT_SID, AUTH_TOKEN, PHONE_NUMBER
from sandbox.world import World
from tests.unit.sandbox import published

AUTH = {"Authorization": "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()}
MESSAGES = f"/twilio/2010-04-01/Accounts/{ACCOUNT_SID}/Messages"
LOOKUPS = "/twilio/v2/PhoneNumbers"
ANN = "+15125550101"
TEXT = {"To": ANN, "From": PHONE_NUMBER, "Body": "Hello"}


class Ours:
    """The API that the sandbox tells: it keeps what comes and says what it is told to say."""

    def __init__(self) -> None:
        self.got: list[httpx.Request] = []
        self.says = b"<Response/>"

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def verified(self, url: str) -> list[dict[str, str]]:
        """The forms that came, each checked against its signature."""
        forms = []
        for request in self.got:
            forms.append(dict(parse_qsl(request.content.decode(), keep_blank_values=True)))
            verify_twilio(url, forms[-1], request.headers[TWILIO_SIGNATURE], AUTH_TOKEN)
        return forms

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        return httpx.Response(200, content=self.says)


@pytest.fixture
async def ours(world: World) -> AsyncIterator[Ours]:
    """The target of webhooks, known to Twilio under a public address."""
    ours = Ours()
    await world.webhooks.aim("http://10.0.0.1:8000", "https://app.example", ours.transport())
    yield ours
    await world.webhooks.aim("")


async def send(http: httpx.AsyncClient, **changes: str | None) -> httpx.Response:
    form = {name: value for name, value in (TEXT | changes).items() if value is not None}
    return await http.post(f"{MESSAGES}.json", data=form, headers=AUTH)


async def until_quiet(world: World) -> None:
    """Once every text has gone as far as it goes."""
    await asyncio.gather(*world.webhooks.under_way)


async def test_a_text_arrives(http: httpx.AsyncClient, world: World) -> None:
    answer = await send(http)
    assert answer.status_code == 201
    made = answer.json()
    published.check_twilio("api.v2010.account.message", made)
    assert (made["status"], made["num_segments"], made["date_sent"]) == ("queued", "1", None)
    await until_quiet(world)
    now = (await http.get(f"{MESSAGES}/{made['sid']}.json", headers=AUTH)).json()
    published.check_twilio("api.v2010.account.message", now)
    assert now["status"] in ("delivered", "undelivered")
    box = (await http.get("/control/texts")).json()
    assert (box["count"], box["by_recipient"]) == (1, {ANN: 1})
    assert box["texts"][0]["sid"] == made["sid"]
    assert (await http.delete("/control/texts")).json() == {"removed": 1}
    assert (await http.get("/control/texts")).json()["count"] == 0
    assert (await send(http)).json()["sid"] != made["sid"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": None}, 21604),
        ({"To": "5125550101"}, 21211),
        ({"To": "+1512555010"}, 21211),
        ({"To": "+15121550101"}, 21211),
        ({"To": "+1512555010x"}, 21211),
        ({"From": None}, 21603),
        ({"From": "+15125550100"}, 21606),
        ({"To": PHONE_NUMBER}, 21266),
        ({"Body": None}, 21602),
        ({"Body": " "}, 21602),
        ({"Body": "a" * 1601}, 21617),
        ({"StatusCallback": "/relative"}, 21609),
    ],
)
async def test_bad_texts_are_refused_and_not_sent(
    http: httpx.AsyncClient, changes: dict[str, str | None], code: int
) -> None:
    answer = await send(http, **changes)
    assert answer.status_code == 400
    error = answer.json()
    assert (error["code"], error["status"], set(error)) == (code, 400, {"code", "message", "more_info", "status"})
    assert (await http.get("/control/texts")).json()["count"] == 0


@pytest.mark.parametrize("given", [None, "Bearer x", "Basic", "Basic !!", "Basic " + base64.b64encode(b"a:b").decode()])
@pytest.mark.parametrize("path", [f"{MESSAGES}.json", f"{MESSAGES}/SM1.json", f"{LOOKUPS}/{ANN}"])
async def test_an_account_is_required(http: httpx.AsyncClient, given: str | None, path: str) -> None:
    answer = await http.get(path, headers={"Authorization": given} if given else {})
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)


async def test_unknown_texts_and_other_accounts_are_not_found(http: httpx.AsyncClient) -> None:
    assert (await http.get(f"{MESSAGES}/SM1.json", headers=AUTH)).json()["code"] == 20404
    other = MESSAGES.replace(ACCOUNT_SID, "AC" + "00" * 16)
    assert (await http.get(f"{other}.json", headers=AUTH)).status_code == 401


async def test_the_list_is_filtered_and_paged(http: httpx.AsyncClient, world: World) -> None:
    sids = [(await send(http, Body=f"{number}")).json()["sid"] for number in range(5)]
    await send(http, To="+15125550102")
    await until_quiet(world)

    async def listed(**query: Any) -> dict[str, Any]:
        return dict((await http.get(f"{MESSAGES}.json", params=query, headers=AUTH)).json())

    first = await listed(To=ANN, PageSize=2)
    published.check_twilio_list(first)
    assert [each["sid"] for each in first["messages"]] == sids[:2:-1]
    following = await http.get(f"/twilio{first['next_page_uri']}", headers=AUTH)
    assert [each["sid"] for each in following.json()["messages"]] == [sids[2], sids[1]]
    last = await http.get(f"/twilio{following.json()['next_page_uri']}", headers=AUTH)
    assert ([each["sid"] for each in last.json()["messages"]], last.json()["next_page_uri"]) == ([sids[0]], None)
    day = world.texts.texts[0].created_at.date().isoformat()
    assert len((await listed(**{"To": ANN, "DateSent>": day}))["messages"]) == 5
    assert len((await listed(DateSent="2001-01-01"))["messages"]) == 0
    assert len((await listed(From="+15125550102"))["messages"]) == 0
    assert (await http.get(f"{MESSAGES}.json", params={"DateSent": "today"}, headers=AUTH)).status_code == 400


async def test_each_step_is_told_to_the_callback(http: httpx.AsyncClient, world: World, ours: Ours) -> None:
    world.texts.lines[ANN] = "mobile"
    url = "https://app.example/webhooks/twilio/status?touchpoint=5d1f"
    sid = (await send(http, StatusCallback=url)).json()["sid"]
    await until_quiet(world)
    forms = ours.verified(url)
    assert [form["MessageStatus"] for form in forms] == ["queued", "sent", "delivered"]
    assert {(form["MessageSid"], form["To"], form["From"]) for form in forms} == {(sid, ANN, PHONE_NUMBER)}
    assert str(ours.got[0].url) == "http://10.0.0.1:8000/webhooks/twilio/status?touchpoint=5d1f"


async def test_a_landline_gets_no_text(http: httpx.AsyncClient, world: World, ours: Ours) -> None:
    await http.post("/control/twilio/lines", json={"number": ANN, "type": "landline"})
    url = "https://app.example/status"
    await send(http, StatusCallback=url)
    await until_quiet(world)
    last = ours.verified(url)[-1]
    assert (last["MessageStatus"], last["ErrorCode"]) == ("undelivered", "30006")


async def test_late_and_repeated_statuses(http: httpx.AsyncClient, world: World, ours: Ours) -> None:
    url = "https://app.example/status"
    sid = (await send(http, StatusCallback=url)).json()["sid"]
    await until_quiet(world)
    ours.got.clear()
    told = await http.post("/control/twilio/status", json={"sid": sid, "status": "sent", "copies": 3})
    assert told.json() == {"statuses": [200, 200, 200]}
    assert [form["MessageStatus"] for form in ours.verified(url)] == ["sent"] * 3
    assert (await http.post("/control/twilio/status", json={"sid": "SM1", "status": "sent"})).status_code == 404


async def test_stop_blocks_and_start_lets_in(http: httpx.AsyncClient, ours: Ours) -> None:
    async def says(body: str) -> None:
        answer = await http.post("/control/twilio/inbound", json={"from": ANN, "body": body})
        assert answer.json()["statuses"] == [200]

    await says("please stop calling")
    assert (await send(http)).status_code == 201
    await says(" Stop ")
    refused = await send(http)
    assert (refused.status_code, refused.json()["code"]) == (400, 21610)
    assert (await send(http, To="+15125550102")).status_code == 201
    await says("START")
    assert (await send(http)).status_code == 201
    assert len(ours.verified("https://app.example/webhooks/twilio/inbound")) == 3


async def test_a_text_comes_in_and_is_answered(http: httpx.AsyncClient, ours: Ours) -> None:
    ours.says = b"<Response><Message>Call us</Message><Message><Body>A &amp; B</Body></Message></Response>"
    answer = await http.post("/control/twilio/inbound", json={"from": ANN, "body": "HELP", "copies": 2})
    (form, again) = ours.verified("https://app.example/webhooks/twilio/inbound")
    assert form == again
    assert (form["From"], form["To"], form["Body"]) == (ANN, PHONE_NUMBER, "HELP")
    assert form["MessageSid"] == answer.json()["sid"]
    assert answer.json()["replies"] == ["Call us", "A & B"] * 2
    texts = (await http.get("/control/texts", params={"to": ANN})).json()["texts"]
    assert Counter(text["body"] for text in texts) == {"Call us": 2, "A & B": 2}


async def test_who_said_stop_is_not_answered(http: httpx.AsyncClient, ours: Ours) -> None:
    ours.says = b"<Response><Message>Bye</Message></Response>"
    await http.post("/control/twilio/inbound", json={"from": ANN, "body": "STOP"})
    assert (await http.get("/control/texts", params={"to": ANN})).json()["count"] == 0


async def test_a_forged_text_is_no_twilio(http: httpx.AsyncClient, ours: Ours) -> None:
    await http.post("/control/twilio/inbound", json={"from": ANN, "body": "STOP", "tamper": True})
    with pytest.raises(WebhookRefused):
        ours.verified("https://app.example/webhooks/twilio/inbound")


async def test_nobody_to_tell_is_said(http: httpx.AsyncClient, world: World) -> None:
    await world.webhooks.aim("")
    answer = await http.post("/control/twilio/inbound", json={"from": ANN, "body": "hi"})
    assert answer.status_code == 409


async def test_lines_are_told(http: httpx.AsyncClient, world: World) -> None:
    company = min(world.company_phones)
    for number, valid in ((company, True), ("5125550101", True), ("+15125", False), ("+18005550123", True)):
        answer = await http.get(f"{LOOKUPS}/{number}", params={"Fields": "line_type_intelligence"}, headers=AUTH)
        assert answer.status_code == 200
        found = answer.json()
        published.check_lookup(found)
        assert found["valid"] is valid
        assert (found["line_type_intelligence"] is not None) is valid
    assert found["line_type_intelligence"]["type"] == "tollFree"
    assert (await http.get(f"{LOOKUPS}/{company}", headers=AUTH)).json()["line_type_intelligence"] is None
    assert (await http.get(f"{LOOKUPS}/nonsense", headers=AUTH)).json()["code"] == 20404


async def test_a_line_can_be_set(http: httpx.AsyncClient, world: World) -> None:
    before = line_type(world, ANN)
    for kind in ("pager", "fixedVoip"):
        await http.post("/control/twilio/lines", json={"number": ANN, "type": kind})
        assert line_type(world, ANN) == kind
    await http.post("/control/twilio/lines", json={"number": ANN, "type": None})
    assert line_type(world, ANN) == before


def test_companies_have_landlines_and_people_mobiles(world: World) -> None:
    companies = Counter(line_type(world, number) for number in world.company_phones)
    others = Counter(line_type(world, f"+1512555{number:04d}") for number in range(1000, 2000))
    assert companies.most_common(1)[0][0] == "landline"
    assert companies["mobile"] > 0
    assert others.most_common(1)[0][0] == "mobile"
    assert PHONE_NUMBER not in world.company_phones


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("[" * 80, 1), ("[" * 81, 2),
        ("é" * 160, 1), ("ê" * 70, 1), ("ê" * 71, 2), ("\U0001f3e0" * 35, 1), ("\U0001f3e0" * 36, 2),
    ],
)  # fmt: skip
def test_what_a_text_is_charged_as(body: str, parts: int) -> None:
    assert parts_of(body) == parts
