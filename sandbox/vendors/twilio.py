"""Twilio: Programmable Messaging (2010-04-01) and Lookup v2, with the numbers' owners behind them.

Line types are drawn from the seed by number: companies have mostly landlines, other people mostly mobiles, and
`POST /control/twilio/lines` says otherwise for one number. A text to a landline is taken and never arrives.
"""

import base64
import binascii
import math
import re
from datetime import UTC, date, datetime
from email.utils import format_datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from sandbox.vendors import twilio_webhooks
from sandbox.vendors.twilio_webhooks import ACCOUNT_SID, AUTH_TOKEN, PHONE_NUMBER
from sandbox.world import Text, World

E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
AMERICAN = re.compile(r"\+1[2-9][0-9]{2}[2-9][0-9]{6}", re.ASCII)
TOLL_FREE = frozenset({"800", "833", "844", "855", "866", "877", "888"})
MAX_BODY = 1600
MAX_PAGE = 1000
PRICE = "-0.00790"

GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_DOUBLE = frozenset("\f^{}\\[~]|€")

COMPANY_LINES = (("landline", 60), ("mobile", 85), ("nonFixedVoip", 93), ("fixedVoip", 100))
OTHER_LINES = (("mobile", 75), ("landline", 90), ("nonFixedVoip", 97), ("fixedVoip", 100))
"""Types with the share of numbers, in percent and summed up, that have this type or one before it."""
CARRIERS = {"mobile": "Sandbox Wireless", "landline": "Sandbox Telephone", "tollFree": "Sandbox Toll Free"}


def router(world: World) -> APIRouter:
    """Routes under /twilio."""
    routes = APIRouter(prefix="/twilio")
    _add_messages(routes, world)
    _add_lookups(routes, world)
    return routes


def _add_messages(routes: APIRouter, world: World) -> None:
    messages = "/2010-04-01/Accounts/{account_sid}/Messages"

    @routes.post(f"{messages}.json")
    async def create(account_sid: str, request: Request, authorization: str = Header(default="")) -> Response:
        refused = _unauthorised(authorization, account_sid)
        if refused:
            return refused
        form = {name: str(value) for name, value in (await request.form()).items()}
        fault = _complaint(world, form)
        if fault:
            return fault
        text = Text(
            sid=world.texts.next_sid(world.seed),
            to=form["To"],
            sender=form["From"],
            body=form["Body"],
            direction="outbound-api",
            status="queued",
            parts=parts_of(form["Body"]),
            created_at=datetime.now(UTC),
            callback=form.get("StatusCallback"),
        )
        world.texts.add(text)
        answer = message(text)
        world.webhooks.later(twilio_webhooks.carry(world, text, arrives=line_type(world, text.to) != "landline"))
        return JSONResponse(answer, status_code=201)

    @routes.get(f"{messages}.json")
    async def search(
        account_sid: str,
        request: Request,
        page: int = Query(default=0, alias="Page", ge=0),
        page_size: int = Query(default=50, alias="PageSize", ge=1, le=MAX_PAGE),
        authorization: str = Header(default=""),
    ) -> Response:
        refused = _unauthorised(authorization, account_sid)
        if refused:
            return refused
        asked = {name: value for name, value in request.query_params.items() if name not in ("Page", "PageToken")}
        try:
            found = [text for text in reversed(world.texts.texts) if _matches(text, asked)]
        except ValueError:
            return _error(400, 20001, "Invalid date in a filter.")
        path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
        return JSONResponse(_page(path, asked, found, page, page_size))

    @routes.get(f"{messages}/{{sid}}.json")
    async def fetch(account_sid: str, sid: str, authorization: str = Header(default="")) -> Response:
        refused = _unauthorised(authorization, account_sid)
        if refused:
            return refused
        text = world.texts.get(sid)
        return JSONResponse(message(text)) if text else _not_found(f"Accounts/{account_sid}/Messages/{sid}.json")


def _add_lookups(routes: APIRouter, world: World) -> None:
    @routes.get("/v2/PhoneNumbers/{number}")
    async def lookup(
        number: str, fields: str = Query(default="", alias="Fields"), authorization: str = Header(default="")
    ) -> Response:
        refused = _unauthorised(authorization)
        if refused:
            return refused
        digits = re.sub(r"[^0-9+]", "", number)
        if not digits:
            return _not_found(f"PhoneNumbers/{number}")
        number = digits if digits.startswith("+") else f"+1{digits}"
        return JSONResponse(_looked_up(world, number, frozenset(fields.split(","))))


def message(text: Text) -> dict[str, Any]:
    """A text as the Message resource."""
    path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{text.sid}"
    sent = text.sent_at is not None
    return {
        "account_sid": ACCOUNT_SID,
        "api_version": "2010-04-01",
        "body": text.body,
        "date_created": format_datetime(text.created_at),
        "date_sent": format_datetime(text.sent_at) if text.sent_at else None,
        "date_updated": format_datetime(text.sent_at or text.created_at),
        "direction": text.direction,
        "error_code": text.error_code,
        "error_message": None,
        "from": text.sender,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": str(text.parts),
        "price": PRICE if sent else None,
        "price_unit": "USD",
        "sid": text.sid,
        "status": text.status,
        "subresource_uris": {"media": f"{path}/Media.json"},
        "to": text.to,
        "uri": f"{path}.json",
    }


