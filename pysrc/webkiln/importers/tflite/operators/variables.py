"""Variables behind handles."""

from __future__ import annotations

import numpy as np

from webkiln.importers.emitter import Refused
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers
from webkiln.importers.tflite.variables import ASSIGN, READ


def _name(call: Call) -> str:
    index = call.tensor(0).index
    if index not in call.lowering.handles:
        raise Refused("a variable whose handle is computed")
    return call.lowering.handles[index]


@lowers(READ)
def read_variable(call: Call) -> str | np.ndarray:
    """The latest value; of what no run changes, the one that it was given once."""
    name, lowering = _name(call), call.lowering
    if name in lowering.variables:
        return lowering.variables.latest(name)
    start = lowering.starts.get(name)
    if start is None:
        raise Refused(f"the variable {name!r} is read before it is given a value that is constant", "Give its value as an input")
    return lowering.variables.add(name, name.strip("/"), start) if name in lowering.changed else start


@lowers(ASSIGN)
def assign_variable(call: Call) -> list[str | np.ndarray]:
    call.lowering.variables.assign(_name(call), call.value(1))
    return []
