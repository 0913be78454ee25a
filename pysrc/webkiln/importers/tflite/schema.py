"""The parts of the TFLite file format that are read: tables with their fields by slot, enumerations by number."""

from __future__ import annotations

from webkiln.importers.tflite.flatbuffer import Schema

OPERATORS = ["ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE", "EMBEDDING_LOOKUP", "FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP", "L2_NORMALIZATION", "L2_POOL_2D", "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC", "LSH_PROJECTION", "LSTM", "MAX_POOL_2D", "MUL", "RELU", "RELU_N1_TO_1", "RELU6", "RESHAPE", "RESIZE_BILINEAR", "RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH", "CONCAT_EMBEDDINGS", "SKIP_GRAM", "CALL", "CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD", "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER", "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "TRANSPOSE", "MEAN", "SUB", "DIV", "SQUEEZE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE", "BIDIRECTIONAL_SEQUENCE_RNN", "EXP", "TOPK_V2", "SPLIT", "LOG_SOFTMAX", "DELEGATE", "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU", "MAXIMUM", "ARG_MAX", "MINIMUM", "LESS", "NEG", "PADV2", "GREATER", "GREATER_EQUAL", "LESS_EQUAL", "SELECT", "SLICE", "SIN", "TRANSPOSE_CONV", "SPARSE_TO_DENSE", "TILE", "EXPAND_DIMS", "EQUAL", "NOT_EQUAL", "LOG", "SUM", "SQRT", "RSQRT", "SHAPE", "POW", "ARG_MIN", "FAKE_QUANT", "REDUCE_PROD", "REDUCE_MAX", "PACK", "LOGICAL_OR", "ONE_HOT", "LOGICAL_AND", "LOGICAL_NOT", "UNPACK", "REDUCE_MIN", "FLOOR_DIV", "REDUCE_ANY", "SQUARE", "ZEROS_LIKE", "FILL", "FLOOR_MOD", "RANGE", "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE", "MIRROR_PAD", "ABS", "SPLIT_V", "UNIQUE", "CEIL", "REVERSE_V2", "ADD_N", "GATHER_ND", "COS", "WHERE", "RANK", "ELU", "REVERSE_SEQUENCE", "MATRIX_DIAG", "QUANTIZE", "MATRIX_SET_DIAG", "ROUND", "HARD_SWISH", "IF", "WHILE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "SCATTER_ND", "SELECT_V2", "DENSIFY", "SEGMENT_SUM", "BATCH_MATMUL", "PLACEHOLDER_FOR_GREATER_OP_CODES", "CUMSUM", "CALL_ONCE", "BROADCAST_TO", "RFFT2D", "CONV_3D", "IMAG", "REAL", "COMPLEX_ABS", "HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE", "REDUCE_ALL", "CONV_3D_TRANSPOSE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "BROADCAST_ARGS", "RANDOM_STANDARD_NORMAL", "BUCKETIZE", "RANDOM_UNIFORM", "MULTINOMIAL", "GELU", "DYNAMIC_UPDATE_SLICE", "RELU_0_TO_1", "UNSORTED_SEGMENT_PROD", "UNSORTED_SEGMENT_MAX", "UNSORTED_SEGMENT_SUM", "ATAN2", "UNSORTED_SEGMENT_MIN", "SIGN", "BITCAST", "BITWISE_XOR", "RIGHT_SHIFT", "STABLEHLO_LOGISTIC", "STABLEHLO_ADD", "STABLEHLO_DIVIDE", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM", "STABLEHLO_RESHAPE", "STABLEHLO_CLAMP", "STABLEHLO_CONCATENATE", "STABLEHLO_BROADCAST_IN_DIM", "STABLEHLO_CONVOLUTION", "STABLEHLO_SLICE", "STABLEHLO_CUSTOM_CALL", "STABLEHLO_REDUCE", "STABLEHLO_ABS", "STABLEHLO_AND", "STABLEHLO_COSINE", "STABLEHLO_EXPONENTIAL", "STABLEHLO_FLOOR", "STABLEHLO_LOG", "STABLEHLO_MINIMUM", "STABLEHLO_NEGATE", "STABLEHLO_OR", "STABLEHLO_POWER", "STABLEHLO_REMAINDER", "STABLEHLO_RSQRT", "STABLEHLO_SELECT", "STABLEHLO_SUBTRACT", "STABLEHLO_TANH", "STABLEHLO_SCATTER", "STABLEHLO_COMPARE", "STABLEHLO_CONVERT", "STABLEHLO_DYNAMIC_SLICE", "STABLEHLO_DYNAMIC_UPDATE_SLICE", "STABLEHLO_PAD", "STABLEHLO_IOTA", "STABLEHLO_DOT_GENERAL", "STABLEHLO_REDUCE_WINDOW", "STABLEHLO_SORT", "STABLEHLO_WHILE", "STABLEHLO_GATHER", "STABLEHLO_TRANSPOSE", "DILATE", "STABLEHLO_RNG_BIT_GENERATOR", "REDUCE_WINDOW", "STABLEHLO_COMPOSITE", "STABLEHLO_SHIFT_LEFT", "STABLEHLO_CBRT"]

