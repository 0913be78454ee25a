"""Convolution and linear attention with a state that is carried along a sequence."""

from __future__ import annotations

import math

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.importers.lowerings.convolution import convolve
from webkiln.importers.lowerings.movement import part
from webkiln.importers.onnx.lowering import Call, fixed
from webkiln.importers.onnx.operators.attention import join_heads, repeat_heads, split_heads
from webkiln.importers.onnx.operators.windows import Windows, channels_first, channels_last
from webkiln.importers.onnx.registry import lowers

STEPS_LIMIT = 1024


@lowers("CausalConvWithState")
def causal_conv_with_state(call: Call) -> list[str]:
    """A depthwise convolution of [N, C, L] behind the last elements of what came before, which it also gives."""
    channels, one, size = call.sizes(1, "the weights")
    if one != 1:
        call.fail(f"weights {call.shape(1)}, expected one input channel each")
    batch = call.shape(0)[0]
    before: list[Dim] = [batch, channels, size - 1]
    past = call.value(3) if call.has(3) else call.node("expand", [call.like(0.0, call.value(0))], shape=before)
    whole = call.node("concat", [past, call.value(0)], axis=2) if size > 1 else call.value(0)
    weights = call.lowering.permuted(call.name(1), [2, 1, 0])
    window = Windows([size], [1], [1], [0], [0])
    value = channels_first(call, convolve(call, channels_last(call, whole), weights, window, channels, call.value(2) if call.has(2) else ""))
    if call.choice("activation", "none", "silu", "swish") != "none":
        value = call.node("mul", [value, call.node("sigmoid", [value])])
    total = call.builder.shape(whole)[2]
    return [value, part(call, whole, 2, total - (size - 1), size - 1)]


@lowers("LinearAttention")
def linear_attention(call: Call) -> list[str]:
    """A state [N, H, D, E] that decays, and takes up `k ⊗ v` (less what it says of k already, for the delta rules) at each step."""
    rule = call.choice("update_rule", "gated_delta", "linear", "gated", "delta")
    queries, heads = call.integer("q_num_heads", 0), call.integer("kv_num_heads", 0)
    query, key, value = split_heads(call, call.value(0), queries), split_heads(call, call.value(1), heads), split_heads(call, call.value(2), heads)
    batch, _, length, depth = call.builder.shape(key)
    steps = fixed([length], "the sequence")[0]
    if steps > STEPS_LIMIT or not isinstance(depth, int):
        raise Refused(f"linear attention over {steps} steps; it is unrolled, for up to {STEPS_LIMIT}", FIX_SIZES)
    width = call.builder.shape(value)[3]
    state = call.value(3) if call.has(3) else call.node("expand", [call.like(0.0, key)], shape=[batch, heads, depth, width])
    decay = _gate(call, 4, heads) if rule.startswith("gated") else ""
    beta = _gate(call, 5, heads) if rule.endswith("delta") else ""
    scale = call.number("scale", 0.0) or 1 / math.sqrt(depth)
    outputs = []
    for t in range(steps):
        k = call.transpose(part(call, key, 2, t, 1), [0, 1, 3, 2])  # [N, H, D, 1]
        v = part(call, value, 2, t, 1)  # [N, H, 1, E]
        if decay:
            state = call.node("mul", [state, call.node("exp", [call.transpose(part(call, decay, 2, t, 1), [0, 1, 3, 2])])])
        if beta:
            said = call.node("matmul", [call.transpose(k, [0, 1, 3, 2]), state])
            v = call.node("mul", [call.node("sub", [v, said]), part(call, beta, 2, t, 1)])
        state = call.node("add", [state, call.node("mul", [k, v])])
        asked = call.node("mul", [part(call, query, 2, t, 1), call.like(scale, query)])
        outputs.append(call.node("matmul", [asked, repeat_heads(call, state, queries)]))
    joined = call.node("concat", outputs, axis=2) if len(outputs) > 1 else outputs[0]
    return [join_heads(call, joined), state]


def _gate(call: Call, i: int, heads: int) -> str:
    """[N, T, heads · D], [N, T, heads] or [N, T, 1] as [N, heads (or 1), T, D (or 1)]."""
    batch, length, width = call.shape(i)
    count = heads if width != 1 else 1
    if not isinstance(width, int) or width % count:
        call.fail(f"gates of shape {call.shape(i)} for {heads} heads")
    return call.transpose(call.reshape(call.value(i), [batch, length, count, width // count]), [0, 2, 1, 3])
