"""What ONNX Runtime's optimizer fuses (com.microsoft), taken apart again. The meaning is that of its operators' documentation."""

from __future__ import annotations

import math

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.movement import part
from webkiln.importers.lowerings.normalization import softmax_of
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.operators import generation, indexing, sampling  # noqa: F401  (their operators are here too)
from webkiln.importers.onnx.operators.attention import join_heads, split_heads
from webkiln.importers.onnx.operators.indexing import indices_of
from webkiln.importers.onnx.operators.normalization import centred, deviation, root_mean_square
from webkiln.importers.onnx.registry import RULES, lowers

MICROSOFT = "com.microsoft"


def _sum(call: Call, *inputs: int) -> str:
    """The inputs that are there, added up."""
    total = call.value(inputs[0])
    for i in inputs[1:]:
        if call.has(i):
            total = call.node("add", [total, call.value(i)])
    return total


@lowers("SkipLayerNormalization", domain=MICROSOFT)
def skip_layer_normalization(call: Call) -> list[str]:
    """Of input + skip + bias over the last axis; also the mean, the inverse deviation and the sum."""
    x = _sum(call, 0, 1, 4)
    shifted, mean, variance = centred(call, x, [len(call.builder.shape(x)) - 1])
    spread = deviation(call, variance, call.number("epsilon", 1e-12))
    value = call.node("mul", [call.node("div", [shifted, spread]), call.value(2)])
    if call.has(3):
        value = call.node("add", [value, call.value(3)])
    return [value, mean, call.node("reciprocal", [spread]), x]


@lowers("SkipSimplifiedLayerNormalization", domain=MICROSOFT)
def skip_simplified_layer_normalization(call: Call) -> list[str]:
    """The same without a mean: divided by the root of the mean square."""
    if call.wants(1) or call.wants(2):
        raise Refused("its mean or inverse deviation as a result")
    x = _sum(call, 0, 1, 3)
    value = root_mean_square(call, x, [len(call.builder.shape(x)) - 1], call.number("epsilon", 1e-12))
    return [call.node("mul", [value, call.value(2)]), x, x, x]


@lowers("SimplifiedLayerNormalization")
@lowers("SimplifiedLayerNormalization", domain=MICROSOFT)
def simplified_layer_normalization(call: Call) -> str:
    rank = call.rank(0)
    axes = list(range(call.axis(call.integer("axis", -1), rank), rank))
    return call.node("mul", [root_mean_square(call, call.value(0), axes, call.number("epsilon", 1e-5)), call.value(1)])


@lowers("FusedMatMul", "TransposeMatMul", domain=MICROSOFT)
def fused_matmul(call: Call) -> str:
    """alpha · A · B, either turned before; with `transBatch` its first axis stands behind those of the batch first."""
    factors = []
    for i, side in enumerate("AB"):
        rank = call.rank(i)
        if rank < 2:
            raise Refused(f"a factor of rank {rank}")
        axes = [*range(1, rank - 1), 0, rank - 1] if call.integer(f"transBatch{side}", 0) else [*range(rank)]
        if call.integer(f"trans{side}", 0):
            axes[-2:] = axes[:-3:-1]
        factors.append(call.transpose(call.value(i), axes))
    product = call.node("matmul", factors)
    alpha = call.number("alpha", 1.0)
    return product if alpha == 1.0 else call.node("mul", [product, call.like(alpha, product)])


def _activated(call: Call, x: str) -> str:
    """The activation that an attribute names, with its parameters."""
    kind = call.text("activation", "")
    a, b = (*call.floats("activation_params"), math.nan, math.nan)[:2]
    if kind in ("Relu", "Tanh", "Sigmoid"):
        return call.node(kind.lower(), [x])
    if kind == "LeakyRelu":
        return call.node("leaky_relu", [x], alpha=a)
    if kind == "Clip":
        return call.node("clip", [x], minimum=a, maximum=b)
    if kind == "HardSigmoid":
        line = call.node("add", [call.node("mul", [x, call.like(a, x)]), call.like(b, x)])
        return call.node("clip", [line], minimum=0.0, maximum=1.0)
    if kind:
        raise Refused(f"the activation {kind}")
    return x


