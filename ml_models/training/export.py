"""From a trained network to a small ONNX file: weights stored in 16 bits, computed in 32."""

import copy
import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from ml_models.card import ModelEntry

SMALLEST_HALVED = 256
"""Tensors with fewer values stay in 32 bits: they are scales and biases, and weigh nothing."""


class _FirstOutput(nn.Module):
    """Ultralytics' detection model without its second answer, decoding for any batch size."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        head: Any = net.model[-1]  # type: ignore[index]
        head.export, head.format = True, "onnx"

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.net(x)
        return answer


def runnable(role: str, net: nn.Module) -> nn.Module:
    """A copy of the network as it is exported: one tensor in, one tensor out."""
    copied = copy.deepcopy(net).eval().to(memory_format=torch.contiguous_format)
    return _FirstOutput(copied) if role == "detector" else copied


def export(role: str, net: nn.Module, input_px: int, path: Path) -> None:
    """Write the network as ONNX with a free batch size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    example = torch.zeros(2, 3, input_px, input_px)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            runnable(role, net),
            (example,),
            str(path),
            input_names=["images"],
            output_names=["output"],
            dynamic_axes={"images": {0: "batch"}, "output": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
    onnx.save(halved(onnx.load(str(path))), str(path))


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large weights as 16-bit floats, cast back when a session loads them: half the size, same speed."""
    casts = []
    for weight in list(model.graph.initializer):
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < SMALLEST_HALVED:
            continue
        small = numpy_helper.from_array(values.astype(np.float16), weight.name + "_16")
        model.graph.initializer.remove(weight)
        model.graph.initializer.append(small)
        casts.append(helper.make_node("Cast", [small.name], [weight.name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    onnx.checker.check_model(model)
    return model


def entry(role: str, name: str, version: str, path: Path, input_px: int, pictures: int, licence: str) -> ModelEntry:
    """The card's line for an exported file."""
    content = path.read_bytes()
    return ModelEntry(
        role, name, version, path.name, hashlib.sha256(content).hexdigest(), len(content), input_px, pictures, licence
    )
