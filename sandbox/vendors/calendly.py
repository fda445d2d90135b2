"""Calendly: free times, bookings by API, single-use links, cancellations, and signed webhooks about them."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Header, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.calendar import SLOT, Meeting
from sandbox.world import World

API_KEY = "sandbox-calendly-token"
SIGNING_KEY = "sandbox-calendly-signing-key"
API = "https://api.calendly.com"
USER = f"{API}/users/SANDBOXUSER"
EVENT_TYPE = f"{API}/event_types/SANDBOXDEMO"
WEBHOOK_PATH = "/webhooks/calendly"
MAX_RANGE = timedelta(days=7)

Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Person(_Strict):
    """Who is invited."""

    name: Text | None = None
    first_name: Text | None = None
    last_name: str | None = None
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=320)]
    timezone: Text
    text_reminder_number: str | None = None


class CreateInvitee(_Strict):
    """The body of POST /invitees."""

    event_type: Text
    start_time: datetime
    invitee: Person
    tracking: dict[str, str | None] = {}
    location: dict[str, Any] | None = None
    questions_and_answers: list[dict[str, Any]] = []
    event_guests: list[str] = []


class CreateLink(_Strict):
    """The body of POST /scheduling_links."""

    max_event_count: Annotated[int, Field(ge=1, le=1)]
    owner: Text
    owner_type: Annotated[str, Field(pattern="^EventType$")]


def router(world: World) -> APIRouter:
    """Routes under /calendly."""
    routes = APIRouter(prefix="/calendly")
    for add in (_add_times, _add_bookings, _add_events, _add_invitees, _add_links):
        add(routes, world)
    return routes


def _add_times(routes: APIRouter, world: World) -> None:
    @routes.get("/users/me")
    def me(authorization: str = Header(default="")) -> JSONResponse:
        if not _known(authorization):
            return _unauthenticated()
        resource = {"uri": USER, "name": "Ridgeline Demos", "timezone": "America/Chicago"}
        return JSONResponse({"resource": resource | {"current_organization": f"{API}/organizations/SANDBOX"}})

    @routes.get("/event_type_available_times")
    def free(
        event_type: str, start_time: datetime, end_time: datetime, authorization: str = Header(default="")
    ) -> JSONResponse:
        if not _known(authorization):
            return _unauthenticated()
        if event_type != EVENT_TYPE:
            return _invalid("event_type", "is invalid")
        if end_time <= datetime.now(UTC) or not timedelta(0) < end_time - start_time <= MAX_RANGE:
            return _invalid("end_time", "must be in the future and within 7 days of the start")
        rows = [
            {
                "status": "available",
                "invitees_remaining": left,
                "start_time": _iso(at),
                "scheduling_url": f"https://calendly.com/ridgeline/demo/{_iso(at)}",
            }
            for at, left in world.calendar.free(start_time, end_time)
        ]
        return JSONResponse({"collection": rows})


def _add_bookings(routes: APIRouter, world: World) -> None:
    @routes.post("/invitees")
    async def book(request: Request, authorization: str = Header(default="")) -> JSONResponse:
        if not _known(authorization):
            return _unauthenticated()
        try:
            order = CreateInvitee.model_validate_json(await request.body())
        except ValidationError as failure:
            first = failure.errors()[0]
            return _invalid(".".join(map(str, first["loc"])), str(first["msg"]))
        if order.event_type != EVENT_TYPE:
            return _invalid("event_type", "is invalid")
        person = order.invitee
        name = person.name or " ".join(part for part in (person.first_name, person.last_name) if part)
        meeting = world.calendar.book(order.start_time, name, person.email, person.timezone, dict(order.tracking))
        if meeting is None:
            return _invalid("start_time", "This time is no longer available. Please choose another time.")
        if world.webhooks.aimed:
            world.webhooks.later(announce(world, "invitee.created", meeting))
        return JSONResponse({"resource": invitee(meeting)}, status_code=201)


def _add_events(routes: APIRouter, world: World) -> None:
    @routes.get("/scheduled_events")
    def events(
        authorization: str = Header(default=""),
        user: str | None = None,
        invitee_email: str | None = None,
        status: str | None = None,
        count: Annotated[int, Query(ge=1, le=100)] = 20,
        page_token: str | None = None,
    ) -> JSONResponse:
        if not _known(authorization):
            return _unauthenticated()
        if user != USER:
            return _invalid("user", "can't be blank")
        found = [
            event(meeting)
            for meeting in reversed(world.calendar.meetings.values())
            if invitee_email is None or meeting.email.lower() == invitee_email.lower()
        ]
        found = [each for each in found if status in (None, each["status"])]
        start = int(page_token) if page_token and page_token.isdigit() else 0
        following = str(start + count) if len(found) > start + count else None
        page = {"count": count, "next_page": None, "previous_page": None, "next_page_token": following}
        return JSONResponse({"collection": found[start : start + count], "pagination": page})

    @routes.get("/scheduled_events/{event_id}")
    def one_event(event_id: str, authorization: str = Header(default="")) -> JSONResponse:
        if not _known(authorization):
            return _unauthenticated()
        meeting = world.calendar.meetings.get(event_id)
        return JSONResponse({"resource": event(meeting)}) if meeting else _not_found()


def _add_invitees(routes: APIRouter, world: World) -> None:
    @routes.get("/scheduled_events/{event_id}/invitees")
    def invitees(event_id: str, email: str | None = None, authorization: str = Header(default="")) -> JSONResponse:
        if not _known(authorization):
            return _unauthenticated()
        meeting = world.calendar.meetings.get(event_id)
        if meeting is None:
            return _not_found()
        rows = [invitee(meeting)] if email is None or email.lower() == meeting.email.lower() else []
        return JSONResponse({"collection": rows, "pagination": {"count": len(rows), "next_page_token": None}})

    @routes.post("/scheduled_events/{event_id}/cancellation")
    async def cancel(event_id: str, request: Request, authorization: str = Header(default="")) -> Response:
        if not _known(authorization):
            return _unauthenticated()
        meeting = world.calendar.meetings.get(event_id)
        if meeting is None:
            return _not_found()
        if meeting.canceled_at is not None:
            return _error(403, "Permission Denied", "Event is already canceled")
        given = json.loads(await request.body() or b"{}")
        meeting.canceled_at, meeting.cancel_reason = datetime.now(UTC), str(given.get("reason") or "")
        if world.webhooks.aimed:
            world.webhooks.later(announce(world, "invitee.canceled", meeting))
        return JSONResponse({"resource": _cancellation(meeting)}, status_code=201)


def _add_links(routes: APIRouter, world: World) -> None:
    @routes.post("/scheduling_links")
    async def link(request: Request, authorization: str = Header(default="")) -> JSONResponse:
        if not _known(authorization):
            return _unauthenticated()
        try:
            order = CreateLink.model_validate_json(await request.body())
        except ValidationError as failure:
            first = failure.errors()[0]
            return _invalid(".".join(map(str, first["loc"])), str(first["msg"]))
        if order.owner != EVENT_TYPE:
            return _invalid("owner", "is invalid")
        url = f"https://calendly.com/d/{len(world.calendar.links):04x}-sandbox/demo"
        world.calendar.links.add(url)
        resource = {"booking_url": url, "owner": order.owner, "owner_type": order.owner_type}
        return JSONResponse({"resource": resource}, status_code=201)


class Target(BaseModel):
    """Which meeting, and how it is told; `copies` 0 changes it without a word."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = None
    email: str | None = None
    copies: int = Field(default=1, ge=0, le=100)
    tamper: bool = False
    timestamp_offset: int = 0


