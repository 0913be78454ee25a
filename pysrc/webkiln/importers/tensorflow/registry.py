"""Which function lowers which operator."""

from __future__ import annotations

from collections.abc import Callable

from webkiln.importers.tensorflow.lowering import Lower

RULES: dict[str, Lower] = {}


def lowers(*names: str) -> Callable[[Lower], Lower]:
    """Register a function for operators of these names."""

    def register(lower: Lower) -> Lower:
        for name in names:
            RULES[name] = lower
        return lower

    return register
