"""Faults on demand, counted and not drawn, so that a test knows which request will fail."""

import asyncio
import json
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Vendor = Literal[
    "portal", "assessor", "google", "hunter", "zerobounce", "sendgrid", "twilio", "vapi", "bland", "calendly",
    "stripe", "ollama", "yelp", "web",
]  # fmt: skip
VENDORS: tuple[str, ...] = get_args(Vendor)
Kind = Literal["latency", "throttle", "error", "timeout", "garbage", "truncate", "after_effect"]
DEFAULT_SECONDS: dict[str, float] = {"latency": 1.0, "throttle": 1.0, "timeout": 60.0}

HTML_PAGE = b"<!doctype html><html><head><title>Please wait</title></head><body><p>Checking your browser</p>"
GARBAGE = (
    ("application/json", b'{"data": [{"permit_number": "2026-0'),
    ("text/html; charset=utf-8", HTML_PAGE),
    ("application/json", b"\x00\xff\xfenot json, not text\x9d"),
)


class Fault(BaseModel):
    """A fault to play. Without `rate` and `count` it lasts until it is cleared.

    `rate` is the share of requests it hits, evenly spread; `count` how many it hits at most; `skip` how many
    pass first; `path` narrows it to paths that contain this text; `seconds` is the delay, the time a
    connection is held, or the Retry-After. `after` performs the request's effect and loses the answer;
    `after_effect` is short for an error, or with `seconds` a timeout, of that kind.
    """

    model_config = ConfigDict(extra="forbid")

    vendor: Vendor
    kind: Kind
    rate: float | None = Field(default=None, gt=0, le=1)
    count: int | None = Field(default=None, ge=1)
    skip: int = Field(default=0, ge=0)
    seconds: float | None = Field(default=None, ge=0, le=3600)
    path: str | None = None
    after: bool = False

    @model_validator(mode="after")
    def _spell_out(self) -> "Fault":
        if self.kind == "after_effect":
            self.kind = "error" if self.seconds is None else "timeout"
            self.after = True
        if self.after and self.kind not in ("error", "timeout"):
            raise ValueError("`after` goes with error or timeout")
        if self.seconds is None:
            self.seconds = DEFAULT_SECONDS.get(self.kind, 0.0)
        return self


@dataclass(slots=True)
class ActiveFault:
    """A fault and how often it was asked and hit."""

    fault: Fault
    asked: int = 0
    hits: int = 0

    def strikes(self, path: str) -> bool:
        """Count a request and say whether it is hit."""
        if self.fault.path and self.fault.path not in path:
            return False
        self.asked += 1
        turn = self.asked - self.fault.skip
        if turn <= 0 or (self.fault.count is not None and self.hits >= self.fault.count):
            return False
        rate = self.fault.rate or 1.0
        # Rounding keeps 0.1 * 10 at 1: every tenth request, not the tenth or the eleventh.
        if math.floor(round(turn * rate, 9)) == math.floor(round((turn - 1) * rate, 9)):
            return False
        self.hits += 1
        return True


@dataclass(slots=True)
class Faults:
    """The faults in force and the count of what was asked of each vendor."""

    active: list[ActiveFault] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        self.active.append(ActiveFault(fault))

    def clear(self) -> None:
        """End all faults and let go of the connections they hold."""
        self.active.clear()
        self.released.set()
        self.released = asyncio.Event()

    def reset_counts(self) -> None:
        """Start counting requests anew."""
        self.requests.clear()
        self.paths.clear()
        self.struck.clear()

    def next_for(self, vendor: str, path: str) -> Fault | None:
        """Count a request; the first fault that hits it, if any."""
        self.requests[vendor] += 1
        self.paths[_without_ids(path)] += 1
        for active in self.active:
            if active.fault.vendor == vendor and active.strikes(path):
                self.struck[f"{vendor} {active.fault.kind}"] += 1
                return active.fault
        return None

    async def hold(self, seconds: float) -> None:
        """Wait, at most until the faults are cleared."""
        try:
            await asyncio.wait_for(self.released.wait(), seconds)
        except TimeoutError:
            return


