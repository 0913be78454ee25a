"""Lowering a list of operations: what cannot be lowered is collected, so that all of it can be told at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from webkiln.errors import FormatError, Unsupported
from webkiln.importers.emitter import UNFORESEEN, Refused
from webkiln.importers.named import listed
from webkiln.importers.onnx import sizes
from webkiln.importers.onnx.dtypes import canonical
from webkiln.importers.onnx.lowering import Call, Lowering, NotMade
from webkiln.importers.onnx.nodes import Operation, Scope
from webkiln.importers.onnx.refusal import refusal
from webkiln.importers.onnx.registry import RULES, TAKE_SEQUENCES


def lower_all(lowering: Lowering, operations: Sequence[Operation]) -> list[Unsupported]:
    """Lower operations in order; returns what could not be. `FormatError` for what is wrong in the file."""
    problems: list[Unsupported] = []
    for operation in operations:
        after_missing = not lowering.missing.isdisjoint(operation.inputs)
        try:
            _check(lowering, operation)
            if not after_missing:
                _lower(lowering, operation)
        except NotMade:
            pass
        except Refused as refusal:
            problems.append(Unsupported(operation.kind, operation.where, _reason(lowering, operation, refusal), refusal.hint))
        except UNFORESEEN as error:
            raise FormatError(f"{operation.where}: {error}") from None
        lowering.missing.update(name for name in operation.outputs if name and name not in lowering.dtypes)
        problems += lowering.problems
        lowering.problems.clear()
    return problems


def read_constants(lowering: Lowering, graph: Any, scope: Scope) -> None:
    """The initializers of a graph, dense and sparse."""
    for tensor in graph.initializer:
        name = scope.define(tensor.name)
        array, dtype = lowering.tensors.read(tensor, f"the constant {tensor.name!r}")
        lowering.define(name, array, dtype)
    for sparse in graph.sparse_initializer:
        name = scope.define(sparse.values.name)
        array, dtype = lowering.tensors.sparse(sparse, f"the constant {sparse.values.name!r}")
        lowering.define(name, array, dtype)


def _reason(lowering: Lowering, operation: Operation, refusal: Refused) -> str:
    if refusal.reason:
        return refusal.reason
    dtypes = dict.fromkeys(lowering.dtypes[name] for name in operation.inputs if name in lowering.dtypes)
    return f"of operator set {operation.version}{', on ' + ', '.join(dtypes) if dtypes else ''}"


def _check(lowering: Lowering, operation: Operation) -> None:
    for name in operation.inputs:
        if name and not lowering.defined(name):
            raise FormatError(f"{operation.where}: it reads {name!r}, which nothing makes (or only later)")
    for name in operation.outputs:
        if name and lowering.defined(name):
            raise FormatError(f"{operation.where}: it makes {name!r}, which is there already")
    problem = refusal(operation, (operation.domain, operation.type) in RULES)
    if problem is not None:
        raise Refused(problem.reason, problem.hint)


def _lower(lowering: Lowering, operation: Operation) -> None:
    call = Call(lowering, operation)
    for name in operation.inputs:
        if name and not (name in lowering.lists and (operation.domain, operation.type) in TAKE_SEQUENCES):
            canonical(lowering.dtypes[name])
    first_node = len(lowering.builder.graph.nodes)
    computed = sizes.compute(call)
    results = computed if computed is not None else listed(RULES[operation.domain, operation.type](call))
    if any(operation.outputs[len(results) :]):
        call.fail(f"it has {len(operation.outputs)} outputs, expected {len(results)}")
    for name, result in zip(operation.outputs, results, strict=False):
        if name:
            call.define(name, result, first_node, sizes="int64")
