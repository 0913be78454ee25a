"""`webkiln ops`."""

from __future__ import annotations

from webkiln.commands.terminal import table
from webkiln.ops import OPERATORS, Operator, Unavailable
from webkiln.ops.backends import has_webgl

HEADINGS = ("operator", "inputs", "attributes", "dtypes", "backends", "gradient", "tolerance")


def command(*, markdown: bool) -> bool:
    operators = sorted(OPERATORS.values(), key=lambda operator: operator.name)
    if markdown:
        headings = (*HEADINGS, "meaning")
        print("\n".join(["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]))
        for operator in operators:
            print("| " + " | ".join(cell.replace("|", "\\|") for cell in (*_row(operator), operator.summary)) + " |")
    else:
        table(HEADINGS, [_row(operator) for operator in operators], title=f"{len(operators)} operators")
    return True


def _row(operator: Operator) -> tuple[str, ...]:
    tolerance = max(operator.tolerance.relative, operator.tolerance.absolute)
    return (
        operator.name,
        ", ".join(operator.inputs),
        ", ".join(operator.attributes),
        ", ".join(dict.fromkeys(variant[0] for variant in operator.variants)),
        "numpy, wasm, webgl" if has_webgl(operator) else "numpy, wasm",
        "no" if isinstance(operator.gradient, Unavailable) else "yes",
        f"{tolerance:.0e}" if tolerance else "exact",
    )
