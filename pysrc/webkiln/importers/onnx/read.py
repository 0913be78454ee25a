"""An ONNX file, read into a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from webkiln.errors import FormatError, InputError, Unsupported, UnsupportedOperatorError
from webkiln.graph.dtypes import FROM_SOURCE
from webkiln.graph.signature import Argument, Signature
from webkiln.importers.emitter import Refused
from webkiln.importers.imported import ImportedModel, finished
from webkiln.importers.onnx.driver import lower_all, read_constants
from webkiln.importers.onnx.dtypes import canonical
from webkiln.importers.onnx.file import parse, provenance
from webkiln.importers.onnx.inputs import add_inputs, tensor_type
from webkiln.importers.onnx.lowering import Lowering
from webkiln.importers.onnx.nodes import Scope, listed_operations
from webkiln.importers.onnx.operators import RULES
from webkiln.importers.onnx.tensors import TensorReader

SIGNATURE = "serving_default"
assert RULES


def read(path: Path, *, inputs: Mapping[str, Sequence[int | str]] | None = None, signature: str | None = None) -> ImportedModel:
    """Read an ONNX file; tensors stored outside of it must lie in its folder.

    `inputs`: shapes by input name that replace the file's; a string is a symbolic size. Raises `FormatError` for a file that is wrong,
    `UnsupportedOperatorError` (all at once) for what cannot be converted, and `InputError` for an input or signature that does not exist.
    """
    if signature not in (None, SIGNATURE):
        raise InputError(f"the file has no signature {signature!r}; an ONNX file has one way to be called, so leave the name out")
    model = parse(path.read_bytes())
    lowering = Lowering(TensorReader(path.parent))
    graph = model.graph
    read_constants(lowering, graph, Scope({}, {}))
    add_inputs(lowering, [value for value in graph.input if value.name not in lowering.dtypes], inputs or {})
    listed = listed_operations(model)
    problems = lower_all(lowering, listed)
    result = _signature(lowering, graph, problems)
    return finished(
        lowering.builder.graph,
        result,
        lowering.elements,
        problems,
        name=graph.name or path.stem,
        metadata=provenance(model),
        operators=[operation.kind for operation in listed],
        format="onnx",
    )


def _signature(lowering: Lowering, graph: Any, problems: list[Unsupported]) -> Signature:
    """The arguments in the source's names and dtypes; an output that cannot be given is added to the problems."""
    inputs = [Argument(name, name, lowering.dtypes[name], lowering.builder.graph.values[name].shape) for name in lowering.builder.graph.inputs]
    outputs = []
    for declared in graph.output:
        name = declared.name
        if not lowering.defined(name):
            raise FormatError(f"the output {name!r} of the model is made by nothing")
        if name in lowering.missing:
            continue
        if name in lowering.lists:  # its values are arguments of their own
            values = [(lowering.as_value(name, one), one.dtype) for one in lowering.lists[name].values]
            outputs += [Argument(f"{name}_{i}", value, dtype, lowering.builder.graph.values[value].shape) for i, (value, dtype) in enumerate(values)]
            continue
        try:
            dtype = tensor_type(declared) if declared.HasField("type") else lowering.dtypes[name]
            value = lowering.value(name)
            if dtype not in FROM_SOURCE or lowering.dtypes[name] not in FROM_SOURCE:
                raise Refused(f"elements of the dtype {lowering.dtypes[name]}")
        except Refused as refusal:
            problems.append(Unsupported("OUTPUT", repr(name), refusal.reason, refusal.hint))
            continue
        except UnsupportedOperatorError as error:
            problems += [Unsupported("OUTPUT", item.where, item.reason, item.hint) for item in error.items]
            continue
        if canonical(dtype) != lowering.builder.dtype(value):
            raise FormatError(f"the output {name!r} is declared as {dtype}, but is {lowering.dtypes[name]}")
        outputs.append(Argument(name, value, dtype, lowering.builder.graph.values[value].shape))
    return Signature(SIGNATURE, inputs, outputs)