# Element types by number: the name in NumPy where there is one.
DTYPES = ["float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8", "float64", "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4", "bfloat16"]

ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
PADDINGS = ("SAME", "VALID")
MIRROR_MODES = ("REFLECT", "SYMMETRIC")
DENSE, SPARSE_CSR = 0, 1
BLOCKWISE = 2  # a kind of details of a quantization: scales of blocks, in a tensor of their own

_OPTIONS = {
    1: "Conv2DOptions",
    2: "DepthwiseConv2DOptions",
    5: "Pool2DOptions",
    6: "SVDFOptions",
    7: "RNNOptions",
    8: "FullyConnectedOptions",
    9: "SoftmaxOptions",
    10: "ConcatenationOptions",
    11: "AddOptions",
    12: "L2NormOptions",
    13: "LocalResponseNormalizationOptions",
    14: "LSTMOptions",
    15: "ResizeBilinearOptions",
    16: "CallOptions",
    17: "ReshapeOptions",
    19: "SpaceToDepthOptions",
    21: "MulOptions",
    23: "GatherOptions",
    27: "ReducerOptions",
    28: "SubOptions",
    29: "DivOptions",
    30: "SqueezeOptions",
    31: "SequenceRNNOptions",
    32: "StridedSliceOptions",
    35: "SplitOptions",
    49: "TransposeConvOptions",
    59: "PackOptions",
    61: "OneHotOptions",
    64: "UnpackOptions",
    71: "UnidirectionalSequenceLSTMOptions",
    74: "ResizeNearestNeighborOptions",
    75: "LeakyReluOptions",
    77: "MirrorPadOptions",
    79: "SplitVOptions",
    87: "ReverseSequenceOptions",
    92: "IfOptions",
    93: "WhileOptions",
    94: "DepthToSpaceOptions",
    101: "BatchMatMulOptions",
    102: "CumsumOptions",
    103: "CallOnceOptions",
    106: "Conv3DOptions",
    111: "VarHandleOptions",
    116: "GeluOptions",
}

_OPTIONS_2 = {21: "CompositeOptions"}

