from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.roof import CONDITIONS, RoofCondition
from domain.validation import (
    SimilarRoofs,
    ValidationEvidence,
    ValidationStage,
    combine_odds,
    expected_condition,
    validate,
)

POOR = ValidationEvidence(RoofCondition.POOR, 75.0, 80.0)


@pytest.mark.parametrize("confidence", [75.0, 80.0, 90.0])
def test_a_confident_consistent_corroborated_roof_passes(confidence: float) -> None:
    report = validate(replace(POOR, confidence=confidence, agreement=90.0, roof_age_years=18, recent_hail_inches=1.25))
    assert report.confidence >= 95
    assert not report.needs_review
    assert report.failed_stages == ()


@pytest.mark.parametrize("confidence", [0.0, 60.0, 94.9, 100.0])
def test_a_lone_verdict_never_passes(confidence: float) -> None:
    report = validate(replace(POOR, confidence=confidence))
    assert report.needs_review
    assert report.failed_stages == ("confidence",)
    assert [stage.passed for stage in report.stages[:4]] == [None] * 4
    assert all(stage.ratio == 1.0 and stage.evidence for stage in report.stages)


def test_a_sixty_percent_verdict_does_not_pass_on_images_age_and_hail() -> None:
    report = validate(replace(POOR, confidence=60.0, agreement=99.0, roof_age_years=18, recent_hail_inches=2.0))
    assert report.needs_review


def test_images_that_disagree_always_go_to_a_person_unless_one_has_seen_the_roof() -> None:
    best_other_evidence = product(CONDITIONS, (0, 5, 12, 18, 30), (None, 2.0), (None, 1.0), (0, 9), (84.9, 50.0))
    for condition, age, hail, permit, neighbors, agreement in best_other_evidence:
        report = validate(
            ValidationEvidence(
                condition=condition,
                score=condition.rank * 25.0,
                confidence=100.0,
                agreement=agreement,
                roof_age_years=age,
                recent_hail_inches=hail,
                years_since_roof_permit=permit,
                neighbor_permits_90d=neighbors,
                similar=SimilarRoofs(50, condition.rank * 25.0, 20.0),
            )
        )
        assert report.needs_review
        assert "image_consistency" in report.failed_stages


@pytest.mark.parametrize(("agreement", "passed"), [(84.99, False), (85.0, True), (100.0, True), (0.0, False)])
def test_agreement_of_85_is_required(agreement: float, passed: bool) -> None:
    assert validate(replace(POOR, agreement=agreement)).stages[0].passed is passed


@pytest.mark.parametrize(
    ("count", "score", "passed"),
    [(9, 0.0, None), (10, 75.0, True), (10, 55.0, True), (10, 54.9, False), (10, 0.0, False)],
)
def test_more_than_two_standard_deviations_is_an_anomaly(count: int, score: float, passed: bool | None) -> None:
    evidence = replace(POOR, score=score, similar=SimilarRoofs(count, 75.0, 10.0))
    assert validate(evidence).stages[2].passed is passed


def test_identical_neighbours_do_not_divide_by_zero() -> None:
    assert validate(replace(POOR, similar=SimilarRoofs(20, 75.0, 0.0))).stages[2].passed is True


def test_a_person_s_finding_decides() -> None:
    assert not validate(replace(POOR, confidence=50.0, known_condition=RoofCondition.POOR)).needs_review
    assert validate(replace(POOR, confidence=99.0, agreement=99.0, known_condition=RoofCondition.GOOD)).needs_review


def test_exactly_95_passes() -> None:
    assert combine_odds(50.0, [19.0]) == pytest.approx(95.0)
    odds = 19.0 / (0.8 / 0.2)
    assert combine_odds(80.0, [odds]) == pytest.approx(95.0)


@pytest.mark.parametrize(
    ("age", "condition"),
    [
        (0, "excellent"),
        (3, "excellent"),
        (3.1, "good"),
        (10, "good"),
        (11, "fair"),
        (15, "fair"),
        (16, "poor"),
        (20, "poor"),
        (21, "critical"),
        (80, "critical"),
    ],
)
def test_what_a_roof_looks_like_at_an_age(age: float, condition: str) -> None:
    assert expected_condition(age) is RoofCondition(condition)


evidences = st.builds(
    ValidationEvidence,
    condition=st.sampled_from(CONDITIONS),
    score=st.floats(0, 100),
    confidence=st.floats(0, 100),
    agreement=st.none() | st.floats(0, 100),
    roof_age_years=st.none() | st.floats(0, 60),
    recent_hail_inches=st.none() | st.floats(0, 5),
    years_since_roof_permit=st.none() | st.floats(0, 40),
    neighbor_permits_90d=st.integers(0, 30),
    similar=st.none() | st.builds(SimilarRoofs, st.integers(0, 99), st.floats(0, 100), st.floats(0, 40)),
    known_condition=st.none() | st.sampled_from(CONDITIONS),
)


@given(evidences)
def test_five_stages_a_percentage_and_review_below_95(evidence: ValidationEvidence) -> None:
    report = validate(evidence)
    assert [stage.stage for stage in report.stages] == list(ValidationStage)
    assert 0 <= report.confidence <= 100
    assert report.needs_review == (report.confidence < 95)


@given(evidences, st.floats(0, 100), st.floats(0, 100))
def test_more_confidence_and_more_agreement_never_lower_the_result(
    evidence: ValidationEvidence, a: float, b: float
) -> None:
    low, high = sorted((a, b))
    for field in ("confidence", "agreement"):
        before = validate(replace(evidence, **{field: low})).confidence
        assert validate(replace(evidence, **{field: high})).confidence >= before - 1e-9


@given(evidences)
def test_evidence_for_raises_and_evidence_against_lowers(evidence: ValidationEvidence) -> None:
    bare = replace(evidence, known_condition=None)
    without = validate(bare).confidence
    assert validate(replace(bare, known_condition=bare.condition)).confidence >= without
    other = CONDITIONS[4 if bare.condition.rank < 2 else 0]
    assert validate(replace(bare, known_condition=other)).confidence <= without
