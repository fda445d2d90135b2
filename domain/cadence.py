"""When each touch of an outreach sequence is due (spec 3.6.4 and 6.3)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from domain.quiet_hours import load_zone


class Channel(StrEnum):
    """Channels of the default sequence."""

    EMAIL = "email"
    SMS = "sms"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class Touch:
    """One contact: days after enrolment, channel, template. `with_previous` shares the previous touch's day."""

    day: int
    channel: Channel
    template: str
    with_previous: bool = False


@dataclass(frozen=True, slots=True)
class PlannedTouch:
    """A touch and when it is due (UTC)."""

    touch: Touch
    due: datetime


# Seven touches over fourteen days; calls go along with those of days 2 and 7.
DEFAULT_SEQUENCE: tuple[Touch, ...] = (
    Touch(0, Channel.EMAIL, "cold_introduction"),
    Touch(2, Channel.EMAIL, "value_proposition"),
    Touch(2, Channel.CALL, "demo_call", with_previous=True),
    Touch(4, Channel.EMAIL, "case_study"),
    Touch(7, Channel.EMAIL, "social_proof"),
    Touch(7, Channel.CALL, "demo_call", with_previous=True),
    Touch(9, Channel.EMAIL, "limited_offer"),
    Touch(11, Channel.SMS, "check_in"),
    Touch(14, Channel.EMAIL, "final_follow_up"),
)

# Local time each channel is used in on a business day: calls come after the e-mail they refer to.
WINDOWS: dict[Channel, tuple[time, time]] = {
    Channel.EMAIL: (time(9), time(12)),
    Channel.SMS: (time(10), time(16)),
    Channel.CALL: (time(13), time(17)),
}


def plan(
    enrolled_at: datetime, zone: str | None, key: str, sequence: Sequence[Touch] = DEFAULT_SEQUENCE
) -> tuple[PlannedTouch, ...] | None:
    """Due time of every touch; None when the zone is unknown: then nothing is sent.

    A touch falls on its day or, if that is no business day or the window is already over, the next one;
    two touches share a day only when the sequence says so. Within the window the minute follows from
    `key` (campaign and contractor), so that a re-run plans the same and a campaign does not send all at once.
    """
    place = load_zone(zone)
    if place is None:
        return None
    start = enrolled_at.astimezone(place)
    planned: list[PlannedTouch] = []
    last: date | None = None
    for index, touch in enumerate(sequence):
        day = start.date() + timedelta(days=touch.day)
        if last is not None:
            day = max(day, last if touch.with_previous else last + timedelta(days=1))
        due = _due(day, touch.channel, place, f"{key}|{index}", not_before=enrolled_at)
        planned.append(PlannedTouch(touch, due))
        last = due.astimezone(place).date()
    return tuple(planned)


def due_at(
    touch: Touch, index: int, enrolled_at: datetime, zone: str | None, key: str, after: datetime | None = None
) -> datetime | None:
    """When one touch is due if everything before it happened by `after`; None when the zone is unknown."""
    place = load_zone(zone)
    if place is None:
        return None
    day = enrolled_at.astimezone(place).date() + timedelta(days=touch.day)
    if after is not None:
        happened = after.astimezone(place).date()
        day = max(day, happened if touch.with_previous else happened + timedelta(days=1))
    return _due(day, touch.channel, place, f"{key}|{index}", not_before=max(enrolled_at, after or enrolled_at))


def is_business_day(day: date) -> bool:
    """Monday to Friday, federal holidays excluded."""
    return day.weekday() < 5 and day not in _federal_holidays(day.year)


def jitter(key: str, window_minutes: int) -> int:
    """A minute within a window that only depends on the key."""
    digest = hashlib.sha256(key.encode()).digest()
    return int.from_bytes(digest[:8]) % max(1, window_minutes)


def _due(day: date, channel: Channel, place: ZoneInfo, key: str, *, not_before: datetime) -> datetime:
    opens, closes = WINDOWS[channel]
    minutes = (closes.hour - opens.hour) * 60 + closes.minute - opens.minute
    while True:
        if is_business_day(day):
            due = datetime.combine(day, opens, place) + timedelta(minutes=jitter(key, minutes))
            # Arithmetic on local time keeps the wall clock; only the comparison needs the instant.
            if due.astimezone(UTC) >= not_before:
                return due.astimezone(UTC)
        day += timedelta(days=1)


@lru_cache(maxsize=16)
def _federal_holidays(year: int) -> holidays.HolidayBase:
    return holidays.country_holidays("US", years=year)
