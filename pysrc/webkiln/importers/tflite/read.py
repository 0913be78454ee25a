"""A TFLite file, read into a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from webkiln.errors import FormatError, InputError, Unsupported, UnsupportedOperatorError
from webkiln.graph.dims import Shape
from webkiln.graph.dtypes import COMPLEX, FROM_SOURCE, canonical_dtype
from webkiln.graph.signature import Argument, Signature
from webkiln.importers.emitter import Refused
from webkiln.importers.imported import ImportedModel
from webkiln.importers.inputs import given_shape, open_sizes
from webkiln.importers.tflite.driver import in_order, lower_all
from webkiln.importers.tflite.file import File, SignatureDefinition, parse
from webkiln.importers.tflite.hints import hint
from webkiln.importers.tflite.inlining import inlined
from webkiln.importers.tflite.lowering import Lowering
from webkiln.importers.tflite.metadata import Described, input_processing
from webkiln.importers.tflite.signatures import chosen, in_order_of
from webkiln.importers.tflite.variables import starts_of


def read(path: Path, *, inputs: Mapping[str, Sequence[int | str]] | None = None, signature: str | None = None) -> ImportedModel:
    """Read a TFLite file.

    `inputs`: shapes by input name that replace the file's; a string is a symbolic size. `signature`: which one; the first by default.
    Raises `FormatError` for a file that is wrong, `UnsupportedOperatorError` (all at once) for what cannot be converted, and
    `InputError` for an input or signature that does not exist.
    """
    file = parse(path.read_bytes())
    definitions = chosen(file, signature)
    subgraph = inlined(file, definitions[0].subgraph)
    if not subgraph.outputs:
        raise FormatError("the model has no outputs: there is nothing to convert")
    lowering = Lowering(subgraph, starts_of(file, subgraph))
    order = in_order(subgraph, lowering)
    symbols = _add_inputs(lowering, definitions[0], inputs or {})
    problems = lower_all(lowering, order)
    if problems:
        raise UnsupportedOperatorError(problems)
    lowering.variables.keep()
    _add_outputs(lowering)
    graph = lowering.builder.graph
    graph.outputs = list(dict.fromkeys(graph.outputs))
    graph.check()
    signatures = [_signature(definition, lowering) for definition in definitions]
    return ImportedModel(
        graph=graph,
        signatures=signatures,
        name=file.metadata.origin.get("name") or path.stem,
        symbols={**{name: {} for name in symbols}, **lowering.elements.bind(graph)},
        metadata=file.metadata.provenance,
        processing=_processing(file, definitions, signatures),
        operators=Counter(operator.name for operator in subgraph.operators),
        format="tflite",
    )


def described(path: Path, signature: str | None = None) -> dict[str, dict[str, Described]]:
    """What a file's metadata say of the arguments of a signature, by their names under "inputs" and "outputs"."""
    file = parse(path.read_bytes())
    return _described(file, chosen(file, signature)[0])


def _described(file: File, definition: SignatureDefinition) -> dict[str, dict[str, Described]]:
    graph = file.subgraphs[definition.subgraph]
    found = {}
    for side, arguments, order in (("inputs", definition.inputs, graph.inputs), ("outputs", definition.outputs, graph.outputs)):
        known = getattr(file.metadata, side)[definition.subgraph : definition.subgraph + 1]
        # They stand in the order of the subgraph's; where they are not as many, nothing tells which is which.
        by_tensor = dict(zip(order, known[0], strict=True)) if known and len(known[0]) == len(order) else {}
        found[side] = {name: by_tensor[tensor] for name, tensor in arguments if tensor in by_tensor}
    return found


def _processing(file: File, definitions: Sequence[SignatureDefinition], signatures: Sequence[Signature]) -> dict[str, dict[str, Any]]:
    specs: dict[str, Any] = {}
    for definition, signature in zip(definitions, signatures, strict=True):
        known = _described(file, definition)["inputs"]
        specs |= {argument.name: spec for argument in signature.inputs if argument.name in known and (spec := input_processing(known[argument.name], argument))}
    return {"inputs": specs, "outputs": {}} if specs else {}


def _signature(definition: SignatureDefinition, lowering: Lowering) -> Signature:
    """Its arguments in the order of the subgraph's; in the file they stand in that of their names."""

    def arguments(entries: Sequence[tuple[str, int]], order: Sequence[int]) -> list[Argument]:
        found = []
        for name, index in in_order_of(order, entries):
            value = lowering.value(index)
            found.append(Argument(name, value, lowering.subgraph.tensors[index].dtype, tuple(lowering.builder.shape(value))))
        return found

    inputs, outputs = lowering.subgraph.inputs, lowering.subgraph.outputs
    return Signature(definition.name or "serving_default", arguments(definition.inputs, inputs), arguments(definition.outputs, outputs))


def _add_inputs(lowering: Lowering, definition: SignatureDefinition, overrides: Mapping[str, Sequence[int | str]]) -> list[str]:
    """Define the graph's inputs; returns the names of their symbols."""
    subgraph = lowering.subgraph
    argument_names = {index: name for name, index in definition.inputs}
    public = {index: argument_names.get(index, subgraph.tensors[index].name) for index in subgraph.inputs}
    shapes: dict[int, Shape] = {}
    for name, sizes_given in overrides.items():
        found = [index for index in subgraph.inputs if name in (public[index], subgraph.tensors[index].name)]
        if not found:
            raise InputError(f"there is no input {name!r}; the model takes: {', '.join(map(repr, public.values())) or 'none'}")
        shapes[found[0]] = given_shape(name, subgraph.tensors[found[0]].shape or None, sizes_given)
    rest = [index for index in subgraph.inputs if index not in shapes]
    opened = open_sizes([(public[index], subgraph.tensors[index].shape) for index in rest])
    shapes |= {index: shape for index, shape in zip(rest, opened, strict=True) if -1 in subgraph.tensors[index].shape}
    # Files of old do not say whether a shape of [] is a scalar's; there it is.
    ranks_are_written = any(tensor.ranked and not tensor.shape for tensor in subgraph.tensors)
    for index in dict.fromkeys(subgraph.inputs):
        tensor = subgraph.tensors[index]
        if tensor.dtype not in (*FROM_SOURCE, *COMPLEX):
            raise UnsupportedOperatorError(
                [Unsupported("INPUT", f"input {tensor.name!r}", f"elements of the dtype {tensor.dtype}", hint("dtype"))]
            )
        if not tensor.ranked and index not in shapes and ranks_are_written:
            problem = Unsupported("INPUT", f"input {public[index]!r}", "its rank is not known", f"Give its shape: --input {public[index]}=SHAPE")
            raise UnsupportedOperatorError([problem])
        shape = shapes.get(index, tensor.shape)
        if shape != tensor.shape:
            lowering.resized = True
            lowering.arrays.pop(index, None)  # an empty input is known, until it is given a size
        held = (*shape, 2) if tensor.dtype in COMPLEX else shape
        lowering.names[index] = lowering.builder.input(lowering.labels[index], canonical_dtype(tensor.dtype), held)
    return lowering.elements.add_inputs(lowering.builder.graph, ("i32",))


def _add_outputs(lowering: Lowering) -> None:
    problems = []
    for index in lowering.subgraph.outputs:
        try:
            lowering.builder.output(lowering.value(index))
        except Refused as refusal:
            where = f"output {lowering.subgraph.tensors[index].name!r}"
            problems.append(Unsupported("OUTPUT", where, refusal.reason, refusal.hint))
    if problems:
        raise UnsupportedOperatorError(problems)
