"""Models made to do harm are refused with the reason and the place, or read; either way soon and in little memory."""

from __future__ import annotations

import sys

import pytest
from attacks import ATTACKS, READ
from fuzz import worker
from watch import watch


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux counts it")
@pytest.mark.parametrize("target", ATTACKS)
def test_attacks(target: str) -> None:
    attacks = ATTACKS[target]()
    names = list(attacks)
    found = watch(worker(target), range(len(names)), lambda number: attacks[names[number]][0], most=len(names))
    assert {names[number]: text for number, text in found.faults.items()} == {}
    told = {name: found.refusals.get(number, READ) for number, name in enumerate(names)}
    assert {name: text for name, text in told.items() if attacks[name][1] not in text} == {}
