"""Asking: in a terminal with arrow keys, over a pipe in plain lines, or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from webkiln.commands.terminal import plain, say
from webkiln.errors import InputError

Check = Callable[[str], str]
"""Says what is wrong with a text, or ""."""


@dataclass(frozen=True)
class Choice:
    """`value` is what is chosen; `title` is how it is shown."""

    value: str
    title: str


class Asker(Protocol):
    """Whom to ask. Each raises `KeyboardInterrupt` when the user stops."""

    def choose(self, question: str, choices: Sequence[Choice], default: str) -> str:
        """The value of one of the choices."""

    def text(self, question: str, default: str, check: Check) -> str:
        """A text that `check` finds nothing wrong with."""


def asker(*, yes: bool) -> Asker:
    """Defaults with `yes`; else a terminal where there is one, and plain lines elsewhere."""
    if yes:
        return Defaults()
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return Terminal() if is_terminal else Lines()


class Terminal:
    """Arrow keys and Enter."""

    def choose(self, question: str, choices: Sequence[Choice], default: str) -> str:
        import questionary

        shown = [questionary.Choice(plain(choice.title), value=choice.value) for choice in choices]
        return str(_answer(questionary.select(plain(question), shown, default=default, qmark="?", instruction=" ")))

    def text(self, question: str, default: str, check: Check) -> str:
        import questionary

        def validated(text: str) -> bool | str:
            return check(text.strip()) or True

        return str(_answer(questionary.text(plain(question), default=default, validate=validated, qmark="?"))).strip()


def _answer(question: object) -> object:
    try:
        return question.unsafe_ask()  # type: ignore[attr-defined]
    except EOFError:  # Ctrl-D
        raise KeyboardInterrupt from None


class Lines:
    """A line for each answer, from standard input: a number or a value; an empty line, or the end of the input, takes the default."""

    def choose(self, question: str, choices: Sequence[Choice], default: str) -> str:
        say(question)
        for number, choice in enumerate(choices, 1):
            say(f"  {number}) {choice.title}{'  (default)' if choice.value == default else ''}")
        line = self._line(default)
        values = [choice.value for choice in choices]
        if line in values:
            return line
        if line.isascii() and line.isdecimal() and 1 <= int(line) <= len(values):
            say(f"> {values[int(line) - 1]}")
            return values[int(line) - 1]
        raise InputError(f"{line!r} is no answer to: {question} Answer with a number from 1 to {len(values)}, or an empty line for {default!r}")

    def text(self, question: str, default: str, check: Check) -> str:
        say(f"{question} [{default}]")
        line = self._line(default)
        if wrong := check(line):
            raise InputError(wrong)
        return line

    @staticmethod
    def _line(default: str) -> str:
        line = sys.stdin.readline()
        if line.strip():
            return line.strip()
        say(f"> {default}" if line else f"> {default} (the default: the input has ended)")
        return default


class Defaults:
    """Asks nobody; says what it takes."""

    def choose(self, question: str, choices: Sequence[Choice], default: str) -> str:
        title = next(choice.title for choice in choices if choice.value == default)
        say(f"{question} {title}")
        return default

    def text(self, question: str, default: str, check: Check) -> str:
        if wrong := check(default):
            raise InputError(wrong)
        say(f"{question} {default}")
        return default