class FaultMiddleware:
    """Counts every vendor request and plays the faults in force before or after it is answered."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app, self._faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        vendor = scope["path"].strip("/").split("/")[0] if scope["type"] == "http" else ""
        fault = self._faults.next_for(vendor, scope["path"]) if vendor in VENDORS else None
        if fault is None:
            await self._app(scope, receive, send)
            return
        seconds = fault.seconds or 0.0
        if fault.after:
            await self._answered(scope, receive)
        match fault.kind:
            case "latency":
                await self._faults.hold(seconds)
                await self._app(scope, receive, send)
            case "throttle":
                await _reply(send, *throttled(vendor, scope["path"], seconds))
            case "timeout":
                await self._faults.hold(seconds)
                await _reply(send, 504, "text/plain", b"upstream timed out")
            case "garbage":
                content_type, body = GARBAGE[(self._faults.struck[f"{vendor} garbage"] - 1) % len(GARBAGE)]
                await _reply(send, 200, "image/jpeg" if _is_image(scope["path"]) else content_type, body)
            case "truncate":
                await self._truncated(scope, receive, send)
            case _:
                await _reply(send, *broken(vendor))

    async def _answered(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        start: Message = {}
        body = bytearray()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, keep)
        return start, bytes(body)

    async def _truncated(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await self._answered(scope, receive)
        half = body[: len(body) // 2]
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        headers.append((b"content-length", str(len(half)).encode()))
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": half})


def throttled(vendor: str, path: str, seconds: float) -> tuple[int, str, bytes, dict[str, str]]:
    """How each vendor says "slow down": Google's JSON services say it with 200, the others with 429."""
    if vendor == "google" and path.endswith(("/json", "/metadata")):
        message = "You have exceeded your rate-limit for this API."
        body = {"error_message": message, "results": [], "status": "OVER_QUERY_LIMIT"}
        return 200, "application/json", json.dumps(body).encode(), {}
    bodies: dict[str, object] = {
        "portal": {"code": "too-many-requests", "error": True, "message": "Too many requests"},
        "hunter": {
            "errors": [{"id": "too_many_requests", "code": 429, "details": "You have reached your usage limit"}]
        },
        "zerobounce": {"error": "Too many requests"},
        "sendgrid": {"errors": [{"field": None, "message": "too many requests"}]},
        "twilio": {"code": 20429, "message": "Too Many Requests", "status": 429},
        "stripe": {
            "error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests. Slow down."}
        },
    }
    headers = {"retry-after": f"{seconds:g}"}
    if vendor == "sendgrid":
        headers |= {"x-ratelimit-remaining": "0", "x-ratelimit-limit": "600"}
    if vendor in bodies:
        return 429, "application/json", json.dumps(bodies[vendor]).encode(), headers
    return 429, "text/html", b"<html><body><h1>429 Too Many Requests</h1></body></html>", headers


def broken(vendor: str) -> tuple[int, str, bytes]:
    """How each vendor says that it failed."""
    bodies: dict[str, object] = {
        "portal": {"code": "internal", "error": True, "message": "Internal error"},
        "sendgrid": {"errors": [{"field": None, "message": "internal server error"}]},
        "twilio": {"code": 20500, "message": "Internal Server Error", "status": 500},
        "stripe": {"error": {"type": "api_error", "message": "An unknown error occurred."}},
        "hunter": {"errors": [{"id": "server_error", "code": 500, "details": "Something went wrong on our end"}]},
    }
    if vendor in bodies:
        return 500, "application/json", json.dumps(bodies[vendor]).encode()
    return 500, "text/html", b"<html><body><h1>500 Internal Server Error</h1></body></html>"


def _is_image(path: str) -> bool:
    return path.endswith(("/staticmap", "/streetview"))


def _without_ids(path: str) -> str:
    parts = path.split("/")
    return "/".join("*" if len(part) > 6 and part.isdigit() else part for part in parts)


async def _reply(
    send: Send, status: int, content_type: str, body: bytes, headers: dict[str, str] | None = None
) -> None:
    raw = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    raw += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
