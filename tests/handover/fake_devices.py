"""What a browser sees and hears in place of a camera and a microphone."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

LEFT, RIGHT = 200, 60
"""Grays of the two halves of what the camera sees: browsers differ in how they make colours of video."""
LOUDNESS = 0.25
"""The mean magnitude of what the microphone hears, a square wave."""

_SIZE = 640, 480
_RATE = 48000


def camera(path: Path) -> Path:
    """A video of one still picture, uncompressed as YUV4MPEG2 has it; luma is in the range of video, 16…235."""
    width, height = _SIZE
    luma = np.repeat(16 + 219 * np.array([LEFT, RIGHT]) / 255, width // 2).round().astype(np.uint8)
    picture = np.tile(luma, (height, 1)).tobytes() + bytes([128]) * (width * height // 2)
    path.write_bytes(b"YUV4MPEG2 W%d H%d F30:1 Ip A1:1 C420\n" % _SIZE + 8 * (b"FRAME\n" + picture))
    return path


def microphone(path: Path) -> Path:
    """Two seconds of a square wave of 400 Hz, which a browser repeats."""
    samples = np.where(np.arange(2 * _RATE) // (_RATE // 800) % 2, LOUDNESS, -LOUDNESS) * 32767
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return path
