"""Attention of decoders (com.microsoft), whose keys and values are kept from step to step, and what turns queries and keys by their positions."""

from __future__ import annotations

import math

from webkiln.graph.dims import Dim, apply
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.movement import part
from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.operators.attention import join_heads, repeat_heads, split_heads, turned_pairs
from webkiln.importers.onnx.registry import lowers

MICROSOFT = "com.microsoft"


@lowers("RotaryEmbedding", domain=MICROSOFT)
def rotary_embedding(call: Call) -> str:
    """x [N, S, H] or [N, heads, S, D], positions [N, S] or where the first one is [1], cosines and sines by position."""
    if call.integer("is_packed_batching", 0) or call.number("scale", 1.0) != 1.0:
        raise Refused("packed batches, or a scale")
    flat = call.rank(0, 3, 4) == 3
    half, turned = call.shape(2)[1], call.integer("rotary_embedding_dim", 0)
    heads = call.integer("num_heads", 0)
    width = call.shape(0)[2]
    if flat and not heads:
        if turned or not isinstance(half, int) or not isinstance(width, int):
            raise Refused("heads whose number is not given")
        heads = width // (2 * half)
    x = split_heads(call, call.value(0), heads)
    length = call.builder.shape(x)[2]
    positions = call.wide(call.value(1))
    if call.rank(1, 1, 2) == 1:
        positions = call.node("add", [call.reshape(positions, [1, 1]), call.reshape(call.places(length), [1, length])])
    result = _turned(call, x, positions, 2, bool(call.integer("interleaved", 0)))
    return join_heads(call, result) if flat else result


def _turned(call: Call, x: str, positions: str, tables: int, interleaved: bool) -> str:
    """x [N, heads, S, D] turned at positions [N or 1, S], by the tables of cosines and sines at two inputs."""
    half = call.shape(tables)[1]
    cos, sin = (call.node("gather", [call.value(tables + i), positions], axis=0) for i in range(2))
    batch, length = call.builder.shape(positions)
    cos, sin = (call.reshape(table, [batch, 1, length, half]) for table in (cos, sin))
    return turned_pairs(call, x, cos, sin, half * 2, interleaved)


@lowers("GroupQueryAttention", domain=MICROSOFT)
def group_query_attention(call: Call) -> list[str]:
    """Heads of queries share those of keys and values, and see what is not after them.

    Inputs: query [B, S, H] (with keys and values behind it when these are left out), key, value, past keys and values [B, heads, P, D], how many keys
    each batch has in the end, less one [B], the greatest of these, cosines and sines, positions (which are refused),
    attention bias, a score for no key at all [heads].
    """
    heads, own = call.integer("num_heads", 0), call.integer("kv_num_heads", 0)
    if call.wants(3) or call.has(12) or heads < 1 or own < 1 or heads % own:
        raise Refused("its scores as a result, a cache in few bits, or heads that cannot be shared")
    if call.has(9):
        raise Refused("positions that are given: ONNX Runtime counts on from the first of them in a first step", "Leave the positions out of the model")
    query, key, value = _parts(call, heads, own)
    batch, _, length, depth = call.builder.shape(query)
    if not isinstance(depth, int):
        raise Refused(f"heads of {depth} elements, which is not fixed")
    ends = call.reshape(call.wide(call.value(5)), [batch, 1])
    # The first of the new keys; all of the first step are new, also in a batch that is shorter than others.
    past: Dim = call.shape(3)[2] if call.has(3) else 0
    before = call.node("sub", [ends, call.signed(length - 1)])
    zero = call.like(0, before)
    first = call.node("where", [call.node("equal", [call.length(past), zero]), zero, before]) if past != 0 else call.node("mul", [before, zero])
    positions = call.node("add", [first, call.reshape(call.places(length), [1, length])])
    if call.integer("do_rotary", 0):
        query, key = (_turned(call, one, positions, 7, bool(call.integer("rotary_interleaved", 0))) for one in (query, key))
    total = call.dims(6, "how many keys there are")[0]
    kept = apply("max", past, total)
    present = [_kept(call, i, new, first, past, kept) for i, new in ((3, key), (4, value))]
    key, value = (repeat_heads(call, one, heads) for one in present)
    scale = call.number("scale", 0.0) or 1 / math.sqrt(depth)
    scores = call.node("matmul", [query, call.transpose(key, [0, 1, 3, 2])])
    scores = call.node("mul", [scores, call.like(scale, scores)])
    if (cap := call.number("softcap", 0.0)) > 0:
        limit = call.like(cap, scores)
        scores = call.node("mul", [call.node("tanh", [call.node("div", [scores, limit])]), limit])
    columns = call.reshape(call.places(kept), [1, 1, 1, kept])
    rows = call.reshape(positions, [batch, 1, length, 1])
    # What follows the end of a shorter batch sees as much as the last that counts.
    last = call.node("min", [rows, call.reshape(ends, [batch, 1, 1, 1])])
    seen = call.node("less_equal", [columns, last])
    if (window := call.integer("local_window_size", -1)) >= 0:
        near = call.node("greater", [columns, call.node("sub", [last, call.like(window, last)])])
        seen = call.node("logical_and", [seen, near])
    if call.has(10):
        scores = call.node("add", [scores, call.value(10)])
    scores = call.node("where", [seen, scores, call.like(-math.inf, scores)])
    weights = _softmax_beside(call, scores, heads)
    return [join_heads(call, call.node("matmul", [weights, value])), *present]


