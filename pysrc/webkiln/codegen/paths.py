"""Where sources, rendered files and built files are."""

from __future__ import annotations

from pathlib import Path

from webkiln.errors import WebkilnError

PACKAGE = Path(__file__).resolve().parent.parent
REPOSITORY = PACKAGE.parent.parent


def source_folder(name: str) -> Path:
    """`wasm`, `js` or `demos`: in the repository."""
    return REPOSITORY / name


def is_repository() -> bool:
    """Whether the package is used from a checkout (or an sdist), where things can be built."""
    return (REPOSITORY / "wasm").is_dir() and (REPOSITORY / "js").is_dir()


def dist_folder() -> Path:
    """The built runtime: inside an installed package, else `dist/` of the repository. Raises `WebkilnError` when not built."""
    packaged = PACKAGE / "_dist"
    folder = packaged if packaged.is_dir() else REPOSITORY / "dist"
    if not (folder / "webkiln.min.js").is_file():
        raise WebkilnError(f"the runtime is not built in {folder}; build it with: python -m webkiln.codegen")
    return folder


def demos_folder() -> Path:
    """The demo pages: inside an installed package, else `demos/` of the repository."""
    packaged = PACKAGE / "_demos"
    return packaged if packaged.is_dir() else REPOSITORY / "demos"
