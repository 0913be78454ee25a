"""What an input is: guessed from its shape, dtype, name and what the model does with it first; and what that means for processing.

A kind is a word: `picture:RANGE`, where the range is what pixel values become, `audio:RATE`, `tokens`, `numbers`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from webkiln.graph.dims import Dim, Shape
from webkiln.graph.graph import Graph
from webkiln.graph.signature import Argument
from webkiln.model import Model

Spec = dict[str, Any]

_IMAGENET = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])  # mean and standard deviation of its pixels, as torchvision has them
_RANGES: dict[str, tuple[str, list[float], list[float]]] = {
    "0..1": ("a picture, its pixels as 0…1", [0.0], [255.0]),
    "-1..1": ("a picture, its pixels as −1…1", [127.5], [127.5]),
    "0..255": ("a picture, its pixels as they are, 0…255", [0.0], [1.0]),
    "imagenet": ("a picture, less the mean of ImageNet and divided by its deviation", *_IMAGENET),
    "-128..127": ("a picture, its pixels less 128", [128.0], [1.0]),
}
_RATES = (16000, 8000, 22050, 44100, 48000)
_SIDE, _FRAME = 8, 160  # a picture has at least these pixels on a side, a piece of sound these samples
_SOUND = re.compile(r"audio|wave|sound|pcm|speech|sample", re.IGNORECASE)
_TOKENS = re.compile(r"token|ids|mask|segment|word|text", re.IGNORECASE)
_STATE = re.compile(r"state|hidden|cell|memory|cache|past|^[hc]\d?$", re.IGNORECASE)
NUMBERS = "numbers"


@dataclass(frozen=True)
class Guess:
    """`kinds`: what an input may be, the likeliest first; `why`: what speaks for that."""

    kinds: tuple[str, ...]
    why: str

    @property
    def best(self) -> str:
        return self.kinds[0]


def guesses(model: Model) -> dict[str, Guess]:
    """A guess for each input of which nothing is recorded."""
    recorded = model.processing.get("inputs", {})
    return {argument.name: _guess(model, argument) for argument in model.signature.inputs if argument.name not in recorded}


def title(kind: str) -> str:
    """A kind in words."""
    word, _, detail = kind.partition(":")
    if word == "picture":
        return _RANGES[detail][0]
    return {"audio": f"sound at {detail} samples a second", "tokens": "numbers of tokens, of a text"}.get(word, "numbers, taken as they are")


def known_kinds() -> list[str]:
    """All kinds."""
    return [*(f"picture:{one}" for one in _RANGES), *(f"audio:{rate}" for rate in _RATES), "tokens", NUMBERS]


def specification(kind: str, argument: Argument, *, crop: bool, channels_first: bool) -> Spec | None:
    """The entry of `processing` for an input of this kind, None where there is nothing to say.

    `crop`: a picture of other proportions is cropped, as classifiers have it, else shown whole; `channels_first` decides where the shape leaves it open.
    """
    word, _, detail = kind.partition(":")
    if word == "picture":
        place = _picture(argument.shape, channels_first)
        assert place is not None
        _, mean, scale = _RANGES[detail]
        is_gray = place.channels == 1
        return {
            "type": "picture",
            "width": _plain(place.width),
            "height": _plain(place.height),
            "resize": "crop" if crop else "letterbox",
            "color": "GRAY" if is_gray else "RGB",
            "mean": mean[:1] if is_gray else mean * (3 // len(mean)),
            "scale": scale[:1] if is_gray else scale * (3 // len(scale)),
            "layout": place.layout,
        }
    length = argument.shape[-1] if argument.shape else 1
    if word == "audio":
        frame = {"frame_length": length, "frame_step": length} if isinstance(length, int) else {}
        return {"type": "audio", "sample_rate": int(detail), "channels": 1, **frame, "window": "none", "scale": 1}
    if word == "tokens":
        return {"type": "tokens", **({"maximum_length": length} if isinstance(length, int) else {})}
    return None


@dataclass(frozen=True)
class _Picture:
    height: Dim
    width: Dim
    channels: int
    layout: str


def _plain(dim: Dim) -> int | str:
    return dim if isinstance(dim, int) else str(dim)


def _picture(shape: Shape, channels_first: bool) -> _Picture | None:
    """How a shape is that of a picture, if it is."""
    if len(shape) == 4 and isinstance(shape[0], int) and shape[0] != 1:
        return None
    inner = shape[-3:]
    if len(shape) not in (3, 4):
        return None
    first, last = _Picture(inner[1], inner[2], _channels(inner[0]), "NCHW"), _Picture(inner[0], inner[1], _channels(inner[2]), "NHWC")
    for place in (first, last) if channels_first else (last, first):
        if place.channels and all(not isinstance(side, int) or side >= _SIDE for side in (place.height, place.width)):
            return place
    return None


def _channels(dim: Dim) -> int:
    return dim if isinstance(dim, int) and dim in (1, 3) else 0


def has_channels_first(model: Model) -> bool:
    """Whether the source's framework puts channels before rows and columns."""
    return model.provenance.get("source_format") == "onnx"