def line_type(world: World, number: str) -> str:
    """What kind of line a number is, in Twilio's words; the same for the same seed."""
    if number in world.texts.lines:
        return world.texts.lines[number]
    if number[2:5] in TOLL_FREE:
        return "tollFree"
    drawn = int.from_bytes(sha256(f"line {world.seed} {number}".encode()).digest()[:4]) % 100
    shares = COMPANY_LINES if number in world.company_phones else OTHER_LINES
    return next(kind for kind, below in shares if drawn < below)


def parts_of(body: str) -> int:
    """How many messages a text becomes on the air: 160 GSM-7 characters or 70 others, fewer when split."""
    if all(char in GSM_7 or char in GSM_7_DOUBLE for char in body):
        length, whole, split = len(body) + sum(char in GSM_7_DOUBLE for char in body), 160, 153
    else:
        length, whole, split = len(body.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= whole else math.ceil(length / split)


def _complaint(world: World, form: dict[str, str]) -> Response | None:
    """Why Twilio does not take this text, if it does not."""
    to, sender, body = (form.get(name, "") for name in ("To", "From", "Body"))
    rules = (
        (not to, 21604, "A 'To' phone number is required."),
        (not _is_number(to), 21211, f"The 'To' number {to} is not a valid phone number."),
        (not sender, 21603, "A 'From' phone number is required."),
        (sender != PHONE_NUMBER, 21606, f"'From' {sender} is no message-capable Twilio number for this destination."),
        (to == sender, 21266, "'To' and 'From' number cannot be the same."),
        (not body.strip(), 21602, "Message body is required."),
        (len(body) > MAX_BODY, 21617, f"The concatenated message body exceeds the {MAX_BODY} character limit."),
        (not _is_web_address(form.get("StatusCallback")), 21609, "The 'StatusCallback' URL is not a valid URL."),
        (to in world.texts.blocked, 21610, "Attempt to send to unsubscribed recipient"),
    )  # fmt: skip
    return next((_error(400, code, text) for broken, code, text in rules if broken), None)


def _is_number(number: str) -> bool:
    return bool((AMERICAN if number.startswith("+1") else E164).fullmatch(number))


def _is_web_address(url: str | None) -> bool:
    return url is None or url.startswith(("http://", "https://"))


def _matches(text: Text, asked: dict[str, str]) -> bool:
    if asked.get("To", text.to) != text.to or asked.get("From", text.sender) != text.sender:
        return False
    days = {name[8:]: date.fromisoformat(value) for name, value in asked.items() if name.startswith("DateSent")}
    if not days:
        return True
    if text.sent_at is None:
        return False
    sent = text.sent_at.date()
    return days.get("", sent) == sent and days.get("<", sent) >= sent and days.get(">", sent) <= sent


def _page(path: str, asked: dict[str, str], found: list[Text], page: int, size: int) -> dict[str, Any]:
    def uri(number: int) -> str:
        return f"{path}?{urlencode(asked | {'PageSize': size, 'Page': number})}"

    start = page * size
    shown = found[start : start + size]
    return {
        "end": start + len(shown) - 1 if shown else start,
        "first_page_uri": uri(0),
        "messages": [message(text) for text in shown],
        "next_page_uri": f"{uri(page + 1)}&PageToken=PA{shown[-1].sid}" if start + size < len(found) else None,
        "page": page,
        "page_size": size,
        "previous_page_uri": uri(page - 1) if page else None,
        "start": start,
        "uri": uri(page),
    }


def _looked_up(world: World, number: str, fields: frozenset[str]) -> dict[str, Any]:
    valid = _is_number(number)
    american = number.startswith("+1")
    kind = line_type(world, number) if valid else None
    line = {
        "carrier_name": CARRIERS.get(kind or "", "Sandbox VoIP"),
        "error_code": None,
        "mobile_country_code": "310" if kind == "mobile" else None,
        "mobile_network_code": "999" if kind == "mobile" else None,
        "type": kind,
    }
    others = (
        "caller_name", "sim_swap", "call_forwarding", "line_status", "identity_match", "reassigned_number",
        "sms_pumping_risk", "phone_number_quality_score", "pre_fill",
    )  # fmt: skip
    return {
        "calling_country_code": "1" if american else None,
        "country_code": "US" if american and valid else None,
        "phone_number": number,
        "national_format": f"({number[2:5]}) {number[5:8]}-{number[8:]}" if american and valid else number,
        "valid": valid,
        "validation_errors": [] if valid else ["TOO_SHORT" if len(number) < 12 else "INVALID_LENGTH"],
        "line_type_intelligence": line if valid and "line_type_intelligence" in fields else None,
        **dict.fromkeys(others),
        "url": f"https://lookups.twilio.com/v2/PhoneNumbers/{quote(number, safe='+')}",
    }


def _unauthorised(authorization: str, account_sid: str = ACCOUNT_SID) -> Response | None:
    scheme, _, encoded = authorization.partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        given = ""
    if scheme.lower() == "basic" and given == f"{ACCOUNT_SID}:{AUTH_TOKEN}" and account_sid == ACCOUNT_SID:
        return None
    return _error(401, 20003, "Authenticate")


def _not_found(path: str) -> Response:
    return _error(404, 20404, f"The requested resource /{path} was not found")


def _error(status: int, code: int, text: str) -> Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return JSONResponse({"code": code, "message": text, "more_info": more, "status": status}, status_code=status)
