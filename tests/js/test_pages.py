"""The bundles in real pages: a script tag, a worker, a strict content security policy, another origin, no network beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from page_site import site
from webkiln import gallery
from webkiln.browsers import firefox, webkit
from webkiln.browsers.display import Display
from webkiln.browsers.host import Host
from webkiln.browsers.page import BrowserPage, PageHost
from webkiln.codegen.paths import dist_folder
from webkiln.errors import BrowserError

STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'"

CHECK = """
globalThis.check = async (options) => {
  const events = [];
  const model = await webkiln.load("model/model.json", { ...options, relaxed: false, onProgress: ({ stage }) => events.push(stage) });
  const [input] = model.inputs;
  const size = input.shape.reduce((a, b) => a * b, 1);
  const outputs = await model.run({ [input.name]: Float32Array.from({ length: size }, (_, i) => (i % 97) / 97) });
  const verified = await model.verify();
  const error = await model.run({}).catch(({ name, message }) => ({ name, message }));
  model.dispose();
  return {
    build: model.build, events, passed: verified.passed, error,
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, array]) => [name, [...array]])),
  };
};
// What drives other browsers looks for a session with methods.
globalThis.webkilnSession = { call: async (_, options) => ({ result: await check(options) }) };
document.documentElement.dataset.ready = "yes";
"""


@pytest.fixture(scope="module")
def model():
    return gallery.convert("face_landmark")


@pytest.fixture(scope="module")
def page_folder(model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    model.save(folder / "model")
    (folder / "runtime").symlink_to(dist_folder())
    (folder / "check.js").write_text(CHECK)
    (folder / "index.html").write_text(
        "<!doctype html><meta charset=utf-8><script src='runtime/webkiln.min.js'></script><script src='check.js'></script>"
    )
    (folder / "module.js").write_text(
        "import * as webkiln from './runtime/webkiln.min.mjs'; globalThis.webkiln = webkiln; await import('./check.js');"
    )
    (folder / "module.html").write_text(
        "<!doctype html><meta charset=utf-8><script type=module src='module.js'></script>"
    )
    return folder


def check(browser, address: str, options: str) -> dict:
    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    try:
        page.goto(address)
        page.wait_for_function("document.documentElement.dataset.ready")
        result = page.evaluate(f"check({options})")
    finally:
        page.close()
    assert [text for text in problems if "favicon" not in text and "404" not in text] == []
    return result


@pytest.mark.parametrize("document", ["index.html", "module.html"])
@pytest.mark.parametrize("worker", ["false", "true"])
def test_strict_policy_and_worker(browser, page_folder, model, document, worker) -> None:
    with site(page_folder, {"Content-Security-Policy": STRICT}) as (address, asked):
        result = check(browser, address + document, f"{{ worker: {worker} }}")
    assert result["build"] == "plain"
    assert result["passed"] is True
    assert result["events"][-1] == "ready"
    assert result["error"]["name"] == "InputError"
    name = model.inputs[0].name
    size = int(np.prod(model.inputs[0].shape))
    image = ((np.arange(size) % 97) / 97).astype(np.float32).reshape(model.inputs[0].shape)
    for key, expected in model.run({name: image}).items():
        received = np.array(result["outputs"][key]).reshape(expected.shape)
        assert np.abs(received - expected).max() <= 1e-5 * np.abs(expected).max()
    assert sum("webkiln-plain.wasm" in path for path in asked) >= 1
    assert any("webkiln.worker.min.js" in path for path in asked) == (worker == "true")


@contextmanager
def other_browser(name: str, address: str) -> Iterator[Host]:
    """A page of Firefox or WebKitGTK at an address; skips where the browser is not installed."""
    try:
        executable = firefox.find_firefox() if name == "firefox" else webkit.find_webkit()[0]
    except BrowserError as error:
        pytest.skip(str(error))
    with ExitStack() as stack:
        host: Host
        if name == "webkit":
            host = webkit.WebKitHost(address)
        else:
            display = Display()
            stack.callback(display.close)
            page = BrowserPage("firefox", firefox.launch_options(executable, display.environment))
            stack.callback(page.close)
            host = PageHost(page, address)
        stack.callback(host.close)
        yield host


@pytest.mark.parametrize("name", ["firefox", "webkit"])
def test_other_browsers_load_the_script(page_folder, name) -> None:
    with (
        site(page_folder, {"Content-Security-Policy": STRICT}) as (address, asked),
        other_browser(name, address + "index.html") as host,
    ):
        for worker in (False, True):
            result = host.call("check", {"worker": worker}, 60)
            assert (result["build"], result["passed"], result["events"][-1]) == ("plain", True, "ready")
            assert result["error"]["name"] == "InputError"
    assert any("webkiln.worker.min.js" in path for path in asked)


def test_from_another_origin(browser, page_folder, tmp_path) -> None:
    """The page and the model on one origin, the runtime on another: the worker's script is fetched and wrapped."""
    with site(page_folder, {"Access-Control-Allow-Origin": "*"}) as (elsewhere, asked):
        (tmp_path / "model").symlink_to(page_folder / "model")
        (tmp_path / "check.js").write_text(CHECK)
        (tmp_path / "index.html").write_text(
            f"<!doctype html><script src='{elsewhere}runtime/webkiln.min.js'></script><script src='check.js'></script>"
        )
        with site(tmp_path, {}) as (address, _):
            for worker in ("false", "true"):
                assert check(browser, address + "index.html", f"{{ worker: {worker} }}")["passed"] is True
    assert any("webkiln.worker.min.js" in path for path in asked)
    assert not any("model.json" in path for path in asked)
