"""Bland.ai's v1 API: sending a call, listing and reading calls, and the webhook at a call's end."""

import hashlib
import hmac
import json
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.conversations import ASSISTANT
from sandbox.telephone import Call, Told
from sandbox.world import World

API_KEY = "sandbox-bland-key"
WEBHOOK_SECRET = "sandbox-bland-webhook-secret"  # noqa: S105 - a key of the sandbox, known to all
VENDOR = "bland"

_ANSWERED_BY = {"voicemail": "voicemail", "no_answer": "no-answer", "busy": "busy"}
_STATUS = {"no_answer": "no-answer", "busy": "busy"}


class SendCall(BaseModel):
    """The body of POST /v1/calls."""

    model_config = ConfigDict(extra="allow")

    phone_number: Annotated[str, Field(pattern=r"^\+?[1-9]\d{6,14}$")]
    task: Annotated[str, Field(min_length=1)]
    first_sentence: str = ""
    voice: str = "mason"
    max_duration: Annotated[float, Field(gt=0, le=720)] = 30
    webhook: str | None = None
    metadata: dict[str, Any] = {}


def router(world: World) -> APIRouter:
    """Routes under /bland."""
    routes = APIRouter(prefix="/bland/v1")
    telephone = world.telephone

    async def tell(call: Call, told: Told) -> list[int]:
        return await report_end(world, call, told)

    telephone.reporters[VENDOR] = tell

    @routes.post("/calls")
    async def create(request: Request, authorization: str = Header(default="")) -> JSONResponse:
        if authorization != API_KEY:
            return _refused()
        raw = await request.body()
        try:
            order = SendCall.model_validate_json(raw)
        except ValidationError as failure:
            fields = [".".join(map(str, error["loc"])) for error in failure.errors()]
            message = f"Invalid parameters: {', '.join(fields)}"
            return JSONResponse({"status": "error", "message": message, "errors": fields}, status_code=400)
        metadata = {name: str(value) for name, value in order.metadata.items()}
        call = telephone.place(VENDOR, order.phone_number, order.first_sentence, json.loads(raw), metadata)
        if telephone.auto and world.webhooks.aimed:
            world.webhooks.later(telephone.end(call, Told()))
        answer = {"status": "success", "message": "Call successfully queued.", "call_id": call.id, "batch_id": None}
        return JSONResponse(answer)

    @routes.get("/calls")
    def listing(
        authorization: str = Header(default=""),
        start_date: date | None = None,
        first: Annotated[int, Query(alias="from", ge=0)] = 0,
        last: Annotated[int | None, Query(alias="to", ge=0)] = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
    ) -> JSONResponse:
        if authorization != API_KEY:
            return _refused()
        calls = [
            call for call in telephone.of_vendor(VENDOR) if start_date is None or call.created_at.date() >= start_date
        ]
        page = calls[first:last][:limit]
        brief = [{**_outline(call), "metadata": call.metadata} for call in page]
        return JSONResponse({"count": len(page), "total_count": len(calls), "calls": brief})

    @routes.get("/calls/{call_id}")
    def read(call_id: str, authorization: str = Header(default="")) -> JSONResponse:
        if authorization != API_KEY:
            return _refused()
        call = telephone.calls.get(call_id)
        if call is None or call.vendor != VENDOR:
            return JSONResponse({"status": "error", "message": "Call not found."}, status_code=404)
        return JSONResponse(details(call))

    return routes


async def report_end(world: World, call: Call, told: Told) -> list[int]:
    """The post-call webhook: the call's details, signed."""
    target = urlsplit(str(call.request.get("webhook") or ""))
    body = json.dumps(details(call), separators=(",", ":")).encode()
    digest = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    if told.tamper:
        body = body.replace(b'"completed":true', b'"completed":true ', 1)
    headers = {"content-type": "application/json", "x-webhook-signature": digest}
    return await world.webhooks.deliver_copies(told.copies, target.path, body, headers)


def _outline(call: Call) -> dict[str, Any]:
    over, outcome = call.ended_at is not None, call.conversation.outcome
    return {
        "call_id": call.id,
        "c_id": call.id,
        "created_at": _iso(call.created_at),
        "call_length": round(call.conversation.seconds / 60, 3) if over else None,
        "to": call.number,
        "from": "+15125550199",
        "completed": over,
        "queue_status": "complete" if over else "started",
        "error_message": None,
        "answered_by": _ANSWERED_BY.get(outcome, "human") if over else None,
        "batch_id": None,
    }


def details(call: Call) -> dict[str, Any]:
    """GET /v1/calls/{id}, and the body of the webhook."""
    over = call.ended_at is not None
    said = call.conversation.turns if over else ()
    rows = [
        {"id": number, "user": who, "text": words, "created_at": _iso(call.started_at), "c_id": call.id}
        for number, (who, words) in enumerate(said, 1)
    ]
    ended_by = None if not over else "USER" if "customer" in call.conversation.ended_reason else "ASSISTANT"
    return {
        **_outline(call),
        "status": _STATUS.get(call.conversation.outcome, "completed") if over else None,
        "corrected_duration": str(call.conversation.seconds) if over else None,
        "end_at": _iso(call.ended_at) if call.ended_at else None,
        "started_at": _iso(call.started_at),
        "inbound": False,
        "record": bool(call.request.get("record")),
        "recording_url": f"https://storage.bland.example/{call.id}.mp3" if rows else None,
        "metadata": call.metadata,
        "summary": call.conversation.truth.get("summary") if over else None,
        "price": call.conversation.cost if over else None,
        "call_ended_by": ended_by,
        "concatenated_transcript": " \n ".join(
            f"{'assistant' if who == ASSISTANT else 'user'}: {words}" for who, words in said
        ),
        "transcripts": rows,
        "request_data": {"phone_number": call.number, "wait": False},
        "max_duration": call.request.get("max_duration"),
    }


def _iso(at: datetime) -> str:
    return at.isoformat()


def _refused() -> JSONResponse:
    return JSONResponse({"status": "error", "message": "Invalid authorization."}, status_code=401)
