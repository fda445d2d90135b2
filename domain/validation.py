"""Is the ensemble's verdict right? Five stages combined in log-odds (spec 3.4.4).

The prior is the ensemble's own confidence, held between 5 % and 90 %: no model is proof of itself. Each
stage then multiplies the odds by a likelihood ratio: how much more often this evidence is seen when the
verdict is right than when it is wrong. A stage without data abstains with ratio 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from domain.bands import Band, band_for
from domain.roof import CONDITIONS, RoofCondition

REQUIRED_CONFIDENCE = 95.0
PRIOR_BOUNDS = (0.05, 0.90)
AGREEMENT_REQUIRED = 85.0
ANOMALY_SIGMAS = 2.0
# Fewer similar properties than this say nothing about the next one.
SIMILAR_MINIMUM = 10
SPREAD_MINIMUM = 5.0
# How long a reviewer may take, and how long a reviewer's finding counts as ground truth.
REVIEW_EXPIRES_AFTER = timedelta(days=7)
TRUTH_HOLDS_FOR = timedelta(days=365)


class ValidationStage(StrEnum):
    """The five stages, in the spec's order."""

    IMAGE_CONSISTENCY = "image_consistency"
    CROSS_SOURCE = "cross_source"
    STATISTICAL_ANOMALY = "statistical_anomaly"
    GROUND_TRUTH = "ground_truth"
    CONFIDENCE = "confidence"


@dataclass(frozen=True, slots=True)
class SimilarRoofs:
    """Analysed roofs of about the same age in the same city, on the ensemble's scale 0-100."""

    count: int
    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class ValidationEvidence:
    """What is known beside the verdict. None or zero means no data, never "no"."""

    condition: RoofCondition
    score: float
    confidence: float
    agreement: float | None = None
    roof_age_years: float | None = None
    recent_hail_inches: float | None = None
    years_since_roof_permit: float | None = None
    neighbor_permits_90d: int = 0
    similar: SimilarRoofs | None = None
    known_condition: RoofCondition | None = None


@dataclass(frozen=True, slots=True)
class StageResult:
    """One stage: None for `passed` when it abstained; `ratio` is the product of its likelihood ratios."""

    stage: ValidationStage
    passed: bool | None
    ratio: float
    evidence: str


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """All five stages; `confidence` 0-100."""

    stages: tuple[StageResult, ...]
    confidence: float
    needs_review: bool

    @property
    def failed_stages(self) -> tuple[str, ...]:
        """Names of the stages that spoke against the verdict or, for the last, were not enough."""
        return tuple(str(stage.stage) for stage in self.stages if stage.passed is False)


# Likelihood ratios. Agreement of overhead and street views, from this percentage on.
AGREEMENT_RATIOS = ((95.0, 3.0), (AGREEMENT_REQUIRED, 2.5), (70.0, 0.4), (0.0, 0.2))
# Grades between the verdict and what a roof of this age usually looks like.
AGE_DISTANCE_RATIOS = {0: 2.0, 1: 1.4, 2: 0.6, 3: 0.35, 4: 0.25}
# Hail of at least an inch in the last 180 days, by the verdict; a smaller stone says little.
HAIL_MINIMUM_INCHES = 1.0
HAIL_RATIOS = {
    RoofCondition.CRITICAL: 1.6,
    RoofCondition.POOR: 1.6,
    RoofCondition.FAIR: 1.4,
    RoofCondition.GOOD: 1.0,
    RoofCondition.EXCELLENT: 0.8,
}
# A roof finished within three years, by the verdict (the age says the rest).
RECENT_PERMIT_YEARS = 3.0
RECENT_PERMIT_RATIOS = {
    RoofCondition.EXCELLENT: 1.3,
    RoofCondition.GOOD: 1.1,
    RoofCondition.FAIR: 0.8,
    RoofCondition.POOR: 0.5,
    RoofCondition.CRITICAL: 0.4,
}
# Five and more re-roofs next door in 90 days: the neighbourhood is of an age, by the verdict.
NEIGHBOR_MINIMUM = 5
NEIGHBOR_RATIOS = {
    RoofCondition.CRITICAL: 1.3,
    RoofCondition.POOR: 1.3,
    RoofCondition.FAIR: 1.2,
    RoofCondition.GOOD: 1.0,
    RoofCondition.EXCELLENT: 0.9,
}
# Standard deviations from similar roofs, up to this many.
SIGMA_RATIOS = ((1.0, 1.2), (ANOMALY_SIGMAS, 1.0), (3.0, 0.5), (math.inf, 0.3))
# Grades between the verdict and a person's finding for this property.
TRUTH_DISTANCE_RATIOS = {0: 50.0, 1: 0.5, 2: 0.1, 3: 0.02, 4: 0.01}

# Grade a roof usually has at an age in years (spec 3.4.1; 20 counts as poor).
AGE_GRADES = (
    Band(20, 4, "critical", exclusive=True),
    Band(15, 3, "poor", exclusive=True),
    Band(10, 2, "fair", exclusive=True),
    Band(3, 1, "good", exclusive=True),
    Band(0, 0, "excellent"),
)


