"""Demo bookings through Calendly's v2 API and its Scheduling API (spec 6.3 step 6, 7.2).

Our reference travels as `utm_content` and comes back in every webhook, so that a booking whose answer was
lost is found again. Resources are named by URIs of the real API; we follow their paths below our base URL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode, urlsplit

import httpx

from integrations.calls import moment, text_in
from integrations.http import CallMeter, VendorError, VendorHttp, VendorRejected, VendorUnreadable

if TYPE_CHECKING:
    from config.settings import Settings

VENDOR = "calendly"
MAX_RANGE = timedelta(days=7)
"""What one question about free times may span; Calendly's older limit, so that every account answers."""
MAX_DAYS = 60
PAGE = 100
MAX_PAGES = 10
UTM_SOURCE = "ridgeline"


class SlotTaken(VendorRejected):
    """Somebody else has the time by now; another one may still be free. Nothing was booked."""


@dataclass(frozen=True, slots=True)
class Booking:
    """A demo to be booked: `starts_at` must be one of the free times. `repr` shows no person."""

    key: str
    event_type: str
    starts_at: datetime
    name: str = field(repr=False)
    email: str = field(repr=False)
    zone: str


@dataclass(frozen=True, slots=True)
class BookedEvent:
    """A booking as Calendly has it. `uri` is the invitee's: the one name that every webhook about it carries."""

    uri: str
    starts_at: datetime
    join_url: str | None = field(default=None, repr=False)
    cancel_url: str | None = field(default=None, repr=False)
    reschedule_url: str | None = field(default=None, repr=False)
    event_uri: str | None = None
    minutes: int = 30


