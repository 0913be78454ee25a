"""The ways in which the model of a TFLite file can be called."""

from __future__ import annotations

from collections.abc import Sequence

from webkiln.errors import InputError
from webkiln.importers.tflite.file import File, SignatureDefinition, Subgraph


def chosen(file: File, name: str | None) -> list[SignatureDefinition]:
    """The signatures to convert: those of one subgraph, the wanted one first."""
    if not file.signatures:
        if name not in (None, "serving_default"):
            raise InputError(f"the file has no signature {name!r}; it has none at all, so leave the name out")
        graph = file.subgraphs[0]
        return [SignatureDefinition("serving_default", 0, _arguments(graph, graph.inputs), _arguments(graph, graph.outputs))]
    first = next((one for one in file.signatures if name in (None, one.name)), None)
    if first is None:
        known = ", ".join(repr(one.name) for one in file.signatures)
        raise InputError(f"the file has no signature {name!r}; it has: {known}")
    others = [one for one in file.signatures if one.subgraph == first.subgraph and one is not first]
    return [first, *others]


def in_order_of(indices: Sequence[int], arguments: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Arguments in the order of the subgraph's; in the file they stand in that of their names."""
    return sorted(arguments, key=lambda argument: indices.index(argument[1]))


def _arguments(graph: Subgraph, indices: Sequence[int]) -> tuple[tuple[str, int], ...]:
    """Arguments named as their tensors."""
    names: dict[str, int] = {}
    result = []
    for index in indices:
        base = graph.tensors[index].name or f"tensor_{index}"
        names[base] = names.get(base, -1) + 1
        result.append((f"{base}.{names[base]}" if names[base] else base, index))
    return tuple(result)
