"""Loading in a real page: without a network, with the .wasm elsewhere or inlined, wrong answers, progress, an abort."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_site import site
from webkiln.codegen.paths import dist_folder
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model

X = np.linspace(-1, 1, 8, dtype=np.float32)[None]
RUNTIME = ("webkiln.min.js", "webkiln.worker.min.js", "webkiln-plain.wasm", "webkiln-relaxed.wasm")

# A service worker that keeps the page and the runtime, as an offline application has one; the model is the option `cache`'s.
SERVICE_WORKER = """
const FILES = ["./", "webkiln.min.js", "webkiln.worker.min.js", "webkiln-plain.wasm", "webkiln-relaxed.wasm"];
self.addEventListener("install", (event) => event.waitUntil(caches.open("application").then((cache) => cache.addAll(FILES))));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const path = new URL(event.request.url).pathname;
  if (FILES.some((file) => new URL(file, self.location.href).pathname === path)) event.respondWith(caches.match(event.request));
});
"""

# Gives what `load` and `run` gave, or the error, by value.
ATTEMPT = """async ([options, abortAt]) => {
  const stages = [], controller = new AbortController();
  const bytes = options.inlined ? Uint8Array.from(atob(options.inlined), (c) => c.charCodeAt(0)) : null;
  const { inlined, ...given } = options;
  if (bytes) given.wasm = { plain: bytes };
  try {
    const model = await webkiln.load("model/model.json", {
      ...given,
      signal: controller.signal,
      onProgress: (progress) => {
        stages.push(progress);
        if (progress.stage === abortAt) controller.abort();
      },
    });
    const { mixed } = await model.run({ image: Float32Array.from({ length: 8 }, (_, i) => -1 + (i * 2) / 7) });
    model.dispose();
    return { mixed: [...mixed], build: model.build, stages };
  } catch ({ name, message }) {
    return { name, message, stages };
  }
}"""

WORKER = pytest.mark.parametrize("worker", [False, True], ids=["page", "worker"])


@pytest.fixture(scope="module")
def model() -> Model:
    builder = GraphBuilder()
    x = builder.input("image", "f32", [1, 8])
    weight = np.random.default_rng(1).normal(size=(8, 4)).astype(np.float32)
    y = builder.node("tanh", [builder.node("matmul", [x, builder.constant(weight, "weight")])], output="mixed")
    builder.output(y)
    signature = Signature("main", [Argument("image", x, "float32", (1, 8))], [Argument("mixed", y, "float32", (1, 4))])
    return Model(Bundle(builder.graph, [signature], name="tiny"))


@pytest.fixture
def folder(model: Model, tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    model.save(folder / "model")
    for name in RUNTIME:
        shutil.copyfile(dist_folder() / name, folder / name)
    (folder / "index.html").write_text("<!doctype html><meta charset=utf-8><link rel=icon href=data:,><script src=webkiln.min.js></script>")
    (folder / "sw.js").write_text(SERVICE_WORKER)
    return folder


@pytest.fixture
def page(browser):
    context = browser.new_context()
    yield context.new_page()
    context.close()


def attempt(page: Any, abort_at: str = "", **options: Any) -> dict[str, Any]:
    return page.evaluate(ATTEMPT, [options, abort_at])


def expect_right(found: dict[str, Any], model: Model) -> None:
    assert "mixed" in found, found
    np.testing.assert_allclose(found["mixed"], model.run({"image": X})["mixed"][0], rtol=0, atol=1e-6)


@WORKER
def test_a_kept_model_loads_without_a_network(page, folder, model, worker) -> None:
    """The server goes away, the page is loaded anew: the application's service worker has the rest."""
    with site(folder, {}) as (address, asked):
        page.goto(address)
        page.evaluate("navigator.serviceWorker.register('sw.js').then(() => navigator.serviceWorker.ready).then(() => 0)")
        page.reload()
        assert page.evaluate("navigator.serviceWorker.controller !== null")
        expect_right(attempt(page, worker=worker, cache="models"), model)
        expect_right(attempt(page, worker=worker), model)
    count = len(asked)
    page.reload()
    expect_right(attempt(page, worker=worker, cache="models"), model)
    assert len(asked) == count
    without = attempt(page, worker=worker)
    assert without["name"] == "FetchError", "the server is up, or the cache is used unasked"
    assert "model.json" in without["message"]


