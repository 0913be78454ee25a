"""The native twin: the same bits as the plain build, and no access outside of buffers under AddressSanitizer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kernel_cases import all_cases
from kernel_machine import Machine, build_native, execute

FOLDER = Path(__file__).parent


def canonical(array: np.ndarray) -> bytes:
    """The bits, with one NaN: which one an operation gives is not defined by WebAssembly."""
    if array.dtype == np.float32:
        array = np.where(np.isnan(array), np.float32(np.nan), array)
    return array.tobytes()


def test_twin_gives_the_same_bits(plain: Machine, native: Machine) -> None:
    count = 0
    for case in all_cases():
        left, right = execute(plain, case), execute(native, case)
        for name in case.expected:
            assert canonical(left[name]) == canonical(right[name]), f"{case}: {name}"
        count += 1
    assert count > 800


def sanitizer_library() -> str | None:
    """Where the compiler keeps the library of AddressSanitizer, which must be loaded before Python."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return None
    path = subprocess.run([compiler, "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    return path if os.path.isabs(path) and os.path.exists(path) else None


def sanitized(*arguments: str) -> subprocess.CompletedProcess[str]:
    library = sanitizer_library()
    twin = build_native(("-fsanitize=address", "-g")) if library else None
    if library is None or twin is None:
        pytest.skip("no gcc with AddressSanitizer on this machine")
    environment = {
        **os.environ,
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
        "PYTHONMALLOC": "malloc",
    }
    return subprocess.run(
        [sys.executable, str(FOLDER / "sanitized_run.py"), str(twin), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_no_access_outside_of_buffers() -> None:
    done = sanitized()
    assert done.returncode == 0, done.stderr[-4000:]
    assert int(done.stdout.split()[0]) > 800


def test_the_sanitizer_sees_a_read_outside() -> None:
    """A command whose count is too large for its buffer must be caught, or the test above means nothing."""
    done = sanitized("--too-far")
    assert done.returncode != 0
    assert "AddressSanitizer: use-after-poison" in done.stderr
