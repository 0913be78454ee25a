"""Steps of training in ONNX models, against the reference evaluator: several variables at once, the first step and later ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator
from onnx_model import info, model_of, read, results
from webkiln.errors import UnsupportedOperatorError

TRAINING = "ai.onnx.preview.training"
IMPORTS = [helper.make_opsetid(TRAINING, 1)]


@pytest.mark.parametrize("done", [0, 3])
@pytest.mark.parametrize(("op", "states", "attributes"), [
    ("Adagrad", 1, {"norm_coefficient": 0.01, "decay_factor": 0.1, "epsilon": 1e-5}),
    ("Adam", 2, {"norm_coefficient": 0.02, "norm_coefficient_post": 0.25, "alpha": 0.8, "beta": 0.9}),
    ("Momentum", 1, {"norm_coefficient": 0.1, "alpha": 0.9, "beta": 0.5, "mode": "standard"}),
    ("Momentum", 1, {"norm_coefficient": 0.1, "alpha": 0.9, "beta": 0.5, "mode": "nesterov"}),
])  # fmt: skip
def test_steps(op: str, states: int, attributes: dict[str, float], done: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(states)
    arrays = {"rate": np.array(0.1, np.float32), "done": np.array(done)}
    for kind in range(2 + states):
        for name, shape in (("a", (2, 3)), ("b", (4,))):
            arrays[f"{name}{kind}"] = rng.uniform(0.1, 1, shape).astype(np.float32)
    made = [f"{name}_{kind}" for kind in range(1 + states) for name in ("a", "b")]
    node = helper.make_node(op, list(arrays), made, domain=TRAINING, **attributes)
    model = model_of([node], [info(*one) for one in arrays.items()], made, imports=IMPORTS)
    expected = ReferenceEvaluator(model).run(None, arrays)
    for found, wanted in zip(results(model, tmp_path, *arrays.values()), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_gradients_are_refused(tmp_path: Path) -> None:
    node = helper.make_node("Gradient", ["x"], ["y"], domain=TRAINING, xs=["x"], y="x")
    with pytest.raises(UnsupportedOperatorError, match="Gradient"):
        read(model_of([node], [info("x", np.zeros(2, np.float32))], ["y"], imports=IMPORTS), tmp_path)
