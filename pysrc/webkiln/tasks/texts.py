"""The text of a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.errors import InputError
from webkiln.tasks.activations import activate
from webkiln.tasks.kinds import Text


def read_text(values: NDArray[Any], spec: Mapping[str, Any]) -> Text:
    """The likeliest character of each step of an output [1, steps, characters], as connectionist temporal classification means it:

    of a run of steps with the same one it stands once, and steps without any (`blank`) stand for nothing.
    """
    characters, blank = spec["characters"], spec.get("blank", 0)
    if values.ndim < 2 or values.shape[-1] != len(characters) or values.size != values.shape[-2] * values.shape[-1]:
        raise InputError(f"[1, steps, {len(characters)}] is wanted, a number for each character, and the output is {list(values.shape)}")
    scores = activate(values.reshape(values.shape[-2:]), spec.get("activation", "none"))
    best = scores.argmax(axis=1)
    begins = (best != blank) & (np.diff(best, prepend=-1) != 0)
    score = float(scores[begins, best[begins]].mean()) if begins.any() else 0.0
    return {"text": "".join(characters[k] for k in best[begins]), "score": score}
