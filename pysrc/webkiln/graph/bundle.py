"""A graph with all that a model carries beside it. Importers make one, the web format stores one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from webkiln.errors import GraphError
from webkiln.graph.graph import Graph
from webkiln.graph.signature import Signature


@dataclass
class Bundle:
    """`symbols`: constraints on symbolic dimensions; `processing`, `provenance`: as in docs/format.md."""

    graph: Graph
    signatures: list[Signature]
    name: str = "model"
    symbols: dict[str, dict[str, int]] = field(default_factory=dict)
    processing: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """The number of elements of all constants."""
        constants = {id(one.stored): one for graph in self.graph.graphs() for one in graph.constants.values()}
        return sum(math.prod(size for size in constant.value.shape if isinstance(size, int)) for constant in constants.values())

    def part(self, signature: Signature) -> Graph:
        """The part of the graph that one signature runs: its inputs and the states', its outputs and the next states.

        Raises `GraphError` when that needs an input that the signature does not have.
        """
        graph = self.graph.restricted({argument.value for argument in signature.outputs})
        given = [argument.value for argument in signature.inputs] + [state.input for state in graph.state]
        missing = [name for name in graph.inputs if name not in given and name in graph.consumers()]
        if missing:
            names = ", ".join(map(repr, missing))
            raise GraphError(f"the signature {signature.name!r} does not give {names}, which its outputs or the next states need")
        graph.inputs = list(dict.fromkeys(given))
        return graph
