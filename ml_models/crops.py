"""Geometry shared by training and inference: the roof's rectangle, and crops stretched to a model's square input."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

CROP_MARGIN = 0.06
"""Share of the roof's width and height added on each side before the crop is stretched to a square."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of an image in pixels; it may reach beyond the image, where the border is repeated."""

    x: float
    y: float
    w: float
    h: float


def mask_window(mask: npt.NDArray[np.uint8], margin: float = CROP_MARGIN) -> Window | None:
    """Rectangle around a mask's pixels, in the mask's pixels; None for an empty mask."""
    x, y, w, h = cv2.boundingRect(mask)
    if w < 2 or h < 2:
        return None
    return Window(x - margin * w, y - margin * h, w * (1 + 2 * margin), h * (1 + 2 * margin))


def stretch(
    image: npt.NDArray[np.uint8], window: Window, size: int, interpolation: int = cv2.INTER_LINEAR
) -> npt.NDArray[np.uint8]:
    """Cut a window out of an image and stretch it to `size` by `size` pixels.

    Street views foreshorten roofs; stretching each axis on its own gives their height back its pixels.
    """
    sx, sy = size / window.w, size / window.h
    if interpolation == cv2.INTER_LINEAR and min(sx, sy) < 0.6:
        factor = max(min(sx, sy), 0.05) * 1.2
        shrunk = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        fx, fy = shrunk.shape[1] / image.shape[1], shrunk.shape[0] / image.shape[0]
        window = Window(window.x * fx, window.y * fy, window.w * fx, window.h * fy)
        image, sx, sy = np.asarray(shrunk, np.uint8), size / window.w, size / window.h
    # Pixel centres lie at half integers.
    matrix = np.array([[sx, 0, (0.5 - window.x) * sx - 0.5], [0, sy, (0.5 - window.y) * sy - 0.5]])
    return np.asarray(
        cv2.warpAffine(image, matrix, (size, size), flags=interpolation, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
