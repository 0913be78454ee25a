"""Real models from end to end: what their own runtime gave, the NumPy reference, and WASM and WebGL in Node and Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import webkiln
from source_models import MODELS, Tensors
from webkiln import rounding
from webkiln.ops import LEAST_TOLERANCES
from webkiln.parity.compare import compare

Converted = Callable[[str], Path]
SessionOf = Callable[..., webkiln.Session]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """The folder of a model in the web format; each is converted and written once."""

    @cache
    def write(name: str) -> Path:
        source = MODELS[name]
        folder = tmp_path_factory.mktemp("models") / name
        webkiln.convert(source.path(), inputs=dict(source.shapes) or None).save(folder)
        return folder

    return write


@pytest.fixture(scope="module")
def webgl() -> Iterator[webkiln.Session]:
    with webkiln.Session(backend="webgl", browser="chromium") as session:
        yield session


def stored(name: str, model: webkiln.Model) -> tuple[Tensors, Tensors]:
    inputs, outputs = MODELS[name].stored()
    if "" in inputs:
        (argument,) = model.inputs
        inputs = {argument.name: inputs[""].astype(argument.dtype)}
    return inputs, outputs


def assert_near(received: Tensors, expected: Tensors, tolerances: dict[str, float]) -> None:
    assert set(received) == set(expected)
    for name, array in expected.items():
        result = compare(array, received[name], tolerance=tolerances[name])
        assert result.passed, f"{name} {list(array.shape)}: {result.reason}"


@pytest.mark.parametrize("name", MODELS)
def test_all_runtimes_agree(name: str, converted: Converted, session_of: SessionOf, webgl: webkiln.Session) -> None:
    folder = converted(name)
    model = webkiln.load(folder)
    inputs, given = stored(name, model)
    found = model.run(inputs)
    assert_near(found, given, dict.fromkeys(given, MODELS[name].tolerance))
    for one in [inputs, *MODELS[name].others()]:
        expected = found if one is inputs else model.run(one)
        tolerances = measured(model, one)
        for session, least in ((session_of("node", relaxed=False), "wasm"), (session_of("chromium", relaxed=True), "wasm"), (webgl, "webgl")):
            allowed = {key: max(tolerance, LEAST_TOLERANCES[least]) for key, tolerance in tolerances.items()}
            assert_near(session.run(folder, one), expected, allowed)


def measured(model: webkiln.Model, inputs: Tensors) -> dict[str, float]:
    """What rounding may do to each output, relative to its largest."""
    feeds = {argument.value: array for argument, array in zip(model.signature.inputs, model.check_inputs(inputs).values(), strict=True)}
    allowed = rounding.tolerances(model.graph, feeds, {argument.value: 0 for argument in model.signature.outputs})
    return {argument.name: allowed[argument.value] for argument in model.signature.outputs}


def test_an_embedding_depends_on_neither_batch_nor_what_is_masked(converted: Converted) -> None:
    model = webkiln.load(converted("minilm"))
    inputs, given = stored("minilm", model)
    name, alone = next(iter(given.items()))
    length = alone.shape[1]
    wider = {key: np.zeros((3, length + 5), np.int64) for key in inputs}
    for key, array in inputs.items():
        wider[key][1, :length] = array[0]
    wider["attention_mask"][0] = wider["attention_mask"][2] = 1
    found = model.run(wider)[name]
    assert found.shape == (3, length + 5, alone.shape[2])
    np.testing.assert_allclose(found[1, :length], alone[0], atol=2e-5)


def test_transposes_cancel(converted: Converted) -> None:
    """Pictures are NHWC inside; a model whose operators all follow that keeps few transposes."""
    nodes = webkiln.load(converted("yolox_nano")).graph.nodes
    assert sum(1 for node in nodes if node.op == "transpose") <= 8


def test_key_points_from_two_formats_are_the_same(converted: Converted) -> None:
    """MoveNet from TensorFlow.js and TFLite, 17 points of y, x and score; both files keep their weights as float16."""
    points = []
    for name in ("movenet_tfjs", "movenet_tflite"):
        model = webkiln.load(converted(name))
        points += model.run(stored(name, model)[0]).values()
    assert points[0].shape == (1, 1, 17, 3)
    assert np.abs(points[0] - points[1]).max() < 1e-4


def test_one_network_from_three_formats_is_the_same(converted: Converted) -> None:
    """Basic pitch as the reference has it, whichever file it comes from."""
    names = {
        "basic_pitch_onnx": ("StatefulPartitionedCall:0", "StatefulPartitionedCall:1", "StatefulPartitionedCall:2"),
        "basic_pitch_tflite": ("contour", "note", "onset"),
        "basic_pitch_tfjs": ("contour", "Identity_1", "Identity_2"),
    }
    results = []
    for name, outputs in names.items():
        model = webkiln.load(converted(name))
        found = model.run(stored(name, model)[0])
        results.append([found[output].reshape(172, -1) for output in outputs])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert np.abs(a - b).max() < 1e-6


@pytest.mark.parametrize("name", ["silero_op15", "silero_openvino"])
def test_voice_activity_over_a_whole_recording(name: str, converted: Converted, session_of: SessionOf, webgl: webkiln.Session) -> None:
    """The state that a step gives is that of the next; step by step comes to what the variant for sequences says at once."""
    frames, whole = MODELS["silero_sequence"].stored()
    (probabilities,) = (array.reshape(-1) for array in whole.values() if array.size == len(frames["input"]))
    assert probabilities.max() > 0.9
    assert probabilities.min() < 0.5
    folder = converted(name)
    model = webkiln.load(folder)
    runs = [model.run, *(lambda one, session=session: session.run(folder, one) for session in (session_of("node", relaxed=False), webgl))]
    for run in runs:
        held = {key: np.zeros_like(array) for key, array in stored(name, model)[0].items() if key == "state"}
        rate = {key: array for key, array in stored(name, model)[0].items() if key == "sr"}
        found = []
        for frame in frames["input"]:
            outputs = run({"input": frame[None], **held, **rate})
            held = {"state": outputs["stateN"]}
            found.append(outputs["output"].item())
        np.testing.assert_allclose(found, probabilities, atol=2e-4)
