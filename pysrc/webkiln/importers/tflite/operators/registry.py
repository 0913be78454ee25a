"""Which function lowers which operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from webkiln.importers.tflite.lowering import Lower


@dataclass(frozen=True)
class Rule:
    """`options`: the table that holds the operator's options, when it has any that matter."""

    lower: Lower
    options: str | None


RULES: dict[str, Rule] = {}
COMPLEX_RULES: dict[str, Rule] = {}  # for what reads or makes complex numbers


def lowers(*names: str, options: str | None = None) -> Callable[[Lower], Lower]:
    """Register a function for operators of these names."""
    return _into(RULES, names, options)


def lowers_complex(*names: str, options: str | None = None) -> Callable[[Lower], Lower]:
    """Register a function for operators of these names on complex numbers, whose values have one more axis than their tensors."""
    return _into(COMPLEX_RULES, names, options)


def _into(rules: dict[str, Rule], names: Sequence[str], options: str | None) -> Callable[[Lower], Lower]:
    def register(lower: Lower) -> Lower:
        for name in names:
            rules[name] = Rule(lower, options)
        return lower

    return register
