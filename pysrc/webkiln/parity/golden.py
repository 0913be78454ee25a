"""The golden vectors of a saved model, and checking them with the NumPy reference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln import generator
from webkiln.errors import FormatError
from webkiln.graph.dims import evaluate
from webkiln.graph.dtypes import CANONICAL, canonical_dtype, pairs_of
from webkiln.model import load
from webkiln.parity.compare import Comparison, compare
from webkiln.parity.report import Check
from webkiln.webformat.golden import sample_indices
from webkiln.webformat.read import parse_shard, read_json, shard_bytes

Array = NDArray[Any]


@dataclass(frozen=True)
class GoldenCase:
    """One case: the signature, the inputs by name, and the entries of the outputs with their tensors."""

    signature: str
    inputs: dict[str, Array]
    outputs: dict[str, tuple[dict[str, Any], Array]]
    tolerance: float


def golden_cases(folder: Path) -> Iterator[GoldenCase]:
    """The cases in a folder in the web format; none when it has no golden vectors. Raises `FormatError`."""
    description = read_json(folder / "model.json")
    golden = description.get("golden")
    if not golden or not golden["cases"]:
        return
    if golden["generator"] != generator.NAME:
        raise FormatError(f"the golden vectors are from the generator {golden['generator']!r}, wanted {generator.NAME!r}")
    tensors: dict[str, Array] = {}
    for shard in description["shards"]:
        if shard["role"] == "golden":
            tensors.update(parse_shard(shard_bytes(folder, shard), shard["file"]))
    for case in golden["cases"]:
        signature = load(folder, signature=case["signature"]).signature
        inputs: dict[str, Array] = {}
        for argument in signature.inputs:
            entry = case["inputs"][argument.name]
            if "tensor" in entry:
                inputs[argument.name] = _tensor(tensors, entry["tensor"])
            else:
                shape = [evaluate(dim, case.get("symbols", {})) for dim in argument.shape]
                dtype = CANONICAL[canonical_dtype(argument.dtype)]
                inputs[argument.name] = generator.generate(entry["seed"], shape, dtype, entry["low"], entry["high"])
        outputs = {name: (entry, _tensor(tensors, entry["tensor"])) for name, entry in case["outputs"].items()}
        yield GoldenCase(case["signature"], inputs, outputs, golden["tolerance"])


def check_golden(folder: Path) -> list[Check]:
    """Run every case with the NumPy reference; a check for each output."""
    checked = []
    for number, case in enumerate(golden_cases(folder), 1):
        results = load(folder, signature=case.signature).run(case.inputs)
        for name, (entry, stored) in case.outputs.items():
            result = pairs_of(results[name]) if results[name].dtype.kind == "c" else results[name]
            found = _compare(entry, stored, result, entry.get("tolerance", case.tolerance))
            checked.append(Check(f"golden {number}", name, found.error, found.tolerance, found.reason))
    return checked


def has_golden(folder: Path) -> bool:
    """Whether a folder in the web format has golden vectors."""
    return bool((read_json(folder / "model.json").get("golden") or {}).get("cases"))


def golden_checks(report: Mapping[str, Any]) -> list[Check]:
    """The checks in the report that `verify` of the JavaScript runtime gives."""
    checks = []
    for number, case in enumerate(report["cases"], 1):
        for output in case["outputs"]:
            error, tolerance = float(output["maximumError"]), float(output["tolerance"])
            reason = "" if output["passed"] else f"the error is {error:.3g}, the tolerance {tolerance:.3g}"
            checks.append(Check(f"golden {number}", output["name"], error, tolerance, reason))
    return checks


def _compare(entry: Mapping[str, Any], stored: Array, result: Array, tolerance: float) -> Comparison:
    if list(result.shape) != entry["shape"]:
        return compare(np.zeros(entry["shape"], result.dtype), result, tolerance=tolerance)
    channels = entry.get("channels", 0)
    received = result.astype(stored.dtype)
    if "samples" not in entry:
        return compare(stored.reshape(result.shape), received, tolerance=tolerance, channels=channels)
    positions = sample_indices(result.size, entry["samples"])
    magnitude = max(abs(entry["minimum"]), abs(entry["maximum"]))
    sampled = received.reshape(-1)[positions]
    found = compare(
        stored, sampled, tolerance=tolerance, channels=channels, positions=positions, magnitude=0.0 if channels else magnitude
    )
    return _statistics(entry, received, magnitude or 1.0, found) if found.passed else found


def _statistics(entry: Mapping[str, Any], result: Array, magnitude: float, sampled: Comparison) -> Comparison:
    """Minimum, maximum and L2 norm of the whole: what the samples don't see."""
    finite = result[np.isfinite(result)].astype(np.float64)
    if finite.size == 0 or result.dtype.kind != "f":
        return sampled
    # A norm of n values, each off by e, is off by at most e·√n.
    found = {
        "minimum": (float(finite.min()), magnitude),
        "maximum": (float(finite.max()), magnitude),
        "l2": (math.sqrt(float(np.square(finite).sum())), magnitude * math.sqrt(finite.size)),
    }
    for name, (value, scale) in found.items():
        error = abs(value - entry[name]) / scale
        if error > sampled.tolerance:
            reason = f"the {name} of the whole is {value:.6g}, expected {entry[name]:.6g}"
            return Comparison(error, sampled.tolerance, reason=reason)
    return sampled


def _tensor(tensors: dict[str, Array], name: str) -> Array:
    if name not in tensors:
        raise FormatError(f"the golden vectors need the tensor {name!r}, which their shard does not have")
    return tensors[name]
