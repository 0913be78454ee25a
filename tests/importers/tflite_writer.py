"""Writing small TFLite files for tests, with the FlatBuffers library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from flatbuffers import number_types
from webkiln.importers.tflite import metadata, schema
from webkiln.importers.tflite.flatbuffer import SCALARS, Schema

_FLAGS = {
    "bool": number_types.BoolFlags,
    "i8": number_types.Int8Flags,
    "u8": number_types.Uint8Flags,
    "i32": number_types.Int32Flags,
    "u32": number_types.Uint32Flags,
    "i64": number_types.Int64Flags,
    "u64": number_types.Uint64Flags,
    "f32": number_types.Float32Flags,
}
_ARRAYS = {"u16": np.uint16, "u8": np.uint8, "i8": np.int8, "i32": np.int32, "i64": np.int64, "f32": np.float32}


@dataclass
class Tensor:
    name: str
    shape: Sequence[int] = ()
    dtype: str = "float32"
    data: np.ndarray | bytes | None = None
    signature: Sequence[int] = ()
    quantization: Mapping[str, Any] | None = None
    sparsity: Mapping[str, Any] | None = None
    variable: bool = False


@dataclass
class Operator:
    name: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: Mapping[str, Any] | None = None  # with the key "table"
    custom_options: bytes = b""


@dataclass
class Model:
    """`others`: subgraphs that operators of this one, or of each other, name: they are number 1, 2, … `metadata`: what the buffer TFLITE_METADATA says."""

    tensors: list[Tensor]
    operators: list[Operator]
    inputs: Sequence[int]
    outputs: Sequence[int]
    signatures: list[Mapping[str, Any]] = field(default_factory=list)
    others: list[Model] = field(default_factory=list)
    metadata: Mapping[str, Any] | None = None

    def encode(self) -> bytes:
        parts = [self, *self.others]
        codes = list(dict.fromkeys(operator.name for part in parts for operator in part.operators))
        buffers: list[Mapping[str, Any]] = [{}]
        subgraphs = [part._subgraph(codes, buffers) for part in parts]
        named = []
        if self.metadata is not None:
            named.append({"name": "TFLITE_METADATA", "buffer": len(buffers)})
            buffers.append({"data": np.frombuffer(encode_metadata(self.metadata), np.uint8)})
        return encode(
            {
                "version": 3,
                "metadata": named,
                "operator_codes": [_code(name) for name in codes],
                "subgraphs": subgraphs,
                "buffers": buffers,
                "signature_defs": self.signatures,
            }
        )

    def _subgraph(self, codes: list[str], buffers: list[Mapping[str, Any]]) -> dict[str, Any]:
        tensors = []
        for tensor in self.tensors:
            number = 0
            if tensor.data is not None:
                raw = tensor.data if isinstance(tensor.data, bytes) else np.ascontiguousarray(tensor.data).tobytes()
                number = len(buffers)
                buffers.append({"data": np.frombuffer(raw, np.uint8)})
            tensors.append(
                {
                    "shape": np.array(tensor.shape, np.int32),
                    "shape_signature": np.array(tensor.signature, np.int32) if tensor.signature else None,
                    "type": schema.DTYPES.index(tensor.dtype),
                    "buffer": number,
                    "name": tensor.name,
                    "quantization": tensor.quantization,
                    "sparsity": tensor.sparsity,
                    "is_variable": tensor.variable,
                    "has_rank": True,
                }
            )
        operators = [
            {
                "code": codes.index(operator.name),
                "inputs": np.array(operator.inputs, np.int32),
                "outputs": np.array(operator.outputs, np.int32),
                _options_field(operator.options): operator.options,
                "custom_options": np.frombuffer(operator.custom_options, np.uint8) if operator.custom_options else None,
            }
            for operator in self.operators
        ]
        return {
            "tensors": tensors,
            "inputs": np.array(self.inputs, np.int32),
            "outputs": np.array(self.outputs, np.int32),
            "operators": operators,
        }


def _options_field(options: Mapping[str, Any] | None) -> str:
    return "options2" if options and options["table"] in schema.MODEL.unions["Options2"].values() else "options"


def _code(name: str) -> dict[str, Any]:
    if name.startswith("CUSTOM:"):
        return {"short_code": 32, "builtin_code": 32, "custom_code": name.removeprefix("CUSTOM:")}
    number = schema.OPERATORS.index(name)
    return {"short_code": min(number, 127), "builtin_code": number}


def encode(model: Mapping[str, Any]) -> bytes:
    """A whole file from nested dictionaries by field name."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, "Model", model), b"TFL3")
    return bytes(builder.Output())


def encode_metadata(described: Mapping[str, Any]) -> bytes:
    """The buffer TFLITE_METADATA from nested dictionaries by field name."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, "ModelMetadata", described, metadata.SCHEMA), b"M001")
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, table: str, values: Mapping[str, Any], held: Schema = schema.MODEL) -> int:
    fields = held.tables[table]
    known = {one.name for one in fields} | {"table"}
    assert set(values) <= known, f"{table} has no {set(values) - known}"
    values = dict(values)
    references = {}
    for one in fields:
        value = values.get(one.name)
        if value is None or one.type in SCALARS:
            continue
        if one.type.startswith("<"):
            variants = held.unions[one.type[1:-1]]
            values[f"{one.name}_type"] = next(number for number, name in variants.items() if name == value["table"])
            references[one.name] = _table(builder, value["table"], value, held)
        else:
            references[one.name] = _reference(builder, one.type, value, held)
    builder.StartObject(len(fields))
    for slot, one in enumerate(fields):
        if one.name in references:
            builder.PrependUOffsetTRelativeSlot(slot, references[one.name], 0)
        elif one.type in SCALARS and one.name in values:
            # Written even where it is the default, as some writers do.
            builder.Prepend(_FLAGS[one.type], values[one.name])
            builder.Slot(slot)
    return int(builder.EndObject())


def _reference(builder: flatbuffers.Builder, kind: str, value: Any, held: Schema) -> int:
    if kind == "string":
        return int(builder.CreateString(value))
    if not kind.startswith("["):
        return _table(builder, kind, value, held)
    inner = kind[1:-1]
    if inner in SCALARS:
        return int(builder.CreateNumpyVector(np.asarray(value, _ARRAYS[inner])))
    offsets = [_reference(builder, inner, one, held) if inner == "string" else _table(builder, inner, one, held) for one in value]
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
