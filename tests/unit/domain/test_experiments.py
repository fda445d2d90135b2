"""Arms, and winners that are more than chance: numbers against closed forms, rules against simulated tests."""

import random
from collections import Counter
from math import exp, lgamma, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.experiments import (
    ALPHA,
    MAXIMUM_ARMS,
    MINIMUM_TRIALS,
    PRIOR,
    State,
    Tally,
    arm_for,
    bayes_factor,
    choose,
    judge,
    winner_of,
)


def tallies(**arms: tuple[int, int]) -> dict[str, Tally]:
    """Arms as (successes, trials)."""
    return {name: Tally(trials, successes) for name, (successes, trials) in arms.items()}


def closed_form(a: Tally, b: Tally) -> float:
    """P(b is better) as the exact sum for whole-numbered beta posteriors."""

    def log_beta(x: float, y: float) -> float:
        return lgamma(x) + lgamma(y) - lgamma(x + y)

    (a1, b1), (a2, b2) = ((PRIOR[0] + t.successes, PRIOR[1] + t.trials - t.successes) for t in (a, b))
    return sum(
        exp(log_beta(a1 + i, b1 + b2) - log(b2 + i) - log_beta(1 + i, b2) - log_beta(a1, b1)) for i in range(int(a2))
    )


# Arms


@given(st.text(max_size=80), st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=5, unique=True))
def test_a_key_always_gets_the_same_arm(key: str, arms: list[str]) -> None:
    assert arm_for(key, arms) == arm_for(key, tuple(arms)) and arm_for(key, arms) in arms


@pytest.mark.parametrize("arms", [("a", "b"), ("a", "b", "c")])
def test_arms_are_even_over_many_keys(arms: tuple[str, ...]) -> None:
    counted = Counter(arm_for(f"campaign|contractor-{number}|template", arms) for number in range(6000))
    assert all(abs(counted[arm] - 6000 / len(arms)) < 4 * (6000 * 0.25) ** 0.5 for arm in arms)


def test_two_tests_divide_the_same_people_differently() -> None:
    both = Counter((arm_for(f"{who}|first", ("a", "b")), arm_for(f"{who}|second", ("a", "b"))) for who in range(4000))
    assert all(850 < number < 1150 for number in both.values()) and len(both) == 4


def test_the_winner_is_used_once_there_is_one() -> None:
    assert {choose(f"{who}", ("a", "b"), "b") for who in range(50)} == {"b"}
    assert choose("x", ("a", "b"), "no longer there") == arm_for("x", ("a", "b"))
    assert choose("x", ()) is None
    with pytest.raises(ValueError, match="at least one"):
        arm_for("x", ())


@pytest.mark.parametrize("kept", [None, {}, {"letter": None}, {"letter": {"winner": None}}, {"other": {"winner": "a"}}])
def test_a_test_without_a_winner(kept: dict[str, object] | None) -> None:
    assert winner_of(kept, "letter") is None
    assert winner_of({"letter": {"winner": "b"}}, "letter") == "b"


# Numbers


@settings(max_examples=60)
@given(st.integers(0, 60), st.integers(60, 3000), st.integers(0, 60), st.integers(60, 200_000))
def test_probability_of_being_best_equals_the_closed_form(s1: int, n1: int, s2: int, n2: int) -> None:
    one, two = Tally(n1, s1), Tally(n2, s2)
    verdict = judge({"one": one, "two": two})
    assert verdict.arms["two"].best == pytest.approx(closed_form(one, two), abs=2e-3)
    assert sum(arm.best for arm in verdict.arms.values()) == pytest.approx(1)


def test_equal_arms_are_equally_likely_to_be_best() -> None:
    verdict = judge(tallies(a=(9, 300), b=(9, 300), c=(9, 300)))
    assert [arm.best for arm in verdict.arms.values()] == pytest.approx([1 / 3] * 3)
    assert len({arm.loss for arm in verdict.arms.values()}) == 1


