"""Tensors at another size, at sizes that only a run tells: axis by axis, at positions that the run computes.

Positions are fractions of sizes, so their whole parts are computed with integers, and are exact; where a position lies exactly between two elements,
which of them is the nearest does not depend on rounding, as it does in the floats of the reference implementation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from webkiln.graph.dims import Dim, apply, equal
from webkiln.importers.emitter import Refused
from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.operators.exact import BELOW_ONE, divided
from webkiln.importers.onnx.operators.resizing_options import Axis, Options
from webkiln.ops.rules import product


@dataclass(frozen=True)
class Places:
    """Positions [after] in an axis: whole (i32) and the rest of at least 0 and less than 1 (f32)."""

    whole: str
    rest: str


def computed(call: Call, value: str, axes: list[Axis], options: Options) -> str:
    """The value with these axes resized, one after the other."""
    dtype = call.builder.dtype(value)
    outside = ""
    for axis in axes:
        places = _cropped(call, axis) if options.coordinates == "tf_crop_and_resize" else _regular(call, axis, options.coordinates)
        if options.coordinates == "tf_crop_and_resize":
            beyond = call.reshape(_beyond(call, places, axis), _along(call, value, axis))
            outside = call.node("logical_or", [outside, beyond]) if outside else beyond
        if options.mode == "nearest" and axis.told and options.coordinates == "align_corners":
            raise Refused("the nearest elements by scales that only a run tells, with aligned corners: rounding would decide which they are")
        if options.mode == "nearest":
            value = call.node("gather", [value, _limited(call, _nearest(call, places, options.nearest), axis)], axis=axis.index)
        elif options.antialias:
            value = _by_matrix(call, call.cast(value, "f32"), axis, places, options)
        else:
            value = _mixed(call, call.cast(value, "f32"), axis, places, options)
    if outside:
        value = call.node("where", [outside, call.filled(options.extrapolation, value), value])
    return value if dtype == call.builder.dtype(value) else call.narrow(call.cast(call.node("trunc", [value]), "i32"), call.dtype(0))


def _along(call: Call, value: str, axis: Axis) -> list[Dim]:
    """The shape in which what is given for the elements of an axis meets a value."""
    return [axis.after if i == axis.index else 1 for i in range(len(call.builder.shape(value)))]


def _regular(call: Call, axis: Axis, coordinates: str) -> Places:
    """(step · i + start) / divisor for element i, as the specification's formulas have it."""
    if axis.told:
        return _by_scale(call, axis, coordinates)
    before, after = axis.before, axis.after
    above, below = axis.ratio or (after, before)
    step, start, divisor = 2 * below, below - above, 2 * above
    if coordinates == "half_pixel_symmetric":
        start = start + before * above - after * below
    elif coordinates == "pytorch_half_pixel":
        several = apply("min", after - 1, 1)  # a single element is the first
        step, start = step * several, start * several
    elif coordinates == "align_corners":
        step, start, divisor = (before - 1, 0, after - 1) if axis.ratio is None else ((before - 1) * below, 0, before * above - below)
    elif coordinates == "asymmetric":
        step, start, divisor = below, 0, above
    elif coordinates == "tf_half_pixel_for_nn":
        start = below
    divisor = apply("max", divisor, 1)
    numbers = call.places(after)
    total = call.node("add", [call.node("mul", [numbers, call.signed(step)]), call.signed(start)])
    total = call.node("add", [total, call.node("add", [call.checked(step * after + start), call.checked(divisor)])])
    rest = call.node("mod", [total, call.length(divisor)])
    whole = call.node("div", [call.node("sub", [total, rest]), call.length(divisor)])
    return Places(whole, call.node("div", [call.cast(rest, "f32"), call.cast(call.length(divisor), "f32")]))


