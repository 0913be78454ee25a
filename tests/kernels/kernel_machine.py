"""Runs kernel commands on memory of its own, through wasmtime or the native twin, with guard zones around every buffer."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from webkiln.codegen import wasm
from webkiln.codegen.kernels import DTYPES, KERNELS, OPERAND_CLASSES, READABLE_BYTES, opcodes
from webkiln.codegen.paths import REPOSITORY
from webkiln.ops import OPERATORS

OPCODES = opcodes(OPERATORS)
GUARD = np.frombuffer(np.uint32(0x7FC1A5A5).tobytes(), np.uint8)  # a NaN, so that a stray read shows
GUARD_BYTES = 64
PAGE = 65536


@dataclass
class Operand:
    """An operand of a program: a scalar's value, or the name of a buffer and how it is read."""

    kind: str  # one of OPERAND_CLASSES
    dtype: str
    buffer: str = ""
    value: float = 0
    strides: Sequence[int] = (0,) * 6
    offset: int = 0  # in bytes


@dataclass
class Program:
    """An element-wise program whose buffers are names; `instructions` are (opcode name, a, b, c, destination)."""

    dtype: str
    output: str
    shape: Sequence[int]
    operands: Sequence[Operand]
    instructions: Sequence[tuple[str, int, int, int, int]]
    result: int

    def encode(self, addresses: Mapping[str, int]) -> np.ndarray:
        dims = [1] * (6 - len(self.shape)) + list(self.shape)
        words = [
            DTYPES.index(self.dtype),
            addresses[self.output],
            len(self.operands),
            len(self.instructions),
            self.result,
            dims[-1],
            *dims,
        ]
        for operand in self.operands:
            bits = int((np.float32 if operand.dtype == "f32" else np.int32)(operand.value).view(np.int32))
            address = addresses[operand.buffer] + operand.offset if operand.buffer else 0
            words += [OPERAND_CLASSES.index(operand.kind), DTYPES.index(operand.dtype), address, bits, *operand.strides]
        for name, *registers in self.instructions:
            words += [OPCODES[name], *registers]
        return np.array(words, np.int64).astype(np.int32)


@dataclass
class Case:
    """Commands over named buffers, and what must be in them afterwards.

    Address fields name a buffer or a program, alone or with an offset in bytes, or are 0. `expected` holds final contents, `allowance` the absolute error that each may have;
    buffers in neither `expected` nor `scratch` must stay as they were.
    """

    name: str
    buffers: dict[str, np.ndarray]
    commands: list[tuple[str, dict[str, Any]]]
    expected: dict[str, np.ndarray]
    programs: dict[str, Program] = field(default_factory=dict)
    allowance: dict[str, Any] = field(default_factory=dict)
    scratch: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


def blank(shape: Any, dtype: Any = np.float32) -> np.ndarray:
    """An output before it is written: full of guard bytes."""
    array = np.empty(shape, dtype)
    array.reshape(-1).view(np.uint8)[:] = np.resize(GUARD, array.nbytes)
    return array


class Machine(Protocol):
    heap: int

    def memory(self, size: int) -> np.ndarray:
        """Bytes of the memory, at least `size` of them."""

    def protect(self, start: int, allowed: Sequence[tuple[int, int]]) -> None:
        """From `start` on, only these byte ranges may be touched."""

    def run(self, begin: int, end: int) -> None: ...


def address_of(value: Any, addresses: Mapping[str, int]) -> int:
    """An address field: a name, a name and an offset in bytes, or a number."""
    if isinstance(value, tuple):
        return addresses[value[0]] + int(value[1])
    return addresses[value] if isinstance(value, str) else int(value)


def encode_command(kernel: str, fields: Mapping[str, Any], addresses: Mapping[str, int]) -> np.ndarray:
    record = KERNELS[kernel]
    unknown = set(fields) - {item.name for item in record.fields}
    assert not unknown, f"{kernel} has no fields {unknown}"
    words = np.zeros(record.words, np.int32)
    words[:2] = record.number, record.words
    for index, item in enumerate(record.fields):
        value = fields[item.name]
        if item.type == "float":
            words[2 + index] = np.float32(value).view(np.int32)
        else:
            words[2 + index] = address_of(value, addresses)
    return words


