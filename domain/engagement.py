"""How engaged a contractor is, and how far down the funnel (spec 3.6.5, 6.3)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from domain.rates import share


class Sign(StrEnum):
    """What shows that a contractor takes notice, or does not want to."""

    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    CALL_ANSWERED = "call_answered"
    REPLIED = "replied"
    CALL_INTERESTED = "call_interested"
    DEMO_BOOKED = "demo_booked"
    DEMO_ATTENDED = "demo_attended"
    SIGNED_UP = "signed_up"
    BOUNCED = "bounced"
    DECLINED = "declined"
    """Answered that there is no interest."""
    OPTED_OUT = "opted_out"


@dataclass(frozen=True, slots=True)
class Weight:
    """Points of one sign, and how many of its kind count at most: pixels and scanners repeat themselves."""

    points: float
    most: int = 5


# A reply is worth more than any number of opens, which mail programs make on their own.
WEIGHTS: Mapping[Sign, Weight] = {
    Sign.DELIVERED: Weight(0.5, most=4),
    Sign.OPENED: Weight(2, most=4),
    Sign.CLICKED: Weight(6, most=3),
    Sign.CALL_ANSWERED: Weight(8, most=2),
    Sign.REPLIED: Weight(25, most=3),
    Sign.CALL_INTERESTED: Weight(30, most=2),
    Sign.DEMO_BOOKED: Weight(40, most=1),
    Sign.DEMO_ATTENDED: Weight(50, most=1),
    Sign.SIGNED_UP: Weight(150, most=1),
    Sign.BOUNCED: Weight(-5, most=2),
    Sign.DECLINED: Weight(-60, most=1),
    Sign.OPTED_OUT: Weight(-1000, most=1),
}
LASTING = frozenset({Sign.SIGNED_UP, Sign.OPTED_OUT})
"""Signs that do not fade."""
HALF_LIFE = timedelta(days=30)
"""After this time a sign counts half."""
HALF_WAY = 25.0
"""Points that make a score of 50; as many again make 75, and so on."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One sign and when it was seen."""

    sign: Sign
    at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """What one kind of sign adds: how often it was seen, and its points today."""

    sign: Sign
    seen: int
    points: float


@dataclass(frozen=True, slots=True)
class Engagement:
    """The score (0-100) with what it is made of, most important first."""

    score: int
    parts: tuple[Part, ...]


def engagement(moments: Iterable[Moment], now: datetime) -> Engagement:
    """The score of these signs at this time. What lies in the future counts as now."""
    by_sign: dict[Sign, list[float]] = {}
    for moment in moments:
        by_sign.setdefault(moment.sign, []).append(_freshness(moment, now))
    parts = [
        Part(sign, len(fresh), round(WEIGHTS[sign].points * sum(sorted(fresh, reverse=True)[: WEIGHTS[sign].most]), 4))
        for sign, fresh in by_sign.items()
    ]
    points = max(0.0, sum(part.points for part in parts))
    score = round(100 * (1 - 0.5 ** (points / HALF_WAY)))
    return Engagement(score, tuple(sorted(parts, key=lambda part: (-abs(part.points), part.sign))))


def _freshness(moment: Moment, now: datetime) -> float:
    if moment.sign in LASTING:
        return 1.0
    age = max(timedelta(0), now - moment.at)
    return float(0.5 ** (age / HALF_LIFE))


def time_to_response(first_contact: datetime | None, first_response: datetime | None) -> timedelta | None:
    """From the first contact to the first answer; None without one, or if it came before we wrote."""
    if first_contact is None or first_response is None or first_response < first_contact:
        return None
    return first_response - first_contact


# The funnel


class Stage(StrEnum):
    """How far a contractor has come in a campaign; the order is that of the funnel."""

    TARGETED = "targeted"
    CONTACTED = "contacted"
    ENGAGED = "engaged"
    """Opened, clicked or picked up."""
    RESPONDED = "responded"
    INTERESTED = "interested"
    DEMO = "demo"
    """A demonstration is booked, or was held."""
    SIGNED_UP = "signed_up"


FUNNEL: tuple[Stage, ...] = tuple(Stage)


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """How many got at least this far, and which share of those at the step before."""

    stage: Stage
    reached: int
    of_previous: float | None


def funnel(furthest: Mapping[Stage, int]) -> tuple[FunnelStep, ...]:
    """The funnel of a campaign from how many contractors got exactly how far: whoever signed up was interested too."""
    reached = [sum(furthest.get(later, 0) for later in FUNNEL[index:]) for index in range(len(FUNNEL))]
    shares: Sequence[float | None] = [None, *(share(here, before) for before, here in pairwise(reached))]
    return tuple(
        FunnelStep(stage, count, of_previous) for stage, count, of_previous in zip(FUNNEL, reached, shares, strict=True)
    )