def _by_scale(call: Call, axis: Axis, coordinates: str) -> Places:
    """The same by a scale that only a run tells, which is no fraction of the sizes."""
    numbers, scale = call.cast(call.places(axis.after), "f32"), axis.told
    half = call.like(0.5, numbers)
    if coordinates == "align_corners":
        length, last = (call.cast(call.signed(size), "f32") for size in (axis.before, axis.before - 1))
        divisor = call.node("sub", [call.node("mul", [length, scale]), call.like(1.0, length)])
        divisor = call.node("where", [call.node("equal", [divisor, call.like(0.0, divisor)]), call.like(1.0, divisor), divisor])
        at = call.node("div", [call.node("mul", [numbers, last]), divisor])
        floor = call.node("floor", [at])
        return Places(call.cast(floor, "i32"), call.node("sub", [at, floor]))
    at = numbers if coordinates == "asymmetric" else call.node("add", [numbers, half])
    if coordinates == "half_pixel_symmetric":  # around the middle of the axis
        at = call.node("sub", [at, call.node("mul", [call.cast(call.length(axis.after), "f32"), half])])
    whole, rest = divided(call, at, scale)
    if coordinates in ("asymmetric", "tf_half_pixel_for_nn"):
        return Places(whole, rest)
    # What is left to do is to add half of this many elements.
    halves = call.signed(axis.before - 1) if coordinates == "half_pixel_symmetric" else call.like(-1, whole)
    odd = call.node("mod", [halves, call.like(2, halves)])
    is_odd = call.node("equal", [odd, call.like(1, odd)])
    carried = call.node("logical_and", [is_odd, call.node("greater_equal", [rest, half])])
    shifted = call.node("add", [rest, call.node("where", [carried, call.like(-0.5, half), half])])
    moved = call.node("where", [is_odd, call.node("clip", [shifted], maximum=BELOW_ONE), rest])
    whole = call.node("add", [whole, call.node("div", [call.node("sub", [halves, odd]), call.like(2, halves)])])
    places = Places(call.node("add", [whole, call.cast(carried, "i32")]), moved)
    if coordinates != "pytorch_half_pixel":
        return places
    several = apply("min", axis.after - 1, 1)  # a single element is the first
    return Places(*(call.node("mul", [one, call.cast(call.signed(several), call.builder.dtype(one))]) for one in (places.whole, places.rest)))


def _cropped(call: Call, axis: Axis) -> Places:
    """From one end of the axis's part of the region to the other; the middle of it for a single element."""
    first, last = (call.constant(np.array(end, np.float32)) if not isinstance(end, str) else call.reshape(end, []) for end in axis.roi)
    length = call.cast(call.signed(axis.before - 1), "f32")
    start = call.node("mul", [first, length])
    whole = call.node("mul", [call.node("sub", [last, first]), length])
    part = call.node("div", [call.cast(call.places(axis.after), "f32"), call.cast(call.length(apply("max", axis.after - 1, 1)), "f32")])
    half = call.node("mul", [call.cast(call.length(equal(axis.after, 1)), "f32"), call.like(0.5, part)])
    at = call.node("add", [start, call.node("mul", [call.node("add", [part, half]), whole])])
    floor = call.node("floor", [at])
    return Places(call.cast(floor, "i32"), call.node("sub", [at, floor]))


def _beyond(call: Call, places: Places, axis: Axis) -> str:
    """Whether a position lies before the first element or behind the last."""
    before = call.node("less", [places.whole, call.like(0, places.whole)])
    size, one = call.length(axis.before), call.like(1, places.whole)
    last = call.node("equal", [call.node("add", [places.whole, one]), size])
    between = call.node("logical_and", [last, call.node("greater", [places.rest, call.like(0.0, places.rest)])])
    behind = call.node("logical_or", [call.node("greater_equal", [places.whole, size]), between])
    return call.node("logical_or", [before, behind])


def _limited(call: Call, whole: str, axis: Axis) -> str:
    """Within the axis."""
    return call.node("max", [call.node("min", [whole, call.signed(axis.before - 1)]), call.like(0, whole)])


def _nearest(call: Call, places: Places, rounding: str) -> str:
    if rounding == "floor":
        return places.whole
    op, limit = {"ceil": ("greater", 0.0), "round_prefer_ceil": ("greater_equal", 0.5), "round_prefer_floor": ("greater", 0.5)}[rounding]
    return call.node("add", [places.whole, call.cast(call.node(op, [places.rest, call.like(limit, places.rest)]), "i32")])


