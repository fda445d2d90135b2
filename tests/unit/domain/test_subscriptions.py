"""Prices, prorations, refunds and reminders of subscriptions (spec 3.6.6)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.matching import Tier
from domain.subscriptions import (
    DUNNING,
    GUARANTEE_MINIMUM_LEADS,
    PLANS,
    DunningStep,
    GuaranteeDecision,
    Refundable,
    first_month,
    judge_guarantee,
    next_dunning,
    prorate,
    share_of,
    spread,
    unused_refund,
)

START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
money = st.decimals(min_value=0, max_value=10_000, places=2)
moments = st.integers(0, int((END - START).total_seconds())).map(lambda seconds: START + timedelta(seconds=seconds))


def test_the_tiers_are_those_of_the_spec() -> None:
    table = {tier: (str(plan.fee), plan.leads, plan.allowance) for tier, plan in PLANS.items()}
    assert table == {
        Tier.STARTER: ("500.00", (10, 15), 15),
        Tier.PROFESSIONAL: ("2000.00", (40, 50), 50),
        Tier.ENTERPRISE: ("5000.00", (100, None), 100),
    }


@pytest.mark.parametrize(("percent", "price"), [(0, "2000"), (50, "1000"), (33, "1340"), (100, "0")])
def test_a_promo_code_is_taken_off_the_first_month(percent: int, price: str) -> None:
    assert first_month(Tier.PROFESSIONAL, percent) == Decimal(price)


@pytest.mark.parametrize("percent", [-1, 101])
def test_no_discount_pays_out(percent: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        first_month(Tier.STARTER, percent)


@pytest.mark.parametrize(
    ("at", "credit", "charge"),
    [
        (START, "500.00", "2000.00"),
        (START + timedelta(days=15), "250.00", "1000.00"),
        (START + timedelta(days=20), "166.67", "666.67"),
        (START + timedelta(days=30) - timedelta(seconds=1), "0.00", "0.00"),
        (END + timedelta(days=1), "0.00", "0.00"),
        (START - timedelta(days=1), "500.00", "2000.00"),
    ],
)
def test_a_change_is_prorated_by_the_seconds_left(at: datetime, credit: str, charge: str) -> None:
    change = prorate(Decimal(500), Decimal(2000), START, END, at)
    assert (change.credit, change.charge) == (Decimal(credit), Decimal(charge))


def test_half_a_cent_is_rounded_up() -> None:
    assert share_of(Decimal("0.01"), 1, 2) == Decimal("0.01")
    assert share_of(Decimal("0.03"), 1, 2) == Decimal("0.02")
    assert share_of(Decimal("0.01"), 49, 100) == Decimal("0.00")


@pytest.mark.parametrize("amount", ["0.001", "-0.01"])
def test_only_whole_cents_are_shared(amount: str) -> None:
    with pytest.raises(ValueError, match="whole cents"):
        share_of(Decimal(amount), 1, 2)


@given(paid=money, at=moments)
def test_what_is_used_and_what_is_credited_make_what_was_paid(paid: Decimal, at: datetime) -> None:
    credit = prorate(paid, Decimal(0), START, END, at).credit
    used = prorate(paid, Decimal(0), START, END, START + (END - at)).credit
    assert abs(credit + used - paid) <= Decimal("0.01"), "each half is rounded once"
    assert Decimal(0) <= credit <= paid


@given(fee=money, moment=moments, later=moments)
def test_the_later_the_change_the_less_changes_hands(fee: Decimal, moment: datetime, later: datetime) -> None:
    earlier, later = sorted((moment, later))
    first, second = (prorate(fee, fee, START, END, at) for at in (earlier, later))
    assert first.credit >= second.credit
    assert first.charge >= second.charge
    assert first.total == second.total == 0, "the same price: nothing to pay"


@given(paid=money, tier=st.sampled_from(Tier), at=moments)
def test_a_dearer_tier_is_never_a_credit(paid: Decimal, tier: Tier, at: datetime) -> None:
    change = prorate(min(paid, PLANS[tier].fee), PLANS[tier].fee, START, END, at)
    assert change.total >= 0


@pytest.mark.parametrize(
    ("used", "refund"), [(0, "500.00"), (5, "333.33"), (14, "33.33"), (15, "0.00"), (16, "0.00"), (-1, "500.00")]
)
def test_unused_leads_go_back(used: int, refund: str) -> None:
    assert unused_refund(Decimal(500), 15, used) == Decimal(refund)


@given(paid=money, refunded=money, allowance=st.integers(1, 100), used=st.integers(0, 120))
def test_never_more_goes_back_than_was_paid(paid: Decimal, refunded: Decimal, allowance: int, used: int) -> None:
    refund = unused_refund(paid, allowance, used, min(refunded, paid))
    assert 0 <= refund <= paid - min(refunded, paid)
    assert unused_refund(paid, allowance, used + 1) <= unused_refund(paid, allowance, used)


@pytest.mark.parametrize(
    ("bought", "won", "decision", "refund"),
    [
        (GUARANTEE_MINIMUM_LEADS - 1, 0, GuaranteeDecision.TOO_FEW_LEADS, "0"),
        (5, 0, GuaranteeDecision.PAID_BACK, "400"),
        (5, 1, GuaranteeDecision.KEPT, "0"),
        (6, 1, GuaranteeDecision.PAID_BACK, "400"),
        (10, 2, GuaranteeDecision.KEPT, "0"),
        (11, 2, GuaranteeDecision.PAID_BACK, "400"),
        (50, 50, GuaranteeDecision.KEPT, "0"),
    ],
)
def test_fewer_than_one_in_five_is_paid_back(bought: int, won: int, decision: GuaranteeDecision, refund: str) -> None:
    verdict = judge_guarantee(bought, won, Decimal(500), Decimal(100))
    assert (verdict.decision, verdict.refund) == (decision, Decimal(refund))


def test_what_went_back_before_does_not_go_back_again() -> None:
    verdict = judge_guarantee(10, 0, Decimal(500), Decimal(500))
    assert (verdict.decision, verdict.refund) == (GuaranteeDecision.NOTHING_LEFT, Decimal(0))


@given(
    paid=money,
    allowance=st.integers(1, 100),
    used=st.integers(0, 100),
    bought=st.integers(0, 100),
    won=st.integers(0, 100),
)
def test_unused_leads_and_guarantee_together_stay_within_the_price(
    paid: Decimal, allowance: int, used: int, bought: int, won: int
) -> None:
    unused = unused_refund(paid, allowance, used)
    verdict = judge_guarantee(bought, won, paid, unused)
    assert unused + verdict.refund <= paid
    if verdict.decision is GuaranteeDecision.PAID_BACK:
        assert unused + verdict.refund == paid


@given(amount=money, payments=st.lists(money, max_size=6))
def test_a_refund_is_spread_over_payments_and_none_bears_more_than_it_has(
    amount: Decimal, payments: list[Decimal]
) -> None:
    shares = spread(amount, [Refundable(number, remaining) for number, remaining in enumerate(payments)])
    assert sum((share for _, share in shares), Decimal(0)) == min(amount, sum(payments, Decimal(0)))
    assert all(0 < share <= payments[number] for number, share in shares)
    assert len({number for number, _ in shares}) == len(shares)


def test_reminders_go_out_on_days_0_3_and_7_and_day_14_ends_it() -> None:
    steps = [next_dunning(sent) for sent in range(5)]
    assert [(step.after.days, step.step) for step in steps] == [
        (0, DunningStep.REMIND),
        (3, DunningStep.REMIND),
        (7, DunningStep.REMIND),
        (14, DunningStep.CANCEL),
        (14, DunningStep.CANCEL),
    ]
    assert [step.after for step in DUNNING] == sorted(step.after for step in DUNNING)
