"""Pools."""

from __future__ import annotations

from typing import Any

from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers
from webkiln.importers.tflite.operators.windows import padding
from webkiln.importers.tflite.schema import PADDINGS


def _pool(call: Call, op: str, value: str) -> str:
    options = call.options
    call.rank(0, 4)
    window = [options.window_height, options.window_width]
    stride = [options.stride_height, options.stride_width]
    kind = call.choice(PADDINGS, options.padding, "padding")
    attributes: dict[str, Any] = {
        "window": window,
        "stride": stride,
        "padding": padding(call, kind, call.shape(0), window, stride, [1, 1]),
    }
    if op == "average_pool2d":
        attributes["count_padding"] = False
    return call.node(op, [value], **attributes)


@lowers("MAX_POOL_2D", options="Pool2DOptions")
def max_pool2d(call: Call) -> str:
    return call.activate(_pool(call, "max_pool2d", call.value(0)), call.options.activation)


@lowers("AVERAGE_POOL_2D", options="Pool2DOptions")
def average_pool2d(call: Call) -> str:
    return call.activate(_pool(call, "average_pool2d", call.value(0)), call.options.activation)


@lowers("L2_POOL_2D", options="Pool2DOptions")
def l2_pool2d(call: Call) -> str:
    """The root of the mean of the squares of each window."""
    x = call.value(0)
    mean = _pool(call, "average_pool2d", call.node("mul", [x, x]))
    return call.activate(call.node("sqrt", [mean]), call.options.activation)
