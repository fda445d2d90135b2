"""The sandbox's calendar of demos: half hours on business days, each taken by at most as many as there are hosts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Chicago")
OPENS, CLOSES = time(9), time(17)
SLOT = timedelta(minutes=30)
NOTICE = timedelta(hours=4)
HORIZON = timedelta(days=60)


@dataclass(slots=True)
class Meeting:
    """One booking by one invitee."""

    id: str
    invitee_id: str
    starts_at: datetime
    name: str
    email: str
    zone: str
    tracking: dict[str, Any] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    canceled_at: datetime | None = None
    cancel_reason: str | None = None
    no_show_at: datetime | None = None


class Calendar:
    """All meetings, and the links by which more can be booked."""

    def __init__(self) -> None:
        self.meetings: dict[str, Meeting] = {}
        self.links: set[str] = set()
        self.hosts = 1

    def clear(self) -> int:
        """Forget everything; returns how many meetings there were."""
        count = len(self.meetings)
        self.meetings.clear()
        self.links.clear()
        self.hosts = 1
        return count

    def free(self, after: datetime, before: datetime) -> list[tuple[datetime, int]]:
        """Free times between two moments, and how many may still book each."""
        now = datetime.now(UTC)
        low, high = max(after, now + NOTICE), min(before, now + HORIZON)
        taken = self._taken()
        return [(at, self.hosts - taken[at]) for at in _slots(low, high) if low <= at < high and taken[at] < self.hosts]

    def book(self, starts_at: datetime, name: str, email: str, zone: str, tracking: dict[str, Any]) -> Meeting | None:
        """Take a time; None if it is not free."""
        starts_at = starts_at.astimezone(UTC)
        if not any(at == starts_at for at, _ in self.free(starts_at, starts_at + SLOT)):
            return None
        meeting = Meeting(uuid4().hex, uuid4().hex, starts_at, name, email, zone, tracking)
        self.meetings[meeting.id] = meeting
        return meeting

    def find(self, event_id: str | None = None, email: str | None = None) -> Meeting | None:
        """A meeting by its id or its invitee's, else the newest one of an address."""
        for meeting in reversed(self.meetings.values()):
            if event_id is not None and event_id in (meeting.id, meeting.invitee_id):
                return meeting
            if event_id is None and email is not None and meeting.email.lower() == email.lower():
                return meeting
        return None

    def _taken(self) -> Counter[datetime]:
        return Counter(meeting.starts_at for meeting in self.meetings.values() if meeting.canceled_at is None)


def _slots(low: datetime, high: datetime) -> Iterator[datetime]:
    day = low.astimezone(ZONE).date()
    while datetime.combine(day, OPENS, ZONE) < high:
        at = datetime.combine(day, OPENS, ZONE)
        while day.weekday() < 5 and at.time() < CLOSES:
            yield at.astimezone(UTC)
            at += SLOT
        day += timedelta(days=1)
