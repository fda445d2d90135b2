"""Renders the data sets: whole pictures for finding the roof, and stretched roof crops for everything else."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from domain.roof import CONDITIONS, DamageType, RoofMaterial, View
from ml_models.crops import Window, mask_window, stretch
from ml_models.synthetic import Split
from ml_models.training.pictures import FIRST_SEEDS, SPLITS, Bytes, picture

DAMAGES = tuple(DamageType)
MATERIALS = tuple(RoofMaterial)
FULL_PX = 288
CROP_PX = 352
STORED_MARGIN = 0.14
Label = tuple[int, float, float, float, float]
"""Damage class, then x, y, w, h of its box as shares of the crop (x, y: top left corner)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What training keeps of a picture; label maps are 0 nothing, 1 + material index roof, plus 16 where damaged."""

    full: Bytes
    full_labels: Bytes
    crop: Bytes
    crop_labels: Bytes
    boxes: tuple[Label, ...]
    condition: int
    view: View


def sample(seed: int, split: Split) -> Sample:
    """The training sample number `seed` of a split."""
    cv2.setNumThreads(1)
    p = picture(seed, split)
    r, size = p.render, p.render.rgb.shape[0]
    labels = (r.roof_mask * (1 + MATERIALS.index(r.material)) + 16 * r.damage_mask).astype(np.uint8)
    window = mask_window(r.roof_mask, STORED_MARGIN) or Window(0, 0, size, size)
    return Sample(
        full=np.asarray(cv2.resize(r.rgb, (FULL_PX, FULL_PX), interpolation=cv2.INTER_AREA), np.uint8),
        full_labels=stretch(labels, Window(0, 0, size, size), FULL_PX, cv2.INTER_NEAREST),
        crop=stretch(r.rgb, window, CROP_PX),
        crop_labels=stretch(labels, window, CROP_PX, cv2.INTER_NEAREST),
        boxes=tuple(
            (
                DAMAGES.index(b.damage),
                (b.box.x * size - window.x) / window.w,
                (b.box.y * size - window.y) / window.h,
                b.box.w * size / window.w,
                b.box.h * size / window.h,
            )
            for b in r.boxes
        ),
        condition=CONDITIONS.index(p.truth.condition),
        view=p.view,
    )


@dataclass(frozen=True, slots=True)
class DataSet:
    """Samples stacked into arrays."""

    full: Bytes
    full_labels: Bytes
    crop: Bytes
    crop_labels: Bytes
    boxes: tuple[tuple[Label, ...], ...]
    condition: npt.NDArray[np.int64]
    overhead: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.condition)


def build(name: str, count: int, processes: int = 2) -> DataSet:
    """Render `count` samples of `train`, `validation` (same parameters, other houses) or `held_out`."""
    seeds = range(FIRST_SEEDS[name], FIRST_SEEDS[name] + count)
    return _stack(list(_samples(seeds, SPLITS[name], processes)))


def _samples(seeds: range, split: Split, processes: int) -> Iterator[Sample]:
    one = partial(sample, split=split)
    if processes <= 1 or len(seeds) < 64:
        yield from map(one, seeds)
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(one, seeds, chunksize=16)


def _stack(samples: list[Sample]) -> DataSet:
    return DataSet(
        full=np.stack([s.full for s in samples]),
        full_labels=np.stack([s.full_labels for s in samples]),
        crop=np.stack([s.crop for s in samples]),
        crop_labels=np.stack([s.crop_labels for s in samples]),
        boxes=tuple(s.boxes for s in samples),
        condition=np.array([s.condition for s in samples], dtype=np.int64),
        overhead=np.array([s.view is View.OVERHEAD for s in samples]),
    )


ARRAYS = ("full", "full_labels", "crop", "crop_labels", "condition", "overhead")


def save(data: DataSet, folder: Path) -> None:
    """Keep a rendered data set, so that the three models train on the same pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        np.save(folder / f"{name}.npy", getattr(data, name))
    rows = [(i, *label) for i, labels in enumerate(data.boxes) for label in labels]
    np.save(folder / "boxes.npy", np.array(rows, dtype=np.float64).reshape(-1, 6))


def load(folder: Path) -> DataSet:
    """Map back what `save` kept: processes that train at once share the memory."""
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
    boxes: list[list[Label]] = [[] for _ in arrays["condition"]]
    for i, damage, x, y, w, h in np.load(folder / "boxes.npy"):
        boxes[int(i)].append((int(damage), float(x), float(y), float(w), float(h)))
    return DataSet(
        arrays["full"],
        arrays["full_labels"],
        arrays["crop"],
        arrays["crop_labels"],
        tuple(map(tuple, boxes)),
        np.asarray(arrays["condition"]),
        np.asarray(arrays["overhead"]),
    )
