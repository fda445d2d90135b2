"""What a subscription costs, what of it goes back, and what happens when it is not paid (spec 3.6.6; decision 0009).

Money is exact dollars; where cents must be rounded they are rounded half up, once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

from domain.matching import Tier

CENT = Decimal("0.01")
NOTHING = Decimal("0.00")
PERCENT = 100

PROMO_PERCENT_OFF = 50
"""Of the first month, with a promo code (spec 3.6.4, the limited offer)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A tier as it is sold: dollars a month, and the leads that are in the price."""

    tier: Tier
    fee: Decimal
    leads: tuple[int, int | None]
    """As advertised, from and to; None: no upper end."""
    allowance: int
    """How many a month may be drawn: the upper end, or the least promised where there is none."""


PLANS: dict[Tier, Plan] = {
    plan.tier: plan
    for plan in (
        Plan(Tier.STARTER, Decimal("500.00"), (10, 15), 15),
        Plan(Tier.PROFESSIONAL, Decimal("2000.00"), (40, 50), 50),
        Plan(Tier.ENTERPRISE, Decimal("5000.00"), (100, None), 100),
    )
}


def first_month(tier: Tier, percent_off: int = 0) -> Decimal:
    """The first month's price with a promo code's discount."""
    if not 0 <= percent_off <= PERCENT:
        raise ValueError("a discount is between 0 and 100 percent")
    return share_of(PLANS[tier].fee, PERCENT - percent_off, PERCENT)


@dataclass(frozen=True, slots=True)
class Proration:
    """A change of tier within a period: what the rest of it was worth, and what it costs now."""

    credit: Decimal
    charge: Decimal

    @property
    def total(self) -> Decimal:
        """To be paid now; below zero: a credit towards the next invoice."""
        return self.charge - self.credit


def prorate(price: Decimal, fee: Decimal, starts_at: datetime, ends_at: datetime, at: datetime) -> Proration:
    """What changes hands when a period at `price` becomes one at `fee` from `at` on, by the seconds that are left.

    `price` is that of a whole period after its discount, so that a discount is not paid out. Outside the
    period `at` counts as its nearer end.
    """
    whole = _seconds(ends_at - starts_at)
    if whole <= 0:
        raise ValueError("a period has a length")
    left = min(max(_seconds(ends_at - at), 0), whole)
    return Proration(share_of(price, left, whole), share_of(fee, left, whole))


def unused_refund(paid: Decimal, allowance: int, used: int, refunded: Decimal = NOTHING) -> Decimal:
    """What goes back for leads of a period that were not drawn: paid x unused / allowance.

    `refunded` is what went back for the period before: all refunds together never exceed what was paid.
    """
    if allowance <= 0:
        raise ValueError("an allowance holds at least one lead")
    unused = max(allowance - max(used, 0), 0)
    return _within(share_of(paid, unused, allowance), paid - refunded)


GUARANTEED_SHARE = Decimal("0.20")
"""Of a period's leads that become jobs (spec 3.6.6)."""
GUARANTEE_AFTER = timedelta(days=60)
"""From the end of the period: closing a job takes 30 to 45 days (spec 6.4), and reports come late."""
GUARANTEE_MINIMUM_LEADS = 5
"""Fewer than this say nothing of a share of one in five."""


class GuaranteeDecision(StrEnum):
    """How a period fared under the performance guarantee."""

    KEPT = "kept"
    TOO_FEW_LEADS = "too_few_leads"
    NOTHING_LEFT = "nothing_left"
    """Everything paid for it went back before."""
    PAID_BACK = "paid_back"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and the dollars that go back because of it."""

    decision: GuaranteeDecision
    refund: Decimal = NOTHING


def judge_guarantee(bought: int, won: int, paid: Decimal, refunded: Decimal) -> Verdict:
    """The performance guarantee of one period, over the leads bought in it that were not refunded."""
    if bought < GUARANTEE_MINIMUM_LEADS:
        return Verdict(GuaranteeDecision.TOO_FEW_LEADS)
    if won >= GUARANTEED_SHARE * bought:
        return Verdict(GuaranteeDecision.KEPT)
    refund = _within(paid - refunded, paid)
    if refund == NOTHING:
        return Verdict(GuaranteeDecision.NOTHING_LEFT)
    return Verdict(GuaranteeDecision.PAID_BACK, refund)


KeyT = TypeVar("KeyT")


@dataclass(frozen=True, slots=True)
class Refundable(Generic[KeyT]):
    """A payment and what of it has not gone back yet."""

    key: KeyT
    remaining: Decimal


def spread(amount: Decimal, payments: Iterable[Refundable[KeyT]]) -> tuple[tuple[KeyT, Decimal], ...]:
    """Shares a refund out over payments in the order given; none gets more back than it has left.

    What no payment can bear is left out: nobody gets back what was never taken.
    """
    shares: list[tuple[KeyT, Decimal]] = []
    left = amount
    for payment in payments:
        share = _within(left, payment.remaining)
        if share > 0:
            shares.append((payment.key, share))
            left -= share
    return tuple(shares)


class DunningStep(StrEnum):
    """What is done about a payment that failed."""

    REMIND = "remind"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Dunning:
    """A step and how long after the failure it is due."""

    after: timedelta
    step: DunningStep


# Leads stop with the failure itself: who may have one looks at the subscription's state.
DUNNING: tuple[Dunning, ...] = (
    Dunning(timedelta(days=0), DunningStep.REMIND),
    Dunning(timedelta(days=3), DunningStep.REMIND),
    Dunning(timedelta(days=7), DunningStep.REMIND),
    Dunning(timedelta(days=14), DunningStep.CANCEL),
)


def next_dunning(reminders_sent: int, schedule: Sequence[Dunning] = DUNNING) -> Dunning:
    """The step that follows on the reminders sent so far; the last one repeats."""
    return schedule[min(max(reminders_sent, 0), len(schedule) - 1)]


def share_of(amount: Decimal, part: int, whole: int) -> Decimal:
    """`amount` x `part` / `whole` to the cent, half up; exact, since it is computed in whole numbers.

    Raises ValueError for an amount that is not of whole cents, or is below zero.
    """
    total = amount / CENT
    if total != total.to_integral_value() or total < 0:
        raise ValueError("an amount is of whole cents")
    return (2 * int(total) * part + whole) // (2 * whole) * CENT


def _within(amount: Decimal, limit: Decimal) -> Decimal:
    return max(min(amount, limit), NOTHING)


def _seconds(span: timedelta) -> int:
    return span // timedelta(seconds=1)
