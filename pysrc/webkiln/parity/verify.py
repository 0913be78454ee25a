"""Verification: the NumPy reference against each backend in each browser, down to the first operator that diverges."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.browsers.session import Session, pairings
from webkiln.errors import WebkilnError
from webkiln.graph.dtypes import pairs_of
from webkiln.model import Model, load
from webkiln.ops import LEAST_TOLERANCES
from webkiln.parity.compare import compare
from webkiln.parity.golden import check_golden, golden_cases, golden_checks, has_golden
from webkiln.parity.inputs import fresh_inputs
from webkiln.parity.report import Check, Divergence, Report, Row
from webkiln.webformat.golden import channels_of

Array = NDArray[Any]
Note = Callable[[str], None]

BROWSERS = ("node", "chromium")
BACKENDS = ("wasm",)


def verify(
    model: Model | str | os.PathLike[str],
    *,
    backends: Iterable[str] = BACKENDS,
    browsers: Iterable[str] = BROWSERS,
    cases: int = 2,
    seed: int = 1,
    tolerance: float | None = None,
    minified: bool = True,
    note: Note = lambda text: None,
) -> Report:
    """Compare a model's golden vectors, and fresh random inputs, on each backend in each browser with the reference.

    `model` is a `Model` or a folder in the web format. The backend `"numpy"` is the reference itself against the stored golden vectors, and needs no browser. `cases` random
    inputs are drawn from `seed`. A row that can't be run (a missing browser, say) fails with the reason; nothing is
    skipped, but for WebGL in Node where a browser is given too. `tolerance` replaces the measured one of each output (`Model.tolerances`), which is that of WASM; WebGL is allowed what
    `LEAST_TOLERANCES` says where that is more. `note` is told what is being done.
    """
    with tempfile.TemporaryDirectory(prefix="webkiln-verify-") as scratch:
        # What is verified is what was written: the folder, read back.
        if isinstance(model, Model):
            folder = Path(scratch, "model")
            note(f"writing {model.name}")
            model.save(folder)
        else:
            folder = Path(model)
        stored = load(folder)
        rows: list[Row] = []
        if "numpy" in backends:
            note("verifying: the golden vectors in NumPy")
            rows.append(Row("numpy", "", f"NumPy {np.__version__}", checks=check_golden(folder)))
        hosts = pairings((backend for backend in backends if backend != "numpy"), browsers)
        inputs = [fresh_inputs(stored, seed + 7919 * (position + 1)) for position in range(cases if hosts else 0)]
        stored.reset()
        expected = []
        for position, values in enumerate(inputs, 1):
            note(f"verifying: random inputs {position} of {cases} in NumPy")
            allowed = stored.tolerances(values) if tolerance is None else {one.name: tolerance for one in stored.outputs}
            expected.append((stored.run(values), allowed))
        for backend, browser in hosts:
            note(f"verifying: {backend} in {browser}")
            row = Row(backend, browser)
            rows.append(row)
            try:
                with Session(backend=backend, browser=browser, minified=minified) as session:
                    _check_row(row, session, folder, stored, inputs, expected, LEAST_TOLERANCES if tolerance is None else {})
            except WebkilnError as error:
                row.failure = f"{type(error).__name__}: {error}"
        for row in rows:
            if not row.checks and not row.failure:
                row.failure = "nothing was compared: the model carries no golden vectors (convert it again, or leave this backend out)"
        return Report(stored.name, rows)


def compare_outputs(
    model: Model, expected: Mapping[str, Array], received: Mapping[str, Array], tolerances: Mapping[str, float], case: str
) -> list[Check]:
    """One check an output; `tolerances` by output."""
    checks = []
    for name, wanted in expected.items():
        found = received[name]
        if wanted.dtype.kind == found.dtype.kind == "c":
            wanted, found = pairs_of(wanted), pairs_of(found)
        comparison = compare(wanted, found, tolerance=tolerances[name], channels=channels_of(model.bundle, name, wanted.shape))
        checks.append(Check(case, name, comparison.error, tolerances[name], comparison.reason))
    return checks


def first_divergence(
    model: Model, expected: Mapping[str, Array], received: Mapping[str, Array], tolerances: Mapping[str, float]
) -> Divergence | None:
    """The first node of the graph whose values differ, of two traces."""
    for node in model.graph.nodes:
        for value in node.outputs:
            if value not in expected or value not in received:
                continue
            comparison = compare(expected[value], received[value], tolerance=tolerances[value])
            if not comparison.passed:
                return Divergence(node.name or value, node.op, value, comparison)
    return None


def _check_row(
    row: Row,
    session: Session,
    folder: Path,
    model: Model,
    inputs: Sequence[Mapping[str, Array]],
    expected: Sequence[tuple[Mapping[str, Array], Mapping[str, float]]],
    least_tolerances: Mapping[str, float],
) -> None:
    row.description = session.description
    backend, row.build = session.build(folder)
    least = least_tolerances.get(backend, 0.0)
    suspects: list[Mapping[str, Array]] = []
    if has_golden(folder):
        report = session.verify(folder)
        row.checks += golden_checks(report)
        row.explanation = report.get("explanation") or ""
        if not row.passed:
            suspects += [case.inputs for case in golden_cases(folder) if case.signature == model.signature.name]
    for position, (values, (wanted, allowed)) in enumerate(zip(inputs, expected, strict=True)):
        widened = {name: max(measured, least) for name, measured in allowed.items()}
        checks = compare_outputs(model, wanted, session.run(folder, values), widened, f"random {position + 1}")
        row.checks += checks
        if not all(check.passed for check in checks):
            suspects.append(values)
    if suspects:
        values = suspects[0]
        allowed = {name: max(measured, least) for name, measured in model.trace_tolerances(values).items()}
        row.divergence = first_divergence(model, model.trace(values), session.trace(folder, values), allowed)
