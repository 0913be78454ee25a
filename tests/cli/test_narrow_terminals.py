"""Tables in terminals that are too narrow for them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from webkiln.commands import terminal

HEADINGS = ("precision", "download", "error", "remark")
ROWS = [("float32", "5.5 kB", "none", ""), ("int8, a scale per channel", "1.9 kB", "1.4e-05", "it is small, and as good as the larger ones here")]


@pytest.mark.parametrize(("width", "is_stacked"), [(160, False), (80, False), (40, True), (20, True)])
def test_words_and_numbers_stay_whole(width, is_stacked, monkeypatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(terminal, "output", Console(file=written, width=width, force_terminal=True, highlight=False, color_system=None))
    terminal.table(HEADINGS, ROWS)
    lines = written.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    for whole in ("float32", "5.5 kB", "1.9 kB", "1.4e-05", "download", "small,"):
        assert any(whole in line for line in lines), whole
    assert ("  download: 5.5 kB" in lines) == is_stacked
    assert not any(line.strip() == "remark:" for line in lines)
