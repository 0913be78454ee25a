"""Writing everything beside a model."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from webkiln.codegen.paths import dist_folder
from webkiln.errors import OutputExistsError, WebkilnError
from webkiln.handover import model_card, pages, reference, single_file, snippets, wrapper
from webkiln.handover.facts import Facts, read_facts
from webkiln.handover.templating import stylesheet
from webkiln.model import load
from webkiln.parity.report import Report
from webkiln.webformat.write import replace_folder

RUNTIME_FILES = (
    "webkiln.min.js",
    "webkiln.min.mjs",
    "webkiln.worker.min.js",
    "webkiln.results.min.js",
    "webkiln.results.min.mjs",
    "webkiln.page.min.js",
    "webkiln-plain.wasm",
    "webkiln-relaxed.wasm",
)

SAMPLE_KINDS = {".jpg", ".jpeg", ".png", ".webp", ".wav", ".mp3", ".ogg"}


def hand_over(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    title: str | None = None,
    sample: str | os.PathLike[str] | None = None,
    command: str | None = None,
    parity: Report | None = None,
    is_single_file: bool = False,
    force: bool = False,
    note: Callable[[str], None] = lambda text: None,
) -> list[Path]:
    """Write what runs a model into the folder `out`, and return the files written, sorted.

    `model` is a folder in the web format. One that lies directly in `out` stays where it is; any other is copied to `out/model`.

    - `index.html`: the ready page; `verify.html`: the golden check on the visitor's device. Any static server serves them.
    - `runtime/`: the runtime, and the pages' script and style.
    - `reference.json`: what each operator gave in NumPy, for `verify.html` to name the first that diverges (not for models
      without golden vectors).
    - `model.mjs`, `model.d.mts`: the model as a module, with its inputs and outputs typed.
    - `SNIPPETS.md`: code for a script tag, an ES module, Node. `MODEL_CARD.md`: origin, licence, hash, command, parity, sizes.
    - with `is_single_file`, `NAME.html`: everything in one file, which also works from disk and in a sandboxed frame.

    `title` heads the pages (the model's name by default); `sample` is a picture or sound that they begin with; `command` is the line that
    made the model, and `parity` what `webkiln.parity.verify` found, both for the model card. `note` is told what is being done.

    Raises `OutputExistsError` when a file to be written exists, unless `force`: then these files are replaced, and no others;
    `FormatError` for a model that cannot be read; `WebkilnError` for a sample of an unknown kind.
    """
    source, target = Path(model).absolute(), Path(out).absolute()
    note(f"reading {source.name}")
    opened = load(source)
    is_inside = source.parent == target
    sample_path = None if sample is None else Path(sample)
    if sample_path is not None and sample_path.suffix.lower() not in SAMPLE_KINDS:
        raise WebkilnError(f"a sample is a picture or a sound ({', '.join(sorted(SAMPLE_KINDS))}), got {sample_path.name}")
    facts = read_facts(
        source,
        opened,
        folder=source.name if is_inside else "model",
        title=title,
        sample="" if sample_path is None else f"sample{sample_path.suffix.lower()}",
    )
    note("tracing the reference")
    traced = reference.reference_values(source, opened)
    contents = _contents(facts, traced, sample_path, command, parity)
    if is_single_file:
        note("packing the single file")
        name = f"{facts.file_name}.html"
        contents[name] = single_file.render(facts, source, contents, runtime_bytes)
    copied = {} if is_inside else {entry.name: entry.read_bytes() for entry in facts.files(source)}
    _refuse_existing(target, contents, facts.folder if copied else None, force)
    note(f"writing to {out}")
    return _write(target, contents, facts.folder, copied)


def runtime_bytes(name: str) -> bytes:
    """A file of the built runtime, or the pages' style."""
    return stylesheet().encode() if name == "webkiln.page.css" else (dist_folder() / name).read_bytes()


def _contents(
    facts: Facts, traced: str | None, sample: Path | None, command: str | None, parity: Report | None
) -> dict[str, bytes]:
    """The files by their paths in the folder."""
    texts = {
        "index.html": pages.render("index.html.j2", facts, has_reference=traced is not None),
        "verify.html": pages.render("verify.html.j2", facts, has_reference=traced is not None),
        **wrapper.render(facts),
        "SNIPPETS.md": snippets.render(facts),
        "MODEL_CARD.md": model_card.render(facts, command=command, parity=parity),
    }
    if traced is not None:
        texts["reference.json"] = traced
    contents = {name: text.encode() for name, text in texts.items()}
    for name in (*RUNTIME_FILES, "webkiln.page.css"):
        contents[f"runtime/{name}"] = runtime_bytes(name)
    if sample is not None:
        contents[facts.sample] = sample.read_bytes()
    return contents


def _refuse_existing(target: Path, contents: Mapping[str, bytes], folder: str | None, force: bool) -> None:
    if target.exists() and not target.is_dir():
        raise OutputExistsError(f"{target} exists and is not a folder; choose another output")
    if force:
        return
    names = [*contents, *([folder] if folder else [])]
    if found := sorted(name for name in names if os.path.lexists(target / name)):
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise OutputExistsError(
            f"{target} has {', '.join(found[:3])}{more} already; use --force (force=True) to replace them, or choose another output"
        )


def _write(target: Path, contents: Mapping[str, bytes], folder: str, copied: Mapping[str, bytes]) -> list[Path]:
    """Write each file aside and rename it, so that none is ever half written; the copied model as a whole."""
    target.mkdir(parents=True, exist_ok=True)
    written = []
    aside = Path(tempfile.mkdtemp(prefix=".webkiln-", dir=target))
    try:
        if copied:
            (aside / folder).mkdir()
            for name, data in copied.items():
                (aside / folder / name).write_bytes(data)
                written.append(target / folder / name)
            replace_folder(aside / folder, target / folder)
        for name, data in contents.items():
            path = target / name
            path.parent.mkdir(exist_ok=True)
            (aside / "file").write_bytes(data)
            os.replace(aside / "file", path)
            written.append(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return sorted(written)
