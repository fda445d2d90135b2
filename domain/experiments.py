"""A/B tests: who gets which arm, and when one arm has won (spec 3.6.5).

An arm's response rate is a beta-binomial. A campaign is looked at every hour, and a test that is looked
at often enough always finds a winner by chance unless its rule allows for that. So a winner must pass
three hurdles at once: the probability of being best, an expected loss too small to care about, and a
Bayes factor against "both arms are the same". The last one holds however often one looks: while two
arms are the same it reaches 1/ALPHA in at most ALPHA of all tests (Ville's inequality).
Everything is computed by integration on a grid, so the same tallies always give the same verdict.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import exp, lgamma, log, log1p, prod, sqrt

PRIOR = (1.0, 19.0)
"""Beta prior of every arm: one message in twenty is answered, give or take a lot."""
MINIMUM_TRIALS = 100
"""Per arm, before anything is concluded."""
PROBABILITY_OF_BEST = 0.95
MAXIMUM_LOSS = 0.001
"""Answers per message that choosing the winner may cost if it is not the best after all."""
ALPHA = 0.05
"""Share of tests between equal arms that may end with a winner, however often one looks."""
MAXIMUM_ARMS = 10

_POINTS = 256
"""Grid points per arm, over `_SPREAD` standard deviations on both sides of its mean."""
_SPREAD = 9.0


class State(StrEnum):
    """How a test stands."""

    TOO_FEW = "too_few"
    """Some arm has fewer than `MINIMUM_TRIALS`."""
    UNDECIDED = "undecided"
    WON = "won"


@dataclass(frozen=True, slots=True)
class Tally:
    """What an arm did: messages that arrived, and those that were answered without a refusal."""

    trials: int
    successes: int

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.trials:
            raise ValueError("successes must lie between 0 and the number of trials")


@dataclass(frozen=True, slots=True)
class ArmVerdict:
    """One arm as the data show it. `rate` is the posterior mean."""

    trials: int
    successes: int
    rate: float
    best: float
    """Probability of being the best arm; the arms' add up to one."""
    loss: float
    """Answers per message given away on average by choosing this arm."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of a test; `winner` only when it is WON. `evidence`: the leader's weakest Bayes factor."""

    state: State
    arms: Mapping[str, ArmVerdict]
    winner: str | None = None
    evidence: float = 1.0


def arm_for(key: str, arms: Sequence[str]) -> str:
    """The arm of a key: the same for ever, and every arm equally often over many keys.

    Put campaign, contractor and template in the key, so that two tests divide the same people differently.
    Raises ValueError without arms.
    """
    if not arms:
        raise ValueError("an experiment needs at least one arm")
    digest = hashlib.sha256(key.encode()).digest()
    return arms[int.from_bytes(digest[:8]) % len(arms)]


def choose(key: str, arms: Sequence[str], winner: str | None = None) -> str | None:
    """The arm to use now: the winner once there is one, else that of the key; None for a touch without arms."""
    if not arms:
        return None
    return winner if winner in arms else arm_for(key, arms)


def winner_of(experiments: Mapping[str, object] | None, template: str) -> str | None:
    """The arm that won the test of a template, as a campaign keeps it; None while there is none."""
    found = (experiments or {}).get(template)
    winner = found.get("winner") if isinstance(found, Mapping) else None
    return winner if isinstance(winner, str) else None


def judge(tallies: Mapping[str, Tally]) -> Verdict:
    """How a test between these arms stands. Raises ValueError for more than `MAXIMUM_ARMS`."""
    if len(tallies) > MAXIMUM_ARMS:
        raise ValueError("too many arms")
    arms = _arms(tallies)
    if len(arms) < 2 or any(tally.trials < MINIMUM_TRIALS for tally in tallies.values()):
        return Verdict(State.TOO_FEW, arms)
    leader = max(arms, key=lambda name: (arms[name].rate, name))
    rivals = [name for name in arms if name != leader]
    evidence = min(bayes_factor(tallies[leader], tallies[rival]) for rival in rivals)
    won = (
        arms[leader].best >= PROBABILITY_OF_BEST
        and arms[leader].loss <= MAXIMUM_LOSS
        # Beating each of several rivals is several tests.
        and evidence >= len(rivals) / ALPHA
    )
    if not won:
        return Verdict(State.UNDECIDED, arms, evidence=evidence)
    return Verdict(State.WON, arms, leader, evidence)


