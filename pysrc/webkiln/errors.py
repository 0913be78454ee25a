"""The exceptions of the package. All of them derive from `WebkilnError`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 1000  # characters of what a file says, in a message


def shortened(text: str) -> str:
    """Text in which names of a file may stand, which may be of any length."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


class WebkilnError(Exception):
    """Anything that webkiln refuses or cannot do; the message says what was received, what was expected, what to do."""


class FormatError(WebkilnError):
    """A file is not what it claims to be: truncated, corrupted, inconsistent, or of another version."""


class UnsupportedFormatError(WebkilnError):
    """The source is of a format that this version does not read."""


class GraphError(WebkilnError):
    """A graph is not well formed: a dangling name, a cycle, a shape that an operator refuses."""


class ShapeError(GraphError):
    """An operator's shape, dtype or attribute rule refuses its inputs."""


class InputError(WebkilnError):
    """A value given at run time has the wrong name, shape or dtype."""


class OutputExistsError(WebkilnError):
    """The output exists already and `force` was not given."""


class HashError(FormatError):
    """A file's sha256 is not the one that was recorded."""


class BrowserError(WebkilnError):
    """No browser or Node was found, or the one found failed."""


class GalleryError(WebkilnError):
    """A gallery model is unknown, or cannot be fetched."""


class VerificationError(WebkilnError):
    """A comparison with the reference failed."""


@dataclass(frozen=True)
class Unsupported:
    """One thing in a source model that cannot be converted."""

    operator: str  # in the source's words, such as "LSTM" or "CUSTOM:Foo"
    where: str  # the node's place or name in the source
    reason: str = ""  # what about it, when the operator itself is known
    hint: str = ""  # what could be done


class UnsupportedOperatorError(WebkilnError):
    """Operators, or attribute values of operators, that cannot be converted: all of them at once."""

    def __init__(self, items: Iterable[Unsupported]) -> None:
        self.items = tuple(items)
        by_operator: dict[tuple[str, str, str], list[str]] = {}
        for item in self.items:
            by_operator.setdefault((item.operator, item.reason, item.hint), []).append(item.where)
        lines = []
        for (operator, reason, hint), places in sorted(by_operator.items()):
            shown = ", ".join(map(shortened, places[:3])) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
            line = f"  {shortened(operator)} ({len(places)}×, at {shown})"
            if reason:
                line += f": {shortened(reason)}"
            if hint:
                line += f". {hint}"
            lines.append(line)
        super().__init__("unsupported operators in this model:\n" + "\n".join(lines))
