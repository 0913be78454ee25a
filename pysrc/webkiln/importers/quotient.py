"""Division of sizes that leaves no remainder."""

from __future__ import annotations

from webkiln.graph.dims import Dim, Expression


def exact_quotient(total: Dim, part: Dim) -> Dim | None:
    """`total / part` when it is certainly whole, as for `4·N·H / (2·N)`; else `None`. `part` must not be 0."""
    if total == part:
        return 1
    if isinstance(part, int):
        return total // part if total % part == 0 else None
    if len(part.terms) != 1:
        return None
    ((atoms, divisor),) = part.terms.items()
    result: Dim = 0
    for monomial, factor in ({(): total} if isinstance(total, int) else total.terms).items():
        rest = list(monomial)
        for atom in atoms:
            if atom not in rest:
                return None
            rest.remove(atom)
        if factor % divisor:
            return None
        result = result + (Expression({tuple(rest): factor // divisor}) if rest else factor // divisor)
    return result
