"""The plain build is deterministic: wasmtime, Node and every browser give the same bits for the same model and inputs."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
import wasmtime
from operator_models import operator_cases, operator_model
from random_graphs import RandomGraph
from webkiln.browsers import firefox, webkit
from webkiln.codegen.paths import dist_folder
from webkiln.errors import BrowserError
from webkiln.generator import generate
from webkiln.graph.dtypes import CANONICAL
from webkiln.ops import OPERATORS

PAGE = 65536
SMOKE = [
    "conv2d", "matmul", "max_pool2d", "average_pool2d", "resize", "reduce_sum", "reduce_max", "concat", "transpose", "slice", "pad", "gather", "scatter", "requantize", "argsort", "cumulative_sum", "non_max_suppression",
    "sigmoid", "tanh", "exp", "pow", "erf", "sin", "prelu", "div", "cast", "where",
]  # fmt: skip


def run_in_wasmtime(memory: bytes, where: dict) -> dict[str, np.ndarray]:
    """The run that a snapshot describes, in wasmtime with the plain build."""
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    module = wasmtime.Module.from_file(engine, str(dist_folder() / "webkiln-plain.wasm"))
    pages = -(-len(memory) // PAGE)
    shared = wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(pages, None)))
    shared.write(store, memory)
    instance = wasmtime.Instance(store, module, [shared])
    # Instantiation writes the module's own data; the snapshot has it too.
    shared.write(store, memory)
    instance.exports(store)["run"](store, where["begin"], where["end"])
    data = bytes((ctypes.c_ubyte * shared.data_len(store)).from_address(ctypes.addressof(shared.data_ptr(store).contents)))
    results = {}
    for output in where["outputs"]:
        dtype, shape = CANONICAL[output["dtype"]], tuple(output["shape"])
        count = int(np.prod(shape))
        results[output["name"]] = np.frombuffer(data, dtype, count, output["address"]).reshape(shape)
    return results


def bits(array: np.ndarray) -> np.ndarray:
    """The bits of an array. WebAssembly leaves a NaN's bits open, so every NaN counts as the same."""
    if array.dtype != np.float32:
        return array
    return np.where(np.isnan(array), np.uint32(0x7FC00000), np.ascontiguousarray(array).view(np.uint32).reshape(array.shape))


def assert_same_bits(expected: dict[str, np.ndarray], received: dict[str, np.ndarray], what: str) -> None:
    assert expected.keys() == received.keys()
    for name in expected:
        np.testing.assert_array_equal(bits(received[name]), bits(expected[name]), err_msg=f"{what}, {name}")


def subjects(model_of):
    """Models with inputs: operators, random graphs, whole networks."""
    for name in SMOKE:
        yield name, *operator_model(name, operator_cases(name), constants=True)
    for seed in range(1000, 1010):
        model = RandomGraph(seed).model(25)
        yield f"random {seed}", model, {
            argument.name: generate(seed, argument.shape, np.dtype(np.float32), -2.0, 2.0) for argument in model.inputs
        }
    for name in ("face_landmark", "pose_landmark_lite", "hand_landmark_lite"):
        model = model_of(name)
        yield name, model, {
            argument.name: generate(5, argument.shape, np.dtype(np.float32), 0.0, 1.0) for argument in model.inputs
        }


def test_wasmtime_node_and_chromium_give_the_same_bits(model_of, session_of):
    node, chromium = session_of("node", relaxed=False), session_of("chromium", relaxed=False)
    count = 0
    for name, model, inputs in subjects(model_of):
        expected = node.run(model, inputs)
        assert_same_bits(expected, run_in_wasmtime(*node.snapshot(model, inputs)), f"{name}: wasmtime")
        assert_same_bits(expected, chromium.run(model, inputs), f"{name}: Chromium")
        count += 1
    assert count > 30


@pytest.mark.parametrize(("browser", "find"), [("firefox", firefox.find_firefox), ("webkit", webkit.find_webkit)], ids=["firefox", "webkit"])
def test_other_browsers_give_the_same_bits(model_of, session_of, browser, find):
    """The smoke: twenty operators and the face mesh, in Firefox and WebKitGTK where they are installed."""
    try:
        find()
    except BrowserError as error:
        pytest.skip(str(error))
    assert set(SMOKE) <= set(OPERATORS)
    node, other = session_of("node", relaxed=False), session_of(browser, relaxed=False)
    for name in SMOKE:
        model, inputs = operator_model(name, operator_cases(name), constants=False)
        assert_same_bits(node.run(model, inputs), other.run(model, inputs), f"{name}: {browser}")
    model = model_of("face_landmark")
    inputs = {"input_1": generate(5, (1, 192, 192, 3), np.dtype(np.float32), 0.0, 1.0)}
    inputs = {argument.name: next(iter(inputs.values())) for argument in model.inputs}
    assert_same_bits(node.run(model, inputs), other.run(model, inputs), f"face_landmark: {browser}")
