"""A TFLite file, read into a graph."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from webkiln.errors import FormatError, InputError, Unsupported, UnsupportedOperatorError
from webkiln.graph.dims import Shape
from webkiln.graph.dtypes import COMPLEX, FROM_SOURCE, canonical_dtype
from webkiln.graph.signature import Argument, Signature
from webkiln.importers.emitter import UNFORESEEN, Refused
from webkiln.importers.imported import ImportedModel
from webkiln.importers.inputs import given_shape, open_sizes
from webkiln.importers.tflite import sizes
from webkiln.importers.tflite.file import File, Operator, SignatureDefinition, Subgraph, parse
from webkiln.importers.tflite.hints import hint
from webkiln.importers.tflite.inlining import inlined
from webkiln.importers.tflite.lowering import Call, Lowering, place
from webkiln.importers.tflite.operators import COMPLEX_RULES, RULES
from webkiln.importers.tflite.operators.recurrence import STATEFUL
from webkiln.importers.tflite.operators.registry import Rule
from webkiln.importers.tflite.quantized import lower_scaled
from webkiln.importers.tflite.scales import scaled_tensors
from webkiln.importers.tflite.variables import HANDLE, ONCE, starts_of


def read(path: Path, *, inputs: Mapping[str, Sequence[int | str]] | None = None, signature: str | None = None) -> ImportedModel:
    """Read a TFLite file.

    `inputs`: shapes by input name that replace the file's; a string is a symbolic size. `signature`: which one; the first by default.
    Raises `FormatError` for a file that is wrong, `UnsupportedOperatorError` (all at once) for what cannot be converted, and
    `InputError` for an input or signature that does not exist.
    """
    file = parse(path.read_bytes())
    definitions = _choose(file, signature)
    subgraph = inlined(file, definitions[0].subgraph)
    if not subgraph.outputs:
        raise FormatError("the model has no outputs: there is nothing to convert")
    lowering = Lowering(subgraph, starts_of(file, subgraph))
    order = _in_order(subgraph, lowering)
    symbols = _add_inputs(lowering, definitions[0], inputs or {})
    _lower_all(lowering, order)
    lowering.variables.keep()
    _add_outputs(lowering)
    graph = lowering.builder.graph
    graph.outputs = list(dict.fromkeys(graph.outputs))
    graph.check()
    return ImportedModel(
        graph=graph,
        signatures=[_signature(definition, lowering) for definition in definitions],
        name=file.metadata.get("name") or path.stem,
        symbols={**{name: {} for name in symbols}, **lowering.elements.bind(graph)},
        metadata=_provenance(file.metadata),
        operators=Counter(operator.name for operator in subgraph.operators),
        format="tflite",
    )


def _provenance(metadata: Mapping[str, str]) -> dict[str, str]:
    names = {"description": "description", "author": "attribution", "licence": "licence"}
    return {names[key]: text for key, text in metadata.items() if key in names}


def _choose(file: File, name: str | None) -> list[SignatureDefinition]:
    """The signatures to convert: those of one subgraph, the wanted one first."""
    if not file.signatures:
        if name not in (None, "serving_default"):
            raise InputError(f"the file has no signature {name!r}; it has none at all, so leave the name out")
        graph = file.subgraphs[0]
        return [SignatureDefinition("serving_default", 0, _arguments(graph, graph.inputs), _arguments(graph, graph.outputs))]
    chosen = next((one for one in file.signatures if name in (None, one.name)), None)
    if chosen is None:
        known = ", ".join(repr(one.name) for one in file.signatures)
        raise InputError(f"the file has no signature {name!r}; it has: {known}")
    others = [one for one in file.signatures if one.subgraph == chosen.subgraph and one is not chosen]
    return [chosen, *others]


def _arguments(graph: Subgraph, indices: Sequence[int]) -> tuple[tuple[str, int], ...]:
    """Arguments named as their tensors."""
    names: dict[str, int] = {}
    result = []
    for index in indices:
        base = graph.tensors[index].name or f"tensor_{index}"
        names[base] = names.get(base, -1) + 1
        result.append((f"{base}.{names[base]}" if names[base] else base, index))
    return tuple(result)


def _signature(definition: SignatureDefinition, lowering: Lowering) -> Signature:
    """Its arguments in the order of the subgraph's; in the file they stand in that of their names."""

    def arguments(entries: Sequence[tuple[str, int]], order: Sequence[int]) -> list[Argument]:
        found = []
        for name, index in sorted(entries, key=lambda entry: order.index(entry[1])):
            value = lowering.value(index)
            found.append(Argument(name, value, lowering.subgraph.tensors[index].dtype, tuple(lowering.builder.shape(value))))
        return found

    inputs, outputs = lowering.subgraph.inputs, lowering.subgraph.outputs
    return Signature(definition.name or "serving_default", arguments(definition.inputs, inputs), arguments(definition.outputs, outputs))


