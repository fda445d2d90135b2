"""When people may be reached: 8:00-20:00 in their own time zone (spec 11.2; strictest of the state laws)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

OPENS = time(8)
CLOSES = time(20)
SEARCH_DAYS = 14
"""How far ahead an opening is looked for: longer than any row of holidays."""


class Verdict(StrEnum):
    """What to do with a message that is ready now."""

    ALLOW = "allow"
    DEFER = "defer"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class QuietHoursDecision:
    """`until` (UTC) is set for a deferral only."""

    verdict: Verdict
    reason: str
    until: datetime | None = None


def _never(_: date) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Hours:
    """Local hours of a day, the end excluded, and the local days without any."""

    opens: time = OPENS
    closes: time = CLOSES
    closed_on: Callable[[date], bool] = _never


def check(now: datetime, zone: str | None) -> QuietHoursDecision:
    """Allow from 8:00 to just before 20:00 local time, else defer to the next 8:00. Unknown zone: deny.

    `now` must be aware. Raises ValueError otherwise.
    """
    require_aware(now)
    place = load_zone(zone)
    until = None if place is None else first_open(now, (place,))
    if until is None:
        return QuietHoursDecision(Verdict.DENY, "the recipient's time zone is unknown")
    if until == now:
        return QuietHoursDecision(Verdict.ALLOW, "within 8:00-20:00 local time")
    return QuietHoursDecision(Verdict.DEFER, "outside 8:00-20:00 local time", until)


def first_open(moment: datetime, places: Iterable[ZoneInfo], hours: Hours | None = None) -> datetime | None:
    """The first moment (UTC) from `moment` on that lies within the hours in every place at once.

    None when the places have no hour in common in the next two weeks.
    """
    openings = [partial(_opening, place=place, hours=hours or Hours()) for place in places]
    found = moment.astimezone(UTC)
    limit = found + timedelta(days=SEARCH_DAYS)
    # Each place only ever moves the moment forward, and never past one that suits them all.
    while found < limit:
        latest = max((opening(found) for opening in openings), default=found)
        if latest == found:
            return found
        found = latest
    return None


def _opening(moment: datetime, place: ZoneInfo, hours: Hours) -> datetime:
    """The first moment (UTC) from `moment` on within one place's hours; far ahead if there is none."""
    local = moment.astimezone(place)
    day = local.date()
    if local.time() >= hours.closes:
        day += timedelta(days=1)
    elif local.time() >= hours.opens and not hours.closed_on(day):
        return moment
    for ahead in range(SEARCH_DAYS + 1):
        if not hours.closed_on(day + timedelta(days=ahead)):
            break
    return datetime.combine(day + timedelta(days=ahead), hours.opens, place).astimezone(UTC)


def require_aware(now: datetime) -> None:
    """Raises ValueError for a time without a zone: nobody can tell when that is."""
    if now.tzinfo is None:
        raise ValueError("now must carry a time zone")


def load_zone(zone: str | None) -> ZoneInfo | None:
    """The IANA zone of that name; None when there is no such zone."""
    if not zone:
        return None
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
