"""The protocol buffer messages of ONNX files: those fields that are read, from the table below.

Field numbers and types are those of the ONNX specification (onnx.proto). Enumerations are read as int32, which is the same on the wire.
Whether a field is there matters (`dim_value`, `f`, `shape`), so each field that is not repeated is `optional`. The syntax is proto3, whose
parser refuses text that is not UTF-8.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "webkiln.onnx"

# A message a line: name, then fields as `number:name:type`, repeated ones with `*`.
_TABLE = """
ModelProto 1:ir_version:int64 8:opset_import:OperatorSetIdProto* 2:producer_name:string 3:producer_version:string 4:domain:string 5:model_version:int64 6:doc_string:string 7:graph:GraphProto 14:metadata_props:StringStringEntryProto* 25:functions:FunctionProto*
OperatorSetIdProto 1:domain:string 2:version:int64
StringStringEntryProto 1:key:string 2:value:string
GraphProto 1:node:NodeProto* 2:name:string 5:initializer:TensorProto* 15:sparse_initializer:SparseTensorProto* 10:doc_string:string 11:input:ValueInfoProto* 12:output:ValueInfoProto* 13:value_info:ValueInfoProto*
ValueInfoProto 1:name:string 2:type:TypeProto
NodeProto 1:input:string* 2:output:string* 3:name:string 4:op_type:string 7:domain:string 8:overload:string 5:attribute:AttributeProto*
AttributeProto 1:name:string 21:ref_attr_name:string 20:type:int32 2:f:float 3:i:int64 4:s:bytes 5:t:TensorProto 6:g:GraphProto 22:sparse_tensor:SparseTensorProto 7:floats:float* 8:ints:int64* 9:strings:bytes* 10:tensors:TensorProto* 11:graphs:GraphProto*
TensorProto 1:dims:int64* 2:data_type:int32 4:float_data:float* 5:int32_data:int32* 6:string_data:bytes* 7:int64_data:int64* 8:name:string 9:raw_data:bytes 13:external_data:StringStringEntryProto* 14:data_location:int32 10:double_data:double* 11:uint64_data:uint64*
SparseTensorProto 1:values:TensorProto 2:indices:TensorProto 3:dims:int64*
TypeProto 1:tensor_type:TensorType 4:sequence_type:ElementType 5:map_type:ElementType 8:sparse_tensor_type:ElementType 9:optional_type:ElementType
TensorType 1:elem_type:int32 2:shape:TensorShapeProto
ElementType 1:elem_type:bytes
TensorShapeProto 1:dim:Dimension*
Dimension 1:dim_value:int64 2:dim_param:string
FunctionProto 1:name:string 4:input:string* 5:output:string* 6:attribute:string* 11:attribute_proto:AttributeProto* 7:node:NodeProto* 9:opset_import:OperatorSetIdProto* 10:domain:string 13:overload:string
"""


@cache
def message(name: str) -> Any:
    """The class of a message. `descriptor_pool` of our own: the `onnx` package may be loaded beside it."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))


@cache
def _pool() -> Any:
    field_type = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="webkiln/onnx.proto", package=PACKAGE, syntax="proto3")
    for line in _TABLE.strip().splitlines():
        name, *fields = line.split()
        entry = file.message_type.add(name=name)
        for text in fields:
            number, label, kind = text.split(":")
            repeated = kind.endswith("*")
            kind = kind.rstrip("*")
            field = entry.field.add(name=label, number=int(number))
            field.label = field_type.LABEL_REPEATED if repeated else field_type.LABEL_OPTIONAL
            if not repeated:  # what the compiler makes of `optional`: a choice of one
                entry.oneof_decl.add(name=f"_{label}")
                field.oneof_index, field.proto3_optional = len(entry.oneof_decl) - 1, True
            if kind[0].isupper():
                field.type, field.type_name = field_type.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
            else:
                field.type = getattr(field_type, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool
