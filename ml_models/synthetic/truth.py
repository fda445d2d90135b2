"""What is true of a synthetic roof, and how such truths are drawn so that grade, age and damage agree."""

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np

from domain.roof import CONDITIONS, DamageType, RoofCondition, RoofMaterial

SQFT_PER_M2 = 10.7639
T = TypeVar("T")


class RoofShape(StrEnum):
    """Plan shapes. L and T are a gable with a perpendicular wing at the end or in the middle."""

    GABLE = "gable"
    HIP = "hip"
    L = "l"
    T = "t"
    FLAT = "flat"


class Split(StrEnum):
    """Which part of the generator's parameter space a truth comes from: the held-out part is never trained on."""

    ANY = "any"
    TRAIN = "train"
    HELD_OUT = "held_out"


@dataclass(frozen=True, slots=True)
class TrueDamage:
    """One kind of damage on a roof: `severity` 0-100, `share` of the roof surface 0-1."""

    damage: DamageType
    severity: float
    share: float


@dataclass(frozen=True, slots=True)
class Footprint:
    """Eave outline in metres: a main rectangle (length along the street) and an optional wing to the street."""

    length_m: float
    width_m: float
    wing_width_m: float = 0.0
    wing_extent_m: float = 0.0
    wing_centre_m: float = 0.0

    @property
    def plan_m2(self) -> float:
        """Area seen from straight above, in square metres."""
        return self.length_m * self.width_m + self.wing_width_m * self.wing_extent_m


@dataclass(frozen=True, slots=True)
class RoofTruth:
    """Everything the renderer needs: the same truth always gives the same pictures.

    `pitch` is the rise in inches per 12 of run. `palette` picks the colour of the material.
    """

    seed: int
    material: RoofMaterial
    condition: RoofCondition
    age_years: int
    shape: RoofShape
    footprint: Footprint
    pitch: float
    damages: tuple[TrueDamage, ...]
    rotation_deg: float = 0.0
    palette: int = 0
    sun_azimuth_deg: float = 150.0
    sun_elevation_deg: float = 55.0
    eave_m: float = 2.9

    @property
    def pitch_factor(self) -> float:
        """Surface of the roof per area seen from above."""
        return math.hypot(1.0, self.pitch / 12.0)

    @property
    def surface_m2(self) -> float:
        """True roof surface in square metres."""
        return self.footprint.plan_m2 * self.pitch_factor

    @property
    def roof_sqft(self) -> float:
        """True roof surface in square feet."""
        return self.surface_m2 * SQFT_PER_M2


AGES: dict[RoofCondition, tuple[int, int]] = {
    RoofCondition.EXCELLENT: (0, 3),
    RoofCondition.GOOD: (4, 10),
    RoofCondition.FAIR: (11, 15),
    RoofCondition.POOR: (16, 20),
    RoofCondition.CRITICAL: (21, 38),
}
"""Roof age in years by grade (spec 3.4.1)."""

DAMAGE_COUNTS: dict[RoofCondition, tuple[int, int]] = {
    RoofCondition.EXCELLENT: (0, 0),
    RoofCondition.GOOD: (0, 1),
    RoofCondition.FAIR: (1, 2),
    RoofCondition.POOR: (2, 3),
    RoofCondition.CRITICAL: (2, 4),
}
SEVERITIES: dict[RoofCondition, tuple[float, float]] = {
    RoofCondition.EXCELLENT: (0, 0),
    RoofCondition.GOOD: (8, 20),
    RoofCondition.FAIR: (22, 42),
    RoofCondition.POOR: (45, 68),
    RoofCondition.CRITICAL: (72, 100),
}

MATERIAL_WEIGHTS: dict[RoofMaterial, float] = {
    RoofMaterial.SHINGLE: 0.38,
    RoofMaterial.TILE: 0.16,
    RoofMaterial.METAL: 0.16,
    RoofMaterial.FLAT: 0.15,
    RoofMaterial.SLATE: 0.15,
}
PITCHES: dict[RoofMaterial, tuple[float, float]] = {
    RoofMaterial.SHINGLE: (4.0, 8.0),
    RoofMaterial.TILE: (4.0, 6.0),
    RoofMaterial.METAL: (3.5, 7.0),
    RoofMaterial.FLAT: (0.25, 0.5),
    RoofMaterial.SLATE: (7.0, 10.0),
}

