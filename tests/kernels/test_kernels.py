"""Every kernel against NumPy, in both builds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from kernel_cases import KERNEL_CASES
from kernel_machine import Case, Machine, check, execute
from program_cases import PROGRAM_CASES


@pytest.mark.parametrize("cases", [*KERNEL_CASES, *PROGRAM_CASES], ids=lambda cases: cases.__name__)
def test_kernel_against_numpy(machine: Machine, cases: Callable[[np.random.Generator], Iterator[Case]]) -> None:
    failures = []
    count = 0
    for case in cases(np.random.default_rng(1)):
        count += 1
        try:
            check(case, execute(machine, case))
        except AssertionError as error:
            failures.append(str(error).strip())
    assert count
    assert not failures, f"{len(failures)} of {count} cases:\n" + "\n".join(failures[:10])
