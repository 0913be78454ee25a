"""Tensors at another size: by the resize operator where it computes the same, else axis by axis, as products with constant matrices."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from webkiln.graph.dims import Dim, Expression, negative, select
from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.operators.computed_resizing import computed
from webkiln.importers.onnx.operators.exact import floor_of_product
from webkiln.importers.onnx.operators.resizing_options import Axis, Options
from webkiln.importers.onnx.operators.sampling import component
from webkiln.importers.onnx.operators.windows import channels_first, channels_last
from webkiln.importers.onnx.registry import lowers
from webkiln.importers.quotient import exact_quotient
from webkiln.ops.reference import resize_coordinates
from webkiln.ops.rules import product

MATRIX_LIMIT = 2**24
SIZE_LIMIT = 2**16

Roi = tuple[float, float] | tuple[str, str]


@lowers("Upsample")
def upsample(call: Call) -> str:
    mode = call.choice("mode", "nearest", "linear", "bilinear")
    options = Options("linear" if mode == "bilinear" else mode, "asymmetric", "floor", -0.75, False, False, 0.0)
    axes = list(range(call.rank(0)))
    if call.version >= 9:
        return _resized(call, _given(call, 1, axes, {}), options)
    default = [1.0, 1.0, call.number("height_scale", 1.0), call.number("width_scale", 1.0)]
    return _resized(call, _scaled(call, axes, call.floats("scales", default), {}), options)


@lowers("Resize")
def resize(call: Call) -> str:
    rank = call.rank(0)
    mode = call.choice("mode", "nearest", "linear", "cubic")
    if call.version < 11:
        options = Options(mode, "asymmetric", "floor", -0.75, False, False, 0.0)
        return _resized(call, _given(call, 1, list(range(rank)), {}), options)
    options = Options(
        mode,
        call.choice(
            "coordinate_transformation_mode",
            "half_pixel",
            "half_pixel_symmetric",
            "pytorch_half_pixel",
            "align_corners",
            "asymmetric",
            "tf_crop_and_resize",
            "tf_half_pixel_for_nn",
        ),
        call.choice("nearest_mode", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
        call.number("cubic_coeff_a", -0.75),
        bool(call.integer("exclude_outside", 0)),
        bool(call.integer("antialias", 0)),
        call.number("extrapolation_value", 0.0),
    )
    if options.coordinates == "tf_half_pixel_for_nn" and mode != "nearest":
        raise Refused(f"tf_half_pixel_for_nn, which is for the nearest elements, in the mode {mode}")
    axes = [call.axis(axis, rank) for axis in call.integers("axes", range(rank))]
    rois = _rois(call, axes) if options.coordinates == "tf_crop_and_resize" else {}
    if call.has(3) and call.shape(3) != [0]:
        return _resized(call, _sized(call, axes, call.dims(3, "the new sizes"), rois), options)
    return _resized(call, _given(call, 2, axes, rois), options)


def _rois(call: Call, axes: list[int]) -> dict[int, Roi]:
    array = call.array(1)
    count = call.shape(1)[0]
    if call.rank(1) != 1 or count != 2 * len(axes):
        call.fail(f"a region of {count} numbers does not fit {len(axes)} axes")
    if array is None:
        ends = [component(call, call.cast(call.value(1), "f32"), i) for i in range(2 * len(axes))]
        return {axis: (ends[i], ends[len(axes) + i]) for i, axis in enumerate(axes)}
    roi = array.reshape(-1).tolist()
    return {axis: (roi[i], roi[len(axes) + i]) for i, axis in enumerate(axes)}


def _given(call: Call, i: int, axes: list[int], rois: dict[int, Roi]) -> list[Axis]:
    """By the scales that are input `i`; where only a run tells these, it tells the new sizes too."""
    array = call.array(i)
    if array is not None:
        return _scaled(call, axes, array.reshape(-1).tolist(), rois)
    shape, scales = call.shape(0), call.cast(call.value(i), "f32")
    if call.shape(i) != [len(axes)]:
        call.fail(f"scales of shape {call.shape(i)} do not fit the axes {axes}")
    if rois:
        raise Refused("the size of a region that only a run tells", "Make it a constant in the source model")
    before = call.node("concat", [call.reshape(call.cast(call.length(shape[axis]), "f32"), [1]) for axis in axes], axis=0)
    sizes = call.lowering.elements.told(call.builder.graph, floor_of_product(call, before, scales), 0, SIZE_LIMIT)
    return [Axis(axis, shape[axis], size, 1.0, told=component(call, scales, k)) for k, (axis, size) in enumerate(zip(axes, sizes, strict=True))]


def _scaled(call: Call, axes: list[int], scales: list[float], rois: dict[int, Roi]) -> list[Axis]:
    if len(scales) != len(axes) or any(not scale > 0 for scale in scales):
        call.fail(f"scales {scales} do not fit the axes {axes}")
    shape, found = call.shape(0), []
    for axis, scale in zip(axes, scales, strict=True):
        size, roi, ratio = shape[axis], rois.get(axis, (0.0, 1.0)), None
        first, last = roi
        if isinstance(first, str) or isinstance(last, str):
            raise Refused("the size of a region that only a run tells", "Make it a constant in the source model")
        if isinstance(size, int):
            after: Dim = math.floor(size * (last - first) * scale)
        else:
            fraction = Fraction(scale).limit_denominator(1000)
            if abs(float(fraction) - scale) > 1e-6 or axis in rois:
                raise Refused(f"{size} elements scaled by {scale}", FIX_SIZES)
            ratio = (fraction.numerator, fraction.denominator)
            after = size * ratio[0] // ratio[1]
        found.append(Axis(axis, size, after, scale, ratio, roi))
    return found


def _sized(call: Call, axes: list[int], sizes: list[Dim], rois: dict[int, Roi]) -> list[Axis]:
    shape = call.shape(0)
    if len(sizes) != len(axes) or any(size < 0 for size in sizes):
        call.fail(f"sizes {sizes} do not fit the axes {axes}")
    policy = call.choice("keep_aspect_ratio_policy", "stretch", "not_larger", "not_smaller")
    before = [shape[axis] for axis in axes]
    pairs = list(zip(before, sizes, strict=True))
    if policy != "stretch":
        # The least (or greatest) of the ratios, as a fraction; new sizes are rounded half up, as the specification has it.
        above, below = sizes[0], before[0]
        for size, after in pairs[1:]:
            is_less = negative(after * below - above * size) if policy == "not_larger" else negative(above * size - after * below)
            above, below = select(is_less, after, above), select(is_less, size, below)
        whole = [(2 * size * above + below) // (2 * below) for size in before]
        scale = above / below if isinstance(above, int) and isinstance(below, int) else math.nan
        return [Axis(axis, size, after, scale, (above, below), rois.get(axis, (0.0, 1.0))) for axis, size, after in zip(axes, before, whole, strict=True)]
    found = []
    for axis, (size, after) in zip(axes, pairs, strict=True):
        scale = after / size if isinstance(after, int) and isinstance(size, int) and size else 1.0
        found.append(Axis(axis, size, after, scale, None, rois.get(axis, (0.0, 1.0))))
    return found


def _resized(call: Call, axes: list[Axis], options: Options) -> str:
    value = call.value(0)
    moving = [axis for axis in axes if not _is_identity(axis, options)]
    if not moving:
        return value
    if any(isinstance(size, (Expression, str)) for axis in moving for size in (axis.before, axis.after, *axis.roi)):
        return _symbolic(call, value, moving, options)
    wanted = [axis for axis in moving if axis.after == 0]
    if wanted:
        call.fail("a new size of 0")
    if any(_int(size) > SIZE_LIMIT for axis in moving for size in (axis.before, axis.after)):
        raise Refused(f"resizing to or from more than {SIZE_LIMIT} elements along an axis")
    by_operator = _by_operator(call, value, moving, options)
    if by_operator:
        return by_operator
    narrow = call.builder.dtype(value)
    for axis in moving:
        value = _picked(call, value, axis, options) if options.mode == "nearest" else _mixed(call, call.cast(value, "f32"), axis, options)
    if options.coordinates == "tf_crop_and_resize":
        value = _extrapolated(call, value, moving, options)
    return value if narrow == call.builder.dtype(value) else call.narrow(call.cast(call.node("trunc", [value]), "i32"), call.dtype(0))


def _is_identity(axis: Axis, options: Options) -> bool:
    return axis.before == axis.after and axis.scale == 1.0 and axis.roi == (0.0, 1.0) and options.coordinates != "tf_half_pixel_for_nn"


_DIRECT = {"half_pixel": "half_pixel", "pytorch_half_pixel": "half_pixel", "align_corners": "align_corners", "asymmetric": "asymmetric"}


def _as_picture(call: Call, value: str, axes: list[Axis], **attributes: str) -> str:
    """By the resize operator, over the last two axes of [N, C, H, W]."""
    shape = call.builder.shape(value)
    after = {axis.index: axis.after for axis in axes}
    size = [after.get(i, shape[i]) for i in (2, 3)]
    return channels_first(call, call.node("resize", [channels_last(call, value)], size=size, **attributes))


def _symbolic(call: Call, value: str, axes: list[Axis], options: Options) -> str:
    """At sizes that are not fixed: by the resize operator where it does the same for all of them."""
    picture = not any(axis.told for axis in axes) and len(call.builder.shape(value)) == 4 and {axis.index for axis in axes} <= {2, 3} and call.builder.dtype(value) == "f32"
    # By a scale that is no whole number, `size · scale` may be rounded, and the coordinates follow the scale and not the sizes.
    whole = all(not isinstance(axis.before, Expression) or axis.scale % 1 == 0 for axis in axes)
    coordinates = _DIRECT.get(options.coordinates)
    if picture and whole and coordinates and not options.antialias and not options.exclude_outside:
        if options.mode == "linear" and options.coordinates != "pytorch_half_pixel":
            return _as_picture(call, value, axes, mode="linear", coordinates=coordinates)
        if options.mode == "nearest" and (options.nearest, coordinates) in (("floor", "asymmetric"), ("round_prefer_ceil", "half_pixel")):
            return _as_picture(call, value, axes, mode="nearest", coordinates=coordinates, rounding="floor" if options.nearest == "floor" else "round")
        # Halves come up in no upscaling by a whole number, so it does not matter which way they are rounded.
        if options.mode == "nearest" and (options.nearest, coordinates) == ("round_prefer_floor", "half_pixel") and all(_multiplied(axis) for axis in axes):
            return _as_picture(call, value, axes, mode="nearest", coordinates=coordinates, rounding="round")
    return computed(call, value, axes, options)


def _multiplied(axis: Axis) -> bool:
    """Whether the size is certainly multiplied by a whole number."""
    ratio = exact_quotient(axis.after, axis.before) if axis.before != 0 else None
    return isinstance(ratio, int) and ratio >= 1


def _by_operator(call: Call, value: str, axes: list[Axis], options: Options) -> str:
    """The resize operator, when it picks the same elements or mixes them in the same way; else ""."""
    coordinates = _DIRECT.get(options.coordinates, "")
    if call.rank(0) != 4 or not {axis.index for axis in axes} <= {2, 3} or call.builder.dtype(value) != "f32" or not coordinates:
        return ""
    theirs = [resize_coordinates(_int(axis.before), _int(axis.after), coordinates) for axis in axes]
    if options.mode == "linear" and not options.antialias and not options.exclude_outside:
        same = all(np.abs(positions(axis, options) - at).max() < 1e-9 for axis, at in zip(axes, theirs, strict=True))
        return _as_picture(call, value, axes, mode="linear", coordinates=coordinates) if same else ""
    if options.mode == "nearest":
        for rounding, offset in (("floor", 0.0), ("round", 0.5)):
            picked = [np.clip(np.floor(at + offset), 0, _int(axis.before) - 1) for axis, at in zip(axes, theirs, strict=True)]
            if all((places(axis, options) == one).all() for axis, one in zip(axes, picked, strict=True)):
                return _as_picture(call, value, axes, mode="nearest", coordinates=coordinates, rounding=rounding)
    return ""


def _int(size: Dim) -> int:
    assert isinstance(size, int)
    return size


def positions(axis: Axis, options: Options) -> np.ndarray:
    """Where each output element lies in the input, as the specification's formulas have it (in float64)."""
    before, after, scale = _int(axis.before), _int(axis.after), axis.scale
    i = np.arange(after, dtype=np.float64)
    kind = options.coordinates
    if kind == "half_pixel":
        return (i + 0.5) / scale - 0.5
    if kind == "half_pixel_symmetric":
        adjustment = after / (scale * before)
        centre = before / 2
        return centre * (1 - adjustment) + (i + 0.5) / scale - 0.5
    if kind == "pytorch_half_pixel":
        return (i + 0.5) / scale - 0.5 if after > 1 else i * 0.0
    if kind == "align_corners":
        length = before * scale  # the length that the scale gives, which may be a fraction
        return i * (before - 1) / (length - 1) if length != 1 else i * 0.0
    if kind == "asymmetric":
        return i / scale
    if kind == "tf_half_pixel_for_nn":
        return (i + 0.5) / scale
    start, end = map(float, axis.roi)
    if after > 1:
        return start * (before - 1) + i * (end - start) * (before - 1) / (after - 1)
    return 0.5 * (start + end) * (before - 1) + i * 0.0


