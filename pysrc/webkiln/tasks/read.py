"""Text in pictures: a detector finds its lines, a second model says whether they are upside down, a third one reads each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from webkiln.errors import InputError
from webkiln.tasks.kinds import Text
from webkiln.tasks.networks import Network, Runnable, is_labels, is_mask, is_text
from webkiln.tasks.pictures import Region
from webkiln.tasks.reading_order import reading_order
from webkiln.tasks.regions import as_box
from webkiln.tasks.text_lines import find_lines

DETECTOR_STEP = 32
"""Width and height of the detector's input are multiples of it."""
LINE_HEIGHT = 48
"""Of the recognizer's input."""
LINE_STEP, WIDE_LINE_STEP, WIDE = 32, 64, 640
"""Widths of the recognizer's input are multiples of the first, from `WIDE` on of the second, so that few plans are made."""
LONGEST = 3200
"""The recognizer's input is at most as wide; longer lines are squeezed."""
SQUARES = 4.0
"""Proportions of the orientation's input. It sees at most as much of a line, from its middle: of a longer one that is squeezed it is often wrong."""
UPSIDE_DOWN = 0.9
"""A line whose score for it is above this is turned."""


class Read:
    """Text. `detector`, `orientation` and `recognizer`: the gallery's ppocr_detection, ppocr_orientation and ppocr_recognition.

    The detector sees the picture with at most about `limit` times `limit` pixels. Lines are left out whose characters have a mean score below `least_score`.
    """

    def __init__(self, detector: Runnable, orientation: Runnable, recognizer: Runnable, *, limit: int = 960, least_score: float = 0.5) -> None:
        if not limit >= DETECTOR_STEP:
            raise InputError(f"limit is the side of the largest square that the detector sees, at least {DETECTOR_STEP} pixels; got {limit}")
        if not 0 <= least_score <= 1:
            raise InputError(f"least_score is a score in 0…1, got {least_score}")
        self._detector = Network(detector, "the detector", {"mask": is_mask})
        self._orientation = Network(orientation, "the orientation", {"labels": is_labels})
        self._recognizer = Network(recognizer, "the recognizer", {"text": is_text})
        self._limit, self._least_score = limit, least_score

    def detect(self, picture: np.ndarray, timestamp: float | None = None) -> dict[str, Any]:
        """The text in a picture (uint8 [height, width, 3]): `lines` in reading order, and `text`, all of them.

        A line has its `text`, the `score` of it, its `region`, in which it is upright, and that one's `corners`: the upper left one of the text, and on clockwise.
        """
        height, width = picture.shape[:2]
        mask = self._detector.see(picture, size=detector_size(width, height, self._limit))["mask"]
        lines = [line for line in (self._line(picture, region) for region in find_lines(mask["values"], mask["place"])) if line]
        rows = reading_order([region for region, _ in lines])
        return {
            "timestamp": timestamp,
            "width": width,
            "height": height,
            "lines": [lines[k][1] for row in rows for k in row],
            "text": "\n".join(" ".join(lines[k][1]["text"] for k in row) for row in rows),
        }

    def _line(self, picture: np.ndarray, found: Region) -> tuple[Region, dict[str, Any]] | None:
        """What is written in a region, and the region turned to be upright; None when it is nothing, or not sure enough."""
        middle = found._replace(width=min(found.width, SQUARES * found.height))
        label = self._orientation.see(picture, middle)["labels"][0]
        region = _turned(found) if label["label"] == "upside down" and label["score"] > UPSIDE_DOWN else found
        read = self._read(picture, region)
        if read["score"] < self._least_score and label["score"] <= UPSIDE_DOWN:  # it may be the other way up
            region = _turned(region)
            read = self._read(picture, region)
        if not read["text"] or read["score"] < self._least_score:
            return None
        return region, {"text": read["text"], "score": read["score"], "region": as_box(region), "corners": corners(region)}

    def _read(self, picture: np.ndarray, region: Region) -> Text:
        read: Text = self._recognizer.see(picture, region, {"width": line_width(region)})["text"]
        return {"text": read["text"].strip(), "score": read["score"]}


def _turned(region: Region) -> Region:
    """By half a circle."""
    return region._replace(rotation=region.rotation + (math.pi if region.rotation <= 0 else -math.pi))


def detector_size(width: int, height: int, limit: int) -> dict[str, int]:
    """A picture of this size, made so small that it has at most `limit` times `limit` pixels, and its sides rounded up to multiples of `DETECTOR_STEP`."""
    scale = min(1.0, limit / math.sqrt(width * height), limit * limit / (DETECTOR_STEP * max(width, height)))
    return {name: DETECTOR_STEP * math.ceil(size * scale / DETECTOR_STEP) for name, size in (("width", width), ("height", height))}


def line_width(region: Region) -> int:
    """The width that the recognizer's input has for a region: its proportions, rounded up to a step."""
    width = LINE_HEIGHT * region.width / region.height
    step = LINE_STEP if width <= WIDE else WIDE_LINE_STEP
    return min(LONGEST, step * math.ceil(width / step))


def corners(region: Region) -> list[dict[str, float]]:
    """The corners of a region: its own upper left one, and on clockwise."""
    cos, sin = math.cos(region.rotation), math.sin(region.rotation)
    sides = [(x * region.width / 2, y * region.height / 2) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return [{"x": region.x + cos * x - sin * y, "y": region.y + sin * x + cos * y} for x, y in sides]
