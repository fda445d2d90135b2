"""Vapi: placing, listing and reading calls, and the server messages it sends about them."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sandbox.conversations import ASSISTANT
from sandbox.telephone import Call, Told
from sandbox.world import World

API_KEY = "sandbox-vapi-key"
PHONE_NUMBER_ID = "5f6d2f0e-1c53-4c5a-9d52-0a2f6c1d9e77"
CREDENTIAL_ID = "c1a7d1f2-52d4-4a68-9a6c-7d1b6e0f3a55"
WEBHOOK_SECRET = "sandbox-vapi-webhook-secret"  # noqa: S105 - a key of the sandbox, known to all
ORG_ID = "2b6f0d3c-8a1e-4f57-8f11-90c1d2e3f401"
VENDOR = "vapi"

Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Model(_Part):
    """Who thinks."""

    provider: Text
    model: Text
    messages: list[dict[str, Any]] = []


class Voice(_Part):
    """Who speaks."""

    provider: Text
    voiceId: Text  # noqa: N815 - Vapi's name


class Transcriber(_Part):
    """Who listens."""

    provider: Text


class Server(_Strict):
    """Where messages go."""

    url: Text
    timeoutSeconds: Annotated[float, Field(ge=1, le=300)] | None = None  # noqa: N815
    credentialId: str | None = None  # noqa: N815
    headers: dict[str, str] = {}
    backoffPlan: dict[str, Any] | None = None  # noqa: N815
    staticIpAddressesEnabled: bool | None = None  # noqa: N815
    encryptedPaths: list[str] | None = None  # noqa: N815


class Assistant(_Part):
    """A transient assistant."""

    model: Model | None = None
    voice: Voice | None = None
    transcriber: Transcriber | None = None
    server: Server | None = None
    firstMessage: str = ""  # noqa: N815
    endCallMessage: Annotated[str, Field(max_length=1000)] | None = None  # noqa: N815
    maxDurationSeconds: Annotated[float, Field(ge=10, le=43200)] | None = None  # noqa: N815
    name: Annotated[str, Field(max_length=40)] | None = None
    serverMessages: list[str] | None = None  # noqa: N815
    metadata: dict[str, Any] = {}


class Customer(_Strict):
    """Who is called."""

    number: Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")]
    numberE164CheckEnabled: bool = True  # noqa: N815
    name: Annotated[str, Field(max_length=40)] | None = None
    email: Annotated[str, Field(max_length=40)] | None = None
    externalId: Annotated[str, Field(max_length=40)] | None = None  # noqa: N815
    extension: Annotated[str, Field(max_length=10)] | None = None


class CreateCall(_Strict):
    """The body of POST /call, as far as an outbound call with an assistant of its own goes."""

    name: Annotated[str, Field(max_length=40)] | None = None
    phoneNumberId: str | None = None  # noqa: N815
    customer: Customer | None = None
    assistant: Assistant | None = None
    assistantId: str | None = None  # noqa: N815
    assistantOverrides: dict[str, Any] | None = None  # noqa: N815
    schedulePlan: dict[str, Any] | None = None  # noqa: N815
    transport: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _whole(self) -> "CreateCall":
        if self.customer is None:
            raise ValueError("Need Either `customer` Or `customerId`.")
        if self.phoneNumberId != PHONE_NUMBER_ID:
            raise ValueError("Couldn't Find Phone Number. `phoneNumberId` Invalid.")
        if self.assistant is None:
            raise ValueError("Need Either `assistant` Or `assistantId`.")
        return self


def router(world: World) -> APIRouter:
    """Routes under /vapi."""
    routes = APIRouter(prefix="/vapi")
    telephone = world.telephone

    async def tell(call: Call, told: Told) -> list[int]:
        return await report_end(world, call, told)

    telephone.reporters[VENDOR] = tell

    @routes.post("/call", status_code=201)
    async def create(request: Request, authorization: str = Header(default="")) -> JSONResponse:
        if not _known(authorization):
            return _refused()
        raw = await request.body()
        try:
            order = CreateCall.model_validate_json(raw)
        except ValidationError as failure:
            return _error(400, [_complaint(dict(error)) for error in failure.errors()], "Bad Request")
        if order.customer is None or order.assistant is None:
            raise AssertionError("validated above")
        metadata = {name: str(value) for name, value in order.assistant.metadata.items()}
        call = telephone.place(VENDOR, order.customer.number, order.assistant.firstMessage, json.loads(raw), metadata)
        if telephone.auto and world.webhooks.aimed:
            world.webhooks.later(telephone.end(call, Told()))
        return JSONResponse(call_object(call), status_code=201)

    @routes.get("/call")
    def listing(
        authorization: str = Header(default=""),
        limit: Annotated[float, Query(ge=0, le=1000)] = 100,
        phone_number_id: Annotated[str | None, Query(alias="phoneNumberId")] = None,
        created_after: Annotated[datetime | None, Query(alias="createdAtGe")] = None,
        created_before: Annotated[datetime | None, Query(alias="createdAtLe")] = None,
    ) -> JSONResponse:
        if not _known(authorization):
            return _refused()
        calls = [
            call
            for call in telephone.of_vendor(VENDOR)
            if phone_number_id in (None, call.request.get("phoneNumberId"))
            and (created_after is None or _millisecond(call.created_at) >= created_after)
            and (created_before is None or _millisecond(call.created_at) <= created_before)
        ]
        return JSONResponse([call_object(call) for call in calls[: int(limit)]])

    @routes.get("/call/{call_id}")
    def read(call_id: str, authorization: str = Header(default="")) -> JSONResponse:
        if not _known(authorization):
            return _refused()
        call = telephone.calls.get(call_id)
        if call is None or call.vendor != VENDOR:
            return _error(404, "Couldn't Get Call. Call Not Found.", "Not Found")
        return JSONResponse(call_object(call))

    return routes


async def report_end(world: World, call: Call, told: Told) -> list[int]:
    """The status update and the end-of-call report of a call, signed as its server is set up."""
    server = (call.request.get("assistant") or {}).get("server") or {}
    target = urlsplit(str(server.get("url", "")))
    path = target.path + (f"?{target.query}" if target.query else "")
    statuses: list[int] = []
    for message in (status_update(call), end_of_call_report(call)):
        message["timestamp"] += told.timestamp_offset * 1000
        body = json.dumps({"message": message}).encode()
        headers = signed(body, server, told)
        if told.tamper:
            body = body.replace(b'"ended', b'"Ended', 1)
        statuses += await world.webhooks.deliver_copies(told.copies, path, body, headers)
    return statuses


def signed(body: bytes, server: dict[str, Any], told: Told) -> dict[str, str]:
    """A message's headers: a signature with the credential named, else what the customer asked to be sent."""
    headers = {"content-type": "application/json", **server.get("headers", {})}
    if server.get("credentialId") == CREDENTIAL_ID:
        stamp = str(int(datetime.now().timestamp()) + told.timestamp_offset)  # noqa: DTZ005 - only as a number
        digest = hmac.new(WEBHOOK_SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256)
        headers |= {"x-timestamp": stamp, "x-signature": digest.hexdigest()}
    elif told.tamper:
        headers = {name: value + "x" if "secret" in name.lower() else value for name, value in headers.items()}
    return headers


