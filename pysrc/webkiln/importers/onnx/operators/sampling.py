"""Pictures sampled at computed positions: grids, regions, deformed windows. Taps are gathered as rows of the flattened picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product as every

import numpy as np

from webkiln.graph.dims import Dim, apply
from webkiln.importers.emitter import Refused
from webkiln.importers.onnx.lowering import Call, fixed
from webkiln.importers.onnx.operators.windows import channels_first, channels_last
from webkiln.importers.onnx.registry import lowers
from webkiln.ops.rules import product


class Sampler:
    """Picks from a picture [N, …, C] of fixed size. `batch`: which picture each position is in, an i32 value that broadcasts."""

    def __init__(self, call: Call, x: str, batch: str, padding: str, align_corners: bool) -> None:
        self.call = call
        shape = fixed(call.builder.shape(x), "what is sampled")
        self.sizes = shape[1:-1]
        self.rows = call.reshape(x, [int(np.prod(shape[:-1])), shape[-1]])
        self.batch, self.padding, self.align_corners = batch, padding, align_corners

    def run(self, op: str, *values: str) -> str:
        return self.call.node(op, list(values))

    def number(self, number: float, value: str) -> str:
        return self.call.like(number, value)

    def taken(self, positions: Sequence[str]) -> str:
        """The elements [positions, C] at whole positions (floats), with what the padding says beyond the ends."""
        call = self.call
        flat, inside = self.batch, ""
        for at, size in zip(positions, self.sizes, strict=True):
            if self.padding == "reflection":
                at = self._reflected(at, size)
            limited = call.node("clip", [at], minimum=0.0, maximum=float(size - 1))
            if self.padding == "zeros":
                here = self.run("equal", at, limited)
                inside = self.run("logical_and", inside, here) if inside else here
            index = call.cast(limited, "i32")
            flat = self.run("add", self.run("mul", flat, self.number(size, flat)), index)
        found = call.node("gather", [self.rows, flat], axis=0)
        if not inside:
            return found
        mask = call.reshape(inside, [*call.builder.shape(inside), 1])
        return self.run("where", mask, found, self.number(0.0, found))

    def _reflected(self, at: str, size: int) -> str:
        """Folded back at the ends: at the middle of the last elements with `align_corners`, else at their outer edges."""
        low, span = (0.0, float(size - 1)) if self.align_corners else (-0.5, float(size))
        if span == 0:
            return self.run("mul", at, self.number(0.0, at))
        away = self.run("abs", self.run("sub", at, self.number(low, at)))
        rest = self.run("mod", away, self.number(2 * span, away))
        folded = self.run("min", rest, self.run("sub", self.number(2 * span, rest), rest))
        return self.run("add", folded, self.number(low, folded))

    def mixed(self, positions: Sequence[str], mode: str, cubic: float = -0.75) -> str:
        """The elements at any positions: the nearest, or a mean of those around."""
        if mode == "nearest":
            return self.taken([self.run("round", at) for at in positions])
        total, *rest = self.terms(positions, mode, cubic)
        for term in rest:
            total = self.run("add", total, term)
        return total

    def terms(self, positions: Sequence[str], mode: str, cubic: float = -0.75) -> list[str]:
        """The elements around any positions, each times its weight: what a mean adds up."""
        floors = [self.run("floor", at) for at in positions]
        parts = [self.run("sub", at, floor) for at, floor in zip(positions, floors, strict=True)]
        offsets = range(2) if mode == "linear" else range(-1, 3)
        weights = [[self._weight(part, offset, mode, cubic) for offset in offsets] for part in parts]
        found = []
        for taps in every(range(len(offsets)), repeat=len(positions)):
            places = [self.run("add", floor, self.number(offsets[tap], floor)) for floor, tap in zip(floors, taps, strict=True)]
            weight = weights[0][taps[0]]
            for own, tap in zip(weights[1:], taps[1:], strict=True):
                weight = self.run("mul", weight, own[tap])
            spread = self.call.reshape(weight, [*self.call.builder.shape(weight), 1])
            found.append(self.run("mul", self.taken(places), spread))
        return found

    def _weight(self, fraction: str, offset: int, mode: str, a: float) -> str:
        """Of the element `offset` after the one before: a triangle, or Keys' cubic."""
        one = self.number(1.0, fraction)
        if mode == "linear":
            return fraction if offset == 1 else self.run("sub", one, fraction)
        x = self.run("abs", self.run("sub", fraction, self.number(offset, fraction)))
        coefficients = (a + 2, -(a + 3), 0.0, 1.0) if offset in (0, 1) else (a, -5 * a, 8 * a, -4 * a)
        value = self.number(coefficients[0], x)
        for coefficient in coefficients[1:]:
            value = self.run("add", self.run("mul", value, x), self.number(coefficient, x))
        return value


