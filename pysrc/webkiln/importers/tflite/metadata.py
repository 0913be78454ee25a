"""What the metadata of a TFLite file (its buffer TFLITE_METADATA) say: where the model comes from, and what its tensors hold.

Slots and numbers are those of TensorFlow Lite's metadata schema, version 1.4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from webkiln.errors import FormatError
from webkiln.importers.tflite.flatbuffer import Schema, Table, decode

if TYPE_CHECKING:
    from webkiln.graph.signature import Argument

SCHEMA = Schema.parse(
    """
    ModelMetadata name:string description:string version:string subgraphs:[SubGraphMetadata] author:string licence:string
    SubGraphMetadata name:string description:string inputs:[TensorMetadata] outputs:[TensorMetadata]
    TensorMetadata name:string description:string dimension_names:[string] content:Content process_units:[ProcessUnit] stats:Stats files:[AssociatedFile]
    Content properties_type:u8 properties:<Properties>
    ImageProperties color_space:i8
    AudioProperties sample_rate:u32 channels:u32
    ProcessUnit options_type:u8 options:<Options>
    NormalizationOptions mean:[f32] std:[f32]
    Stats max:[f32] min:[f32]
    AssociatedFile name:string description:string type:i8 locale:string
    """,
    {"Properties": {2: "ImageProperties", 4: "AudioProperties"}, "Options": {1: "NormalizationOptions"}},
)
_RGB, _GRAYSCALE = 1, 2
_AXIS_LABELS = 2


@dataclass(frozen=True)
class Described:
    """A tensor. `labels`: the files, packed into the model's, with a line for each class."""

    name: str = ""
    text: str = ""
    labels: tuple[str, ...] = ()
    properties: Table | None = None
    normalization: Table | None = None

    @property
    def title(self) -> str:
        """Name and description, on one line."""
        return ": ".join(part for part in (" ".join(self.name.split()), " ".join(self.text.split())) if part)


@dataclass(frozen=True)
class Metadata:
    """`origin`: name, description, author and licence, as far as they are there; `inputs` and `outputs` by their position in a subgraph, for each subgraph."""

    origin: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[tuple[Described, ...], ...] = ()
    outputs: tuple[tuple[Described, ...], ...] = ()

    @property
    def provenance(self) -> dict[str, str]:
        """The origin by the keys of the web format."""
        names = {"description": "description", "author": "attribution", "licence": "licence"}
        return {names[key]: text for key, text in self.origin.items() if key in names}


def read_metadata(data: bytes) -> Metadata:
    """Decode the buffer. Metadata that cannot be read are no reason to refuse the model: nothing is known then."""
    if data[4:8] != b"M001":
        return Metadata()
    try:
        described = decode(data, SCHEMA, "ModelMetadata")
    except FormatError:
        return Metadata()
    return Metadata(
        {key: getattr(described, key) for key in ("name", "description", "author", "licence") if getattr(described, key)},
        tuple(tuple(map(_described, one.inputs)) for one in described.subgraphs),
        tuple(tuple(map(_described, one.outputs)) for one in described.subgraphs),
    )


def _described(tensor: Table) -> Described:
    units = [unit.options for unit in tensor.process_units if unit.options is not None]
    return Described(
        tensor.name,
        tensor.description,
        tuple(file.name for file in tensor.files if file.type == _AXIS_LABELS),
        tensor.content.properties if tensor.content is not None else None,
        units[0] if units else None,
    )


def input_processing(described: Described, argument: Argument) -> dict[str, Any] | None:
    """The entry of `processing` for an input, as far as its metadata tell enough: a picture needs its range, sound its rate.

    Pictures are stretched to the input's size, as TensorFlow Lite's Task Library does.
    """
    properties = described.properties
    if properties is None:
        return None
    if properties.table == "AudioProperties":
        return _audio(properties, argument)
    shape = argument.shape
    if len(shape) != 4 or shape[3] not in (1, 3) or (isinstance(shape[0], int) and shape[0] != 1):
        return None
    channels = 1 if shape[3] == 1 else 3
    if properties.color_space not in (0, {1: _GRAYSCALE, 3: _RGB}[channels]):
        return None
    scaling = _scaling(described.normalization, argument.dtype, channels)
    if scaling is None:
        return None
    height, width = (size if isinstance(size, int) else str(size) for size in shape[1:3])
    mean, scale = scaling
    return {"type": "picture", "width": width, "height": height, "resize": "stretch", "color": "GRAY" if channels == 1 else "RGB", "mean": mean, "scale": scale, "layout": "NHWC"}


def _scaling(normalization: Table | None, dtype: str, channels: int) -> tuple[list[float], list[float]] | None:
    """Mean and scale of pixels. Integers hold pixels as they are: their normalization is undone by their quantization."""
    if dtype in ("uint8", "int8"):
        return [0.0 if dtype == "uint8" else 128.0] * channels, [1.0] * channels
    if dtype != "float32" or normalization is None:
        return None
    mean, scale = (_each(values, channels) for values in (normalization.mean, normalization.std))
    return (mean, scale) if mean and scale and all(scale) else None


def _each(values: memoryview, channels: int) -> list[float]:
    """A number for each channel; none where there are others than one or as many."""
    import numpy as np  # here, since files are read without it too

    numbers = [float(str(np.float32(value))) for value in values]
    fits = len(numbers) in (1, channels) and all(map(math.isfinite, numbers))
    return numbers * (channels // len(numbers)) if fits else []


def _audio(properties: Table, argument: Argument) -> dict[str, Any] | None:
    shape: Sequence[Any] = argument.shape
    if argument.dtype != "float32" or not shape or not properties.sample_rate:
        return None
    channels = properties.channels or 1
    frame = {"frame_length": shape[-1], "frame_step": shape[-1]} if channels == 1 and isinstance(shape[-1], int) else {}
    return {"type": "audio", "sample_rate": properties.sample_rate, "channels": channels, **frame, "window": "none", "scale": 1}
