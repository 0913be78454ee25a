"""The backend as users meet it: `load(..., { backend: "webgl" })` through a session, in the minified bundle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from webkiln import Session
from webkiln.errors import BrowserError
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model
from webkiln.ops import LEAST_TOLERANCES
from webkiln.parity.compare import compare
from webkiln.webformat.golden import channels_of, generated_inputs


@pytest.fixture(scope="module", params=[True, False], ids=["minified", "sources"])
def session(request) -> Iterator[Session]:
    with Session(backend="webgl", browser="chromium", minified=request.param) as opened:
        yield opened


def stateful() -> Model:
    """Two states that change places, and grow: y = x + a, next a = b, next b = a + x."""
    b = GraphBuilder()
    x = b.input("x", "f32", (1, 5, 3))
    first = b.input("a", "f32", (1, 5, 3))
    second = b.input("b", "f32", (1, 5, 3))
    start = b.constant(np.full((1, 5, 3), 0.5, np.float32), "start")
    y = b.node("add", [x, first], {}, output="y")
    b.state(first, second, start)
    b.state(second, y)
    b.output(y)
    b.output(second)
    arguments = [Argument(name, name, "float32", (1, 5, 3)) for name in ("x", "y", "b")]
    return Model(Bundle(b.graph, [Signature("main", arguments[:1], arguments[1:])], name="stateful"))


def test_a_model_of_the_gallery(session, model_of):
    model = model_of("face_landmark")
    inputs = generated_inputs(model.bundle, model.signature, 2, {})
    received = session.run(model, inputs)
    for key, expected in model.run(inputs).items():
        assert compare(expected, received[key], tolerance=LEAST_TOLERANCES["webgl"], channels=channels_of(model.bundle, key, expected.shape)).passed
    assert session.build(model) == ("webgl", "webgl")
    plan = session.plan(model)
    assert [segment["backend"] for segment in plan["segments"]] == ["webgl"]
    assert plan["weightBytes"] > 1_000_000
    assert 0 < plan["arenaBytes"] < plan["intermediateBytes"]


def test_verify_and_profile(session, model_of):
    model = model_of("face_landmark")
    report = session.verify(model)
    assert report["passed"]
    profile = session.profile(model)
    assert len(profile["commands"]) == profile["segments"][0]["commands"]
    assert sum(command["share"] for command in profile["commands"]) == pytest.approx(1)


def test_state(session):
    model = stateful()
    rng = np.random.default_rng(1)
    for round in range(2):
        for _ in range(4):
            x = rng.standard_normal((1, 5, 3)).astype(np.float32)
            expected, received = model.run({"x": x}), session.run(model, {"x": x})
            for key in expected:
                np.testing.assert_array_equal(received[key], expected[key])
        if round == 0:
            session.profile(model)  # which leaves the state as it was
            x = rng.standard_normal((1, 5, 3)).astype(np.float32)
            expected, received = model.run({"x": x}), session.run(model, {"x": x})
            np.testing.assert_array_equal(received["y"], expected["y"])
            session.reset(model)
            model.reset()


def test_trace_gives_every_value(session, model_of):
    model = model_of("face_landmark")
    inputs = generated_inputs(model.bundle, model.signature, 2, {})
    traced = session.trace(model, inputs)
    assert set(traced) == {output for node in model.graph.nodes for output in node.outputs}
    for key, expected in model.run(inputs).items():
        value = next(argument.value for argument in model.signature.outputs if argument.name == key)
        assert compare(expected, traced[value], tolerance=LEAST_TOLERANCES["webgl"]).passed


def test_node_has_no_webgl():
    with pytest.raises(BrowserError, match="Node has no WebGL: take a browser"):
        Session(backend="webgl", browser="node")
