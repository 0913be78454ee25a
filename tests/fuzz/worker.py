"""Reads models that come over standard input, with little memory, and says of each how that went.

A model is the number of its files and then each name and content after its length, all lengths in four bytes. An answer is a line of JSON: `read`,
`refused` (with the message) or `fault` (with what was wrong).
"""

from __future__ import annotations

import json
import math
import resource
import struct
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from webkiln import convert, webformat
from webkiln.errors import FormatError, UnsupportedFormatError, UnsupportedOperatorError, WebkilnError
from webkiln.graph.graph import Graph

ADDRESSES = 1 << 30  # bytes of address space for reading a model
SLACK = 24e6  # bytes that the interpreter and its libraries take now and then


def main(target: str) -> None:
    read: Callable[[Path], Graph] = _converted if target != "webformat" else _read
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = folder if target in ("webformat", "tfjs") else folder / f"model.{target}"
        answer = sys.stdout
        resource.setrlimit(resource.RLIMIT_AS, (_status(b"VmSize") + ADDRESSES,) * 2)
        while (files := receive(sys.stdin.buffer)) is not None:
            for name, content in files.items():
                (folder / name).write_bytes(content)
            verdict = attempt(read, source, sum(map(len, files.values())))
            answer.write(json.dumps(verdict) + "\n")
            answer.flush()
            for name in files:
                (folder / name).unlink()


def receive(stream: BinaryIO) -> dict[str, bytes] | None:
    """The files of the next model; `None` at the end."""
    head = stream.read(4)
    if len(head) < 4:
        return None

    def part() -> bytes:
        (length,) = struct.unpack("<I", stream.read(4))
        return stream.read(length)

    return {part().decode(): part() for _ in range(struct.unpack("<I", head)[0])}


def _converted(source: Path) -> Graph:
    return convert(source).graph


def _read(source: Path) -> Graph:
    bundle = webformat.read(source)
    bundle.graph.check()
    return bundle.graph


def attempt(read: Callable[[Path], Graph], source: Path, size: int) -> dict[str, str]:
    before = _start_of_peak()
    needed = 4 * size
    verdict = {"read": ""}
    try:
        graph = read(source)
        needed += 4 * _constant_bytes(graph)
    except WebkilnError as error:
        verdict = _judged(error, source)
    except BaseException:
        return {"fault": traceback.format_exc()[-3000:]}
    taken = _status(b"VmHWM") - before
    if taken > needed + SLACK:
        return {"fault": f"{taken / 1e6:.0f} MB of memory for {size} bytes of files: {verdict}"}
    return verdict


def _judged(error: WebkilnError, source: Path) -> dict[str, str]:
    """A refusal, when the message says what is wrong and where."""
    text = str(error)
    named = isinstance(error, (FormatError, UnsupportedFormatError)) and (source.name in text or "model.json" in text or source.suffix == "")
    listed = isinstance(error, UnsupportedOperatorError) and bool(error.items) and all(item.where for item in error.items)
    if not (named or listed):
        return {"fault": f"a {type(error).__name__} that does not say where: {text[:1000]}"}
    if "allocate" in text or text.rstrip().endswith(":") or not 10 < len(text) < 5000:
        return {"fault": f"a {type(error).__name__} of {len(text)} characters that does not say what is wrong: {text[:1000]}"}
    return {"refused": text[:1000]}


def _constant_bytes(graph: Graph) -> int:
    return sum(4 * math.prod(constant.value.shape) for constant in graph.constants.values())


def _start_of_peak() -> int:
    """The bytes of memory now; the peak is counted from here."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status(b"VmRSS")


def _status(key: bytes) -> int:
    """A number of bytes that Linux knows of this process: `VmRSS` of memory, `VmHWM` at its peak, `VmSize` of addresses."""
    with open("/proc/self/status", "rb") as file:
        line = next(line for line in file if line.startswith(key + b":"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
