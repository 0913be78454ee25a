#!/usr/bin/env python3
"""Scores the suites, prints a table by suite and backend and what is wrong, and compares with the committed counts.

    python tests/conformance/score.py [--suite S]... [--backend B]... [--filter RE] [--sample] [--json FILE] [--update]

`--update` writes the counts, when none of them fell and nothing is wrong. The exit status is 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from conformance_cases import all_cases, sampled
from ratchet import fallen, needless, passing, raised, read_counts, read_exceptions, write_counts, wrong
from scoring import BACKENDS, UNSUPPORTED, score


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", action="append", default=[])
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    parser.add_argument("--filter", type=re.compile)
    parser.add_argument("--sample", action="store_true", help="only what every run of the tests takes")
    parser.add_argument("--json", type=Path, help="write each verdict")
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    if arguments.update and arguments.filter:
        parser.error("--update needs whole suites: leave out --filter")
    suites = all_cases(arguments.suite)
    cases = [case for suite in (sampled(suites) if arguments.sample else suites).values() for case in suite]
    chosen = [case for case in cases if not arguments.filter or arguments.filter.search(case.key)]
    verdicts = score(chosen, arguments.backend or BACKENDS, progress=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(verdicts, indent=0), encoding="utf-8")
    counts = passing(verdicts)
    for suite, row in counts.items():
        refused = {backend: sum(v == UNSUPPORTED and k.startswith(f"{suite}/") for k, v in found.items()) for backend, found in verdicts.items()}
        print(f"{suite}: {row['cases']} cases; " + "; ".join(f"{backend} {row[backend]} pass, {refused[backend]} unsupported" for backend in verdicts))
    kind = "sample" if arguments.sample else "all"
    committed = read_counts(kind)
    exceptions = read_exceptions()
    complaints = [*wrong(verdicts, exceptions), *needless(verdicts, exceptions), *([] if arguments.filter else fallen(counts, committed))]
    print("\n".join(complaints))
    if arguments.update and not complaints:
        write_counts(kind, raised(counts, committed))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