def bayes_factor(one: Tally, other: Tally) -> float:
    """How much better "each has its own rate" explains two tallies than "both have the same" does."""
    apart = sum(_log_marginal(tally.trials, tally.successes) for tally in (one, other))
    together = _log_marginal(one.trials + other.trials, one.successes + other.successes)
    return exp(min(apart - together, 700.0))


def _log_marginal(trials: int, successes: int) -> float:
    """Logarithm of the probability of one particular order of answers, over the prior."""
    a, b = PRIOR
    return _log_beta(a + successes, b + trials - successes) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _posterior(tally: Tally) -> tuple[float, float]:
    a, b = PRIOR
    return a + tally.successes, b + tally.trials - tally.successes


def _arms(tallies: Mapping[str, Tally]) -> dict[str, ArmVerdict]:
    """Every arm with its probability of being best and its expected loss.

    With density f and distribution F of each arm: P(i is best) is the integral of f_i times the other
    arms' F; the mean of the best arm is the upper end less the integral of the product of all F.
    """
    if not tallies:
        return {}
    posteriors = {name: _posterior(tally) for name, tally in tallies.items()}
    grid = _grid(list(posteriors.values()))
    steps = [right - left for left, right in pairwise(grid)]
    densities = {name: _density(grid, steps, *shape) for name, shape in posteriors.items()}
    below = {name: _cumulated(steps, density) for name, density in densities.items()}
    mean_of_best = grid[-1] - _integral(steps, [prod(values) for values in zip(*below.values(), strict=True)])
    chances = {
        name: _integral(steps, _product(density, *(below[other] for other in below if other != name)))
        for name, density in densities.items()
    }
    total = sum(chances.values())
    return {
        name: ArmVerdict(
            trials=tallies[name].trials,
            successes=tallies[name].successes,
            rate=a / (a + b),
            best=chances[name] / total,
            loss=max(0.0, mean_of_best - a / (a + b)),
        )
        for name, (a, b) in posteriors.items()
    }


def _grid(shapes: Sequence[tuple[float, float]]) -> list[float]:
    """Points fine enough for the narrowest arm where it lies, and wide enough for the widest."""
    points: set[float] = set()
    for a, b in shapes:
        mean = a / (a + b)
        deviation = sqrt(mean * (1 - mean) / (a + b + 1))
        low, high = max(0.0, mean - _SPREAD * deviation), min(1.0, mean + _SPREAD * deviation)
        points.update(low + (high - low) * step / (_POINTS - 1) for step in range(_POINTS))
    return sorted(points)


def _density(grid: Sequence[float], steps: Sequence[float], a: float, b: float) -> list[float]:
    """The beta density, scaled so that it adds up to one on the grid."""
    norm = _log_beta(a, b)
    raw = [_beta(x, a, b, norm) for x in grid]
    total = _integral(steps, raw)
    return [value / total for value in raw]


def _beta(x: float, a: float, b: float, norm: float) -> float:
    if x <= 0.0:
        return exp(-norm) if a == 1.0 else 0.0
    if x >= 1.0:
        return exp(-norm) if b == 1.0 else 0.0
    return exp((a - 1) * log(x) + (b - 1) * log1p(-x) - norm)


def _cumulated(steps: Sequence[float], density: Sequence[float]) -> list[float]:
    total, sums = 0.0, [0.0]
    for step, (left, right) in zip(steps, pairwise(density), strict=True):
        total += step * (left + right) / 2
        sums.append(min(1.0, total))
    return sums


def _integral(steps: Sequence[float], values: Sequence[float]) -> float:
    return sum(step * (left + right) / 2 for step, (left, right) in zip(steps, pairwise(values), strict=True))


def _product(*columns: Sequence[float]) -> list[float]:
    return [prod(values) for values in zip(*columns, strict=True)]
