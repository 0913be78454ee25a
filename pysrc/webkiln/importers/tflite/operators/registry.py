"""Which function lowers which operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from webkiln.importers.tflite.lowering import Lower


@dataclass(frozen=True)
class Rule:
    """`options`: the table that holds the operator's options, when it has any that matter."""

    lower: Lower
    options: str | None


RULES: dict[str, Rule] = {}


def lowers(*names: str, options: str | None = None) -> Callable[[Lower], Lower]:
    """Register a function for operators of these names."""

    def register(lower: Lower) -> Lower:
        for name in names:
            RULES[name] = Rule(lower, options)
        return lower

    return register
