"""What is committed: how many cases pass, which may only rise, and the cases that may not pass, with their reasons."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from scoring import BACKENDS, PASSED, UNSUPPORTED, Verdicts

FOLDER = Path(__file__).parent
COUNTS, EXCEPTIONS = FOLDER / "counts.json", FOLDER / "exceptions.json"

Counts = dict[str, dict[str, int]]
"""By suite: `cases`, and how many pass on each backend."""


def passing(verdicts: Verdicts) -> Counts:
    """How many cases there are and pass, by suite and backend."""
    counts: Counts = {}
    for backend, by_case in verdicts.items():
        total: Counter[str] = Counter(key.split("/")[0] for key in by_case)
        passed: Counter[str] = Counter(key.split("/")[0] for key, verdict in by_case.items() if verdict == PASSED)
        for suite in total:
            counts.setdefault(suite, {"cases": total[suite]})[backend] = passed[suite]
    return counts


def wrong(verdicts: Verdicts, exceptions: Mapping[str, str]) -> list[str]:
    """What neither passes nor is refused as unsupported nor is an exception."""
    return [
        f"{key} on {backend}: {verdict}"
        for backend, by_case in verdicts.items()
        for key, verdict in by_case.items()
        if verdict not in (PASSED, UNSUPPORTED) and key not in exceptions
    ]


def needless(verdicts: Verdicts, exceptions: Mapping[str, str]) -> list[str]:
    """Exceptions that pass on every backend."""
    if set(verdicts) != set(BACKENDS):
        return []
    return [f"{key} is an exception, and passes" for key in exceptions if all(found.get(key) == PASSED for found in verdicts.values())]


def fallen(found: Counts, committed: Counts) -> list[str]:
    """Counts below the committed ones. A suite of another size (another version of a package) has nothing to compare."""
    return [
        f"{suite} on {backend}: {count} pass, {committed[suite][backend]} did"
        for suite, row in found.items()
        for backend, count in row.items()
        if committed.get(suite, {}).get("cases") == row["cases"] and count < committed[suite].get(backend, 0)
    ]


def raised(found: Counts, committed: Counts) -> Counts:
    """The committed counts with those found in their place."""
    return dict(sorted((committed | {suite: committed.get(suite, {}) | row for suite, row in found.items()}).items()))


def read_counts(kind: str) -> Counts:
    """`kind`: `all`, or `sample`."""
    counts: Counts = json.loads(COUNTS.read_text(encoding="utf-8"))[kind] if COUNTS.is_file() else {}
    return counts


def write_counts(kind: str, counts: Counts) -> None:
    kinds = json.loads(COUNTS.read_text(encoding="utf-8")) if COUNTS.is_file() else {"all": {}, "sample": {}}
    COUNTS.write_text(json.dumps(kinds | {kind: counts}, indent=2) + "\n", encoding="utf-8")


def read_exceptions() -> dict[str, str]:
    """By the case's key: the reason why it may fail."""
    exceptions: dict[str, str] = json.loads(EXCEPTIONS.read_text(encoding="utf-8"))
    return exceptions
