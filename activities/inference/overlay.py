"""What the models saw, drawn over the picture they saw it in: for reviewers and for the demo's contact sheet."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from domain.roof import CONDITIONS, DamageType, Detection, RoofCondition

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[Any]
Colour = tuple[int, int, int]

OUTLINE: Colour = (64, 224, 255)
INK: Colour = (16, 18, 22)
PAPER: Colour = (245, 246, 248)
CONDITION_COLOURS: tuple[Colour, ...] = ((46, 160, 67), (124, 179, 66), (242, 180, 30), (235, 110, 40), (214, 48, 49))
"""Best grade first."""
DAMAGE_COLOURS: dict[DamageType, Colour] = dict(
    zip(
        DamageType,
        (
            (230, 57, 70),
            (244, 140, 6),
            (88, 190, 80),
            (188, 92, 40),
            (155, 93, 229),
            (255, 89, 94),
            (58, 134, 255),
            (255, 202, 58),
            (241, 91, 181),
            (17, 138, 178),
        ),
        strict=True,
    )
)
FONT = cv2.FONT_HERSHEY_SIMPLEX
LEAST_CONFIDENCE = 0.25
STRIP_PX = 34


def annotate(
    rgb: Pixels,
    detections: Sequence[Detection],
    roof_mask: Mask | None = None,
    *,
    condition: RoofCondition,
    confidence: float,
    note: str = "",
) -> Pixels:
    """The picture with the roof's outline, labelled damage boxes and a strip naming the verdict.

    `roof_mask` is any array, non-zero where there is roof; `confidence` is 0-100.
    """
    canvas = np.ascontiguousarray(rgb.copy())
    width = canvas.shape[1]
    if roof_mask is not None and roof_mask.any():
        _outline(canvas, roof_mask)
    shown = [found for found in detections if found.confidence >= LEAST_CONFIDENCE]
    for found in sorted(shown, key=lambda found: found.confidence):
        _box(canvas, found)
    strip = np.full((STRIP_PX, width, 3), INK, np.uint8)
    cv2.rectangle(strip, (0, 0), (8, STRIP_PX), CONDITION_COLOURS[CONDITIONS.index(condition)], -1)
    verdict = f"{condition.value}  {confidence:.0f}%   {note}".rstrip()
    cv2.putText(strip, verdict, (18, 23), FONT, 0.55, PAPER, 1, cv2.LINE_AA)
    return np.vstack([canvas, strip])


def _outline(canvas: Pixels, mask: Mask) -> None:
    height, width = canvas.shape[:2]
    flat = (np.asarray(mask) > 0).astype(np.uint8)
    if flat.shape != (height, width):
        flat = np.asarray(cv2.resize(flat, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    contours, _ = cv2.findContours(flat, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    large = [contour for contour in contours if cv2.contourArea(contour) > 0.002 * height * width]
    cv2.drawContours(canvas, large, -1, INK, 4, cv2.LINE_AA)
    cv2.drawContours(canvas, large, -1, OUTLINE, 2, cv2.LINE_AA)


def _box(canvas: Pixels, found: Detection) -> None:
    height, width = canvas.shape[:2]
    left, top = round(found.box.x * width), round(found.box.y * height)
    right, bottom = round((found.box.x + found.box.w) * width), round((found.box.y + found.box.h) * height)
    colour = DAMAGE_COLOURS[found.damage]
    cv2.rectangle(canvas, (left, top), (right, bottom), colour, 2, cv2.LINE_AA)
    label = f"{found.damage.value.replace('_', ' ')} {found.confidence:.0%}"
    (text_width, text_height), _ = cv2.getTextSize(label, FONT, 0.42, 1)
    x = min(max(0, left), max(0, width - text_width - 6))
    y = top - 5 if top > text_height + 10 else min(height - 4, bottom + text_height + 7)
    cv2.rectangle(canvas, (x, y - text_height - 4), (x + text_width + 6, y + 4), colour, -1)
    ink = INK if sum(colour) > 380 else PAPER
    cv2.putText(canvas, label, (x + 3, y), FONT, 0.42, ink, 1, cv2.LINE_AA)
