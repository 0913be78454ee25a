"""Other R than 1 and 4: programs hold other registers, windows reach into other layers."""

from __future__ import annotations

import numpy as np
import pytest
from claimed_operators import assert_near, float_cases
from operator_models import operator_model
from random_graphs import RandomGraph
from webkiln.generator import generate
from webkiln.ops.table import Case
from webkiln.parity.compare import compare

LIMITS = {"textureSize": 2048, "textureUnits": 16, "attachments": 8}
OPERATORS_OF_LAYERS = [
    "add", "average_pool2d", "concat", "conv2d", "expand", "greater", "matmul", "max_pool2d", "pad", "reduce_max", "reduce_mean",
    "reshape", "resize", "slice", "transpose",
]  # fmt: skip


@pytest.mark.parametrize("layers", [2, 8])
@pytest.mark.parametrize("name", OPERATORS_OF_LAYERS)
def test_operator(session_of, layers, name):
    cases = [case for _, case in float_cases(name)]
    model, feeds = operator_model(name, cases, constants=name in ("conv2d", "matmul"))
    expected = model.run(feeds)
    session = session_of("swiftshader")
    loaded = session.load(model, layers, limits=LIMITS)
    assert loaded["build"] == f"R{layers}"
    received = session.run(loaded, feeds)
    session.dispose(loaded)
    for number, case in enumerate(cases):
        assert_near(name, case, expected[f"y{number}"], received[f"y{number}"])


WINDOWS = [
    (kernel, stride, padding, groups)
    for kernel in (1, 2, 3, 5, 7)
    for stride in (1, 2, 3)
    for padding in (0, 1, 3)
    for groups in (1, 6)
    if padding < kernel
]


@pytest.mark.parametrize("layers", [1, 2, 4, 8])
def test_windows(session_of, layers):
    """Every place that a window may have in its blocks of columns, with kernels of other heights than widths."""
    rng = np.random.default_rng(4)
    cases = []
    for kernel, stride, padding, groups in WINDOWS:
        weights = rng.standard_normal((kernel + 1, kernel, 6 // groups, 6)).astype(np.float32)
        attributes = {
            "stride": [stride, stride],
            "padding": [1, padding, kernel, padding + 1],
            "dilation": [1, 1],
            "groups": groups,
        }
        cases.append(Case([rng.standard_normal((2, 9, 21, 6)).astype(np.float32), weights], attributes))
    model, feeds = operator_model("conv2d", cases, constants=True)
    expected = model.run(feeds)
    session = session_of("swiftshader")
    loaded = session.load(model, layers, limits=LIMITS)
    assert {"conv2d_window", "depthwise_window"} <= set(loaded["plan"]["kernels"])
    received = session.run(loaded, feeds)
    session.dispose(loaded)
    for number, case in enumerate(cases):
        assert_near("conv2d", case, expected[f"y{number}"], received[f"y{number}"])


@pytest.mark.parametrize("layers", [1, 4])
def test_what_is_read_is_what_was_drawn_last(session_of, layers):
    """One texture holds two values, one after another, and draws read the first: llvmpipe gave that one for the second."""
    model = RandomGraph(19).model(steps=25)
    inputs = {argument.name: generate(19, argument.shape, np.dtype(np.float32), -2.0, 2.0) for argument in model.inputs}
    expected = model.run(inputs)
    session = session_of("llvmpipe")
    loaded = session.load(model, layers)
    for _ in range(20):
        received = session.run(loaded, inputs)
        for name, array in expected.items():
            assert compare(array, received[name], tolerance=5e-5).passed, name
    session.dispose(loaded)
