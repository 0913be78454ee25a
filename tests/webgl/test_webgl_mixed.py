"""What WebGL does not run is a WASM segment of the same plan: gather, integers, what no texture holds; and state that crosses."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from device_page import DevicePage
from expectations import Expectation
from playwright.sync_api import sync_playwright
from random_graphs import RandomGraph
from test_pictures_in_pages import Site, array
from webkiln import Session
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.server import LocalServer
from webkiln.generator import generate
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.dims import symbol
from webkiln.graph.dtypes import CANONICAL
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model
from webkiln.parity.compare import compare
from webkiln.tasks import prepare_picture

TOLERANCE = 5e-5
IN_A_BATCH = 10


def finished(b: GraphBuilder, *outputs: str) -> Model:
    """The model of a graph, whose arguments have the names of the values."""
    signature = Signature("main", [], [])
    for name in outputs:
        b.output(name)
    for names, arguments in ((b.graph.inputs, signature.inputs), (b.graph.outputs, signature.outputs)):
        arguments += [Argument(name, name, CANONICAL[b.dtype(name)].name, b.graph.values[name].shape) for name in names if name not in states(b)]
    return Model(Bundle(b.graph, [signature], name="mixed"))


def states(b: GraphBuilder) -> list[str]:
    return [state.input for state in b.graph.state]


def backends(loaded: dict) -> list[str]:
    return [segment["backend"] for segment in loaded["plan"]["segments"]]


@pytest.fixture
def session(session_of):
    return session_of("swiftshader")


@pytest.fixture
def agree(session):
    """Loads a model, runs it on each of some inputs, compares with the reference, and gives what `load` answered."""

    def check(model: Model, *runs: dict[str, np.ndarray], **options: object) -> dict:
        loaded = session.load(model, 4, **options)
        for inputs in runs:
            received = session.run(loaded, inputs)
            for name, expected in model.run(inputs).items():
                result = compare(expected, received[name].astype(expected.dtype), tolerance=TOLERANCE)
                assert result.passed, f"{name}: {result.reason}"
        session.dispose(loaded)
        model.reset()
        return loaded

    return check


def floats(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def features(size: int) -> tuple[Model, dict[str, np.ndarray]]:
    """The features of a picture, some looked up by integers, and these integers, which floats do not hold."""
    b = GraphBuilder()
    x, n = b.input("x", "f32", [1, size, size, 8]), b.input("n", "i32", [3])
    for _ in range(2):
        x = b.node("relu", [b.node("conv2d", [x, b.constant(floats(3, 3, 8, 8) / 8, "w")], {"padding": [1, 1, 1, 1]})])
    mean = b.node("reduce_mean", [x], {"axes": [1, 2], "keep_dims": False})
    more = b.node("add", [n, b.constant(np.array(2**24 + 1, np.int32))], output="more")
    place = b.node("mod", [more, b.constant(np.array(8, np.int32))])
    model = finished(b, b.node("neg", [b.node("gather", [mean, place], {"axis": 1})], output="y"), more)
    return model, {"x": floats(1, size, size, 8), "n": np.array([2**24 + 1, -5, 2**31 - 1], np.int32)}


def test_a_gather_between_float_operators(agree):
    b = GraphBuilder()
    x, places = b.input("x", "f32", [9, 5]), b.input("places", "i32", [2, 3])
    rows = b.node("gather", [b.node("sigmoid", [x]), places], {"axis": 0})
    y = b.node("mul", [rows, b.constant(floats(5), "scale")], output="y")
    loaded = agree(finished(b, y), {"x": floats(9, 5), "places": np.array([[8, 0, 3], [2, 100, -5]], np.int32)})
    assert backends(loaded) == ["webgl", "wasm", "webgl"]
    assert loaded["plan"]["modules"] == 1
    crossings = [kernel for kernel in loaded["plan"]["kernels"] if kernel in ("upload", "read-back")]
    assert crossings == ["upload", "read-back", "upload", "read-back"]


def test_integers_beyond_the_floats_are_exact(agree):
    b = GraphBuilder()
    n, m = b.input("n", "i32", [6]), b.input("m", "i32", [6])
    added = b.node("add", [n, m], output="added")
    product = b.node("mul", [added, n], output="product")
    rest = b.node("mod", [product, b.constant(np.array(1_000_003, np.int32), "prime")], output="rest")
    half = b.node("mul", [b.node("cast", [rest], {"to": "f32"}), b.scalar(0.5)], output="half")
    given = {"n": np.array([2**24 + 1, -(2**24) - 3, 2**31 - 1, -(2**31), 123456789, 0], np.int32), "m": np.array([2**25 + 1, 1, -5, 7, -987654321, 2**30 + 1], np.int32)}
    loaded = agree(finished(b, added, product, rest, half), given)
    assert backends(loaded) == ["wasm", "webgl"]


def test_values_that_nothing_computes(agree):
    b = GraphBuilder()
    b.input("n", "i32", [3])
    x = b.input("x", "f32", [3])
    table = b.constant(np.array([2**24 + 1, 5], np.int32), "table")
    half = b.constant(floats(4).astype(np.float16), "half")
    codes = b.constant(np.array([-128, 0, 127] * 4, np.int32), "codes")  # stored in a byte each
    model = finished(b, b.node("neg", [x], output="y"), "n", "x", table, half, codes)
    assert backends(agree(model, {"n": np.array([1, 2**24 + 1, -7], np.int32), "x": floats(3)})) == ["webgl"]


def test_booleans_cross(agree):
    b = GraphBuilder()
    x, n = b.input("x", "f32", [7]), b.input("n", "i32", [7])
    positive = b.node("greater", [x, b.scalar(0.0)], output="positive")
    chosen = b.node("where", [positive, n, b.node("neg", [n])], output="chosen")
    both = b.node("logical_and", [positive, b.node("greater", [chosen, b.constant(np.array(3, np.int32))])], output="both")
    y = b.node("where", [both, x, b.scalar(-1.0)], output="y")
    loaded = agree(finished(b, positive, chosen, both, y), {"x": floats(7), "n": np.arange(-3, 4, dtype=np.int32) * 2**25})
    assert set(backends(loaded)) == {"webgl", "wasm"}


def test_operators_are_reordered_so_that_segments_are_few(agree):
    """Four branches, each a float operator and a gather: two segments, not eight."""
    b = GraphBuilder()
    x, places = b.input("x", "f32", [6, 4]), b.input("places", "i32", [2])
    outputs = []
    for op in ("relu", "sigmoid", "tanh", "neg"):
        outputs.append(b.node("gather", [b.node(op, [x]), places], {"axis": 0}, output=f"y_{op}"))
    loaded = agree(finished(b, *outputs), {"x": floats(6, 4), "places": np.array([5, 1], np.int32)})
    assert backends(loaded) == ["webgl", "wasm"]


def test_a_value_that_no_texture_holds_goes_to_wasm(agree):
    b = GraphBuilder()
    x = b.input("x", "f32", [1, 64, 64, 8])
    small = b.node("reduce_mean", [b.node("relu", [x])], {"axes": [1, 2], "keep_dims": False})
    y = b.node("sigmoid", [small], output="y")
    loaded = agree(finished(b, y), {"x": floats(1, 64, 64, 8)}, limits={"textureSize": 32, "textureUnits": 16, "attachments": 4})
    assert backends(loaded) == ["wasm", "webgl"]


def test_small_islands_stay_on_wasm_and_heavy_ones_do_not(agree):
    for size, expected in ((8, ["wasm"]), (160, ["webgl", "wasm"])):
        model, inputs = features(size)
        assert backends(agree(model, inputs, crossing=None)) == expected


def test_what_webgl_runs_whole_needs_no_module(agree):
    b = GraphBuilder()
    x = b.input("x", "f32", [4, 4])
    loaded = agree(finished(b, b.node("relu", [x], output="y")), {"x": floats(4, 4)})
    assert backends(loaded) == ["webgl"]
    assert loaded["plan"]["modules"] == 0


@pytest.mark.parametrize("batch", range(4))
def test_random_graphs(session, batch):
    several = 0
    for seed in range(batch * IN_A_BATCH, (batch + 1) * IN_A_BATCH):
        model = RandomGraph(seed, integers=True).model(steps=8 + seed % 30)
        inputs = {}
        for argument in model.inputs:
            if argument.name == "n":
                inputs["n"] = np.random.default_rng(seed).integers(-(2**31), 2**31, argument.shape).astype(np.int32)
            else:
                inputs[argument.name] = generate(seed, argument.shape, np.dtype(np.float32), -2.0, 2.0)
        expectation = Expectation.of(model, inputs)
        loaded = session.load(model, [1, 4][seed % 2])
        expectation.check(session.run(loaded, inputs))
        session.dispose(loaded)
        several += len(loaded["plan"]["segments"]) > 1
    assert several > IN_A_BATCH // 2


def recurrent(kind: str) -> Model:
    """y = x·s + s gathered, and the next state; what reads and writes the state is on one backend or on both."""
    b = GraphBuilder()
    x, places = b.input("x", "f32", [4, 3]), b.input("places", "i32", [4])
    start = b.constant(floats(4, 3, seed=9), "start")
    s = b.input("s", "f32", [4, 3])
    if kind == "resident":
        after = b.node("tanh", [b.node("add", [x, s])])
        b.state(s, after, start)
        return finished(b, b.node("gather", [after, places], {"axis": 0}, output="y"))
    if kind == "read by wasm":
        after = b.node("tanh", [b.node("add", [x, s])])
        b.state(s, after, start)
        return finished(b, b.node("gather", [s, places], {"axis": 0}, output="y"), after)
    if kind == "written by wasm":
        after = b.node("gather", [b.node("tanh", [b.node("add", [x, s])]), places], {"axis": 0})
        b.state(s, after)
        return finished(b, b.node("neg", [after], output="y"))
    if kind == "exchanged":
        t = b.input("t", "f32", [4, 3])
        b.state(s, t, start)
        b.state(t, b.node("add", [x, s]))
        return finished(b, b.node("gather", [s, places], {"axis": 0}, output="y"), b.node("neg", [t], output="z"))
    count = b.input("count", "i32", [4])
    b.state(count, b.node("add", [count, b.constant(np.array(2**24 + 1, np.int32))]))
    b.state(s, b.node("tanh", [b.node("add", [x, s])]), start)
    return finished(b, b.node("gather", [b.node("neg", [s]), b.node("mod", [count, b.constant(np.array(4, np.int32))])], {"axis": 0}, output="y"))


@pytest.mark.parametrize("kind", ["resident", "read by wasm", "written by wasm", "exchanged", "counted"])
def test_state(session, kind):
    model = recurrent(kind)
    loaded = session.load(model, 4)
    assert set(backends(loaded)) == {"webgl", "wasm"}
    rng = np.random.default_rng(3)
    for turn in range(7):
        if turn == 4:
            model.reset()
            session.call("reset", id=loaded["id"])
        inputs = {"x": rng.standard_normal((4, 3)).astype(np.float32), "places": rng.integers(0, 4, 4).astype(np.int32)}
        inputs = {argument.name: inputs[argument.name] for argument in model.inputs}
        received = session.run(loaded, inputs)
        for name, expected in model.run(inputs).items():
            result = compare(expected, received[name], tolerance=TOLERANCE)
            assert result.passed, f"run {turn}, {name}: {result.reason}"
    session.dispose(loaded)


def test_a_state_leaves_the_device_when_a_larger_plan_needs_it_elsewhere(session):
    """It keeps its value on the way; small plans go on without it, and a reset still finds it."""
    b = GraphBuilder()
    x, s = b.input("x", "f32", [symbol("N"), 8]), b.input("s", "f32", [8])
    after = b.node("reduce_mean", [b.node("tanh", [b.node("add", [x, s])])], {"axes": [0], "keep_dims": False}, output="y")
    b.state(s, after, b.constant(floats(8), "start"))
    model = finished(b, after)
    model.bundle.symbols["N"] = {"minimum": 1, "maximum": 100_000}
    loaded = session.load(model, 4, limits={"textureSize": 32, "textureUnits": 16, "attachments": 4}, symbols={"N": 4})
    assert backends(loaded) == ["webgl"]
    for turn, size in enumerate([4, 4, 40_000, 4, 40_000, 6, 4]):
        if turn == 5:
            model.reset()
            session.call("reset", id=loaded["id"])
        inputs = {"x": floats(size, 8, seed=turn)}
        result = compare(model.run(inputs)["y"], session.run(loaded, inputs)["y"], tolerance=TOLERANCE)
        assert result.passed, f"run {turn}: {result.reason}"
    session.dispose(loaded)


def test_overlapping_runs_follow_each_other(session):
    """Runs that are asked for at once see the state in the order of the calls, and their inputs as they were at the call."""
    model = recurrent("written by wasm")
    loaded = session.load(model, 4)
    rng = np.random.default_rng(5)
    runs = [{"x": rng.standard_normal((4, 3)).astype(np.float32), "places": rng.integers(0, 4, 4).astype(np.int32)} for _ in range(5)]
    given = [{name: array.tolist() for name, array in run.items()} for run in runs]
    results = session.call("overlapping", id=loaded["id"], runs=given)
    for inputs, received in zip(runs, results, strict=True):
        expected = model.run(inputs)["y"]
        assert compare(expected, np.array(received["y"], np.float32).reshape(expected.shape), tolerance=TOLERANCE).passed
    session.dispose(loaded)


@pytest.mark.parametrize("minified", [False, True], ids=["sources", "minified"])
def test_as_users_meet_it(minified):
    """What is worth WebGL goes there, the rest to WASM: shown by the plan and the profile, and traced value by value."""
    model, inputs = features(160)
    expected = model.run(inputs)
    with Session(backend="webgl", browser="chromium", minified=minified) as session:
        received = session.run(model, inputs)
        np.testing.assert_array_equal(received["more"], expected["more"])
        assert compare(expected["y"], received["y"], tolerance=TOLERANCE).passed
        assert session.build(model) == ("webgl", "webgl")
        plan = session.plan(model)
        assert [segment["backend"] for segment in plan["segments"]] == ["webgl", "wasm"]
        assert plan["weightBytes"] > 0
        profile = session.profile(model)
        crossings = ("upload", "read-back")
        for segment in profile["segments"]:
            own = [command for command in profile["commands"] if command["backend"] == segment["backend"] and command["kernel"] not in crossings]
            assert len(own) == segment["commands"] > 0
        told = [(command["kernel"], command["nodes"]) for command in profile["commands"] if command["kernel"] in crossings]
        assert [kernel for kernel, _ in told] == list(crossings)
        assert told[0][1] == ["x"]
        assert sum(command["share"] for command in profile["commands"]) == pytest.approx(1)
        traced = session.trace(model, inputs)
        assert set(traced) == {output for node in model.graph.nodes for output in node.outputs}
        np.testing.assert_array_equal(traced["more"], expected["more"])
        assert compare(expected["y"], traced["y"], tolerance=TOLERANCE).passed
        assert session.verify(model)["passed"]


def test_lost_in_a_mixed_run():
    """The context is lost at any call of a run, on either side of a crossing: the runs in flight are repeated."""
    b = GraphBuilder()
    x = b.input("x", "f32", [64, 64])
    mean = b.node("reduce_max", [b.node("matmul", [x, b.constant(floats(64, 4000) / 8, "w")])], {"axes": [1], "keep_dims": False})
    model = finished(b, b.node("gather", [mean, b.constant(np.array([7, 0, 3], np.int32))], {"axis": 0}, output="y"))
    inputs = [floats(64, 64, seed=seed) for seed in range(2)]
    expected = [model.run({"x": x})["y"] for x in inputs]
    given = [{"x": x.tolist()} for x in inputs]
    page = DevicePage("js/index.js")
    try:
        page.call("load", key="m", url=page.address(model), options={"backend": "webgl"})
        profile = page.call("ask", key="m", question="profile", args=[given[0], {"runs": 1}])
        assert [segment["backend"] for segment in profile["segments"]] == ["webgl", "wasm"]
        calls = page.call("run", key="m", inputs=given)["calls"]
        losses = 0
        for number in [0, 1, *range(calls // 8, calls + 1, calls // 8)]:
            ran = page.call("run", key="m", inputs=given, loseAt=[number] if number else [])
            losses += bool(number) - ran["lossesLeft"]
            for result, array in zip(ran["results"], expected, strict=True):
                assert compare(array, np.array(result["outputs"]["y"], np.float32).reshape(array.shape), tolerance=TOLERANCE).passed
        assert losses >= 4
    finally:
        page.close()


@pytest.mark.parametrize("worker", [False, True], ids=["here", "worker"])
def test_pictures(tmp_path, worker):
    """Pictures go into a mixed plan, here by the shader and from a worker too."""
    b = GraphBuilder()
    x = b.input("x", "f32", [1, 160, 160, 3])
    filtered = b.node("conv2d", [x, b.constant(floats(5, 5, 3, 8) / 9, "w")], {"padding": [2, 2, 2, 2]})
    mean = b.node("reduce_mean", [b.node("relu", [filtered])], {"axes": [1, 2], "keep_dims": False})
    y = b.node("gather", [mean, b.constant(np.array([7, 0, 3], np.int32))], {"axis": 1}, output="y")
    b.output(y)
    signature = Signature("main", [Argument("image", x, "float32", (1, 160, 160, 3))], [Argument("y", y, "float32", (1, 3))])
    spec = {"type": "picture", "width": 160, "height": 160, "scale": [255.0]}
    model = Model(Bundle(b.graph, [signature], name="picture", processing={"inputs": {"image": spec}}))
    pixels = np.random.default_rng(2).integers(0, 256, (90, 120, 4), np.uint8)
    pixels[..., 3] = 255
    expected = model.run({"image": prepare_picture(pixels, spec)})["y"]
    row = {"rgba": base64.b64encode(pixels.tobytes()).decode(), "width": 120, "height": 90, "region": None}
    with sync_playwright() as playwright, LocalServer() as server:
        browser = playwright.chromium.launch(**launch_options(find_chromium()))
        site = Site(browser, server, tmp_path)
        url = site.save("picture", model)
        # Only the shader may read what is drawn; a worker gets bitmaps.
        site.page.evaluate("() => { OffscreenCanvasRenderingContext2D.prototype.getImageData = () => { throw new Error('read here'); }; }")
        rows = [{**row, "url": url, "kind": kind} for kind in ("ImageData", "HTMLCanvasElement", "ImageBitmap")]
        for answer in site.call("prepare", rows, {"backend": "webgl", "worker": worker}):
            assert compare(expected, array(answer), tolerance=TOLERANCE).passed
        browser.close()