def _parts(call: Call, heads: int, own: int) -> list[str]:
    """Queries, keys and values as [B, heads, S, D]."""
    if call.has(1) != call.has(2):
        call.fail("keys without values, or values without keys")
    if call.has(1):
        return [split_heads(call, call.value(i), count) for i, count in ((0, heads), (1, own), (2, own))]
    width = call.shape(0)[2]
    if not isinstance(width, int) or width % (heads + 2 * own):
        call.fail(f"{width} elements cannot be divided into {heads} heads of queries and {own} of keys and of values")
    depth, start, found = width // (heads + 2 * own), 0, []
    for count in (heads, own, own):
        found.append(split_heads(call, part(call, call.value(0), 2, start, count * depth), count))
        start += count * depth
    return found


def _kept(call: Call, i: int, new: str, first: str, past: Dim, kept: Dim) -> str:
    """The past (input `i`) [B, heads, P, D] with the new ones [B, heads, S, D] behind what each batch has of it (`first` [B, 1]): [B, heads, kept, D]."""
    batch, heads, length, depth = call.builder.shape(new)
    both = call.node("concat", [call.value(i), new], axis=2) if past != 0 else new
    rows = call.reshape(call.transpose(both, [0, 2, 1, 3]), [batch * (past + length), heads, depth])
    numbers = call.reshape(call.places(kept), [1, kept])
    since = call.node("sub", [numbers, first])
    is_old = call.node("less", [since, call.like(0, since)])
    last = call.signed(length - 1)
    fresh = call.node("add", [call.node("min", [since, last]), call.length(past)])
    at = call.node("where", [is_old, numbers, fresh])
    starts = call.node("mul", [call.reshape(call.places(batch), [batch, 1]), call.length(past + length)])
    picked = call.node("gather", [rows, call.node("add", [at, starts])], axis=0)
    # Behind the last key there is nothing, or what a past that is a buffer has there.
    ended = call.node("greater", [since, last])
    if past != 0:
        rest = call.node("where", [call.node("less", [numbers, call.length(past)]), numbers, call.like(0, numbers)])
        buffered = call.node("gather", [rows, call.node("add", [rest, starts])], axis=0)
        inside = call.node("logical_and", [ended, call.node("less", [numbers, call.length(past)])])
        picked = call.node("where", [call.reshape(inside, [batch, kept, 1, 1]), buffered, picked])
        ended = call.node("logical_and", [ended, call.node("greater_equal", [numbers, call.length(past)])])
    picked = call.node("where", [call.reshape(ended, [batch, kept, 1, 1]), call.like(0.0, picked), picked])
    return call.transpose(picked, [0, 2, 1, 3])


def _softmax_beside(call: Call, scores: str, heads: int) -> str:
    """Softmax along the last axis, beside a score that takes its part and gives nothing: that of each head (input 11), or 0 with `smooth_softmax`."""
    greatest = call.node("reduce_max", [scores], axes=[3], keep_dims=True)
    beside = ""
    if call.has(11):
        beside = call.reshape(call.value(11), [1, heads, 1, 1])
    elif call.integer("smooth_softmax", 0) == 1:
        beside = call.like(0.0, scores)
    greatest = call.node("max", [greatest, beside]) if beside else greatest
    powers = call.node("exp", [call.node("sub", [scores, greatest])])
    total = call.node("reduce_sum", [powers], axes=[3], keep_dims=True)
    if beside:
        total = call.node("add", [total, call.node("exp", [call.node("sub", [beside, greatest])])])
    return call.node("div", [powers, total])
