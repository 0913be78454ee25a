"""A voice made by code: a source of pulses through the resonances of vowels, in syllables."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE = 16000
# Hertz and bandwidths of the first three resonances (Peterson and Barney: Control methods used in a study of the vowels, 1952).
_VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (530, 1840, 2480), (300, 870, 2240))
_BANDWIDTHS = (80, 90, 120)
_SYLLABLE = 0.22  # seconds


def voice(seconds: float, seed: int = 1) -> Samples:
    """Syllables of changing vowels, at a pitch that falls and wavers, with breath between them; about −20 dB."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 125 - 12 * time % 25 + 6 * np.sin(2 * np.pi * 4.5 * time)
    phase = np.cumsum(pitch / RATE)
    source = np.diff(np.floor(phase), prepend=0) + 0.01 * random.standard_normal(time.size)
    number = (time / _SYLLABLE).astype(int)
    vowels = np.array(_VOWELS)[random.integers(len(_VOWELS), size=number.max() + 1)][number]
    for k, bandwidth in enumerate(_BANDWIDTHS):
        source = _resonance(source, _glide(vowels[:, k].astype(float)), bandwidth)
    loudness = np.clip(np.sin(np.pi * (time / _SYLLABLE % 1)) * 1.6, 0.02, 1)
    sound = source * loudness
    return np.asarray(0.1 * sound / np.sqrt(np.mean(sound**2)), np.float32)


def noise(seconds: float, seed: int = 2) -> Samples:
    return np.asarray(0.003 * np.random.default_rng(seed).standard_normal(round(seconds * RATE)), np.float32)


def _glide(values: NDArray[np.float64]) -> NDArray[np.float64]:
    width = RATE // 20
    return np.convolve(
        np.pad(values, (width // 2, width - width // 2 - 1), mode="edge"), np.ones(width) / width, mode="valid"
    )


def _resonance(source: NDArray[np.float64], frequency: NDArray[np.float64], bandwidth: float) -> NDArray[np.float64]:
    """A second-order resonator whose frequency changes (Klatt: Software for a cascade/parallel formant synthesizer, 1980)."""
    decay = np.exp(-np.pi * bandwidth / RATE)
    turn = 2 * decay * np.cos(2 * np.pi * frequency / RATE)
    gain = (1 - turn + decay**2).tolist()
    out, before, last = [], 0.0, 0.0
    for sample, b, a in zip(source.tolist(), turn.tolist(), gain, strict=True):
        before, last = last, a * sample + b * last - decay**2 * before
        out.append(last)
    return np.array(out)
