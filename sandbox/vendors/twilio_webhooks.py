"""What Twilio tells its customer: texts that came in and how delivery goes, signed; and the controls that cause it."""

import base64
import hmac
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from sandbox.world import Text, World

ACCOUNT_SID = "AC" + "5a" * 16
AUTH_TOKEN = "sandbox-twilio-token"  # noqa: S105
PHONE_NUMBER = "+12025550142"
"""Set aside for fiction, like every number here, and in no area code of the sandbox's cities."""
INBOUND_PATH = "/webhooks/twilio/inbound"

STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
"""Words by which Twilio itself blocks a number and lets it in again, before anybody's webhook is asked."""
FAILED = {"undelivered": 30006, "failed": 30008}
"""Error codes that go with the statuses of failure: a landline or unreachable carrier, an unknown error."""

Copies = Annotated[int, Field(ge=1, le=100)]


class _Trigger(BaseModel):
    """`tamper` changes the form after it is signed."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    copies: Copies = 1
    tamper: bool = False


class Inbound(_Trigger):
    """A text that somebody sends to our number. `sid` repeats an earlier one."""

    sender: str = Field(alias="from")
    to: str = PHONE_NUMBER
    body: str
    sid: str | None = None


class StatusChange(_Trigger):
    """How delivery of a text goes on, or what Twilio says of it late or again."""

    sid: str
    status: Literal["queued", "sending", "sent", "delivered", "undelivered", "failed"]
    error_code: int | None = None


class Line(BaseModel):
    """The type of one number, in Twilio's words; None: what the seed says."""

    model_config = ConfigDict(extra="forbid")

    number: str
    type: Literal["mobile", "landline", "fixedVoip", "nonFixedVoip", "tollFree", "pager", "unknown"] | None


def router(world: World) -> APIRouter:
    """Routes under /control: the texts, and what Twilio is to say."""
    routes = APIRouter(prefix="/control")

    @routes.get("/texts")
    async def texts(to: str | None = None) -> dict[str, Any]:
        found = [text for text in world.texts.texts if to is None or text.to == to]
        return {
            "count": len(found),
            "by_recipient": dict(Counter(text.to for text in found if text.direction != "inbound")),
            "blocked": sorted(world.texts.blocked),
            "texts": [_shown(text) for text in found],
        }

    @routes.delete("/texts")
    async def forget_texts() -> dict[str, int]:
        return {"removed": world.texts.clear()}

    @routes.post("/twilio/lines")
    async def set_line(line: Line) -> dict[str, str | None]:
        if line.type is None:
            world.texts.lines.pop(line.number, None)
        else:
            world.texts.lines[line.number] = line.type
        return line.model_dump()

    @routes.post("/twilio/inbound")
    async def inbound(trigger: Inbound) -> dict[str, Any]:
        return await receive(world, trigger)

    @routes.post("/twilio/status")
    async def status(trigger: StatusChange) -> dict[str, Any]:
        text = world.texts.get(trigger.sid)
        if text is None or not text.callback:
            raise HTTPException(404, "No text has this id and a status callback.")
        _advance(text, trigger.status, trigger.error_code)
        statuses = await _tell(world, text, trigger.status, trigger.copies, trigger.tamper)
        return {"statuses": statuses}

    return routes


def signature(url: str, form: Mapping[str, str]) -> str:
    """X-Twilio-Signature: HMAC-SHA1 of the address and the sorted fields, base64."""
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(AUTH_TOKEN.encode(), signed.encode(), "sha1")).decode()


async def carry(world: World, text: Text, *, arrives: bool) -> None:
    """A text's way through the network: each step is told to its callback, if it has one and anybody listens."""
    for status in ("queued", "sent", "delivered" if arrives else "undelivered"):
        _advance(text, status)
        if text.callback and world.webhooks.aimed:
            await _tell(world, text, status)