def test_a_kept_shard_is_not_fetched_again(page, folder, model) -> None:
    with site(folder, {}) as (address, asked):
        page.goto(address)
        for _ in range(3):
            expect_right(attempt(page, cache="models"), model)
    assert sum("weights-00000" in path for path in asked) == 1
    assert sum("model.json" in path for path in asked) == 3
    # Another address is kept apart, and the name is the user's.
    assert page.evaluate("caches.keys()") == ["models"]


@WORKER
def test_the_wasm_from_a_folder(page, folder, model, worker) -> None:
    (folder / "elsewhere").mkdir()
    for name in RUNTIME[2:]:
        (folder / name).rename(folder / "elsewhere" / name)
    with site(folder, {}) as (address, asked):
        page.goto(address)
        lost = attempt(page, worker=worker)
        expect_right(attempt(page, worker=worker, wasm="elsewhere"), model)
        expect_right(attempt(page, worker=worker, wasm="elsewhere/"), model)
    assert lost["name"] == "FetchError"
    assert "404" in lost["message"]
    assert "where the option wasm says" in lost["message"]
    assert any("/elsewhere/webkiln-relaxed.wasm" in path for path in asked)


@WORKER
def test_the_wasm_given_as_bytes(page, folder, model, worker) -> None:
    inlined = base64.b64encode((folder / "webkiln-plain.wasm").read_bytes()).decode()
    with site(folder, {}) as (address, asked):
        page.goto(address)
        found = attempt(page, worker=worker, inlined=inlined)
    expect_right(found, model)
    assert found["build"] == "plain"
    assert not any(".wasm" in path for path in asked)


def test_everything_in_one_page(page, folder, model) -> None:
    """The script and the .wasm in the page itself: nothing but the model is asked for."""
    script = (folder / "webkiln.min.js").read_text().replace("</script", "<\\/script")
    (folder / "index.html").write_text(f"<!doctype html><meta charset=utf-8><link rel=icon href=data:,><script>{script}</script>")
    inlined = base64.b64encode((folder / "webkiln-plain.wasm").read_bytes()).decode()
    for name in RUNTIME:
        (folder / name).unlink()
    with site(folder, {}) as (address, asked):
        page.goto(address)
        expect_right(attempt(page, inlined=inlined), model)
    assert sorted(asked) == ["/", "/model/model.json", "/model/weights-00000.safetensors"]


@WORKER
def test_a_wrong_mime_type_does_no_harm(page, folder, model, worker) -> None:
    wrong = {"status": 200, "content_type": "application/octet-stream"}
    page.context.route("**/*.wasm", lambda route: route.fulfill(**wrong, path=folder / Path(route.request.url).name))
    with site(folder, {}) as (address, _):
        page.goto(address)
        expect_right(attempt(page, worker=worker), model)


@WORKER
@pytest.mark.parametrize("file", ["webkiln-relaxed.wasm", "model.json", "weights-00000.safetensors"])
def test_an_html_answer_is_named(page, folder, worker, file) -> None:
    """What single-page servers answer for a file that is not there."""
    answer = {"status": 200, "content_type": "text/html", "body": "<!doctype html><p>Welcome"}
    page.context.route(f"**/{file}", lambda route: route.fulfill(**answer))
    with site(folder, {}) as (address, _):
        page.goto(address)
        found = attempt(page, worker=worker)
    assert found["name"] == "FetchError", found
    assert file in found["message"]
    assert "HTML page" in found["message"]


@WORKER
def test_an_abort_ends_loading(page, folder, model, worker) -> None:
    with site(folder, {}) as (address, asked):
        page.goto(address)
        found = attempt(page, abort_at="model", worker=worker)
        assert found["name"] == "AbortError", found
        assert [one["stage"] for one in found["stages"]] == ["model"]
        assert not any("weights" in path for path in asked)
        expect_right(attempt(page, worker=worker), model)


@WORKER
def test_progress_goes_up_to_the_whole(page, folder, model, worker) -> None:
    with site(folder, {}) as (address, _):
        page.goto(address)
        stages = attempt(page, worker=worker)["stages"]
    size = json.loads((folder / "model" / "model.json").read_text())["shards"][0]["bytes"]
    loaded = [one["loaded"] for one in stages]
    assert loaded == sorted(loaded)
    assert stages[0]["stage"] == "model"
    assert stages[-1] == {"loaded": size, "total": size, "stage": "ready"}


@WORKER
def test_a_page_that_allows_no_wasm_is_told_how(page, folder, worker) -> None:
    with site(folder, {"Content-Security-Policy": "default-src 'self'"}) as (address, _):
        page.goto(address)
        found = attempt(page, worker=worker)
    assert "wasm-unsafe-eval" in found["message"], found
