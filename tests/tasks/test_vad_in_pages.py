"""Voice activity in Chromium: of given samples, and of a microphone that hears a voice made by code."""

from __future__ import annotations

import base64
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_site import site
from playwright.sync_api import Browser, sync_playwright
from task_pages import STRICT
from task_runs import save_models
from voice import RATE, noise, voice
from webkiln.browsers import chromium
from webkiln.codegen.paths import dist_folder
from webkiln.tasks import Vad

PROBABILITY = 1e-4
SPEAKS, PAUSES = 1.0, 0.7  # seconds; what the microphone hears then begins again
INLINE = STRICT.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'")
BLOBS = INLINE.replace("script-src 'self'", "script-src 'self' blob:")
INLINED = {"worker": False, "runtime": "dist/webkiln.min.js", "wasm": {"plain": "dist/webkiln-plain.wasm"}}
SCRIPT = "<script src='dist/webkiln.tasks.min.js'></script>"
PAGE = f"<!doctype html><meta charset=utf-8>{SCRIPT}<script src='page/vad.js'></script>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("vad")
    (made / "dist").symlink_to(dist_folder())
    (made / "page").symlink_to(Path(__file__).with_name("page"))
    (made / "index.html").write_text(PAGE)
    (made / "inline.html").write_text(
        PAGE.replace(SCRIPT, f"<script>{(dist_folder() / 'webkiln.tasks.min.js').read_text()}</script>")
    )
    with wave.open(str(made / "microphone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.concatenate([voice(SPEAKS, 3), noise(PAUSES)]) * 32767).astype("<i2").tobytes())
    return made


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return save_models(folder, ["silero_vad"])["silero_vad"]


@pytest.fixture(scope="module")
def browser(folder: Path) -> Iterator[Browser]:
    options = chromium.launch_options(chromium.find_chromium())
    heard = f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}"
    extra = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", heard]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(**{**options, "args": [*options["args"], *extra]})
        yield opened
        opened.close()


def call(browser: Browser, folder: Path, policy: str, method: str, *args: Any, path: str = "") -> Any:
    with site(folder, {"Content-Security-Policy": policy}) as (address, _):
        page = browser.new_page()
        try:
            page.goto(address + path)
            page.wait_for_function("document.documentElement.dataset.ready")
            return page.evaluate("([method, args]) => tests[method](...args)", [method, list(args)])
        finally:
            page.close()


@pytest.mark.parametrize("worker", [True, False])
def test_samples(browser: Browser, folder: Path, model: Any, worker: bool) -> None:
    sound = np.concatenate([noise(0.2), voice(0.6, 3), noise(0.2)])
    received = call(browser, folder, STRICT, "samples", base64.b64encode(sound.tobytes()).decode(), {"worker": worker})
    assert received["backends"] == {"model": "wasm"}
    expected = list(Vad(model).stream([sound]))
    assert any(one["segments"] for one in expected)
    for one, other in zip(received["found"], expected, strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=PROBABILITY)
        assert {**other, **one, "probability": 0, "milliseconds": 0} == {**other, "probability": 0, "milliseconds": 0}


@pytest.mark.parametrize(("path", "policy", "options"), [("", STRICT, {}), ("inline.html", BLOBS, INLINED)])
def test_microphone(
    browser: Browser, folder: Path, model: Any, path: str, policy: str, options: dict[str, Any]
) -> None:
    """It is resampled to 16 kHz and cut into frames; the stream stays open when nobody listens any more, and listening ends with the stream."""
    received = call(browser, folder, policy, "microphone", options, path=path)
    found = received["found"]
    assert [one["timestamp"] for one in found] == [32.0 * (k + 1) for k in range(len(found))]
    (piece,) = found[-1]["segments"]
    assert piece["end"] - piece["start"] < 1000 * (SPEAKS + PAUSES)  # the pause ends it
    assert max(one["probability"] for one in found) > 0.9
    assert (received["state"], received["ended"]) == ("live", "ended")
    assert received["silent"].startswith("WebkilnError: the stream has no sound")


def test_a_policy_that_forbids_it(browser: Browser, folder: Path, model: Any) -> None:
    answer = call(browser, folder, INLINE, "refused", INLINED, path="inline.html")
    assert answer.startswith(
        "WebkilnError: the script that reads the sound could not be loaded: a content security policy must allow"
    )
    assert "or else blob:" in answer
