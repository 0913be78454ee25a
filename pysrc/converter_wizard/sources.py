"""Which model: a file, a folder with one in it, or a gallery name; with nothing given, what is near."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from webkiln.commands.sources import web_folder
from webkiln.commands.terminal import Note, size_text
from webkiln.errors import FormatError, GalleryError, WebkilnError
from webkiln.gallery import RECIPES, Recipe, fetch, find
from webkiln.importers import detect

from converter_wizard.asking import Asker, Choice

_SUFFIXES = {".tflite", ".onnx", ".keras", ".h5", ".pt", ".pth"}
_DEPTH, _MOST = 2, 20
_PASSED_OVER = {"node_modules", "__pycache__", "venv", "site-packages"}
_OTHER = ""


@dataclass(frozen=True)
class Source:
    """`given` is what the user calls it; `recipe` is set for a gallery model."""

    given: str
    path: Path
    format: str
    recipe: Recipe | None = None

    @property
    def stem(self) -> str:
        """A short name: the file's, or that of its folder where all models' files are called alike."""
        if self.recipe is not None:
            return self.recipe.name
        return self.path.absolute().parent.name if self.path.name == "model.json" else self.path.stem

    @property
    def bytes(self) -> int:
        """Of all files of the model."""
        if self.recipe is not None:
            return self.recipe.bytes
        paths = {self.path}
        if self.format == "tfjs":
            manifest = json.loads(self.path.read_bytes()).get("weightsManifest", [])
            paths |= {self.path.parent / name for group in manifest for name in group["paths"]}
        return sum(path.stat().st_size for path in paths)


def chosen(given: str | None, asker: Asker, note: Note) -> Source:
    """The source that the user named, or chooses. Raises `FormatError` where there is none, `GalleryError` for what cannot be fetched."""
    given = given if given is not None else _offered(asker)
    path = Path(given)
    if web_folder(given) is not None:
        raise FormatError(f"{given} is in the web format already: `webkiln inspect`, `webkiln verify` and `webkiln page` take it as it is")
    if not path.exists():
        return _of_gallery(given, note)
    if path.is_dir() and not any((path / name).is_file() for name in ("model.json", "saved_model.pb")):
        path = _inside(path, asker)
        given = str(path)
    file = path / "model.json" if path.is_dir() and (path / "model.json").is_file() else path
    return Source(given, file, detect(file))


def _of_gallery(name: str, note: Note) -> Source:
    if "/" in name or "\\" in name or Path(name).suffix:
        raise FormatError(f"there is no file or folder {name!r}")
    try:
        recipe = find(name)
    except GalleryError as error:
        raise FormatError(f"{name!r} is no file or folder, and {error}") from None
    path = fetch(recipe, note=note)
    return Source(name, path, detect(path), recipe)


def _inside(folder: Path, asker: Asker) -> Path:
    found = nearby(folder)
    if not found:
        raise FormatError(f"the folder {str(folder)!r} holds no model: no .tflite, .onnx or model.json is in it")
    if len(found) == 1:
        return found[0]
    return Path(asker.choose(f"Which model of {folder}?", _as_choices(found), str(found[0])))


def _offered(asker: Asker) -> str:
    found = nearby(Path())
    choices = [*_as_choices(found), *(Choice(name, f"{name}: {recipe.task} ({size_text(recipe.bytes)}, {recipe.licence})") for name, recipe in RECIPES.items())]
    choices.append(Choice(_OTHER, "another file"))
    chosen_one = asker.choose("Which model? Files near here, then the gallery.", choices, choices[0].value)
    return chosen_one or asker.text("The path of the file:", "", lambda text: "" if text and Path(text).exists() else f"there is no file {text!r}")


def _as_choices(paths: Sequence[Path]) -> list[Choice]:
    return [Choice(str(path), f"{path} ({size_text(path.stat().st_size)})") for path in paths]


def nearby(folder: Path) -> list[Path]:
    """Models in a folder and the folders in it, the nearest first; at most 20."""
    found = []
    for path in _files(folder, _DEPTH):
        try:
            is_model = detect(path) != "webkiln" if path.suffix.lower() in _SUFFIXES or path.name == "model.json" else False
        except WebkilnError:
            continue
        if is_model:
            found.append(path)
        if len(found) == _MOST:
            break
    return found


def _files(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    yield from (Path(folder, entry.name) for entry in entries if entry.is_file())
    for entry in entries if depth else []:
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and entry.name not in _PASSED_OVER:
            yield from _files(Path(folder, entry.name), depth - 1)
