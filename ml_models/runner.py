"""Runs the three roof models on a property's pictures through ONNX Runtime (spec 3.4.1, 8.4).

The segmentor finds the house's roof in the whole picture, then looks again at the roof alone, stretched to
its square input; classifier and detector see that crop. Roof surface is the roof's pixels times the scale
squared times the typical pitch factor of the material seen: straight from above the pitch cannot be seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from domain.roof import CONDITIONS, Box, DamageType, Detection, ImageFindings, RoofMaterial, View
from ml_models.card import ModelCard, WeightsMissing, read_card, weights_path
from ml_models.crops import Window, mask_window, stretch
from ml_models.preprocess import CLASSIFIER_PX, DETECTOR_PX, SEGMENTOR_PX, normalised

__all__ = ["RoofImage", "RoofModels", "UnusableImage", "WeightsMissing"]

SQFT_PER_M2 = 10.7639
PITCH_FACTORS: Mapping[RoofMaterial, float] = {
    RoofMaterial.SHINGLE: 1.118,
    RoofMaterial.TILE: 1.083,
    RoofMaterial.METAL: 1.091,
    RoofMaterial.FLAT: 1.0,
    RoofMaterial.SLATE: 1.228,
}
"""Roof surface over plan area at the usual pitch: shingle 6, tile 5, metal 5¼, slate 8½ in 12, flat level."""

LEAST_SIDE_PX = 64
MOST_PIXELS = 40_000_000
LEAST_ROOF_SHARE = 0.004
NMS_IOU = 0.5
MOST_DETECTIONS = 30

MATERIALS = tuple(RoofMaterial)
DAMAGES = tuple(DamageType)
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class UnusableImage(ValueError):
    """The picture is too small, too large or not RGB bytes."""


@dataclass(frozen=True, slots=True)
class RoofImage:
    """A picture for the models: RGB bytes, height by width by 3; `metres_per_px` is known for overhead ones."""

    view: View
    rgb: Bytes
    metres_per_px: float | None = None


@dataclass(frozen=True, slots=True)
class RawBox:
    """A box as the detector gives it, with its uncalibrated score."""

    damage: DamageType
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything the models said of a picture before it is summed up. Masks are 0/1 in the picture's size."""

    image: RoofImage
    roof_mask: Bytes
    damage_mask: Bytes
    roof_confidence: float
    materials: Floats
    logits: Floats
    boxes: tuple[RawBox, ...]
    found: bool