def places(axis: Axis, options: Options) -> np.ndarray:
    """Which element each output element is, in the nearest mode."""
    at = positions(axis, options)
    rounded = {
        "round_prefer_floor": np.ceil(at - 0.5),
        "round_prefer_ceil": np.floor(at + 0.5),
        "floor": np.floor(at),
        "ceil": np.ceil(at),
    }[options.nearest]
    return np.asarray(np.clip(rounded, 0, _int(axis.before) - 1).astype(np.int32))


def _picked(call: Call, value: str, axis: Axis, options: Options) -> str:
    return call.node("gather", [value, call.constant(places(axis, options))], axis=axis.index)


def matrix(axis: Axis, options: Options) -> np.ndarray:
    """[after, before]: how much of each input element each output element takes."""
    before, after = _int(axis.before), _int(axis.after)
    at = positions(axis, options)
    stretch = max(1.0, 1.0 / axis.scale) if options.antialias else 1.0
    reach = (1 if options.mode == "linear" else 2) * stretch
    table = np.zeros((after, before))
    for row, centre in enumerate(at):
        first, last = math.floor(centre - reach) - 1, math.ceil(centre + reach) + 1
        taps = np.arange(first, last + 1)
        weights = _kernel((taps - centre) / stretch, options)
        inside = (taps >= 0) & (taps < before)
        if options.exclude_outside:
            weights = weights * inside
        if options.exclude_outside or options.antialias:
            weights = weights / weights.sum()
        np.add.at(table[row], np.clip(taps, 0, before - 1), weights)
    return table


