"""Bias correction: what weights in fewer bits add to the mean of a layer's output is taken off its bias.

Rounding moves each weight at random, but the inputs of a layer are hardly ever 0 in the mean (after a ReLU never), so that the errors add up to a
constant for each channel, the larger part of what rounding costs. Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
Correction" (2019), section 4.2, with means that are measured.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from webkiln import reference
from webkiln.errors import InputError
from webkiln.graph.bundle import Bundle
from webkiln.graph.graph import Constant, Graph, Node
from webkiln.graph.quantization import Affine
from webkiln.precision.samples import Sample, feeds_of, generated_samples, is_picture, symbols_of_sample

MOST_BITS = 8
"""Weights in more bits move the outputs by so little that nothing is corrected."""

_SAMPLES = 4  # a layer that is no map has no more positions to average over


class BiasCorrection:
    """The mean inputs of a graph's convolutions and products with constant weights, over some samples."""

    def __init__(self, bundle: Bundle, samples: Sequence[Sample]) -> None:
        self._exact = bundle.graph
        self._sums: dict[str, np.ndarray] = {}  # by the name of the output: float64, in the shape of the weights but their last axis
        self._counts: dict[str, int] = {}
        for sample in samples:
            graph = bundle.part(sample.signature)
            reference.run(graph, feeds_of(graph, sample, symbols_of_sample(graph, sample)), disturb=self._observer(graph))

    def _observer(self, graph: Graph) -> Callable[[str, int, list[np.ndarray], dict[str, Any], np.ndarray], np.ndarray]:
        """What the reference shows each result of a run; it adds up the inputs and leaves the results as they are."""

        def observe(op: str, position: int, arrays: list[np.ndarray], attributes: dict[str, Any], result: np.ndarray) -> np.ndarray:
            node = graph.nodes[position] if position < len(graph.nodes) else None
            # Nodes of bodies are shown too, by their positions there: only those of the graph read this very array.
            if node is not None and node.op == op and is_corrected(graph, node) and arrays[1] is graph.constants[node.inputs[1]].array and result.size:
                total = _conv2d_inputs(arrays[0], result, arrays[1].shape, attributes) if op == "conv2d" else _matmul_inputs(arrays[0])
                name = node.outputs[0]
                self._sums[name] = self._sums.get(name, 0) + total
                self._counts[name] = self._counts.get(name, 0) + result.size // result.shape[-1]
            return result

        return observe

    def apply(self, graph: Graph) -> Graph:
        """The graph, which differs from the exact one in some weights, with biases that take off what these add in the mean; in float16 where the weights
        have no more than 8 bits, whose rounding is far larger."""
        changed = graph.copy()
        readers = graph.consumers()
        results = {*graph.outputs, *(state.initial for state in graph.state)}
        left = set()  # biases whose readers read others now
        for position, node in enumerate(graph.nodes):
            weights = graph.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
            if weights is None or node.outputs[0] not in self._sums or weights.stored is self._exact.constants[node.inputs[1]].stored:
                continue
            with np.errstate(invalid="ignore"):
                error = self._exact.constants[node.inputs[1]].array.astype(np.float64) - weights.array
                shift = (error * self._mean(node, error.shape)).sum(axis=tuple(range(error.ndim - 1)))
            if not np.isfinite(shift).all() or not shift.any():
                continue
            bias = node.inputs[2] if len(node.inputs) > 2 else ""
            if bias and len(readers[bias]) == 1 and bias not in results:
                name = bias
            else:
                name = changed.fresh(f"{node.outputs[0]} bias")
                left.add(bias)
            is_half = isinstance(weights.stored, Affine) and weights.stored.bits <= MOST_BITS
            changed.constants[name] = _moved(graph.constants.get(bias), shift, is_half)
            changed.values[name] = changed.constants[name].value
            changed.nodes[position] = dataclasses.replace(node, inputs=(*node.inputs[:2], name))
        for name in left - set(changed.consumers()) - results - {""}:
            del changed.constants[name], changed.values[name]
        return changed

    def _mean(self, node: Node, shape: Sequence[int]) -> np.ndarray:
        """The mean input that meets each weight, in a shape that goes with the weights'."""
        mean = self._sums[node.outputs[0]] / self._counts[node.outputs[0]]
        if node.op == "matmul":
            return np.asarray(mean[:, None])
        groups = node.attributes["groups"]
        # [KH, KW, groups · channels] to [KH, KW, channels, groups · outputs]
        split = mean.reshape(*shape[:2], groups, shape[2]).transpose(0, 1, 3, 2)
        return np.repeat(split, shape[3] // groups, axis=3)


def correction_of(bundle: Bundle) -> BiasCorrection:
    """What generated pictures say, others than errors are measured on. Nothing is corrected for models with other inputs, whose generated ones are
    noise: its means are not those of sound or text, and corrected by them a model of sound gets worse.

    Not by the user's samples, so that a command gives the same bytes whatever it is measured on. Nothing is lost: four pictures beside the generated ones
    leave the error of MoveNet on other pictures where it was (int8 0.049, uint8 0.07), in their place they make it worse (uint8 0.18); four pieces of
    sound do nothing for Basic Pitch (int8 0.361, 0.364 without a correction).
    """
    try:
        samples = generated_samples(bundle, _SAMPLES, first=1)
    except InputError:
        samples = []
    are_pictures = all(is_picture(bundle, one, sample.inputs[one.value].shape) for sample in samples for one in sample.signature.inputs)
    return BiasCorrection(bundle, samples if are_pictures else ())


def is_corrected(graph: Graph, node: Node) -> bool:
    """Whether a node has a bias, or room for one, in which a constant can be put: a convolution, or a product with a matrix on the right."""
    if node.op not in ("conv2d", "matmul") or node.inputs[1] not in graph.constants or graph.constants[node.inputs[1]].dtype != "f32":
        return False
    return (node.op == "conv2d" or len(graph.values[node.inputs[1]].shape) == 2) and all(name in graph.constants for name in node.inputs[2:] if name)


def _conv2d_inputs(x: np.ndarray, result: np.ndarray, kernel: Sequence[int], attributes: dict[str, Any]) -> np.ndarray:
    """The sum of the inputs that each tap meets: [KH, KW, C], in float64."""
    top, left, bottom, right = attributes["padding"]
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    steps, spread = attributes["stride"], attributes["dilation"]

    def met(tap: int, axis: int) -> slice:
        first = tap * spread[axis]
        return slice(first, first + (result.shape[axis + 1] - 1) * steps[axis] + 1, steps[axis])

    taps = [[padded[:, met(i, 0), met(j, 1)].sum(axis=(0, 1, 2), dtype=np.float64) for j in range(kernel[1])] for i in range(kernel[0])]
    return np.asarray(taps)


def _matmul_inputs(x: np.ndarray) -> np.ndarray:
    """The sum of the rows: [depth], in float64."""
    return np.asarray(x.reshape(-1, x.shape[-1]).sum(axis=0, dtype=np.float64))


def _moved(bias: Constant | None, shift: np.ndarray, is_half: bool) -> Constant:
    """A bias moved by `shift`, in float16 if that is asked for, it was so before, or there was none, and it fits."""
    moved = (shift if bias is None else bias.array + shift).astype(np.float32)
    is_half = is_half or bias is None or (isinstance(bias.stored, np.ndarray) and bias.stored.dtype == np.float16)
    return Constant(moved.astype(np.float16) if is_half and np.abs(moved).max() <= np.finfo(np.float16).max else moved)
