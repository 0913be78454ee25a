"""Pictures among the inputs of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from webkiln.errors import InputError
from webkiln.tasks.pictures import Region, prepare_picture, sized


class PicturePart(NamedTuple):
    """A picture, the region of it that is wanted, and the size that it is to have as an input, where model.json leaves that open."""

    pixels: np.ndarray
    region: Region | None
    size: Mapping[str, int] | None = None

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


def picture_part(value: Any, spec: Mapping[str, Any], rank: int = 4) -> PicturePart | None:
    """The picture that was given for an input that `spec` describes as one and that has `rank` axes; None for an array of the input itself.

    A picture is a uint8 array [height, width, 3 or 4] (RGB or RGBA), an image of Pillow, the path of a file (which Pillow reads),
    or `{"picture": one of these, "region": a Region or its fields, "size": {"width": …, "height": …}}`, of which the last two may be left out.
    For an input of rank 3 a bare array is the input itself.
    """
    if isinstance(value, Mapping):
        if "picture" not in value or set(value) - {"picture", "region", "size"}:
            raise InputError(f"a picture with its region is {{'picture': …, 'region': …, 'size': …}}, got the keys {', '.join(map(repr, value))}")
        part = picture_part(value["picture"], spec)
        if part is None:
            raise InputError(f"'picture' holds no picture but {_told(value['picture'])}")
        return PicturePart(part.pixels, _region(value.get("region")), value.get("size"))
    if isinstance(value, (str, Path)):
        return PicturePart(_read(Path(value), spec), None)
    if hasattr(value, "getbands") and hasattr(value, "convert"):
        return PicturePart(_pixels(value), None)
    if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim == 3 and rank != 3:
        if value.shape[2] not in (3, 4) or 0 in value.shape:
            raise InputError(f"a picture is uint8 [height, width, 3 or 4], got {_told(value)}")
        return PicturePart(value, None)
    return None


def prepared(part: PicturePart, spec: Mapping[str, Any], dtype: str, rank: int) -> np.ndarray:
    """The array of an input of this dtype and rank; of integers, the nearest ones."""
    array = prepare_picture(part.pixels, sized(spec, part.size), part.region)
    if array.ndim == rank + 1:
        array = array[0]
    return array if np.dtype(dtype).kind == "f" else np.floor(array + 0.5).astype(np.int32)


def _read(path: Path, spec: Mapping[str, Any]) -> np.ndarray:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise InputError(f"reading the picture {str(path)!r} needs Pillow (pip install pillow); or give a uint8 array [height, width, 3]") from None
    try:
        with Image.open(path) as image:
            turned = image if spec.get("orientation", "apply") == "ignore" else ImageOps.exif_transpose(image)
            return _pixels(turned)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"the picture {str(path)!r} cannot be read: {error}") from None


def _pixels(image: Any) -> np.ndarray:
    """An image of Pillow as uint8 RGB; alpha is dropped, not blended."""
    return np.asarray(image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB"))[..., :3]


def _region(given: Any) -> Region | None:
    if given is None or isinstance(given, Region):
        return given
    fields = Region._fields
    if not isinstance(given, Mapping) or set(given) - set(fields) or not set(fields[:4]) <= set(given):
        raise InputError(f"a region is a Region or a dict of {', '.join(fields)} (the last two are optional), got {given!r}")
    return Region(**given)


def _told(value: Any) -> str:
    return f"{value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else type(value).__name__
