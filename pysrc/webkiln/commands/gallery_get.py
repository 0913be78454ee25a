"""`webkiln gallery get`."""

from __future__ import annotations

import shutil
from pathlib import Path

from webkiln import gallery
from webkiln.commands.aside import written_aside
from webkiln.commands.describe import folder_size
from webkiln.commands.gallery_show import show_snippets
from webkiln.commands.terminal import Note, progress, remark, say, size_text
from webkiln.errors import OutputExistsError
from webkiln.gallery import Recipe, fetch, fetch_sample, find


def command(*, name: str, out: Path | None, quantize: str | None, source: bool, sample: bool, force: bool) -> bool:
    recipe = find(name)
    if out is None:
        with progress(f"fetching {name}") as note:
            path = fetch(recipe, note=note)
        _say_origin(recipe)
        say(str(path))
        return True
    if out.exists() and not force and (not out.is_dir() or any(out.iterdir())):
        raise OutputExistsError(f"{out} exists already; --force replaces it, or choose another -o")
    with progress(f"fetching {name}") as note:
        if source:
            _copy_sources(recipe, out, note)
        else:
            made = gallery.convert(recipe, quantize=quantize, note=note)
            note("computing golden vectors and writing")
            for path in _own_files(recipe):  # those of an earlier call: a folder with other files than a model's is not replaced
                (out / path.name).unlink(missing_ok=True)
            made.save(out, force=force)
            for path in _beside(recipe):
                _copy(path, out)
        size = folder_size(out)
        if sample:
            _copy_sample(recipe, out, note)
    _say_origin(recipe)
    say(f"{size_text(size)}, written to {out}")
    if not source:
        show_snippets(recipe, out.name)
    return True


def _say_origin(recipe: Recipe) -> None:
    remark(f"{recipe.name}: {recipe.task}; {recipe.licence}, {recipe.attribution}")


def _copy_sources(recipe: Recipe, out: Path, note: Note) -> None:
    folder = fetch(recipe, note=note).parent
    out.mkdir(parents=True, exist_ok=True)
    for part in recipe.parts:
        _copy(folder / part.file, out)


def _beside(recipe: Recipe) -> list[Path]:
    """What model.json names and does not hold: a tokenizer."""
    folder, named = fetch(recipe).parent, {spec.get("tokenizer") for spec in recipe.inputs.values()}
    return [folder / part.file for part in recipe.beside if part.file in named]


def _own_files(recipe: Recipe) -> list[Path]:
    """What this command writes beside a model, by name."""
    sample = recipe.sample.part if recipe.sample else None
    return [*_beside(recipe), *([Path(sample.file)] if sample else [])]


def _copy_sample(recipe: Recipe, out: Path, note: Note) -> None:
    path = fetch_sample(recipe, note=note)
    if path is None:
        remark(f"there is no file to try it with, but: {recipe.sample}")
        return
    _copy(path, out)
    remark(f"to try it: {out / path.name}, {recipe.sample}")


def _copy(path: Path, folder: Path) -> None:
    with written_aside(folder / path.name) as aside:
        shutil.copyfile(path, aside)