class PageBooking(Target):
    """A booking somebody makes on a page of Calendly; without a time the first free one."""

    name: str = "Somebody"
    starts_at: datetime | None = None
    zone: str = "America/Chicago"
    utm_content: str | None = None


class Hosts(BaseModel):
    """How many demos may be held at once."""

    model_config = ConfigDict(extra="forbid")

    hosts: int = Field(ge=1, le=10_000)


def control_router(world: World) -> APIRouter:
    """Routes under /control for meetings."""
    routes = APIRouter(prefix="/control")
    calendar = world.calendar

    async def told(kind: str, meeting: Meeting, target: Target) -> dict[str, Any]:
        statuses = await announce(world, kind, meeting, target) if target.copies else []
        return _plain(meeting) | {"statuses": statuses}

    def wanted(target: Target) -> Meeting:
        meeting = calendar.find(target.id, target.email)
        if meeting is None:
            raise HTTPException(404, "There is no such meeting.")
        return meeting

    @routes.get("/meetings")
    def meetings() -> dict[str, Any]:
        return {"count": len(calendar.meetings), "meetings": [_plain(each) for each in calendar.meetings.values()]}

    @routes.delete("/meetings")
    def forget() -> dict[str, int]:
        return {"removed": calendar.clear()}

    @routes.post("/calendly/settings")
    def settings(wanted: Hosts) -> dict[str, int]:
        calendar.hosts = wanted.hosts
        return {"hosts": calendar.hosts}

    @routes.post("/calendly/book")
    async def book(target: PageBooking) -> dict[str, Any]:
        now = datetime.now(UTC)
        at = target.starts_at or next((at for at, _ in calendar.free(now, now + MAX_RANGE)), now)
        tracking = {"utm_source": "ridgeline", "utm_content": target.utm_content}
        meeting = calendar.book(at, target.name, target.email or "somebody@nowhere.example", target.zone, tracking)
        if meeting is None:
            raise HTTPException(409, "That time is not free.")
        return await told("invitee.created", meeting, target)

    @routes.post("/calendly/cancel")
    async def cancel(target: Target) -> dict[str, Any]:
        meeting = wanted(target)
        meeting.canceled_at = meeting.canceled_at or datetime.now(UTC)
        return await told("invitee.canceled", meeting, target)

    @routes.post("/calendly/no_show")
    async def no_show(target: Target) -> dict[str, Any]:
        meeting = wanted(target)
        meeting.no_show_at = meeting.no_show_at or datetime.now(UTC)
        return await told("invitee_no_show.created", meeting, target)

    return routes