def execute(machine: Machine, case: Case) -> dict[str, np.ndarray]:
    """Runs a case and returns the contents of all buffers; a touched guard or a changed input is an AssertionError."""
    addresses: dict[str, int] = {}
    at = machine.heap + 1024
    sizes = {name: array.nbytes for name, array in case.buffers.items()}
    sizes |= {name: program.encode(dict.fromkeys(case.buffers, 0)).nbytes for name, program in case.programs.items()}
    sizes["commands"] = sum(KERNELS[kernel].words * 4 for kernel, _ in case.commands)
    for name, size in sizes.items():
        at = (at + GUARD_BYTES + 15) & ~15
        addresses[name] = at
        at += (size + 15 & ~15) + READABLE_BYTES
    end = at + GUARD_BYTES
    contents = dict(case.buffers)
    contents |= {name: program.encode(addresses) for name, program in case.programs.items()}
    contents["commands"] = np.concatenate(
        [encode_command(kernel, fields, addresses) for kernel, fields in case.commands]
    )
    memory = machine.memory(end)
    guards = np.ones(end, np.bool_)
    guards[: machine.heap + 1024] = False
    machine.protect(machine.heap, [(0, 1 << 30)])
    memory[machine.heap : end] = np.resize(GUARD, end - machine.heap)
    for name, array in contents.items():
        begin = addresses[name]
        memory[begin : begin + array.nbytes] = array.reshape(-1).view(np.uint8)
        guards[begin : begin + array.nbytes] = False
    pattern = memory[:end].copy()
    machine.protect(
        machine.heap, [(addresses[name], (size + 15 & ~15) + READABLE_BYTES) for name, size in sizes.items()]
    )
    try:
        machine.run(addresses["commands"], addresses["commands"] + sizes["commands"])
    finally:
        machine.protect(machine.heap, [(0, 1 << 30)])
    memory = machine.memory(end)
    touched = np.flatnonzero((memory[:end] != pattern) & guards)
    if touched.size:
        nearest = max(
            (address, name)
            for name, address in addresses.items()
            if address <= touched[0] or address == min(addresses.values())
        )
        raise AssertionError(
            f"{case}: wrote at {touched[0] - nearest[0]} of {nearest[1]}, which has {sizes[nearest[1]]} bytes"
        )
    results = {}
    for name, array in case.buffers.items():
        begin = addresses[name]
        results[name] = memory[begin : begin + array.nbytes].copy().view(array.dtype).reshape(array.shape)
        if name not in case.expected and name not in case.scratch:
            assert results[name].tobytes() == array.tobytes(), f"{case}: the input {name} has changed"
    return results


def check(case: Case, results: Mapping[str, np.ndarray]) -> None:
    for name, expected in case.expected.items():
        got = results[name]
        assert got.dtype == expected.dtype, (name, got.dtype, expected.dtype)
        assert got.shape == expected.shape, (name, got.shape, expected.shape)
        if expected.dtype != np.float32:
            np.testing.assert_array_equal(got, expected, err_msg=f"{case}: {name}")
            continue
        with np.errstate(all="ignore"):
            error = np.abs(got.astype(np.float64) - expected.astype(np.float64))
            # Infinities are equal, or where a sum overflows as it is rounded.
            good = (got == expected) | (np.isnan(got) & np.isnan(expected)) | (error <= case.allowance.get(name, 0.0))
        if not good.all():
            where = tuple(int(i) for i in np.argwhere(~good)[0])
            raise AssertionError(
                f"{case}: {name}{list(where)} is {got[where]!r}, not {expected[where]!r}; {np.count_nonzero(~good)} of {good.size} differ"
            )


