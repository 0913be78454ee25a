"""The model card: where the model comes from, what may be done with it, what it costs, and how it was checked."""

from __future__ import annotations

import gzip
from typing import Any

from webkiln.codegen.paths import dist_folder
from webkiln.handover.facts import Facts
from webkiln.handover.templating import render as render_template
from webkiln.parity.report import Report, Row

ORIGIN = ("description", "attribution", "licence", "homepage", "source", "source_format", "source_sha256")


def render(facts: Facts, *, command: str | None, parity: Report | None) -> str:
    """MODEL_CARD.md. Without `parity` it says that nothing was verified."""
    runtime = (dist_folder() / "webkiln.min.js").read_bytes()
    return render_template(
        "model_card.md.j2",
        facts=facts,
        origin=[(key.replace("_", " "), facts.provenance[key]) for key in ORIGIN if facts.provenance.get(key)],
        command=command,
        parity=[] if parity is None else [_row(row) for row in parity.rows],
        runtime_bytes=len(gzip.compress(runtime, 9)),
        wasm_bytes=len(gzip.compress((dist_folder() / "webkiln-plain.wasm").read_bytes(), 9)),
    )


def _row(row: Row) -> dict[str, Any]:
    worst = row.worst
    return {
        "backend": f"{row.backend} ({row.build})" if row.build and row.build != row.backend else row.backend,
        "where": row.description or row.browser,
        "error": "–" if worst is None else f"{worst.error:.1e}",
        "tolerance": "–" if worst is None else f"{worst.tolerance:.0e}",
        "output": "–" if worst is None else worst.output,
        "result": "passed" if row.passed else "FAILED",
        "why": row.failure,
    }
