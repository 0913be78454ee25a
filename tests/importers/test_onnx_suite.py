"""The node tests of the `onnx` package: none may be wrong, and as many as did must still pass."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import webkiln
from onnx import TensorProto, numpy_helper
from onnx.backend.test.loader import load_model_tests
from webkiln.errors import InputError, UnsupportedOperatorError

# May only rise: of the version of the package that `PACKAGE` names.
PACKAGE, PASSING = "1.23.2", 1448
# What only a narrower integer could hold: an input beyond 32 bits is refused when the model runs.
BEYOND = {"test_bitcast_uint32_to_int32"}


def cases() -> Iterator[tuple[str, bytes, list[tuple[list[object], list[object]]], float, float]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tests = load_model_tests(kind="node")
    for test in tests:
        sets = [(list(map(plain, inputs)), list(map(plain, outputs))) for inputs, outputs in test.data_sets]
        yield test.name, test.model, sets, test.rtol, test.atol


def plain(value: object) -> object:
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value


def differs(found: np.ndarray, expected: np.ndarray, relative: float, absolute: float) -> bool:
    """As the package's own runner compares; float16 is what a float32 result is rounded to."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return True
    if expected.dtype.kind in "iub":
        return not np.array_equal(found, expected)
    if expected.dtype == np.float16:
        relative, absolute = max(relative, 5e-3), max(absolute, 1e-3)
    return not np.allclose(found.astype(np.float64), expected.astype(np.float64), relative, max(absolute, 1e-5), equal_nan=True)


def test_no_answer_is_wrong_and_as_many_pass_as_did(tmp_path: Path) -> None:
    import onnx

    verdicts: Counter[str] = Counter()
    wrong = []
    path = tmp_path / "model.onnx"
    for name, model, sets, relative, absolute in cases():
        path.write_bytes(model.SerializeToString())
        try:
            converted = webkiln.convert(path)
            for inputs, outputs in sets:
                feeds = dict(zip([one.name for one in model.graph.input], inputs, strict=False))
                found = converted.run({key: array for key, array in feeds.items() if any(one.name == key for one in converted.inputs)})
                for key, array in zip([one.name for one in model.graph.output], outputs, strict=True):
                    if differs(found[key], np.asarray(array), relative, absolute):
                        wrong.append(f"{name}: {key}")
        except UnsupportedOperatorError:
            verdicts["unsupported"] += 1
        except InputError:
            assert name in BEYOND, name
        else:
            verdicts["run"] += 1
    assert not wrong, wrong
    if onnx.__version__ == PACKAGE:
        assert verdicts["run"] >= PASSING, verdicts
