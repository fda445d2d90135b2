"""The pictures models learn from and are measured on: renders that went through a camera and imagery processing."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from domain.roof import STREET_VIEWS, View
from ml_models.synthetic import Render, RoofTruth, Split, render_overhead, render_street, sample_truth

Bytes = npt.NDArray[np.uint8]

FIRST_SEEDS = {"train": 1_000_000, "validation": 5_000_000, "held_out": 9_000_000}
SPLITS = {"train": Split.TRAIN, "validation": Split.TRAIN, "held_out": Split.HELD_OUT}


@dataclass(frozen=True, slots=True)
class Picture:
    """One camera picture of one house, as it would arrive from imagery processing, and its truth."""

    truth: RoofTruth
    view: View
    metres_per_px: float | None
    render: Render


def picture(seed: int, split: Split, processed: bool = True) -> Picture:
    """The picture number `seed` of a split; every second one is overhead."""
    rng = np.random.default_rng((seed, 5))
    truth = sample_truth(rng, split)
    if seed % 2 == 0:
        scale = float(rng.uniform(0.052, 0.082))
        render, view = render_overhead(truth, 640, scale), View.OVERHEAD
    else:
        view, scale = STREET_VIEWS[int(rng.integers(4))], None
        render = render_street(truth, view)
    if processed:
        render = Render(
            _processed(render.rgb, rng), render.roof_mask, render.damage_mask, render.boxes, render.material
        )
    return Picture(truth, view, scale, render)


def _processed(rgb: Bytes, rng: np.random.Generator) -> Bytes:
    """What cameras and imagery processing do to a picture: light, contrast, sharpening, noise filters, JPEG."""
    image: Bytes = rgb
    if rng.random() < 0.7:
        gain, bias = float(rng.uniform(0.82, 1.18)), float(rng.uniform(-16, 16))
        image = np.asarray(cv2.convertScaleAbs(np.maximum(image * gain + bias, 0)), np.uint8)
    if rng.random() < 0.3:
        lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
        lab[..., 0] = cv2.createCLAHE(float(rng.uniform(1, 2.5)), (8, 8)).apply(lab[..., 0])
        image = np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)
    if rng.random() < 0.25:
        image = np.asarray(cv2.bilateralFilter(image, 5, 30, 5), np.uint8)
    if rng.random() < 0.35:
        soft = cv2.GaussianBlur(image, (0, 0), 1.2)
        image = np.asarray(cv2.addWeighted(image, 1.6, soft, -0.6, 0), np.uint8)
    quality = int(rng.integers(60, 96))
    _, packed = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def pictures(name: str, count: int) -> Iterator[Picture]:
    """The first pictures of `train`, `validation` (same parameters, other houses) or `held_out`."""
    for number in range(count):
        yield picture(FIRST_SEEDS[name] + number, SPLITS[name])
