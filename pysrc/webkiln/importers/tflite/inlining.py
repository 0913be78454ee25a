"""Subgraphs that operators name: those that an operator stands for are put in its place, the bodies of control flow beside the one in which it stands."""

from __future__ import annotations

from dataclasses import replace

from webkiln.errors import FormatError
from webkiln.importers.tflite.file import File, Operator, Subgraph, Tensor

CALLS = {"CALL": "CallOptions", "STABLEHLO_COMPOSITE": "CompositeOptions"}  # they compute what the subgraph computes that their options name
BODIES = {"IF": ("IfOptions", "then", "otherwise"), "WHILE": ("WhileOptions", "condition", "body")}  # of control flow, by the names of its options
MAXIMUM_NESTING = 32
# How many operators may come of a file, absolutely and for each one in it: a few subgraphs that call each other several times make billions.
OPERATORS_LIMIT, REPETITIONS_LIMIT = 2**15, 64


def inlined(file: File, index: int) -> Subgraph:
    """A subgraph in which no operator stands for another one. Its tensors keep their places; those of others come after them.

    An operator stays where the results of its subgraph are not made there. `FormatError` for subgraphs that name each other without end.
    """
    subgraph = file.subgraphs[index]
    if not any(operator.name in CALLS or operator.name in BODIES for operator in subgraph.operators):
        return subgraph
    inlining = _Inlining(file, list(subgraph.tensors))
    operators: list[Operator] = []
    inlining.add(operators, subgraph, {i: i for i in range(len(subgraph.tensors))}, (index,))
    return replace(subgraph, tensors=tuple(inlining.tensors), operators=tuple(operators))


class _Inlining:
    def __init__(self, file: File, tensors: list[Tensor]) -> None:
        self.file = file
        self.tensors = tensors
        self.count = 0
        self.most = OPERATORS_LIMIT + REPETITIONS_LIMIT * sum(len(subgraph.operators) for subgraph in file.subgraphs)

    def add(self, operators: list[Operator], subgraph: Subgraph, places: dict[int, int], callers: tuple[int, ...]) -> None:
        """Add the operators of a subgraph whose tensors have these places."""
        for operator in subgraph.operators:
            inputs = tuple(places[i] if i >= 0 else i for i in operator.inputs)
            moved = replace(operator, index=len(operators), inputs=inputs, outputs=tuple(places[i] for i in operator.outputs))
            self.count += 1
            if self.count > self.most:
                raise FormatError(f"its subgraphs call each other more often than is read: they make more than {self.most} operators")
            table, *names = BODIES.get(operator.name, (CALLS.get(operator.name, ""),))
            options = operator.options_of(table)
            if options is not None and names:
                operators.append(replace(moved, bodies=tuple(self._body(moved, getattr(options, name), callers) for name in names)))
            elif options is None or not self._call(operators, moved, options.subgraph, callers):
                operators.append(moved)

    def _named(self, operator: Operator, index: int, callers: tuple[int, ...]) -> Subgraph:
        where = f"operator {operator.index} ({operator.name})"
        if not 0 <= index < len(self.file.subgraphs):
            raise FormatError(f"{where} is for subgraph {index}; the file has {len(self.file.subgraphs)}")
        if index in callers:
            raise FormatError(f"{where} is for subgraph {index}, in which it stands itself")
        if len(callers) > MAXIMUM_NESTING:
            raise FormatError(f"{where} is for subgraph {index}: subgraphs that stand in each other more than {MAXIMUM_NESTING} deep are not read")
        return self.file.subgraphs[index]

    def _body(self, operator: Operator, index: int, callers: tuple[int, ...]) -> Subgraph:
        body = self._named(operator, index, callers)
        places = self._placed(body, {})
        operators: list[Operator] = []
        self.add(operators, body, places, (*callers, index))
        return Subgraph((), tuple(places[i] for i in body.inputs), tuple(places[i] for i in body.outputs), tuple(operators))

    def _call(self, operators: list[Operator], operator: Operator, index: int, callers: tuple[int, ...]) -> bool:
        body = self._named(operator, index, callers)
        if len(body.inputs) != len(operator.inputs) or len(body.outputs) != len(operator.outputs):
            raise FormatError(
                f"operator {operator.index} ({operator.name}) has {len(operator.inputs)} inputs and {len(operator.outputs)} outputs, "
                f"but subgraph {index} has {len(body.inputs)} and {len(body.outputs)}"
            )
        made = {i for one in body.operators for i in one.outputs} - set(body.inputs)
        if -1 in operator.inputs or not made.issuperset(body.outputs) or len(set(body.outputs)) < len(body.outputs):
            return False
        places = dict(zip(body.inputs, operator.inputs, strict=True)) | dict(zip(body.outputs, operator.outputs, strict=True))
        self.add(operators, body, self._placed(body, places), (*callers, index))
        return True

    def _placed(self, body: Subgraph, places: dict[int, int]) -> dict[int, int]:
        """Places for those tensors that have none, after all others."""
        for tensor in body.tensors:
            if tensor.index not in places:
                places[tensor.index] = len(self.tensors)
                self.tensors.append(replace(tensor, index=len(self.tensors)))
        if len(self.tensors) > 4 * self.most:
            raise FormatError(f"its subgraphs call each other more often than is read: they have more than {4 * self.most} tensors")
        return places
