"""How much a mailbox may send in a day, who goes first, and when it has to rest (spec 3.6.4 and 3.6.5).

A mailbox that is new, or writes to addresses that do not exist, or is reported as spam, soon reaches
nobody: so it warms up, keeps a cap, serves follow-ups before new leads, and is paused over a threshold.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from domain.cadence import is_business_day
from domain.rates import wilson_low

WARM_UP_START = 5
"""Messages on the first day of a warm-up."""
WARM_UP_STEP = 3
"""How many more each further business day brings, until the mailbox's own cap is reached."""
TALLY_DAYS = 30
"""How far back bounces and complaints count."""

BOUNCE_RATE = "bounce_rate"
COMPLAINT_RATE = "complaint_rate"


@dataclass(frozen=True, slots=True)
class MailTally:
    """What a mailbox sent in the last `TALLY_DAYS` days and what came back."""

    sent: int
    bounced: int
    """Hard bounces."""
    complained: int
    """Reports as spam."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The share of messages that may go wrong, judged only from `sample` messages on."""

    reason: str
    sample: int
    share: float


TOLERANCES = (Tolerance(BOUNCE_RATE, 50, 0.05), Tolerance(COMPLAINT_RATE, 200, 0.003))


def cap_on(day: date, daily_cap: int, warm_up_from: date | None) -> int:
    """How many messages may go out on a day: the cap, less while the mailbox warms up, none before that starts."""
    if warm_up_from is None:
        return daily_cap
    if day < warm_up_from:
        return 0
    cap = min(daily_cap, WARM_UP_START)
    for _ in _business_days(warm_up_from, day):
        if cap >= daily_cap:
            break
        cap = min(daily_cap, cap + WARM_UP_STEP)
    return cap


def may_send(sent_today: int, cap: int, follow_ups_due: int, follow_up: bool) -> bool:
    """Whether one more message may go out today.

    Follow-ups come first: a new lead only takes what the follow-ups still due today (`follow_ups_due`) leave.
    """
    reserved = 0 if follow_up else max(0, follow_ups_due)
    return sent_today + reserved < cap


def why_pause(tally: MailTally) -> str | None:
    """Why a mailbox has to stop sending; None if it may go on.

    The share must be above what is tolerated with 95 % confidence, so that a few unlucky messages do not
    pause a healthy mailbox.
    """
    counted = {BOUNCE_RATE: tally.bounced, COMPLAINT_RATE: tally.complained}
    for tolerance in TOLERANCES:
        if tally.sent >= tolerance.sample and wilson_low(counted[tolerance.reason], tally.sent) > tolerance.share:
            return tolerance.reason
    return None


def _business_days(after: date, until: date) -> Iterator[date]:
    day = after + timedelta(days=1)
    while day <= until:
        if is_business_day(day):
            yield day
        day += timedelta(days=1)
