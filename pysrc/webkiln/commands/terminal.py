"""Printing to the terminal. Text from a model is data: its control characters and markup are shown, never obeyed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.cells import cell_len
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

Note = Callable[[str], None]

_BROKEN = 18
"""Characters of a line of a cell that is broken into several."""

output = Console(highlight=False, markup=False, emoji=False)
messages = Console(stderr=True, highlight=False, markup=False, emoji=False)


def plain(text: object) -> str:
    """`text` in one line, with everything that doesn't print as itself written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))


def plain_lines(text: str) -> str:
    """The same, with the line ends kept."""
    return "\n".join(plain(line) for line in text.split("\n"))


def say(text: str) -> None:
    """A line of the result."""
    output.print(Text(plain(text)), soft_wrap=True)


def remark(text: str) -> None:
    """A line beside the result, to standard error."""
    messages.print(Text(plain(text)), soft_wrap=True)


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "", right: Sequence[str] = ()) -> None:
    """Print a table; the columns named in `right` are aligned to the right."""
    # A table in a file or a pipe is for programs too: its lines are not to be broken at some screen's width.
    console = output if output.is_terminal else Console(highlight=False, markup=False, emoji=False, width=1000)
    console.print(table_of(headings, rows, title=title, right=right))


def table_of(
    headings: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "", caption: str = "", right: Sequence[str] = ()
) -> Table | Group:
    """A table to be printed, or shown anew as it grows; row under row in a terminal so narrow that it would break words and numbers."""
    if output.is_terminal and not _fits(headings, rows, output.width):
        return _stacked(headings, rows, title, caption)
    shown = Table(
        title=Text(plain(title)) if title else None,
        caption=Text(plain(caption)) if caption else None,
        title_justify="left",
        caption_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for heading in headings:
        shown.add_column(Text(heading, "bold"), justify="right" if heading in right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(plain(cell)) for cell in row))
    return shown


def _fits(headings: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> bool:
    """Whether all columns but the widest stand beside each other whole, with room for that one to be broken into lines."""
    widths = sorted(max(cell_len(plain(cell)) for cell in column) for column in zip(headings, *rows, strict=True))
    *others, widest = (one + 2 for one in widths)
    return sum(others) + min(widest, max(_BROKEN, others[-1] if others else 0)) <= width + 2


def _stacked(headings: Sequence[str], rows: Sequence[Sequence[object]], title: str, caption: str) -> Group:
    """Each row as lines: the first cell, and below it the others that are not empty, behind their headings."""
    lines = [Text(plain(title))] if title else []
    for first, *others in rows:
        lines.append(Text(plain(first), "bold"))
        lines += [Text(f"  {heading}: {plain(cell)}" if heading else f"  {plain(cell)}") for heading, cell in zip(headings[1:], others, strict=True) if str(cell)]
    return Group(*lines, *([Text(plain(caption))] if caption else []))


@contextmanager
def progress(text: str) -> Iterator[Note]:
    """A spinner in a terminal, nothing elsewhere; gives a function that changes its text."""
    if not messages.is_terminal:
        yield lambda text: None
        return
    with messages.status(Text(plain(text))) as status:
        yield lambda text: status.update(Text(plain(text)))


def size_text(count: int) -> str:
    """A number of bytes for people: `2.8 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.2f} GB"


def shape_text(shape: Sequence[object]) -> str:
    return "[" + ", ".join(str(size) for size in shape) + "]"
