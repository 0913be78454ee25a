"""The wizard in a terminal of its own, as a person sees it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pexpect

ENTER, DOWN, UP, CTRL_C = "\r", "\x1b[B", "\x1b[A", "\x03"
_CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>78]|\r")
_SECONDS = 60


class WizardTerminal:
    """`webkiln wizard ARGUMENTS` in `folder`; a context manager that ends it."""

    def __init__(self, folder: Path, *arguments: object, environment: Mapping[str, str] | None = None) -> None:
        # The terminal of a test answers no question about itself, and the wizard is not to wait for that.
        variables = {**os.environ, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", **(environment or {})}
        words = ["-m", "webkiln", "wizard", *map(str, arguments)]
        self._child = pexpect.spawn(sys.executable, words, cwd=folder, env=variables, encoding="utf-8", timeout=_SECONDS, dimensions=(50, 160))
        self._said = ""

    def __enter__(self) -> WizardTerminal:
        return self

    def __exit__(self, *error: object) -> None:
        self._child.close(force=True)

    def sees(self, text: str) -> WizardTerminal:
        """Wait for a text."""
        try:
            self._child.expect_exact(text)
        except (pexpect.EOF, pexpect.TIMEOUT) as error:
            raise AssertionError(f"did not see {text!r} in:\n{self._said}{plain(self._child.before or '')}") from error
        self._said += plain(f"{self._child.before}{self._child.after}")
        return self

    def types(self, keys: str) -> WizardTerminal:
        self._child.send(keys)
        return self

    def ends(self) -> int:
        """Wait for the end; the exit status."""
        self._child.expect(pexpect.EOF)
        self._said += plain(self._child.before or "")
        self._child.close()
        assert self._child.exitstatus is not None, f"ended by signal {self._child.signalstatus}:\n{self._said}"
        return int(self._child.exitstatus)

    @property
    def said(self) -> str:
        """All that was seen so far, without colours and movements of the cursor."""
        return self._said


def plain(text: str) -> str:
    return _CODES.sub("", text)
