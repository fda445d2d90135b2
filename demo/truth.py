"""How close the platform came to the sandbox's truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from domain.roof import DamageType, RoofCondition


@dataclass(frozen=True, slots=True)
class Judged:
    """A roof as the models saw it (before any reviewer) and as it is."""

    predicted: RoofCondition
    true: RoofCondition
    damages_seen: frozenset[DamageType]
    damages_true: frozenset[DamageType]
    sqft_measured: float | None
    sqft_true: float


def compare(roofs: Sequence[Judged]) -> dict[str, Any]:
    """Accuracy of the grade, recall of damage types, and median relative error of the area (shares 0-1)."""
    if not roofs:
        return {"roofs": 0}
    true_damages = sum(len(roof.damages_true) for roof in roofs)
    found = sum(len(roof.damages_true & roof.damages_seen) for roof in roofs)
    errors = [abs(roof.sqft_measured - roof.sqft_true) / roof.sqft_true for roof in roofs if roof.sqft_measured]
    return {
        "roofs": len(roofs),
        "condition_accuracy": _share(sum(roof.predicted is roof.true for roof in roofs), len(roofs)),
        "condition_within_one_grade": _share(
            sum(abs(roof.predicted.rank - roof.true.rank) <= 1 for roof in roofs), len(roofs)
        ),
        "detector_recall": _share(found, true_damages),
        "roof_area_error_median": round(median(errors), 3) if errors else None,
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None
