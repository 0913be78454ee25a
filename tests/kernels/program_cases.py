"""Element-wise programs: every instruction against the operator table's reference, and every way that an operand can lie."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from kernel_machine import Case, Operand, Program, blank
from webkiln.codegen.kernels import DTYPES, OPERAND_CLASSES, instructions
from webkiln.graph.dtypes import CANONICAL
from webkiln.ops import OPERATORS

Rng = np.random.Generator

SPECIAL = np.array(
    [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        1.5,
        2.0,
        -2.0,
        3.0,
        2.5,
        88.0,
        -88.0,
        104.0,
        1e-30,
        1e-40,
        -1e-45,
        3e38,
        -3e38,
        1e5,
        math.inf,
        -math.inf,
        math.nan,
    ],
    np.float32,
)
INTEGERS = np.array([0, 1, -1, 2, -2, 7, -7, 255, 256, -129, 2**31 - 1, -(2**31)], np.int32)


def values_of(rng: Rng, dtype: str, shape: Any) -> np.ndarray:
    """Values that a program moves or adds exactly."""
    if dtype == "f32":
        return rng.standard_normal(shape).astype(np.float32)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype == "i32":
        return rng.integers(-(2**31), 2**31, shape).astype(np.int32)
    return rng.integers(*((0, 256) if dtype == "u8" else (-128, 128)), shape).astype(CANONICAL[dtype])


def run_command(count: int, begin: int = 0) -> tuple[str, dict[str, Any]]:
    return ("elementwise", {"program": "program", "begin": begin, "count": count})


def operator_inputs(rng: Rng, dtypes: tuple[str, ...]) -> list[np.ndarray]:
    """Every combination of special values, then ordinary ones."""
    columns: dict[str, np.ndarray] = {
        "f32": SPECIAL, "i32": INTEGERS, "u8": np.array([0, 1, 127, 128, 255], np.uint8),
        "i8": np.array([0, 1, -1, 127, -128], np.int8), "bool": np.array([False, True]),
    }  # fmt: skip
    grid = np.meshgrid(*(columns[dtype] for dtype in dtypes), indexing="ij")
    ordinary = [
        rng.uniform(-4, 4, 333).astype(np.float32) if dtype == "f32" else values_of(rng, dtype, 333) for dtype in dtypes
    ]
    return [
        np.ascontiguousarray(np.concatenate([part.reshape(-1), more]))
        for part, more in zip(grid, ordinary, strict=True)
    ]


def every_instruction(rng: Rng) -> Iterator[Case]:
    for opcode in instructions(OPERATORS):
        operator, variant = opcode.operator, opcode.variant
        inputs = operator_inputs(rng, variant[:-1])
        attributes: dict[str, Any] = {name: 0.25 + index for index, name in enumerate(operator.floats)}
        operands = [Operand("contiguous", dtype, f"in{index}") for index, dtype in enumerate(variant[:-1])]
        operands += [Operand("scalar", "f32", value=attributes[name]) for name in operator.floats]
        if operator.name == "cast":
            attributes["to"] = variant[-1]
        with np.errstate(all="ignore"):
            expected = np.ascontiguousarray(operator.reference(inputs, attributes))
        registers = [*range(len(operands)), 0, 0][:3]
        program = Program(
            variant[-1], "y", expected.shape, operands, [(opcode.name, *registers, len(operands))], len(operands)
        )
        magnitude = np.abs(np.nan_to_num(expected.astype(np.float64), nan=0, posinf=0, neginf=0))
        allowance = operator.tolerance.absolute + operator.tolerance.relative * magnitude
        yield Case(
            opcode.name,
            {**{f"in{index}": array for index, array in enumerate(inputs)}, "y": blank(expected.shape, expected.dtype)},
            [run_command(expected.size)],
            {"y": expected},
            {"program": program},
            {"y": allowance},
        )


def operand_of(
    rng: Rng, kind: str, dtype: str, name: str, shape: tuple[int, ...]
) -> tuple[Operand, dict[str, np.ndarray], np.ndarray]:
    """An operand, its buffer, and what it is when broadcast to the shape."""
    rows, columns = math.prod(shape[:-1]), shape[-1]
    if kind == "scalar":
        value = values_of(rng, dtype, ())
        return Operand(kind, dtype, value=value.item()), {}, np.broadcast_to(value, shape)
    if kind == "contiguous":
        array = values_of(rng, dtype, shape)
        return Operand(kind, dtype, name), {name: array}, array
    if kind == "row":
        array = values_of(rng, dtype, columns)
        return Operand(kind, dtype, name), {name: array}, np.broadcast_to(array, shape)
    if kind == "column":
        array = values_of(rng, dtype, rows)
        return Operand(kind, dtype, name), {name: array}, np.broadcast_to(array.reshape(*shape[:-1], 1), shape)
    # Strided: a permuted, partly broadcast, partly reversed view of something larger.
    order = rng.permutation(len(shape))
    stored = values_of(
        rng, dtype, [1 if rng.random() < 0.3 else shape[axis] + int(rng.integers(0, 3)) for axis in order]
    )
    view = stored.transpose(np.argsort(order))
    cuts = []
    for have, want in zip(view.shape, shape, strict=True):
        if have > want and rng.random() < 0.5:
            cuts.append(slice(want, 0, -1))
        else:
            cuts.append(slice(0, 1 if have == 1 else want))
    view = view[tuple(cuts)]
    full = np.broadcast_to(view, shape)
    strides = [0] * (6 - len(shape)) + [stride // stored.itemsize for stride in full.strides]
    offset = view.ctypes.data - stored.ctypes.data if view.size else 0
    return Operand(kind, dtype, name, strides=strides, offset=offset), {name: stored}, full


def widen(array: np.ndarray) -> np.ndarray:
    """As a register of integers holds it."""
    return array.astype(np.int32)


SHAPES: list[tuple[int, ...]] = [
    (1, 1), (1, 7), (5, 1), (4, 3), (9, 4), (100, 3), (70, 5), (33, 16), (3, 255), (3, 256), (3, 257), (2, 1000), (11, 128), (50, 6), (5, 64),
    (2, 3, 4), (3, 1, 5, 7), (2, 2, 3, 2, 3, 4), (0, 4), (4, 0), (6, 170), (300, 1), (2, 86),
]  # fmt: skip


def every_class(rng: Rng) -> Iterator[Case]:
    """Three operands of all classes and dtypes, and integers added up: exact, so that one wrong lane shows."""
    combinations = itertools.product(OPERAND_CLASSES, DTYPES)
    for number, ((kind, dtype), shape) in enumerate(itertools.product(combinations, SHAPES)):
        others = [
            (OPERAND_CLASSES[(number + 1) % 5], DTYPES[(number + 3) % 5]),
            (OPERAND_CLASSES[(number // 3) % 5], "i32"),
        ]
        parts = [operand_of(rng, k, d, f"in{index}", shape) for index, (k, d) in enumerate([(kind, dtype), *others])]
        steps: list[tuple[str, int, int, int, int]] = []
        total = np.zeros(shape, np.int32)
        registers = []
        for index, (operand, _, value) in enumerate(parts):
            if operand.dtype == "f32":
                steps.append(("cast:f32:i32", index, 0, 0, 3 + index))
                registers.append(3 + index)
                with np.errstate(invalid="ignore"):
                    total = total + np.trunc(value).astype(np.int32)
            else:
                registers.append(index)
                total = total + widen(value)
        steps += [("add:i32", registers[0], registers[1], 0, 6), ("add:i32", 6, registers[2], 0, 7)]
        output = DTYPES[(number // 2) % 5]
        with np.errstate(all="ignore"):
            expected = total != 0 if output == "bool" else total.astype(CANONICAL[output])
        result = 7
        if output != "i32":
            steps.append((f"cast:i32:{output}", 7, 0, 0, 8))
            result = 8
        buffers = {key: array for _, part, _ in parts for key, array in part.items()}
        program = Program(output, "y", shape, [operand for operand, _, _ in parts], steps, result)
        begin = (0, 0, 3, 17)[number % 4]
        begin = begin if begin < math.prod(shape) else 0
        count = math.prod(shape) - begin - (2 if number % 5 == 0 and math.prod(shape) > begin + 2 else 0)
        wanted = blank(shape, expected.dtype)
        wanted.reshape(-1)[begin : begin + count] = expected.reshape(-1)[begin : begin + count]
        yield Case(
            f"{kind} {dtype} to {output} {shape} from {begin}",
            {**buffers, "y": blank(shape, expected.dtype)},
            [run_command(count, begin)],
            {"y": wanted},
            {"program": program},
        )


def in_place(rng: Rng) -> Iterator[Case]:
    """The output is one of the operands; and programs with no instruction, which copy or broadcast."""
    for shape in SHAPES:
        y, row = values_of(rng, "f32", shape), values_of(rng, "f32", shape[-1])
        operands = [
            Operand("contiguous", "f32", "y"),
            Operand("row", "f32", "row"),
            Operand("scalar", "f32", value=2.0),
        ]
        steps = [("mul:f32", 0, 2, 0, 3), ("add:f32", 3, 1, 0, 4), ("sub:f32", 4, 0, 0, 5)]
        expected = (y * np.float32(2) + row) - y
        yield Case(
            f"in place {shape}",
            {"y": y, "row": row},
            [run_command(y.size)],
            {"y": expected},
            {"program": Program("f32", "y", shape, operands, steps, 5)},
        )
    for kind, dtype, shape in itertools.product(OPERAND_CLASSES, DTYPES, ((7, 5), (3, 300), (1, 4))):
        operand, buffers, value = operand_of(rng, kind, dtype, "x", shape)
        expected = np.ascontiguousarray(value).astype(CANONICAL[dtype])
        yield Case(
            f"move {kind} {dtype} {shape}", {**buffers, "y": blank(shape, expected.dtype)}, [run_command(expected.size)], {"y": expected},
            {"program": Program(dtype, "y", shape, [operand], [], 0)},
        )  # fmt: skip


def many_commands(rng: Rng) -> Iterator[Case]:
    """A list of commands, each of which needs what the one before has left, and more registers than operands."""
    x = values_of(rng, "f32", (31, 9))
    operands = [
        Operand("contiguous", "f32", "x"),
        *(Operand("scalar", "f32", value=float(index)) for index in range(1, 8)),
    ]
    steps = [
        ("add:f32", 0, 1, 0, 8),
        *(("mul:f32" if index % 2 else "add:f32", 6 + index, index, 0, 7 + index) for index in range(2, 8)),
    ]
    expected = x + np.float32(1)
    for index in range(2, 8):
        expected = expected * np.float32(index) if index % 2 else expected + np.float32(index)
    program = Program("f32", "y", x.shape, operands, steps, 14)
    yield Case("chain", {"x": x, "y": blank(x.shape)}, [run_command(x.size)], {"y": expected}, {"program": program})
    fill = ("fill", {"y": "x", "count": x.size, "bits": int(np.float32(3).view(np.int32)), "element_size": 4})
    copy = (
        "gather",
        {
            "x": "x",
            "indices": "indices",
            "y": "y",
            "outer": 1,
            "axis_size": 31,
            "inner": 9,
            "count": 2,
            "element_size": 4,
        },
    )
    three = np.full(x.shape, 3, np.float32)
    yield Case(
        "commands",
        {"x": x, "indices": np.array([4, 30], np.int32), "y": blank((2, 9))},
        [fill, copy],
        {"x": three, "y": three[:2]},
    )


PROGRAM_CASES = (every_instruction, every_class, in_place, many_commands)
