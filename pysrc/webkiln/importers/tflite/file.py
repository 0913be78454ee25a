"""A TFLite file as it is: decoded, with every index checked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from webkiln.errors import FormatError
from webkiln.graph.dims import MAXIMUM_ELEMENTS, extent
from webkiln.importers.tflite import schema
from webkiln.importers.tflite.flatbuffer import Table, decode
from webkiln.importers.tflite.metadata import Metadata, read_metadata

MAXIMUM_RANK = 8


@dataclass(frozen=True)
class Tensor:
    """A tensor as the file declares it. `shape` has −1 where the size is known only when the model runs."""

    index: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    data: memoryview | None  # bytes, when the file holds its values
    quantization: Table | None
    sparsity: Table | None
    variable: bool
    ranked: bool  # whether the rank is sure to be that of `shape`

    @property
    def quantized(self) -> bool:
        return self.quantization is not None and len(self.quantization.scale) > 0


@dataclass(frozen=True)
class Operator:
    """An operator: its name (`CUSTOM:NAME` for custom ones), its tensors by index (−1: left out), its options."""

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None
    options_type: int
    custom_options: bytes = b""  # those of a custom operator, in a form of its own
    bodies: tuple[Subgraph, ...] = ()  # the subgraphs that control flow runs, when they were put beside the one in which it stands

    def options_of(self, table: str) -> Table | None:
        """Its options, when they are of this kind."""
        return self.options if self.options is not None and self.options.table == table else None


@dataclass(frozen=True)
class Subgraph:
    """A body has no tensors of its own: they are among those of the subgraph beside which it was put."""

    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]


@dataclass(frozen=True)
class SignatureDefinition:
    """A signature in the file: names with indices of tensors in one subgraph."""

    name: str
    subgraph: int
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class File:
    subgraphs: tuple[Subgraph, ...]
    signatures: tuple[SignatureDefinition, ...]
    metadata: Metadata

    weight_bytes: int  # of all buffers that hold values of tensors


def place(subgraph: Subgraph, operator: Operator) -> str:
    """Where an operator stands: its index, its name, and the name of the first tensor that it makes."""
    made = f" making {subgraph.tensors[operator.outputs[0]].name!r}" if operator.outputs else ""
    return f"operator {operator.index} ({operator.name}{made})"


def parse(data: bytes) -> File:
    """Decode a file; `FormatError` when anything in it does not fit."""
    if len(data) < 8 or data[4:8] != b"TFL3":
        found = repr(bytes(data[:8])) if data else "nothing"
        raise FormatError(f"not a TFLite file: expected the identifier TFL3 in the first 8 bytes, found {found}")
    model = decode(data, schema.MODEL, "Model")
    if model.version != 3:
        raise FormatError(f"this is a TFLite file of version {model.version}; version 3 is read")
    if not model.subgraphs:
        raise FormatError("the TFLite file holds no subgraph: there is nothing to convert")
    buffers = [_buffer(data, buffer, i) for i, buffer in enumerate(model.buffers)]
    codes = [_operator_name(code) for code in model.operator_codes]
    subgraphs = tuple(_subgraph(graph, buffers, codes) for graph in model.subgraphs)
    signatures = tuple(_signature(definition, subgraphs) for definition in model.signature_defs)
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors} - {0}
    return File(subgraphs, signatures, _metadata(model, buffers), sum(len(buffers[i] or b"") for i in used))


def _buffer(data: bytes, buffer: Table, index: int) -> memoryview | None:
    if buffer.offset > 1:  # the data stand behind the FlatBuffer, in files of more than 2 GB
        if buffer.offset + buffer.size > len(data):
            raise FormatError(f"buffer {index} claims bytes {buffer.offset} to {buffer.offset + buffer.size} of a file of {len(data)}")
        return memoryview(data)[buffer.offset : buffer.offset + buffer.size]
    return buffer.data or None


def _operator_name(code: Table) -> str:
    # Numbers below 127 stand in the older field, which is one byte wide; a writer fills in either or both.
    number = max(code.short_code, code.builtin_code)
    if not 0 <= number < len(schema.OPERATORS):
        return f"operator number {number}"
    name = schema.OPERATORS[number]
    return f"CUSTOM:{code.custom_code}" if name == "CUSTOM" else name


def _subgraph(graph: Table, buffers: list[memoryview | None], codes: list[str]) -> Subgraph:
    tensors = tuple(_tensor(tensor, i, buffers) for i, tensor in enumerate(graph.tensors))
    operators = []
    for i, operator in enumerate(graph.operators):
        if operator.code >= len(codes):
            raise FormatError(f"operator {i} has the code {operator.code}, but the file lists {len(codes)} codes")
        name = codes[operator.code]
        where = f"operator {i} ({name})"
        operators.append(
            Operator(
                i,
                name,
                _indices(operator.inputs, len(tensors), f"{where}, inputs", optional=True),
                _indices(operator.outputs, len(tensors), f"{where}, outputs"),
                operator.options or operator.options2,
                operator.options_type or operator.options2_type,
                operator.custom_options.tobytes(),
            )
        )
    inputs = _indices(graph.inputs, len(tensors), "the inputs of the model")
    outputs = _indices(graph.outputs, len(tensors), "the outputs of the model")
    return Subgraph(tensors, inputs, outputs, tuple(operators))


def _indices(indices: memoryview, count: int, what: str, *, optional: bool = False) -> tuple[int, ...]:
    result = tuple(indices.tolist())
    for index in result:
        if not (0 <= index < count or (optional and index == -1)):
            raise FormatError(f"{what}: tensor {index} does not exist; the file has {count} tensors")
    return result


def _tensor(tensor: Table, index: int, buffers: list[memoryview | None]) -> Tensor:
    what = f"tensor {index} {tensor.name!r}"
    if not 0 <= tensor.type < len(schema.DTYPES):
        raise FormatError(f"{what} has the unknown element type {tensor.type}")
    if tensor.buffer >= len(buffers):
        raise FormatError(f"{what} has its values in buffer {tensor.buffer}; the file has {len(buffers)} buffers")
    shape = tuple(tensor.shape.tolist())
    signature = tuple(tensor.shape_signature.tolist())
    if len(signature) == len(shape):
        shape = tuple(-1 if dynamic == -1 else size for size, dynamic in zip(shape, signature, strict=True))
    if len(shape) > MAXIMUM_RANK:
        raise FormatError(f"{what} has rank {len(shape)}; at most {MAXIMUM_RANK} is read")
    for size in shape:
        if size < -1:
            raise FormatError(f"{what} has the negative size {size} in its shape {list(shape)}")
    count = abs(extent(shape))
    if count > MAXIMUM_ELEMENTS:
        raise FormatError(f"{what} claims the shape {list(shape)}, which is {count} elements (axes of 0 aside); at most 2^31 - 1 are read")
    data, dtype = buffers[tensor.buffer] if tensor.buffer else None, schema.DTYPES[tensor.type]
    by_blocks = tensor.quantization is not None and tensor.quantization.details_type == schema.BLOCKWISE
    if dtype == "int4" and data is not None and tensor.sparsity is None and not by_blocks:
        data, dtype = _unpacked(data, count, what), "int8"
    return Tensor(index, tensor.name, dtype, shape, data, tensor.quantization, tensor.sparsity, tensor.is_variable, tensor.has_rank or bool(shape))


# By a byte of two integers of 4 bits: the lower one and the higher one, as bytes of the same value.
_LOWER = bytes(((pair & 15) ^ 8) - 8 & 255 for pair in range(256))
_HIGHER = bytes(((pair >> 4) ^ 8) - 8 & 255 for pair in range(256))


def _unpacked(data: memoryview, count: int, what: str) -> memoryview:
    """Integers of 4 bits, two a byte, the lower bits first, as bytes: the same values."""
    if len(data) != (count + 1) // 2:
        raise FormatError(f"{what} has {count} elements of 4 bits, but the file holds {len(data)} bytes")
    values, pairs = bytearray(2 * len(data)), data.tobytes()
    values[0::2], values[1::2] = pairs.translate(_LOWER), pairs.translate(_HIGHER)
    return memoryview(values)[:count]


def _signature(definition: Table, subgraphs: tuple[Subgraph, ...]) -> SignatureDefinition:
    if definition.subgraph >= len(subgraphs):
        raise FormatError(f"the signature {definition.key!r} is of subgraph {definition.subgraph}; the file has {len(subgraphs)}")
    graph = subgraphs[definition.subgraph]

    def arguments(maps: list[Table], known: tuple[int, ...], side: str) -> tuple[tuple[str, int], ...]:
        for entry in maps:
            if entry.tensor not in known:
                raise FormatError(f"the signature {definition.key!r} names {entry.name!r}, which is no {side} of its subgraph")
        return tuple((entry.name, entry.tensor) for entry in maps)

    return SignatureDefinition(
        definition.key,
        definition.subgraph,
        arguments(definition.inputs, graph.inputs, "input"),
        arguments(definition.outputs, graph.outputs, "output"),
    )


def _metadata(model: Table, buffers: list[memoryview | None]) -> Metadata:
    blobs = [buffers[entry.buffer] for entry in model.metadata if entry.name == "TFLITE_METADATA" and entry.buffer < len(buffers)]
    found = next((read_metadata(blob.tobytes()) for blob in blobs if blob is not None), Metadata())
    if model.description and not model.description.endswith("Converted."):  # what converters write of themselves
        return replace(found, origin={"description": model.description, **found.origin})
    return found
