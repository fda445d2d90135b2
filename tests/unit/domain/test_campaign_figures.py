"""Rates, exact money, and the reasons a campaign is paused for."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.campaign_figures import (
    BOUNCE_RATE,
    COMPLAINT_RATE,
    LOW_REPLY_RATE,
    ROI_LIMITS,
    Counters,
    Ripe,
    cost_per_acquisition,
    rates,
    return_on_investment,
    why_pause,
)
from domain.campaign_targets import ELIGIBLE, reachable

money = st.decimals(0, 10_000_000, places=4)


def test_rates_are_of_what_arrived() -> None:
    found = rates(
        Counters(
            emails_sent=200, emails_delivered=160, emails_opened=80, emails_clicked=16, emails_replied=8,
            calls_made=50, calls_answered=20, calls_interested=5, sms_sent=10, sms_delivered=8, sms_replied=2,
            contractors_targeted=100, meetings_booked=4, signups_generated=1,
        )
    )  # fmt: skip
    assert (found.delivered, found.opened, found.clicked, found.replied) == (0.8, 0.5, 0.1, 0.05)
    assert (found.calls_answered, found.calls_interested) == (0.4, 0.25)
    assert (found.sms_delivered, found.sms_replied, found.meetings, found.signups) == (0.8, 0.25, 0.04, 0.01)


def test_without_messages_there_are_no_rates() -> None:
    found = rates(Counters())
    assert {getattr(found, name) for name in found.__slots__} == {None}


@pytest.mark.parametrize(
    ("cost", "signups", "each"),
    [("100", 3, "33.33"), ("0.05", 10, "0.01"), ("0", 2, "0.00"), ("12.3456", 1, "12.35"), ("5", 0, None)],
)
def test_cost_per_acquisition(cost: str, signups: int, each: str | None) -> None:
    assert cost_per_acquisition(Decimal(cost), signups) == (None if each is None else Decimal(each))


@pytest.mark.parametrize(
    ("revenue", "cost", "percent"),
    [
        ("500", "100", "400.00"),
        ("100", "100", "0.00"),
        ("0", "0.01", "-100.00"),
        ("100", "300", "-66.67"),
        ("5", "0", None),
        ("99999999", "0.0001", "99999999.99"),
        ("-50", "10", "-100.00"),  # refunds of more than was earned
    ],
)
def test_return_on_investment(revenue: str, cost: str, percent: str | None) -> None:
    found = return_on_investment(Decimal(revenue), Decimal(cost))
    assert found == (None if percent is None else Decimal(percent))


@given(money, money)
def test_money_stays_exact_and_fits_its_column(revenue: Decimal, cost: Decimal) -> None:
    found = return_on_investment(revenue, cost)
    if found is None:
        assert cost == 0
        return
    assert found == found.quantize(Decimal("0.01")) and ROI_LIMITS[0] <= found <= ROI_LIMITS[1]
    assert (found > 0) <= (revenue > cost)


def ripe(delivered: int = 400, **changes: int) -> Ripe:
    values = {"sent": delivered, "delivered": delivered, "replied": 12, "bounced": 0, "complained": 0, "successes": 0}
    return Ripe(**{**values, **changes})


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        (ripe(), None),
        (ripe(delivered=0, replied=0), None),
        (ripe(delivered=299, replied=0), None),  # too few to tell
        (ripe(delivered=300, replied=0), LOW_REPLY_RATE),
        (ripe(delivered=300, replied=1), None),  # 0.3 %, but that may be bad luck
        (ripe(delivered=3000, replied=15), LOW_REPLY_RATE),
        (ripe(delivered=3000, replied=15, successes=1), None),  # its calls win customers
        (ripe(sent=99, bounced=50), None),
        (ripe(sent=400, bounced=30), BOUNCE_RATE),
        (ripe(sent=400, bounced=21), None),
        (ripe(sent=400, bounced=40, successes=9), BOUNCE_RATE),  # success is no excuse
        (ripe(complained=1), None),
        (ripe(complained=5), COMPLAINT_RATE),
    ],
)
def test_a_campaign_is_paused_only_with_evidence(figures: Ripe, reason: str | None) -> None:
    assert why_pause(figures) == reason


@pytest.mark.parametrize(
    ("channels", "has", "suppressed", "leads_there"),
    [
        (("email", "call"), {"email"}, {}, True),
        (("email",), {"phone"}, {}, False),
        (("email",), {"email"}, {"email": {"email"}}, False),
        (("email", "call"), {"email", "phone"}, {"email": {"email"}}, True),
        (("sms",), {"phone"}, {"phone": {"call"}}, True),
        (("sms",), {"phone"}, {"phone": {"sms"}}, False),
        (("email", "call"), {"email", "phone"}, {"phone": {"all"}}, False),  # a no by telephone is a no
        (("direct_mail",), {"address"}, {}, True),
        ((), {"email"}, {}, False),
        (("pigeon",), {"email"}, {}, False),
    ],
)
def test_who_can_be_reached(
    channels: tuple[str, ...], has: set[str], suppressed: dict[str, set[str]], leads_there: bool
) -> None:
    assert reachable(channels, has, suppressed) is leads_there


def test_no_campaign_is_for_customers() -> None:
    assert not {"onboarded", "active", "disqualified"} & {status for group in ELIGIBLE.values() for status in group}
