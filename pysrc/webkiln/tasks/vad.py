"""Voice activity: whether someone speaks, from 32 ms of sound to the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from webkiln.errors import InputError
from webkiln.tasks.networks import is_presence
from webkiln.tasks.results import results
from webkiln.tasks.speech import Speech, SpeechRules

Samples = NDArray[np.float32]


class Listening(Protocol):
    """A model that keeps a state from run to run: `webkiln.Model`."""

    @property
    def processing(self) -> dict[str, Any]: ...

    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]: ...

    def reset(self) -> None: ...


class Vad:
    """Hears speech. `model`: the gallery's silero_vad, whose state belongs to this task from now on."""

    def __init__(self, model: Listening, *, rules: SpeechRules = SpeechRules()) -> None:  # noqa: B008
        inputs, outputs = (model.processing.get(side, {}) for side in ("inputs", "outputs"))
        sound = next((name for name, spec in inputs.items() if spec.get("type") == "audio"), None)
        heard = next((name for name, spec in outputs.items() if is_presence(spec)), None)
        if sound is None or heard is None:
            raise InputError(
                "the model does not say what is its audio, presence (its processing in model.json); "
                "convert the gallery's silero_vad, or describe yours as docs/format.md says"
            )
        self._model, self._input, self._output, self._rules = model, sound, heard, rules
        self._rate = inputs[sound]["sample_rate"]
        self.frame = int(inputs[sound]["frame_step"])
        """Samples of a frame."""
        self._before = int(inputs[sound]["frame_length"]) - self.frame
        self.reset()

    def reset(self) -> None:
        """Forget what was heard: another sound begins."""
        self._model.reset()
        self._context = np.zeros(self._before, np.float32)
        self._speech = Speech(self._rules)
        self._frames = 0

    def detect(self, samples: Samples) -> dict[str, Any]:
        """What is heard in the next frame (float32 [frame], −1…1, at the model's rate: 512 samples at 16 kHz).

        `timestamp`: milliseconds of sound up to the end of the frame; `probability` of speech; `speaking`, which does not flicker; `segments`: the
        latest pieces of speech, `start` and `end` in milliseconds (`SpeechRules`).
        """
        given = np.asarray(samples)
        if given.shape != (self.frame,) or given.dtype != np.float32:
            raise InputError(
                f"a frame is float32 [{self.frame}] at {self._rate} Hz, got {given.dtype} {list(given.shape)}; stream() takes any lengths"
            )
        heard = np.concatenate([self._context, given])
        self._context = heard[self.frame :]
        outputs = self._model.run({self._input: heard[None]})
        probability = results(self._model, outputs)[self._output][0]["score"]
        start, end = (frames * self.frame * 1000 / self._rate for frames in (self._frames, self._frames + 1))
        self._frames += 1
        speaking, segments = self._speech.hear(probability, start, end)
        return {"timestamp": end, "probability": probability, "speaking": speaking, "segments": segments}

    def stream(self, chunks: Iterable[Samples]) -> Iterator[dict[str, Any]]:
        """`detect` for each frame of a sound that comes in pieces of any lengths; silence fills the last frame."""
        rest = np.zeros(0, np.float32)
        for chunk in chunks:
            rest = np.concatenate([rest, chunk])
            while rest.size >= self.frame:
                yield self.detect(rest[: self.frame])
                rest = rest[self.frame :]
        if rest.size:
            yield self.detect(np.pad(rest, (0, self.frame - rest.size)))
