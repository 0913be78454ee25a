"""Thousands of damaged models for each reader: read, or refused with a message that says where; never anything else, quickly, and in little memory.

`WEBKILN_FUZZ=1000000` reads more of each, `WEBKILN_FUZZ_SEED` other ones. What fails is kept, and comes with the command that repeats it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from fuzz import TARGETS, run, told

COUNT = int(os.environ.get("WEBKILN_FUZZ", "20000"))
SEED = int(os.environ.get("WEBKILN_FUZZ_SEED", "0"))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux counts it")
@pytest.mark.timeout(600 + COUNT)
@pytest.mark.parametrize("target", TARGETS)
def test_damaged_models(target: str, tmp_path: Path) -> None:
    found = run(target, SEED, 0, COUNT, keep=tmp_path)
    assert not found.faults, f"the files are in {tmp_path}\n\n{told(target, SEED, found)}"
    assert sum(found.counts.values()) == COUNT
    # What is always refused at the first look tests little, and so does what is hardly damaged.
    assert found.counts["read"] > COUNT / 8
    assert found.counts["refused"] > COUNT / 8
