"""Random graphs, for what single operators do not show: fusion, views, lifetimes in the arena, writing into concatenations."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.dtypes import CANONICAL
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model

UNARY = ["relu", "sigmoid", "tanh", "abs", "neg", "hard_swish", "exp", "floor", "softplus"]
BINARY = ["add", "sub", "mul", "max", "min"]


class RandomGraph:
    """Grows a graph from pictures; every step takes values that exist and adds one. With `integers`, some are looked up by integers,
    of which there is another input, or meet them."""

    def __init__(self, seed: int, integers: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.b = GraphBuilder()
        self.inputs = [
            self.b.input(f"x{i}", "f32", [1, int(self.rng.integers(1, 9)), int(self.rng.integers(1, 9)), int(self.rng.integers(1, 18))])
            for i in range(int(self.rng.integers(1, 3)))
        ]
        self.values = list(self.inputs)
        self.integers = [self.b.input("n", "i32", [int(self.rng.integers(1, 7))])] if integers else []
        self.inputs += self.integers

    def model(self, steps: int) -> Model:
        choices: list[Callable[[str], str | None]] = [
            self.unary, self.unary, self.clip, self.binary, self.binary, self.per_channel, self.conv, self.conv, self.depthwise,
            self.pool, self.resize, self.concat, self.slice, self.transpose, self.flatten, self.pad, self.reduce, self.expand, self.matmul,
            self.select,
        ]  # fmt: skip
        if self.integers:
            choices += [self.count, self.count, self.gather, self.gather, self.meet]
        while len(self.b.graph.nodes) < steps:
            step = choices[self.rng.integers(len(choices))]
            # Mostly from the newest values, so that chains and their fusion are common.
            source = self.values[-1] if self.rng.random() < 0.6 else self.values[self.rng.integers(len(self.values))]
            made = step(source)
            if made is not None and math.prod(self.shape(made)) <= 20_000:
                self.values.append(made)
        return self._finish()

    def _finish(self) -> Model:
        graph = self.b.graph
        consumed = graph.consumers()
        results = [name for name in self.values + self.integers if name not in consumed or self.rng.random() < 0.15]
        signature = Signature("random", [], [])
        for name in self.inputs:
            signature.inputs.append(Argument(name, name, CANONICAL[graph.values[name].dtype].name, graph.values[name].shape))
        for number, name in enumerate(results):
            value = graph.values[name]
            signature.outputs.append(Argument(f"y{number}", name, CANONICAL[value.dtype].name, value.shape))
            self.b.output(name)
        return Model(Bundle(graph, [signature], name="random"))

    def shape(self, name: str) -> list[int]:
        return [int(dim) for dim in self.b.shape(name)]  # type: ignore[arg-type]

    def weights(self, *shape: int) -> str:
        return self.b.constant((self.rng.standard_normal(shape) / math.sqrt(max(1, math.prod(shape[:-1])))).astype(np.float32), "w")

    def unary(self, x: str) -> str:
        name = UNARY[self.rng.integers(len(UNARY))]
        return self.b.node(name, [self.b.node("clip", [x], {"maximum": 3.0}) if name == "exp" else x])

    def clip(self, x: str) -> str:
        return self.b.node("clip", [x], {"minimum": 0.0, "maximum": float(self.rng.uniform(0.5, 6))})

    def binary(self, x: str) -> str | None:
        shape = self.shape(x)
        same = [name for name in self.values if self.shape(name) == shape]
        other = same[self.rng.integers(len(same))]
        pair = [x, other] if self.rng.random() < 0.5 else [other, x]
        return self.b.node(BINARY[self.rng.integers(len(BINARY))], pair)

    def per_channel(self, x: str) -> str | None:
        shape = self.shape(x)
        if not shape:
            return None
        kept = [size if self.rng.random() < 0.5 else 1 for size in shape[:-1]] if self.rng.random() < 0.3 else []
        slope = self.b.constant(self.rng.uniform(-1, 1, (*kept, shape[-1])).astype(np.float32), "slope")
        return self.b.node(["prelu", "mul", "add", "max"][self.rng.integers(4)], [x, slope])

    def conv(self, x: str) -> str | None:
        shape = self.shape(x)
        if len(shape) != 4 or shape[3] == 0:
            return None
        k, stride, out = int(self.rng.integers(1, 4)), int(self.rng.integers(1, 3)), int(self.rng.integers(1, 20))
        pad = [int(p) for p in self.rng.integers(0, k, 4)]
        if min(shape[1] + pad[0] + pad[2], shape[2] + pad[1] + pad[3]) < k:
            return None
        bias = [self.weights(out)] if self.rng.random() < 0.7 else []
        return self.b.node("conv2d", [x, self.weights(k, k, shape[3], out), *bias], {"stride": [stride, stride], "padding": pad})

    def depthwise(self, x: str) -> str | None:
        shape = self.shape(x)
        if len(shape) != 4 or shape[3] == 0:
            return None
        k, stride = int(self.rng.choice([3, 5])), int(self.rng.integers(1, 3))
        attributes = {"stride": [stride, stride], "padding": [k // 2] * 4, "groups": shape[3]}
        return self.b.node("conv2d", [x, self.weights(k, k, 1, shape[3]), self.weights(shape[3])], attributes)

    def pool(self, x: str) -> str | None:
        shape = self.shape(x)
        if len(shape) != 4 or min(shape[1:3]) < 2:
            return None
        return self.b.node(["max_pool2d", "average_pool2d"][self.rng.integers(2)], [x], {"window": [2, 2], "stride": [2, 2]})

    def resize(self, x: str) -> str | None:
        shape = self.shape(x)
        if len(shape) != 4 or min(shape) == 0 or max(shape[1:3]) > 16:
            return None
        size = [shape[1] * 2, int(self.rng.integers(1, 12))]
        return self.b.node("resize", [x], {"size": size, "mode": ["linear", "nearest"][self.rng.integers(2)]})

    def concat(self, x: str) -> str | None:
        shape = self.shape(x)
        if not shape:
            return None
        axis = int(self.rng.integers(len(shape)))
        fits = [name for name in self.values if (s := self.shape(name)) and len(s) == len(shape) and all(i == axis or s[i] == shape[i] for i in range(len(s)))]
        chosen = [x, *(fits[self.rng.integers(len(fits))] for _ in range(int(self.rng.integers(1, 3))))]
        return self.b.node("concat", chosen, {"axis": axis})

    def slice(self, x: str) -> str | None:
        shape = self.shape(x)
        if not shape or min(shape) == 0:
            return None
        start, size, step = [], [], []
        for length in shape:
            count = int(self.rng.integers(1, length + 1))
            stride = int(self.rng.integers(1, max(2, length // count + 1)))
            room = length - (count - 1) * stride
            if room < 1:
                stride, room = 1, length - count + 1
            first = int(self.rng.integers(0, room))
            if self.rng.random() < 0.2:
                first, stride = first + (count - 1) * stride, -stride
            start.append(first)
            size.append(count)
            step.append(stride)
        return self.b.node("slice", [x], {"start": start, "size": size, "step": step})

    def transpose(self, x: str) -> str:
        return self.b.node("transpose", [x], {"permutation": [int(axis) for axis in self.rng.permutation(len(self.shape(x)))]})

    def flatten(self, x: str) -> str:
        shape = self.shape(x)
        after = [math.prod(shape)] if self.rng.random() < 0.3 else [1, *shape] if len(shape) < 4 else [1, shape[1] * shape[2], shape[0] * shape[3], 1]
        return self.b.node("reshape", [x], {"shape": after})

    def pad(self, x: str) -> str:
        rank = len(self.shape(x))
        low, high = ([int(p) for p in self.rng.integers(0, 3, rank)] for _ in range(2))
        return self.b.node("pad", [x], {"low": low, "high": high, "interior": [0] * rank, "value": float(self.rng.integers(0, 2))})

    def reduce(self, x: str) -> str | None:
        rank = len(self.shape(x))
        axes = [axis for axis in range(rank) if self.rng.random() < 0.4]
        name = ["reduce_sum", "reduce_mean", "reduce_max"][self.rng.integers(3)]
        if name == "reduce_mean" and math.prod(self.shape(x)) == 0:
            return None
        return self.b.node(name, [x], {"axes": axes, "keep_dims": bool(self.rng.integers(2))})

    def expand(self, x: str) -> str:
        shape = self.shape(x)
        return self.b.node("expand", [x], {"shape": [int(self.rng.integers(1, 4)) if size == 1 else size for size in shape]})

    def matmul(self, x: str) -> str | None:
        shape = self.shape(x)
        if len(shape) < 2:
            return None
        if self.rng.random() < 0.5:
            return self.b.node("matmul", [x, self.weights(shape[-1], int(self.rng.integers(1, 20)))])
        rank = len(shape)
        turned = self.b.node("transpose", [x], {"permutation": [*range(rank - 2), rank - 1, rank - 2]})
        return self.b.node("matmul", [x, turned])

    def select(self, x: str) -> str:
        mask = self.b.node("greater", [x, self.b.scalar(0.1)])
        return self.b.node("where", [mask, x, self.b.node("neg", [x])])

    def integer(self) -> str:
        return self.integers[self.rng.integers(len(self.integers))]

    def count(self, _: str) -> None:
        """Another integer value, by steps that floats would round."""
        one, other = self.integer(), self.integer()
        same = self.shape(one) == self.shape(other)
        by = other if same else self.b.constant(np.array(self.rng.integers(-(2**31), 2**31), np.int32), "by")
        self.integers.append(self.b.node(["add", "sub", "mul", "max"][self.rng.integers(4)], [one, by]))

    def gather(self, x: str) -> str | None:
        shape = self.shape(x)
        if not shape or min(shape) == 0:
            return None
        axis = int(self.rng.integers(len(shape)))
        place = self.b.node("mod", [self.integer(), self.b.constant(np.array(shape[axis], np.int32), "length")])
        return self.b.node("gather", [x, place], {"axis": axis})

    def meet(self, x: str) -> str:
        """The sign of an integer, times a float."""
        sign = self.b.node("greater", [self.integer(), self.b.constant(np.array(0, np.int32), "zero")])
        all_of = self.b.node("reduce_max", [self.b.node("cast", [sign], {"to": "f32"})], {"axes": [0], "keep_dims": False})
        return self.b.node("mul", [x, self.b.node("add", [all_of, self.b.scalar(0.5)])])
