"""Pools."""

from __future__ import annotations

from typing import Any

from webkiln.importers.emitter import Refused
from webkiln.importers.tensorflow.lowering import Call
from webkiln.importers.tensorflow.operators.windows import in_channels_last, spatial, windows
from webkiln.importers.tensorflow.registry import lowers


@lowers("MaxPool", "AvgPool")
def pool(call: Call) -> str:
    call.rank(0, 4)
    average = call.source.op == "AvgPool"
    if average and call.text("padding") == "EXPLICIT":
        raise Refused("an average over windows with explicit paddings")

    def compute(x: str) -> str:
        found = windows(call, call.builder.shape(x)[1:-1], spatial(call, "ksize", 2), dilated=False)
        attributes: dict[str, Any] = {"count_padding": False} if average else {}
        return call.node(
            "average_pool2d" if average else "max_pool2d",
            [x],
            window=found.window,
            stride=found.stride,
            padding=[*found.low, *found.high],
            **attributes,
        )

    return in_channels_last(call, call.value(0), compute)
