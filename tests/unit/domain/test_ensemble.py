from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ensemble import agreement, combine, condition_at, damage_severity, score_of, view_weight
from domain.roof import (
    CONDITIONS,
    STREET_VIEWS,
    Box,
    DamageType,
    Detection,
    ImageFindings,
    RoofCondition,
    RoofMaterial,
    View,
)

SURE_CRITICAL = {RoofCondition.CRITICAL: 1.0}
SURE_EXCELLENT = {RoofCondition.EXCELLENT: 1.0}


def image(
    view: View = View.OVERHEAD,
    probabilities: Mapping[RoofCondition, float] = SURE_EXCELLENT,
    detections: tuple[Detection, ...] = (),
    roof_share: float = 0.3,
    damage_share: float = 0.0,
    segmentation_confidence: float = 0.9,
    material: RoofMaterial | None = None,
    roof_sqft: float | None = None,
) -> ImageFindings:
    return ImageFindings(
        view, probabilities, detections, roof_share, damage_share, segmentation_confidence, material, 0.8, roof_sqft
    )


def hole(damage: DamageType = DamageType.MISSING_SHINGLES, confidence: float = 0.8, size: float = 0.4) -> Detection:
    return Detection(damage, confidence, Box(0.3, 0.3, size, size))


@pytest.mark.parametrize(
    ("score", "condition"),
    [
        (0, "excellent"),
        (12.4, "excellent"),
        (12.5, "good"),
        (37.5, "fair"),
        (62.5, "poor"),
        (87.4, "poor"),
        (87.5, "critical"),
        (100, "critical"),
    ],
)
def test_between_two_grades_the_worse_one(score: float, condition: str) -> None:
    assert condition_at(score) is RoofCondition(condition)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_grade_s_own_score_is_that_grade(condition: RoofCondition) -> None:
    assert condition_at(score_of(condition)) is condition


def test_weights_are_04_04_02() -> None:
    classifier_only = combine([image(probabilities=SURE_CRITICAL)])
    detector_only = combine([image(detections=(hole(),))])
    segmentor_only = combine([image(damage_share=0.9)])
    assert [v.score for v in (classifier_only, detector_only, segmentor_only)] == pytest.approx(
        [40 + 0.6 * 6, 40 + 0.2 * 6, 20 + 0.4 * 6]
    )
    everything = combine([image(probabilities=SURE_CRITICAL, detections=(hole(),), damage_share=0.9)])
    assert everything.score == pytest.approx(100)
    assert everything.condition is RoofCondition.CRITICAL


def test_the_overhead_view_counts_more_than_all_street_views_together() -> None:
    views = [image(View.OVERHEAD, SURE_CRITICAL), *(image(view, SURE_EXCELLENT) for view in STREET_VIEWS)]
    assert combine(views).classifier.score > 50


def test_a_view_with_hardly_any_roof_counts_little() -> None:
    full, hardly = image(View.FRONT), image(View.FRONT, roof_share=0.001)
    assert view_weight(hardly) == pytest.approx(view_weight(full) / 20)


def test_boxes_of_one_damage_are_one_finding_and_faint_ones_none() -> None:
    verdict = combine(
        [
            image(detections=(hole(confidence=0.9, size=0.05), hole(confidence=0.5, size=0.05))),
            image(View.FRONT, detections=(hole(DamageType.MOSS_ALGAE, 0.7, 0.1), hole(DamageType.SAGGING, 0.2))),
        ]
    )
    assert {d.damage for d in verdict.damages} == {DamageType.MISSING_SHINGLES, DamageType.MOSS_ALGAE}
    assert verdict.detector.confidence == pytest.approx(80)


def test_nothing_detected_leaves_the_confidence_to_the_others() -> None:
    verdict = combine([image(probabilities={RoofCondition.GOOD: 0.7, RoofCondition.FAIR: 0.3})])
    assert verdict.damages == ()
    assert verdict.confidence == pytest.approx(70)


def test_area_and_material_come_from_where_they_are_known() -> None:
    verdict = combine(
        [
            image(detections=(hole(size=0.1),), roof_share=0.25, material=RoofMaterial.TILE, roof_sqft=2000),
            image(View.FRONT, material=RoofMaterial.METAL, roof_sqft=50),
        ]
    )
    assert verdict.roof_sqft == 2000
    assert verdict.material is RoofMaterial.TILE
    assert verdict.damages[0].area_sqft == round(0.01 * 0.7 / 0.25 * 2000)


def test_without_images_there_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="at least one image"):
        combine([])


def test_agreement_needs_both_kinds_of_view() -> None:
    assert agreement([image()]) is None
    assert agreement([image(View.FRONT)]) is None
    assert agreement([image(), image(View.FRONT)]) == 100
    assert agreement([image(), image(View.FRONT, SURE_CRITICAL)]) == pytest.approx(60)


shares = st.floats(0, 1)
detections = st.builds(
    Detection, st.sampled_from(DamageType), shares, st.builds(Box, x=shares, y=shares, w=shares, h=shares)
)
findings = st.builds(
    ImageFindings,
    view=st.sampled_from(View),
    condition_probabilities=st.dictionaries(st.sampled_from(CONDITIONS), shares),
    detections=st.lists(detections, max_size=5).map(tuple),
    roof_share=shares,
    damage_share=shares,
    segmentation_confidence=shares,
    material=st.none() | st.sampled_from(RoofMaterial),
    material_confidence=shares,
    roof_sqft=st.none() | st.floats(100, 10_000),
)


@given(st.lists(findings, min_size=1, max_size=5))
def test_confidence_is_the_least_of_three_and_everything_is_bounded(images: list[ImageFindings]) -> None:
    verdict = combine(images)
    parts = (verdict.classifier, verdict.detector, verdict.segmentor)
    assert verdict.confidence == min(part.confidence for part in parts)
    assert min(p.score for p in parts) - 1e-6 <= verdict.score <= max(p.score for p in parts) + 1e-6
    assert all(0 <= value <= 100 + 1e-6 for part in parts for value in (part.score, part.confidence))
    assert all(0 <= damage.severity <= 100 and 0 <= damage.share <= 1 for damage in verdict.damages)
    assert (agreement(images) is None) or 0 <= (agreement(images) or 0) <= 100


@given(st.lists(findings, min_size=1, max_size=5), st.randoms())
def test_the_order_of_images_does_not_matter(images: list[ImageFindings], random: object) -> None:
    shuffled = list(images)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert combine(shuffled).score == pytest.approx(combine(images).score)


@given(st.sampled_from(DamageType), shares, shares)
def test_more_damage_is_never_less_severe(damage: DamageType, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert damage_severity(damage, low) <= damage_severity(damage, high) <= 100
