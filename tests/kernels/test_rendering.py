"""Rendering and compiling: pure, small, strict."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import kernel_machine
import numpy as np
import pytest
import wasmtime
from kernel_machine import Case, Operand, Program, WasmMachine, blank, build_wasm, check, execute
from webkiln.codegen import wasm
from webkiln.codegen.expressions import render_expression
from webkiln.codegen.kernels import KERNELS, instructions, javascript_table, opcodes
from webkiln.errors import GraphError, WebkilnError
from webkiln.ops import OPERATORS
from webkiln.ops.elementwise import elementwise
from webkiln.ops.table import Unavailable


def test_rendering_is_a_pure_function() -> None:
    program = (
        "import hashlib; from webkiln.codegen import wasm; from webkiln.ops import OPERATORS;"
        "print(hashlib.sha256(''.join(wasm.render(OPERATORS, relaxed) for relaxed in (False, True)).encode()).hexdigest())"
    )
    here = hashlib.sha256("".join(wasm.render(OPERATORS, relaxed) for relaxed in (False, True)).encode()).hexdigest()
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == here


@pytest.mark.parametrize("relaxed", [False, True])
def test_a_build_is_small(relaxed: bool) -> None:
    assert len(gzip.compress(build_wasm(relaxed).read_bytes(), mtime=0)) <= 30 * 1024


def test_the_plain_build_has_no_relaxed_instruction() -> None:
    configuration = wasmtime.Config()
    configuration.wasm_relaxed_simd = False
    engine = wasmtime.Engine(configuration)
    wasmtime.Module(engine, build_wasm(relaxed=False).read_bytes())
    with pytest.raises(wasmtime.WasmtimeError, match="relaxed"):
        wasmtime.Module(engine, build_wasm(relaxed=True).read_bytes())


@pytest.mark.parametrize("pages", [16, 17, 1000, 65536])
def test_any_memory_links(pages: int) -> None:
    WasmMachine(build_wasm(relaxed=False), maximum=pages)


@pytest.mark.parametrize(
    "words", [[99, 2], [-1, 2], [KERNELS["fill"].number, 5, 0, 0, 0], [KERNELS["fill"].number, 6, 0, 1, 0, 3]]
)
def test_what_is_no_command_traps(words: list[int]) -> None:
    """An unknown kernel, a wrong length, an element of three bytes: an error, not an endless loop."""
    machine = WasmMachine(build_wasm(relaxed=False))
    at = machine.heap
    memory = machine.memory(at + 64)
    memory[at : at + 4 * len(words)].view("<i4")[:] = words
    with pytest.raises(wasmtime.Trap):
        machine.run(at, at + 4 * len(words))


def test_every_variant_has_one_opcode() -> None:
    numbers = opcodes(OPERATORS)
    variants = sum(len(operator.variants) for operator in OPERATORS.values() if operator.elementwise)
    assert len(numbers) == variants == len(instructions(OPERATORS))
    assert sorted(numbers.values()) == list(range(variants))
    assert {
        "add:f32",
        "add:i32",
        "less:i32",
        "where:f32",
        "where:i32",
        "cast:f32:u8",
        "logical_not:bool",
    } <= numbers.keys()


def test_the_javascript_table() -> None:
    gemm = javascript_table()["gemm"]
    assert gemm == {
        "id": 0,
        "fields": ["a", "b", "bias", "c", "rows", "columns", "depth", "a_stride", "minimum", "maximum", "epilogue"],
        "floats": ["minimum", "maximum"],
    }
    assert javascript_table()["copy"]["fields"][3:5] == ["dims0", "dims1"]


@pytest.mark.parametrize(
    ("expression", "dtypes", "rendered"),
    [
        ("a + b", {"a": "f32", "b": "f32"}, "(a + b)"),
        ("max(x, 0)", {"x": "f32"}, "pmax_f4(x, splat_f4(0.0f))"),
        ("max(a, b)", {"a": "f32", "b": "f32"}, "max_f4(a, b)"),
        ("1 / x", {"x": "f32"}, "(splat_f4(1.0f) / x)"),
        ("a / b", {"a": "i32", "b": "i32"}, "divide_i4(a, b)"),
        ("a // b", {"a": "i32", "b": "i32"}, "floor_divide_i4(a, b)"),
        ("-x", {"x": "i32"}, "(-x)"),
    ],
)
def test_an_expression(expression: str, dtypes: dict[str, str], rendered: str) -> None:
    assert render_expression(expression, dtypes, next(iter(dtypes.values()))) == rendered


@pytest.mark.parametrize(
    ("expression", "dtypes", "message"),
    [
        ("a + b", {"a": "f32", "b": "i32"}, "a mixture of f4 and i4"),
        ("exp(x)", {"x": "i32"}, "no function of that name for i4"),
        ("sigmoid(x)", {"x": "f32"}, "no function of that name"),
        ("x.real", {"x": "f32"}, "an unsupported construction"),
        ("x + z", {"x": "f32"}, "an unknown name"),
        ("x + 0.5", {"x": "i32"}, "number where i4 is needed"),
        ("a + b", {"a": "bool", "b": "bool"}, "arithmetic on booleans"),
        ("a < b < 1", {"a": "f32", "b": "f32"}, "an unsupported construction"),
        ("min(x)", {"x": "f32"}, "1 arguments"),
        ("not x", {"x": "f32"}, "f4 where mask is needed"),
    ],
)
def test_an_expression_that_is_refused(expression: str, dtypes: dict[str, str], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        render_expression(expression, dtypes, "f32")


def test_an_operator_touches_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Floor division, which no operator has yet: a row of the table is all that the kernels need."""
    variants = (("f32", "f32", "f32"), ("i32", "i32", "i32"))
    row = elementwise(
        "floor_divide", "a // b", np.floor_divide, Unavailable("test"), inputs=("a", "b"), variants=variants
    )
    operators = {**OPERATORS, "floor_divide": row}
    (tmp_path / "kernels.c").write_text(wasm.render(operators, relaxed=False))
    wasm.compile(tmp_path / "kernels.c", tmp_path / "kernels.wasm", relaxed=False)
    monkeypatch.setattr(kernel_machine, "OPCODES", opcodes(operators))
    machine = WasmMachine(tmp_path / "kernels.wasm")
    grid = np.array(np.meshgrid([-9, -8, -1, 0, 1, 7, 2**31 - 1, -(2**31)], [-4, -3, -1, 1, 2, 5])).reshape(2, -1)
    for dtype, values in (("i32", grid.astype(np.int32)), ("f32", (grid * np.float32(0.3)).astype(np.float32))):
        y = blank(values.shape[1], values.dtype)
        with np.errstate(all="ignore"):
            expected = (
                np.floor(values[0] / values[1])
                if dtype == "f32"
                else (values[0].astype(np.int64) // values[1]).astype(np.int32)
            )
        program = Program(
            dtype,
            "y",
            y.shape,
            [Operand("contiguous", dtype, "a"), Operand("contiguous", dtype, "b")],
            [(f"floor_divide:{dtype}", 0, 1, 0, 2)],
            2,
        )
        command = ("elementwise", {"program": "program", "begin": 0, "count": y.size})
        case = Case(
            "floor_divide",
            {"a": values[0].copy(), "b": values[1].copy(), "y": y},
            [command],
            {"y": expected},
            {"program": program},
        )
        check(case, execute(machine, case))


def test_the_twin_is_of_the_plain_build() -> None:
    with pytest.raises(WebkilnError, match="plain build"):
        wasm.render(OPERATORS, relaxed=True, native=True)


def test_a_compiler_error_is_shown(tmp_path: Path) -> None:
    (tmp_path / "broken.c").write_text("int f(void) { return nothing; }")
    with pytest.raises(WebkilnError, match="nothing"):
        wasm.compile(tmp_path / "broken.c", tmp_path / "broken.wasm", relaxed=False)
    assert not (tmp_path / "broken.wasm").exists()
