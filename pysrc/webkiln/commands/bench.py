"""`webkiln bench`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from webkiln.browsers.session import Session, pairings
from webkiln.commands.hosts import chosen_browsers
from webkiln.commands.sources import open_model
from webkiln.commands.terminal import output, progress, table
from webkiln.parity.inputs import fresh_inputs


def command(
    *, source: str, backends: Sequence[str], browsers: Sequence[str], runs: int, seconds: float, as_json: bool
) -> bool:
    wanted = backends or ("wasm",)
    hosts = pairings(wanted, chosen_browsers(browsers, wanted))
    results: list[dict[str, Any]] = []
    with progress(f"opening {source}") as note:
        model = open_model(source, note)
        inputs = fresh_inputs(model, 1)
        for backend, browser in hosts:
            note(f"measuring {backend} in {browser}")
            with Session(backend=backend, browser=browser) as session:
                times = session.bench(model, inputs, runs=runs, seconds=seconds)
                results.append(
                    {
                        "model": model.name,
                        "backend": backend,
                        "build": session.build(model)[1],
                        "browser": browser,
                        "description": session.description,
                        "median_ms": times.median,
                        "minimum_ms": times.minimum,
                        "runs": len(times.samples),
                    }
                )
    if as_json:
        output.print_json(json.dumps(results), highlight=False) if output.is_terminal else print(json.dumps(results, indent=2))
        return True
    table(
        ("backend", "build", "where", "median ms", "minimum ms", "runs"),
        [
            (row["backend"], row["build"], row["description"], f"{row['median_ms']:.2f}", f"{row['minimum_ms']:.2f}", row["runs"])
            for row in results
        ],
        title=str(model.name),
        right=("median ms", "minimum ms", "runs"),
    )
    return True
