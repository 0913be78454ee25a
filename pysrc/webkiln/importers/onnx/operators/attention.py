"""Attention and what belongs to it."""

from __future__ import annotations

import math

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.movement import part
from webkiln.importers.lowerings.normalization import softmax_of
from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.registry import lowers


def split_heads(call: Call, value: str, heads: int) -> str:
    """[N, S, heads · D] as [N, heads, S, D]; what has four axes already stays."""
    shape = call.builder.shape(value)
    if len(shape) == 4:
        return value
    if len(shape) != 3 or heads < 1 or not isinstance(shape[2], int) or shape[2] % heads:
        call.fail(f"shape {shape} cannot be divided into {heads} heads")
    return call.transpose(call.reshape(value, [shape[0], shape[1], heads, shape[2] // heads]), [0, 2, 1, 3])


def join_heads(call: Call, value: str) -> str:
    """[N, heads, S, D] as [N, S, heads · D]."""
    batch, heads, length, depth = call.builder.shape(value)
    return call.reshape(call.transpose(value, [0, 2, 1, 3]), [batch, length, heads * depth])


def repeat_heads(call: Call, value: str, heads: Dim) -> str:
    """Each head of [N, H, S, D] as often as it takes to have so many."""
    batch, own, length, depth = call.builder.shape(value)
    if own == heads:
        return value
    if not isinstance(own, int) or not isinstance(heads, int) or own < 1 or heads % own:
        call.fail(f"{heads} heads of queries cannot share {own} of keys")
    spread = call.node("expand", [call.reshape(value, [batch, own, 1, length, depth])], shape=[batch, own, heads // own, length, depth])
    return call.reshape(spread, [batch, heads, length, depth])


@lowers("Attention")
def attention(call: Call) -> list[str]:
    """`softmax(softcap(scale · Q Kᵀ) + bias) V`; the bias is from a mask, causality, windows and padding. Rows that see nothing are 0."""
    flat = call.rank(0) == 3
    query = split_heads(call, call.value(0), call.integer("q_num_heads", 0))
    key, value = (split_heads(call, call.value(i), call.integer("kv_num_heads", 0)) for i in (1, 2))
    past: Dim = 0
    if call.has(4):
        past = call.shape(4)[2]
        key = call.node("concat", [call.value(4), key], axis=2)
        value = call.node("concat", [call.value(5), value], axis=2)
    present = [key, value]
    heads, depth = call.builder.shape(query)[1], call.builder.shape(query)[3]
    key, value = repeat_heads(call, key, heads), repeat_heads(call, value, heads)
    scale = call.number("scale", 0.0)
    if scale == 0.0:
        if not isinstance(depth, int):
            raise Refused(f"heads of {depth} elements, which is not fixed")
        scale = 1 / math.sqrt(depth)
    scores = call.node("matmul", [call.node("mul", [query, call.like(scale, query)]), call.transpose(key, [0, 1, 3, 2])])
    stages = [scores]
    cap = call.number("softcap", 0.0)
    if cap > 0:
        limit = call.like(cap, scores)
        scores = call.node("mul", [call.node("tanh", [call.node("div", [scores, limit])]), limit])
    stages.append(scores)
    allowed, bias = _visible(call, scores, past)
    if bias:
        scores = call.node("add", [scores, bias])
    if allowed:
        scores = call.node("where", [allowed, scores, call.like(-math.inf, scores)])
    stages.append(scores)
    weights = guarded_softmax(call, scores) if allowed or bias else softmax_of(call, scores, 3)
    stages.append(weights)
    result = call.node("matmul", [weights, value])
    mode = call.integer("qk_matmul_output_mode", 0)
    if not 0 <= mode <= 3:
        call.fail(f"qk_matmul_output_mode is {mode}")
    return [join_heads(call, result) if flat else result, *present, stages[mode]]


def guarded_softmax(call: Call, scores: str) -> str:
    """Softmax along the last axis, with 0 where all of a row is −∞."""
    greatest = call.node("reduce_max", [scores], axes=[3], keep_dims=True)
    empty = call.node("equal", [greatest, call.like(-math.inf, scores)])
    zero = call.like(0.0, scores)
    powers = call.node("exp", [call.node("sub", [scores, call.node("where", [empty, zero, greatest])])])
    total = call.node("reduce_sum", [powers], axes=[3], keep_dims=True)
    return call.node("div", [powers, call.node("where", [empty, call.like(1.0, scores), total])])


def _visible(call: Call, scores: str, past: Dim) -> tuple[str, str]:
    """Which keys each query may see (bool, or ""), and what is added to its scores (f32, or "")."""
    batch, _, queries, keys = call.builder.shape(scores)
    allowed: list[str] = []
    bias = ""
    if call.has(3):
        mask = call.value(3)
        length = call.builder.shape(mask)[-1]
        if length != keys and length != 1:
            rest: list[Dim] = [0] * (len(call.builder.shape(mask)) - 1)
            value = 0.0 if call.builder.dtype(mask) == "bool" else -math.inf
            mask = call.node("pad", [mask], low=[*rest, 0], high=[*rest, keys - length], interior=[*rest, 0], value=value)
        if call.builder.dtype(mask) == "bool":
            allowed.append(mask)
        else:
            bias = mask
    causal, left, right = call.integer("is_causal", 0), call.integer("left_window_size", -1), call.integer("right_window_size", -1)
    columns = call.reshape(call.places(keys), [1, 1, 1, keys])
    filled = call.reshape(call.value(6), [batch, 1, 1, 1]) if call.has(6) else ""
    if filled:
        allowed.append(call.node("less", [columns, filled]))
    if causal or left >= 0 or right >= 0:
        rows = call.reshape(call.places(queries), [1, 1, queries, 1])
        offset = call.node("sub", [filled, call.length(queries)]) if filled and past == 0 else call.length(past)
        position = call.node("add", [rows, offset])
        if causal:
            allowed.append(call.node("less_equal", [columns, position]))
        if left >= 0:
            allowed.append(call.node("greater_equal", [columns, call.node("sub", [position, call.like(left, position)])]))
        if right >= 0:
            allowed.append(call.node("less_equal", [columns, call.node("add", [position, call.like(right, position)])]))
    result = ""
    for one in allowed:
        result = call.node("logical_and", [result, one]) if result else one
    return result, bias


@lowers("RotaryEmbedding")
def rotary_embedding(call: Call) -> str:
    """Pairs of elements turned by angles that grow with the position; a pair is (i, i + D/2), or neighbours when interleaved."""
    flat = call.rank(0) == 3
    x = split_heads(call, call.value(0), call.integer("num_heads", 0))
    length, depth = call.builder.shape(x)[2:]
    tables = []
    for i in (1, 2):
        table = call.value(i)
        if call.has(3):
            table = call.node("gather", [table, call.value(3)], axis=0)
        tables.append(call.reshape(table, [*call.builder.shape(table)[:1], 1, length, call.builder.shape(table)[-1]]))
    result = turned_pairs(call, x, tables[0], tables[1], call.integer("rotary_embedding_dim", 0) or depth, bool(call.integer("interleaved", 0)))
    return join_heads(call, result) if flat else result


def turned_pairs(call: Call, x: str, cos: str, sin: str, turned: Dim, interleaved: bool) -> str:
    """x [N, heads, S, D] with the pairs of its first `turned` elements turned by angles, of which cosine and sine are [N or 1, 1, S, turned / 2]."""
    batch, heads, length, depth = call.builder.shape(x)
    if not isinstance(turned, int) or turned % 2:
        call.fail(f"{turned} elements cannot be turned in pairs")
    half = turned // 2
    pairs = [batch, heads, length, half, 2] if interleaved else [batch, heads, length, 2, half]
    axis = 4 if interleaved else 3
    split = call.reshape(part(call, x, 3, 0, turned), pairs)
    a, b = (call.reshape(part(call, split, axis, i, 1), [batch, heads, length, half]) for i in range(2))
    real = call.node("sub", [call.node("mul", [cos, a]), call.node("mul", [sin, b])])
    imaginary = call.node("add", [call.node("mul", [sin, a]), call.node("mul", [cos, b])])
    one = [size if i != axis else 1 for i, size in enumerate(pairs)]
    joined = call.node("concat", [call.reshape(real, one), call.reshape(imaginary, one)], axis=axis)
    result = call.reshape(joined, [batch, heads, length, turned])
    return result if turned == depth else call.node("concat", [result, part(call, x, 3, turned, depth - turned)], axis=3)