def _guess(model: Model, argument: Argument) -> Guess:
    dtype = np.dtype(argument.dtype)
    if _is_state(model, argument):
        return Guess((NUMBERS,), "a state: an output has the same shape, to be fed back")
    place = _picture(argument.shape, has_channels_first(model))
    if place is not None and dtype.kind in "fui" and dtype.itemsize != 8:
        ranges, why = _ranges(model.graph, argument, dtype)
        if place.channels == 1:
            ranges = [one for one in ranges if one != "imagenet"]
        return Guess((*(f"picture:{one}" for one in ranges), NUMBERS), f"the shape of a picture; {why}")
    if dtype.kind == "f" and _is_frame(argument.shape):
        sounds = tuple(f"audio:{rate}" for rate in _RATES)
        if _SOUND.search(argument.name):
            return Guess((*sounds, NUMBERS), "its name and shape are those of sound")
        return Guess((NUMBERS, *sounds), "nothing tells what it is; its shape could be that of sound")
    if dtype.kind in "iu" and len(argument.shape) <= 2 and _TOKENS.search(argument.name):
        return Guess(("tokens", NUMBERS), "its name, and that it holds integers")
    return Guess((NUMBERS,), "nothing tells what it is")


def _is_frame(shape: Shape) -> bool:
    return 1 <= len(shape) <= 3 and all(one == 1 or not isinstance(one, int) for one in shape[:-1]) and (not isinstance(shape[-1], int) or shape[-1] >= _FRAME)


def _is_state(model: Model, argument: Argument) -> bool:
    if not _STATE.search(argument.name) or _TOKENS.search(argument.name):
        return False
    return any(one.shape == argument.shape and one.dtype == argument.dtype for one in model.signature.outputs)


def _ranges(graph: Graph, argument: Argument, dtype: np.dtype[Any]) -> tuple[list[str], str]:
    """What pixels may become, the likeliest first, and why that is."""
    if dtype.kind in "ui":
        return (["-128..127"], "int8 holds pixels less 128") if dtype == np.int8 else (["0..255"], f"{dtype.name} holds pixels as they are")
    others = ["0..1", "-1..1", "imagenet", "0..255"]
    constant = _first_constant(graph, argument.value)
    if constant is not None:
        op, size = constant
        if (op in ("mul",) and size <= 0.02) or (op in ("div", "sub", "add") and size >= 50):
            return ["0..255", *others[:-1]], "the model scales 0…255 itself"
        if op == "sub" and 0.3 <= size <= 0.6:
            return others, "the model takes off a mean of 0…1 itself"
    return others, "the range of its pixels is a guess"


def _first_constant(graph: Graph, value: str) -> tuple[str, float] | None:
    """The operator that meets an input first, where it combines it with a constant, and the constant's median magnitude."""
    consumers = graph.consumers()
    for _ in range(8):
        nodes = consumers.get(value, [])
        if len(nodes) != 1:
            return None
        node = nodes[0]
        held = [graph.constants[name] for name in node.inputs if name in graph.constants]
        if node.op in ("mul", "div", "sub", "add") and len(held) == 1:
            return node.op, float(np.median(np.abs(held[0].array)))
        if node.op not in ("transpose", "reshape", "pad", "cast", "resize"):
            return None
        value = node.outputs[0]
    return None
