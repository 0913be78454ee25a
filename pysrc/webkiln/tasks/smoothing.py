"""Smoothing of points over time: the one-euro filter (Casiez, Roussel, Vogel: 1€ filter, CHI 2012)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Smoothing(NamedTuple):
    """How much is smoothed, in hertz: what moves slowly passes a low-pass filter of `min_cutoff`, which grows by `beta` times the speed.

    Speeds are in sizes of the thing a second, so that near and far are smoothed alike; `derivative_cutoff` smooths the speed itself.
    """

    min_cutoff: float = 0.05
    beta: float = 80.0
    derivative_cutoff: float = 1.0


class OneEuro:
    """One filter for an array of any shape, which must stay the same."""

    def __init__(self, smoothing: Smoothing) -> None:
        self._smoothing = smoothing
        self._time = -math.inf
        self._raw: Floats | None = None
        self._value: Floats | None = None
        self._speed: Floats | None = None

    def __call__(self, values: Floats, timestamp: float, size: float) -> Floats:
        """The smoothed values. `timestamp` in milliseconds; `size` of the thing, in the unit of the values."""
        seconds = (timestamp - self._time) / 1000
        if self._value is None or self._raw is None or self._speed is None:
            self._value, self._speed = values, np.zeros_like(values)
        elif seconds > 0:
            speed = (values - self._raw) / (max(size, 1e-6) * seconds)
            self._speed = self._speed + _share(self._smoothing.derivative_cutoff, seconds) * (speed - self._speed)
            cutoff = self._smoothing.min_cutoff + self._smoothing.beta * np.abs(self._speed)
            self._value = self._value + _share(cutoff, seconds) * (values - self._value)
        self._raw, self._time = values, timestamp
        return self._value


def _share(cutoff: float | Floats, seconds: float) -> float | Floats:
    """Of the difference that is taken in this time: 1 / (1 + τ / seconds), with τ = 1 / (2π cutoff)."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * seconds))