class RoofModels:
    """The three models of one weights folder. Safe to share between threads."""

    def __init__(self, card: ModelCard, sessions: Mapping[str, Any]) -> None:
        self.card = card
        self._sessions = sessions

    @classmethod
    def load(cls, directory: str | Path, threads: int = 2) -> "RoofModels":
        """Read card and weights of a folder; `threads` bounds each model's CPU use.

        Raises:
            WeightsMissing: card or weights are missing, or do not belong together.
        """
        import onnxruntime

        folder = Path(directory)
        card = read_card(folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Idle threads that spin would starve everything else on a small machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        sessions = {
            role: onnxruntime.InferenceSession(
                weights_path(folder, entry).read_bytes(), options, providers=["CPUExecutionProvider"]
            )
            for role, entry in card.models.items()
        }
        return cls(card, sessions)

    @property
    def trained_on(self) -> str:
        """What the weights learned from, for example "synthetic-trained"."""
        return self.card.trained_on

    def analyze(self, images: Sequence[RoofImage]) -> list[ImageFindings]:
        """Findings for each picture of a property, in order; each model runs once over all of them.

        Raises:
            UnusableImage: a picture has no usable shape.
        """
        return [self.findings(inspection) for inspection in self.inspect(images)]

    def inspect(self, images: Sequence[RoofImage]) -> list[Inspection]:
        """The models' raw answers, for evaluation and calibration; raises UnusableImage like `analyze`."""
        if not images:
            return []
        for image in images:
            _check(image)
        whole = [_whole(image) for image in images]
        coarse = self._segment([stretch(i.rgb, w, SEGMENTOR_PX) for i, w in zip(images, whole, strict=True)])
        windows, found = [], []
        for window, logits in zip(whole, coarse, strict=True):
            seen = mask_window(_central(_roof(logits) > 0.5), margin=0.1)
            found.append(seen is not None)
            windows.append(_within(window, seen) if seen else window)
        fine = self._segment([stretch(i.rgb, w, SEGMENTOR_PX) for i, w in zip(images, windows, strict=True)])
        crops = []
        for window, logits in zip(windows, fine, strict=True):
            seen = mask_window(_central(_roof(logits) > 0.5))
            crops.append(_within(window, seen) if seen else window)
        grades = self._run("classifier", [stretch(i.rgb, c, CLASSIFIER_PX) for i, c in zip(images, crops, strict=True)])
        raw = self._run("detector", [stretch(i.rgb, c, DETECTOR_PX) for i, c in zip(images, crops, strict=True)])
        return [
            _inspection(image, logits, window, grade, _boxes(boxes, crop, image), ok)
            for image, logits, window, grade, boxes, crop, ok in zip(
                images, fine, windows, grades, raw, crops, found, strict=True
            )
        ]

    def findings(self, seen: Inspection) -> ImageFindings:
        """Sum an inspection up, with calibrated confidences."""
        calibration = self.card.calibration
        kind = "overhead" if seen.image.view is View.OVERHEAD else "street"
        grades = _softmax(seen.logits / calibration.temperatures[kind])
        roof_px = int(seen.roof_mask.sum())
        share = roof_px / seen.roof_mask.size
        best = int(seen.materials.argmax())
        known = seen.found and share >= LEAST_ROOF_SHARE
        material = MATERIALS[best] if known else None
        return ImageFindings(
            view=seen.image.view,
            condition_probabilities=dict(zip(CONDITIONS, map(float, grades), strict=True))
            if known
            else dict.fromkeys(CONDITIONS, 1 / len(CONDITIONS)),
            detections=tuple(self._detections(seen)) if known else (),
            roof_share=share if known else 0.0,
            damage_share=float(seen.damage_mask.sum() / max(roof_px, 1)) if known else 0.0,
            segmentation_confidence=seen.roof_confidence if known else 0.0,
            material=material,
            material_confidence=float(seen.materials[best]) if known else 0.0,
            roof_sqft=_roof_sqft(seen.image, roof_px, material),
        )

    def _detections(self, seen: Inspection) -> list[Detection]:
        c = self.card.calibration
        kept = [b for b in seen.boxes if b.score >= c.detector_threshold][:MOST_DETECTIONS]
        return [Detection(b.damage, calibrated(b.score, c.detector_slope, c.detector_intercept), b.box) for b in kept]

    def _segment(self, crops: Sequence[Bytes]) -> Floats:
        return self._run("segmentor", crops)

    def _run(self, role: str, crops: Sequence[Bytes]) -> Floats:
        session = self._sessions[role]
        name = session.get_inputs()[0].name
        return np.asarray(session.run(None, {name: normalised(np.stack(crops))})[0], dtype=np.float32)


def calibrated(score: float, slope: float, intercept: float) -> float:
    """Probability that a detection of this raw score is right."""
    clipped = min(max(score, 1e-4), 1 - 1e-4)
    return float(1 / (1 + np.exp(-(slope * np.log(clipped / (1 - clipped)) + intercept))))


def _check(image: RoofImage) -> None:
    rgb = image.rgb
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise UnusableImage(f"a picture must be height x width x 3 bytes, not {rgb.shape} {rgb.dtype}")
    if min(rgb.shape[:2]) < LEAST_SIDE_PX or rgb.shape[0] * rgb.shape[1] > MOST_PIXELS:
        raise UnusableImage(f"a picture of {rgb.shape[1]} x {rgb.shape[0]} pixels is out of bounds")


def _whole(image: RoofImage) -> Window:
    return Window(0, 0, image.rgb.shape[1], image.rgb.shape[0])


def _within(outer: Window, inner: Window) -> Window:
    """A window given in segmentor pixels of `outer`, in the picture's pixels."""
    sx, sy = outer.w / SEGMENTOR_PX, outer.h / SEGMENTOR_PX
    return Window(outer.x + inner.x * sx, outer.y + inner.y * sy, inner.w * sx, inner.h * sy)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=0))
    return np.asarray(powers / powers.sum(axis=0), dtype=np.float32)


def _roof(logits: Floats) -> Floats:
    """Probability of roof: all that is not background. The last channel is damage."""
    return np.asarray(1 - _softmax(logits[:-1])[0], dtype=np.float32)