# How often a damage is drawn on a material it can occur on. The weights make up for damages that only
# one material can have, so that no class of the detector starves.
DAMAGE_WEIGHTS: dict[RoofMaterial, dict[DamageType, float]] = {
    RoofMaterial.SHINGLE: {
        DamageType.MISSING_SHINGLES: 1.7,
        DamageType.CURLED_SHINGLES: 3.0,
        DamageType.HAIL_DAMAGE: 1.5,
        DamageType.SAGGING: 1.5,
        DamageType.MOSS_ALGAE: 0.8,
        DamageType.TREE_DAMAGE: 1.3,
        DamageType.DAMAGED_FLASHING: 0.6,
    },
    RoofMaterial.TILE: {
        DamageType.CRACKED_TILES: 1.8,
        DamageType.SAGGING: 1.5,
        DamageType.MOSS_ALGAE: 0.8,
        DamageType.TREE_DAMAGE: 1.0,
        DamageType.DAMAGED_FLASHING: 0.4,
    },
    RoofMaterial.METAL: {
        DamageType.RUST_STAINS: 6.0,
        DamageType.HAIL_DAMAGE: 1.2,
        DamageType.TREE_DAMAGE: 0.5,
        DamageType.DAMAGED_FLASHING: 0.6,
    },
    RoofMaterial.FLAT: {
        DamageType.PONDING_WATER: 4.2,
        DamageType.TREE_DAMAGE: 1.2,
        DamageType.DAMAGED_FLASHING: 0.9,
    },
    RoofMaterial.SLATE: {
        DamageType.MISSING_SHINGLES: 0.9,
        DamageType.CRACKED_TILES: 1.1,
        DamageType.MOSS_ALGAE: 1.1,
        DamageType.SAGGING: 0.7,
        DamageType.TREE_DAMAGE: 1.0,
        DamageType.DAMAGED_FLASHING: 0.3,
    },
}
LATE_DAMAGES = frozenset({DamageType.TREE_DAMAGE, DamageType.SAGGING})
"""Damages too grave for a roof that is still called good."""


@dataclass(frozen=True, slots=True)
class PatchRule:
    """Surface of one patch in square metres at severity 0 and 100, and how many patches there can be."""

    smallest_m2: float
    largest_m2: float
    patches: tuple[int, int]


PATCHES: dict[DamageType, PatchRule] = {
    DamageType.MISSING_SHINGLES: PatchRule(1.6, 7.0, (1, 3)),
    DamageType.CURLED_SHINGLES: PatchRule(4.0, 12.0, (1, 2)),
    DamageType.MOSS_ALGAE: PatchRule(3.0, 14.0, (1, 2)),
    DamageType.RUST_STAINS: PatchRule(2.0, 9.0, (2, 3)),
    DamageType.HAIL_DAMAGE: PatchRule(6.0, 20.0, (1, 2)),
    DamageType.CRACKED_TILES: PatchRule(2.5, 8.0, (1, 3)),
    DamageType.PONDING_WATER: PatchRule(4.0, 18.0, (1, 2)),
    DamageType.DAMAGED_FLASHING: PatchRule(1.6, 3.6, (1, 1)),
    DamageType.SAGGING: PatchRule(7.0, 18.0, (1, 1)),
    DamageType.TREE_DAMAGE: PatchRule(4.0, 14.0, (1, 1)),
}

PALETTE_SIZE = 7
TRAIN_PALETTES = (0, 1, 2, 3, 4)
HELD_OUT_PALETTES = (5, 6)
TRAIN_SUN = (42.0, 72.0)
HELD_OUT_SUN = (30.0, 42.0)
TRAIN_SHAPES = (RoofShape.GABLE, RoofShape.HIP, RoofShape.L)
HELD_OUT_SHAPES = (RoofShape.T, RoofShape.T, RoofShape.GABLE, RoofShape.HIP)


def condition_for_age(age_years: int) -> RoofCondition:
    """Grade of an otherwise undamaged roof of this age in years (spec 3.4.1)."""
    return next(
        (grade for grade in CONDITIONS if age_years <= AGES[grade][1]),
        RoofCondition.CRITICAL,
    )


