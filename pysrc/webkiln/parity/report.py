"""What a verification found."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from webkiln.parity.compare import Comparison


@dataclass(frozen=True)
class Check:
    """One output of one case. `case` is `golden 0`, `random 1`, …"""

    case: str
    output: str
    error: float
    tolerance: float
    reason: str = ""

    @property
    def passed(self) -> bool:
        return not self.reason

    @property
    def share(self) -> float:
        """The error as a share of the tolerance."""
        return self.error / self.tolerance if self.tolerance else (math.inf if self.error else 0.0)


@dataclass(frozen=True)
class Divergence:
    """The first node, in the order of the graph, of which a value differs by more than the tolerance."""

    node: str
    op: str
    value: str
    comparison: Comparison


@dataclass
class Row:
    """What one backend in one browser gave. `explanation` is the runtime's own, of what failed; `failure` says why nothing could be compared, and is empty otherwise."""

    backend: str
    browser: str
    description: str = ""
    build: str = ""
    checks: list[Check] = field(default_factory=list)
    divergence: Divergence | None = None
    explanation: str = ""
    failure: str = ""

    @property
    def passed(self) -> bool:
        return not self.failure and bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def worst(self) -> Check | None:
        """The check that comes nearest to its tolerance, or is furthest beyond it."""
        return max(self.checks, key=lambda check: check.share, default=None)


@dataclass
class Report:
    """All rows of a verification."""

    model: str
    rows: list[Row]

    @property
    def passed(self) -> bool:
        return bool(self.rows) and all(row.passed for row in self.rows)
