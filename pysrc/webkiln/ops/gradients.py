"""Gradient rules of the structured operators, in the restricted subset of Python (see `ops.rules`).

A rule takes a graph builder, the inputs, the output, the gradient of the output and the attributes, and returns the gradient of
each input. `b.node(operator, inputs, attributes)` adds a node; `b.shape(value)` is a shape; `b.scalar(number)` is an f32 constant;
`b.sum_to(value, shape)` undoes a broadcast. Where several elements are the extreme of a window or an axis, they share the gradient.
"""

from __future__ import annotations

import math
from typing import Any

from webkiln.ops.rules import product

Value = Any


def zeros(count: Any) -> Any:
    return [0 for i in range(count)]


def ones(count: Any) -> Any:
    return [1 for i in range(count)]


def filled(b: Any, value: Any, shape: Any) -> Any:
    return b.node("expand", [b.scalar(value)], {"shape": shape})


def integer(b: Any, value: Any) -> Any:
    return b.node("cast", [b.scalar(value)], {"to": "i32"})


def flip(b: Any, value: Any, axes: Any) -> Any:
    shape = b.shape(value)
    start = [shape[i] - 1 if i in axes else 0 for i in range(len(shape))]
    step = [-1 if i in axes else 1 for i in range(len(shape))]
    return b.node("slice", [value], {"start": start, "size": shape, "step": step})


def swap_last(b: Any, value: Any) -> Any:
    rank = len(b.shape(value))
    permutation = [*range(rank - 2), rank - 1, rank - 2]
    return b.node("transpose", [value], {"permutation": permutation})


