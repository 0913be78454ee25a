"""Which function lowers which operator."""

from __future__ import annotations

from collections.abc import Callable

from webkiln.importers.onnx.lowering import Lower

RULES: dict[tuple[str, str], Lower] = {}
TAKE_SEQUENCES: set[tuple[str, str]] = set()


def lowers(*names: str, domain: str = "", sequences: bool = False) -> Callable[[Lower], Lower]:
    """Register a function for operators of these names in a domain (ai.onnx as ""). `sequences`: they read sequences too."""

    def register(lower: Lower) -> Lower:
        for name in names:
            RULES[domain, name] = lower
            if sequences:
                TAKE_SEQUENCES.add((domain, name))
        return lower

    return register
