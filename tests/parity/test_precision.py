"""Weights in fewer bits: Python and JavaScript make the same floats of them, and models with them give the same on WASM and WebGL."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from precision_models import classifier
from webkiln import Model, Session
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.graph import Constant
from webkiln.graph.quantization import Affine, packed_values
from webkiln.graph.signature import Argument, Signature
from webkiln.parity.compare import compare
from webkiln.precision.channels import Axes
from webkiln.precision.encode import encode
from webkiln.precision.sparse import without_zeros

HOSTS = [("node", "wasm"), ("chromium", "wasm"), ("chromium", "webgl")]
KINDS = ["f16", "uint16", "int8", "uint8", "int4"]
SHAPES = [((3, 3, 35, 5), Axes(3, 2)), ((70, 9), Axes(1, 0)), ((9, 70), Axes(0, 1)), ((3, 33, 7), Axes(None, 1)), ((101,), Axes(0, None))]


@pytest.fixture(scope="module", params=HOSTS, ids=[f"{backend}@{browser}" for browser, backend in HOSTS])
def session(request) -> Iterator[Session]:
    browser, backend = request.param
    with Session(backend=backend, browser=browser, relaxed=False) as made:
        yield made


def tensors() -> dict[str, Constant]:
    """Every kind in every form that the format has: scales for each channel, each block or all, with zero points or none, with a mask or none."""
    rng = np.random.default_rng(12)
    made = {}
    for number, (shape, axes) in enumerate(SHAPES):
        array = np.asarray((rng.standard_normal(shape) + 0.5) * rng.uniform(0.01, 3, shape[-1:]), np.float32)
        sparse = np.where(rng.random(shape) < 0.9, np.float32(0), array)
        for kind in ("f32", *KINDS):
            for name, values in (("dense", array), ("sparse", sparse)):
                stored = encode(values, kind, axes)
                assert stored is not None
                made[f"{number} {kind} {name}"] = Constant(without_zeros(stored))
    q = rng.integers(-8, 8, (5, 12, 3))
    scales, zeros = rng.uniform(-1, 1, (5, 3, 3)).astype(np.float32), rng.integers(-8, 8, (5, 3, 3)).astype(np.int32)
    made["blocks with zero points"] = Constant(Affine(packed_values(q, 4), q.shape, 4, True, 1, scales, zeros, 5))
    wide = rng.integers(0, 65536, (4, 6))
    made["16 bits, one zero point"] = Constant(Affine(packed_values(wide, 16), wide.shape, 16, False, None, np.float64(1e-3), np.int64(-70000)))
    return made


def all_of(constants: dict[str, Constant]) -> Model:
    """A model that gives its constants, divided by a number that it is given."""
    b = GraphBuilder()
    x = b.input("x", "f32", [1])
    outputs = []
    for name, constant in constants.items():
        b.graph.constants[name] = constant
        b.graph.values[name] = constant.value
        flat = b.node("reshape", [name], {"shape": [constant.array.size]})
        b.output(b.node("mul", [flat, x], output=f"{name} out"))
        outputs.append(Argument(name, f"{name} out", "float32", tuple(b.shape(f"{name} out"))))
    return Model(Bundle(b.graph, [Signature("main", [Argument("x", "x", "float32", (1,))], outputs)], name="constants"))


def test_both_runtimes_make_the_same_floats(session: Session, tmp_path) -> None:
    model = all_of(tensors())
    received = session.run(model, {"x": np.float32([1])})
    for name, expected in model.run({"x": np.float32([1])}).items():
        np.testing.assert_array_equal(received[name], expected, err_msg=name)
        assert np.any(expected != 0)


@pytest.mark.parametrize("prune", [None, 0.7])
@pytest.mark.parametrize("kind", KINDS)
def test_models_give_the_same(session: Session, kind: str, prune: float | None) -> None:
    """As matrices and kernels packed by the backends, not only as plain arrays."""
    exact = classifier()
    model = exact.quantized(kind, prune=prune)
    picture = {"picture": np.random.default_rng(2).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)}
    received, allowed = session.run(model, picture), model.tolerances(picture)
    for name, expected in model.run(picture).items():
        found = compare(expected, received[name], tolerance=max(5e-5, allowed[name]))
        assert found.passed, f"{name}: {found.reason}"
        assert np.abs(expected - exact.run(picture)[name]).max() > 0
