"""One verdict from three models over all views of a property (spec 3.4.1 and 3.4.2).

Every opinion is put on one scale, 0 (excellent) to 100 (critical), 25 points per grade.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.roof import (
    CONDITIONS,
    DamageType,
    Detection,
    ImageFindings,
    RoofCondition,
    RoofMaterial,
    View,
)

CLASSIFIER_WEIGHT = 0.4
DETECTOR_WEIGHT = 0.4
SEGMENTOR_WEIGHT = 0.2
POINTS_PER_GRADE = 25.0

# How much a view says of the whole roof.
VIEW_WEIGHTS: dict[View, float] = {
    View.OVERHEAD: 0.6,
    View.FRONT: 0.13,
    View.REAR: 0.11,
    View.LEFT: 0.08,
    View.RIGHT: 0.08,
}
# A view with at least this share of roof counts fully; one with hardly any keeps a twentieth of its weight.
FULL_ROOF_SHARE = 0.10
LEAST_VISIBILITY = 0.05

DETECTION_MINIMUM = 0.25
# A damage fills about this part of the upright rectangle drawn around it.
BOX_FILL = 0.7
# Share of the roof surface from which on a damage is as severe as it gets (100).
TOTAL_DAMAGE_SHARE: dict[DamageType, float] = {
    DamageType.MISSING_SHINGLES: 0.10,
    DamageType.CURLED_SHINGLES: 0.12,
    DamageType.MOSS_ALGAE: 0.15,
    DamageType.RUST_STAINS: 0.12,
    DamageType.HAIL_DAMAGE: 0.20,
    DamageType.CRACKED_TILES: 0.10,
    DamageType.PONDING_WATER: 0.18,
    DamageType.DAMAGED_FLASHING: 0.025,
    DamageType.SAGGING: 0.12,
    DamageType.TREE_DAMAGE: 0.09,
}
# Further damages add this part of their severity to the worst one.
FURTHER_DAMAGE = 0.2

Scale = tuple[tuple[float, float], ...]
# Damage severity (0-100) and damaged share of the roof (0-1) on the common scale; straight lines between.
# They start above 0 because excellent and good roofs alike show no damage.
SEVERITY_SCALE: Scale = ((0, 6), (14, 25), (32, 50), (56, 75), (85, 100))
DAMAGE_SHARE_SCALE: Scale = ((0, 6), (0.03, 25), (0.08, 50), (0.16, 75), (0.28, 100))


@dataclass(frozen=True, slots=True)
class ModelOpinion:
    """One model's view of the roof: `score` 0 (excellent) to 100 (critical), `confidence` 0-100."""

    score: float
    confidence: float


@dataclass(frozen=True, slots=True)
class DamageVerdict:
    """One kind of damage: `severity` and `confidence` 0-100, `share` of the roof 0-1, area if the roof is measured."""

    damage: DamageType
    severity: int
    confidence: float
    share: float
    area_sqft: int | None
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class EnsembleVerdict:
    """The property's verdict. `score` 0-100 rises with wear; `confidence` 0-100 is the least of the three."""

    condition: RoofCondition
    score: float
    confidence: float
    classifier: ModelOpinion
    detector: ModelOpinion
    segmentor: ModelOpinion
    damages: tuple[DamageVerdict, ...]
    material: RoofMaterial | None
    material_confidence: float
    roof_sqft: float | None
    damage_share: float


def combine(findings: Sequence[ImageFindings]) -> EnsembleVerdict:
    """Weigh all images of one property: classifier 0.4, detected severity 0.4, segmentation 0.2.

    Raises ValueError without findings.
    """
    if not findings:
        raise ValueError("an ensemble verdict needs at least one image")
    weights = [view_weight(image) for image in findings]
    roof_sqft = _roof_sqft(findings)
    classifier = _classifier(findings, weights)
    detector = _detector(findings, weights)
    segmentor, damage_share = _segmentor(findings, weights)
    score = CLASSIFIER_WEIGHT * classifier.score + DETECTOR_WEIGHT * detector.score + SEGMENTOR_WEIGHT * segmentor.score
    material, material_confidence = _material(findings, weights)
    return EnsembleVerdict(
        condition=condition_at(score),
        score=score,
        confidence=min(classifier.confidence, detector.confidence, segmentor.confidence),
        classifier=classifier,
        detector=detector,
        segmentor=segmentor,
        damages=_damages(findings, weights, roof_sqft),
        material=material,
        material_confidence=material_confidence,
        roof_sqft=roof_sqft,
        damage_share=damage_share,
    )


def condition_at(score: float) -> RoofCondition:
    """The grade nearest to a score 0-100; exactly between two grades the worse one."""
    rank = int(score / POINTS_PER_GRADE + 0.5)
    return CONDITIONS[max(0, min(rank, len(CONDITIONS) - 1))]


def score_of(condition: RoofCondition) -> float:
    """The middle of a grade on the scale 0-100."""
    return condition.rank * POINTS_PER_GRADE


def view_weight(image: ImageFindings) -> float:
    """The view's weight times how much roof it shows."""
    return VIEW_WEIGHTS[image.view] * max(LEAST_VISIBILITY, min(1.0, image.roof_share / FULL_ROOF_SHARE))


