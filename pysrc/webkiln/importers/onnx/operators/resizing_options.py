"""What `Resize` is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from webkiln.graph.dims import Dim


@dataclass(frozen=True)
class Options:
    """How elements are mixed, as the attributes of `Resize` say it."""

    mode: str
    coordinates: str
    nearest: str
    cubic: float
    exclude_outside: bool
    antialias: bool
    extrapolation: float


@dataclass(frozen=True)
class Axis:
    """One axis to resize.

    `scale`: as given, which need not be `after / before`; `ratio`: the same as a fraction, where sizes are not fixed; `told`: the same as a value,
    where only a run tells it. `roi`: its part of the region that is cropped, as numbers or as such values.
    """

    index: int
    before: Dim
    after: Dim
    scale: float
    ratio: tuple[Dim, Dim] | None = None
    roi: tuple[float, float] | tuple[str, str] = (0.0, 1.0)
    told: str = ""
