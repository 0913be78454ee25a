"""A mask over the picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.errors import InputError
from webkiln.tasks.activations import activate
from webkiln.tasks.kinds import Mask
from webkiln.tasks.pictures import Placement
from webkiln.tasks.places import Place


def read_mask(values: NDArray[Any], spec: Mapping[str, Any], place: Place | None) -> Mask:
    """One channel of an output [1, height, width, channels], or [1, channels, height, width] for the layout NCHW."""
    layout, channel = spec.get("layout", "NHWC"), spec.get("channel", 0)
    picture = values.reshape(values.shape[1:]) if values.ndim == 4 and values.shape[0] == 1 else values
    if picture.ndim == 2:
        picture = picture[..., None]
    elif picture.ndim == 3 and layout == "NCHW":
        picture = picture.transpose(1, 2, 0)
    if picture.ndim != 3 or not picture.size or channel >= picture.shape[2]:
        raise InputError(f"channel {channel} of a mask of the layout {layout} is not in an output {list(values.shape)}")
    mask = activate(picture, spec.get("activation", "none"))[..., channel].astype(np.float32)
    height, width = mask.shape
    if place is None:
        return {"values": mask, "place": Placement(1, 0, 0, 1, 0, 0)}
    by_x, by_y, (a, b, c, d, e, f) = place.width / width, place.height / height, place.to_picture
    return {"values": mask, "place": Placement(a * by_x, b * by_x, c * by_y, d * by_y, e, f)}