def _in_order(subgraph: Subgraph, lowering: Lowering) -> list[Operator]:
    """The operators such that each comes after those that make what it reads; in the file's order where that is so already."""
    makers: dict[int, int] = {}
    for operator in subgraph.operators:
        for index in operator.outputs:
            name = subgraph.tensors[index].name
            if index in makers:
                raise FormatError(f"{place(subgraph, operator)}: the tensor {name!r} is made by operator {makers[index]} already")
            if index in subgraph.inputs or index in lowering.arrays:
                kind = "an input of the model" if index in subgraph.inputs else "a constant"
                raise FormatError(f"{place(subgraph, operator)}: it makes the tensor {name!r}, which is {kind}")
            makers[index] = operator.index
    waiting: dict[int, int] = {}
    readers: dict[int, list[int]] = {}
    for operator in subgraph.operators:
        needed = {index for index in operator.inputs if index in makers}
        for index in operator.inputs:
            tensor = subgraph.tensors[index] if index >= 0 else None
            has_value = tensor is None or index in needed or index in subgraph.inputs or index in lowering.arrays
            if tensor is not None and not has_value and not tensor.variable and tensor.data is None and tensor.dtype in FROM_SOURCE:
                raise FormatError(f"{place(subgraph, operator)}: it reads the tensor {tensor.name!r}, which nothing makes")
        sources = {makers[index] for index in needed}
        waiting[operator.index] = len(sources)
        for source in sources:
            readers.setdefault(source, []).append(operator.index)
    for index in subgraph.outputs:
        if index not in makers and index not in subgraph.inputs and index not in lowering.arrays:
            raise FormatError(f"the output {subgraph.tensors[index].name!r} of the model is made by nothing")
    ready = [index for index, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    order = []
    while ready:
        index = heapq.heappop(ready)
        order.append(subgraph.operators[index])
        for reader in readers.get(index, []):
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heapq.heappush(ready, reader)
    if len(order) < len(subgraph.operators):
        stuck = next(operator for operator in subgraph.operators if waiting[operator.index])
        raise FormatError(f"{place(subgraph, stuck)}: what it reads depends on what it makes: the graph has a cycle")
    return order


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


def _lower_all(lowering: Lowering, order: Sequence[Operator]) -> None:
    """Lower every operator; what cannot be is collected, and raised at once."""
    problems: list[Unsupported] = []
    guessed: set[int] = set()  # tensors that stand in for what could not be made
    for operator in order:
        where = place(lowering.subgraph, operator)
        after_guess = not guessed.isdisjoint(operator.inputs)
        try:
            _lower(lowering, operator)
        except Refused as refusal:
            if not after_guess or operator.name not in {*RULES, *COMPLEX_RULES}:
                problems.append(Unsupported(operator.name, where, refusal.reason, refusal.hint))
        except (FormatError, *UNFORESEEN) as error:
            if not after_guess:
                raise error if isinstance(error, FormatError) and where in str(error) else FormatError(f"{where}: {error}") from None
        else:
            continue
        for index in operator.outputs:
            guessed.add(index)
            _stand_in(lowering, index)
    if problems:
        raise UnsupportedOperatorError(problems)


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


def _stand_in(lowering: Lowering, index: int) -> None:
    """Give a tensor that could not be made the shape that the file says, so that what follows it is looked at too."""
    tensor = lowering.subgraph.tensors[index]
    if index not in lowering.names and tensor.dtype in FROM_SOURCE:
        shape = tuple(abs(size) for size in tensor.shape)
        name = lowering.builder.graph.fresh(lowering.labels[index])
        lowering.names[index] = lowering.builder.input(name, canonical_dtype(tensor.dtype), shape)


def _lower(lowering: Lowering, operator: Operator) -> None:
    if operator.name in (HANDLE, ONCE):
        return  # which variables there are, and their first values, is known already
    is_complex = any(lowering.subgraph.tensors[index].dtype in COMPLEX for index in (*operator.inputs, *operator.outputs) if index >= 0)
    rule = (COMPLEX_RULES if is_complex else RULES).get(operator.name)
    if rule is None:
        raise Refused("on complex numbers" if is_complex else "", hint(operator.name))
    _check_tensors(lowering, operator)
    call = Call(lowering, operator, rule.options)
    first_node = len(lowering.builder.graph.nodes)
    if scaled_tensors(lowering.subgraph, operator):
        results = lower_scaled(lowering, operator, rule)
    else:
        results = (None if is_complex else sizes.compute(call)) or _results(call, rule)
    if len(results) != len(operator.outputs):
        call.fail(f"it has {len(operator.outputs)} outputs, expected {len(results)}")
    for index, result in zip(operator.outputs, results, strict=True):
        if isinstance(result, str):
            expected, made = canonical_dtype(lowering.subgraph.tensors[index].dtype), lowering.builder.dtype(result)
            if expected != made:
                call.fail(f"its output is declared as {lowering.subgraph.tensors[index].dtype}, but is {made}")
            lowering.bind(index, result, first_node)
        elif result.dtype == object:
            lowering.known[index] = result
        else:
            lowering.arrays[index] = result


def _results(call: Call, rule: Rule) -> Sequence[str | np.ndarray]:
    result = rule.lower(call)
    return [result] if isinstance(result, (str, np.ndarray)) else result


def _check_tensors(lowering: Lowering, operator: Operator) -> None:
    """Refuse elements that are not computed with."""
    for index in (*operator.inputs, *operator.outputs):
        if index < 0:
            continue
        tensor = lowering.subgraph.tensors[index]
        if tensor.variable and index not in lowering.subgraph.inputs and operator.name not in STATEFUL:
            raise Refused("variables that are kept from run to run are not converted yet", "Give the state as inputs and outputs")
        if tensor.variable and index not in lowering.subgraph.inputs:
            lowering.add_variable(tensor)
        if index in lowering.handles:
            continue
        if tensor.dtype not in (*FROM_SOURCE, *COMPLEX):
            raise Refused(f"elements of the dtype {tensor.dtype}", hint("dtype"))
        if index not in operator.outputs and index not in lowering.names and index not in lowering.known and index not in lowering.arrays:
            raise Refused("it reads what could not be made")
