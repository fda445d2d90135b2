"""When a demo takes place: near the time agreed, else soon, and by daylight where the contractor is (spec 6.3)."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from domain.quiet_hours import load_zone

EARLIEST, LATEST = time(8), time(18)
"""Local times between which a demo may start."""
NOTICE = timedelta(hours=24)
"""Without a time agreed: enough for the preparation mail and the reminder of the day before."""
SEARCH = timedelta(days=14)
NEAR = timedelta(days=3)
"""A time this far from the one agreed is another time, not a near one."""


def search_from(now: datetime, preferred: datetime | None) -> tuple[datetime, datetime]:
    """The span of free times to look at."""
    if preferred is None or preferred <= now:
        return now, now + SEARCH
    return max(now, preferred - NEAR), preferred + NEAR


def in_order(
    free: Sequence[datetime], now: datetime, preferred: datetime | None, zone: str | None
) -> tuple[datetime, ...]:
    """Free times, the best first: nearest to the time agreed, else the soonest after a day's notice.

    Times outside the contractor's day, and those without notice, come last; none is left out, since a demo
    at an odd hour can be moved and no demo cannot.
    """
    place = load_zone(zone)

    def odd(at: datetime) -> bool:
        return place is not None and not EARLIEST <= at.astimezone(place).time() <= LATEST

    if preferred is not None and preferred > now:
        return tuple(sorted((at for at in free if at > now), key=lambda at: (abs(at - preferred), at)))
    return tuple(sorted((at for at in free if at > now), key=lambda at: (odd(at), at < now + NOTICE, at)))
