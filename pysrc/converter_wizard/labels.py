"""Names of classes: from the file that the user gives, the one that lies beside the model, or the one packed into a TFLite file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from webkiln.commands.terminal import plain
from webkiln.errors import FormatError
from webkiln.graph.signature import Argument
from webkiln.model import Model
from webkiln.precision.tradeoff import classified

from converter_wizard.sources import Source

_MOST_BYTES = 4 << 20
_BAD_PACK = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)  # RuntimeError: encrypted


def class_output(model: Model, count: int | None = None) -> Argument | None:
    """The output that holds a score for each class; with `count`, the one of that many classes, even where nothing else says that it is one."""
    found = classified(model.bundle)
    for argument in model.signature.outputs:
        classes = argument.shape[-1] if argument.shape else 0
        if isinstance(classes, int) and classes > 1 and _is_row(argument) and (argument.name in found or classes == count):
            return argument if count in (None, classes) else None
    return None


def given(path: str) -> list[str]:
    """The lines of the file that the user names. Raises `FormatError`."""
    file = Path(path)
    if not file.is_file():
        raise FormatError(f"there is no file {path!r}; --labels wants a text file with a line for each class")
    if file.stat().st_size > _MOST_BYTES:
        raise FormatError(f"{path} is too large for a file of labels; --labels wants a text file with a line for each class")
    return _lines(file.read_bytes(), path)


def found(source: Source, count: int, named: Sequence[str] = ()) -> tuple[list[str], str] | None:
    """As many labels as there are classes, and where they were found; files that hold another number are no labels of this model.

    `named`: packed files that the metadata name for the output; they come first.
    """
    if named and (packed_ones := _packed(source, count, named)) is not None:
        return packed_ones
    folder, stem = source.path.parent, source.path.stem
    for name in (f"{stem}.txt", f"{stem}_labels.txt", f"{stem}-labels.txt", "labels.txt", "labelmap.txt", "classes.txt"):
        path = folder / name
        if path.is_file() and path.stat().st_size <= _MOST_BYTES and (lines := _matching(path.read_bytes(), count)):
            return lines, str(path)
    return _packed(source, count, None)


def _packed(source: Source, count: int, names: Sequence[str] | None) -> tuple[list[str], str] | None:
    """From the files at the end of a TFLite file: those of these names, else any text."""
    if source.format != "tflite" or not zipfile.is_zipfile(source.path):
        return None
    try:
        with zipfile.ZipFile(source.path) as packed:
            for entry in packed.infolist():
                is_wanted = entry.filename.endswith(".txt") if names is None else entry.filename in names
                if is_wanted and entry.file_size <= _MOST_BYTES and (lines := _matching(packed.read(entry), count)):
                    return lines, f"{plain(entry.filename)}, in the model's file"
    except _BAD_PACK:
        return None  # what was packed is no part of the model
    return None


def specification(model: Model, output: Argument, names: list[str]) -> dict[str, Any]:
    """The entry of `processing` for the output: scores as they are where the model makes probabilities, else those of a softmax."""
    producers = model.graph.producers()
    node = producers.get(output.value)
    while node is not None and node.op in ("reshape", "transpose"):
        node = producers.get(node.inputs[0])
    makes_scores = output.name in classified(model.bundle) or output.dtype != "float32" or (node is not None and node.op == "sigmoid")
    return {"type": "labels", "labels": names, "activation": "none" if makes_scores else "softmax", "top": min(5, len(names))}


def _is_row(argument: Argument) -> bool:
    return all(not isinstance(size, int) or size == 1 for size in argument.shape[:-1])


def _matching(data: bytes, count: int) -> list[str] | None:
    try:
        lines = _lines(data, "")
    except FormatError:
        return None
    return lines if len(lines) == count else None


def _lines(data: bytes, path: str) -> list[str]:
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise FormatError(f"{path} is no text in UTF-8; --labels wants a text file with a line for each class") from None
    while lines and not lines[-1].strip():
        lines.pop()
    return [line.strip() for line in lines]
