"""Voice activity, of a voice made by code: pieces of speech are where it speaks; the same in JavaScript."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from task_runs import save_models
from voice import RATE, noise, voice
from webkiln.browsers.node import find_node
from webkiln.errors import InputError
from webkiln.tasks import SpeechRules, Vad
from webkiln.tasks.speech import KEPT, Speech

PROBABILITY = 1e-4  # its state feeds the rounding of a frame into the next ones
SPOKEN = ((600, 2100), (2900, 3900))  # milliseconds
SLACK = 200  # a voice is known some frames after it begins, and heard a while after it ends


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vad")


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return save_models(folder, ["silero_vad"])["silero_vad"]


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return np.concatenate([noise(0.6), voice(1.5, 3), noise(0.8), voice(1.0, 8), noise(0.5)])


def hear(probabilities: list[float], **rules: float) -> list[tuple[bool, list[tuple[float, float]]]]:
    """What is said after each of the frames, of 32 ms."""
    speech = Speech(SpeechRules(**rules))
    heard = [speech.hear(p, 32.0 * k, 32.0 * k + 32) for k, p in enumerate(probabilities)]
    return [(speaking, [(piece["start"], piece["end"]) for piece in pieces]) for speaking, pieces in heard]


def test_pieces_of_speech(model: Any, sound: np.ndarray) -> None:
    heard = list(Vad(model).stream([sound]))
    assert len(heard) == -(-sound.size // 512)
    assert [one["timestamp"] for one in heard[:3]] == [32, 64, 96]
    assert len(heard[-1]["segments"]) == len(SPOKEN)
    for piece, (start, end) in zip(heard[-1]["segments"], SPOKEN, strict=True):
        assert abs(piece["start"] - start) < SLACK
        assert abs(piece["end"] - end) < SLACK
    silent = [one for one in heard if one["timestamp"] < SPOKEN[0][0] - SLACK]
    assert silent
    assert not any(one["speaking"] or one["segments"] for one in silent)


def test_same_in_javascript(folder: Path, model: Any, sound: np.ndarray) -> None:
    """In pieces of any lengths; after a reset from the beginning; and what cannot be heard."""
    (folder / "sound.f32").write_bytes(sound.tobytes())
    (folder / "vad.json").write_text(json.dumps({"options": {"minSpeech": 100}, "piece": 700}))
    subprocess.run([find_node().path, Path(__file__).with_name("run_vad.mjs"), folder], check=True, timeout=100)
    received = json.loads((folder / "heard.json").read_text())
    vad = Vad(model, rules=SpeechRules(min_speech=100))
    expected = list(vad.stream(np.split(sound, range(300, sound.size, 300))))
    assert len(received["first"]) == len(expected)
    for one, other in [*zip(received["first"], expected, strict=True), *zip(received["again"], expected, strict=False)]:
        assert one["probability"] == pytest.approx(other["probability"], abs=PROBABILITY)
        assert {key: one[key] for key in ("timestamp", "speaking", "segments")} == {
            key: other[key] for key in ("timestamp", "speaking", "segments")
        }
        assert one["milliseconds"]["model"] <= one["milliseconds"]["all"]
    assert received["counted"] == 3
    assert received["wrong"]["frame"].startswith(
        "InputError: a frame is a Float32Array of 512 samples at 16000 Hz, got 100 samples"
    )
    assert received["wrong"]["source"].startswith(
        "InputError: a sound is a MediaStream or an AsyncIterable of Float32Array, got Number"
    )
    assert received["wrong"]["piece"].startswith("InputError: the pieces of a sound are Float32Array, got Array")
    assert "release 0.9" in received["wrong"]["rules"]


def test_rules() -> None:
    """It begins at the threshold, goes on above the release, and ends after enough silence; what is short is left out."""
    quiet, unsure, loud = 0.1, 0.4, 0.9
    assert [speaking for speaking, _ in hear([unsure, loud, unsure, quiet, loud])] == [False, True, True, True, True]
    spoken = hear([quiet] * 2 + [loud] * 10 + [quiet] * 5)
    assert [speaking for speaking, _ in spoken] == [False] * 2 + [True] * 14 + [False]
    assert spoken[8][1] == []  # 224 ms are not enough
    assert spoken[9][1] == [(34, 320)]
    assert spoken[-1][1] == [(34, 414)]
    assert hear([loud] * 7 + [quiet] * 6)[-1] == (False, [])
    assert hear([loud] * 10 + [quiet] * 3 + [loud] * 3 + [quiet] * 6)[-1][1] == [(0, 542)]
    assert hear([loud] * 10 + [quiet] * 3 + [loud] * 3 + [quiet] * 6, min_silence=50, min_speech=50)[-1][1] == [
        (0, 350),
        (386, 542),
    ]
    assert len(hear(([loud] * 4 + [quiet] * 2) * (KEPT + 9), min_silence=10, min_speech=10)[-1][1]) == KEPT
    with pytest.raises(InputError, match=r"release 0\.6"):
        hear([], release=0.6)


def test_what_cannot_be_heard(model: Any) -> None:
    with pytest.raises(InputError, match=r"a frame is float32 \[512\] at 16000 Hz, got float64 \[512\]"):
        Vad(model).detect(np.zeros(512))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"got float32 \[160\]"):
        Vad(model).detect(np.zeros(RATE // 100, np.float32))
