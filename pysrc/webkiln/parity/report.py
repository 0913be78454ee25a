"""What a verification found."""

from __future__ import annotations

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
    def error(self) -> float:
        """The largest relative error."""
        return max((check.error for check in self.checks), default=float("nan"))


@dataclass
class Report:
    """All rows of a verification."""

    model: str
    rows: list[Row]

    @property
    def passed(self) -> bool:
        return bool(self.rows) and all(row.passed for row in self.rows)