def _central(mask: npt.NDArray[np.bool_]) -> Bytes:
    """The connected part of a mask that is the house in question: large and near the middle."""
    count, _, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count < 2:
        return np.zeros(mask.shape, np.uint8)
    middle = np.array(mask.shape[::-1]) / 2
    distance = np.linalg.norm((centres[1:] - middle) / middle, axis=1)
    worth = stats[1:, cv2.CC_STAT_AREA] * np.exp(-2.5 * distance**2)
    chosen = 1 + int(worth.argmax())
    # What lies inside the house's rectangle belongs to it too: a tree may cut a roof in two.
    x, y, w, h = stats[chosen, :4]
    kept = np.zeros(mask.shape, np.uint8)
    kept[y : y + h, x : x + w] = mask[y : y + h, x : x + w]
    return kept if stats[chosen, cv2.CC_STAT_AREA] >= 12 else np.zeros(mask.shape, np.uint8)


def _inspection(
    image: RoofImage, logits: Floats, window: Window, grade: Floats, boxes: tuple[RawBox, ...], found: bool
) -> Inspection:
    roof = _roof(logits)
    inside = _central(roof > 0.5)
    damage = 1 / (1 + np.exp(-logits[-1]))
    damaged = ((damage > 0.5) & (inside > 0)).astype(np.uint8)
    materials = _softmax(logits[1:-1])[:, inside > 0].mean(axis=1) if inside.any() else np.full(len(MATERIALS), 0.2)
    return Inspection(
        image=image,
        roof_mask=_back(inside, window, image),
        damage_mask=_back(damaged, window, image),
        roof_confidence=float(roof[inside > 0].mean()) if inside.any() else 0.0,
        materials=np.asarray(materials, dtype=np.float32),
        logits=grade,
        boxes=boxes,
        found=found and bool(inside.any()),
    )


def _back(mask: Bytes, window: Window, image: RoofImage) -> Bytes:
    """A mask of the stretched crop, back in the picture."""
    sx, sy = window.w / SEGMENTOR_PX, window.h / SEGMENTOR_PX
    matrix = np.array([[sx, 0, window.x + 0.5 * sx - 0.5], [0, sy, window.y + 0.5 * sy - 0.5]])
    soft = cv2.warpAffine(mask.astype(np.float32), matrix, image.rgb.shape[1::-1], flags=cv2.INTER_LINEAR)
    return (soft > 0.5).astype(np.uint8)


def _boxes(raw: Floats, crop: Window, image: RoofImage) -> tuple[RawBox, ...]:
    """Decode YOLO's output (4 + classes, by anchors) of a crop into boxes of the picture, best first."""
    scores = raw[4:]
    best = scores.max(axis=0)
    order = np.argsort(-best)[:300]
    order = order[best[order] > 0.01]
    if not len(order):
        return ()
    kinds, best = scores[:, order].argmax(axis=0), best[order]
    middle, size = raw[:2, order].T, raw[2:4, order].T
    low = middle - size / 2
    # Boxes of different kinds may overlap: shift each kind far away before suppressing.
    rows = np.concatenate([low + kinds[:, None] * 4.0 * DETECTOR_PX, size], axis=1)
    kept = cv2.dnn.NMSBoxes(rows.tolist(), best.tolist(), 0.01, NMS_IOU)
    height, width = image.rgb.shape[:2]
    found = []
    for i in np.asarray(kept).flatten():
        x0, y0 = crop.x + low[i, 0] / DETECTOR_PX * crop.w, crop.y + low[i, 1] / DETECTOR_PX * crop.h
        x1, y1 = x0 + size[i, 0] / DETECTOR_PX * crop.w, y0 + size[i, 1] / DETECTOR_PX * crop.h
        x0, x1 = np.clip((x0 / width, x1 / width), 0, 1)
        y0, y1 = np.clip((y0 / height, y1 / height), 0, 1)
        if x1 - x0 > 0.002 and y1 - y0 > 0.002:
            box = Box(float(x0), float(y0), float(x1 - x0), float(y1 - y0))
            found.append(RawBox(DAMAGES[int(kinds[i])], float(best[i]), box))
    return tuple(found)


def _roof_sqft(image: RoofImage, roof_px: int, material: RoofMaterial | None) -> float | None:
    if image.view is not View.OVERHEAD or not image.metres_per_px or material is None:
        return None
    return roof_px * image.metres_per_px**2 * PITCH_FACTORS[material] * SQFT_PER_M2