def _kernel(x: np.ndarray, options: Options) -> np.ndarray:
    """The weight of an element at a distance: a triangle, or Keys' cubic."""
    x = np.abs(x)
    if options.mode == "linear":
        return np.asarray(np.maximum(0.0, 1.0 - x))
    a = options.cubic
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return np.asarray(np.where(x <= 1, near, np.where(x < 2, far, 0.0)))


def _mixed(call: Call, value: str, axis: Axis, options: Options) -> str:
    before, after = _int(axis.before), _int(axis.after)
    if before * after > MATRIX_LIMIT:
        raise Refused(f"{options.mode} resizing of {before} to {after} elements")
    table = matrix(axis, options).astype(np.float32)
    shape, i = call.builder.shape(value), axis.index
    if i == len(shape) - 1 and i > 0:
        return call.node("matmul", [value, call.constant(np.ascontiguousarray(table.T))])
    flat = call.reshape(value, [product(shape[:i]), before, product(shape[i + 1 :])])
    return call.reshape(call.node("matmul", [call.constant(table), flat]), [*shape[:i], after, *shape[i + 1 :]])


def _extrapolated(call: Call, value: str, axes: list[Axis], options: Options) -> str:
    """Elements that lie outside of the input are all the same number."""
    rank = len(call.builder.shape(value))
    outside = np.zeros([1] * rank, bool)
    for axis in axes:
        at = positions(axis, options)
        beyond = (at < 0) | (at > _int(axis.before) - 1)
        outside = outside | beyond.reshape([-1 if i == axis.index else 1 for i in range(rank)])
    if not outside.any():
        return value
    return call.node("where", [call.constant(outside), call.filled(options.extrapolation, value), value])
