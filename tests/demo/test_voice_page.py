"""The demo voice-activity in Chromium: its sample, a file, a microphone that hears the sample, and none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webkiln
from demo_site import READY, Shown, visit
from playwright.sync_api import Browser, sync_playwright
from sample_sound import RATE, sample_sound, write_wav
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.server import LocalServer
from webkiln.tasks import Vad

REFUSING = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{}'))"
WAITING = """() => {
  const { stream } = new AudioContext().createMediaStreamDestination();
  navigator.mediaDevices.getUserMedia = () => new Promise((resolve) => (globalThis.allow = () => resolve(stream)));
  globalThis.isHeard = () => stream.getTracks().some((track) => track.readyState === "live");
}"""
"""A microphone that begins when it is allowed, and whether it is on."""
FROM, TO = 1.0, 5.2
"""Seconds of the sample that are given: silence, two pieces of speech and a pause between them."""


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with LocalServer({"/": site}, isolated=False) as server:
        yield f"{server.url}voice-activity.html"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("sound") / "speech.wav", sample_sound()[int(FROM * RATE) : int(TO * RATE)])


@pytest.fixture(scope="module")
def browser(sound: Path) -> Iterator[Browser]:
    options = launch_options(find_chromium())
    faked = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={sound}",
    ]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**{**options, "args": [*options["args"], *faked]})
        yield chromium
        chromium.close()


def reference(site: Path, samples: np.ndarray) -> list[dict[str, Any]]:
    return list(Vad(webkiln.load(site / "models" / "silero_vad")).stream([samples]))


def is_lit(shown: Shown) -> Any:
    return shown.page.evaluate("document.querySelector('.lamp').classList.contains('speaking')")


def test_the_sample_has_speech_and_sounds_that_are_none(site: Path) -> None:
    """Five pieces of babble are speech; silence, a hiss and a melody are not."""
    samples = sample_sound()
    heard = reference(site, samples)
    segments = heard[-1]["segments"]
    spoken = [(1.2, 2.34), (3.14, 4.85), (6.25, 7.01), (7.61, 9.32), (11.42, 12.18)]  # from the score's durations
    assert len(segments) == len(spoken)
    for piece, (start, end) in zip(segments, spoken, strict=True):
        assert abs(piece["start"] / 1000 - start) < 0.3
        assert abs(piece["end"] / 1000 - end) < 0.3


def test_the_sample_lights_the_lamp_and_fills_the_list(browser: Browser, address: str) -> None:
    with visit(browser, address) as shown:
        shown.wait_for_frames(3)
        assert shown.state("source") == "the sample"
        assert not is_lit(shown)
        assert shown.page.inner_text(".lamp") == "Nobody speaks"
        shown.page.get_by_label("Aloud").check()
        shown.page.wait_for_function("() => document.querySelector('.lamp.speaking')", timeout=READY)
        shown.page.wait_for_selector(".heard tbody tr", timeout=READY)
        shown.button("Stop").click()
        held = shown.state("frames")
        shown.page.wait_for_timeout(300)
        assert shown.state("frames") == held
        assert not is_lit(shown)
        assert shown.said == []
        assert [
            url for url in shown.requests if not url.removeprefix("blob:").startswith(address.rpartition("/")[0])
        ] == []


def test_a_file_gives_the_segments_of_the_reference_which_can_be_saved(
    browser: Browser, address: str, site: Path, sound: Path
) -> None:
    heard = sample_sound()[int(FROM * RATE) : int(TO * RATE)]
    expected = reference(site, (np.round(heard * 32767) / 32768).astype(np.float32))[-1]
    with visit(browser, address) as shown:
        shown.wait_for_frames()
        shown.page.set_input_files("input[type=file]", sound)
        shown.page.wait_for_function(
            "() => document.querySelector('.lamp').textContent === 'That was all'", timeout=READY
        )
        assert shown.state("source") == "speech.wav"
        assert shown.state("segments") == expected["segments"]
        assert len(expected["segments"]) == 2
        assert shown.page.locator(".heard tbody tr").count() == 2
        with shown.page.expect_download() as saved:
            shown.button("Save as JSON").click()
        written = json.loads(Path(saved.value.path()).read_text())
        assert written["source"] == "speech.wav"
        assert written["segments"] == expected["segments"]
        assert written["until"] == expected["timestamp"]
        shown.page.set_input_files(
            "input[type=file]", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"words"}
        )
        assert "notes.txt is not sound" in shown.wait_for_problem()


def test_a_microphone_is_heard(browser: Browser, address: str) -> None:
    with visit(browser, address) as shown:
        shown.wait_for_frames()
        shown.button("Microphone").click()
        shown.page.wait_for_function(
            "() => webkilnDemo.source === 'the microphone' || webkilnDemo.error", timeout=READY
        )
        assert shown.state("error") == ""
        assert shown.page.get_by_label("Aloud").is_hidden()
        shown.page.wait_for_function("() => webkilnDemo.segments.length >= 2 || webkilnDemo.error", timeout=READY)
        assert shown.state("error") == ""
        assert shown.said == []


def test_a_refused_microphone_is_said_and_the_sample_goes_on(browser: Browser, address: str) -> None:
    with visit(browser, address, before=lambda page: page.add_init_script(REFUSING.format("NotAllowedError"))) as shown:
        shown.wait_for_frames()
        shown.button("Microphone").click()
        assert "not allowed" in shown.wait_for_problem()
        before = shown.state("frames")
        shown.page.wait_for_function("(before) => webkilnDemo.frames > before + 5", arg=before, timeout=READY)
        assert shown.state("source") == "the sample"
        assert "not allowed" in shown.page.inner_text(".problem")


@pytest.mark.parametrize("later", ["a file", "stop"])
def test_a_microphone_that_comes_too_late_is_let_go(browser: Browser, address: str, sound: Path, later: str) -> None:
    with visit(browser, address) as shown:
        shown.wait_for_frames()
        shown.page.evaluate(WAITING)
        shown.button("Microphone").click()
        if later == "a file":
            shown.page.set_input_files("input[type=file]", sound)
            shown.page.wait_for_function("() => webkilnDemo.source === 'speech.wav'", timeout=READY)
        else:
            shown.button("Stop").click()
        assert shown.page.evaluate("isHeard()")
        before = shown.state("source")
        shown.page.evaluate("allow()")
        shown.page.wait_for_function("() => !isHeard()", timeout=READY)
        assert shown.state("source") == before
        assert shown.state("error") == ""


def test_a_missing_model_is_said(browser: Browser, site: Path) -> None:
    with (
        visit(
            browser, "about:blank", before=lambda page: page.route("**/model.json", lambda route: route.abort())
        ) as shown,
        LocalServer({"/": site}, isolated=False) as server,
    ):
        shown.page.goto(f"{server.url}voice-activity.html")
        assert "The model did not load" in shown.wait_for_problem()
