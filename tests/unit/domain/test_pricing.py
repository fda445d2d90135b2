from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.pricing import price_lead


@pytest.mark.parametrize(
    ("score", "price"),
    [(100, 200), (90, 200), (89, 175), (80, 175), (79, 150), (70, 150), (69, 125), (60, 125), (59, None), (0, None)],
)
def test_base_price(score: int, price: int | None) -> None:
    found = price_lead(score)
    assert (found and found.amount) == (None if price is None else Decimal(price))


@pytest.mark.parametrize(
    ("score", "urgent", "exclusive", "interested", "price"),
    [
        (95, True, False, 0, "240.00"),
        (95, False, True, 0, "220.00"),
        (95, False, False, 2, "230.00"),
        (95, False, False, 1, "200.00"),
        (60, True, True, 2, "189.75"),
        (85, True, True, 5, "265.65"),
    ],
)
def test_premiums_multiply(score: int, urgent: bool, exclusive: bool, interested: int, price: str) -> None:
    found = price_lead(score, urgent=urgent, exclusive_territory=exclusive, interested_contractors=interested)
    assert found is not None
    assert found.amount == Decimal(price)
    assert len(found.evidence) == 1 + urgent + exclusive + (interested >= 2)


@given(st.integers(0, 100), st.integers(0, 100), st.booleans(), st.booleans(), st.integers(0, 9))
def test_a_better_score_never_costs_less(a: int, b: int, urgent: bool, exclusive: bool, interested: int) -> None:
    low, high = (
        price_lead(score, urgent=urgent, exclusive_territory=exclusive, interested_contractors=interested)
        for score in sorted((a, b))
    )
    assert low is None or (high is not None and high.amount >= low.amount)


@given(st.integers(60, 100), st.booleans(), st.booleans(), st.integers(0, 9))
def test_prices_are_whole_cents_and_premiums_never_cheapen(
    score: int, urgent: bool, exclusive: bool, interested: int
) -> None:
    plain = price_lead(score)
    full = price_lead(score, urgent=urgent, exclusive_territory=exclusive, interested_contractors=interested)
    assert plain is not None
    assert full is not None
    assert full.amount >= plain.amount
    assert full.amount.as_tuple().exponent == -2