def component(call: Call, value: str, i: int) -> str:
    """Entry i of the last axis."""
    shape = call.builder.shape(value)
    picked = call.node("slice", [value], start=[*[0] * (len(shape) - 1), i], size=[*shape[:-1], 1], step=[1] * len(shape))
    return call.reshape(picked, shape[:-1])


@lowers("GridSample")
def grid_sample(call: Call) -> str:
    """x [N, C, …] at the positions of a grid [N, …, axes], in −1 … 1 from the first to the last, the fastest axis first."""
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(call.text("mode", "linear"), call.text("mode", "linear"))
    if mode not in ("linear", "nearest", "cubic"):
        raise Refused(f"the mode {mode!r}")
    padding = call.choice("padding_mode", "zeros", "border", "reflection")
    align = bool(call.integer("align_corners", 0))
    shape, grid = call.sizes(0, "what is sampled"), call.value(1)
    axes = len(shape) - 2
    positions = []
    for i, size in enumerate(shape[2:]):
        at = component(call, grid, axes - 1 - i)
        scale = (size - 1) / 2 if align else size / 2
        centred = call.node("mul", [call.node("add", [at, call.like(1.0, at)]), call.like(scale, at)])
        at = centred if align else call.node("sub", [centred, call.like(0.5, centred)])
        positions.append(bounded(call, at, size) if padding == "zeros" else at)
    batch = call.reshape(call.places(shape[0]), [shape[0], *[1] * (len(call.shape(1)) - 2)])
    sampler = Sampler(call, channels_last(call, call.value(0)), batch, padding, align)
    return channels_first(call, sampler.mixed(positions, mode))


def bounded(call: Call, at: str, size: int) -> str:
    """Positions far outside stay within what float32 counts in single steps."""
    return call.node("clip", [at], minimum=-float(size + 4), maximum=float(2 * size + 4))


@lowers("AffineGrid")
def affine_grid(call: Call) -> str:
    """The positions that matrices [N, axes, axes + 1] give to a regular grid of a size [N, C, …]."""
    size, align = call.dims(1, "the size"), bool(call.integer("align_corners", 0))
    spatial = size[2:]
    if len(spatial) < 1 or call.rank(0, 3) != 3 or call.shape(0)[1:] != [len(spatial), len(spatial) + 1]:
        call.fail(f"matrices of shape {call.shape(0)} do not fit a size {size}")
    columns = []
    for i, count in enumerate(spatial):
        along = _evenly(call, count, align)
        spread = call.node("expand", [call.reshape(along, [count, *[1] * (len(spatial) - 1 - i)])], shape=spatial)
        columns.append(call.reshape(spread, [product(spatial), 1]))
    columns.append(call.node("expand", [call.constant(np.ones((1, 1), np.float32))], shape=[product(spatial), 1]))
    table = call.node("concat", [*columns[-2::-1], columns[-1]], axis=1)
    moved = call.node("matmul", [table, call.transpose(call.value(0), [0, 2, 1])])
    return call.reshape(moved, [size[0], *spatial, len(spatial)])


def _evenly(call: Call, count: Dim, align: bool) -> str:
    """`count` positions from −1 to 1: those of the ends too with `align` (a single one is −1), else the middles of as many parts."""
    if isinstance(count, int):
        steps = np.arange(count)
        along = -1 + steps * (2 / max(count - 1, 1)) if align else (2 * steps + 1) / max(count, 1) - 1
        return call.constant(along.astype(np.float32))
    whole = call.cast(call.length(apply("max", count - 1, 1) if align else count), "f32")
    places = call.cast(call.places(count), "f32")
    twice = call.node("add", [places, places] if align else [call.node("add", [places, places]), call.like(1.0, places)])
    return call.node("sub", [call.node("div", [twice, whole]), call.like(1.0, twice)])
