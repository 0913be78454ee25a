"""Following things from frame to frame: a detector finds them, a second model looks at each, and says where it will be next."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from webkiln.errors import InputError
from webkiln.tasks.kinds import Point
from webkiln.tasks.pictures import Region
from webkiln.tasks.regions import overlap
from webkiln.tasks.smoothing import OneEuro, Smoothing

SAME = 0.5
"""Regions that overlap more than this are of the same thing."""

DETECTOR_INTERVAL = 300.0
"""Milliseconds between two looks for further things, while some are followed."""


@dataclass
class Track:
    """A thing that is followed: where it will be, and the filters of its points."""

    id: int
    region: Region
    filters: dict[str, OneEuro] = field(default_factory=dict)


class Tracking(ABC):
    """`detect` without a timestamp is about a single picture: nothing is remembered. With one, it is about the next frame of a film."""

    def __init__(self, most: int, smoothing: Smoothing | None) -> None:
        if most < 1:
            raise InputError(f"at least one thing is to be found, got {most}")
        self._most = most
        self._smoothing = smoothing
        self.reset()

    def reset(self) -> None:
        """Forget what was followed: another film begins."""
        self._tracks: list[Track] = []
        self._next = 0
        self._latest, self._searched = -math.inf, -math.inf

    @abstractmethod
    def find(self, picture: np.ndarray) -> list[Region]:
        """Regions of the things in the whole picture, the surest first."""

    @abstractmethod
    def look(self, picture: np.ndarray, region: Region) -> tuple[dict[str, Any], Region] | None:
        """What is in a region, and the region in which it will be in the next frame; None when there is nothing."""

    def follow(self, picture: np.ndarray, timestamp: float | None) -> list[dict[str, Any]]:
        """What `look` says of each thing in the picture (uint8 [height, width, 3]), with its `id`; it stays the same from frame to frame."""
        if timestamp is None:
            regions = _apart(self.find(picture), [])[: self._most]
            looks = [self.look(picture, region) for region in regions]
            return [{"id": id, **look[0]} for id, look in enumerate(look for look in looks if look)]
        if not timestamp > self._latest:
            raise InputError(f"the frame's timestamp is {timestamp}, and that of the one before was {self._latest}: it has to grow; reset() begins another film")
        self._latest = timestamp
        tracks = list(self._tracks)
        if len(tracks) < self._most and (not tracks or timestamp - self._searched >= DETECTOR_INTERVAL):
            self._searched = timestamp
            for region in _apart(self.find(picture), [track.region for track in tracks])[: self._most - len(tracks)]:
                tracks.append(Track(self._next, region))
                self._next += 1
        self._tracks, found = [], []
        for track in tracks:
            look = self.look(picture, track.region)
            if look is None or any(overlap(look[1], other.region) > SAME for other in self._tracks):
                continue  # it is gone, or followed already
            thing, track.region = look
            self._tracks.append(track)
            found.append({"id": track.id, **self._smoothed(thing, track, timestamp)})
        return found

    def _smoothed(self, thing: dict[str, Any], track: Track, timestamp: float) -> dict[str, Any]:
        if self._smoothing is None:
            return thing
        sizes = {"landmarks": (track.region.width + track.region.height) / 2, "world": 1.0}
        smooth = {
            name: smoothed(thing[name], track.filters.setdefault(name, OneEuro(self._smoothing)), timestamp, size)
            for name, size in sizes.items()
            if thing.get(name)
        }
        return {**thing, **smooth}


def smoothed(points: Sequence[Point], filter: OneEuro, timestamp: float, size: float) -> list[Point]:
    """The points with x, y and z smoothed; the rest of each stays."""
    rows = filter(np.array([[point["x"], point["y"], point.get("z", 0.0)] for point in points]), timestamp, size)
    moved: list[Point] = []
    for point, (x, y, z) in zip(points, rows.tolist(), strict=True):
        place: Mapping[str, float] = {"x": x, "y": y, "z": z} if "z" in point else {"x": x, "y": y}
        moved.append({**point, **place})  # type: ignore[typeddict-item]
    return moved


def _apart(regions: Sequence[Region], taken: Sequence[Region]) -> list[Region]:
    """The regions that lie on none of those taken or before."""
    kept: list[Region] = []
    for region in regions:
        if all(overlap(region, other) <= SAME for other in (*taken, *kept)):
            kept.append(region)
    return kept
