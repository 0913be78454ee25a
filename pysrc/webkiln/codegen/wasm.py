"""The WASM kernels: one C source, rendered from `wasm/` and the operator table, and its compilation.

Compiling for WebAssembly needs the package `ziglang`; the native twin, for tests, any C compiler.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from webkiln.codegen import kernels as table
from webkiln.codegen.expressions import load, render_expression
from webkiln.codegen.paths import REPOSITORY, source_folder
from webkiln.errors import WebkilnError
from webkiln.ops.table import Operator

# Rows of a matrix product's tile: as many sums as 16 registers hold beside the operands. A fused multiply-add needs one less.
_TILE_ROWS = {False: 5, True: 6}
_BLOCK_BYTES = 256 * 1024  # of the left factor, so that it stays in the second-level cache
_DEPTHWISE_TILES = ((3, 1), (3, 2), (5, 1), (5, 2))  # kernel and stride
_STACK_BYTES = 65536

_PARTS = (
    "simd.h", "commands.c.j2", "functions.c.j2", "elementwise.c.j2", "gemm.c.j2", "conv2d.c.j2", "depthwise.c.j2", "pool.c.j2",
    "resize.c.j2", "reduce.c.j2", "along_axis.c.j2", "requantize.c.j2", "non_max_suppression.c.j2", "copy.c.j2", "executor.c.j2",
)  # fmt: skip

_FEATURES = ("simd128", "bulk_memory", "nontrapping_fptoint", "sign_ext")
_C_FLAGS = (
    "-std=gnu11", "-O3", "-Wall", "-Werror", "-Wno-unused-function", "-Wno-psabi", "-Wno-missing-braces",
    "-ffp-contract=off", "-fwrapv", "-fno-strict-aliasing", "-fno-builtin",
)  # fmt: skip
_LINK_FLAGS = (
    "-nostdlib", "-Wl,--no-entry", "-Wl,--import-memory", "-Wl,--export=__heap_base", "-Wl,--strip-all",
    f"-Wl,-z,stack-size={_STACK_BYTES}", "-Wl,--initial-memory=1048576",
)  # fmt: skip


@dataclass(frozen=True)
class _Instructions:
    """Opcodes with the same code."""

    opcodes: list[table.Opcode]
    operands: tuple[tuple[str, str, str, str], ...]  # name, C type, what it is loaded by, register
    lanes: str
    result: str


def _instruction(opcode: table.Opcode) -> _Instructions:
    """The loop body of an opcode: its operands from registers a, b, c, and the lanes that it stores."""
    assert opcode.operator.expression is not None
    inputs = [(name, dtype) for name, dtype in zip(opcode.operator.inputs, opcode.variant, strict=False)]
    inputs += [(name, "f32") for name in opcode.operator.floats]
    operands = []
    for (name, dtype), register in zip(inputs, "abc", strict=False):
        lanes = "f4" if dtype == "f32" else "i4"
        operands.append((name, lanes, load(dtype, f"load_{lanes}(r{register} + i)"), register))
    if len(inputs) > len(operands):
        raise WebkilnError(f"{opcode.name} has {len(inputs)} operands; an instruction has at most 3")
    result = render_expression(opcode.operator.expression, dict(inputs), opcode.variant[-1])
    return _Instructions([opcode], tuple(operands), "f4" if opcode.variant[-1] == "f32" else "i4", result)


def _instructions(operators: Mapping[str, Operator]) -> list[_Instructions]:
    """All opcodes, those with the same code together."""
    groups: dict[object, _Instructions] = {}
    for opcode in table.instructions(operators):
        single = _instruction(opcode)
        group = groups.setdefault((single.operands, single.lanes, single.result), single)
        if group is not single:
            group.opcodes.append(opcode)
    return list(groups.values())


def _folds() -> Iterator[tuple[str, str, str, str, str]]:
    """Reductions that are one function over lanes: name, vector, scalar, the result of nothing, one step from `r` and `v`."""
    yield "max_f32", "f4", "f32", "-INFINITY", "max_f4(r, v)"
    yield "min_f32", "f4", "f32", "INFINITY", "min_f4(r, v)"
    yield "sum_i32", "i4", "i32", "0", "r + v"
    yield "prod_i32", "i4", "i32", "1", "r * v"
    yield "max_i32", "i4", "i32", "INT32_MIN", "max_i4(r, v)"
    yield "min_i32", "i4", "i32", "INT32_MAX", "min_i4(r, v)"


def render(operators: Mapping[str, Operator], relaxed: bool, native: bool = False) -> str:
    """The C source of the kernels: a pure function of the operator table and the templates.

    `relaxed`: tiles use the fused multiply-add of relaxed SIMD. `native`: the twin of the plain build for the machine's own
    compiler, without inline assembly, with `set_memory` beside `run`.
    """
    if relaxed and native:
        raise WebkilnError("the native twin is of the plain build: relaxed instructions have no exact meaning in C")
    environment = Environment(
        loader=FileSystemLoader(source_folder("wasm")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("module.c.j2").render(
        relaxed=relaxed,
        native=native,
        assembly=not native,
        parts=_PARTS,
        kernels=list(table.KERNELS.values()),
        instructions=_instructions(operators),
        folds=list(_folds()),
        dtypes=table.DTYPES,
        operand_classes=table.OPERAND_CLASSES,
        pool_modes=table.POOL_MODES,
        reduce_modes=table.REDUCE_MODES,
        extreme_modes=table.EXTREME_MODES,
        cumulate_modes=table.CUMULATE_MODES,
        scatter_modes=table.SCATTER_MODES,
        requantize_modes=table.REQUANTIZE_MODES,
        registers=table.REGISTERS,
        register_lanes=table.REGISTER_LANES,
        axes=table.AXES,
        tile_rows=_TILE_ROWS[relaxed],
        block_bytes=_BLOCK_BYTES,
        depthwise_tiles=_DEPTHWISE_TILES,
        most_cells=max(kernel * (3 * stride + kernel) for kernel, stride in _DEPTHWISE_TILES),
    )


def compile(source: Path, out: Path, relaxed: bool) -> None:
    """Compiles a rendered source to the WebAssembly module `out`.

    The module imports `env.memory`, of any size of at least 1 MiB, and exports `run` and `__heap_base`. Raises `WebkilnError` with the
    compiler's words when it fails.
    """
    features = "+".join(("generic", *_FEATURES, *(("relaxed_simd",) if relaxed else ())))
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-freestanding", f"-mcpu={features}"]
    cache = str(REPOSITORY / "build" / "zig")
    _compile(
        [*command, *_C_FLAGS, *_LINK_FLAGS], source, out, {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
    )


def compile_native(source: Path, out: Path, compiler: str, extra: Sequence[str] = ()) -> None:
    """Compiles a source rendered with `native` to the shared library `out`, with the C compiler `compiler`.

    `extra`: more arguments, such as `-fsanitize=address`. Raises `WebkilnError` with the compiler's words when it fails.
    """
    _compile([compiler, *_C_FLAGS, "-shared", "-fPIC", "-fvisibility=hidden", *extra], source, out, {}, ["-lm"])


def _compile(
    command: Sequence[str], source: Path, out: Path, environment: Mapping[str, str], libraries: Sequence[str] = ()
) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".compile-") as folder:
        built = Path(folder) / out.name
        arguments = [*command, str(source), "-o", str(built), *libraries]
        try:
            done = subprocess.run(arguments, env={**os.environ, **environment}, capture_output=True, text=True)
        except OSError as error:
            raise WebkilnError(f"the compiler {command[0]} cannot be started: {error}") from error
        if done.returncode != 0:
            raise WebkilnError(f"compiling the kernels to {out.name} failed:\n{done.stderr.strip()[-4000:]}")
        os.replace(built, out)