_TABLES = """
Model version:u32 operator_codes:[OperatorCode] subgraphs:[SubGraph] description:string buffers:[Buffer] metadata_buffer:[i32] metadata:[Metadata] signature_defs:[SignatureDef]
OperatorCode short_code:i8 custom_code:string version:i32=1 builtin_code:i32
SubGraph tensors:[Tensor] inputs:[i32] outputs:[i32] operators:[Operator] name:string
Buffer data:[u8] offset:u64 size:u64
Metadata name:string buffer:u32
SignatureDef inputs:[TensorMap] outputs:[TensorMap] key:string unused:u32 subgraph:u32
TensorMap name:string tensor:u32
Tensor shape:[i32] type:i8 buffer:u32 name:string quantization:Quantization is_variable:bool sparsity:Sparsity shape_signature:[i32] has_rank:bool
Quantization minimum:[f32] maximum:[f32] scale:[f32] zero_point:[i64] details_type:u8 details:<Details> axis:i32
Sparsity traversal_order:[i32] block_map:[i32] dimensions:[Dimension]
Dimension format:i8 size:i32 segments_type:u8 segments:<Indices> indices_type:u8 indices:<Indices>
Indices32 values:[i32]
Indices16 values:[u16]
Indices8 values:[u8]
Operator code:u32 inputs:[i32] outputs:[i32] options_type:u8 options:<Options> custom_options:[u8] custom_options_format:i8 mutating_inputs:[u8] intermediates:[i32] large_offset:u64 large_size:u64 options2_type:u8 options2:<Options2>
Conv2DOptions padding:i8 stride_width:i32 stride_height:i32 activation:i8 dilation_width:i32=1 dilation_height:i32=1
DepthwiseConv2DOptions padding:i8 stride_width:i32 stride_height:i32 depth_multiplier:i32 activation:i8 dilation_width:i32=1 dilation_height:i32=1
Pool2DOptions padding:i8 stride_width:i32 stride_height:i32 window_width:i32 window_height:i32 activation:i8
FullyConnectedOptions activation:i8 weights_format:i8 keep_dims:bool
SoftmaxOptions beta:f32
ConcatenationOptions axis:i32 activation:i8
AddOptions activation:i8
L2NormOptions activation:i8
ResizeBilinearOptions new_height:i32 new_width:i32 align_corners:bool half_pixel:bool
ReshapeOptions shape:[i32]
SpaceToDepthOptions block:i32
MulOptions activation:i8
GatherOptions axis:i32 batch_dims:i32
ReducerOptions keep_dims:bool
SubOptions activation:i8
DivOptions activation:i8
SqueezeOptions axes:[i32]
StridedSliceOptions begin_mask:i32 end_mask:i32 ellipsis_mask:i32 new_axis_mask:i32 shrink_axis_mask:i32 offset:bool
SplitOptions count:i32
TransposeConvOptions padding:i8 stride_width:i32 stride_height:i32 activation:i8
PackOptions count:i32 axis:i32
OneHotOptions axis:i32
UnpackOptions count:i32 axis:i32
ResizeNearestNeighborOptions align_corners:bool half_pixel:bool
LeakyReluOptions alpha:f32
MirrorPadOptions mode:i8
SplitVOptions count:i32
DepthToSpaceOptions block:i32
BatchMatMulOptions adjoint_x:bool adjoint_y:bool
GeluOptions approximate:bool
LocalResponseNormalizationOptions radius:i32 bias:f32 alpha:f32 beta:f32
ReverseSequenceOptions time_axis:i32 batch_axis:i32
CumsumOptions exclusive:bool reverse:bool
SVDFOptions rank:i32 activation:i8 asymmetric:bool
RNNOptions activation:i8 asymmetric:bool
SequenceRNNOptions time_major:bool activation:i8 asymmetric:bool
LSTMOptions activation:i8 cell_clip:f32 projection_clip:f32 kernel_type:i8 asymmetric:bool
UnidirectionalSequenceLSTMOptions activation:i8 cell_clip:f32 projection_clip:f32 time_major:bool asymmetric:bool diagonal:bool
CallOptions subgraph:u32
CallOnceOptions subgraph:i32
IfOptions then:i32 otherwise:i32
WhileOptions condition:i32 body:i32
VarHandleOptions container:string name:string
CompositeOptions name:string subgraph:i32 attributes:[u8] attributes_format:i8 version:i32
Conv3DOptions padding:i8 stride_depth:i32 stride_width:i32 stride_height:i32 activation:i8 dilation_depth:i32=1 dilation_width:i32=1 dilation_height:i32=1
"""

MODEL = Schema.parse(
    _TABLES,
    {"Options": _OPTIONS, "Options2": _OPTIONS_2, "Indices": {1: "Indices32", 2: "Indices16", 3: "Indices8"}, "Details": {}},
)
