"""`webkiln gallery get`."""

from __future__ import annotations

import shutil
from pathlib import Path

from webkiln.commands.aside import written_aside
from webkiln.commands.terminal import progress, remark, say
from webkiln.errors import OutputExistsError
from webkiln.gallery import fetch, find


def command(*, name: str, out: Path | None, force: bool) -> bool:
    recipe = find(name)
    if out is not None:
        if out.is_dir():
            out = out / recipe.file
        if out.exists() and not force:
            raise OutputExistsError(f"{out} exists; --force replaces it")
    with progress(f"fetching {name}") as note:
        path = fetch(recipe, note=note)
    if out is not None:
        with written_aside(out) as aside:
            shutil.copyfile(path, aside)
        path = out
    remark(f"{recipe.name}: {recipe.task}; {recipe.licence}, {recipe.attribution}")
    say(str(path))
    return True