def damage_severity(damage: DamageType, share: float) -> float:
    """Severity 0-100 of a damage that covers this share (0-1) of the roof."""
    return min(100.0, 100.0 * max(0.0, share) / TOTAL_DAMAGE_SHARE[damage])


def agreement(findings: Sequence[ImageFindings]) -> float | None:
    """How well overhead and street views agree, 0-100; None unless there are both (spec 3.4.4 stage 1)."""
    overhead = [image for image in findings if image.view is View.OVERHEAD]
    street = [image for image in findings if image.view is not View.OVERHEAD]
    if not overhead or not street:
        return None
    return 100.0 - abs(combine(overhead).score - combine(street).score)


def _mean(values: Iterable[float], weights: Sequence[float]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def _interpolate(scale: Scale, value: float) -> float:
    below = scale[0]
    for above in scale[1:]:
        if value <= above[0]:
            share = (value - below[0]) / (above[0] - below[0])
            return below[1] + max(0.0, share) * (above[1] - below[1])
        below = above
    return below[1]


def _classifier(findings: Sequence[ImageFindings], weights: Sequence[float]) -> ModelOpinion:
    combined = {
        condition: _mean(
            (image.condition_probabilities.get(condition, 0.0) for image in findings),
            weights,
        )
        for condition in CONDITIONS
    }
    total = sum(combined.values()) or 1.0
    score = sum(share * score_of(condition) for condition, share in combined.items()) / total
    return ModelOpinion(score, _percent(max(combined.values()) / total))


def _detector(findings: Sequence[ImageFindings], weights: Sequence[float]) -> ModelOpinion:
    severity = _mean((_image_severity(image) for image in findings), weights)
    best: dict[DamageType, float] = {}
    for image in findings:
        for detection in _counted(image):
            best[detection.damage] = max(best.get(detection.damage, 0.0), detection.confidence)
    # Boxes of one damage in several views are one finding. Without a finding there is nothing to doubt:
    # the other two models decide the confidence.
    confidence = sum(best.values()) / len(best) if best else 1.0
    return ModelOpinion(_interpolate(SEVERITY_SCALE, severity), _percent(confidence))


def _segmentor(findings: Sequence[ImageFindings], weights: Sequence[float]) -> tuple[ModelOpinion, float]:
    share = _mean((image.damage_share for image in findings), weights)
    confidence = _mean((image.segmentation_confidence for image in findings), weights)
    return ModelOpinion(_interpolate(DAMAGE_SHARE_SCALE, share), _percent(confidence)), share


def _counted(image: ImageFindings) -> tuple[Detection, ...]:
    return tuple(found for found in image.detections if found.confidence >= DETECTION_MINIMUM)


def _shares(image: ImageFindings) -> Mapping[DamageType, float]:
    """Share of the visible roof under the boxes of each damage."""
    shares: dict[DamageType, float] = {}
    roof = max(image.roof_share, 0.01)
    for found in _counted(image):
        area = max(0.0, found.box.w) * max(0.0, found.box.h) * BOX_FILL
        shares[found.damage] = min(1.0, shares.get(found.damage, 0.0) + area / roof)
    return shares


def _image_severity(image: ImageFindings) -> float:
    severities = sorted(
        (damage_severity(damage, share) for damage, share in _shares(image).items()),
        reverse=True,
    )
    if not severities:
        return 0.0
    return min(100.0, severities[0] + FURTHER_DAMAGE * sum(severities[1:]))


def _damages(
    findings: Sequence[ImageFindings], weights: Sequence[float], roof_sqft: float | None
) -> tuple[DamageVerdict, ...]:
    shares = [_shares(image) for image in findings]
    verdicts = []
    for damage in DamageType:
        seen = [i for i, image_shares in enumerate(shares) if damage in image_shares]
        if not seen:
            continue
        share = _mean((shares[i][damage] for i in seen), [weights[i] for i in seen])
        confidence = max(found.confidence for i in seen for found in _counted(findings[i]) if found.damage is damage)
        verdicts.append(
            DamageVerdict(
                damage=damage,
                severity=round(damage_severity(damage, share)),
                confidence=_percent(confidence),
                share=share,
                area_sqft=None if roof_sqft is None else round(share * roof_sqft),
                views=tuple(findings[i].view for i in seen),
            )
        )
    return tuple(sorted(verdicts, key=lambda verdict: -verdict.severity))


def _material(findings: Sequence[ImageFindings], weights: Sequence[float]) -> tuple[RoofMaterial | None, float]:
    votes: dict[RoofMaterial, float] = {}
    for image, weight in zip(findings, weights, strict=True):
        if image.material is not None:
            votes[image.material] = votes.get(image.material, 0.0) + weight * image.material_confidence
    if not votes:
        return None, 0.0
    winner = max(votes, key=lambda material: votes[material])
    return winner, _percent(votes[winner] / sum(weights))


def _roof_sqft(findings: Sequence[ImageFindings]) -> float | None:
    measured = [image.roof_sqft for image in findings if image.view is View.OVERHEAD and image.roof_sqft]
    return sum(measured) / len(measured) if measured else None


def _percent(share: float) -> float:
    return 100.0 * max(0.0, min(1.0, share))
