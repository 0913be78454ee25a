"""A virtual X display for browsers that can't do without one."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import time

from webkiln.errors import BrowserError

# The shell watches its standard input, which ends with this process however it ends: no display is left behind.
_WATCHED = (
    "Xvfb -displayfd 3 -screen 0 1280x1024x24 -nolisten tcp </dev/null 3>&1 >/dev/null 2>&1 & child=$!; "
    "read _; kill $child; wait $child"
)


class Display:
    """The user's display when there is one, else an Xvfb of its own; `environment` is what a browser is to be given."""

    def __init__(self, timeout: float = 20.0) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.environment = dict(os.environ)
        if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name == "nt" or os.uname().sysname == "Darwin":
            return
        if shutil.which("Xvfb") is None:
            raise BrowserError(
                "this browser needs a display; there is none (DISPLAY is not set) and Xvfb was not found. "
                "Install it (Debian: apt-get install xvfb), or use --browser chromium or node"
            )
        self._process = subprocess.Popen(
            ["sh", "-c", _WATCHED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        try:
            self.environment["DISPLAY"] = f":{self._number(timeout)}"
        except BaseException:
            self.close()
            raise

    def _number(self, timeout: float) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout
        text = b""
        while not text.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise BrowserError(f"Xvfb did not start within {timeout:g} s")
            block = os.read(self._process.stdout.fileno(), 64)
            if not block:
                raise BrowserError("Xvfb ended before it had a display")
            text += block
        return int(text)

    def close(self) -> None:
        """End the display. Safe to call again."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
