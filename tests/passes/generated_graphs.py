"""Random small graphs, many of them in the manner of frameworks whose pictures are NCHW."""

from __future__ import annotations

import numpy as np
from webkiln.errors import ShapeError
from webkiln.graph.build import GraphBuilder
from webkiln.graph.graph import Graph

UNARY = ("relu", "abs", "neg", "tanh", "sigmoid", "hard_swish")
BINARY = ("add", "sub", "mul", "max", "min")


def generate(seed: int) -> Graph:
    """A graph over pictures: convolutions between transposes, scales, shifts, pads, joins, reductions, flattening."""
    return _Generator(np.random.default_rng(seed)).run()


class _Generator:
    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.b = GraphBuilder()
        self.values: list[str] = []

    def run(self) -> Graph:
        shape = [int(self.rng.integers(1, 3)), int(self.rng.integers(1, 5)), int(self.rng.integers(3, 7)), int(self.rng.integers(3, 7))]
        self.values = [self.b.input("x", "f32", shape), self.b.input("second", "f32", shape)]
        steps = (
            self.convolution, self.convolution, self.unary, self.unary, self.binary, self.with_constant, self.with_constant, self.transpose,
            self.pad, self.pool, self.concat, self.reduce, self.reshape, self.slice, self.clamp, self.dense, self.expand, self.constant_branch,
        )  # fmt: skip
        for _ in range(int(self.rng.integers(3, 22))):
            step = steps[int(self.rng.integers(len(steps)))]
            try:
                made = step(self.pick())
            except ShapeError:
                continue
            if made:
                self.values.append(made)
        results = [self.values[-1], *(value for value in self.values if self.rng.random() < 0.15)]
        for name in dict.fromkeys(results):
            self.b.output(name)
        return self.b.graph

    def pick(self) -> str:
        """A value; recent ones are picked more often."""
        back = min(len(self.values), 1 + int(self.rng.geometric(0.5)))
        return self.values[-back]

    def shape(self, x: str) -> list[int]:
        return [int(size) for size in self.b.shape(x) if isinstance(size, int)]

    def normal(self, *shape: int) -> str:
        array = self.rng.normal(size=shape).astype(np.float32)
        return self.b.constant(array.astype(np.float16) if self.rng.random() < 0.3 else array)

    def permutation(self, rank: int) -> list[int]:
        if rank == 4 and self.rng.random() < 0.7:
            return [[0, 2, 3, 1], [0, 3, 1, 2]][int(self.rng.integers(2))]
        return [int(axis) for axis in self.rng.permutation(rank)]

    def convolution(self, x: str) -> str | None:
        """Sometimes of channels first, between two transposes; sometimes with batch normalization."""
        if len(self.shape(x)) != 4:
            return None
        first = self.rng.random() < 0.6
        if first:
            x = self.b.node("transpose", [x], {"permutation": [0, 2, 3, 1]})
        channels = self.shape(x)[3]
        groups = channels if self.rng.random() < 0.3 else 1
        out = channels * int(self.rng.integers(1, 3)) if groups > 1 else int(self.rng.integers(1, 5))
        inputs = [x, self.normal(int(self.rng.integers(1, 4)), int(self.rng.integers(1, 4)), channels // groups, out)]
        if self.rng.random() < 0.5:
            inputs.append(self.normal(out))
        attributes = {
            "padding": [int(amount) for amount in self.rng.integers(0, 2, 4)],
            "stride": [int(amount) for amount in self.rng.integers(1, 3, 2)],
            "groups": groups,
        }
        y = self.b.node("conv2d", inputs, attributes)
        if 0 in self.shape(y):
            return None
        if first:
            y = self.b.node("transpose", [y], {"permutation": [0, 3, 1, 2]})
        if self.rng.random() < 0.4:
            shape = (out, 1, 1) if first else (out,)
            y = self.b.node("add", [self.b.node("mul", [y, self.normal(*shape)]), self.normal(*shape)])
        return y

    def unary(self, x: str) -> str:
        return self.b.node(str(self.rng.choice(UNARY)), [x])

    def binary(self, x: str) -> str:
        alike = [value for value in self.values if self.shape(value) == self.shape(x)]
        return self.b.node(str(self.rng.choice(BINARY)), [x, alike[int(self.rng.integers(len(alike)))]])

    def with_constant(self, x: str) -> str:
        shape = [size if self.rng.random() < 0.5 else 1 for size in self.shape(x)]
        shape = shape[int(self.rng.integers(0, len(shape) + 1)) :]
        pair = [x, self.normal(*shape)]
        if self.rng.random() < 0.3:
            pair.reverse()
        return self.b.node(str(self.rng.choice(BINARY)), pair)

    def transpose(self, x: str) -> str:
        return self.b.node("transpose", [x], {"permutation": self.permutation(len(self.shape(x)))})

    def pad(self, x: str) -> str:
        rank = len(self.shape(x))
        low, high = ([int(amount) for amount in self.rng.integers(0, 2, rank)] for _ in range(2))
        if rank == 4 and self.rng.random() < 0.5:
            low[0] = low[3] = high[0] = high[3] = 0
        value = float(self.rng.choice([0.0, 0.0, 1.5]))
        return self.b.node("pad", [x], {"low": low, "high": high, "interior": [0] * rank, "value": value})

    def pool(self, x: str) -> str | None:
        shape = self.shape(x)
        if len(shape) != 4 or min(shape[1:3]) < 2:
            return None
        attributes = {"window": [2, 2], "padding": [int(amount) for amount in self.rng.integers(0, 2, 4)]}
        return self.b.node(str(self.rng.choice(["max_pool2d", "average_pool2d"])), [x], attributes)

    def concat(self, x: str) -> str | None:
        shape = self.shape(x)
        if not shape:
            return None
        axis = int(self.rng.integers(len(shape)))
        fitting = [v for v in self.values if len(self.shape(v)) == len(shape) and [*self.shape(v)[:axis], *self.shape(v)[axis + 1 :]] == [*shape[:axis], *shape[axis + 1 :]]]
        other = fitting[int(self.rng.integers(len(fitting)))] if self.rng.random() < 0.7 else self.normal(*shape)
        return self.b.node("concat", [x, other], {"axis": axis})

    def reduce(self, x: str) -> str:
        rank = len(self.shape(x))
        axes = [axis for axis in range(rank) if self.rng.random() < 0.4]
        op = str(self.rng.choice(["reduce_sum", "reduce_mean", "reduce_max"]))
        return self.b.node(op, [x], {"axes": axes, "keep_dims": bool(self.rng.integers(2))})

    def reshape(self, x: str) -> str:
        shape = self.shape(x)
        at = int(self.rng.integers(0, len(shape) + 1))
        kind = int(self.rng.integers(3))
        target = [*shape[:at], 1, *shape[at:]] if kind == 0 and len(shape) < 6 else [size for size in shape if size != 1]
        if kind == 1 and len(shape) >= 2:
            target = [shape[0], int(np.prod(shape[1:]))]
        return self.b.node("reshape", [x], {"shape": target})

    def slice(self, x: str) -> str:
        shape = self.shape(x)
        start = [int(self.rng.integers(size)) for size in shape]
        size = [int(self.rng.integers(1, whole - at + 1)) for whole, at in zip(shape, start, strict=True)]
        whole_axes = self.rng.random(len(shape)) < 0.6
        start = [0 if whole else at for whole, at in zip(whole_axes, start, strict=True)]
        size = [total if whole else part for whole, total, part in zip(whole_axes, shape, size, strict=True)]
        return self.b.node("slice", [x], {"start": start, "size": size, "step": [1] * len(shape)})

    def clamp(self, x: str) -> str:
        low, high = sorted(float(number) for number in self.rng.uniform(-2, 2, 2).round(1))
        return self.b.node("clip", [x], {"minimum": low, "maximum": high})

    def dense(self, x: str) -> str | None:
        shape = self.shape(x)
        if len(shape) == 4:
            x = self.b.node("reshape", [x], {"shape": [shape[0], int(np.prod(shape[1:]))]})
        elif len(shape) < 2:
            return None
        return self.b.node("matmul", [x, self.normal(self.shape(x)[-1], int(self.rng.integers(1, 5)))])

    def expand(self, x: str) -> str:
        return self.b.node("expand", [x], {"shape": [2 if size == 1 and self.rng.random() < 0.5 else size for size in self.shape(x)]})

    def constant_branch(self, x: str) -> str:
        size = self.shape(x)[-1] if self.shape(x) else 1
        folded = self.b.node("transpose", [self.b.node("neg", [self.normal(size, 1)])], {"permutation": [1, 0]})
        return self.b.node("mul", [x, self.b.node("reshape", [folded], {"shape": [size]})])
