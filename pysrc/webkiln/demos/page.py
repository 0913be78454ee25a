"""A demo's page: its scripts, modules and styles, and the policy that it gets."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from webkiln.codegen.paths import demos_folder, dist_folder
from webkiln.errors import WebkilnError

RUNTIME = "runtime/"
"""Where the built runtime lies beside a page; the rest lies as in `demos/`."""

Note = Callable[[str], None]
"""Takes what is being done, in a few words."""

SHARED_STYLE = "shell/base.css"
"""What the styles of all demos have in common."""

CHECK_TIMEOUT = 120.0
"""Seconds until a page has to have results, on a slow machine without a GPU."""

PLAYGROUND = "https://stackblitz.com"

SERVED_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    f"connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action {PLAYGROUND}"
)
# Inline scripts are allowed without a hash, since playgrounds that this is pasted into change white space; nothing is fetched from anywhere.
SINGLE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' data: blob:; style-src 'unsafe-inline'; img-src blob: data:; media-src blob:; "
    f"worker-src blob:; base-uri 'none'; form-action {PLAYGROUND}"
)

MODULE = re.compile(r'<script type="module">\n(.*?)</script>', re.DOTALL)
SCRIPT = re.compile(r'<script src="([^"]+)"></script>')
STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)">')
ICON = re.compile(r'<link rel="icon" href="([^"]+)">')
IMPORT = re.compile(r'^((?:import|export)\b[^"\n]*|\} from )"(\.\.?/[^"]+)"', re.MULTILINE)
"""An import of another file, as these modules are written: it begins or ends at the beginning of a line."""

_HEAD = '<meta charset="utf-8">\n'


def source(path: str) -> Path:
    """Where the file lies that a page asks for as `path`. Raises `WebkilnError` when it is missing."""
    found = dist_folder() / path.removeprefix(RUNTIME) if path.startswith(RUNTIME) else demos_folder() / path
    if not found.is_file():
        raise WebkilnError(f"a file of the demo is missing: {found}")
    return found


def licences_of(path: str) -> Path | None:
    """The licences of what is inside of a script of the runtime; None where it is all our own."""
    found = source(path).with_name(Path(path).name.replace(".min.js", ".licenses.txt"))
    return found if path.startswith(RUNTIME) and found.is_file() else None


def read(path: str) -> str:
    return source(path).read_text(encoding="utf-8")


def script_of(page: str, name: str) -> str:
    """The one module in the page."""
    found = MODULE.findall(page)
    if len(found) != 1:
        raise WebkilnError(f"the demo's page {name} has {len(found)} inline modules, expected 1")
    return str(found[0])


def with_policy(page: str, policy: str) -> str:
    return page.replace(_HEAD, f'{_HEAD}<meta http-equiv="Content-Security-Policy" content="{policy}">\n', 1)


def imports(module: str, path: str) -> list[str]:
    """What a module at `path` imports, as paths beside the page."""
    return [_resolved(target, path) for _, target in IMPORT.findall(module)]


def renamed(module: str, path: str, prefix: str) -> str:
    """The module with `prefix` + path in place of each relative import, for an import map."""
    return IMPORT.sub(lambda found: f'{found[1]}"{prefix}{_resolved(found[2], path)}"', module)


def modules_from(paths: Iterable[str]) -> dict[str, str]:
    """All modules that are reached by imports, with their texts."""
    texts: dict[str, str] = {}
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        if path not in texts:
            texts[path] = read(path)
            waiting += imports(texts[path], path)
    return texts


def _resolved(target: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
