"""`docs/operators.md`: the operator table as a page. `python -m webkiln.codegen.documentation` writes it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from webkiln.codegen.paths import REPOSITORY
from webkiln.graph.dtypes import CANONICAL
from webkiln.ops import OPERATORS, Attribute, Operator, Unavailable, fill_defaults
from webkiln.ops.table import Tolerance

PAGE = REPOSITORY / "docs" / "operators.md"
COMMAND = "python -m webkiln.codegen.documentation"
_HEAD = f"""\
# The canonical operators

<!-- Written from the operator table by `{COMMAND}`. Do not edit. -->

Every model is lowered to these {{count}} operators at conversion; `webkiln/ops/` defines each of them once. Pictures are NHWC and
convolution weights HWIO; axes count from 0. Element-wise operators broadcast as in NumPy. A backend may differ from the NumPy reference by
`absolute + relative × |reference|`, operator by operator.

- The scalar meaning of an element-wise operator is an expression in Python syntax.
- *Gradient* gives the gradient of each input, where `y` is the result and `dy` its gradient; sums over broadcast axes are left out.
- *Layout* says how a permutation of the axes passes through the operator when the converter moves transposes.
"""


def operators_page(operators: Mapping[str, Operator]) -> str:
    """The page about these operators, in Markdown."""
    contents = ", ".join(f"[`{name}`](#{name})" for name in sorted(operators))
    kinds = (("Element-wise operators", True), ("Structured operators", False))
    parts = [_HEAD.format(count=len(operators)), f"{contents}\n"]
    for title, elementwise in kinds:
        chosen = [operator for operator in operators.values() if operator.elementwise is elementwise]
        if chosen:
            parts.append(f"## {title}\n")
            parts += [_section(operator) for operator in chosen]
    return "\n".join(parts)


def _section(operator: Operator) -> str:
    summary = operator.summary[0].upper() + operator.summary[1:]
    lines = "\n".join(f"- {title}: {text}" for title, text in _facts(operator))
    return f"### {operator.name}\n\n{summary}.\n\n{lines}\n"


def _facts(operator: Operator) -> Iterator[tuple[str, str]]:
    yield "Inputs", ", ".join(_input(name) for name in operator.inputs)
    if operator.attributes:
        yield "Attributes", "; ".join(_attribute(name, attribute) for name, attribute in operator.attributes.items())
    if operator.expression and operator.summary != f"`{operator.expression}`":
        yield "Expression", f"`{operator.expression}`"
    yield "Dtypes", _dtypes(operator)
    yield "Tolerance", _tolerance(operator.tolerance)
    yield "Gradient", _gradient(operator)
    yield "Layout", _layout(operator)


def _input(name: str) -> str:
    note = {"?": " (may be left out)", "*": " (one or more)"}.get(name[-1], "")
    return f"`{name.rstrip('?*')}`{note}"


def _attribute(name: str, attribute: Attribute) -> str:
    kind = " or ".join(f'`"{choice}"`' for choice in attribute.choices) or attribute.type
    default = "required" if attribute.default is None else f"default `{_value(attribute.default)}`"
    return f"`{name}` ({kind}, {default})"


def _value(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "Infinity" if value > 0 else "-Infinity"
    return {"True": "true", "False": "false"}.get(str(value), str(value))


def _dtypes(operator: Operator) -> str:
    """The dtypes of inputs and result that exist, as the test cases have them."""
    names = {dtype: name for name, dtype in CANONICAL.items()}
    found: dict[tuple[str, ...], str] = {}
    for case in operator.cases(np.random.default_rng(0)):
        dtypes = [names[array.dtype] for array in case.inputs][: 1 if operator.variadic else len(operator.inputs) - operator.optional]
        result = operator.dtype(dtypes, fill_defaults(operator, case.attributes))[0]
        found[tuple(dtypes)] = "`to`" if "to" in operator.attributes else result
    return "; ".join(f"{', '.join(dtypes)} → {result}" for dtypes, result in found.items())


def _tolerance(tolerance: Tolerance) -> str:
    limits = [f"{kind} {limit:g}" for kind, limit in (("relative", tolerance.relative), ("absolute", tolerance.absolute)) if limit]
    return f"{', '.join(limits) or 'exact'}: {tolerance.reason}"


def _gradient(operator: Operator) -> str:
    if isinstance(operator.gradient, Unavailable):
        return f"none: {operator.gradient.reason}"
    if isinstance(operator.gradient, tuple):
        return "; ".join(
            f"`{name}`: {f'`{text}`' if text else 'zero wherever it exists'}" for name, text in zip(operator.inputs, operator.gradient, strict=True)
        )
    return "a rule that adds nodes (`webkiln/ops/gradients.py`)"


def _layout(operator: Operator) -> str:
    if isinstance(operator.layout, Unavailable):
        return f"a barrier: {operator.layout.reason}"
    return "passes through" if operator.elementwise else "passes through; what the attributes say of axes is permuted"


def write_page(path: Path = PAGE) -> None:
    path.write_text(operators_page(OPERATORS), encoding="utf-8")


if __name__ == "__main__":
    write_page()
