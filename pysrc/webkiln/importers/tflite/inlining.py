"""Subgraphs that an operator stands for, put in its place."""

from __future__ import annotations

from dataclasses import replace

from webkiln.errors import FormatError
from webkiln.importers.tflite.file import File, Operator, Subgraph, Tensor

CALLS = frozenset(("CALL", "STABLEHLO_COMPOSITE"))  # they compute what the subgraph computes that their options name
OPERATORS_LIMIT = 2**18


def inlined(file: File, index: int) -> Subgraph:
    """A subgraph in which no operator stands for another one. Its tensors keep their places; those of others come after them.

    An operator stays where the results of its subgraph are not made there. `FormatError` for subgraphs that call each other without end.
    """
    subgraph = file.subgraphs[index]
    if not any(operator.name in CALLS for operator in subgraph.operators):
        return subgraph
    inlining = _Inlining(file, list(subgraph.tensors))
    inlining.add(subgraph, {i: i for i in range(len(subgraph.tensors))}, (index,))
    return replace(subgraph, tensors=tuple(inlining.tensors), operators=tuple(inlining.operators))


class _Inlining:
    def __init__(self, file: File, tensors: list[Tensor]) -> None:
        self.file = file
        self.tensors = tensors
        self.operators: list[Operator] = []
        self.calls = 0

    def add(self, subgraph: Subgraph, places: dict[int, int], callers: tuple[int, ...]) -> None:
        """Add the operators of a subgraph whose tensors have these places."""
        for operator in subgraph.operators:
            inputs = tuple(places[i] if i >= 0 else i for i in operator.inputs)
            moved = replace(operator, index=len(self.operators), inputs=inputs, outputs=tuple(places[i] for i in operator.outputs))
            if operator.name not in CALLS or operator.options is None or not self._call(moved, callers):
                self.operators.append(moved)
            if len(self.operators) + self.calls > OPERATORS_LIMIT:
                raise FormatError(f"its subgraphs call each other more often than is read: they make more than {OPERATORS_LIMIT} operators")

    def _call(self, operator: Operator, callers: tuple[int, ...]) -> bool:
        assert operator.options is not None
        where, index = f"operator {operator.index} ({operator.name})", operator.options.subgraph
        if not 0 <= index < len(self.file.subgraphs):
            raise FormatError(f"{where} is for subgraph {index}; the file has {len(self.file.subgraphs)}")
        if index in callers:
            raise FormatError(f"{where} is for subgraph {index}, in which it stands itself")
        body = self.file.subgraphs[index]
        if len(body.inputs) != len(operator.inputs) or len(body.outputs) != len(operator.outputs):
            raise FormatError(
                f"{where} has {len(operator.inputs)} inputs and {len(operator.outputs)} outputs, but subgraph {index} has {len(body.inputs)} and {len(body.outputs)}"
            )
        made = {i for one in body.operators for i in one.outputs} - set(body.inputs)
        if -1 in operator.inputs or not made.issuperset(body.outputs) or len(set(body.outputs)) < len(body.outputs):
            return False
        self.calls += 1
        places = dict(zip(body.inputs, operator.inputs, strict=True)) | dict(zip(body.outputs, operator.outputs, strict=True))
        for tensor in body.tensors:
            if tensor.index not in places:
                places[tensor.index] = len(self.tensors)
                self.tensors.append(replace(tensor, index=len(self.tensors)))
        self.add(body, places, (*callers, index))
        return True
