"""From the probabilities of speech, frame after frame, to when someone speaks; the rules are those that Silero VAD is published with."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

from webkiln.errors import InputError

KEPT = 32
"""The latest pieces of speech that are told of."""


class Segment(TypedDict):
    """A piece of speech, in milliseconds from the beginning of the sound."""

    start: float
    end: float


class SpeechRules(NamedTuple):
    """Speech begins at a probability of `threshold`; it ends when, after one below `release`, none has reached `threshold` for `min_silence`.

    What is not longer than `min_speech` is left out; `padding` is added on both sides. All three in milliseconds.
    """

    threshold: float = 0.5
    release: float = 0.35
    min_speech: float = 250.0
    min_silence: float = 100.0
    padding: float = 30.0


class Speech:
    """Hears the probabilities of a sound in turn."""

    def __init__(self, rules: SpeechRules) -> None:
        if not 0 <= rules.release <= rules.threshold <= 1:
            raise InputError(
                "speech begins at the probability threshold and ends below release, 0 ≤ release ≤ threshold ≤ 1; "
                f"got the threshold {rules.threshold} and the release {rules.release}"
            )
        self._rules = rules
        self._segments: list[Segment] = []
        self._began: float | None = None
        self._quiet: float | None = None

    def hear(self, probability: float, start: float, end: float) -> tuple[bool, list[Segment]]:
        """Whether someone speaks in the frame from `start` to `end` (milliseconds) with this probability, and the latest pieces of speech: the last one
        ends with the frame while it goes on."""
        rules = self._rules
        if probability >= rules.threshold:
            self._quiet = None
            self._began = start if self._began is None else self._began
        elif probability < rules.release and self._began is not None:
            self._quiet = start if self._quiet is None else self._quiet
            if start - self._quiet >= rules.min_silence:
                self._segments = [*self._segments, *self._piece(self._quiet, rules.padding)][-KEPT:]
                self._began = self._quiet = None
        now = self._piece(end if self._quiet is None else self._quiet, 0)
        return self._began is not None, [*self._segments, *now][-KEPT:]

    def _piece(self, end: float, padding: float) -> list[Segment]:
        """What was said until `end`, if that is long enough."""
        if self._began is None or end - self._began <= self._rules.min_speech:
            return []
        return [{"start": max(self._began - self._rules.padding, 0.0), "end": end + padding}]
