"""The WebGL2 kernels: GLSL skeletons, rendered from `webgl_kernels/`, with the numbers that each one reads.

A skeleton has holes that start with `@`; the runtime joins declarations, an epilogue and operands into them, and repeats what is there
for each of the R layers that a program writes: `@[a,b;TEXT@]` is TEXT a·R + b times, in which `@r` counts from 0 and `@{c,d}` is c·r + d;
`@R` is R. (Rendered for each R, the skeletons alone took 9 KB of the bundle.) Shape numbers are no part of the text: they come from a
uniform buffer, word by word as the kernel table below says. Only a window's size, stride and padding are in it (`@blocks`, `@edges`,
`@places`, `@columns`, `@taps`, `@lines`), how values are folded (`@fold`), and whether tensors are folded (`@locate`, `@place`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from webkiln.codegen.paths import source_folder
from webkiln.tasks import compositing

OUTPUT_FIELDS = ("channel_blocks", "columns", "channels", "shift", "row_texels", "texels")
_OUTPUT_VECTORS = 2

_WINDOW = (
    "height width out_height kernel_height kernel_width stride_height stride_width padding_top padding_left "
    "dilation_height dilation_width bias_last"
)
_POOL = "counts height width out_height window_height window_width stride_height stride_width padding_top padding_left *initial"
_COPY = "row column channel column_axis row_axis rank"
_MOVE = "offset rank x_columns"
_REDUCE = "rank folded count x_columns *initial *divisor"


@dataclass(frozen=True)
class Skeleton:
    """A kernel: its template, the tensors it reads, and its fields, one 32-bit word each (`*` before a float's).

    `has_axes`: vectors of four words, an axis each, follow the fields. `options` go to the template.
    """

    template: str
    inputs: tuple[str, ...] = ()
    layout: str = ""
    has_axes: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> list[str]:
        return [name.removeprefix("*") for name in self.layout.split()]

    @property
    def floats(self) -> list[str]:
        return [name[1:] for name in self.layout.split() if name.startswith("*")]

    @property
    def first_field(self) -> int:
        """The vector in which the fields begin."""
        return _OUTPUT_VECTORS + len(self.inputs)

    @property
    def vectors(self) -> int:
        """Vectors of the uniform buffer before axes and operands."""
        return self.first_field + -(-len(self.fields) // 4)

    def names(self) -> SimpleNamespace:
        """GLSL for every number: tensors are whole vectors, `axes` is the index of the first axis."""
        names = {name: f"numbers[{_OUTPUT_VECTORS + i}]" for i, name in enumerate(self.inputs)}
        names |= {name: _word(4 * self.first_field + i) for i, name in enumerate(self.fields)}
        return SimpleNamespace(**names, axes=self.vectors)


_PRODUCT = ("x", "w", "bias")

SKELETONS: dict[str, Skeleton] = {
    "elementwise": Skeleton("elementwise"),
    "conv2d": Skeleton("conv2d", _PRODUCT, _WINDOW, options={"window": False}),
    "conv2d_window": Skeleton("conv2d", _PRODUCT, _WINDOW, options={"window": True}),
    "product": Skeleton("product", _PRODUCT, "bias_last", options={"batched": False}),
    "product_batched": Skeleton("product", _PRODUCT, "bias_last rank", has_axes=True, options={"batched": True}),
    "grouped": Skeleton("grouped", _PRODUCT, f"{_WINDOW} inputs_of_group outputs_of_group"),
    "depthwise": Skeleton("depthwise", _PRODUCT, _WINDOW, options={"window": False}),
    "depthwise_window": Skeleton("depthwise", _PRODUCT, _WINDOW, options={"window": True}),
    "pool2d": Skeleton("pool2d", ("x",), _POOL, options={"window": False}),
    "pool2d_window": Skeleton("pool2d", ("x",), _POOL, options={"window": True}),
    "resize_linear": Skeleton("resize", ("x", "rows", "columns"), "height out_height", options={"linear": True}),
    "resize_nearest": Skeleton("resize", ("x", "rows", "columns"), "height out_height", options={"linear": False}),
    "reduce": Skeleton("reduce", ("x",), f"{_REDUCE} x_channels", True, {"aligned": False, "channels": False}),
    "reduce_aligned": Skeleton("reduce", ("x",), _REDUCE, True, {"aligned": True, "channels": False}),
    "reduce_channels": Skeleton("reduce", ("x",), "x_channels *initial *divisor", options={"channels": True}),
    **{
        name: Skeleton("copy", ("x",), _COPY, True, {kind: kind in name for kind in ("plain", "aligned", "turned")})
        for name in ("copy", "copy_aligned", "copy_plain", "copy_plain_aligned", "copy_plain_turned")
    },
    "move": Skeleton("move", ("x",), f"{_MOVE} x_channels", True, {"aligned": False, "masked": False}),
    "pad": Skeleton("move", ("x",), f"{_MOVE} x_channels *value", True, {"aligned": False, "masked": True}),
    "pad_aligned": Skeleton("move", ("x",), f"{_MOVE} block *value", True, {"aligned": True, "masked": True}),
    "canvas": Skeleton("canvas", ("x",), "height channels"),
    "picture": Skeleton("picture", options={"planar": False}),
    "picture_planar": Skeleton("picture", options={"planar": True}),
    "concat_rows": Skeleton("concat", (), "inner size", options={"channels": False}),
    "concat_channels": Skeleton("concat", (), "", options={"channels": True}),
}


def _word(index: int) -> str:
    return f"numbers[{index // 4}].{'xyzw'[index % 4]}"


_OUTPUT = SimpleNamespace(**{name: _word(i) for i, name in enumerate(OUTPUT_FIELDS)})


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(source_folder("webgl_kernels")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _compact(text: str) -> str:
    """Without what a compiler doesn't need: comments, line breaks, indentation, spaces around signs."""
    lines = (re.sub(r"(?<!:)//(?!=).*", "", line).strip() for line in text.splitlines())
    return "\n".join(re.sub(r" ?([^\w .@]) ?", r"\1", line) for line in lines if line)


def skeleton(name: str) -> str:
    """The declarations and the function `load` of a kernel."""
    kernel = SKELETONS[name]
    template = _environment().get_template(f"{kernel.template}.glsl.j2")
    return _compact(template.render(n=kernel.names(), y=_OUTPUT, **kernel.options))


def frame() -> str:
    """The program around a kernel."""
    return _compact(_environment().get_template("frame.glsl.j2").render(y=_OUTPUT))


def pieces() -> dict[str, str]:
    """What the runtime joins into the holes, by name."""
    return _parts("pieces", y=_OUTPUT, concat=SKELETONS["concat_rows"].names())


def _parts(template: str, **options: Any) -> dict[str, str]:
    """The texts of a template after lines `//= name`, by name."""
    text = _environment().get_template(f"{template}.glsl.j2").render(**options)
    parts = re.split(r"^//= (\w+)$", text, flags=re.MULTILINE)
    return {name: _compact(body) for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def compositing_module() -> str:
    """`compositing.js`: the programs that put pictures before other backgrounds, with the numbers of the reference."""
    numbers = {"likeness": compositing.LIKENESS, "least": compositing.LEAST, "low": compositing.LOW, "high": compositing.HIGH, "nudge": compositing.NUDGE}
    return (
        "// Rendered from webgl_kernels/compositing.glsl.j2 by the build. Do not edit.\n"
        "/** A vertex shader, and fragment shaders. */\n"
        f"export const compositing = {json.dumps(_parts('compositing', **numbers), indent=2)};\n\n"
        "/** Values of a mask below and above which there is only background, and only foreground. */\n"
        f"export const [LOW, HIGH] = {json.dumps([compositing.LOW, compositing.HIGH])};\n"
    )


def skeletons_module() -> str:
    """`skeletons.js`: every skeleton, and what each one reads. A pure function of the templates and the table."""
    entries = []
    for name, kernel in SKELETONS.items():
        record = {
            "inputs": list(kernel.inputs),
            "fields": kernel.fields,
            "floats": kernel.floats,
            "vectors": kernel.vectors,
            "source": skeleton(name),
        }
        entries.append(f"  {name}: {json.dumps(record)},")
    vertex = _compact(_environment().get_template("vertex.glsl.j2").render())
    return (
        "// Rendered from webgl_kernels/ by the build. Do not edit.\n"
        "/** @typedef {{ inputs: string[], fields: string[], floats: string[], vectors: number, source: string }} Skeleton */\n"
        "/** @type {Record<string, Skeleton>} */\n"
        "export const skeletons = {\n" + "\n".join(entries) + "\n};\n\n"
        f"export const frame = {json.dumps(frame())};\n\n"
        f"/** @type {{Record<string, string>}} */\nexport const pieces = {json.dumps(pieces(), indent=2)};\n\n"
        f"export const vertexShader = {json.dumps(vertex)};\n"
    )