async def announce(world: World, kind: str, meeting: Meeting, target: Target | None = None) -> list[int]:
    """A webhook about a meeting, signed; its copies are the same to the byte."""
    how = target or Target()
    moments = {"invitee.canceled": meeting.canceled_at, "invitee_no_show.created": meeting.no_show_at}
    at = moments.get(kind) or meeting.created_at
    payload = {**invitee(meeting), "scheduled_event": event(meeting)}
    told = {"event": kind, "created_at": _iso(at, "microseconds"), "created_by": USER, "payload": payload}
    body = json.dumps(told).encode()
    stamp = str(int(datetime.now(UTC).timestamp()) + how.timestamp_offset)
    digest = hmac.new(SIGNING_KEY.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    if how.tamper:
        body = body.replace(b'"status"', b'"Status"', 1)
    headers = {"content-type": "application/json", "calendly-webhook-signature": f"t={stamp},v1={digest}"}
    return await world.webhooks.deliver_copies(how.copies, WEBHOOK_PATH, body, headers)


def event(meeting: Meeting) -> dict[str, Any]:
    """The scheduled event of a meeting."""
    active = meeting.canceled_at is None
    found: dict[str, Any] = {
        "uri": f"{API}/scheduled_events/{meeting.id}",
        "name": "Ridgeline demo",
        "status": "active" if active else "canceled",
        "start_time": _iso(meeting.starts_at, "microseconds"),
        "end_time": _iso(meeting.starts_at + SLOT, "microseconds"),
        "event_type": EVENT_TYPE,
        "location": {"type": "zoom", "status": "pushed", "join_url": f"https://zoom.example/j/{meeting.id[:11]}"},
        "invitees_counter": {"total": 1, "active": int(active), "limit": 1},
        "created_at": _iso(meeting.created_at, "microseconds"),
        "updated_at": _iso(meeting.canceled_at or meeting.created_at, "microseconds"),
        "event_memberships": [{"user": USER}],
        "event_guests": [],
    }
    return found if active else found | {"cancellation": _cancellation(meeting)}


def invitee(meeting: Meeting) -> dict[str, Any]:
    """The invitee of a meeting."""
    uri = f"{API}/scheduled_events/{meeting.id}/invitees/{meeting.invitee_id}"
    tracking = dict.fromkeys(("utm_campaign", "utm_source", "utm_medium", "utm_content", "utm_term", "salesforce_uuid"))
    found: dict[str, Any] = {
        "uri": uri,
        "email": meeting.email,
        "name": meeting.name,
        "first_name": None,
        "last_name": None,
        "status": "active" if meeting.canceled_at is None else "canceled",
        "timezone": meeting.zone,
        "event": f"{API}/scheduled_events/{meeting.id}",
        "created_at": _iso(meeting.created_at, "microseconds"),
        "updated_at": _iso(meeting.canceled_at or meeting.created_at, "microseconds"),
        "questions_and_answers": [],
        "tracking": {**tracking, **meeting.tracking},
        "rescheduled": False,
        "old_invitee": None,
        "new_invitee": None,
        "cancel_url": f"https://calendly.com/cancellations/{meeting.invitee_id}",
        "reschedule_url": f"https://calendly.com/reschedulings/{meeting.invitee_id}",
        "no_show": None,
        "payment": None,
        "reconfirmation": None,
    }
    if meeting.no_show_at is not None:
        uri = f"{API}/invitee_no_shows/{meeting.invitee_id}"
        found["no_show"] = {"uri": uri, "created_at": _iso(meeting.no_show_at, "microseconds")}
    return found if meeting.canceled_at is None else found | {"cancellation": _cancellation(meeting)}


def _cancellation(meeting: Meeting) -> dict[str, Any]:
    at = meeting.canceled_at or meeting.created_at
    return {
        "canceled_by": meeting.name,
        "reason": meeting.cancel_reason,
        "canceler_type": "invitee",
        "created_at": _iso(at, "microseconds"),
    }


def _plain(meeting: Meeting) -> dict[str, Any]:
    return {
        "id": meeting.id,
        "uri": invitee(meeting)["uri"],
        "email": meeting.email,
        "starts_at": meeting.starts_at.isoformat(),
        "key": meeting.tracking.get("utm_content"),
        "canceled": meeting.canceled_at is not None,
        "no_show": meeting.no_show_at is not None,
        "path": urlsplit(invitee(meeting)["uri"]).path,
    }


def _iso(at: datetime, precision: str = "seconds") -> str:
    return at.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def _known(authorization: str) -> bool:
    return authorization == f"Bearer {API_KEY}"


def _unauthenticated() -> JSONResponse:
    return _error(401, "Unauthenticated", "The access token is invalid")


def _not_found() -> JSONResponse:
    return _error(404, "Resource Not Found", "The server could not find the requested resource.")


def _invalid(parameter: str, message: str) -> JSONResponse:
    details = [{"parameter": parameter, "message": message}]
    body = {"title": "Invalid Argument", "message": "The supplied parameters are invalid.", "details": details}
    return JSONResponse(body, status_code=400)


def _error(status: int, title: str, message: str) -> JSONResponse:
    return JSONResponse({"title": title, "message": message}, status_code=status)
