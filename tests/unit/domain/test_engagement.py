"""Scores that rise with interest and fade with time; a funnel in which nobody is lost."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.engagement import (
    FUNNEL,
    HALF_LIFE,
    LASTING,
    WEIGHTS,
    Moment,
    Sign,
    Stage,
    engagement,
    funnel,
    time_to_response,
)

NOW = datetime(2026, 6, 15, 15, tzinfo=UTC)
GOOD = [sign for sign, weight in WEIGHTS.items() if weight.points > 0]
signs = st.builds(Moment, st.sampled_from(list(Sign)), st.integers(0, 400).map(lambda days: NOW - timedelta(days=days)))


def score(*seen: Sign, ago: timedelta = timedelta(0)) -> int:
    return engagement([Moment(sign, NOW - ago) for sign in seen], NOW).score


def test_every_sign_has_a_weight() -> None:
    assert set(WEIGHTS) == set(Sign)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ((), 0),
        ((Sign.DELIVERED,), 1),
        ((Sign.DELIVERED, Sign.OPENED), 7),
        ((Sign.DELIVERED, Sign.OPENED, Sign.CLICKED), 21),
        ((Sign.REPLIED,), 50),
        ((Sign.REPLIED, Sign.DEMO_BOOKED), 84),
        ((Sign.REPLIED, Sign.DEMO_BOOKED, Sign.DEMO_ATTENDED, Sign.SIGNED_UP), 100),
        ((Sign.REPLIED, Sign.DECLINED), 0),
        ((Sign.SIGNED_UP, Sign.OPTED_OUT), 0),
        ((Sign.BOUNCED,), 0),
    ],
)
def test_scores_by_example(seen: tuple[Sign, ...], expected: int) -> None:
    assert score(*seen) == expected


def test_a_reply_is_worth_more_than_any_number_of_opens() -> None:
    assert score(*[Sign.OPENED] * 500) < score(Sign.REPLIED)


def test_interest_fades_by_half_in_its_half_life() -> None:
    fresh, old = (
        engagement([Moment(Sign.CLICKED, NOW - age)], NOW).parts[0].points for age in (timedelta(0), HALF_LIFE)
    )
    assert old == pytest.approx(fresh / 2)
    for sign in LASTING:
        assert score(sign) == score(sign, ago=timedelta(days=400))


@given(st.lists(signs, max_size=30))
def test_the_score_is_a_score_and_its_parts_add_up(moments: list[Moment]) -> None:
    found = engagement(moments, NOW)
    assert 0 <= found.score <= 100
    assert sum(part.seen for part in found.parts) == len(moments)
    points = max(0.0, sum(part.points for part in found.parts))
    assert found.score == round(100 * (1 - 0.5 ** (points / 25)))


@given(st.lists(signs, max_size=20), st.sampled_from(GOOD))
def test_a_good_sign_never_lowers_the_score(moments: list[Moment], sign: Sign) -> None:
    assert engagement([*moments, Moment(sign, NOW)], NOW).score >= engagement(moments, NOW).score


@given(st.lists(signs, max_size=20).filter(lambda moments: all(WEIGHTS[each.sign].points > 0 for each in moments)))
def test_the_score_never_rises_by_waiting(moments: list[Moment]) -> None:
    assert engagement(moments, NOW + timedelta(days=10)).score <= engagement(moments, NOW).score


def test_a_clock_ahead_of_ours_does_no_harm() -> None:
    assert engagement([Moment(Sign.REPLIED, NOW + timedelta(hours=3))], NOW).score == 50


def test_time_to_response() -> None:
    assert time_to_response(NOW, NOW + timedelta(hours=5)) == timedelta(hours=5)
    assert time_to_response(NOW, None) is None
    assert time_to_response(None, NOW) is None
    assert time_to_response(NOW, NOW - timedelta(seconds=1)) is None


def test_whoever_signed_up_was_interested_too() -> None:
    steps = {step.stage: step for step in funnel({Stage.TARGETED: 40, Stage.CONTACTED: 30, Stage.DEMO: 6,
                                                  Stage.SIGNED_UP: 4})}  # fmt: skip
    assert [steps[stage].reached for stage in FUNNEL] == [80, 40, 10, 10, 10, 10, 4]
    assert steps[Stage.TARGETED].of_previous is None
    assert (steps[Stage.CONTACTED].of_previous, steps[Stage.SIGNED_UP].of_previous) == (0.5, 0.4)


@given(st.dictionaries(st.sampled_from(list(Stage)), st.integers(0, 500)))
def test_a_funnel_only_narrows(furthest: dict[Stage, int]) -> None:
    steps = funnel(furthest)
    reached = [step.reached for step in steps]
    assert reached == sorted(reached, reverse=True) and reached[0] == sum(furthest.values())
    assert all(step.of_previous is None or 0 <= step.of_previous <= 1 for step in steps)
