"""Measures the models end to end, picture in and findings out, on houses of held-out generator parameters."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.roof import CONDITIONS, Box, DamageType, ImageFindings, View
from ml_models.runner import Inspection, RawBox, RoofImage, RoofModels
from ml_models.training.pictures import Picture

MATCH_IOU = 0.5


def box_iou(a: Box, b: Box) -> float:
    """Shared area of two boxes over their joint area."""
    w = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    h = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / (a.w * a.h + b.w * b.h - w * h)


def mask_iou(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    """Shared pixels of two masks over their joint pixels; two empty masks agree."""
    joint = int((a | b).sum())
    return int((a & b).sum()) / joint if joint else 1.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A raw detection and whether it matches a true box of its kind that no better one took."""

    damage: DamageType
    score: float
    correct: bool


def hits(found: Sequence[RawBox], picture: Picture) -> list[Hit]:
    """Match detections to true boxes, best score first, each true box at most once."""
    free = list(picture.render.boxes)
    judged = []
    for raw in sorted(found, key=lambda b: -b.score):
        best = max((t for t in free if t.damage is raw.damage), key=lambda t: box_iou(t.box, raw.box), default=None)
        correct = best is not None and box_iou(best.box, raw.box) >= MATCH_IOU
        if correct and best is not None:
            free.remove(best)
        judged.append(Hit(raw.damage, raw.score, correct))
    return judged


def average_precision(judged: Iterable[Hit], truths: int) -> float:
    """Area under the precision-recall curve with interpolated precision."""
    ordered = sorted(judged, key=lambda h: -h.score)
    if not truths or not ordered:
        return 0.0
    right = np.cumsum([h.correct for h in ordered])
    precision, recall = right / np.arange(1, len(ordered) + 1), right / truths
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * precision))


@dataclass(frozen=True, slots=True)
class Judged:
    """A picture with what the models said of it."""

    picture: Picture
    seen: Inspection
    findings: ImageFindings


def judge(models: RoofModels, pictures: Iterable[Picture], batch: int = 5) -> list[Judged]:
    """Run the models over pictures, a property's worth at a time."""
    out: list[Judged] = []
    waiting: list[Picture] = []
    for picture in [*pictures, None]:
        if picture is not None:
            waiting.append(picture)
        if waiting and (picture is None or len(waiting) == batch):
            seen = models.inspect([RoofImage(p.view, p.render.rgb, p.metres_per_px) for p in waiting])
            out += [Judged(p, s, models.findings(s)) for p, s in zip(waiting, seen, strict=True)]
            waiting = []
    return out


def scores(judged: Sequence[Judged]) -> dict[str, Any]:
    """All measures over a set, and the main ones by kind of view."""
    overhead = [j for j in judged if j.picture.view is View.OVERHEAD]
    street = [j for j in judged if j.picture.view is not View.OVERHEAD]
    areas = [
        abs(j.findings.roof_sqft / j.picture.truth.roof_sqft - 1) for j in overhead if j.findings.roof_sqft is not None
    ]
    total, by_class = _detector_scores(judged)
    return {
        "pictures": len(judged),
        "classifier_accuracy": _accuracy(judged),
        "classifier_accuracy_within_one_grade": _accuracy(judged, 1),
        "classifier_mean_confidence": float(np.mean([_confidence(j) for j in judged])),
        "classifier_calibration_error": _calibration_error(judged),
        "detector_map50": total,
        "segmentor_roof_iou": _roof_iou(judged),
        "segmentor_damage_iou": _damage_iou(judged),
        "segmentor_material_accuracy": float(
            np.mean([j.findings.material is j.picture.render.material for j in judged])
        ),
        "roof_area_mean_error": float(np.mean(areas)) if areas else None,
        "roof_area_worst_tenth_error": float(np.quantile(areas, 0.9)) if areas else None,
        "detector_ap50_by_damage": by_class,
        "by_view": {
            f"{name}_{measure}": value
            for name, part in (("overhead", overhead), ("street", street))
            for measure, value in _main(part).items()
        },
    }


def _main(judged: Sequence[Judged]) -> dict[str, float]:
    if not judged:
        return {}
    return {
        "classifier_accuracy": _accuracy(judged),
        "detector_map50": _detector_scores(judged)[0],
        "segmentor_roof_iou": _roof_iou(judged),
    }


def _best(j: Judged) -> int:
    p = j.findings.condition_probabilities
    return int(np.argmax([p[c] for c in CONDITIONS]))


def _confidence(j: Judged) -> float:
    return max(j.findings.condition_probabilities.values())


def _accuracy(judged: Sequence[Judged], within: int = 0) -> float:
    return float(np.mean([abs(_best(j) - j.picture.truth.condition.rank) <= within for j in judged]))


def _calibration_error(judged: Sequence[Judged], bins: int = 10) -> float:
    """Expected gap between confidence and accuracy, over bins of confidence."""
    confidence = np.array([_confidence(j) for j in judged])
    correct = np.array([_best(j) == j.picture.truth.condition.rank for j in judged], dtype=np.float64)
    where = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(confidence[where == b].mean() - correct[where == b].mean()) * (where == b).mean() for b in set(where)]
    return float(sum(gaps))


def _roof_iou(judged: Sequence[Judged]) -> float:
    return float(np.mean([mask_iou(j.seen.roof_mask, j.picture.render.roof_mask) for j in judged]))


def _damage_iou(judged: Sequence[Judged]) -> float:
    """Over all damaged pixels of the set at once: most roofs have few."""
    shared = sum(int((j.seen.damage_mask & j.picture.render.damage_mask).sum()) for j in judged)
    joint = sum(int((j.seen.damage_mask | j.picture.render.damage_mask).sum()) for j in judged)
    return shared / joint if joint else 1.0


def _detector_scores(judged: Sequence[Judged]) -> tuple[float, dict[str, float]]:
    by_class: dict[DamageType, list[Hit]] = defaultdict(list)
    truths: dict[DamageType, int] = defaultdict(int)
    for j in judged:
        for hit in hits(j.seen.boxes, j.picture):
            by_class[hit.damage].append(hit)
        for true in j.picture.render.boxes:
            truths[true.damage] += 1
    found = {d.value: average_precision(by_class[d], truths[d]) for d in DamageType if truths[d]}
    return (float(np.mean(list(found.values()))) if found else 0.0), found
