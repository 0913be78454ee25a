"""Small model files for the wizard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from onnx_model import model_of
from tflite_writer import Model, Operator, Tensor

SIDE, CLASSES = 16, 3


def _random(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).normal(size=shape).astype(np.float32) * 0.2


def classifier(path: Path, *, signatures: bool = True, metadata: Mapping[str, Any] | None = None) -> Path:
    """A TFLite classifier of pictures [N, 16, 16, 3] with N open, two layers, and two signatures: of its own, and of its first layer.

    `metadata`: what the file says of itself.
    """
    depth = 24
    convolution = {"table": "Conv2DOptions", "padding": 0, "stride_width": 2, "stride_height": 2}
    dense = {"table": "FullyConnectedOptions"}

    def part(classes: int) -> Model:
        tensors = [
            Tensor("image", (1, SIDE, SIDE, 3), signature=(-1, SIDE, SIDE, 3)),
            Tensor("filters", (depth, 3, 3, 3), data=_random(depth, 3, 3, 3)),
            Tensor("bias", (depth,), data=_random(depth)),
            Tensor("features", (1, 8, 8, depth), signature=(-1, 8, 8, depth)),
            Tensor("axes", (2,), "int32", np.array([1, 2], np.int32)),
            Tensor("mean", (1, depth), signature=(-1, depth)),
            Tensor("weights", (classes, depth), data=_random(classes, depth)),
            Tensor("logits", (1, classes), signature=(-1, classes)),
            Tensor("scores", (1, classes), signature=(-1, classes)),
        ]
        operators = [
            Operator("CONV_2D", [0, 1, 2], [3], convolution),
            Operator("MEAN", [3, 4], [5], {"table": "ReducerOptions"}),
            Operator("FULLY_CONNECTED", [5, 6, -1], [7], dense),
            Operator("SOFTMAX", [7], [8], {"table": "SoftmaxOptions", "beta": 1.0}),
        ]
        return Model(tensors, operators, [0], [8])

    model = part(CLASSES)
    if signatures:
        model.others.append(part(CLASSES + 2))
        model.signatures += [
            {"key": name, "subgraph": number, "inputs": [{"name": "image", "tensor": 0}], "outputs": [{"name": "scores", "tensor": 8}]}
            for number, name in enumerate(("coarse", "fine"))
        ]
    model.metadata = metadata
    path.write_bytes(model.encode())
    return path


def sums(path: Path, *, shape: Sequence[int | str] = (1, 8), op: str = "Relu", name: str = "x") -> Path:
    """An ONNX model of numbers, without weights: there is nothing to choose, but where to write."""
    made = model_of([helper.make_node(op, [name], ["y"])], [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))], ["y"])
    path.write_bytes(made.SerializeToString())
    return path


def unsupported(path: Path) -> Path:
    """An ONNX model with two operators that nobody knows."""
    nodes = [helper.make_node("Frobnicate", ["x"], ["a"], name="first"), helper.make_node("Grumble", ["a"], ["y"], name="second")]
    path.write_bytes(model_of(nodes, [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8])], ["y"]).SerializeToString())
    return path


def demanding(path: Path) -> Path:
    """An ONNX model with weights, of which no size that is tried fits: a product needs rows of 1,001."""
    made = model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "L"])], ["y"], {"w": _random(1001, 4)})
    path.write_bytes(made.SerializeToString())
    return path
