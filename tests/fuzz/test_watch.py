"""What the fuzzer has to notice: crashes, hangs, greed for memory, other exceptions, messages that say nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from watch import packed, watch
from webkiln.errors import FormatError, ShapeError, Unsupported, UnsupportedOperatorError, WebkilnError
from webkiln.graph.graph import Graph
from worker import attempt, receive

ECHO = """
import json, os, sys, time
sys.path.insert(0, sys.argv[1])
from worker import receive
while (files := receive(sys.stdin.buffer)) is not None:
    name = files["name"].decode()
    if name == "crash":
        os.abort()
    if name == "hang":
        time.sleep(100)
    print(json.dumps({"fault": "as told"} if name == "fault" else {"read": ""}), flush=True)
"""


def test_what_is_sent_is_received(tmp_path: Path) -> None:
    files = {"model.json": b"{}", "empty": b"", "w.bin": bytes(range(256))}
    (tmp_path / "sent").write_bytes(packed(files) + packed({}))
    with (tmp_path / "sent").open("rb") as stream:
        assert [receive(stream), receive(stream), receive(stream)] == [files, {}, None]


def test_a_worker_that_dies_or_hangs_is_replaced() -> None:
    names = ["fine", "crash", "fine", "hang", "fault", "fine"]
    found = watch([sys.executable, "-c", ECHO, str(Path(__file__).parent)], range(6), lambda number: {"name": names[number].encode()}, longest=3)
    assert found.counts == {"read": 3, "fault": 3}
    assert sorted(found.faults) == [1, 3, 4]
    assert "the process ended with -6" in found.faults[1]
    assert "no answer in 3 s" in found.faults[3]
    assert found.faults[4] == "as told"


def test_it_stops_after_some_faults() -> None:
    found = watch([sys.executable, "-c", ECHO, str(Path(__file__).parent)], range(1000), lambda number: {"name": b"fault"}, most=4)
    assert len(found.faults) == 4


def raising(error: BaseException) -> object:
    def read(_: Path) -> Graph:
        raise error

    return read


PLACED = UnsupportedOperatorError([Unsupported("Loop", "node 3")])


@pytest.mark.parametrize("error", [FormatError("model.onnx: node 3 (Loop): it has no body"), PLACED])
def test_refusals_that_say_where(error: WebkilnError) -> None:
    assert list(attempt(raising(error), Path("model.onnx"), 10)) == ["refused"]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a"), MemoryError(), RecursionError(), KeyboardInterrupt(), ShapeError("a division by zero somewhere"), FormatError("list index out of range"),
        FormatError("model.onnx: Unable to allocate 64. GiB for an array"), FormatError("model.onnx: "), FormatError("model.onnx: " + "x" * 10_000),
        UnsupportedOperatorError([Unsupported("Loop", "")]),
    ],
)  # fmt: skip
def test_all_else_is_a_fault(error: BaseException) -> None:
    assert list(attempt(raising(error), Path("model.onnx"), 10)) == ["fault"]


GREEDY = """
import sys
sys.path.insert(0, sys.argv[1])
from worker import Graph, Path, attempt
read = lambda _: (b"x" * 2**27, Graph())[1]
print(attempt(read, Path("m"), 10), attempt(lambda _: Graph(), Path("m"), 10))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux counts it")
def test_memory_that_a_file_cannot_need_is_a_fault() -> None:
    done = subprocess.run([sys.executable, "-c", GREEDY, str(Path(__file__).parent)], capture_output=True, text=True, check=True)
    assert "MB of memory for 10 bytes" in done.stdout
    assert done.stdout.strip().endswith("{'read': ''}")