def call_object(call: Call) -> dict[str, Any]:
    """The `Call` of Vapi's API."""
    found = {
        "id": call.id,
        "orgId": ORG_ID,
        "type": "outboundPhoneCall",
        "phoneCallTransport": "pstn",
        "createdAt": _iso(call.created_at),
        "updatedAt": _iso(call.ended_at or call.created_at),
        "status": "queued" if call.ended_at is None else "ended",
        "phoneNumberId": call.request.get("phoneNumberId"),
        "customer": call.request.get("customer"),
        "assistant": call.request.get("assistant"),
        "cost": 0,
    }
    if call.request.get("name"):
        found["name"] = call.request["name"]
    if call.ended_at is not None:
        found |= {
            "endedReason": call.conversation.ended_reason,
            "startedAt": _iso(call.started_at),
            "endedAt": _iso(call.ended_at),
            "cost": call.conversation.cost,
            "artifact": artifact(call),
            "analysis": analysis(call),
        }
    return found


def artifact(call: Call) -> dict[str, Any]:
    """What a call left behind: its words, and where the recording is."""
    recording = f"https://storage.vapi.example/{call.id}.wav"
    second, messages = 0.0, []
    for who, words in call.conversation.turns:
        moment = (call.started_at + timedelta(seconds=second)).timestamp() * 1000
        length = round(len(words.split()) * 0.42, 2)
        messages.append(
            {
                "role": "bot" if who == ASSISTANT else "user",
                "message": words,
                "time": moment,
                "endTime": moment + length * 1000,
                "secondsFromStart": round(second, 2),
            }
        )
        second += length
    found: dict[str, Any] = {"messages": messages, "transcript": call.conversation.transcript}
    if messages:
        found["recording"] = {"mono": {"combinedUrl": recording}}
    return found


def analysis(call: Call) -> dict[str, Any]:
    """Vapi's own summary; empty where nothing was said."""
    summary = call.conversation.truth.get("summary")
    return {"summary": summary} if summary else {}


def status_update(call: Call) -> dict[str, Any]:
    """`ServerMessageStatusUpdate`."""
    return {
        "type": "status-update",
        "status": "ended",
        "endedReason": call.conversation.ended_reason,
        "timestamp": _message_time(call),
        "call": call_object(call),
    }


def end_of_call_report(call: Call) -> dict[str, Any]:
    """`ServerMessageEndOfCallReport`."""
    whole = call_object(call)
    return {
        "type": "end-of-call-report",
        "endedReason": call.conversation.ended_reason,
        "cost": call.conversation.cost,
        "timestamp": _message_time(call),
        "startedAt": whole["startedAt"],
        "endedAt": whole["endedAt"],
        "artifact": whole["artifact"],
        "analysis": whole["analysis"],
        "assistant": whole["assistant"],
        "customer": whole["customer"],
        "call": whole,
    }


def _message_time(call: Call) -> int:
    return int((call.ended_at or call.created_at).timestamp() * 1000)


def _millisecond(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _known(authorization: str) -> bool:
    return authorization == f"Bearer {API_KEY}"


def _refused() -> JSONResponse:
    return _error(
        401, "Invalid Key. Hot tip, you may be using the public key instead of the private key.", "Unauthorized"
    )


def _complaint(error: dict[str, Any]) -> str:
    field = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"property {field} should not exist"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{field} {message}" if field else message


def _error(status: int, message: str | list[str], error: str) -> JSONResponse:
    return JSONResponse({"message": message, "error": error, "statusCode": status}, status_code=status)
