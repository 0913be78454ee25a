"""Windows of convolutions and pools as TensorFlow writes them: an entry for each axis of the tensor."""

from __future__ import annotations

from collections.abc import Callable

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.lowerings.windows import Windows, channels_first, channels_last, same_padding
from webkiln.importers.tensorflow.lowering import Call


def in_channels_last(call: Call, value: str, compute: Callable[[str], str]) -> str:
    """`compute` applied to a tensor whose channels come last, whichever the attribute `data_format` says."""
    if _channels(call) == 1:
        return channels_first(call, compute(channels_last(call, value)))
    return compute(value)


def windows(call: Call, shape: list[Dim], window: list[int], dilated: bool = True) -> Windows:
    """The attributes `strides`, `dilations`, `padding` and `explicit_paddings` for an input whose spatial axes have the sizes `shape`."""
    stride = spatial(call, "strides", len(shape))
    dilation = spatial(call, "dilations", len(shape)) if dilated and call.given("dilations") else [1] * len(shape)
    if min([*window, *stride, *dilation]) < 1:
        call.fail(f"its window {window}, stride {stride} and dilation {dilation} must be at least 1")
    found = Windows(window, stride, dilation, [0] * len(shape), [0] * len(shape))
    kind = call.choice("padding", "VALID", "SAME", "EXPLICIT")
    if kind == "SAME":
        for i, size in enumerate(shape):
            found.low[i], found.high[i] = same_padding(size, found.span(i), stride[i])
    elif kind == "EXPLICIT":
        amounts = call.integers("explicit_paddings")
        first = 2 if _channels(call) == 1 else 1
        if len(amounts) != 2 * (len(shape) + 2) or min(amounts) < 0:
            call.fail(f"its explicit_paddings {amounts} do not fit {len(shape) + 2} axes")
        pairs = list(zip(amounts[::2], amounts[1::2], strict=True))[first : first + len(shape)]
        found.low, found.high = [low for low, _ in pairs], [high for _, high in pairs]
    return found


def spatial(call: Call, name: str, count: int) -> list[int]:
    """An attribute that has an entry an axis: those of the spatial axes. The others must be 1."""
    numbers = call.integers(name)
    channels = _channels(call)
    first = 2 if channels == 1 else 1
    if len(numbers) != count + 2:
        call.fail(f"its {name} {numbers} do not fit {count + 2} axes")
    if numbers[0] != 1 or numbers[channels] != 1:
        raise Refused(f"{name} {numbers}, over batches or channels")
    return numbers[first : first + count]


def _channels(call: Call) -> int:
    """The axis of the channels."""
    known = {"NHWC": -1, "NDHWC": -1, "NCHW": 1, "NCDHW": 1}
    layout = call.text("data_format", "NHWC")
    if layout not in known:
        raise Refused(f"the layout {layout}")
    return known[layout]