def test_expected_loss_equals_a_simulation() -> None:
    verdict = judge(tallies(a=(20, 400), b=(28, 380), c=(15, 410)))
    rng = random.Random(7)
    draws = [
        {name: rng.betavariate(PRIOR[0] + arm.successes, PRIOR[1] + arm.trials - arm.successes) for name, arm in
         verdict.arms.items()}
        for _ in range(40_000)
    ]  # fmt: skip
    for name, arm in verdict.arms.items():
        simulated = sum(max(draw.values()) - draw[name] for draw in draws) / len(draws)
        assert arm.loss == pytest.approx(simulated, abs=4e-4)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(50, 5000)), min_size=1, max_size=5))
def test_every_verdict_holds_together(arms: list[tuple[int, int]]) -> None:
    verdict = judge({str(index): Tally(trials, successes) for index, (successes, trials) in enumerate(arms)})
    assert all(0 <= arm.best <= 1.000001 and arm.loss >= 0 for arm in verdict.arms.values())
    assert (verdict.state is State.WON) == (verdict.winner is not None)
    if verdict.winner is not None:
        assert verdict.arms[verdict.winner].rate == max(arm.rate for arm in verdict.arms.values())


def test_the_bayes_factor_says_which_story_fits() -> None:
    assert bayes_factor(Tally(1000, 50), Tally(1000, 50)) < 1 < bayes_factor(Tally(1000, 50), Tally(1000, 90))
    assert bayes_factor(Tally(10, 3), Tally(70, 4)) == pytest.approx(bayes_factor(Tally(70, 4), Tally(10, 3)))
    assert bayes_factor(Tally(0, 0), Tally(0, 0)) == pytest.approx(1)


def test_impossible_tallies_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0"):
        Tally(3, 4)
    with pytest.raises(ValueError, match="too many"):
        judge({str(number): Tally(0, 0) for number in range(MAXIMUM_ARMS + 1)})


# The rule


def test_nothing_is_concluded_from_too_few() -> None:
    assert judge({}).state is State.TOO_FEW
    assert judge(tallies(a=(900, 1000))).state is State.TOO_FEW
    assert judge(tallies(a=(0, MINIMUM_TRIALS), b=(60, MINIMUM_TRIALS - 1))).state is State.TOO_FEW


def test_a_better_raw_rate_alone_is_no_win() -> None:
    verdict = judge(tallies(a=(9, 300), b=(16, 300)))  # 3.0 % against 5.3 %
    assert (verdict.state, verdict.winner) == (State.UNDECIDED, None)


def test_a_clear_difference_wins() -> None:
    verdict = judge(tallies(a=(30, 1000), b=(75, 1000)))
    assert (verdict.state, verdict.winner) == (State.WON, "b")


def test_a_winner_must_beat_every_rival() -> None:
    assert judge(tallies(a=(75, 1000), b=(30, 1000), c=(74, 1000))).winner is None
    assert judge(tallies(a=(120, 1000), b=(30, 1000), c=(50, 1000))).winner == "a"


def winner_while_peeking(rates: tuple[float, float], rng: random.Random, looks: int = 40, step: int = 50) -> str | None:
    """One test of two arms, looked at after every `step` messages per arm; ends at the first winner."""
    successes = [0, 0]
    for look in range(1, looks + 1):
        for arm, rate in enumerate(rates):
            successes[arm] += sum(rng.random() < rate for _ in range(step))
        one, two = (Tally(look * step, number) for number in successes)
        # The verdict needs this much evidence anyway; asking for it first keeps the test short.
        if bayes_factor(one, two) < 1 / ALPHA:
            continue
        winner = judge({"a": one, "b": two}).winner
        if winner is not None:
            return winner
    return None


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.1])
def test_equal_arms_rarely_have_a_winner_however_often_one_looks(rate: float) -> None:
    rng = random.Random(f"equal {rate}")
    false = sum(winner_while_peeking((rate, rate), rng) is not None for _ in range(300))
    # At most ALPHA; three standard errors on top for the simulation itself.
    assert false / 300 <= ALPHA + 3 * (ALPHA * (1 - ALPHA) / 300) ** 0.5


def test_a_real_difference_is_found_and_in_the_right_direction() -> None:
    rng = random.Random("different")
    found = Counter(winner_while_peeking((0.03, 0.065), rng) for _ in range(150))
    assert found["b"] >= 140 and found["a"] <= 2