def sample_truth(rng: np.random.Generator, split: Split = Split.ANY, **overrides: Any) -> RoofTruth:
    """Draw a roof. `overrides` are fields of `RoofTruth`; the fields left out are drawn to agree with them.

    An overridden age without a condition decides the condition; otherwise conditions are equally likely.
    """
    condition = overrides.pop("condition", None)
    if condition is None:
        age = overrides.get("age_years")
        condition = condition_for_age(age) if age is not None else CONDITIONS[int(rng.integers(len(CONDITIONS)))]
    material = overrides.pop("material", None) or _pick(rng, MATERIAL_WEIGHTS)
    shape = overrides.pop("shape", None) or _shape(rng, split, material)
    low, high = PITCHES[material]
    truth = RoofTruth(
        seed=int(rng.integers(2**31)),
        material=material,
        condition=condition,
        age_years=int(rng.integers(AGES[condition][0], AGES[condition][1] + 1)),
        shape=shape,
        footprint=_footprint(rng, shape),
        pitch=round(float(rng.uniform(low, high)) * 2) / 2 or 0.25,
        damages=(),
        rotation_deg=float(rng.uniform(0, 360)),
        palette=int(rng.choice(_palettes(split))),
        sun_azimuth_deg=float(rng.uniform(90, 270)),
        sun_elevation_deg=float(rng.uniform(*_sun(split))),
        eave_m=float(rng.choice((2.8, 3.0, 3.2))),
    )
    damages = overrides.pop("damages", None)
    truth = replace(truth, **overrides)
    return replace(truth, damages=_damages(rng, truth) if damages is None else tuple(damages))


def _pick(rng: np.random.Generator, weights: dict[T, float]) -> T:
    names = list(weights)
    shares = np.array(list(weights.values()))
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]


def _palettes(split: Split) -> tuple[int, ...]:
    return {Split.TRAIN: TRAIN_PALETTES, Split.HELD_OUT: HELD_OUT_PALETTES}.get(split, tuple(range(PALETTE_SIZE)))


def _sun(split: Split) -> tuple[float, float]:
    return {Split.TRAIN: TRAIN_SUN, Split.HELD_OUT: HELD_OUT_SUN}.get(split, (HELD_OUT_SUN[0], TRAIN_SUN[1]))


def _shape(rng: np.random.Generator, split: Split, material: RoofMaterial) -> RoofShape:
    if material is RoofMaterial.FLAT:
        return RoofShape.FLAT
    shapes = {Split.TRAIN: TRAIN_SHAPES, Split.HELD_OUT: HELD_OUT_SHAPES}.get(split, (*TRAIN_SHAPES, RoofShape.T))
    return shapes[int(rng.integers(len(shapes)))]


def _footprint(rng: np.random.Generator, shape: RoofShape) -> Footprint:
    length = float(rng.uniform(12.0, 18.5))
    width = float(rng.uniform(8.5, 11.5))
    if shape not in (RoofShape.L, RoofShape.T):
        return Footprint(length, width)
    wing = float(rng.uniform(5.0, min(7.0, width - 1.5)))
    extent = float(rng.uniform(2.5, 5.0))
    side = float(rng.choice((-1.0, 1.0)))
    centre = 0.0 if shape is RoofShape.T else side * (length - wing) / 2
    return Footprint(length, width, wing, extent, centre)


def _damages(rng: np.random.Generator, truth: RoofTruth) -> tuple[TrueDamage, ...]:
    weights = dict(DAMAGE_WEIGHTS[truth.material])
    if truth.condition is RoofCondition.GOOD:
        weights = {damage: weight for damage, weight in weights.items() if damage not in LATE_DAMAGES}
    low, high = DAMAGE_COUNTS[truth.condition]
    found: list[TrueDamage] = []
    for _ in range(min(int(rng.integers(low, high + 1)), len(weights))):
        damage = _pick(rng, weights)
        weights.pop(damage)
        severity = float(rng.uniform(*SEVERITIES[truth.condition]))
        rule = PATCHES[damage]
        patches = int(rng.integers(rule.patches[0], rule.patches[1] + 1))
        area = patches * (rule.smallest_m2 + (rule.largest_m2 - rule.smallest_m2) * severity / 100)
        found.append(TrueDamage(damage, round(severity, 1), round(min(area / truth.surface_m2, 0.35), 4)))
    return tuple(found)
