"""Regions of pictures, and pictures put together from columns."""

from __future__ import annotations

import math

import numpy as np

from webkiln.importers.emitter import Refused
from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.operators.sampling import Sampler, component
from webkiln.importers.onnx.operators.windows import channels_last
from webkiln.importers.onnx.registry import lowers
from webkiln.ops.rules import differ, product

SAMPLES_LIMIT = 2**16  # along an axis of a region


@lowers("RoiAlign")
def roi_align(call: Call) -> str:
    """Means of samples in the cells of regions [R, 4] (left, top, right, bottom) of pictures [N, C, H, W]: [R, C, height, width].

    `max`: the greatest of the weighted elements that the samples are the sums of, as the reference implementation has it, and not of the samples.
    """
    count = call.integer("sampling_ratio", 0)
    if count < 1:
        raise Refused("a sampling ratio of 0: the number of samples would depend on the regions")
    mode = call.choice("mode", "avg", "max")
    default = "half_pixel" if call.version >= 16 else "output_half_pixel"
    is_half_pixel = call.choice("coordinate_transformation_mode", default, "half_pixel", "output_half_pixel") == "half_pixel"
    cells = (call.integer("output_height", 1), call.integer("output_width", 1))
    if max(cells) * count > SAMPLES_LIMIT:
        raise Refused(f"{count} samples in each of {max(cells)} cells along an axis")
    sizes, regions, scale = call.sizes(0, "the pictures")[2:], call.value(1), call.number("spatial_scale", 1.0)
    count_of_regions = call.shape(1)[0]
    positions, inside = [], []
    for axis, size in enumerate(sizes):
        first, last = (_scaled(call, component(call, regions, (1 - axis) + side), scale, 0.5 if is_half_pixel else 0.0) for side in (0, 2))
        extent = call.node("sub", [last, first])
        if not is_half_pixel:
            extent = call.node("max", [extent, call.like(1.0, extent)])
        # Sample k of a cell of `count` lies at (k + ½) / count of it.
        steps = ((np.arange(cells[axis] * count) + 0.5) / (cells[axis] * count)).astype(np.float32)
        column = [call.reshape(value, [count_of_regions, 1]) for value in (first, extent)]
        at = call.node("add", [column[0], call.node("mul", [column[1], call.constant(steps[None])])])
        near = call.node("logical_and", [call.node("greater_equal", [at, call.like(-1.0, at)]), call.node("less_equal", [at, call.like(float(size), at)])])
        shape = [count_of_regions, *(cells[axis] * count if i == axis else 1 for i in range(2))]
        inside.append(call.reshape(near, shape))
        positions.append(call.reshape(call.node("clip", [at], minimum=0.0, maximum=float(size - 1)), shape))
    batch = call.reshape(call.cast(call.value(2), "i32"), [count_of_regions, 1, 1])
    sampler = Sampler(call, channels_last(call, call.value(0)), batch, "border", False)
    values, *terms = [sampler.mixed(positions, "linear")] if mode == "avg" else sampler.terms(positions, "linear")
    for term in terms:
        values = call.node("max", [values, term])
    shape = call.builder.shape(values)
    mask = call.reshape(call.node("logical_and", inside), [*shape[:3], 1])
    values = call.node("where", [mask, values, call.like(0.0, values)])
    grouped = call.reshape(values, [shape[0], cells[0], count, cells[1], count, shape[3]])
    return call.transpose(call.node("reduce_mean" if mode == "avg" else "reduce_max", [grouped], axes=[2, 4], keep_dims=False), [0, 3, 1, 2])


def _scaled(call: Call, value: str, scale: float, offset: float) -> str:
    return call.node("sub", [call.node("mul", [value, call.like(scale, value)]), call.like(offset, value)])


@lowers("MaxRoiPool")
def max_roi_pool(call: Call) -> str:
    """The greatest element of each cell of regions [R, 5] (picture, left, top, right, bottom, in whole pixels) of pictures [N, C, H, W]: [R, C, height, width].

    Neighbouring cells may share pixels; an empty one gives 0.
    """
    call.rank(0, 4)
    cells, sizes = call.integers("pooled_shape"), call.shape(0)[2:]
    if len(cells) != 2 or min(cells) < 1:
        call.fail(f"its pooled_shape is {cells}")
    regions, scale, count = call.value(1), call.number("spatial_scale", 1.0), call.shape(1)[0]
    value = call.node("gather", [call.value(0), call.cast(component(call, regions, 0), "i32")], axis=0)
    empty = ""
    for axis, size in enumerate(sizes):
        first, last = (_rounded(call, _scaled(call, component(call, regions, 2 - axis + side), scale, 0.0)) for side in (0, 2))
        one = call.like(1.0, first)
        length = call.node("max", [call.node("add", [call.node("sub", [last, first]), one]), one])
        step = call.reshape(call.node("div", [length, call.like(cells[axis], length)]), [count, 1])
        numbers = np.arange(cells[axis], dtype=np.float32)[None]
        start, end = (call.node(op, [call.node("mul", [call.constant(at), step])]) for op, at in (("floor", numbers), ("ceil", numbers + 1)))
        start, end = (call.node("add", [at, call.reshape(first, [count, 1])]) for at in (start, end))
        pixels = call.reshape(call.cast(call.places(size), "f32"), [1, 1, size])
        start, end = (call.reshape(at, [count, cells[axis], 1]) for at in (start, end))
        inside = call.node("logical_and", [call.node("greater_equal", [pixels, start]), call.node("less", [pixels, end])])
        # [R, C, …, size, …] beside which of its pixels are in each cell: the cells take the place of the pixels.
        shape = call.builder.shape(value)
        wide = call.reshape(value, [*shape[: 2 + axis], 1, *shape[2 + axis :]])
        spread = call.reshape(inside, [count, *[1] * (1 + axis), cells[axis], size, *[1] * (1 - axis)])
        masked = call.node("where", [spread, wide, call.like(-math.inf, value)])
        value = call.node("reduce_max", [masked], axes=[3 + axis], keep_dims=False)
        found = call.node("reduce_max", [call.cast(inside, "i32")], axes=[2], keep_dims=False)
        here = call.reshape(call.node("equal", [found, call.like(0, found)]), [count, 1, *(cells[axis] if i == axis else 1 for i in range(2))])
        empty = call.node("logical_or", [empty, here]) if empty else here
    return call.node("where", [empty, call.like(0.0, value), value])


