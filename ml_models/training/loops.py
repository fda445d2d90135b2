"""How each network learns: its batches, its loss, and one loop for all three that ends on time."""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import structlog
import torch
from torch import Tensor, nn
from torch.nn import functional

from ml_models.preprocess import CLASSIFIER_PX, DETECTOR_PX, SEGMENTOR_PX, normalised
from ml_models.training import networks
from ml_models.training.dataset import STORED_MARGIN, DataSet, Label
from ml_models.training.pictures import Bytes

log = structlog.get_logger()
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Plan:
    """Training ends after `epochs` or `minutes`, whichever comes first; the learning rate falls to zero by then.

    The averaged weights so far are kept in `snapshot`, if given.
    """

    epochs: float
    minutes: float
    batch: int = 16
    learning_rate: float = 1e-3
    snapshot: Path | None = None


class _Average:
    """Moving average of a network's weights: steadier than the weights themselves, at any moment of the training."""

    def __init__(self, net: nn.Module) -> None:
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self._steps = 0

    def follow(self, net: nn.Module) -> None:
        self._steps += 1
        keep = min(0.996, (1 + self._steps) / (10 + self._steps))
        with torch.no_grad():
            for mine, theirs in zip(self.net.state_dict().values(), net.state_dict().values(), strict=True):
                if mine.dtype.is_floating_point:
                    mine.lerp_(theirs, 1 - keep)
                else:
                    mine.copy_(theirs)


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with its mean loss over the first and the last tenth of the steps, and how many pictures it saw."""

    net: nn.Module
    first_loss: float
    last_loss: float
    pictures: int


def _fit(
    net: nn.Module,
    frozen: Sequence[nn.Module],
    loss_of: Callable[[Index, np.random.Generator], Tensor],
    count: int,
    plan: Plan,
    name: str,
) -> Trained:
    rng = np.random.default_rng(7)
    optimiser = torch.optim.AdamW(
        [p for p in net.parameters() if p.requires_grad], lr=plan.learning_rate, weight_decay=1e-2
    )
    steps = max(2, int(plan.epochs * count / plan.batch))
    net.train()
    for stage in frozen:
        stage.eval()
    average = _Average(net)
    losses: list[float] = []
    order = rng.permutation(count)
    start, at = time.monotonic(), 0
    while (progress := max(len(losses) / steps, (time.monotonic() - start) / 60 / plan.minutes)) < 1:
        if at + plan.batch > count:
            order, at = rng.permutation(count), 0
        index, at = order[at : at + plan.batch], at + plan.batch
        warm = min(1.0, (len(losses) + 1) / min(30.0, 1 + steps / 10))
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * warm * 0.5 * (1 + np.cos(np.pi * progress))
        loss = loss_of(index, rng)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        average.follow(net)
        losses.append(loss.item())
        if len(losses) % 20 == 0:
            log.info(
                "training",
                model=name,
                step=len(losses),
                progress=round(progress, 3),
                loss=round(float(np.mean(losses[-20:])), 4),
            )
            if plan.snapshot:
                torch.save(average.net.state_dict(), plan.snapshot)
    tenth = max(1, len(losses) // 10)
    return Trained(
        average.net,
        float(np.mean(losses[:tenth])),
        float(np.mean(losses[-tenth:])),
        len(losses) * min(plan.batch, count),
    )


def _random_crop(rng: np.random.Generator, stored: int, size: int) -> npt.NDArray[np.float64]:
    """Scale and offset (per axis) of a random cut around the roof: what an imprecise roof mask would have cut out."""
    roof = stored / (1 + 2 * STORED_MARGIN)
    low = (stored - roof) / 2 - rng.uniform(0.0, 0.12, 2) * roof
    high = (stored + roof) / 2 + rng.uniform(0.0, 0.12, 2) * roof
    scale = size / (high - low)
    flip = np.where(rng.random(2) < (0.5, 0.25), -1.0, 1.0)
    offset = np.where(flip > 0, -low * scale, high * scale)
    return np.stack([flip * scale, offset])


def _cut(plane: Bytes, crop: npt.NDArray[np.float64], size: int, how: int = cv2.INTER_LINEAR) -> Bytes:
    (sx, sy), (ox, oy) = crop
    matrix = np.array([[sx, 0, ox], [0, sy, oy]])
    return np.asarray(cv2.warpAffine(plane, matrix, (size, size), flags=how, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _jitter(image: Bytes, rng: np.random.Generator) -> Bytes:
    """A little more or less light, and a colour cast."""
    gain = (rng.uniform(0.85, 1.15) * rng.uniform(0.94, 1.06, 3)).astype(np.float32)
    matrix = np.column_stack([np.diag(gain), np.full(3, rng.uniform(-14, 14))]).astype(np.float32)
    return np.asarray(cv2.transform(image, matrix), np.uint8)


def _tensor(images: Sequence[Bytes]) -> Tensor:
    return torch.from_numpy(normalised(np.stack(images))).contiguous(memory_format=torch.channels_last)


def train_classifier(data: DataSet, plan: Plan, net: nn.Module | None = None) -> Trained:
    """Grade from the roof crop."""
    torch.manual_seed(7)
    net = net or networks.classifier()

    def loss_of(index: Index, rng: np.random.Generator) -> Tensor:
        crops = []
        for i in index:
            where = _random_crop(rng, data.crop.shape[1], CLASSIFIER_PX)
            crops.append(_jitter(_cut(data.crop[i], where, CLASSIFIER_PX), rng))
        return functional.cross_entropy(
            net(_tensor(crops)), torch.from_numpy(data.condition[index]), label_smoothing=0.03
        )

    return _fit(net, networks.freeze_early(net.features), loss_of, len(data), plan, "classifier")  # type: ignore[arg-type]


def segmentor_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of material or background, and binary cross entropy plus Dice of damage within the roof."""
    material, damaged = labels % 16, (labels >= 16).float()
    base = functional.cross_entropy(logits[:, :-1], material)
    score = logits[:, -1]
    roof = (material > 0).float()
    bce = functional.binary_cross_entropy_with_logits(score, damaged, reduction="none")
    p = score.sigmoid()
    dice = 1 - (2 * (p * damaged).sum() + 100) / (p.sum() + damaged.sum() + 100)
    return base + (bce * (0.1 + roof)).sum() / roof.sum().clamp(1) + 0.5 * dice