async def receive(world: World, trigger: Inbound) -> dict[str, Any]:
    """A text comes in: block or unblock its sender, tell our webhook, and send what that answers in TwiML."""
    word = trigger.body.strip().upper()
    if word in STOP_WORDS:
        world.texts.blocked.add(trigger.sender)
    elif word in START_WORDS:
        world.texts.blocked.discard(trigger.sender)
    sid = trigger.sid or world.texts.next_sid(world.seed)
    now = datetime.now(UTC)
    text = Text(sid, trigger.to, trigger.sender, trigger.body, "inbound", "received", 1, now, sent_at=now)
    if world.texts.get(sid) is None:
        world.texts.add(text)
    form = {
        "ToCountry": "US", "ToState": "", "SmsMessageSid": sid, "NumMedia": "0", "ToCity": "", "FromZip": "",
        "SmsSid": sid, "FromState": "", "SmsStatus": "received", "FromCity": "", "Body": trigger.body,
        "FromCountry": "US", "To": trigger.to, "ToZip": "", "NumSegments": "1", "MessageSid": sid,
        "AccountSid": ACCOUNT_SID, "From": trigger.sender, "ApiVersion": "2010-04-01",
    }  # fmt: skip
    answers = await _post(world, INBOUND_PATH, world.webhooks.public_url + INBOUND_PATH, form, trigger)
    replies = [reply for _, body in answers for reply in said(body)]
    if trigger.sender not in world.texts.blocked:
        for reply in replies:
            reply_sid = world.texts.next_sid(world.seed)
            world.texts.add(
                Text(reply_sid, trigger.sender, trigger.to, reply, "outbound-reply", "delivered", 1, now, sent_at=now)
            )
    return {"statuses": [status for status, _ in answers], "sid": sid, "replies": replies}


def said(twiml: bytes) -> list[str]:
    """The messages of a TwiML answer; none where it is no TwiML."""
    try:
        response = ElementTree.fromstring(twiml)  # noqa: S314 - our own API's answer
    except ElementTree.ParseError:
        return []
    messages = response.findall("Message") if response.tag == "Response" else []
    bodies = [body if (body := message.find("Body")) is not None else message for message in messages]
    return ["".join(body.itertext()).strip() for body in bodies]


def _advance(text: Text, status: str, error_code: int | None = None) -> None:
    text.status = status
    text.error_code = error_code or FAILED.get(status)
    if status != "queued":
        text.sent_at = text.sent_at or datetime.now(UTC)


async def _tell(world: World, text: Text, status: str, copies: int = 1, tamper: bool = False) -> list[int]:
    form = {
        "SmsSid": text.sid, "SmsStatus": status, "MessageStatus": status, "To": text.to, "MessageSid": text.sid,
        "AccountSid": ACCOUNT_SID, "From": text.sender, "ApiVersion": "2010-04-01",
    }  # fmt: skip
    if text.error_code:
        form["ErrorCode"] = str(text.error_code)
    url = text.callback or ""
    split = urlsplit(url)
    path = split.path + (f"?{split.query}" if split.query else "")
    trigger = _Trigger(copies=copies, tamper=tamper)
    return [answer for answer, _ in await _post(world, path, url, form, trigger)]


async def _post(
    world: World, path: str, url: str, form: Mapping[str, str], trigger: _Trigger
) -> list[tuple[int, bytes]]:
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "User-Agent": "TwilioProxy/1.1",
        "X-Twilio-Signature": signature(url, form),
    }
    sent = {**form, "From": "+12025550199"} if trigger.tamper else form
    return await world.webhooks.exchange_copies(trigger.copies, path, urlencode(sent).encode(), headers)


def _shown(text: Text) -> dict[str, Any]:
    return {
        "sid": text.sid,
        "to": text.to,
        "from": text.sender,
        "body": text.body,
        "direction": text.direction,
        "status": text.status,
        "error_code": text.error_code,
        "status_callback": text.callback,
        "created_at": text.created_at.isoformat(),
    }
