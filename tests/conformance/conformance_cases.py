"""Cases that this project did not write: the suites of the shared folder, and the node tests of the PyPI package `onnx`.

A case is a model file with inputs and the outputs that its own framework (or a standard) gives for them.
"""

from __future__ import annotations

import json
import os
import tarfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("WEBKILN_SHARED", ROOT.parent / "shared"))
SUITES = ("wpt_webnn", "tflite_zip", "tflm_seanet", "litert_testdata", "tfjs_graph")
"""The suites of the shared folder whose formats are read."""
ONNX_DENSE, ONNX_OTHER = "onnx_node", "onnx_node_other"
"""The node tests that take and give dense tensors of ordinary numbers, and all the others."""

SAMPLE = 60

Sets = list[tuple[dict[str, Any], dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    """`model(folder)` is the path of the model, which may be written there; `sets()` has inputs and expected outputs by name.

    `steps`: how many steps of its own quantization an integer result may be off, for models that compute with quantized numbers.
    """

    suite: str
    name: str
    model: Callable[[Path], Path]
    sets: Callable[[], Sets]
    relative: float
    absolute: float
    steps: int = 0

    @property
    def key(self) -> str:
        return f"{self.suite}/{self.name}"


def all_cases(suites: Sequence[str] = ()) -> dict[str, list[Case]]:
    """The cases by suite, in the order of their names: of these suites, or of all that are here."""
    found = {suite: list(_shared(suite)) for suite in SUITES if not suites or suite in suites}
    if not suites or {ONNX_DENSE, ONNX_OTHER} & set(suites):
        found |= {suite: cases for suite, cases in onnx_cases().items() if not suites or suite in suites}
    return {suite: cases for suite, cases in found.items() if cases}


def sampled(suites: Mapping[str, Sequence[Case]]) -> dict[str, list[Case]]:
    """About `SAMPLE` cases of each suite, evenly over the names, and so over the operators that stand at their beginning."""
    return {suite: list(cases[:: max(1, round(len(cases) / SAMPLE))]) for suite, cases in suites.items()}


def shared_folder() -> Path | None:
    """The unpacked cases of the shared folder; `None` where there is none."""
    archive = SHARED / "conformance" / "cases.tgz"
    if not archive.is_file():
        return None
    folder = ROOT / "build" / "conformance" / str(archive.stat().st_size)
    if not folder.is_dir():
        part = folder.with_suffix(f".{os.getpid()}")
        with tarfile.open(archive) as tar:
            tar.extractall(part, filter="data")
        part.rename(folder)
    return next((path for path in (folder / "cases", folder) if (path / SUITES[0]).is_dir()), None)


def _shared(suite: str) -> Iterator[Case]:
    folder = shared_folder()
    for path in sorted((folder / suite).iterdir()) if folder and (folder / suite).is_dir() else ():
        meta = json.loads(path.joinpath("meta.json").read_text(encoding="utf-8"))
        yield Case(
            suite,
            path.name,
            lambda _, file=path / meta["model"]: file,
            lambda path=path, meta=meta: _stored_sets(path, meta),
            meta["rtol"],
            meta["atol"],
            meta.get("int_lsb") or 0,
        )


def _stored_sets(path: Path, meta: Mapping[str, Any]) -> Sets:
    sets = []
    for number in range(meta["data_sets"]):
        suffix = f"_{number}" if number else ""
        with np.load(path / f"inputs{suffix}.npz") as inputs, np.load(path / f"expected{suffix}.npz") as expected:
            sets.append((_stored(meta["inputs"], inputs), _stored(meta["outputs"], expected)))
    return sets


def _stored(entries: Sequence[Mapping[str, Any]], arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays, stored under their places, by name; nameless ones get a name of their own."""
    return {one["name"] or f"#{i}": arrays[str(i)] for i, one in enumerate(entries) if str(i) in arrays}


@cache
def onnx_cases() -> dict[str, list[Case]]:
    """The node tests of the installed package `onnx`, dense ones and the others."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tests that overflow on purpose when they are made
        tests = sorted(load_model_tests(kind="node"), key=lambda test: str(test.name))
    found: dict[str, list[Case]] = {ONNX_DENSE: [], ONNX_OTHER: []}
    for test in tests:
        suite = ONNX_DENSE if is_dense(test.name, test.model) else ONNX_OTHER
        found[suite].append(
            Case(suite, test.name, lambda folder, test=test: _written(folder, test), lambda test=test: _onnx_sets(test), test.rtol, test.atol)
        )
    return found


def _written(folder: Path, test: Any) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(test.model.SerializeToString())
    return path


def _onnx_sets(test: Any) -> Sets:
    graph = test.model.graph
    return [
        (
            {one.name: _plain(value) for one, value in zip(graph.input, inputs, strict=False)},
            {name: array for one, value in zip(graph.output, outputs, strict=True) for name, array in _apart(one.name, _plain(value))},
        )
        for inputs, outputs in test.data_sets
    ]


def _apart(name: str, value: Any) -> list[tuple[str, Any]]:
    """A sequence as conversion gives it: an output for each of its values."""
    return [(f"{name}_{i}", one) for i, one in enumerate(value)] if isinstance(value, list) else [(name, value)]


def _plain(value: Any) -> Any:
    from onnx import TensorProto, numpy_helper

    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value


_RANDOM = {"Bernoulli", "RandomUniform", "RandomUniformLike", "RandomNormal", "RandomNormalLike", "Multinomial"}
_CONTROL = {"If", "Loop", "Scan"}
_STRING, _BFLOAT16, _COMPLEX, _NARROW = {8}, {16}, {14, 15}, set(range(17, 29))  # element types by number


def is_dense(name: str, model: Any) -> bool:
    """Whether a model takes and gives tensors of ordinary numbers, without control flow, randomness, training, text, pictures or trees."""
    values = [*model.graph.input, *model.graph.output]
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    kinds, domains = {node.op_type for node in nodes}, {node.domain for node in nodes}
    elements = {value.type.tensor_type.elem_type for value in values if value.type.HasField("tensor_type")}
    return (
        all(value.type.HasField("tensor_type") for value in values)
        and not domains & {"ai.onnx.preview.training", "ai.onnx.ml"}
        and not kinds & (_RANDOM | _CONTROL | {"ImageDecoder"})
        and not elements & (_STRING | _BFLOAT16 | _COMPLEX | _NARROW)
        and "training_dropout" not in name
    )