def validate(evidence: ValidationEvidence) -> ValidationReport:
    """Run the five stages; below 95 the verdict needs a person."""
    stages = (
        _consistency(evidence),
        _cross_source(evidence),
        _anomaly(evidence),
        _ground_truth(evidence),
    )
    confidence = combine_odds(evidence.confidence, [stage.ratio for stage in stages])
    enough = confidence >= REQUIRED_CONFIDENCE
    final = StageResult(
        ValidationStage.CONFIDENCE,
        enough,
        1.0,
        f"combined confidence {confidence:.1f} % of the {REQUIRED_CONFIDENCE:.0f} % required",
    )
    return ValidationReport((*stages, final), confidence, not enough)


def combine_odds(prior_percent: float, ratios: Sequence[float]) -> float:
    """Posterior in percent: bounded prior odds times all likelihood ratios."""
    low, high = PRIOR_BOUNDS
    prior = min(max(prior_percent / 100.0, low), high)
    log_odds = math.log(prior / (1.0 - prior)) + sum(math.log(ratio) for ratio in ratios)
    return 100.0 / (1.0 + math.exp(-log_odds))


def expected_condition(age_years: float) -> RoofCondition:
    """What an undamaged roof of this age usually looks like (spec 3.4.1)."""
    return CONDITIONS[band_for(AGE_GRADES, age_years).points]


def _abstain(stage: ValidationStage, why: str) -> StageResult:
    return StageResult(stage, None, 1.0, why)


def _consistency(evidence: ValidationEvidence) -> StageResult:
    stage = ValidationStage.IMAGE_CONSISTENCY
    if evidence.agreement is None:
        return _abstain(stage, "no overhead and street view to compare")
    ratio = next(ratio for floor, ratio in AGREEMENT_RATIOS if evidence.agreement >= floor or floor == 0.0)
    passed = evidence.agreement >= AGREEMENT_REQUIRED
    return StageResult(
        stage,
        passed,
        ratio,
        f"overhead and street views agree by {evidence.agreement:.0f} %",
    )


def _cross_source(evidence: ValidationEvidence) -> StageResult:
    stage = ValidationStage.CROSS_SOURCE
    checks = [
        check
        for check in (
            _age(evidence),
            _permit(evidence),
            _hail(evidence),
            _neighbors(evidence),
        )
        if check
    ]
    if not checks:
        return _abstain(stage, "no permit, age, storm or neighbourhood data")
    ratio = math.prod(ratio for ratio, _ in checks)
    return StageResult(stage, ratio >= 1.0, ratio, "; ".join(text for _, text in checks))


def _age(evidence: ValidationEvidence) -> tuple[float, str] | None:
    if evidence.roof_age_years is None:
        return None
    usual = expected_condition(evidence.roof_age_years)
    ratio = AGE_DISTANCE_RATIOS[abs(usual.rank - evidence.condition.rank)]
    return (
        ratio,
        f"a roof of {evidence.roof_age_years:.0f} years is usually {usual} (×{ratio:g})",
    )


def _permit(evidence: ValidationEvidence) -> tuple[float, str] | None:
    years = evidence.years_since_roof_permit
    if years is None or years > RECENT_PERMIT_YEARS:
        return None
    ratio = RECENT_PERMIT_RATIOS[evidence.condition]
    return ratio, f"roof work finished {years:.1f} years ago (×{ratio:g})"


def _hail(evidence: ValidationEvidence) -> tuple[float, str] | None:
    inches = evidence.recent_hail_inches
    if inches is None or inches < HAIL_MINIMUM_INCHES:
        return None
    ratio = HAIL_RATIOS[evidence.condition]
    return ratio, f"{inches:g} inch hail in the last 180 days (×{ratio:g})"


def _neighbors(evidence: ValidationEvidence) -> tuple[float, str] | None:
    count = evidence.neighbor_permits_90d
    if count < NEIGHBOR_MINIMUM:
        return None
    ratio = NEIGHBOR_RATIOS[evidence.condition]
    return ratio, f"{count} neighbours re-roofed in 90 days (×{ratio:g})"


def _anomaly(evidence: ValidationEvidence) -> StageResult:
    stage = ValidationStage.STATISTICAL_ANOMALY
    similar = evidence.similar
    if similar is None or similar.count < SIMILAR_MINIMUM:
        return _abstain(stage, "too few similar properties to compare with")
    sigmas = abs(evidence.score - similar.mean) / max(similar.deviation, SPREAD_MINIMUM)
    ratio = next(ratio for limit, ratio in SIGMA_RATIOS if sigmas <= limit)
    text = f"{sigmas:.1f} standard deviations from {similar.count} similar properties"
    return StageResult(stage, sigmas <= ANOMALY_SIGMAS, ratio, text)


def _ground_truth(evidence: ValidationEvidence) -> StageResult:
    stage = ValidationStage.GROUND_TRUTH
    if evidence.known_condition is None:
        return _abstain(stage, "no human-validated finding for this property")
    distance = abs(evidence.known_condition.rank - evidence.condition.rank)
    text = f"a person found {evidence.known_condition}"
    return StageResult(stage, distance == 0, TRUTH_DISTANCE_RATIOS[distance], text)