@lowers("FusedConv", "FusedGemm", domain=MICROSOFT)
def fused_product(call: Call) -> str:
    """Conv or Gemm and an activation; Conv may add a fourth input before it."""
    result = RULES["", call.operation.type.removeprefix("Fused")](call)
    assert isinstance(result, str)
    if call.operation.type == "FusedConv" and call.has(3):
        result = call.node("add", [result, call.value(3)])
    return _activated(call, result)


def _scores(call: Call, query: str, key: str) -> str:
    depth = call.builder.shape(query)[3]
    if not isinstance(depth, int):
        raise Refused(f"heads of {depth} elements, which is not fixed")
    scale = call.number("scale", 0.0) or 1 / math.sqrt(depth)
    product = call.node("matmul", [query, call.transpose(key, [0, 1, 3, 2])])
    return call.node("mul", [product, call.like(scale, product)])


def _masked(call: Call, scores: str, mask: int, bias: int, past: Dim = 0) -> str:
    """Scores [B, heads, S, T] with a filter value added where a mask has 0: [B, T], [B, S, T], or lengths [B]; and a bias added.

    `past`: how many of the T come before the first of the S, which matters when a query sees only what is not after it.
    """
    batch, _, queries, keys = call.builder.shape(scores)
    hidden = call.number("mask_filter_value", -10000.0)
    if bias >= 0 and call.has(bias):
        scores = call.node("add", [scores, call.value(bias)])
    if call.has(mask):
        shape, value = call.shape(mask), call.cast(call.value(mask), "i32")
        if len(shape) == 1:
            if shape[0] != batch:
                raise Refused(f"a mask of shape {[str(size) for size in shape]}: starts beside ends")
            allowed = call.node("less", [call.reshape(call.places(keys), [1, 1, 1, keys]), call.reshape(value, [batch, 1, 1, 1])])
        elif len(shape) in (2, 3):
            spread = [batch, 1, 1, keys] if len(shape) == 2 else [batch, 1, queries, keys]
            allowed = call.node("greater", [call.reshape(value, spread), call.like(0, value)])
        else:
            raise Refused(f"a mask of rank {len(shape)}")
        scores = call.node("add", [scores, call.node("where", [allowed, call.like(0.0, scores), call.like(hidden, scores)])])
    if call.integer("unidirectional", 0):
        rows, columns = call.reshape(call.places(queries), [1, 1, queries, 1]), call.reshape(call.places(keys), [1, 1, 1, keys])
        future = call.node("greater", [columns, call.node("add", [rows, call.length(past)]) if past != 0 else rows])
        lowest = call.like(float(np.finfo(np.float32).min), scores)
        scores = call.node("where", [future, lowest, scores])
    return scores


@lowers("Attention", domain=MICROSOFT)
def attention(call: Call) -> list[str]:
    """Inputs: x [B, S, I], weights [I, 3H], bias [3H], mask, past keys and values [2, B, heads, P, D], attention bias."""
    projected = call.node("matmul", [call.value(0), call.value(1)])
    if call.has(2):
        projected = call.node("add", [projected, call.value(2)])
    return attend(call, projected, 3, 5, 4)


