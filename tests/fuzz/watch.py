"""Sending models to a worker of its own process, and watching it: it may refuse them, but neither stop, nor crash, nor take too long."""

from __future__ import annotations

import json
import queue
import signal
import struct
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from seeds import Files

LONGEST = 10.0  # seconds for a model
STARTING = 30.0  # until the worker is there


@dataclass
class Faults:
    """What went wrong, by number, and why the others were refused; `counts`: how many were what."""

    faults: dict[int, str] = field(default_factory=dict)
    refusals: dict[int, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


def watch(command: Sequence[str], numbers: Iterable[int], files: Callable[[int], Files], most: int = 10, longest: float = LONGEST) -> Faults:
    """Send the models of all numbers to a worker; one that dies, or takes longer than `longest` seconds, is replaced. Stops after `most` faults."""
    result = Faults()
    rest = list(numbers)
    while rest and len(result.faults) < most:
        worker = _Worker(command, rest, files)
        done = 0
        for number in rest:
            verdict = worker.answer(longest + (STARTING if done == 0 else 0))
            done += 1
            (kind, text), *_ = verdict.items()
            result.counts[kind] += 1
            if kind != "read":
                (result.faults if kind == "fault" else result.refusals)[number] = text
            if len(result.faults) >= most or worker.ended:
                break
        worker.stop()
        rest = rest[done:]
    return result


class _Worker:
    def __init__(self, command: Sequence[str], numbers: Iterable[int], files: Callable[[int], Files]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.answers: queue.Queue[bytes] = queue.Queue()
        self.errors = b""
        self.ended = False
        self.threads = [threading.Thread(target=one, args=arguments, daemon=True) for one, *arguments in ((self._send, numbers, files), (self._listen,), (self._collect,))]
        for thread in self.threads:
            thread.start()

    def _send(self, numbers: Iterable[int], files: Callable[[int], Files]) -> None:
        assert self.process.stdin is not None
        try:
            for number in numbers:
                self.process.stdin.write(packed(files(number)))
                self.process.stdin.flush()
            self.process.stdin.close()
        except (BrokenPipeError, ValueError):  # it has died, or was stopped
            pass

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.answers.put(line)
        self.answers.put(b"")

    def _collect(self) -> None:
        assert self.process.stderr is not None
        self.errors = self.process.stderr.read()

    def answer(self, seconds: float) -> dict[str, str]:
        """The next verdict; a fault when there is none."""
        try:
            line = self.answers.get(timeout=seconds)
        except queue.Empty:
            self.ended = True
            self.process.send_signal(signal.SIGABRT)  # Python then says where it is
            self.threads[2].join(5)
            return {"fault": f"no answer in {seconds:.0f} s:\n{self._said()}"}
        if line:
            verdict: dict[str, str] = json.loads(line)
            return verdict
        self.ended = True
        self.threads[2].join(5)
        return {"fault": f"the process ended with {self.process.wait()}:\n{self._said()}"}

    def _said(self) -> str:
        return self.errors[-3000:].decode(errors="replace")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self.threads:
            thread.join(5)


def packed(files: Files) -> bytes:
    parts = [struct.pack("<I", len(files))]
    for name, content in files.items():
        parts += [struct.pack("<I", len(name)), name.encode(), struct.pack("<I", len(content)), content]
    return b"".join(parts)
