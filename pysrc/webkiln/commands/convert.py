"""`webkiln convert`."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from webkiln.commands.describe import folder_size, show_model, show_origin, show_plan
from webkiln.commands.inputs import read_inputs
from webkiln.commands.sources import convert_source, is_web_format
from webkiln.commands.terminal import Note, progress, say, size_text, table
from webkiln.errors import BrowserError, OutputExistsError, WebkilnError
from webkiln.model import Model
from webkiln.precision.weights import constants_of, kind_of, weights_bytes


def command(
    *,
    src: str,
    out: Path | None,
    quantize: str | None,
    max_error: float | None,
    prune: float | None,
    samples: Sequence[Path],
    inputs: Sequence[tuple[str, tuple[int, ...]]],
    signature: str | None,
    plan: bool,
    force: bool,
) -> bool:
    if is_web_format(Path(src)):
        raise WebkilnError(f"{src} is in the web format already")
    if out is not None and not plan:
        _check_output(out, force)
    began = time.perf_counter()
    with progress(f"converting {src}") as note, tempfile.TemporaryDirectory(prefix="webkiln-plan-") as scratch:
        model = exact = convert_source(src, note, inputs=dict(inputs), signature=signature)
        if (quantize, max_error, prune) != (None, None, None):
            given = [read_inputs(exact, path, "--samples") for path in samples] or None
            model = exact.quantized(quantize, max_error=max_error, prune=prune, samples=given, note=note)
            note("measuring the error against float32")
            errors = model.errors_against(exact, given)
        folder = Path(scratch, "model") if plan or out is None else out
        note("computing golden vectors and writing")
        model.save(folder, force=force and not plan)
        seconds = time.perf_counter() - began
        size = folder_size(folder)
        parity, passed, profile = _parity(folder, note)
    show_model(model)
    show_origin(model)
    show_plan(profile)
    if model is not exact:
        _show_precision(model, exact, errors, f"{len(samples)} sample{'s' * (len(samples) > 1)}" if samples else "generated inputs")
    say(parity)
    verb = "would be written to" if plan else "written to"
    where = f", {verb} {out}" if out is not None else ""
    say(f"{size_text(size)}, {model.bundle.parameters:,} parameters, converted in {seconds:.1f} s{where}")
    return passed


def _show_precision(model: Model, exact: Model, errors: Mapping[str, float], measured_on: str) -> None:
    """What the weights take, in how many bits, and how far each output is from float32."""
    counts = Counter(kind_of(constant) for constant in constants_of(model.graph))
    say(f"weights: {size_text(weights_bytes(model.graph))}, {size_text(weights_bytes(exact.graph))} before; tensors: " + ", ".join(f"{kind} {count}" for kind, count in counts.most_common()))
    table(("output", "error against float32"), [(name, f"{error:.1e}") for name, error in errors.items()], title=f"measured on {measured_on}", right=("error against float32",))


def _check_output(out: Path, force: bool) -> None:
    """Refuse before the work what would be refused after it."""
    if out.exists() and not force and (not out.is_dir() or any(out.iterdir())):
        raise OutputExistsError(f"{out} exists already; --force replaces it, or choose another -o")


def _parity(folder: Path, note: Note) -> tuple[str, bool, dict[str, object]]:
    """The line about parity, whether it holds, and the runtime's profile; without Node nothing is claimed."""
    from webkiln.browsers.node import find_node
    from webkiln.browsers.session import Session
    from webkiln.parity.golden import golden_checks

    try:
        find_node()
    except BrowserError as error:
        return f"parity: not checked. {error}", True, {}
    note("verifying in Node")
    with Session(backend="wasm", browser="node") as session:
        checks = golden_checks(session.verify(folder))
        profile = session.plan(folder)
        where = f"wasm ({session.build(folder)[1]}) in {session.description}"
    failed = [check for check in checks if not check.passed]
    if failed:
        return f"parity: FAILED, {where}: output {failed[0].output!r}: {failed[0].reason}", False, profile
    if not checks:
        return f"parity: not checked, the model has no golden vectors ({where})", True, profile
    worst = max(checks, key=lambda check: check.share)
    found = f"worst error {worst.error:.1e}, tolerance {worst.tolerance:.0e} (output {worst.output!r})"
    return f"parity: {where} against NumPy: {found}", True, profile
