"""Which function lowers which operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from webkiln.importers.tensorflow.lowering import Lower

RULES: dict[str, Lower] = {}
COMPLEX_RULES: dict[str, Lower] = {}  # for what reads or makes complex numbers


def lowers(*names: str) -> Callable[[Lower], Lower]:
    """Register a function for operators of these names."""
    return _into(RULES, names)


def lowers_complex(*names: str) -> Callable[[Lower], Lower]:
    """Register a function for operators of these names on complex numbers, whose values have one more axis."""
    return _into(COMPLEX_RULES, names)


def _into(rules: dict[str, Lower], names: Sequence[str]) -> Callable[[Lower], Lower]:
    def register(lower: Lower) -> Lower:
        for name in names:
            rules[name] = lower
        return lower

    return register
