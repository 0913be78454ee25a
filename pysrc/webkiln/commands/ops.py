"""`webkiln ops`."""

from __future__ import annotations

import numpy as np

from webkiln.commands.terminal import table
from webkiln.ops import OPERATORS, Operator, Unavailable

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
        "numpy, wasm, webgl" if runs_on_webgl(operator) else "numpy, wasm",
        "no" if isinstance(operator.gradient, Unavailable) else "yes",
        f"{tolerance:.0e}" if tolerance else "exact",
    )


def runs_on_webgl(operator: Operator) -> bool:
    """Whether WebGL has a kernel for it: for f32 and bool. The rest of a plan goes to WASM, which has them all."""
    cases = operator.cases(np.random.default_rng(0))
    return any(all(array.dtype in (np.float32, np.bool_) for array in case.inputs) for case in cases)
