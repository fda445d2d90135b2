"""What an outreach sequence sends and when each touch is due (spec 3.6.4 and 6.3). Sequences are data."""

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
    """Ways to reach a contractor. LinkedIn and direct mail are done by people."""

    EMAIL = "email"
    SMS = "sms"
    CALL = "call"
    LINKEDIN = "linkedin"
    DIRECT_MAIL = "direct_mail"


BY_PEOPLE = frozenset({Channel.LINKEDIN, Channel.DIRECT_MAIL})


class Window(StrEnum):
    """When on its day a touch may go out."""

    BUSINESS = "business"
    """On a business day, inside the channel's hours, never two unrelated touches on one day."""
    ANY_TIME = "any_time"
    """As soon as it is due: reminders of an appointment, and sequences whose days are compressed."""


class Condition(StrEnum):
    """What must hold for a touch to be made; otherwise it is skipped."""

    ALWAYS = "always"
    HAS_PHONE = "has_phone"
    HIGH_VALUE = "high_value"
    """Lifetime value above $10,000 (spec 3.6.4, direct mail)."""


@dataclass(frozen=True, slots=True)
class Touch:
    """One contact: days after the start (fractions allowed), channel, template.

    `with_previous` shares the previous touch's day; `variants` names the arms of an A/B test.
    """

    day: float
    channel: Channel
    template: str
    with_previous: bool = False
    window: Window = Window.BUSINESS
    condition: Condition = Condition.ALWAYS
    variants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedTouch:
    """A touch and when it is due (UTC)."""

    touch: Touch
    due: datetime


# Seven touches over fourteen days; calls go along with those of days 2 and 7.
# The last two are made by people, and only in campaigns that use their channels.
DEFAULT_SEQUENCE: tuple[Touch, ...] = (
    Touch(0, Channel.EMAIL, "cold_introduction", variants=("plain", "numbers")),
    Touch(2, Channel.EMAIL, "value_proposition", variants=("plain", "question")),
    Touch(2, Channel.CALL, "demo_call", with_previous=True, condition=Condition.HAS_PHONE),
    Touch(4, Channel.EMAIL, "case_study"),
    Touch(7, Channel.EMAIL, "social_proof"),
    Touch(7, Channel.CALL, "demo_call", with_previous=True, condition=Condition.HAS_PHONE),
    Touch(9, Channel.EMAIL, "limited_offer"),
    Touch(11, Channel.SMS, "check_in", condition=Condition.HAS_PHONE),
    Touch(14, Channel.EMAIL, "final_follow_up"),
)
BY_PEOPLE_SEQUENCE: tuple[Touch, ...] = (
    Touch(3, Channel.LINKEDIN, "connection_request"),
    Touch(5, Channel.DIRECT_MAIL, "postcard", condition=Condition.HIGH_VALUE),
)
DEFAULT_CHANNELS = (Channel.EMAIL, Channel.CALL, Channel.SMS)

# What follows when somebody is interested (spec 6.3 steps 6 to 9). Arranged touches go out when they are due.
CALLBACK_TOUCH = Touch(0, Channel.CALL, "callback", window=Window.ANY_TIME, condition=Condition.HAS_PHONE)
CALL_FOLLOW_UP_TOUCH = Touch(0, Channel.EMAIL, "call_follow_up", window=Window.ANY_TIME)
BOOKING_TOUCHES = (
    Touch(0, Channel.EMAIL, "demo_invitation", window=Window.ANY_TIME),
    Touch(2, Channel.EMAIL, "demo_invitation_reminder"),
    Touch(5, Channel.EMAIL, "demo_invitation_reminder"),
)
MISSED_TOUCHES = (
    Touch(0, Channel.EMAIL, "demo_missed", window=Window.ANY_TIME),
    Touch(3, Channel.EMAIL, "demo_invitation_reminder"),
)
# How long before the demo starts; None: as soon as it is booked.
DEMO_TOUCHES: tuple[tuple[timedelta | None, Touch], ...] = (
    (None, Touch(0, Channel.EMAIL, "demo_preparation", window=Window.ANY_TIME)),
    (timedelta(days=1), Touch(0, Channel.EMAIL, "demo_reminder", window=Window.ANY_TIME)),
    (timedelta(hours=1), Touch(0, Channel.EMAIL, "demo_starts_soon", window=Window.ANY_TIME)),
)
PROPOSAL_TOUCHES = (
    Touch(0, Channel.EMAIL, "proposal", window=Window.ANY_TIME),
    Touch(3, Channel.EMAIL, "proposal_follow_up"),
    Touch(7, Channel.EMAIL, "proposal_last_call"),
)
NURTURE_TOUCH = Touch(30, Channel.EMAIL, "nurture")

