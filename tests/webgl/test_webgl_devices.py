"""Devices that fail, are missing, or are slower than they say: `load` and the model as a page meets them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from device_page import DevicePage
from webkiln.errors import BrowserError, WebkilnError
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model

SHAPE = (1, 6, 5, 8)
GPU = "Test GPU 9000"


@pytest.fixture(scope="module", params=["js/index.js", "dist/webkiln.min.mjs"], ids=["sources", "minified"])
def opened(request: pytest.FixtureRequest) -> Iterator[DevicePage]:
    page = DevicePage(request.param)
    yield page
    page.close()


@pytest.fixture
def page(opened: DevicePage) -> DevicePage:
    opened.reload()
    return opened


def convolution() -> Model:
    """Three kernels, with weights of their own."""
    rng = np.random.default_rng(3)
    b = GraphBuilder()
    x = b.input("x", "f32", SHAPE)
    for k in range(2):
        weights = b.constant(rng.standard_normal((1, 1, 8, 8)).astype(np.float32), f"weights{k}")
        x = b.node(
            "relu", [b.node("conv2d", [x, weights], {"padding": (0, 0, 0, 0), "stride": (1, 1), "dilation": (1, 1)})]
        )
    mean = b.node("reduce_mean", [x], {"axes": (1, 2), "keep_dims": True})
    y = b.node("sub", [x, mean], {}, output="y")
    b.output(y)
    return Model(
        Bundle(
            b.graph,
            [Signature("main", [Argument("x", "x", "float32", SHAPE)], [Argument("y", "y", "float32", SHAPE)])],
            name="convolution",
        )
    )


def counter() -> Model:
    """y = x + the sum of all x before."""
    b = GraphBuilder()
    x = b.input("x", "f32", (4,))
    sum_ = b.input("sum", "f32", (4,))
    start = b.constant(np.full(4, 0.5, np.float32), "start")
    y = b.node("add", [x, sum_], {}, output="y")
    b.state(sum_, y, start)
    b.output(y)
    arguments = [Argument(name, name, "float32", (4,)) for name in ("x", "y")]
    return Model(Bundle(b.graph, [Signature("main", arguments[:1], arguments[1:])], name="counter"))


MODEL = convolution()
INPUTS = [np.random.default_rng(seed).standard_normal(SHAPE).astype(np.float32) for seed in range(3)]


def assert_right(results: list[dict[str, Any]], inputs: list[np.ndarray] = INPUTS) -> None:
    assert len(results) == len(inputs)
    for result, x in zip(results, inputs, strict=True):
        assert "outputs" in result, result
        expected = MODEL.run({"x": x})["y"]
        np.testing.assert_allclose(
            np.reshape(result["outputs"]["y"], SHAPE), expected, atol=5e-5 * np.abs(expected).max()
        )


def given(inputs: list[np.ndarray]) -> list[dict[str, Any]]:
    return [{"x": x.tolist()} for x in inputs]


def spread(calls: int, count: int = 12) -> list[int]:
    return sorted({1 + round(k * (calls - 1) / (count - 1)) for k in range(count)})


def test_lost_at_any_call_of_load(page):
    url = page.address(MODEL)
    options = {"backend": "webgl"}
    calls = page.call("load", key="whole", url=url, options=options)["calls"]
    assert calls > 100
    for number in spread(calls):
        page.reload()
        loaded = page.call("load", key="m", url=url, options=options, loseAt=[number])
        assert (loaded["backend"], loaded["contexts"], loaded["lossesLeft"]) == ("webgl", 2, 0), number
        assert_right(page.call("run", key="m", inputs=given(INPUTS))["results"])


def test_lost_at_any_call_of_a_run(page):
    url = page.address(MODEL)
    page.call("load", key="m", url=url, options={"backend": "webgl"})
    page.call("run", key="m", inputs=given(INPUTS[:1]))
    ran = page.call("run", key="m", inputs=given(INPUTS))
    losses = 0
    for number in spread(ran["calls"], 24):  # writing, drawing, the fence and reading back of three runs in flight
        again = page.call("run", key="m", inputs=given(INPUTS), loseAt=[number])
        losses += 1 - again["lossesLeft"]  # how often the fence is asked is not always the same
        assert_right(again["results"])
        assert_right(page.call("run", key="m", inputs=given(INPUTS[:1]))["results"], INPUTS[:1])
    assert losses >= 12


def test_lost_twice_in_a_row_and_between_runs(page):
    page.call("load", key="m", url=page.address(MODEL), options={"backend": "webgl"})
    again = page.call("run", key="m", inputs=given(INPUTS), loseAt=[5, 40])
    assert (again["lossesLeft"], again["contexts"]) == (0, 3)
    assert_right(again["results"])
    page.call("lose")
    assert_right(page.call("run", key="m", inputs=given(INPUTS))["results"])
    for method in ("warmup", "profile", "trace"):
        page.call("lose")
        page.call("ask", key="m", question=method, args=[given(INPUTS)[0]])


def test_all_models_of_a_page_recover(page):
    url = page.address(MODEL)
    for key in ("a", "b"):
        page.call("load", key=key, url=url, options={"backend": "webgl"})
    page.call("lose")
    for key in ("a", "b"):
        ran = page.call("run", key=key, inputs=given(INPUTS))
        assert ran["contexts"] == 2
        assert_right(ran["results"])


def test_a_lost_state_is_told_and_is_the_initial_one_again(page):
    page.call("load", key="m", url=page.address(counter()), options={"backend": "webgl"})
    ones = [{"x": [1.0] * 4}]

    def run(loseAt: list[int] | None = None) -> Any:
        return page.call("run", key="m", inputs=ones, loseAt=loseAt or [])["results"][0]

    assert [run()["outputs"]["y"][0] for _ in range(3)] == [1.5, 2.5, 3.5]
    assert "with it the state" in run([3])["error"]
    assert [run()["outputs"]["y"][0] for _ in range(2)] == [1.5, 2.5]
    page.call("lose")
    assert "with it the state" in run()["error"]
    assert run()["outputs"]["y"][0] == 1.5


@pytest.mark.parametrize("backend", ["webgl", "auto"])
def test_a_result_on_the_device_is_lost_with_it(page, backend):
    page.call("device", renderer=GPU, wasmDelay=50)
    page.call("load", key="m", url=page.address(MODEL), options={"backend": backend})
    page.call("device", wasmDelay=0)
    told = page.call("hold", key="m", inputs=given(INPUTS)[0])
    once = np.reshape(told["before"][0], SHAPE).astype(np.float32)
    assert_right([{"outputs": {"y": y}} for y in [*told["before"], told["after"][2]]], [INPUTS[0], once, INPUTS[0]])
    for message in told["after"][:2]:
        assert "with it this result that was left on the device; run its model again" in message


@pytest.mark.parametrize("backend", ["webgl", "auto"])
def test_no_context_can_be_made_again(page, backend):
    url = page.address(MODEL)
    page.call("device", renderer=GPU, wasmDelay=50)
    assert page.call("load", key="m", url=url, options={"backend": backend})["backend"] == "webgl"
    page.call("device", missing=1000, wasmDelay=0)
    page.call("lose")
    ran = page.call("run", key="m", inputs=given(INPUTS))
    if backend == "auto":
        assert ran["backend"] == "wasm"
        assert "context was lost" in ran["reason"]
        assert_right(ran["results"])
    else:
        assert all("cannot be made again" in result["error"] for result in ran["results"])
        page.call("device", missing=0)
        assert_right(page.call("run", key="m", inputs=given(INPUTS))["results"])


def test_the_graphics_process_ends(page):
    page.call("load", key="m", url=page.address(MODEL), options={"backend": "webgl"})
    assert_right(page.call("run", key="m", inputs=given(INPUTS))["results"])
    browser = page.browser

    async def crash() -> None:
        connection = await browser._browser.new_browser_cdp_session()
        await connection.send("Browser.crashGpuProcess")

    browser._run(crash(), 20, "end its graphics process")
    ran = page.call("run", key="m", inputs=given(INPUTS))
    assert ran["contexts"] == 2
    assert_right(ran["results"])


def test_auto_takes_wasm_on_a_software_renderer(page):
    loaded = page.call("load", key="m", url=page.address(MODEL), options={})
    assert loaded["backend"] == "wasm"
    assert re.match(r"wasm: the renderer .*SwiftShader.* runs on the processor", loaded["reason"])


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ({"missing": 1000}, "there is no WebGL2 here"),
        ({"floats": False}, "this device's WebGL2 cannot render float textures (EXT_color_buffer_float)"),
    ],
    ids=["no context", "no float targets"],
)
def test_auto_takes_wasm_without_webgl(page, device, reason):
    page.call("device", **device)
    url = page.address(MODEL)
    loaded = page.call("load", key="m", url=url, options={})
    assert (loaded["backend"], loaded["reason"]) == ("wasm", f"wasm: {reason}")
    with pytest.raises(WebkilnError, match=re.escape(f'{reason}; use the backend "wasm"')):
        page.call("load", key="m", url=url, options={"backend": "webgl"})


@pytest.mark.parametrize(
    ("device", "backend", "reason"),
    [
        ({"broken": True}, "wasm", "does not compile the WebGL kernel"),
        ({"wasmDelay": None}, "webgl", "no room for this memory"),
    ],
)
def test_what_one_backend_cannot_run_goes_to_the_other(page, device, backend, reason):
    page.call("device", renderer=GPU, **device)
    loaded = page.call("load", key="m", url=page.address(MODEL), options={})
    assert loaded["backend"] == backend
    assert loaded["reason"].startswith(f"{backend}: the other backend cannot run this model: ")
    assert reason in loaded["reason"]
    page.call("device", broken=False)
    assert_right(page.call("run", key="m", inputs=given(INPUTS))["results"])


def test_a_device_that_never_answers_is_taken_for_lost(page):
    page.call("load", key="m", url=page.address(MODEL), options={"backend": "webgl"})
    page.call("stick")
    ran = page.call("run", key="m", inputs=given(INPUTS))
    assert ran["contexts"] == 2
    assert_right(ran["results"])


@pytest.mark.parametrize(("delay", "winner"), [(0, "wasm"), (50, "webgl")])
def test_auto_times_both(page, delay, winner):
    url = page.address(MODEL)
    page.call("device", renderer=GPU, wasmDelay=delay)
    loaded = page.call("load", key="m", url=url, options={"cache": "test-cache"})
    other = "wasm" if winner == "webgl" else "webgl"
    assert loaded["backend"] == winner
    assert re.fullmatch(rf"{winner}: [\d.]+ ms against [\d.]+ ms \({other}\)", loaded["reason"])
    assert_right(page.call("run", key="m", inputs=given(INPUTS))["results"])
    # On the page and, as a cache was named, beyond it, the choice stays: the same words are the same measurement.
    assert page.call("load", key="again", url=url, options={})["reason"] == loaded["reason"]
    page.reload()
    page.call("device", renderer=GPU)
    assert page.call("load", key="m", url=url, options={"cache": "test-cache"})["reason"] == loaded["reason"]
    page.reload()
    page.call("device", renderer="Another GPU", wasmDelay=50 - delay)
    assert page.call("load", key="m", url=url, options={"cache": "test-cache"})["backend"] == other


def test_programs_are_counted_and_load_is_aborted(page):
    url = page.address(MODEL)
    loaded = page.call("load", key="m", url=url, options={"backend": "webgl"})
    counted = [(stage["loaded"], stage["total"]) for stage in loaded["stages"] if stage["stage"] == "programs"]
    assert counted
    assert counted == [(k + 1, len(counted)) for k in range(len(counted))]
    assert loaded["stages"][-1]["stage"] == "ready"
    for stage in ("weights", "programs"):
        with pytest.raises(BrowserError, match="AbortError"):
            page.call("load", key="n", url=url, options={"backend": "webgl"}, abortAt=stage)


@pytest.mark.parametrize(("slow", "faster"), [(4, 8), (8, 4)])
def test_layers_are_timed(page, slow, faster):
    page.call("device", renderer=GPU, slowLayers=slow)
    page.call("load", key="m", url=page.address(MODEL), options={"backend": "webgl"})
    page.call("device", slowLayers=0)
    page.call("run", key="m", inputs=given(INPUTS[:1]))
    draws = page.call("load", key="n", url=page.address(MODEL), options={"backend": "webgl"})["draws"]
    assert int(max(draws, key=draws.get)) == faster


def test_worker(page):
    url = page.address(MODEL)
    loaded = page.call("load", key="m", url=url, options={"backend": "webgl", "worker": True})
    assert (loaded["backend"], loaded["remote"], loaded["reason"]) == ("webgl", True, "webgl: asked for")
    assert any(stage["stage"] == "programs" for stage in loaded["stages"])
    assert_right(page.call("run", key="m", inputs=given(INPUTS))["results"])
    assert page.call("load", key="n", url=url, options={"worker": True})["reason"].startswith("wasm: the renderer")


def script(page: DevicePage, before: str) -> str:
    return f"{before}; importScripts({(page.dist + 'webkiln.worker.min.js')!r});"


def test_worker_without_webgl(page):
    url = page.address(MODEL)
    worker = script(page, "globalThis.OffscreenCanvas.prototype.getContext = () => null")
    loaded = page.call("load", key="m", url=url, options={"backend": "webgl"}, worker=worker)
    assert (loaded["backend"], loaded["remote"]) == ("webgl", False)
    assert "on the main thread, since workers have no WebGL2 here" in loaded["reason"]
    assert_right(page.call("run", key="m", inputs=given(INPUTS))["results"])
    auto = page.call("load", key="n", url=url, options={}, worker=worker)
    assert (auto["backend"], auto["remote"], auto["reason"]) == ("wasm", True, "wasm: there is no WebGL2 here")


def test_worker_whose_context_is_lost(page):
    patch = (
        "const get = OffscreenCanvas.prototype.getContext; let context; let runs = 0;"
        "OffscreenCanvas.prototype.getContext = function (...all) { return (context = get.apply(this, all)); };"
        "const fence = WebGL2RenderingContext.prototype.fenceSync;"
        "WebGL2RenderingContext.prototype.fenceSync = function (...all) {"
        " if (++runs % 2 === 0) context.getExtension('WEBGL_lose_context').loseContext(); return fence.apply(this, all); }"
    )
    page.call("load", key="m", url=page.address(MODEL), options={"backend": "webgl"}, worker=script(page, patch))
    for x in INPUTS:
        assert_right(page.call("run", key="m", inputs=given([x]))["results"], [x])


def test_many_runs_leave_nothing(page):
    page.call("load", key="m", url=page.address(MODEL), options={"backend": "webgl"})
    rounds = page.call("steady", key="m", inputs=given(INPUTS)[0], rounds=4, runs=600)
    first = rounds[0]
    assert first["textureBytes"] > 0
    assert all((one["left"], one["textureBytes"]) == (first["left"], first["textureBytes"]) for one in rounds)
    # What runs leave behind grows in every round; what the engine compiles while it gets to know them does not.
    growth = [after["heap"] - before["heap"] for before, after in pairwise(rounds)]
    assert min(growth) < 600 * 16, growth  # the smallest object is 16 bytes
