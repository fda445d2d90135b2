"""What a campaign's counters add up to: rates, cost per acquisition, return, and when to pause it (spec 3.6.5)."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from domain.rates import share, wilson_high, wilson_low

CENT = Decimal("0.01")
ROI_LIMITS = (Decimal("-100.00"), Decimal("99999999.99"))
"""What the database's column holds; a return cannot be worse than losing everything."""
RIPE_AFTER = timedelta(days=3)
"""Answers take their time: younger messages say nothing yet of a campaign or of an arm."""

BOUNCE_RATE = "bounce_rate"
COMPLAINT_RATE = "complaint_rate"
LOW_REPLY_RATE = "low_reply_rate"

BOUNCE_SAMPLE, BOUNCE_TOLERATED = 100, 0.05
COMPLAINT_SAMPLE, COMPLAINT_TOLERATED = 300, 0.003
REPLY_SAMPLE, REPLY_FLOOR = 300, 0.01


@dataclass(frozen=True, slots=True)
class Counters:
    """What a campaign did and what came back, as `outreach_campaigns` counts it."""

    emails_sent: int = 0
    emails_delivered: int = 0
    emails_opened: int = 0
    emails_clicked: int = 0
    emails_replied: int = 0
    calls_made: int = 0
    calls_answered: int = 0
    calls_interested: int = 0
    sms_sent: int = 0
    sms_delivered: int = 0
    sms_replied: int = 0
    contractors_targeted: int = 0
    meetings_booked: int = 0
    signups_generated: int = 0


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares between 0 and 1; None where there is nothing to take a share of.

    Opens, clicks and replies are of what was delivered, sign-ups and meetings of the contractors targeted.
    """

    delivered: float | None
    opened: float | None
    clicked: float | None
    replied: float | None
    calls_answered: float | None
    calls_interested: float | None
    sms_delivered: float | None
    sms_replied: float | None
    meetings: float | None
    signups: float | None


@dataclass(frozen=True, slots=True)
class Ripe:
    """A campaign's e-mails that are old enough to judge it by, and what it has achieved altogether."""

    sent: int
    delivered: int
    replied: int
    bounced: int
    complained: int
    successes: int
    """Demos booked and sign-ups."""


def rates(counted: Counters) -> Rates:
    """The rates of spec 3.6.5."""
    return Rates(
        delivered=share(counted.emails_delivered, counted.emails_sent),
        opened=share(counted.emails_opened, counted.emails_delivered),
        clicked=share(counted.emails_clicked, counted.emails_delivered),
        replied=share(counted.emails_replied, counted.emails_delivered),
        calls_answered=share(counted.calls_answered, counted.calls_made),
        calls_interested=share(counted.calls_interested, counted.calls_answered),
        sms_delivered=share(counted.sms_delivered, counted.sms_sent),
        sms_replied=share(counted.sms_replied, counted.sms_delivered),
        meetings=share(counted.meetings_booked, counted.contractors_targeted),
        signups=share(counted.signups_generated, counted.contractors_targeted),
    )


def cost_per_acquisition(cost: Decimal, signups: int) -> Decimal | None:
    """US dollars spent for each contractor that signed up; None while nobody has."""
    return (cost / signups).quantize(CENT, ROUND_HALF_UP) if signups > 0 else None


def return_on_investment(revenue: Decimal, cost: Decimal) -> Decimal | None:
    """(revenue - cost) / cost in percent; None while nothing was spent."""
    if cost <= 0:
        return None
    percent = ((revenue - cost) / cost * 100).quantize(CENT, ROUND_HALF_UP)
    return min(max(percent, ROI_LIMITS[0]), ROI_LIMITS[1])


def why_pause(ripe: Ripe) -> str | None:
    """Why a campaign should not go on like this; None if it may.

    Each limit needs a sample and 95 % confidence. A campaign that wins demos or customers, by calls say, is
    not paused for the few answers to its e-mails.
    """
    if ripe.sent >= BOUNCE_SAMPLE and wilson_low(ripe.bounced, ripe.sent) > BOUNCE_TOLERATED:
        return BOUNCE_RATE
    if ripe.delivered >= COMPLAINT_SAMPLE and wilson_low(ripe.complained, ripe.delivered) > COMPLAINT_TOLERATED:
        return COMPLAINT_RATE
    answered_at_most = wilson_high(ripe.replied, ripe.delivered)
    if ripe.successes == 0 and ripe.delivered >= REPLY_SAMPLE and answered_at_most < REPLY_FLOOR:
        return LOW_REPLY_RATE
    return None
