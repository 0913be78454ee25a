"""What every kernel is tried with: odd sizes, 0 and 1, ragged channels, NaN and infinities, epilogues, against plain NumPy."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from kernel_machine import Case, Operand, Program, blank
from webkiln.codegen.kernels import DTYPES, POOL_MODES, REDUCE_MODES, REQUANTIZE_MODES, SCATTER_MODES
from webkiln.ops import OPERATORS
from webkiln.ops.cases import any_dtype, large_integers

Rng = np.random.Generator
EPSILON = 2.0**-23
INFINITE = {"minimum": -math.inf, "maximum": math.inf}


def floats(rng: Rng, shape: Any, special: float = 0.0) -> np.ndarray:
    """Normal values; a share of `special` becomes NaN and infinities."""
    values = rng.standard_normal(shape).astype(np.float32)
    if special:
        chosen = rng.random(shape) < special
        values[chosen] = rng.choice(np.array([math.nan, math.inf, -math.inf], np.float32), np.count_nonzero(chosen))
    return values


def padded(values: np.ndarray, multiple: int) -> np.ndarray:
    return np.concatenate([values, np.zeros(-values.size % multiple, np.float32)])


def pack(matrix: np.ndarray) -> np.ndarray:
    """[depth, columns] → [ceil(columns / 8), depth, 8]."""
    depth, columns = matrix.shape
    wide = np.zeros((depth, -(-columns // 8) * 8), np.float32)
    wide[:, :columns] = matrix
    return np.ascontiguousarray(wide.reshape(depth, -(-columns // 8), 8).transpose(1, 0, 2))


def pack_channels(filters: np.ndarray) -> np.ndarray:
    """[taps, channels] → [ceil(channels / 4), taps, 4]."""
    taps, channels = filters.shape
    wide = np.zeros((taps, -(-channels // 4) * 4), np.float32)
    wide[:, :channels] = filters
    return np.ascontiguousarray(wide.reshape(taps, -(-channels // 4), 4).transpose(1, 0, 2))


def wide(function: Any, *arrays: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(function(*(array.astype(np.float64) for array in arrays)))


def clamp(values: np.ndarray, minimum: float, maximum: float) -> np.ndarray:
    """NaN survives, as in NumPy."""
    return np.minimum(np.maximum(values, np.float32(minimum)), np.float32(maximum)).astype(np.float32)


def residual_epilogue(rng: Rng, output: str, shape: tuple[int, ...]) -> tuple[Program, dict[str, np.ndarray], Any]:
    """y · scale[columns] + residual, in place: a program, its buffers, and the same in NumPy."""
    columns = shape[-1]
    buffers = {"scale": floats(rng, columns), "residual": floats(rng, shape)}
    rows = math.prod(shape[:-1])
    program = Program(
        "f32", output, (rows, columns),
        [Operand("contiguous", "f32", output), Operand("row", "f32", "scale"), Operand("contiguous", "f32", "residual")],
        [("mul:f32", 0, 1, 0, 3), ("add:f32", 3, 2, 0, 4)], 4,
    )  # fmt: skip

    def apply(y: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return (y * buffers["scale"] + buffers["residual"]).astype(np.float32)

    return program, buffers, apply


def with_epilogue(rng: Rng, case: Case, output: str) -> Case:
    """The same case with an epilogue at its last command."""
    expected = case.expected[output]
    program, buffers, apply = residual_epilogue(rng, output, expected.shape)
    kernel, fields = case.commands[-1]
    allowance = case.allowance.get(output, 0.0)
    with np.errstate(all="ignore"):
        scaled = np.asarray(allowance) * np.abs(buffers["scale"]) + 2 * EPSILON * (
            np.abs(expected * buffers["scale"]) + np.abs(buffers["residual"])
        )
    return Case(
        f"{case.name} epilogue",
        {**case.buffers, **buffers},
        [*case.commands[:-1], (kernel, {**fields, "epilogue": "epilogue"})],
        {**case.expected, output: apply(expected)},
        {"epilogue": program},
        {**case.allowance, output: np.where(np.isfinite(scaled), scaled, 0.0) if np.any(allowance) else 0.0},
        case.scratch,
    )


def gemm(rng: Rng) -> Iterator[Case]:
    shapes = [
        *itertools.product((0, 1, 2, 5, 7), (0, 1, 8, 13), (0, 1, 4, 9)),
        *itertools.product((3, 4, 6, 11, 12, 13), (7, 16, 33), (5, 27)),
    ]
    shapes += [(1, 70, 130), (1, 32, 3), (1, 96, 64), (37, 64, 100), (700, 24, 130), (3, 5, 2000)]
    for number, (rows, columns, depth) in enumerate(shapes):
        a_stride = depth + (0, 3)[number % 2]
        a, b, bias = (
            floats(rng, (rows, a_stride), 0.02 * (number % 7 == 3)),
            floats(rng, (depth, columns)),
            floats(rng, columns),
        )
        limits = [INFINITE, {"minimum": 0.0, "maximum": 6.0}, {"minimum": -0.5, "maximum": math.inf}][number % 3]
        exact = wide(lambda a, b, c: a @ b + c, a[:, :depth], b, bias)
        size = wide(lambda a, b, c: np.abs(a) @ np.abs(b) + np.abs(c), a[:, :depth], b, bias)
        case = Case(
            f"gemm {rows}x{columns}x{depth}",
            {"a": a, "b": pack(b), "bias": padded(bias, 8), "c": blank((rows, columns))},
            [
                (
                    "gemm",
                    {
                        "a": "a",
                        "b": "b",
                        "bias": "bias",
                        "c": "c",
                        "rows": rows,
                        "columns": columns,
                        "depth": depth,
                        "a_stride": a_stride,
                        **limits,
                        "epilogue": 0,
                    },
                )
            ],
            {"c": clamp(exact, **limits)},
            allowance={"c": (2 + math.sqrt(depth)) * EPSILON * np.nan_to_num(size, nan=0, posinf=0, neginf=0)},
        )
        yield case
        if number % 4 == 1 or rows > 30:
            yield with_epilogue(rng, case, "c")


def pack_b(rng: Rng) -> Iterator[Case]:
    for depth, columns, transposed in itertools.product((0, 1, 5), (0, 1, 8, 19), (False, True)):
        stored = floats(rng, (columns, depth + 2) if transposed else (depth, columns + 1))
        matrix = stored[:, :depth].T if transposed else stored[:, :columns]
        strides = (1, depth + 2) if transposed else (columns + 1, 1)
        expected = pack(matrix)
        yield Case(
            f"pack_b {depth}x{columns}{' transposed' if transposed else ''}",
            {"x": stored, "y": blank(expected.shape)},
            [
                (
                    "pack_b",
                    {
                        "source": "x",
                        "destination": "y",
                        "depth": depth,
                        "columns": columns,
                        "row_stride": strides[0],
                        "column_stride": strides[1],
                    },
                )
            ],
            {"y": expected},
        )


def convolve(x: np.ndarray, w: np.ndarray, bias: np.ndarray, geometry: dict[str, Any], groups: int) -> np.ndarray:
    """[N, H, W, C] with [KH, KW, C / groups, O], one tap after the other, in float64."""
    g = geometry
    x, w = x.astype(np.float64), w.astype(np.float64)
    y = np.zeros((g["batch"], g["out_height"], g["out_width"], w.shape[3]))
    y += bias
    inside, outside = x.shape[3] // groups, w.shape[3] // groups
    for ky, kx in itertools.product(range(w.shape[0]), range(w.shape[1])):
        for oy, ox in itertools.product(range(g["out_height"]), range(g["out_width"])):
            iy = oy * g["stride_height"] - g["padding_top"] + ky * g["dilation_height"]
            ix = ox * g["stride_width"] - g["padding_left"] + kx * g["dilation_width"]
            if 0 <= iy < x.shape[1] and 0 <= ix < x.shape[2]:
                for group in range(groups):
                    cell = x[:, iy, ix, group * inside : (group + 1) * inside]
                    lanes = slice(group * outside, (group + 1) * outside)
                    with np.errstate(all="ignore"):
                        y[:, oy, ox, lanes] += cell @ w[ky, kx, :, lanes]
    return y


def geometry_of(
    batch: int,
    size: tuple[int, int],
    channels: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
) -> dict[str, Any]:
    out = [
        max(0, (extent + low + high - (k - 1) * d - 1) // s + 1)
        for extent, low, high, k, d, s in zip(size, padding[:2], padding[2:], kernel, dilation, stride, strict=True)
    ]
    return {
        "batch": batch, "height": size[0], "width": size[1], "channels": channels, "out_height": out[0], "out_width": out[1],
        "kernel_height": kernel[0], "kernel_width": kernel[1], "stride_height": stride[0], "stride_width": stride[1],
        "padding_top": padding[0], "padding_left": padding[1], "dilation_height": dilation[0], "dilation_width": dilation[1],
    }  # fmt: skip


def convolution_case(
    rng: Rng, name: str, g: dict[str, Any], out_channels: int, groups: int, special: float, limits: dict[str, float]
) -> tuple[Case, np.ndarray]:
    """A case with no command yet, and its filters."""
    kernel = (g["kernel_height"], g["kernel_width"])
    x = floats(rng, (g["batch"], g["height"], g["width"], g["channels"]), special)
    w = floats(rng, (*kernel, g["channels"] // max(groups, 1), out_channels))
    bias = floats(rng, out_channels)
    exact = convolve(x, w, bias, g, groups)
    size = convolve(np.abs(x), np.abs(w), np.abs(bias), g, groups)
    depth = math.prod(w.shape[:3])
    case = Case(
        name,
        {"x": x, "bias": padded(bias, 8), "y": blank(exact.shape)},
        [],
        {"y": clamp(exact, **limits)},
        allowance={"y": (2 + math.sqrt(depth)) * EPSILON * np.nan_to_num(size, nan=0, posinf=0, neginf=0)},
    )
    return case, w


def conv2d(rng: Rng) -> Iterator[Case]:
    rows: list[tuple[Any, ...]] = [
        # batch, size, channels, kernel, stride, padding, dilation, out channels, scratch rows
        (1, (9, 8), 3, (3, 3), (2, 2), (0, 0, 1, 1), (1, 1), 16, 7),
        (2, (5, 6), 5, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 9, 64),
        (1, (1, 1), 1, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1, 1),
        (1, (6, 7), 2, (2, 3), (1, 2), (0, 1, 2, 0), (2, 3), 3, 5),
        (1, (4, 4), 4, (5, 5), (1, 1), (2, 2, 2, 2), (1, 1), 8, 6),
        (1, (12, 12), 8, (1, 1), (2, 2), (0, 0, 0, 0), (1, 1), 24, 10),
        (0, (4, 4), 4, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 4, 6),
        (1, (2, 2), 4, (3, 3), (1, 1), (0, 0, 0, 0), (1, 1), 4, 6),
        (2, (3, 40), 7, (1, 7), (1, 1), (0, 3, 0, 3), (1, 1), 33, 13),
        (1, (5, 5), 6, (3, 3), (1, 1), (4, 4, 4, 4), (1, 1), 5, 200),
    ]
    for number, (batch, size, channels, kernel, stride, padding, dilation, out_channels, scratch_rows) in enumerate(
        rows
    ):
        limits = INFINITE if number % 2 else {"minimum": 0.0, "maximum": 6.0}
        g = geometry_of(batch, size, channels, kernel, stride, padding, dilation)
        case, w = convolution_case(rng, f"conv2d {number}", g, out_channels, 1, 0.01 * (number % 3 == 1), limits)
        depth = math.prod(w.shape[:3])
        case.buffers |= {"w": pack(w.reshape(depth, out_channels)), "scratch": blank((scratch_rows, depth))}
        case.scratch = ("scratch",)
        case.commands = [
            (
                "conv2d",
                {
                    "x": "x",
                    "w": "w",
                    "bias": "bias",
                    "y": "y",
                    "scratch": "scratch",
                    "scratch_rows": scratch_rows,
                    **g,
                    "out_channels": out_channels,
                    **limits,
                    "epilogue": 0,
                },
            )
        ]
        yield case
        yield with_epilogue(rng, case, "y")


def conv2d_grouped(rng: Rng) -> Iterator[Case]:
    for number, (channels, out_channels, groups) in enumerate(
        [(6, 8, 2), (4, 4, 1), (3, 6, 3), (5, 5, 5), (12, 6, 3), (4, 20, 2), (2, 3, 1)]
    ):
        stride, dilation = (1 + number % 2, 1), (1, 1 + number % 3)
        g = geometry_of(1 + number % 2, (6, 7), channels, (3, 2), stride, (1, 0, 1, 2), dilation)
        limits = INFINITE if number % 2 else {"minimum": -1.0, "maximum": 1.0}
        case, w = convolution_case(
            rng,
            f"conv2d_grouped {channels}-{out_channels}/{groups}",
            g,
            out_channels,
            groups,
            0.01 * (number == 2),
            limits,
        )
        case.buffers["w"] = w
        case.commands = [
            (
                "conv2d_grouped",
                {
                    "x": "x",
                    "w": "w",
                    "bias": "bias",
                    "y": "y",
                    **g,
                    "out_channels": out_channels,
                    **limits,
                    "epilogue": 0,
                    "groups": groups,
                },
            )
        ]
        yield case
        yield with_epilogue(rng, case, "y")


def conv2d_i32(rng: Rng) -> Iterator[Case]:
    for number, (channels, out_channels, groups) in enumerate(
        [(6, 8, 2), (4, 4, 1), (3, 6, 3), (5, 5, 5), (9, 9, 9), (1, 7, 1), (12, 6, 3), (0, 3, 1)]
    ):
        stride, dilation = (1 + number % 2, 1), (1, 1 + number % 3)
        g = geometry_of(1 + number % 2, (6, 7), channels, (3, 2), stride, (1, 0, 1, 2), dilation)
        shapes = (g["batch"], 6, 7, channels), (3, 2, channels // groups, out_channels), (out_channels,)
        x, w, bias = (large_integers(rng, shape) for shape in shapes)
        attributes = {"stride": list(stride), "padding": [1, 0, 1, 2], "dilation": list(dilation), "groups": groups}
        expected = OPERATORS["conv2d"].reference([x, w, bias], attributes)
        fields = {"x": "x", "w": "w", "bias": "bias", "y": "y", **g, "out_channels": out_channels, "groups": groups}
        arrays = {"x": x, "w": w, "bias": bias, "y": blank(expected.shape, np.int32)}
        yield Case(f"conv2d_i32 {channels}-{out_channels}/{groups}", arrays, [("conv2d_i32", fields)], {"y": expected})


def depthwise(rng: Rng) -> Iterator[Case]:
    rows: list[tuple[Any, ...]] = []
    for channels, kernel, stride in itertools.product((*range(1, 10), 16, 20), (3, 5), (1, 2)):
        size = ((7, 9), (6, 6), (11, 14))[channels % 3]
        low, high = (kernel - 1) // 2, kernel // 2
        rows.append(
            (1 + channels % 2, size, channels, (kernel, kernel), (stride, stride), (low, low, high, high), (1, 1))
        )
    rows += [
        (1, (1, 1), 8, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
        (1, (2, 3), 8, (5, 5), (1, 1), (2, 2, 2, 2), (1, 1)),
        (1, (9, 13), 8, (3, 3), (1, 1), (0, 0, 0, 0), (1, 1)),
        (1, (10, 23), 4, (5, 5), (2, 2), (0, 0, 0, 0), (1, 1)),
        (1, (3, 30), 32, (3, 3), (2, 2), (0, 0, 1, 1), (1, 1)),
        (1, (4, 5), 4, (3, 3), (1, 1), (5, 5, 5, 5), (1, 1)),
        (2, (12, 9), 6, (3, 3), (1, 1), (2, 2, 2, 2), (2, 2)),
        (1, (8, 8), 5, (2, 4), (1, 1), (0, 1, 1, 2), (1, 1)),
        (1, (8, 8), 4, (3, 3), (1, 2), (1, 1, 1, 1), (1, 1)),
        (1, (15, 15), 7, (7, 7), (3, 3), (3, 3, 3, 3), (1, 1)),
        (1, (2, 2), 4, (3, 3), (1, 1), (0, 0, 0, 0), (1, 1)),
        (0, (8, 8), 4, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
    ]
    for number, (batch, size, channels, kernel, stride, padding, dilation) in enumerate(rows):
        limits = INFINITE if number % 2 else {"minimum": 0.0, "maximum": 6.0}
        g = geometry_of(batch, size, channels, kernel, stride, padding, dilation)
        name = f"depthwise {kernel[0]}x{kernel[1]} stride {stride[0]} channels {channels} of {number}"
        case, w = convolution_case(rng, name, g, channels, channels, 0.01 * (number % 5 == 1), limits)
        scratch = 5 * (-(-channels // 4) * 4)
        case.buffers |= {"w": pack_channels(w.reshape(-1, channels)), "scratch": blank(scratch)}
        case.scratch = ("scratch",)
        case.commands = [
            (
                "depthwise",
                {"x": "x", "w": "w", "bias": "bias", "y": "y", "scratch": "scratch", **g, **limits, "epilogue": 0},
            )
        ]
        yield case
        if number % 4 == 2:
            yield with_epilogue(rng, case, "y")


def pack_depthwise(rng: Rng) -> Iterator[Case]:
    for taps, channels in itertools.product((1, 9, 25), (0, 1, 4, 7)):
        w = floats(rng, (taps, channels))
        expected = pack_channels(w)
        yield Case(
            f"pack_depthwise {taps}x{channels}",
            {"x": w, "y": blank(expected.shape)},
            [("pack_depthwise", {"source": "x", "destination": "y", "taps": taps, "channels": channels})],
            {"y": expected},
        )


def pool2d(rng: Rng) -> Iterator[Case]:
    rows: list[tuple[Any, ...]] = [
        (1, (4, 4), 1, (2, 2), (2, 2), (0, 0, 0, 0)),
        (1, (7, 5), 3, (2, 2), (2, 2), (0, 0, 1, 1)),
        (2, (9, 9), 5, (3, 3), (2, 2), (1, 1, 1, 1)),
        (1, (6, 8), 16, (3, 2), (1, 3), (2, 0, 1, 1)),
        (1, (14, 14), 9, (14, 14), (1, 1), (0, 0, 0, 0)),
        (1, (3, 3), 2, (2, 2), (1, 1), (3, 3, 3, 3)),  # windows with nothing but padding
        (0, (4, 4), 3, (2, 2), (2, 2), (0, 0, 0, 0)),
    ]
    for mode, (number, (batch, size, channels, window, stride, padding)) in itertools.product(
        range(3), enumerate(rows)
    ):
        g = geometry_of(batch, size, channels, window, stride, padding, (1, 1))
        x = floats(rng, (batch, *size, channels), 0.03 * (number % 2))
        y = np.full((batch, g["out_height"], g["out_width"], channels), -math.inf if mode == 0 else 0.0)
        count = np.zeros(y.shape[1:3])
        for oy, ox, ky, kx in itertools.product(
            range(y.shape[1]), range(y.shape[2]), range(window[0]), range(window[1])
        ):
            iy, ix = oy * stride[0] - padding[0] + ky, ox * stride[1] - padding[1] + kx
            if 0 <= iy < size[0] and 0 <= ix < size[1]:
                count[oy, ox] += 1
                with np.errstate(all="ignore"):
                    y[:, oy, ox] = np.maximum(y[:, oy, ox], x[:, iy, ix]) if mode == 0 else y[:, oy, ox] + x[:, iy, ix]
        if mode:
            with np.errstate(all="ignore"):
                y = y / (count if mode == 1 else np.full_like(count, math.prod(window)))[:, :, None]
        fields = {key.replace("kernel", "window"): value for key, value in g.items() if not key.startswith("dilation")}
        case = Case(
            f"pool2d {POOL_MODES[mode]} {number}",
            {"x": x, "y": blank(y.shape)},
            [("pool2d", {"mode": mode, "x": "x", "y": "y", **fields, "epilogue": 0})],
            {"y": y.astype(np.float32)},
            allowance={"y": 4e-6 if mode else 0.0},
        )
        yield case
        if number % 2:
            yield with_epilogue(rng, case, "y")


def resize(rng: Rng) -> Iterator[Case]:
    entry = np.dtype([("first", np.int32), ("second", np.int32), ("fraction", np.float32)])
    for number, (batch, size, channels, out) in enumerate(
        [
            (1, (4, 5), 3, (8, 10)),
            (2, (5, 9), 1, (3, 4)),
            (1, (1, 1), 5, (4, 3)),
            (1, (6, 6), 16, (13, 7)),
            (1, (3, 3), 2, (0, 4)),
            (1, (3, 2), 9, (1, 1)),
        ]
    ):
        x = floats(rng, (batch, *size, channels), 0.03 * (number == 3))
        picture = {
            "x": "x",
            "y": "y",
            "batch": batch,
            "height": size[0],
            "width": size[1],
            "channels": channels,
            "out_height": out[0],
            "out_width": out[1],
            "rows": "rows",
            "columns": "columns",
            "epilogue": 0,
        }
        nearest = [rng.integers(0, extent, n).astype(np.int32) for extent, n in zip(size, out, strict=True)]
        linear = []
        for extent, n in zip(size, out, strict=True):
            table = np.zeros(n, entry)
            table["first"] = rng.integers(0, extent, n)
            table["second"] = np.minimum(table["first"] + 1, extent - 1)
            table["fraction"] = rng.random(n)
            linear.append(table)
        with np.errstate(all="ignore"):
            corners = [
                [x[:, linear[0][i]][:, :, linear[1][j]] for j in ("first", "second")] for i in ("first", "second")
            ]
            fy, fx = linear[0]["fraction"][:, None, None], linear[1]["fraction"][:, None]
            top, bottom = (left + (right - left) * fx for left, right in corners)
            mixed = (top + (bottom - top) * fy).astype(np.float32)
        y = blank((batch, *out, channels))
        for name, tables, expected in (
            ("linear", linear, mixed),
            ("nearest", nearest, x[:, nearest[0]][:, :, nearest[1]]),
        ):
            rows, columns = (table.view(np.int32) for table in tables)
            case = Case(
                f"resize_{name} {number}",
                {"x": x, "rows": rows, "columns": columns, "y": y},
                [(f"resize_{name}", picture)],
                {"y": np.ascontiguousarray(expected)},
            )
            yield case
            yield with_epilogue(rng, case, "y")


def reduce(rng: Rng) -> Iterator[Case]:
    functions: list[Any] = [np.sum, np.mean, np.max, np.min, np.prod]
    sizes = [
        *itertools.product((1, 3), (1, 4, 7, 130), (1, 2, 4, 17)),
        (2, 0, 1),
        (2, 0, 3),
        (0, 3, 1),
        (2, 3, 0),
        (1, 5000, 1),
        (2, 1000, 19),
        (1, 131, 37),
    ]
    for mode, dtype, (outer, count, inner) in itertools.product(range(5), range(2), sizes):
        if mode == 1 and dtype == 1:
            continue
        name = f"reduce {REDUCE_MODES[mode]} {('f32', 'i32')[dtype]} {outer}x{count}x{inner}"
        empty = {2: (-math.inf, -(2**31)), 3: (math.inf, 2**31 - 1)}
        x: np.ndarray
        if dtype:
            x = rng.integers(-(2**31), 2**31, (outer, count, inner)).astype(np.int32)
            options: dict[str, Any] = {"initial": empty[mode][1]} if mode in empty else {"dtype": np.int32}
            with np.errstate(over="ignore"):
                yield reduce_case(name, mode, dtype, x, functions[mode](x, axis=1, **options).astype(np.int32), 0.0)
            continue
        for special in (0.0, 0.02):
            x = floats(rng, (outer, count, inner), special)
            if mode == 4:
                x = (1 + 0.1 * x).astype(np.float32)
            options = {"initial": empty[mode][0]} if mode in empty else {}
            expected = (
                np.full((outer, inner), math.nan)
                if mode == 1 and count == 0
                else wide(lambda a: functions[mode](a, axis=1, **options), x)  # noqa: B023
            )
            size = wide(lambda a: np.sum(np.abs(a), axis=1) / (max(count, 1) if mode == 1 else 1), x)  # noqa: B023
            allowance = {0: 8 * EPSILON * size, 1: 8 * EPSILON * size, 4: 2 * EPSILON * np.abs(expected)}.get(mode, 0.0)
            with np.errstate(over="ignore"):
                yield reduce_case(
                    name + (" special" if special else ""),
                    mode,
                    dtype,
                    x,
                    expected.astype(np.float32),
                    np.nan_to_num(allowance, nan=0, posinf=0),
                )


def reduce_case(name: str, mode: int, dtype: int, x: np.ndarray, expected: np.ndarray, allowance: Any) -> Case:
    outer, count, inner = x.shape
    fields = {"mode": mode, "dtype": dtype, "x": "x", "y": "y", "outer": outer, "count": count, "inner": inner}
    return Case(
        name,
        {"x": x, "y": blank((outer, inner), x.dtype)},
        [("reduce", fields)],
        {"y": expected},
        allowance={"y": allowance},
    )


def fill(rng: Rng) -> Iterator[Case]:
    for size, count in itertools.product((1, 2, 4), (0, 1, 3, 4, 9, 1000)):
        bits = int(rng.integers(-(2**31), 2**31))
        dtype = np.dtype(f"u{size}")
        expected = np.full(count, bits & (2 ** (8 * size) - 1), dtype)
        yield Case(
            f"fill {size} bytes x {count}",
            {"y": blank(count, dtype)},
            [("fill", {"y": "y", "count": count, "bits": bits, "element_size": size})],
            {"y": expected},
        )


def copy(rng: Rng) -> Iterator[Case]:
    for size in (1, 2, 4):
        dtype = np.dtype(f"u{size}")
        for shape, permutation in [
            ((3, 5), (1, 0)),
            ((2, 3, 4), (2, 0, 1)),
            ((1, 6, 7, 3), (0, 3, 1, 2)),
            ((33, 65), (1, 0)),
            ((2, 1, 3, 2, 3, 2), (5, 3, 1, 0, 2, 4)),
            ((7,), (0,)),
            ((0, 3), (1, 0)),
            ((40, 3, 21), (2, 1, 0)),
        ]:
            x = rng.integers(0, 256, shape).astype(dtype)
            yield copy_case(f"copy transpose {size} bytes {shape} {permutation}", x, x.transpose(permutation))
        x = rng.integers(0, 256, (6, 9)).astype(dtype)
        yield copy_case(f"copy slice {size} bytes", x, x[1:5:2, 2:8])
        yield copy_case(f"copy reversed {size} bytes", x, x[::-1, ::-2])
        yield copy_case(f"copy broadcast {size} bytes", x, np.broadcast_to(x[:, None, 3:4], (6, 4, 7)))
        y = blank((6, 21), dtype)
        expected = y.copy()
        expected[:, 1:19:2] = x
        target = y[:, 1:19:2]
        yield copy_case(f"copy interleaved {size} bytes", x, x, y, target, expected)


def copy_case(
    name: str,
    x: np.ndarray,
    view: np.ndarray,
    y: np.ndarray | None = None,
    target: np.ndarray | None = None,
    expected: np.ndarray | None = None,
) -> Case:
    """A copy from a view of x to a view of y, which is contiguous by default."""
    if y is None or target is None or expected is None:
        y = blank(view.shape, x.dtype)
        target, expected = y, np.ascontiguousarray(view)
    fields: dict[str, Any] = {"element_size": x.itemsize}
    for axis in range(6):
        at = axis - (6 - view.ndim)
        fields[f"dims{axis}"] = view.shape[at] if at >= 0 else 1
        fields[f"x_strides{axis}"] = view.strides[at] // x.itemsize if at >= 0 else 0
        fields[f"y_strides{axis}"] = target.strides[at] // x.itemsize if at >= 0 else 0
    for key, part, whole in (("x", view, x), ("y", target, y)):
        fields[key] = (key, part.ctypes.data - whole.ctypes.data if part.size else 0)
    return Case(name, {"x": x, "y": y}, [("copy", fields)], {"y": expected})


def gather(rng: Rng) -> Iterator[Case]:
    for size, (outer, axis_size, inner, count) in itertools.product(
        (1, 4), [(1, 7, 1, 3), (2, 3, 5, 4), (3, 4, 4, 0), (1, 5, 9, 11), (0, 3, 2, 2), (2, 1, 3, 2)]
    ):
        x = rng.integers(0, 256, (outer, axis_size, inner)).astype(f"u{size}")
        indices = rng.integers(-2, axis_size + 2, count).astype(np.int32)
        expected = np.take(x, indices, axis=1, mode="clip")
        fields = {
            "x": "x",
            "indices": "indices",
            "y": "y",
            "outer": outer,
            "axis_size": axis_size,
            "inner": inner,
            "count": count,
            "element_size": size,
        }
        yield Case(
            f"gather {size} bytes {outer}x{axis_size}x{inner} by {count}",
            {"x": x, "indices": indices, "y": blank(expected.shape, x.dtype)},
            [("gather", fields)],
            {"y": expected},
        )


def scatter(rng: Rng) -> Iterator[Case]:
    for dtype, mode in itertools.product(DTYPES, SCATTER_MODES):
        if mode != "none" and dtype not in ("f32", "i32"):
            continue
        for rows, inner, count in [(7, 1, 5), (3, 5, 9), (4, 4, 0), (2, 9, 1)]:
            x, updates = (any_dtype(rng, shape, dtype) for shape in ((rows, inner), (count, inner)))
            indices = rng.integers(-1, rows + 1, count).astype(np.int32)
            expected = OPERATORS["scatter"].reference([x, indices, updates], {"reduction": mode})
            fields = {
                "mode": SCATTER_MODES.index(mode), "dtype": DTYPES.index(dtype), "indices": "indices", "updates": "updates", "y": "y",
                "axis_size": rows, "inner": inner, "count": count,
            }  # fmt: skip
            yield Case(
                f"scatter {mode} of {dtype} {count}x{inner} into {rows}",
                {"indices": indices, "updates": updates, "y": x.copy()},
                [("scatter", fields)],
                {"y": expected},
            )


def requantize(rng: Rng) -> Iterator[Case]:
    for number, case in enumerate(OPERATORS["requantize"].cases(rng)):
        x, multiplier, shift = case.inputs
        mode = case.attributes["rounding"]
        fields = {
            "mode": REQUANTIZE_MODES.index(mode), "x": "x", "multiplier": "multiplier", "shift": "shift", "y": "y", "count": x.size, "channels": multiplier.size,
        }  # fmt: skip
        yield Case(
            f"requantize {mode} of {x.shape}, {number}",
            {"x": x, "multiplier": multiplier, "shift": shift, "y": blank(x.shape, np.int32)},
            [("requantize", fields)],
            {"y": OPERATORS["requantize"].reference(case.inputs, case.attributes)},
        )


def _along_axis(rng: Rng, operator: str, kernel: str, options: dict[str, bool], **extra: int) -> Iterator[Case]:
    """A kernel that goes along the middle of [outer, count, inner], against the operator of the same meaning."""
    for dtype, (outer, count, inner) in itertools.product(("f32", "i32"), [(1, 7, 1), (2, 5, 3), (1, 130, 2), (3, 1, 4), (0, 3, 2)]):
        x = rng.integers(-3, 4, (outer, count, inner)).astype(dtype.replace("f", "float").replace("i", "int"))
        if dtype == "f32" and x.size:
            x.reshape(-1)[rng.integers(0, x.size, 1 + x.size // 9)] = np.nan
        attributes: dict[str, Any] = {"axis": 1, **options}
        expected = OPERATORS[operator].reference([x], attributes | ({"keep_dims": False} if kernel == "arg_extreme" else {}))
        arrays = {"x": x, "y": blank(expected.shape, expected.dtype)}
        fields: dict[str, Any] = {"dtype": DTYPES.index(dtype), "x": "x", "y": "y", "outer": outer, "count": count, "inner": inner}
        fields |= {name: int(value) for name, value in options.items()} | extra
        case = Case(f"{operator} of {dtype} {outer}x{count}x{inner} {options}", arrays, [(kernel, fields)], {"y": expected})
        if kernel == "argsort":
            arrays["scratch"] = blank(2 * count, np.int32)
            fields["scratch"] = "scratch"
            case.scratch = ("scratch",)
        yield case


def arg_extreme(rng: Rng) -> Iterator[Case]:
    for (mode, operator), last in itertools.product(enumerate(("arg_max", "arg_min")), (False, True)):
        yield from _along_axis(rng, operator, "arg_extreme", {"last": last}, mode=mode)


def cumulate(rng: Rng) -> Iterator[Case]:
    for mode, operator in enumerate(("cumulative_sum", "cumulative_prod")):
        for exclusive, reverse in itertools.product((False, True), repeat=2):
            yield from _along_axis(rng, operator, "cumulate", {"exclusive": exclusive, "reverse": reverse}, mode=mode)


def argsort(rng: Rng) -> Iterator[Case]:
    for descending in (False, True):
        yield from _along_axis(rng, "argsort", "argsort", {"descending": descending})


def non_max_suppression(rng: Rng) -> Iterator[Case]:
    operator = OPERATORS["non_max_suppression"]
    for number, case in enumerate(operator.cases(rng)):
        boxes, scores, threshold = case.inputs
        expected = operator.reference(case.inputs, case.attributes)
        batch, classes, count = scores.shape
        names = ("boxes", "scores", "threshold", "y", "scratch")
        fields: dict[str, Any] = {name: name for name in names} | {"batch": batch, "classes": classes, "count": count, "limit": expected.shape[2]}
        arrays = {"boxes": boxes, "scores": scores, "threshold": threshold, "y": blank(expected.shape, np.int32), "scratch": blank(3 * count, np.int32)}
        made = Case(f"non_max_suppression of {scores.shape}, {number}", arrays, [("non_max_suppression", fields)], {"y": expected})
        made.scratch = ("scratch",)
        yield made


def widen_f16(rng: Rng) -> Iterator[Case]:
    every = np.arange(65536, dtype=np.uint16)
    for bits in (every, every[:0], every[1:2], every[31740:31751], every[1000:1006]):
        expected = bits.view(np.float16).astype(np.float32)
        yield Case(
            f"widen_f16 {bits.size}",
            {"x": bits, "y": blank(bits.size)},
            [("widen_f16", {"source": "x", "destination": "y", "count": bits.size})],
            {"y": expected},
        )


KERNEL_CASES = (
    gemm,
    pack_b,
    conv2d,
    conv2d_grouped,
    conv2d_i32,
    depthwise,
    pack_depthwise,
    pool2d,
    resize,
    reduce,
    fill,
    copy,
    gather,
    scatter,
    requantize,
    arg_extreme,
    cumulate,
    argsort,
    non_max_suppression,
    widen_f16,
)


def all_cases() -> Iterator[Case]:
    """Every case, the same each time."""
    from program_cases import PROGRAM_CASES

    for number, cases in enumerate((*KERNEL_CASES, *PROGRAM_CASES)):
        yield from cases(np.random.default_rng(number))