class Calendly:
    """One event type's calendar."""

    def __init__(self, http: VendorHttp, api_key: str, event_type: str, client: httpx.AsyncClient) -> None:
        self._http = http
        self._headers = {"authorization": f"Bearer {api_key}"}
        self.event_type = event_type
        self._client = client
        self._user: str | None = None

    @classmethod
    def from_settings(cls, settings: "Settings", meter: CallMeter) -> Self:
        """The account and event type that the settings name."""
        client = httpx.AsyncClient(timeout=settings.vendor_timeout_seconds)
        http = VendorHttp(VENDOR, client, settings.calendly_base_url, meter)
        return cls(http, settings.calendly_api_key.get_secret_value(), settings.calendly_event_type, client)

    async def free_times(self, after: datetime, before: datetime) -> list[datetime]:
        """Times (UTC) at which a demo can start, in order; looks at most `MAX_DAYS` days ahead."""
        found: set[datetime] = set()
        end = min(before, after + timedelta(days=MAX_DAYS))
        while after < end:
            until = min(after + MAX_RANGE, end)
            params = {"event_type": self.event_type, "start_time": _iso(after), "end_time": _iso(until)}
            answer = await self._get("free_times", "/event_type_available_times", params)
            rows = _collection(answer, "free_times")
            found |= {at for row in rows if row.get("status") == "available" and (at := moment(row.get("start_time")))}
            after = until
        return sorted(found)

    async def book(self, booking: Booking) -> BookedEvent:
        """Books the time in one request. Raises SlotTaken when it is no longer free."""
        body = {
            "event_type": booking.event_type,
            "start_time": _iso(booking.starts_at),
            "invitee": {"name": booking.name, "email": booking.email, "timezone": booking.zone},
            "tracking": {"utm_source": UTM_SOURCE, "utm_content": booking.key},
        }
        try:
            answer = await self._http.post_json(
                "book", "/invitees", body, headers=self._headers, accept=frozenset({200, 201})
            )
        except VendorRejected as refusal:
            # 400 and 409 with a request we know to be well formed: the time is gone.
            if refusal.status in (400, 409):
                raise SlotTaken(VENDOR, "book", "the time is taken", refusal.status) from refusal
            raise
        invitee = _resource(answer, "book")
        return await self._booked(invitee, booking.starts_at)

    async def find(self, key: str, email: str) -> BookedEvent | None:
        """The booking made under this key for this address, or None."""
        params = {"user": await self._me(), "invitee_email": email, "sort": "start_time:desc", "count": PAGE}
        token: str | None = None
        for _ in range(MAX_PAGES):
            page = {**params, "page_token": token} if token else params
            answer = await self._get("list_events", "/scheduled_events", page)
            for event in _collection(answer, "list_events"):
                invitee = await self._invitee(event, key, email)
                if invitee is not None:
                    return _event(invitee, event, moment(event.get("start_time")))
            token = text_in(answer, "pagination", "next_page_token")
            if token is None:
                return None
        return None

    async def scheduling_link(self, key: str) -> str:
        """A page on which one demo can be booked, once; our key goes along."""
        body = {"max_event_count": 1, "owner": self.event_type, "owner_type": "EventType"}
        answer = await self._http.post_json(
            "scheduling_link", "/scheduling_links", body, headers=self._headers, accept=frozenset({200, 201})
        )
        url = text_in(_resource(answer, "scheduling_link"), "booking_url")
        if url is None or urlsplit(url).scheme not in ("http", "https"):
            raise VendorUnreadable(VENDOR, "scheduling_link", "the answer holds no link")
        joint = "&" if urlsplit(url).query else "?"
        return url + joint + urlencode({"utm_source": UTM_SOURCE, "utm_content": key})

    async def cancel(self, event_uri: str, reason: str) -> None:
        """Cancels an event; one that is cancelled already stays so."""
        path = _path(event_uri) + "/cancellation"
        body = {"reason": reason}
        await self._http.post("cancel", path, body, headers=self._headers, accept=frozenset({200, 201, 403}))

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _booked(self, invitee: Mapping[str, Any], starts_at: datetime) -> BookedEvent:
        """The booking with its event's details; it stands, whether or not they can be had right now."""
        event: Mapping[str, Any] = {}
        uri = text_in(invitee, "event")
        if uri is not None:
            try:
                event = _resource(await self._get("get_event", _path(uri)), "get_event")
            except VendorError:
                event = {}
        return _event(invitee, event, moment(event.get("start_time")) or starts_at)

    async def _invitee(self, event: Mapping[str, Any], key: str, email: str) -> Mapping[str, Any] | None:
        uri = text_in(event, "uri")
        if uri is None:
            return None
        answer = await self._get("list_invitees", _path(uri) + "/invitees", {"email": email, "count": PAGE})
        rows = _collection(answer, "list_invitees")
        return next((row for row in rows if text_in(row, "tracking", "utm_content") == key), None)

    async def _me(self) -> str:
        if self._user is None:
            user = text_in(_resource(await self._get("me", "/users/me"), "me"), "uri")
            if user is None:
                raise VendorUnreadable(VENDOR, "me", "the answer names no user")
            self._user = user
        return self._user

    async def _get(self, operation: str, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return await self._http.get_json(operation, path, params, headers=self._headers)


def _event(invitee: Mapping[str, Any], event: Mapping[str, Any], starts_at: datetime | None) -> BookedEvent:
    uri = text_in(invitee, "uri")
    if uri is None or len(uri) > 500 or starts_at is None:
        raise VendorUnreadable(VENDOR, "booking", "the answer is no booking")
    ends_at = moment(event.get("end_time"))
    return BookedEvent(
        uri=uri,
        starts_at=starts_at,
        join_url=text_in(event, "location", "join_url"),
        cancel_url=text_in(invitee, "cancel_url"),
        reschedule_url=text_in(invitee, "reschedule_url"),
        event_uri=text_in(invitee, "event"),
        minutes=round((ends_at - starts_at).total_seconds() / 60) if ends_at and ends_at > starts_at else 30,
    )


def _resource(answer: object, operation: str) -> Mapping[str, Any]:
    resource = answer.get("resource") if isinstance(answer, Mapping) else None
    if not isinstance(resource, Mapping):
        raise VendorUnreadable(VENDOR, operation, "the answer holds no resource")
    return resource


def _collection(answer: object, operation: str) -> list[Mapping[str, Any]]:
    rows = answer.get("collection") if isinstance(answer, Mapping) else None
    if not isinstance(rows, list):
        raise VendorUnreadable(VENDOR, operation, "the answer holds no collection")
    return [row for row in rows if isinstance(row, Mapping)]


def _path(uri: str) -> str:
    path = urlsplit(uri).path
    if not path.startswith("/") or ".." in path:
        raise VendorUnreadable(VENDOR, "uri", "the answer names no resource")
    return path


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