def train_segmentor(data: DataSet, plan: Plan, net: nn.Module | None = None) -> Trained:
    """Roof, damage and material from roof crops, and from half as many whole pictures."""
    torch.manual_seed(7)
    net = net or networks.segmentor()
    size = SEGMENTOR_PX

    def loss_of(index: Index, rng: np.random.Generator) -> Tensor:
        images, labels = [], []
        for n, i in enumerate(index):
            where = _random_crop(rng, data.crop.shape[1], size)
            images.append(_jitter(_cut(data.crop[i], where, size), rng))
            labels.append(_cut(data.crop_labels[i], where, size, cv2.INTER_NEAREST))
            if n % 2 == 0:
                flip = -1 if rng.random() < 0.5 else 1
                whole = cv2.resize(data.full[i], (size, size), interpolation=cv2.INTER_AREA)
                mark = cv2.resize(data.full_labels[i], (size, size), interpolation=cv2.INTER_NEAREST)
                images.append(_jitter(np.ascontiguousarray(whole[:, ::flip]), rng))
                labels.append(np.ascontiguousarray(mark[:, ::flip]))
        return segmentor_loss(net(_tensor(images)), torch.from_numpy(np.stack(labels).astype(np.int64)))

    return _fit(net, networks.freeze_early(net.encoder.features), loss_of, len(data), plan, "segmentor")  # type: ignore[union-attr, arg-type]


def _moved(labels: Sequence[Label], crop: npt.NDArray[np.float64], stored: int, size: int) -> list[list[float]]:
    """Boxes of a stored crop as class, middle and size within a random cut of it."""
    rows = []
    for damage, x, y, w, h in labels:
        corners = (np.array([(x, y), (x + w, y + h)]) * stored * crop[0] + crop[1]) / size
        low, high = np.clip(corners.min(axis=0), 0, 1), np.clip(corners.max(axis=0), 0, 1)
        if (high - low > 0.008).all():
            rows.append([float(damage), *((low + high) / 2).tolist(), *(high - low).tolist()])
    return rows


def train_detector(data: DataSet, plan: Plan, folder: Path, net: nn.Module | None = None) -> Trained:
    """Boxes of damage in the roof crop, with ultralytics' YOLOv8 loss."""
    torch.manual_seed(7)
    net = net or networks.detector(folder)
    stored, size = data.crop.shape[1], DETECTOR_PX

    def loss_of(index: Index, rng: np.random.Generator) -> Tensor:
        images, rows = [], []
        for n, i in enumerate(index):
            where = _random_crop(rng, stored, size)
            images.append(_jitter(_cut(data.crop[i], where, size), rng))
            rows += [[n, *row] for row in _moved(data.boxes[i], where, stored, size)]
        labels = torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)
        batch: dict[str, Any] = {
            "img": _tensor(images),
            "batch_idx": labels[:, 0],
            "cls": labels[:, 1:2],
            "bboxes": labels[:, 2:],
        }
        total: Tensor = net.loss(batch)[0].sum() / len(index)  # type: ignore[operator]
        return total

    return _fit(net, networks.freeze_early(net.model[0].m), loss_of, len(data), plan, "detector")  # type: ignore[index, union-attr, arg-type]
