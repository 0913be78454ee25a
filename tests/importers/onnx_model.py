"""Small ONNX models for tests, made with the `onnx` package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from imported_models import run
from onnx import helper, numpy_helper
from webkiln import importers
from webkiln.importers.imported import ImportedModel

OPSET = 21


def info(name: str, array: np.ndarray) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def model_of(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[str | onnx.ValueInfoProto],
    constants: Mapping[str, np.ndarray | onnx.TensorProto] | None = None,
    *,
    opset: int = OPSET,
    **options: Any,
) -> onnx.ModelProto:
    """A model; outputs given by name have no type, and constants may be arrays."""
    initializers = []
    for name, constant in (constants or {}).items():
        initializers.append(constant if isinstance(constant, onnx.TensorProto) else numpy_helper.from_array(np.asarray(constant), name))
    results = [onnx.ValueInfoProto(name=one) if isinstance(one, str) else one for one in outputs]
    graph = helper.make_graph(list(nodes), "graph", list(inputs), results, initializers)
    imports = [helper.make_opsetid("", opset), *options.pop("imports", [])]
    return helper.make_model(graph, opset_imports=imports, **options)


def single(op: str, arrays: Sequence[np.ndarray | None], constants: Sequence[int] = (), *, opset: int = OPSET, outputs: int = 1, **attributes: Any) -> onnx.ModelProto:
    """A model of one node. Inputs whose positions are in `constants` are part of the model; `None` is left out."""
    names = ["" if array is None else f"i{i}" for i, array in enumerate(arrays)]
    node = helper.make_node(op, names, [f"o{i}" for i in range(outputs)], **attributes)
    given = [info(f"i{i}", array) for i, array in enumerate(arrays) if array is not None and i not in constants]
    fixed = {f"i{i}": array for i, array in enumerate(arrays) if array is not None and i in constants}
    return model_of([node], given, [f"o{i}" for i in range(outputs)], fixed, opset=opset)


def written(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def read(model: onnx.ModelProto, folder: Path, **options: Any) -> ImportedModel:
    """The model through a file and the importer."""
    return importers.read(written(model, folder), **options)


def results(model: onnx.ModelProto, folder: Path, *arrays: np.ndarray, **options: Any) -> list[np.ndarray]:
    """What the imported model computes, from its inputs in order."""
    imported = read(model, folder, **options)
    names = [argument.name for argument in imported.signatures[0].inputs]
    assert len(names) == len(arrays)
    return list(run(imported, dict(zip(names, arrays, strict=True))).values())
