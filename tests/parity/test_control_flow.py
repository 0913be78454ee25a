"""Control flow and sizes that a run computes, in Node and Chromium, on WASM and WebGL: the same as the reference, whatever the inputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from control_graphs import STATELESS, ControlCase, model_of_case, powers, remembering
from webkiln import Model, Session, load
from webkiln.errors import InputError
from webkiln.parity.compare import compare

HOSTS = [("node", "wasm"), ("chromium", "wasm"), ("chromium", "webgl")]


@pytest.fixture(scope="module", params=HOSTS, ids=[f"{backend}@{browser}" for browser, backend in HOSTS])
def session(request) -> Iterator[Session]:
    browser, backend = request.param
    with Session(backend=backend, browser=browser) as made:
        yield made


def assert_same(model: Model, received: dict, expected: dict) -> None:
    for name, array in expected.items():
        assert received[name].shape == array.shape
        result = compare(array, received[name], tolerance=5e-5)
        assert result.passed, f"{model.name}, output {name}: {result.reason}"


@pytest.mark.parametrize("case", STATELESS, ids=lambda case: case.name)
def test_all_backends_give_what_the_reference_gives(session: Session, case: ControlCase) -> None:
    model = model_of_case(case)
    names = [argument.name for argument in model.inputs]
    for arrays in (*case.inputs, *case.inputs):  # the second time with plans that are there already
        inputs = dict(zip(names, arrays, strict=True))
        assert_same(model, session.run(model, inputs), model.run(inputs))


def test_state_goes_from_run_to_run(session: Session) -> None:
    case = remembering()
    model = model_of_case(case)
    for (flag,) in case.inputs:
        assert_same(model, session.run(model, {"flag": flag}), model.run({"flag": flag}))


def test_a_model_with_control_flow_is_read_back(tmp_path) -> None:
    for case in STATELESS:
        model_of_case(case).save(tmp_path / case.name)
        again = load(tmp_path / case.name)
        for arrays in case.inputs:
            received = again.run(dict(zip(case.graph.inputs, arrays, strict=True)))
            for name, wanted in zip(case.graph.outputs, case.meaning(*arrays), strict=True):
                np.testing.assert_allclose(received[name], wanted, rtol=1e-6)


def test_profile_trace_and_verify_go_through_control_flow(session: Session) -> None:
    model = model_of_case(powers())
    v, x, limit = powers().inputs[0]
    inputs = {"v": v, "x": x, "limit": limit}
    assert_same(model, session.trace(model, inputs), model.trace(inputs))
    profile = session.profile(model)
    assert any("less" in command["operators"] for command in profile["commands"])
    assert session.verify(model)["passed"]


def test_a_loop_that_never_ends_is_an_error() -> None:
    case = powers()
    v, x, _ = case.inputs[0]
    with Session(backend="wasm", browser="node") as node, pytest.raises(InputError, match="does not end within 1000000 rounds"):
        node.run(model_of_case(case), {"v": v, "x": x, "limit": np.array(10**9, np.int32)})
