"""`webkiln verify`."""

from __future__ import annotations

from collections.abc import Sequence

from webkiln.commands.hosts import chosen_browsers
from webkiln.commands.sources import open_model, web_folder
from webkiln.commands.terminal import progress, say, table
from webkiln.parity.report import Report
from webkiln.parity.verify import BACKENDS, verify


def command(*, source: str, backends: Sequence[str], browsers: Sequence[str], cases: int, seed: int) -> bool:
    wanted = list(backends) or ["numpy", *BACKENDS]
    hosts = chosen_browsers(browsers, set(wanted) - {"numpy"}) if set(wanted) - {"numpy"} else []
    with progress(f"opening {source}") as note:
        report = verify(web_folder(source) or open_model(source, note), backends=wanted, browsers=hosts, cases=cases, seed=seed, note=note)
    show(report)
    return report.passed


def show(report: Report) -> None:
    """Print the parity table, then what failed and where it began."""
    rows = []
    for row in report.rows:
        worst = row.worst
        rows.append(
            (
                row.backend,
                row.description or row.browser,
                row.build,
                len(row.checks),
                f"{worst.error:.1e}" if worst else "",
                f"{worst.tolerance:.0e}" if worst else "",
                worst.output if worst else "",
                "passed" if row.passed else "FAILED",
            )
        )
    headings = ("backend", "where", "build", "outputs", "worst error", "tolerance", "of", "result")
    table(headings, rows, title=report.model, right=("outputs", "worst error", "tolerance"))
    for row in report.rows:
        where = f"{row.backend} in {row.description or row.browser}" if row.browser else row.backend
        if row.failure:
            say(f"{where}: {row.failure}")
        for check in row.checks:
            if not check.passed:
                say(f"{where}: {check.case}, output {check.output!r}: {check.reason}")
        if row.explanation:
            say(f"{where}: {row.explanation}")
        if row.divergence is not None:
            first = row.divergence
            say(f"{where}: diverges first at {first.op} {first.node!r}, value {first.value!r}: {first.comparison.reason}")
