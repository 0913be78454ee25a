"""What each precision costs and gives, measured on this model; and a line of advice."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.live import Live
from webkiln.browsers.node import find_node
from webkiln.browsers.session import Session
from webkiln.commands.terminal import Note, output, size_text, table, table_of
from webkiln.errors import BrowserError
from webkiln.model import Model
from webkiln.parity.inputs import fresh_inputs
from webkiln.precision.channels import weights_of
from webkiln.precision.tradeoff import Row
from webkiln.webformat.write import files

DECIDING = ("f32", "f16")
"""What the advice chooses between."""

_SECONDS = 45.0  # for the whole table; what is not measured by then is left out
_HARMLESS = 1e-2  # an error that hardly anyone sees: float16 is advised below it
_TOLERABLE = 5e-2
_SAME_CLASS = 0.99

MEANINGS = {
    "f32": "float32",
    "f16": "float16",
    "uint16": "uint16 with scales",
    "int8": "int8, a scale per channel",
    "uint8": "uint8, a scale per channel",
    "int4": "int4 in blocks",
}
HEADINGS = ("precision", "download", "gzip", "error", "of", "same class", "ms in WASM")
_RIGHT = tuple(heading for heading in HEADINGS if heading not in ("precision", "of"))


def has_choice(model: Model) -> bool:
    """Whether the model has weights in floats, that could be stored in fewer bits."""
    return bool(weights_of(model.graph))


def stored(model: Model, kind: str | None) -> Model:
    """The model with its weights in this precision; None leaves them as the source has them."""
    return model if kind is None else model.quantized(kind)


def measured(model: Model, samples: Sequence[Mapping[str, Any]] | None, note: Note, kinds: Sequence[str]) -> Iterator[Row]:
    """The rows, as they are measured, on generated inputs where no samples are given. Milliseconds where there is Node. What is not measured after 45 seconds is left out, but not float32 and float16."""
    began = time.monotonic()
    with ExitStack() as stack:
        for row in model.trade_off(samples, kinds=kinds, milliseconds=_timer(stack, samples), note=note):
            yield row
            if row.precision not in DECIDING[:-1] and time.monotonic() - began > _SECONDS:
                return


def shown(rows: Iterable[Row], note_of: list[str]) -> list[Row]:
    """Print a table of rows, in a terminal as they come; `note_of[0]` is what is being done."""
    taken: list[Row] = []
    if not output.is_terminal:
        taken += rows
        table(HEADINGS, [cells(row) for row in taken], right=_RIGHT)
        return taken

    def drawn() -> RenderableType:
        return table_of(HEADINGS, [cells(row) for row in taken], caption=note_of[0], right=_RIGHT)

    with Live(get_renderable=drawn, console=output, refresh_per_second=8):
        for row in rows:
            taken.append(row)
        note_of[0] = ""
    return taken


def cells(row: Row) -> tuple[str, ...]:
    """A row as a table shows it, in the order of `HEADINGS`."""
    return (
        MEANINGS[row.precision],
        size_text(row.bytes),
        size_text(row.gzip_bytes),
        f"{row.error:.1e}" if row.error else "none",
        row.output if row.error else "",
        "" if row.top1 is None else f"{row.top1:.0%}",
        "" if row.milliseconds is None else f"{row.milliseconds:.2f}",
    )


def advised(rows: Sequence[Row]) -> str:
    """Float16 where it changes next to nothing, else float32."""
    half = next((row for row in rows if row.precision == "f16"), None)
    full = next((row for row in rows if row.precision == "f32"), None)
    if half is None or full is None or half.bytes >= full.bytes:
        return "f32"
    return "f16" if half.error <= _HARMLESS and (half.top1 is None or half.top1 >= _SAME_CLASS) else "f32"


def advice(rows: Sequence[Row]) -> str:
    """One line: what is advised, and what would be smaller without harm."""
    best = advised(rows)
    by_kind = {row.precision: row for row in rows}
    full, taken = by_kind["f32"], by_kind[best]
    said = f"Advice: {MEANINGS[best]}, {size_text(taken.bytes)}"
    said += f", {_error(taken)} at {taken.bytes / full.bytes:.0%} of the bytes" if best != "f32" else ": float16 changes too much, or saves nothing"
    fits = [row for row in rows if row.bytes < taken.bytes and row.error <= _TOLERABLE and (row.top1 is None or row.top1 >= _SAME_CLASS)]
    if fits:
        least = min(fits, key=lambda row: row.bytes)
        said += f"; where the download matters, {MEANINGS[least.precision]}: {size_text(least.bytes)}, {_error(least)}"
    return said + "."


def _error(row: Row) -> str:
    return f"an error of {row.error:.1e}" if row.error else "no error"


def _timer(stack: ExitStack, samples: Sequence[Mapping[str, Any]] | None) -> Callable[[Model], float] | None:
    """A function that times a model in Node, where there is one, on the first sample or on generated inputs."""
    try:
        find_node()
    except BrowserError:
        return None
    session = stack.enter_context(Session(backend="wasm", browser="node"))
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="webkiln-timing-")))

    def timed(model: Model) -> float:
        # Golden vectors would take longer than all else, and are not looked at.
        folder = Path(tempfile.mkdtemp(dir=scratch))
        for name, data in files(model.bundle, golden=False).items():
            (folder / name).write_bytes(data)
        inputs = model.check_inputs(samples[0]) if samples else fresh_inputs(model, 1)
        return session.bench(folder, inputs, warmup=2, runs=20, seconds=1.0).median

    return timed
