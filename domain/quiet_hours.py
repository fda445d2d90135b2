"""When people may be reached: 8:00-20:00 in their own time zone (spec 11.2; strictest of the state laws)."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

OPENS = time(8)
CLOSES = time(20)


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


def check(now: datetime, zone: str | None) -> QuietHoursDecision:
    """Allow from 8:00 to just before 20:00 local time, else defer to the next 8:00. Unknown zone: deny.

    `now` must be aware. Raises ValueError otherwise.
    """
    if now.tzinfo is None:
        raise ValueError("now must carry a time zone")
    place = load_zone(zone)
    if place is None:
        return QuietHoursDecision(Verdict.DENY, "the recipient's time zone is unknown")
    local = now.astimezone(place)
    if OPENS <= local.time() < CLOSES:
        return QuietHoursDecision(Verdict.ALLOW, "within 8:00-20:00 local time")
    day = local.date() if local.time() < OPENS else local.date() + timedelta(days=1)
    until = datetime.combine(day, OPENS, place).astimezone(UTC)
    return QuietHoursDecision(Verdict.DEFER, "outside 8:00-20:00 local time", until)


def load_zone(zone: str | None) -> ZoneInfo | None:
    """The IANA zone of that name; None when there is no such zone."""
    if not zone:
        return None
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
