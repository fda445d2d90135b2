"""The words every part of Ridgeline uses for a roof: views, materials, conditions, damages, findings."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class View(StrEnum):
    """Where an image looks at the house from (spec 4.2.1)."""

    OVERHEAD = "overhead"
    FRONT = "front"
    LEFT = "left"
    RIGHT = "right"
    REAR = "rear"


STREET_VIEWS = (View.FRONT, View.LEFT, View.RIGHT, View.REAR)


class RoofMaterial(StrEnum):
    """Roof types of spec 4.1.4."""

    SHINGLE = "shingle"
    TILE = "tile"
    METAL = "metal"
    FLAT = "flat"
    SLATE = "slate"


class RoofCondition(StrEnum):
    """The five grades of spec 3.4.1, best first."""

    EXCELLENT = "excellent"
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 (excellent) to 4 (critical)."""
        return CONDITIONS.index(self)


CONDITIONS = tuple(RoofCondition)


class DamageType(StrEnum):
    """The ten damage classes of spec 3.4.1, in the detector's class order."""

    MISSING_SHINGLES = "missing_shingles"
    CURLED_SHINGLES = "curled_shingles"
    MOSS_ALGAE = "moss_algae"
    RUST_STAINS = "rust_stains"
    HAIL_DAMAGE = "hail_damage"
    CRACKED_TILES = "cracked_tiles"
    PONDING_WATER = "ponding_water"
    DAMAGED_FLASHING = "damaged_flashing"
    SAGGING = "sagging"
    TREE_DAMAGE = "tree_damage"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle as shares of the image's width and height; `x`, `y` is its top left corner."""

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Detection:
    """One damage the detector saw; `confidence` is 0-1."""

    damage: DamageType
    confidence: float
    box: Box


@dataclass(frozen=True, slots=True)
class ImageFindings:
    """What the three models say of one image. Shares and confidences are 0-1.

    `roof_share` is the part of the image that is roof, `damage_share` the part of the roof that the
    segmentor marks as damaged. `roof_sqft` is the measured roof surface in square feet, known only
    for an overhead image of known scale.
    """

    view: View
    condition_probabilities: Mapping[RoofCondition, float]
    detections: tuple[Detection, ...]
    roof_share: float
    damage_share: float
    segmentation_confidence: float
    material: RoofMaterial | None = None
    material_confidence: float = 0.0
    roof_sqft: float | None = None
