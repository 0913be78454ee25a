"""Attention whose scores and probabilities the model changes by subgraphs of its own (ai.onnx.preview)."""

from __future__ import annotations

import math

from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.normalization import softmax_of
from webkiln.importers.onnx.dtypes import FLOATS, name_of
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.operators.attention import repeat_heads
from webkiln.importers.onnx.operators.control import as_value, body
from webkiln.importers.onnx.registry import lowers


@lowers("FlexAttention", domain="ai.onnx.preview")
def flex_attention(call: Call) -> str:
    """`prob_mod(softmax(score_mod(scale · Q Kᵀ))) V` of Q [N, H, S, D], K [N, G, T, D] and V [N, G, T, E], whose heads H are a multiple of G."""
    for i in range(3):
        call.rank(i, 4)
    query, heads, depth = call.value(0), call.shape(0)[1], call.shape(0)[3]
    key, value = (repeat_heads(call, call.value(i), heads) for i in (1, 2))
    scale = call.number("scale", 0.0)
    if not call.given("scale"):
        if not isinstance(depth, int):
            raise Refused(f"heads of {depth} elements, which is not fixed")
        scale = 1 / math.sqrt(depth)
    precision = name_of(call.integer("softmax_precision", 11 if call.dtype(0) == "float64" else 1))
    if precision not in FLOATS:
        call.fail(f"its softmax_precision is {precision}")
    scores = call.node("matmul", [call.node("mul", [query, call.like(scale, query)]), call.transpose(key, [0, 1, 3, 2])])
    weights = _modified(call, "prob_mod", softmax_of(call, _modified(call, "score_mod", scores, precision), 3), precision)
    return call.node("matmul", [weights, value])


def _modified(call: Call, name: str, value: str, dtype: str) -> str:
    """What a subgraph makes of a value [N, H, S, T], in the same shape; the value itself where there is none."""
    if not call.given(name):
        return value
    graph = call.graph(name)
    if len(graph.input) != 1 or len(graph.output) != 1:
        call.fail(f"its {name} takes {len(graph.input)} values and makes {len(graph.output)}, expected one each")
    (result,) = body(call, graph, name, {graph.input[0].name: Typed(value, dtype)})
    made = as_value(call, result)
    if call.builder.shape(made) != call.builder.shape(value) or result.dtype != dtype:
        call.fail(f"its {name} makes {result.dtype} of shape {call.builder.shape(made)}, expected {dtype} of {call.builder.shape(value)}")
    return made
