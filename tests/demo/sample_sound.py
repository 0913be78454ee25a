"""The sample of the demo voice-activity, as the page makes it."""

from __future__ import annotations

import subprocess
import wave
from pathlib import Path

import numpy as np
from webkiln.browsers.node import find_node
from webkiln.codegen.paths import demos_folder

RATE = 16000


def sample_sound() -> np.ndarray:
    """Float32 [samples] at 16 kHz, -1…1."""
    module = (demos_folder() / "voice-activity" / "sample.js").as_uri()
    script = f"import {{ sample }} from '{module}'; process.stdout.write(Buffer.from(sample().buffer));"
    done = subprocess.run(
        [find_node().path, "--input-type=module", "-e", script], capture_output=True, check=True, timeout=60
    )
    return np.frombuffer(done.stdout, np.float32)


def write_wav(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    return path