# Local time each channel is used in on a business day: calls come after the e-mail they refer to.
WINDOWS: dict[Channel, tuple[time, time]] = {
    Channel.EMAIL: (time(9), time(12)),
    Channel.SMS: (time(10), time(16)),
    Channel.CALL: (time(13), time(17)),
    Channel.LINKEDIN: (time(9), time(17)),
    Channel.DIRECT_MAIL: (time(9), time(17)),
}


def default_sequence(channels: Sequence[Channel] = DEFAULT_CHANNELS) -> tuple[Touch, ...]:
    """The spec's sequence as far as a campaign's channels go, in order of days."""
    every = sorted((*DEFAULT_SEQUENCE, *BY_PEOPLE_SEQUENCE), key=lambda touch: touch.day)
    return tuple(touch for touch in every if touch.channel in channels)


def plan(
    enrolled_at: datetime, zone: str | None, key: str, sequence: Sequence[Touch] = DEFAULT_SEQUENCE
) -> tuple[PlannedTouch, ...] | None:
    """Due time of every touch; None when the zone is unknown: then nothing is sent.

    A touch falls on its day or, if that is no business day or the window is already over, the next one;
    two touches share a day only when the sequence says so. Within the window the minute follows from
    `key` (campaign and contractor), so that a re-run plans the same and a campaign does not send all at once.
    """
    planned: list[PlannedTouch] = []
    after: datetime | None = None
    for index, touch in enumerate(sequence):
        due = due_at(touch, index, enrolled_at, zone, key, after)
        if due is None:
            return None
        planned.append(PlannedTouch(touch, due))
        after = due
    return tuple(planned)


def due_at(
    touch: Touch, index: int, enrolled_at: datetime, zone: str | None, key: str, after: datetime | None = None
) -> datetime | None:
    """When one touch is due if everything before it happened by `after`; None when the zone is unknown."""
    place = load_zone(zone)
    if place is None:
        return None
    not_before = max(enrolled_at, after or enrolled_at)
    if touch.window is Window.ANY_TIME:
        return max(enrolled_at + timedelta(days=touch.day), not_before).astimezone(UTC)
    day = enrolled_at.astimezone(place).date() + timedelta(days=touch.day)
    if after is not None:
        happened = after.astimezone(place).date()
        day = max(day, happened if touch.with_previous else happened + timedelta(days=1))
    return next_opening(touch.channel, place, f"{key}|{index}", day=day, not_before=not_before)


def next_opening(channel: Channel, place: ZoneInfo, key: str, *, day: date, not_before: datetime) -> datetime:
    """The first moment (UTC) from `day` and `not_before` on that lies in the channel's hours on a business day."""
    opens, closes = WINDOWS[channel]
    minutes = (closes.hour - opens.hour) * 60 + closes.minute - opens.minute
    while True:
        if is_business_day(day):
            due = datetime.combine(day, opens, place) + timedelta(minutes=jitter(key, minutes))
            # Arithmetic on local time keeps the wall clock; only the comparison needs the instant.
            if due.astimezone(UTC) >= not_before:
                return due.astimezone(UTC)
        day += timedelta(days=1)


def is_business_day(day: date) -> bool:
    """Monday to Friday, federal holidays excluded."""
    return day.weekday() < 5 and not is_holiday(day)


def is_holiday(day: date) -> bool:
    """A federal holiday, or the weekday on which one is observed."""
    return day in _federal_holidays(day.year)


def jitter(key: str, window_minutes: int) -> int:
    """A minute within a window that only depends on the key."""
    digest = hashlib.sha256(key.encode()).digest()
    return int.from_bytes(digest[:8]) % max(1, window_minutes)


@lru_cache(maxsize=16)
def _federal_holidays(year: int) -> holidays.HolidayBase:
    return holidays.country_holidays("US", years=year)
