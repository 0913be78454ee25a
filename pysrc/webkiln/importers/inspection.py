"""What a source file says of itself, read without converting it: NumPy is not needed, so that pages can do it too (docs/pyodide.md)."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from webkiln.errors import FormatError, Unsupported, UnsupportedFormatError, UnsupportedOperatorError, shortened
from webkiln.graph.dims import Shape
from webkiln.importers.detect import detect, detect_bytes

_TITLES = {"tflite": "TFLite", "onnx": "ONNX"}


@dataclass(frozen=True)
class Declared:
    """An input or output as the file declares it. `dtype` in NumPy's words where it has the type; `shape`: symbols for open sizes, `None` for an unknown rank."""

    name: str
    dtype: str
    shape: Shape | None

    def __str__(self) -> str:
        shape = "of unknown rank" if self.shape is None else "[" + ", ".join(map(str, self.shape)) + "]"
        return f"{self.name}: {self.dtype} {shape}"


@dataclass(frozen=True)
class Inspection:
    """What a source file holds; as text, with a line for each fact.

    `format`: `tflite` or `onnx`. `inputs`, `outputs`: of the first signature. `signatures`: their names, as far as the file has any.
    `operators`: how often each occurs, in the source's words, with those of bodies of branches and loops and, in TFLite, of all
    subgraphs; functions of ONNX are put in the place of their calls. `unsupported`: those that have no lowering; others may still be
    refused at conversion, for attributes or element types. `parameters`: how many numbers (or texts) the constants hold;
    `weight_bytes`: what they take in the file, or beside it; `bytes`: the size of the file. `provenance`: as in the web format.
    """

    format: str
    name: str
    bytes: int
    inputs: tuple[Declared, ...]
    outputs: tuple[Declared, ...]
    signatures: tuple[str, ...]
    operators: Counter[str]
    unsupported: tuple[Unsupported, ...]
    parameters: int
    weight_bytes: int
    provenance: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> list[str]:
        """The lines about operators and weights."""
        counts = ", ".join(f"{name} {count}" for name, count in self.operators.most_common())
        return [
            f"operators of the file ({self.operators.total()}): {counts or 'none'}",
            f"weights in the file: {self.parameters:,} numbers in {self.weight_bytes:,} bytes",
        ]

    @property
    def facts(self) -> list[str]:
        """All lines but what is unsupported."""
        lines = [f"{self.name}: {_TITLES[self.format]}, {self.bytes:,} bytes"]
        lines += [f"input {one}" for one in self.inputs] + [f"output {one}" for one in self.outputs]
        if self.signatures:
            lines.append(f"signatures: {', '.join(self.signatures)}")
        lines += self.content
        return lines + [f"{key.replace('_', ' ')}: {shortened(text)}" for key, text in self.provenance.items()]

    def __str__(self) -> str:
        verdict = str(UnsupportedOperatorError(self.unsupported)) if self.unsupported else "all of these operators are known to the converter"
        return "\n".join([*self.facts, verdict])


def is_inspected(path: Path) -> bool:
    """Whether it is a file of a format that `inspect` reads; `FormatError` for one that is no model."""
    return path.is_file() and detect(path) in _TITLES


def inspect(source: str | os.PathLike[str] | bytes | bytearray | memoryview) -> Inspection:
    """What a TFLite or ONNX file says of itself, by its path or its content, without converting it.

    Raises `FormatError` for what is no model, or a broken one, and `UnsupportedFormatError` for one of another format.
    """
    path = Path(source) if isinstance(source, (str, os.PathLike)) else None
    data = b"" if path is not None else bytes(source)  # type: ignore[arg-type]
    kind = detect(path) if path is not None else detect_bytes(data)
    if kind not in _TITLES:
        raise UnsupportedFormatError(f"{str(path)!r} is of the format {kind!r}; what is inspected without converting it are TFLite and ONNX files")
    try:
        found: Inspection = import_module(f"webkiln.importers.{kind}.header").header(data if path is None else path.read_bytes(), "" if path is None else path.stem)
    except FormatError as error:
        raise FormatError(f"{path.name if path is not None else 'the bytes'}: {shortened(str(error))}") from None
    return found