def conv2d(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    x = b.shape(inputs[0])
    w = b.shape(inputs[1])
    out = b.shape(y)
    if 0 in out:
        return [filled(b, 0.0, b.shape(value)) for value in inputs]
    groups = attributes["groups"]
    stride = attributes["stride"]
    dilation = attributes["dilation"]
    padding = attributes["padding"]
    span = [(w[0] - 1) * dilation[0] + 1, (w[1] - 1) * dilation[1] + 1]
    # Rows of x that no window reaches get no gradient: they are the remainder of the division by the stride.
    rest = [
        x[1] + padding[0] + padding[2] - span[0] - (out[1] - 1) * stride[0],
        x[2] + padding[1] + padding[3] - span[1] - (out[2] - 1) * stride[1],
    ]
    # dx: dy spread out by the stride, convolved with the flipped weights, whose inputs and outputs are swapped in each group.
    spread = b.node(
        "pad",
        [dy],
        {
            "low": [0, span[0] - 1, span[1] - 1, 0],
            "high": [0, span[0] - 1 + rest[0], span[1] - 1 + rest[1], 0],
            "interior": [0, stride[0] - 1, stride[1] - 1, 0],
            "value": 0.0,
        },
    )
    flipped = flip(b, inputs[1], [0, 1])
    split = b.node("reshape", [flipped], {"shape": [w[0], w[1], w[2], groups, w[3] // groups]})
    swapped = b.node("transpose", [split], {"permutation": [0, 1, 4, 3, 2]})
    back = b.node("reshape", [swapped], {"shape": [w[0], w[1], w[3] // groups, groups * w[2]]})
    padded = b.node(
        "conv2d",
        [spread, back],
        {"stride": [1, 1], "padding": [0, 0, 0, 0], "dilation": dilation, "groups": groups},
    )
    dx = b.node(
        "slice", [padded], {"start": [0, padding[0], padding[1], 0], "size": x, "step": [1, 1, 1, 1]}
    )
    # dw: a convolution of x with dy, in which batch and channels change places, and stride and dilation too.
    channels = b.node("reshape", [inputs[0]], {"shape": [x[0], x[1], x[2], groups, w[2]]})
    channels_first = b.node("transpose", [channels], {"permutation": [4, 1, 2, 3, 0]})
    image = b.node("reshape", [channels_first], {"shape": [w[2], x[1], x[2], groups * x[0]]})
    kernel = b.node("transpose", [dy], {"permutation": [1, 2, 0, 3]})
    taps = b.node(
        "conv2d",
        [image, kernel],
        {"stride": dilation, "padding": padding, "dilation": stride, "groups": groups},
    )
    whole = b.node("transpose", [taps], {"permutation": [1, 2, 0, 3]})
    dw = b.node("slice", [whole], {"start": [0, 0, 0, 0], "size": w, "step": [1, 1, 1, 1]})
    if len(inputs) > 2:
        db = b.node("reduce_sum", [dy], {"axes": [0, 1, 2], "keep_dims": False})
        return [dx, dw, db]
    return [dx, dw]


def matmul(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    da = b.sum_to(b.node("matmul", [dy, swap_last(b, inputs[1])], {}), b.shape(inputs[0]))
    db = b.sum_to(b.node("matmul", [swap_last(b, inputs[0]), dy], {}), b.shape(inputs[1]))
    if len(inputs) > 2:
        return [da, db, b.sum_to(dy, b.shape(inputs[2]))]
    return [da, db]


def window_starts(attributes: Any) -> Any:
    window = attributes["window"]
    return [[i, j] for i in range(window[0]) for j in range(window[1])]


def pad_picture(b: Any, value: Any, padding: Any, fill: Any) -> Any:
    return b.node(
        "pad",
        [value],
        {
            "low": [0, padding[0], padding[1], 0],
            "high": [0, padding[2], padding[3], 0],
            "interior": [0, 0, 0, 0],
            "value": fill,
        },
    )


def tap(b: Any, padded: Any, at: Any, out: Any, stride: Any) -> Any:
    return b.node(
        "slice", [padded], {"start": [0, at[0], at[1], 0], "size": out, "step": [1, stride[0], stride[1], 1]}
    )


def untap(b: Any, part: Any, at: Any, padded: Any, stride: Any) -> Any:
    out = b.shape(part)
    return b.node(
        "pad",
        [part],
        {
            "low": [0, at[0], at[1], 0],
            "high": [
                0,
                padded[1] - at[0] - (out[1] - 1) * stride[0] - 1,
                padded[2] - at[1] - (out[2] - 1) * stride[1] - 1,
                0,
            ],
            "interior": [0, stride[0] - 1, stride[1] - 1, 0],
            "value": 0.0,
        },
    )


def pool_back(b: Any, inputs: Any, parts: Any, starts: Any, padded: Any, attributes: Any) -> Any:
    total = untap(b, parts[0], starts[0], padded, attributes["stride"])
    for i in range(1, len(parts)):
        total = b.node("add", [total, untap(b, parts[i], starts[i], padded, attributes["stride"])], {})
    padding = attributes["padding"]
    return b.node(
        "slice",
        [total],
        {"start": [0, padding[0], padding[1], 0], "size": b.shape(inputs[0]), "step": [1, 1, 1, 1]},
    )


def max_pool2d(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    if 0 in b.shape(y):
        return [filled(b, 0.0, b.shape(inputs[0]))]
    padded = pad_picture(b, inputs[0], attributes["padding"], -math.inf)
    starts = window_starts(attributes)
    chosen = []
    for at in starts:
        same = b.node("equal", [tap(b, padded, at, b.shape(y), attributes["stride"]), y], {})
        chosen.append(b.node("cast", [same], {"to": "f32"}))
    count = chosen[0]
    for i in range(1, len(chosen)):
        count = b.node("add", [count, chosen[i]], {})
    share = b.node("div", [dy, count], {})
    parts = [b.node("mul", [share, one], {}) for one in chosen]
    return [pool_back(b, inputs, parts, starts, b.shape(padded), attributes)]


def average_pool2d(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    if 0 in b.shape(y):
        return [filled(b, 0.0, b.shape(inputs[0]))]
    valid = filled(b, 1.0, b.shape(inputs[0]))
    padded = pad_picture(b, valid, attributes["padding"], 1.0 if attributes["count_padding"] else 0.0)
    starts = window_starts(attributes)
    count = tap(b, padded, starts[0], b.shape(y), attributes["stride"])
    for i in range(1, len(starts)):
        count = b.node("add", [count, tap(b, padded, starts[i], b.shape(y), attributes["stride"])], {})
    share = b.node("div", [dy, count], {})
    parts = [share for at in starts]
    return [pool_back(b, inputs, parts, starts, b.shape(padded), attributes)]


def kept(b: Any, value: Any, x: Any, axes: Any) -> Any:
    shape = b.shape(x)
    return b.node("reshape", [value], {"shape": [1 if i in axes else shape[i] for i in range(len(shape))]})


def reduce_sum(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    back = kept(b, dy, inputs[0], attributes["axes"])
    return [b.node("expand", [back], {"shape": b.shape(inputs[0])})]


def reduce_mean(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    shape = b.shape(inputs[0])
    count = product([shape[axis] for axis in attributes["axes"]])
    total = reduce_sum(b, inputs, y, dy, attributes)
    return [b.node("div", [total[0], b.scalar(count)], {})]


def reduce_extreme(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    axes = attributes["axes"]
    same = b.node("equal", [inputs[0], kept(b, y, inputs[0], axes)], {})
    chosen = b.node("cast", [same], {"to": "f32"})
    count = b.node("reduce_sum", [chosen], {"axes": axes, "keep_dims": True})
    share = b.node("div", [kept(b, dy, inputs[0], axes), count], {})
    return [b.node("mul", [chosen, share], {})]


def reduce_prod(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    # The product of the others: of all that are not zero, without this one, unless one of the others is zero.
    axes = attributes["axes"]
    zero = b.node("equal", [inputs[0], b.scalar(0.0)], {})
    zeros_here = b.node("cast", [zero], {"to": "f32"})
    nonzero = b.node("where", [zero, b.scalar(1.0), inputs[0]], {})
    whole = b.node("reduce_prod", [nonzero], {"axes": axes, "keep_dims": True})
    others = b.node("div", [whole, nonzero], {})
    zeros_in_all = b.node("reduce_sum", [zeros_here], {"axes": axes, "keep_dims": True})
    no_other_zero = b.node("equal", [zeros_in_all, zeros_here], {})
    factor = b.node("where", [no_other_zero, others, b.scalar(0.0)], {})
    return [b.node("mul", [kept(b, dy, inputs[0], axes), factor], {})]


def pad(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    step = [interior + 1 for interior in attributes["interior"]]
    return [b.node("slice", [dy], {"start": attributes["low"], "size": b.shape(inputs[0]), "step": step})]


def concat(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    axis = attributes["axis"]
    start = 0
    gradients = []
    for x in inputs:
        shape = b.shape(x)
        starts = [start if i == axis else 0 for i in range(len(shape))]
        gradients.append(b.node("slice", [dy], {"start": starts, "size": shape, "step": ones(len(shape))}))
        start = start + shape[axis]
    return gradients


def reshape(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    return [b.node("reshape", [dy], {"shape": b.shape(inputs[0])})]


def transpose(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    permutation = attributes["permutation"]
    inverse = zeros(len(permutation))
    for i in range(len(permutation)):
        inverse[permutation[i]] = i
    return [b.node("transpose", [dy], {"permutation": inverse})]


def slice_(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    x = b.shape(inputs[0])
    backwards = [i for i in range(len(x)) if attributes["step"][i] < 0]
    forwards = flip(b, dy, backwards) if len(backwards) > 0 else dy
    low = []
    high = []
    interior = []
    for i in range(len(x)):
        step = attributes["step"][i]
        start = attributes["start"][i]
        size = attributes["size"][i]
        if size == 0:
            low.append(x[i])
            high.append(0)
            interior.append(0)
        else:
            first = start if step > 0 else start + (size - 1) * step
            low.append(first)
            high.append(x[i] - first - (size - 1) * abs(step) - 1)
            interior.append(abs(step) - 1)
    return [b.node("pad", [forwards], {"low": low, "high": high, "interior": interior, "value": 0.0})]


def expand(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    return [b.sum_to(dy, b.shape(inputs[0]))]


def gather(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    x = b.shape(inputs[0])
    indices = b.shape(inputs[1])
    axis = attributes["axis"]
    if 0 in x:
        return [filled(b, 0.0, x), ""]
    rank = len(indices)
    after = [*range(axis + rank, axis + rank + len(x) - axis - 1)]
    front = b.node("transpose", [dy], {"permutation": [*range(axis, axis + rank), *range(axis), *after]})
    rest = [*x[:axis], *x[axis + 1 :]]
    updates = b.node("reshape", [front], {"shape": [product(indices), *rest]})
    flat = b.node("reshape", [inputs[1]], {"shape": [product(indices)]})
    low = b.node("max", [flat, integer(b, 0)], {})
    clamped = b.node("min", [low, integer(b, x[axis] - 1)], {})
    added = b.node("scatter", [filled(b, 0.0, [x[axis], *rest]), clamped, updates], {"reduction": "add"})
    back = [*range(1, axis + 1), 0, *range(axis + 1, len(x))]
    return [b.node("transpose", [added], {"permutation": back}), ""]


def cumulative_sum(b: Any, inputs: Any, y: Any, dy: Any, attributes: Any) -> Any:
    return [
        b.node(
            "cumulative_sum",
            [dy],
            {"axis": attributes["axis"], "exclusive": attributes["exclusive"], "reverse": not attributes["reverse"]},
        )
    ]