def _mixed(call: Call, value: str, axis: Axis, places: Places, options: Options) -> str:
    """A sum of the elements around, picked one offset after the other."""
    terms, weights = [], []
    for offset in range(2) if options.mode == "linear" else range(-1, 3):
        at = call.node("add", [places.whole, call.like(offset, places.whole)])
        inside = _limited(call, at, axis)
        weight = _kernel(call, call.node("sub", [places.rest, call.like(offset, places.rest)]), options)
        if options.exclude_outside:
            weight = call.node("mul", [weight, call.cast(call.node("equal", [at, inside]), "f32")])
        weights.append(weight)
        terms.append(call.node("gather", [value, inside], axis=axis.index))
    if options.exclude_outside:
        total = _sum(call, weights)
        weights = [call.node("div", [weight, total]) for weight in weights]
    along = _along(call, value, axis)
    return _sum(call, [call.node("mul", [term, call.reshape(weight, along)]) for term, weight in zip(terms, weights, strict=True)])


def _sum(call: Call, values: list[str]) -> str:
    total = values[0]
    for value in values[1:]:
        total = call.node("add", [total, value])
    return total


def _kernel(call: Call, distance: str, options: Options) -> str:
    """The weight of an element at a distance: a triangle, or Keys' cubic."""
    x = call.node("abs", [distance])
    if options.mode == "linear":
        return call.node("relu", [call.node("sub", [call.like(1.0, x), x])])
    a = options.cubic
    near, far = _polynomial(call, x, (a + 2, -(a + 3), 0.0, 1.0)), _polynomial(call, x, (a, -5 * a, 8 * a, -4 * a))
    outer = call.node("where", [call.node("less", [x, call.like(2.0, x)]), far, call.like(0.0, x)])
    return call.node("where", [call.node("less_equal", [x, call.like(1.0, x)]), near, outer])


def _polynomial(call: Call, x: str, coefficients: tuple[float, ...]) -> str:
    value = call.like(coefficients[0], x)
    for coefficient in coefficients[1:]:
        value = call.node("add", [call.node("mul", [value, x]), call.like(coefficient, x)])
    return value


def _by_matrix(call: Call, value: str, axis: Axis, places: Places, options: Options) -> str:
    """Antialiased, where how many elements are mixed depends on the scale: a product with a matrix [after, before].

    What the kernel takes of elements outside goes to those at the ends, or is left out.
    """
    above, below = axis.ratio or (axis.after, axis.before)
    reach = 1 if options.mode == "linear" else 2
    # Elements of the axis, and as many before and after as the widest kernel reaches.
    margin = reach * apply("max", (below + above - 1) // apply("max", above, 1), 1) + 2
    numbers = call.node("sub", [call.places(axis.before + 2 * margin), call.length(margin)])
    apart = call.node("sub", [call.reshape(numbers, [1, axis.before + 2 * margin]), call.reshape(places.whole, [axis.after, 1])])
    distance = call.node("sub", [call.cast(apart, "f32"), call.reshape(places.rest, [axis.after, 1])])
    shrunk = axis.told or call.node("div", [call.cast(call.length(above), "f32"), call.cast(call.length(apply("max", below, 1)), "f32")])
    weights = _kernel(call, call.node("mul", [distance, call.node("min", [shrunk, call.like(1.0, shrunk)])]), options)
    ends = [(0, margin), (margin, axis.before), (margin + axis.before, margin)]
    low, table, high = (call.node("slice", [weights], start=[0, at], size=[axis.after, size], step=[1, 1]) for at, size in ends)
    if not options.exclude_outside:
        numbers = call.places(axis.before)
        for side, at in ((low, call.like(0, numbers)), (high, call.signed(axis.before - 1))):
            column = call.cast(call.node("equal", [numbers, at]), "f32")
            taken = call.node("reduce_sum", [side], axes=[1], keep_dims=True)
            table = call.node("add", [table, call.node("mul", [taken, column])])
    table = call.node("div", [table, call.node("reduce_sum", [table], axes=[1], keep_dims=True)])
    shape, i = call.builder.shape(value), axis.index
    flat = call.reshape(value, [product(shape[:i]), axis.before, product(shape[i + 1 :])])
    return call.reshape(call.node("matmul", [table, flat]), [*shape[:i], axis.after, *shape[i + 1 :]])
