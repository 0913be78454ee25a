"""`webkiln page`."""

from __future__ import annotations

import shlex
import tempfile
from contextlib import ExitStack
from pathlib import Path

from webkiln import gallery
from webkiln.browsers.node import find_node
from webkiln.commands.sources import convert_source, web_folder
from webkiln.commands.terminal import Note, progress, remark, say, size_text
from webkiln.commands.verify import show
from webkiln.errors import BrowserError
from webkiln.handover import hand_over
from webkiln.parity.report import Report
from webkiln.parity.verify import verify


def command(*, source: str, out: Path | None, single_file: bool, sample: Path | None, title: str | None, force: bool) -> bool:
    with ExitStack() as stack:
        note = stack.enter_context(progress(f"reading {source}"))
        folder = web_folder(source)
        target = out or Path(f"{folder.absolute().name if folder else Path(source).stem}_page")
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="webkiln-page-")), "model")
            convert_source(source, note).save(folder)
            if sample is None and not Path(source).exists():
                sample = gallery.fetch_sample(source, note=note)
        report = _verified(folder, note)
        command_line = shlex.join(["webkiln", "page", source, "-o", str(target), *(["--single-file"] if single_file else [])])
        written = hand_over(
            folder, target, title=title, sample=sample, command=command_line, parity=report, is_single_file=single_file, force=force, note=note
        )
    if report is not None:
        show(report)
    for path in written:
        if path.parent == target.absolute():
            say(f"{path.relative_to(target.absolute())}  {size_text(path.stat().st_size)}")
    say(f"written to {target}; see it with: webkiln serve {target}")
    return report is None or report.passed


def _verified(folder: Path, note: Note) -> Report | None:
    """What the model card says of parity; without Node, nothing."""
    try:
        find_node()
    except BrowserError as error:
        remark(f"parity: not checked. {error}")
        return None
    return verify(folder, backends=("numpy", "wasm"), browsers=["node"], cases=1, note=note)