def built(suffix: str, source: str, key: str, make: Callable[[Path, Path], None]) -> Path:
    """A file made from a source, kept in `build/` by what it was made from."""
    folder = REPOSITORY / "build" / "kernels"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(f"{key}\0{source}".encode()).hexdigest()[:24]
    out = folder / f"{name}{suffix}"
    if not out.is_file():
        path = folder / f"{name}.c"
        path.write_text(source, encoding="utf-8")
        make(path, out)
    return out


def build_wasm(relaxed: bool) -> Path:
    source = wasm.render(OPERATORS, relaxed)
    return built(".wasm", source, f"wasm {relaxed}", lambda path, out: wasm.compile(path, out, relaxed))


def build_native(extra: tuple[str, ...] = ()) -> Path | None:
    """The native twin, or None where no C compiler is found or it doesn't know the arguments."""
    compiler = shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
    if compiler is None:
        return None
    probe = subprocess.run(
        [compiler, *extra, "-shared", "-fPIC", "-x", "c", "-", "-o", "/dev/null"], input=b"int x;", capture_output=True
    )
    if probe.returncode:
        return None
    source = wasm.render(OPERATORS, relaxed=False, native=True)
    return built(".so", source, f"native {extra}", lambda path, out: wasm.compile_native(path, out, compiler, extra))


class WasmMachine:
    """A module in wasmtime. `maximum`: of the memory, in pages."""

    def __init__(self, path: Path, maximum: int = 65536) -> None:
        import wasmtime

        self.store = wasmtime.Store(wasmtime.Engine())
        module = wasmtime.Module.from_file(self.store.engine, str(path))
        self.linear = wasmtime.Memory(self.store, wasmtime.MemoryType(wasmtime.Limits(16, maximum)))
        exports = wasmtime.Instance(self.store, module, [self.linear]).exports(self.store)
        self.function: Any = exports["run"]
        base: Any = exports["__heap_base"]
        self.heap = (int(base.value(self.store)) + 15) & ~15

    def memory(self, size: int) -> np.ndarray:
        missing = -(-size // PAGE) - self.linear.size(self.store)
        if missing > 0:
            self.linear.grow(self.store, missing)
        return np.ctypeslib.as_array(self.linear.data_ptr(self.store), (self.linear.data_len(self.store),))

    def protect(self, start: int, allowed: Sequence[tuple[int, int]]) -> None:
        pass

    def run(self, begin: int, end: int) -> None:
        self.function(self.store, begin, end)


class NativeMachine:
    """The native twin. With `sanitizer`, the library of AddressSanitizer, everything but the buffers is poisoned while it runs."""

    SIZE = 64 << 20

    def __init__(self, path: Path, sanitizer: bool = False) -> None:
        self.library = ctypes.CDLL(str(path))
        self.sanitizer = ctypes.CDLL(None) if sanitizer else None
        self.storage = np.zeros(self.SIZE + 64, np.uint8)
        skip = -self.storage.ctypes.data % 64
        self.aligned = self.storage[skip : skip + self.SIZE]
        self.library.set_memory.argtypes = [ctypes.c_void_p]
        self.library.run.argtypes = [ctypes.c_uint32, ctypes.c_uint32]
        self.heap = 64

    def memory(self, size: int) -> np.ndarray:
        assert size <= self.SIZE
        return self.aligned

    def protect(self, start: int, allowed: Sequence[tuple[int, int]]) -> None:
        if self.sanitizer is None:
            return
        base = self.aligned.ctypes.data
        for name, ranges in (("poison", [(start, self.SIZE - start)]), ("unpoison", allowed)):
            function = getattr(self.sanitizer, f"__asan_{name}_memory_region")
            for begin, size in ranges:
                function(ctypes.c_void_p(base + begin), ctypes.c_size_t(min(size, self.SIZE - begin)))

    def run(self, begin: int, end: int) -> None:
        self.library.set_memory(self.aligned.ctypes.data)
        self.library.run(begin, end)
