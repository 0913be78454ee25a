"""The likeliest labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.errors import InputError
from webkiln.tasks.activations import activate
from webkiln.tasks.kinds import Label


def read_labels(values: NDArray[Any], spec: Mapping[str, Any]) -> list[Label]:
    """The `top` labels (5) of an output with a number for each label, the best first; of equal ones, those that come first."""
    names = spec["labels"]
    if values.size != len(names):
        raise InputError(f"there are {len(names)} labels, and the output is {list(values.shape)}: one number a label is wanted, of one run")
    scores = activate(values.reshape(-1), spec.get("activation", "none"))
    order = np.argsort(-scores, kind="stable")[: spec.get("top", 5)]
    return [{"label": names[k], "index": int(k), "score": float(scores[k])} for k in order]