def _rounded(call: Call, x: str) -> str:
    """To the nearest integer, halves away from zero."""
    whole = call.node("trunc", [x])
    rest = call.node("sub", [x, whole])
    far = call.node("greater_equal", [call.node("abs", [rest]), call.like(0.5, x)])
    return call.node("add", [whole, call.node("where", [far, call.node("sign", [x]), call.like(0.0, x)])])


@lowers("Col2Im")
def col2im(call: Call) -> str:
    """Columns [N, C · block, L] added up into pictures [N, C, …]: each element of each block at its place."""
    image, block = call.dims(1, "the size of the picture"), call.dims(2, "the size of the blocks")
    axes = len(image)
    pads = call.integers("pads") or [0] * (2 * axes)
    strides, dilations = call.integers("strides") or [1] * axes, call.integers("dilations") or [1] * axes
    if not len(block) == len(strides) == len(dilations) == len(pads) // 2 == axes:
        call.fail(f"blocks of {block}, pads {pads}, strides {strides} and dilations {dilations} do not fit a picture of {image}")
    batch, depth, length = call.shape(0)
    taps = product(block)
    counts = [(size + pads[i] + pads[axes + i] - dilations[i] * (block[i] - 1) - 1) // strides[i] + 1 for i, size in enumerate(image)]
    if differ(depth % taps, 0) or differ(length, product(counts)):
        call.fail(f"{depth} rows of {length} columns, which do not fit blocks of {block} in a picture of {image}")
    # Where each element of each block goes, in the flattened picture; −1 outside of it.
    flat = inside = ""
    for i, size in enumerate(image):
        taps_shape, places_shape = ([count if j == at else 1 for j in range(2 * axes)] for at, count in ((i, block[i]), (axes + i, counts[i])))
        tap, place = call.reshape(call.places(block[i]), taps_shape), call.reshape(call.places(counts[i]), places_shape)
        at = call.node("add", [call.node("mul", [tap, call.like(dilations[i], tap)]), call.node("mul", [place, call.like(strides[i], place)])])
        at = call.node("sub", [at, call.like(pads[i], at)])
        here = call.node("logical_and", [call.node("greater_equal", [at, call.like(0, at)]), call.node("less", [at, call.length(size)])])
        inside = call.node("logical_and", [inside, here]) if inside else here
        flat = call.node("add", [call.node("mul", [flat, call.length(size)]), at]) if flat else at
    indices = call.reshape(call.node("where", [inside, flat, call.like(-1, flat)]), [taps * length])
    channels = depth // taps
    columns = call.reshape(call.value(0), [batch, channels, taps, length])
    updates = call.reshape(call.transpose(columns, [2, 3, 0, 1]), [taps * length, batch * channels])
    empty = call.node("expand", [call.filled(0, updates)], shape=[product(image), batch * channels])
    total = call.node("scatter", [empty, indices, updates], reduction="add")
    return call.reshape(call.transpose(total, [1, 0]), [batch, channels, *image])


@lowers("Det")
def determinant(call: Call) -> str:
    """Of matrices of up to 3 × 3, by expansion."""
    shape = call.sizes(0, "the matrices")
    size = shape[-1]
    if len(shape) < 2 or shape[-2] != size or not 1 <= size <= 3:
        raise Refused(f"matrices of {shape[-2:]}; up to 3 × 3 are converted")
    flat = call.reshape(call.value(0), [*shape[:-2], size * size])
    return _expanded(call, [[component(call, flat, size * i + j) for j in range(size)] for i in range(size)])


def _expanded(call: Call, rows: list[list[str]]) -> str:
    if len(rows) == 1:
        return rows[0][0]
    total = ""
    for j, entry in enumerate(rows[0]):
        minor = _expanded(call, [[value for k, value in enumerate(row) if k != j] for row in rows[1:]])
        term = call.node("mul", [entry, minor])
        total = call.node("sub" if j % 2 else "add", [total, term]) if total else term
    return total
