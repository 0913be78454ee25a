"""WebGL in Firefox and WebKitGTK as users meet it there, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from expectations import gallery_expectation
from webkiln import Session
from webkiln.browsers import chromium, firefox, webkit
from webkiln.errors import BrowserError, WebkilnError

FINDERS = {"firefox": firefox.find_firefox, "webkit": webkit.find_webkit}
MODELS = ["face_landmark", "iris_landmark", "pose_landmark_lite"]


def need(browser: str) -> None:
    """Skips where the machine does not have the browser; Chromium is installed by the tests."""
    try:
        FINDERS.get(browser, chromium.find_chromium)()
    except BrowserError as error:
        if browser == "chromium":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=list(FINDERS))
def session(request) -> Iterator[Session]:
    need(request.param)
    with Session(backend="webgl", browser=request.param) as opened:
        yield opened


@pytest.mark.parametrize("name", MODELS)
def test_models(session, name):
    expectation = gallery_expectation(name)
    expectation.check(session.run(expectation.model, expectation.inputs))
    assert session.build(expectation.model) == ("webgl", "webgl")
    assert session.verify(expectation.model)["passed"]


NO_FLOATS = """(() => {
  const own = WebGL2RenderingContext.prototype.getExtension;
  WebGL2RenderingContext.prototype.getExtension = function (name) { return name === "EXT_color_buffer_float" ? null : own.call(this, name); };
})()"""
WITHOUT = {
    "chromium without WebGL": ("chromium", "there is no WebGL2 here"),
    "firefox without WebGL": ("firefox", "there is no WebGL2 here"),
    "chromium without float targets": ("chromium", "cannot render float textures (EXT_color_buffer_float)"),
}


@pytest.mark.parametrize("case", WITHOUT)
def test_where_webgl_is_missing_it_is_said_and_auto_takes_wasm(monkeypatch, case):
    browser, message = WITHOUT[case]
    need(browser)
    if case == "chromium without WebGL":
        monkeypatch.setattr(chromium, "_ARGUMENTS", ["--disable-gpu", "--disable-software-rasterizer"])
    elif case == "firefox without WebGL":
        monkeypatch.setitem(firefox._PREFERENCES, "webgl.disabled", True)
    expectation = gallery_expectation("face_landmark")
    model, inputs = expectation.model, expectation.inputs
    with Session(backend="webgl", browser=browser) as opened:
        if case == "chromium without float targets":  # no switch of the browser takes them away
            opened._host._page.evaluate(NO_FLOATS)
        with pytest.raises(WebkilnError) as refused:
            opened.run(model, inputs)
        assert message in str(refused.value)
        assert 'use the backend "wasm"' in str(refused.value)
        opened.backend = "auto"
        expectation.check(opened.run(model, inputs))
        assert opened.build(model)[0] == "wasm"
        assert message in opened.reason(model)


@pytest.mark.parametrize("browser", ["chromium", "firefox", "webkit"])
def test_auto_gives_right_results_and_its_reason(browser):
    """A named software renderer means WASM; WebKitGTK hides the name, and both backends are timed."""
    need(browser)
    expectation = gallery_expectation("face_landmark")
    with Session(backend="auto", browser=browser) as opened:
        expectation.check(opened.run(expectation.model, expectation.inputs))
        backend, reason = opened.build(expectation.model)[0], opened.reason(expectation.model)
    assert reason.startswith(f"{backend}: ")
    if browser == "webkit":
        assert " ms against " in reason
    else:
        assert backend == "wasm"
        assert "runs on the processor" in reason
