"""What each operator gave in the reference: few numbers of each value, for a device that diverges to find out where."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from webkiln.model import Model
from webkiln.parity.golden import GoldenCase, golden_cases
from webkiln.webformat.golden import sample_indices

SAMPLES = 16


def reference_values(folder: Path, model: Model) -> str | None:
    """JSON with samples, minimum, maximum and L2 norm of every value that a node makes, for the inputs of the golden case of each signature.

    `model` is the one in `folder`. Of branches and loops it has what they give, not what happens in their bodies. None for models without golden vectors.
    """
    cases: dict[str, GoldenCase] = {}
    for case in golden_cases(folder):
        cases.setdefault(case.signature, case)
    traced = [_traced(Model(model.bundle, one.name), cases[one.name]) for one in model.bundle.signatures if one.name in cases]
    return f'{{"signatures": [\n{",".join(traced)}\n]}}\n' if traced else None


def _traced(model: Model, case: GoldenCase) -> str:
    values = model.trace(case.inputs)
    allowed = model.trace_tolerances(case.inputs)
    entries = [
        {
            "value": name,
            "op": node.op,
            "node": node.name,
            "dtype": model.graph.values[name].dtype,
            "tolerance": _number(allowed[name]),
            **_numbers(values[name]),
        }
        for node in model.graph.nodes
        for name in node.outputs
        if name in values
    ]
    lines = ",\n".join(json.dumps(entry, allow_nan=False) for entry in entries)
    return f'{{"signature": {json.dumps(case.signature)}, "values": [\n{lines}\n]}}'


def _numbers(array: np.ndarray) -> dict[str, Any]:
    flat = array.reshape(-1)
    finite = flat[np.isfinite(flat)].astype(np.float64)
    return {
        "size": flat.size,
        "samples": [_number(float(value)) for value in flat[sample_indices(flat.size, min(SAMPLES, flat.size))]],
        "minimum": _number(float(finite.min())) if finite.size else 0,
        "maximum": _number(float(finite.max())) if finite.size else 0,
        "l2": _number(math.sqrt(float(np.square(finite).sum()))),
    }


def _number(value: float) -> float | str:
    """Nine digits tell every float32; JSON has no infinities and no NaN."""
    return float(f"{value:.9g}") if math.isfinite(value) else str(value).replace("inf", "Infinity").replace("nan", "NaN")
