"""`webkiln ops`."""

from __future__ import annotations

from webkiln.commands.terminal import table
from webkiln.ops import OPERATORS, Operator, Unavailable

HEADINGS = ("operator", "inputs", "attributes", "numpy", "wasm", "gradient", "tolerance", "meaning")


def command(*, markdown: bool) -> bool:
    rows = [_row(operator) for operator in sorted(OPERATORS.values(), key=lambda operator: operator.name)]
    if markdown:
        print("\n".join(["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]))
        for row in rows:
            print("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
    else:
        table(HEADINGS, rows, title=f"{len(rows)} operators")
    return True


def _row(operator: Operator) -> tuple[str, ...]:
    tolerance = operator.tolerance
    return (
        operator.name,
        ", ".join(operator.inputs),
        ", ".join(operator.attributes),
        "yes",
        "yes",
        "no" if isinstance(operator.gradient, Unavailable) else "yes",
        "exact" if tolerance.relative == tolerance.absolute == 0 else f"{max(tolerance.relative, tolerance.absolute):.0e}",
        operator.summary,
    )
