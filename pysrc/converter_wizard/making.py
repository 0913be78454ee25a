"""Making the result: aside first, verified there, then put in its place as a whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from webkiln.browsers.chromium import find_chromium
from webkiln.browsers.node import find_node
from webkiln.commands.terminal import Note, plain
from webkiln.errors import BrowserError, InputError, OutputExistsError, VerificationError
from webkiln.handover import hand_over
from webkiln.model import Model
from webkiln.parity.report import Report
from webkiln.parity.verify import verify
from webkiln.webformat.write import replace_folder

from converter_wizard.answers import Answers

FINDERS: dict[str, Callable[[], object]] = {"chromium": find_chromium, "node": find_node}
"""Where a result is verified, the first of them that is there. A finder raises `BrowserError`."""

STEPS = 3
"""Of `Note` calls that begin a step, for a bar."""


@dataclass(frozen=True)
class Made:
    """`report` is None where nothing could verify; `remarks` say what was left out; `files` are relative to the result's folder, with their bytes."""

    report: Report | None
    remarks: tuple[str, ...]
    files: tuple[tuple[str, int], ...]


def made(
    model: Model,
    answers: Answers,
    *,
    target: Path | None,
    sample: Path | None,
    force: bool,
    step: Callable[[str], None],
    note: Note,
) -> Made:
    """Write a model and all that it is handed over with to `target`; without one, do all but leave it anywhere.

    Raises `VerificationError` when a number is off, `OutputExistsError` for a target that may not be replaced. Whatever is raised, nothing is left.
    """
    if target is not None:
        check_target(target, force)
    parent = None if target is None else _existing(target.absolute().parent)
    stage = Path(tempfile.mkdtemp(prefix=".webkiln-wizard-", dir=parent))
    try:
        step("writing the model and its golden vectors")
        model.save(stage / "result" / "model")
        step("verifying")
        report, remarks = _verified(stage / "result" / "model", answers.browser, note)
        step("writing pages, wrapper and model card")
        hand_over(
            stage / "result" / "model",
            stage / "result",
            sample=sample,
            command=answers.command(),
            parity=report,
            is_single_file=bool(answers.single_file),
            note=note,
        )
        files = tuple(sorted((path.relative_to(stage / "result").as_posix(), path.stat().st_size) for path in (stage / "result").rglob("*") if path.is_file()))
        if target is not None:
            (stage / "result").chmod(0o755)
            _put(stage / "result", target.absolute(), force)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return Made(report, remarks, files)


def check_target(target: Path, force: bool) -> None:
    """Raise `OutputExistsError` unless the result may be put there: nothing is, or, with `force`, an earlier result and nothing else."""
    if not os.path.lexists(target):
        for above in target.absolute().parents:
            if os.path.lexists(above):
                if not above.is_dir():
                    raise OutputExistsError(f"{target} cannot be made, since {above} is a file; choose another output")
                break
        return
    if not target.is_dir():
        raise OutputExistsError(f"{target} exists and is not a folder; choose another output")
    if not any(target.iterdir()):
        return
    if not force:
        raise OutputExistsError(f"{target} exists already; --force replaces it, or choose another output")
    if not ((target / "MODEL_CARD.md").is_file() and (target / "model" / "model.json").is_file()):
        raise OutputExistsError(f"{target} holds something else than an earlier result, so --force does not replace it; choose another output")


def _existing(folder: Path) -> Path:
    """The nearest folder above that is there, on whose file system the result will lie."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())


def _put(result: Path, target: Path, force: bool) -> None:
    missing = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        check_target(target, force)
        replace_folder(result, target)
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


def _verified(folder: Path, browser: str | None, note: Note) -> tuple[Report | None, tuple[str, ...]]:
    """Both backends in the browser that the user named, else in Chromium, else WASM in Node; what could not be run is told, what is wrong is raised."""
    remarks: tuple[str, ...] = ()
    for host in (browser,) if browser is not None else tuple(FINDERS):
        try:
            if host in FINDERS:
                FINDERS[host]()
        except BrowserError as error:
            remarks += (f"not verified in {host}: {error}",)
            continue
        try:
            report = verify(folder, backends=("numpy", "wasm") if host == "node" else ("numpy", "wasm", "webgl"), browsers=(host,), cases=1, note=note)
        except InputError as error:
            return None, (*remarks, f"not verified: {error}")
        kept = [row for row in report.rows if row.checks]
        remarks += tuple(f"not verified in {host} with {row.backend}: {row.failure}" for row in report.rows if row.failure and row not in kept)
        if any(not row.passed for row in kept):
            raise VerificationError(_diverging(report))
        if any(row.browser for row in kept):
            return Report(report.model, kept), remarks
        if browser is not None:
            raise BrowserError("\n".join(remarks))
    return None, remarks


def _diverging(report: Report) -> str:
    lines = ["results differ from the NumPy reference by more than is allowed:"]
    for row in report.rows:
        for check in row.checks:
            if not check.passed:
                lines.append(f"  {row.backend} in {row.description or row.browser}: {check.case}, output {plain(check.output)!r}: {check.reason}")
        if row.divergence is not None:
            lines.append(f"  it begins at {row.divergence.op} {plain(row.divergence.node)!r}: {row.divergence.comparison.reason}")
    return "\n".join(lines)


