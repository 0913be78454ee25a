"""An ONNX file as it is: its messages, what it says about itself, and the sizes of its tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from webkiln.errors import FormatError
from webkiln.graph.dims import MAXIMUM_ELEMENTS, extent
from webkiln.importers.onnx.messages import message
from webkiln.importers.onnx.nodes import versions_of

MAXIMUM_RANK = 32  # what NumPy has in every version


def parse(data: bytes) -> Any:
    """The ModelProto; `FormatError` for what is none, and for one without a graph or outputs."""
    model = message("ModelProto")()
    try:
        model.ParseFromString(data)
    except (DecodeError, RecursionError, ValueError) as error:
        raise FormatError(f"it is no ONNX file, or it is truncated: {error}") from None
    if not model.HasField("graph"):
        raise FormatError("the file holds no graph")
    if not model.graph.output:
        raise FormatError("the model has no outputs: there is nothing to convert")
    return model


def read_metadata(path: Path) -> dict[str, str]:
    """What the file notes beside its graph, by key. Raises `FormatError` for a file that is wrong."""
    return {entry.key: entry.value for entry in parse(path.read_bytes()).metadata_props}


def provenance(model: Any) -> dict[str, str]:
    """What the file says about itself, where it says it."""
    notes = {entry.key.lower(): entry.value for entry in model.metadata_props}
    versions = ", ".join(f"{domain or 'ai.onnx'} {version}" for domain, version in sorted(versions_of(model.opset_import).items()))
    found = {
        "description": model.doc_string or model.graph.doc_string,
        "attribution": notes.get("author", ""),
        "licence": notes.get("license", notes.get("licence", "")),
        "source_producer": f"{model.producer_name} {model.producer_version}".strip(),
        "source_operator_sets": versions,
    }
    return {key: text for key, text in found.items() if text}


def tensor_shape(tensor: Any, what: str) -> tuple[int, ...]:
    """The sizes of a TensorProto (or a sparse one); `FormatError` where no array can have them."""
    shape = tuple(tensor.dims)
    if any(size < 0 for size in shape) or extent(shape) > MAXIMUM_ELEMENTS or len(shape) > MAXIMUM_RANK:
        raise FormatError(f"{what} has the shape {str(list(shape))[:100]}; sizes of 0 or more, and at most 2^31 - 1 elements, are read")
    return shape
