"""Lowering the operators of a subgraph, in an order in which each one comes after those that make what it reads."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from webkiln.errors import FormatError, Unsupported
from webkiln.graph.dtypes import COMPLEX, FROM_SOURCE, canonical_dtype
from webkiln.importers.emitter import UNFORESEEN, Refused
from webkiln.importers.tflite import sizes
from webkiln.importers.tflite.file import Operator, Subgraph, place
from webkiln.importers.tflite.hints import hint
from webkiln.importers.tflite.lowering import Call, Lowering, NotMade
from webkiln.importers.tflite.operators.recurrence import STATEFUL
from webkiln.importers.tflite.operators.registry import COMPLEX_RULES, RULES, Rule
from webkiln.importers.tflite.quantized import lower_scaled
from webkiln.importers.tflite.scales import scaled_tensors
from webkiln.importers.tflite.variables import HANDLE, ONCE


def in_order(subgraph: Subgraph, lowering: Lowering) -> list[Operator]:
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


def lower_all(lowering: Lowering, order: Sequence[Operator]) -> list[Unsupported]:
    """Lower every operator; returns what cannot be."""
    problems: list[Unsupported] = []
    guessed: set[int] = set()  # tensors that stand in for what could not be made
    for operator in order:
        where = place(lowering.subgraph, operator)
        after_guess = not guessed.isdisjoint(operator.inputs)
        try:
            _lower(lowering, operator)
        except NotMade as refusal:
            problems += refusal.problems
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
    return problems


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
