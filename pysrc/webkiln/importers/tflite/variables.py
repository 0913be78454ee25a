"""What is kept from run to run: tensors that are variables, and variables that operators read and write through handles.

Each is a state of the graph: an input with a value before the first run, and what the operators have made of it at the end of a run.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np

from webkiln.errors import FormatError
from webkiln.graph.build import GraphBuilder
from webkiln.graph.dtypes import canonical_dtype, to_canonical
from webkiln.importers.emitter import Refused
from webkiln.importers.tflite.constants import decode_constant
from webkiln.importers.tflite.file import File, Subgraph

READ, ASSIGN, HANDLE, ONCE = "READ_VARIABLE", "ASSIGN_VARIABLE", "VAR_HANDLE", "CALL_ONCE"


@dataclass
class _State:
    input: str
    initial: str
    latest: str


class Variables:
    """The latest values of what is kept, by what they are of: a tensor's index, or the name of a variable behind handles."""

    def __init__(self, builder: GraphBuilder) -> None:
        self._builder = builder
        self._states: dict[Hashable, _State] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._states

    def add(self, key: Hashable, name: str, start: np.ndarray) -> str:
        """A state, from its value before the first run in the source's dtype. Returns the value that it has when a run begins."""
        graph = self._builder.graph
        array = to_canonical(start, f"the variable {name!r}")
        initial = self._builder.constant(array, graph.fresh(f"{name}/initial")) if array.any() else ""
        value = self._builder.input(graph.fresh(name), canonical_dtype(start.dtype.name), array.shape)
        self._states[key] = _State(value, initial, value)
        return value

    def latest(self, key: Hashable) -> str:
        """The value that it has now."""
        return self._states[key].latest

    def assign(self, key: Hashable, value: str) -> None:
        """Let a value be the latest. What was not read before needs no state: no run reads what another one has left."""
        state = self._states.setdefault(key, _State("", "", value))
        before = self._builder.graph.values.get(state.input)
        if before is not None and before != self._builder.graph.values[value]:
            raise Refused(f"a variable that is {before} and then {self._builder.graph.values[value]}", "Let its dtype and shape stay the same")
        state.latest = value

    def rename(self, old: str, new: str) -> None:
        for state in self._states.values():
            state.latest = new if state.latest == old else state.latest

    def keep(self) -> None:
        """Let the latest values be the first ones of the next run."""
        for state in self._states.values():
            if state.input:
                self._builder.state(state.input, state.latest, state.initial)


def handles_of(subgraph: Subgraph) -> dict[int, str]:
    """The names of the variables that tensors are handles of."""
    found = {}
    for operator in subgraph.operators:
        options = operator.options_of("VarHandleOptions")
        if operator.name == HANDLE and operator.outputs and options is not None:
            found[operator.outputs[0]] = f"{options.container}/{options.name}"
    return found


def starts_of(file: File, subgraph: Subgraph) -> dict[str, np.ndarray]:
    """The values that variables are given once, before the first run, by their names: those that are constants."""
    found: dict[str, np.ndarray] = {}
    for operator in subgraph.operators:
        options = operator.options_of("CallOnceOptions")
        if operator.name != ONCE or options is None:
            continue
        index = options.subgraph
        if not 0 <= index < len(file.subgraphs):
            raise FormatError(f"operator {operator.index} ({ONCE}) is for subgraph {index}; the file has {len(file.subgraphs)}")
        found |= _assigned(file.subgraphs[index])
    return found


def _assigned(subgraph: Subgraph) -> Mapping[str, np.ndarray]:
    handles = handles_of(subgraph)
    found = {}
    for operator in subgraph.operators:
        if operator.name == ASSIGN and len(operator.inputs) == 2 and operator.inputs[0] in handles and operator.inputs[1] >= 0:
            tensor = subgraph.tensors[operator.inputs[1]]
            if tensor.data is not None and tensor.sparsity is None:
                found[handles[operator.inputs[0]]] = decode_constant(tensor)
    return found


def changed_in(subgraph: Subgraph, handles: Mapping[int, str]) -> set[str]:
    """The names of the variables that a run assigns to."""
    return {handles[one.inputs[0]] for one in subgraph.operators if one.name == ASSIGN and one.inputs and one.inputs[0] in handles}
