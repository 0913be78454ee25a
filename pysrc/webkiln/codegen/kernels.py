"""The kernel table of the WASM backend: what a command of each kernel holds, word by word, and how opcodes are numbered.

The C structures, `js/generated/kernels.js` and the test harness are all rendered or read from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from webkiln.ops.table import Operator

FieldType = Literal["address", "integer", "float"]

AXES = 6  # of strided kernels: more are collapsed, or looped over, by the planner
REGISTERS = 16  # of the element-wise interpreter
REGISTER_LANES = 256
READABLE_BYTES = 64  # that may be read, never written, after the last buffer

DTYPES = ("f32", "i32", "u8", "i8", "bool")  # a dtype's number is its place
OPERAND_CLASSES = ("scalar", "contiguous", "row", "column", "strided")
POOL_MODES = ("max", "average", "average_padded")
REQUANTIZE_MODES = ("double", "single", "reduced", "float")
SCATTER_MODES = ("none", "add", "mul", "max", "min")
EXTREME_MODES = ("max", "min")
CUMULATE_MODES = ("sum", "prod")
REDUCE_MODES = ("sum", "mean", "max", "min", "prod")

PROGRAM_HEADER = (
    "dtype",
    "output",
    "operands",
    "instructions",
    "result",
    "columns",
    *(f"dims{axis}" for axis in range(AXES)),
)
OPERAND_WORDS = 4 + AXES  # class, dtype, address, bits, strides
INSTRUCTION_WORDS = 5  # opcode, a, b, c, destination


class KernelRecord(TypedDict):
    """A kernel as the JavaScript runtime sees it."""

    id: int
    fields: list[str]
    floats: list[str]


@dataclass(frozen=True)
class Field:
    """One 32-bit word of a command: a byte address, an integer (count, stride in elements, mode) or the bits of a float."""

    name: str
    type: FieldType

    @property
    def c_type(self) -> str:
        return {"address": "u32", "integer": "i32", "float": "f32"}[self.type]


@dataclass(frozen=True)
class Kernel:
    """A kernel: its number in commands, its name, and its fields in order."""

    number: int
    name: str
    fields: tuple[Field, ...]

    @property
    def words(self) -> int:
        """Words of a command, with its number and its length."""
        return 2 + len(self.fields)

    @property
    def structure(self) -> str:
        """The name of the C structure."""
        return "".join(part.capitalize() for part in self.name.split("_")) + "Command"

    def record(self) -> KernelRecord:
        return {
            "id": self.number,
            "fields": [field.name for field in self.fields],
            "floats": [field.name for field in self.fields if field.type == "float"],
        }


_PICTURE = "batch height width channels out_height out_width"
_WINDOW = (
    "kernel_height kernel_width stride_height stride_width padding_top padding_left dilation_height dilation_width"
)
_LAST = "minimum maximum epilogue"

# `*name` is an address, `name[n]` n words, the rest integers; floats by name.
_FLOATS = {"minimum", "maximum"}
_LAYOUTS = {
    "gemm": f"*a *b *bias *c rows columns depth a_stride {_LAST}",
    "pack_b": "*source *destination depth columns row_stride column_stride",
    "conv2d": f"*x *w *bias *y *scratch scratch_rows {_PICTURE} out_channels {_WINDOW} {_LAST}",
    "depthwise": f"*x *w *bias *y *scratch {_PICTURE} {_WINDOW} {_LAST}",
    "pack_depthwise": "*source *destination taps channels",
    "conv2d_grouped": f"*x *w *bias *y {_PICTURE} out_channels {_WINDOW} {_LAST} groups",
    "conv2d_i32": f"*x *w *bias *y {_PICTURE} out_channels {_WINDOW} groups",
    "pool2d": f"mode *x *y {_PICTURE} window_height window_width stride_height stride_width padding_top padding_left epilogue",
    "resize_linear": f"*x *y {_PICTURE} *rows *columns epilogue",
    "resize_nearest": f"*x *y {_PICTURE} *rows *columns epilogue",
    "reduce": "mode dtype *x *y outer count inner",
    "fill": "*y count bits element_size",
    "copy": f"*x *y element_size dims[{AXES}] x_strides[{AXES}] y_strides[{AXES}]",
    "gather": "*x *indices *y outer axis_size inner count element_size",
    "scatter": "mode dtype *indices *updates *y axis_size inner count",
    "requantize": "mode *x *multiplier *shift *y count channels",
    "arg_extreme": "mode dtype *x *y outer count inner last",
    "cumulate": "mode dtype *x *y outer count inner exclusive reverse",
    "argsort": "dtype *x *y *scratch outer count inner descending",
    "non_max_suppression": "*boxes *scores *threshold *y *scratch batch classes count limit",
    "elementwise": "*program begin count",
    "widen_f16": "*source *destination count",
}


def _fields(layout: str) -> Iterator[Field]:
    for word in layout.split():
        if word.startswith("*") or word == "epilogue":
            yield Field(word.removeprefix("*"), "address")
        elif word.endswith("]"):
            name, _, length = word[:-1].partition("[")
            yield from (Field(f"{name}{index}", "integer") for index in range(int(length)))
        else:
            yield Field(word, "float" if word in _FLOATS else "integer")


KERNELS: dict[str, Kernel] = {
    name: Kernel(number, name, tuple(_fields(layout))) for number, (name, layout) in enumerate(_LAYOUTS.items())
}


@dataclass(frozen=True)
class Opcode:
    """An instruction of the element-wise interpreter: one variant of one operator."""

    number: int
    name: str
    operator: Operator
    variant: tuple[str, ...]


def opcode_name(operator: str, variant: Sequence[str]) -> str:
    """`add:f32` by the dtype of the last input (`where:f32`, `less:i32`); `cast:f32:i32` by both."""
    return f"cast:{variant[0]}:{variant[1]}" if operator == "cast" else f"{operator}:{variant[-2]}"


def instructions(operators: Mapping[str, Operator]) -> tuple[Opcode, ...]:
    """Every instruction, numbered in the order of the table."""
    pairs = [
        (operator, variant) for operator in operators.values() if operator.elementwise for variant in operator.variants
    ]
    return tuple(
        Opcode(number, opcode_name(operator.name, variant), operator, variant)
        for number, (operator, variant) in enumerate(pairs)
    )


def opcodes(operators: Mapping[str, Operator]) -> dict[str, int]:
    """The number of each instruction by name."""
    return {opcode.name: opcode.number for opcode in instructions(operators)}


def javascript_table() -> dict[str, KernelRecord]:
    """The kernels as `js/generated/kernels.js` gives them."""
    return {name: kernel.record() for name, kernel in KERNELS.items()}
