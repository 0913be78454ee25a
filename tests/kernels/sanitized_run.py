"""Runs every case on the native twin under AddressSanitizer. Arguments: the library; `--too-far` runs one case that reads too far."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
from kernel_cases import all_cases, widen_f16
from kernel_machine import NativeMachine, check, execute


def main() -> None:
    machine = NativeMachine(Path(sys.argv[1]), sanitizer=True)
    cases = list(all_cases())
    if "--too-far" in sys.argv:
        case = next(widen_f16(np.random.default_rng(0)))
        kernel, fields = case.commands[0]
        cases = [dataclasses.replace(case, commands=[(kernel, {**fields, "count": fields["count"] + 60})])]
    for case in cases:
        check(case, execute(machine, case))
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
