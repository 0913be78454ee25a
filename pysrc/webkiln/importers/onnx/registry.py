"""Which function lowers which operator."""

from __future__ import annotations

from collections.abc import Callable

from webkiln.importers.onnx.lowering import Lower

RULES: dict[tuple[str, str], Lower] = {}


def lowers(*names: str, domain: str = "") -> Callable[[Lower], Lower]:
    """Register a function for operators of these names in a domain (ai.onnx as "")."""

    def register(lower: Lower) -> Lower:
        for name in names:
            RULES[domain, name] = lower
        return lower

    return register