def attend(call: Call, projected: str, mask: int, bias: int, old: int) -> list[str]:
    """Of queries, keys and values that stand side by side, [B, S, 3H]; and the keys and values [2, B, heads, P + S, D]. `bias`: −1 for none."""
    if call.integer("do_rotary", 0) or (call.has(6) and old == 4):
        raise Refused("attention with rotary embedding, or with a buffer for the past")
    heads, width = call.integer("num_heads", 0), call.builder.shape(projected)[2]
    if not isinstance(width, int):
        raise Refused("weights of a size that is not fixed")
    sizes = call.integers("qkv_hidden_sizes") or [width // 3] * 3
    if sum(sizes) != width:
        call.fail(f"qkv_hidden_sizes {sizes} do not add up to {width}")
    starts = [0, sizes[0], sizes[0] + sizes[1]]
    query, *new = (split_heads(call, part(call, projected, 2, start, size), heads) for start, size in zip(starts, sizes, strict=True))
    past: Dim = 0
    if call.has(old):
        past = call.shape(old)[3]
        stored = [call.reshape(part(call, call.value(old), 0, i, 1), call.shape(old)[1:]) for i in range(2)]
        new = [call.node("concat", [before, own], axis=2) for before, own in zip(stored, new, strict=True)]
    weights = softmax_of(call, _masked(call, _scores(call, query, new[0]), mask, bias, past), 3)
    result = join_heads(call, call.node("matmul", [weights, new[1]]))
    if not call.wants(1):
        return [result]
    return [result, call.node("concat", [call.reshape(one, [1, *call.builder.shape(one)]) for one in new], axis=0)]


@lowers("MultiHeadAttention", domain=MICROSOFT)
def multi_head_attention(call: Call) -> list[str]:
    """Inputs: query [B, S, H], key [B, T, H], value [B, T, V], bias [H + H + V], key padding mask, attention bias, past keys and values [B, heads, P, D].

    Keys and values may be split into heads already, [B, heads, T, D], or packed: [B, T, heads, 2, D], and with queries [B, T, heads, 3, D].
    """
    if call.has(8) or call.has(9) or call.wants(3):
        raise Refused("attention with a buffer for the past, or with its scores as a result")
    heads = call.integer("num_heads", 0)
    query, key, value = _with_bias(call, _heads(call, heads), heads)
    past: Dim = 0
    if call.has(6) and call.has(7):
        past = call.shape(6)[2]
        key, value = (call.node("concat", [call.value(i), new], axis=2) for i, new in ((6, key), (7, value)))
    weights = softmax_of(call, _masked(call, _scores(call, query, key), 4, 5, past), 3)
    return [join_heads(call, call.node("matmul", [weights, value])), key, value]


def _heads(call: Call, heads: int) -> list[str]:
    """Queries, keys and values as [B, heads, length, D]."""
    if call.rank(0, 3, 5) == 5:
        return [_unpacked_heads(call, call.value(0), 3, i) for i in range(3)]
    query = split_heads(call, call.value(0), heads)
    if call.rank(1, 3, 4, 5) == 5:
        return [query, *(_unpacked_heads(call, call.value(1), 2, i) for i in range(2))]
    return [query, *(split_heads(call, call.value(i), heads) for i in (1, 2))]


def _unpacked_heads(call: Call, packed: str, count: int, i: int) -> str:
    """Part `i` of [B, length, heads, count, D]."""
    batch, length, heads, parts, depth = call.builder.shape(packed)
    if parts != count:
        call.fail(f"{parts} parts are packed together, expected {count}")
    return call.transpose(call.reshape(part(call, packed, 3, i, 1), [batch, length, heads, depth]), [0, 2, 1, 3])


def _with_bias(call: Call, parts: list[str], heads: int) -> list[str]:
    """Each part with its part of the bias (input 3)."""
    if not call.has(3):
        return parts
    start, found = 0, []
    for value in parts:
        depth = call.builder.shape(value)[3]
        if not isinstance(depth, int):
            raise Refused("a bias for a size that is not fixed")
        own = call.reshape(part(call, call.value(3), 0, start, heads * depth), [1, heads, 1, depth])
        found.append(call.node("add", [value, own]))
        start += heads * depth
    return found


@lowers("MatMulNBits", domain=MICROSOFT)
def matmul_n_bits(call: Call) -> str:
    """A · W with W [K, N] in blocks along K: `(q − zero point) · scale`, q of 2, 4 or 8 bits, packed from the lowest bits on."""
    bits, block = call.integer("bits", 4), call.integer("block_size", 0)
    depth, columns = call.integer("K", 0), call.integer("N", 0)
    if bits not in (2, 4, 8) or block < 1:
        raise Refused(f"{bits} bits in blocks of {block}")
    blocks = -(-depth // block)
    packed, scales = call.numbers(1, "its weights"), call.numbers(2, "its scales")
    quantized = _unpacked(packed.reshape(columns, -1), bits)[:, : blocks * block].reshape(columns, blocks, block)
    zero = np.full((columns, blocks, 1), 2.0 ** (bits - 1), np.float32)
    if call.has(3):
        points = call.numbers(3, "its zero points")
        zero = (points if points.dtype.kind == "f" else _unpacked(points.reshape(columns, -1), bits)[:, :blocks]).reshape(columns, blocks, 1)
    scale = scales.reshape(columns, blocks, 1).astype(np.float32)
    if call.has(4):  # which group each row of W belongs to
        order = call.numbers(4, "the order of its groups").reshape(-1)[:depth]
        quantized = quantized.reshape(columns, -1)[:, :depth, None]
        zero, scale = zero[:, order], scale[:, order]
    weights = (quantized.astype(np.float32) - zero.astype(np.float32)) * scale
    matrix = np.ascontiguousarray(weights.reshape(columns, -1)[:, :depth].T)
    return call.node("matmul", [call.value(0), call.constant(matrix), *([call.value(5)] if call.has(5) else [])])


def _unpacked(rows: np.ndarray, bits: int) -> np.ndarray:
    """The numbers of 2, 4 or 8 bits in each row of bytes."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return np.asarray((rows.astype(np.uint8)[..., None] >> shifts) & (2**bits - 1)).reshape(rows.shape[0], -1)


@lowers("GatherBlockQuantized", domain=MICROSOFT)
def gather_block_quantized(call: Call) -> Typed:
    """Rows of a table [V, H], quantized in blocks along H, at indices: picked as integers, then `(q − zero point) · scale`."""
    bits, block = call.integer("bits", 4), call.integer("block_size", 128)
    if call.rank(0) != 2 or call.integer("gather_axis", 0) != 0 or call.integer("quantize_axis", 1) not in (1, -1):
        raise Refused("another table than one of rows that are quantized along themselves")
    table, scales = call.numbers(0, "the table"), call.numbers(2, "its scales")
    is_packed = call.dtype(0) == "uint8" and bits < 8
    zero = 2 ** (bits - 1) if call.dtype(0) == "uint8" else 0
    rows = _unpacked(table, bits) if is_packed else table
    points = call.numbers(3, "its zero points") if call.has(3) else np.full(scales.shape, zero)
    points = _unpacked(points, bits)[:, : scales.shape[1]] if is_packed and call.has(3) else points
    width, blocks = rows.shape[1], scales.shape[1]
    if block < 1 or blocks != -(-width // block) or scales.shape != points.shape or scales.shape[0] != rows.shape[0]:
        call.fail(f"scales {list(scales.shape)} and zero points {list(points.shape)} do not fit a table {list(rows.shape)} in blocks of {block}")
    indices = indices_of(call, 1, rows.shape[0])
    picked = [call.cast(call.node("gather", [call.constant(np.ascontiguousarray(one)), indices], axis=0), "f32") for one in (rows, points)]
    numbers, point = picked
    scale = call.node("gather", [call.constant(scales), indices], axis=0)
    point, scale = (_spread(call, one, block, width) for one in (point, scale))
    return Typed(call.node("mul", [call.node("sub", [numbers, point]), scale]), call.dtype(2))


def _spread(call: Call, value: str, block: int, width: int) -> str:
    """[…, blocks] as […, width]: each for the elements of its block."""
    *outer, blocks = call.builder.shape(value)
    wide = call.node("expand", [call.reshape(value, [*outer, blocks, 1])], shape=[*outer, blocks, block])
    return part(call, call.reshape(wide, [*outer, blocks * block]), len(outer), 0, width)


@lowers("EmbedLayerNormalization", domain=MICROSOFT)
def embed_layer_normalization(call: Call) -> list[str]:
    """Inputs: words [B, S], segments, tables of words, positions and segments, scale, bias, mask [B, S], positions. Also: how many the mask has in each batch, the sum."""
    batch, length = call.shape(0)
    total = call.node("gather", [call.value(2), call.wide(call.value(0))], axis=0)
    positions = call.wide(call.value(8)) if call.has(8) else call.reshape(call.places(length), [1, length])
    total = call.node("add", [total, call.node("gather", [call.value(3), positions], axis=0)])
    if call.has(1) and call.has(4):
        total = call.node("add", [total, call.node("gather", [call.value(4), call.wide(call.value(1))], axis=0)])
    shifted, _, variance = centred(call, total, [2])
    value = call.node("div", [shifted, deviation(call, variance, call.number("epsilon", 1e-12))])
    value = call.node("add", [call.node("mul", [value, call.value(5)]), call.value(6)])
    if call.has(7) and call.integer("mask_index_type", 1) == 1:
        counts = call.node("reduce_sum", [call.wide(call.value(7))], axes=[1], keep_dims=False)
    else:
        counts = call.node("expand", [call.constant(np.array(0, np.int32))], shape=[batch])
    return [value, counts, total]


@lowers("BiasAdd", domain=MICROSOFT)
def bias_add(call: Call) -> str:
    return _sum(call, 0, 1, 2)


for _same in ("GatherND", "GridSample", "Range", "Trilu"):
    lowers(_same, domain=MICROSOFT)(RULES["", _same])


@lowers("ExpandDims", domain=MICROSOFT)
def expand_dims(call: Call) -> str:
    shape = call.shape(0)
    axis = call.axis(call.ints(1, "the axis")[0], len(shape) + 1)
    return call.reshape(call.value(0), [*shape[:axis], 1, *shape[axis:]])


@lowers("UnfoldTensor", domain=MICROSOFT)
def unfold(call: Call) -> str:
    """Windows of an axis, which may overlap, each along a new last axis."""
    shape, size, step = call.shape(0), call.integer("size", 1), call.integer("step", 1)
    axis = call.axis(call.integer("dim", -1), len(shape))
    count = (shape[axis] - size) // max(step, 1) + 1
    if size < 1 or step < 1 or count < 1:
        call.fail(f"windows of {size} in steps of {step} over {shape[axis]} elements")
    starts = call.node("mul", [call.places(count), call.constant(np.array(step, np.int32))])
    places = call.node("add", [call.reshape(starts, [count, 1]), call.constant(call.positions(size)[None])])
    windows = call.node("gather", [call.value(0), places], axis=axis)  # the window's own axis stands behind that of the windows
    return call.transpose(windows, [*range(axis + 1), *range(axis + 2, len(shape) + 1), axis + 1])


@lowers("CDist", domain=MICROSOFT)
def distances(call: Call) -> str:
    """Between all rows of a [M, D] and of b [N, D], as sums over D of the squared differences: less rounding than by a product."""
    (rows, width), (columns, _) = call.shape(0), call.shape(1)
    difference = call.node("sub", [call.reshape(call.value(0), [rows, 1, width]), call.reshape(call.value(1), [1, columns, width])])
    total = call.node("reduce_sum", [call.node("mul", [difference, difference])], axes=[2], keep_dims=False)
    return total if call.choice("metric", "sqeuclidean", "euclidean") == "sqeuclidean" else call.node("sqrt", [total])
