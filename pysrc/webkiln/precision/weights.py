"""Graphs whose constants are stored in fewer bits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from webkiln.graph.graph import Constant, Graph
from webkiln.graph.quantization import Affine, Masked
from webkiln.precision.channels import Weight, weights_of
from webkiln.precision.encode import BLOCK, check_kind, encode
from webkiln.precision.sparse import without_zeros

_FEW = 64  # smaller constants stay as they are: nothing is gained
_FEW_WEIGHTS = 1024  # with scales: a tensor more, and its entry in model.json, for layers that often matter most
_MANY = 4096  # elements that are no weights are stored as float16 from here on, when weights have fewer bits than that


def quantize_weights(graph: Graph, kind: str) -> Graph:
    """A graph whose float32 constants are stored as `kind` (see `encode.KINDS`).

    - `f32` widens what is stored in fewer bits. `f16` stores all but small constants so, but those whose range float16 does not hold.
    - The others store so the weights that convolutions, products and gathers read; small ones are stored as float16, and so is any
      other constant of 4,096 elements or more. Biases, and what stands in fewer bits already, stay as they are. `int4` stores weights whose
      channels have fewer than 32 values, as those of depthwise convolutions, in `int8`: they are few bytes, and few values to average errors over.

    Raises `WebkilnError` for another kind.
    """
    check_kind(kind)
    stored: dict[int, Constant] = {}
    if kind not in ("f32", "f16"):
        stored = {weight.key: quantized(weight, kind) for weight in weights_of(graph)}
    for one in graph.graphs():
        for constant in one.constants.values():
            if id(constant.stored) not in stored and constant.dtype == "f32":
                stored[id(constant.stored)] = _other(constant, kind)
    return replaced(graph, stored)


def quantized(weight: Weight, kind: str) -> Constant:
    """A weight as `kind` stores it, or as it is where that gains nothing."""
    constant = weight.constant
    if isinstance(constant.stored, Affine):
        return constant
    size = constant.array.size
    wanted = "f16" if size < _FEW_WEIGHTS and kind != "f32" else kind
    if size < _FEW:
        return constant
    if wanted == "int4" and _channel_size(weight) < BLOCK:
        wanted = "int8"
    made = encode(constant.array, wanted, weight.axes)
    if made is None and wanted != "f16":
        made = encode(constant.array, "f16", weight.axes)
    if made is None:
        return constant
    stored = without_zeros(made)
    return Constant(stored) if stored_bytes(stored) < stored_bytes(constant.stored) else constant


def _channel_size(weight: Weight) -> int:
    """How many values one channel has."""
    array, channel = weight.constant.array, weight.axes.channel
    return array.size if channel is None else array.size // array.shape[channel]


def _other(constant: Constant, kind: str) -> Constant:
    """A constant that is no weight, or one of a kind without scales."""
    if kind == "f32":
        return constant if isinstance(constant.stored, np.ndarray) and constant.stored.dtype == np.float32 else Constant(constant.array)
    least = _FEW if kind == "f16" else _MANY
    if not isinstance(constant.stored, np.ndarray) or constant.stored.dtype != np.float32 or constant.stored.size < least:
        return constant
    with np.errstate(over="ignore"):
        half = constant.stored.astype(np.float16)
    return Constant(without_zeros(half)) if np.array_equal(np.isfinite(half), np.isfinite(constant.stored)) else constant


def replaced(graph: Graph, constants: Mapping[int, Constant]) -> Graph:
    """A graph, and its bodies, in which the constants whose stored tensors have these `id`s are others."""
    changed = graph.copy()
    changed.constants = {name: constants.get(id(constant.stored), constant) for name, constant in graph.constants.items()}
    changed.nodes = [
        dataclasses.replace(node, bodies=tuple(replaced(body, constants) for body in node.bodies)) if node.bodies else node for node in graph.nodes
    ]
    return changed


def stored_bytes(stored: np.ndarray | Affine | Masked) -> int:
    """The bytes of a constant's tensors."""
    if isinstance(stored, np.ndarray):
        return stored.nbytes
    parts = (stored.present, stored.mask) if isinstance(stored, Masked) else (stored.packed, stored.scale, stored.zero_point, stored.mask)
    return sum(part.nbytes for part in parts if part is not None)


def constants_of(graph: Graph) -> list[Constant]:
    """The float constants of a graph and all bodies in it, each stored tensor once."""
    found = {id(constant.stored): constant for one in graph.graphs() for constant in one.constants.values() if constant.dtype == "f32"}
    return list(found.values())


def weights_bytes(graph: Graph) -> int:
    """The bytes that the float constants of a graph take."""
    return sum(stored_bytes(constant.stored) for constant in constants_of(graph))


def kind_of(constant: Constant) -> str:
    """In which precision a float constant is stored, as `encode.KINDS` names them; `sparse` before it where zeros are left out."""
    stored = constant.stored
    if isinstance(stored, Affine):
        name = f"{'' if stored.signed else 'u'}int{stored.bits}"
        return name if stored.mask is None else f"sparse {name}"
    kind = "f16" if (stored.present if isinstance(stored, Masked) else stored).dtype == np.float16 else "f32"
    return f"sparse {kind}" if isinstance(stored, Masked) else kind
