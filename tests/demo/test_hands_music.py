"""The demo hands-music: notes and chords, and the page in Chromium, which plays its sample film."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_site import READY, visit
from playwright.sync_api import Browser, sync_playwright
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.node import find_node
from webkiln.browsers.server import LocalServer
from webkiln.codegen.paths import demos_folder

SCALES = """
import { KEYS, Ladder, chords, frequency, heightOf, melodyNotes, nameOf } from "MODULE";
const ladder = new Ladder();
const steps = (heights) => heights.map((height) => ladder.step(height, 11));
const climbed = steps(Array.from({ length: 11 }, (_, k) => heightOf(k, 11)));
ladder.reset();
console.log(JSON.stringify({
  pitches: [frequency(69), frequency(57)],
  melodies: KEYS.map((_, key) => ["major", "minor"].map((mode) => melodyNotes(key, mode))),
  chords: KEYS.map((_, key) => ["major", "minor"].map((mode) => chords(key, mode))),
  names: melodyNotes(9, "minor").map(nameOf),
  climbed,
  held: steps([heightOf(5, 11), heightOf(5.6, 11), heightOf(5.7, 11), heightOf(5.4, 11), heightOf(-3, 11), heightOf(20, 11)]),
}));
"""
MUSIC = "webkilnMusic"


def test_notes_and_chords() -> None:
    module = (demos_folder() / "hands-music" / "scale.js").as_uri()
    command = [find_node().path, "--input-type=module", "-e", SCALES.replace("MODULE", module)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    assert found["pitches"] == [440, 220]
    assert found["names"] == ["A", "C", "D", "E", "G"] * 2 + ["A"]
    for key, (melodies, chords) in enumerate(zip(found["melodies"], found["chords"], strict=True)):
        for melody, triads, third in zip(melodies, chords, (4, 3), strict=True):
            assert [melody[0] % 12, melody[5] - melody[0], melody[10] - melody[5]] == [key, 12, 12]
            assert melody == sorted(melody)
            assert 55 <= melody[0] <= 66
            assert [note - triads[0]["notes"][0] for note in triads[0]["notes"]] == [0, third, 7]
            assert triads[0]["notes"][0] % 12 == key
            scale = {(key + step) % 12 for step in ((0, 2, 4, 5, 7, 9, 11) if third == 4 else (0, 2, 3, 5, 7, 8, 10))}
            assert {note % 12 for triad in triads for note in triad["notes"]} <= scale
    assert [one["name"] for one in found["chords"][9][1]] == ["Am", "F", "C", "G"]
    assert found["climbed"] == list(range(11))
    assert found["held"] == [5, 5, 6, 6, 0, 10]


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with LocalServer({"/": site}, isolated=False) as server:
        yield f"{server.url}hands-music.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**launch_options(find_chromium()))
        yield chromium
        chromium.close()


def test_the_sample_plays(browser: Browser, address: str) -> None:
    """Sound begins at a key; notes are of the chosen key; a fist is silence; a pause is, too."""
    with visit(browser, address) as shown:
        page = shown.page

        def wait(condition: str) -> None:
            page.wait_for_function(f"() => webkilnDemo.error || ({condition})", timeout=READY)
            assert shown.state("error") == ""

        shown.wait_for_frames()
        assert sorted(hand["handedness"]["label"] for hand in shown.state("result.hands")) == ["left", "right"]
        assert page.evaluate(f"{MUSIC}.level()") == 0
        shown.button("Start sound").press("Enter")
        wait(f"{MUSIC}.melody && {MUSIC}.chord && {MUSIC}.level() > 0.01")
        assert page.evaluate(f"{MUSIC}.melody") in ("A", "C", "D", "E", "G")
        assert page.evaluate(f"{MUSIC}.chord") in ("Am", "F", "C", "G")
        first = page.evaluate(f"{MUSIC}.melody")
        wait(f"{MUSIC}.melody && {MUSIC}.melody !== '{first}'")
        page.get_by_label("Key").select_option("D")
        page.get_by_role("radio", name="Major").check(force=True)
        shown.wait_for_frames(2)
        wait(f"['D', 'E', 'F♯', 'A', 'B'].includes({MUSIC}.melody) && ['D', 'Bm', 'G', 'A'].includes({MUSIC}.chord)")
        wait(f"webkilnDemo.result.hands.some(({{ gesture }}) => gesture.name === 'fist') && {MUSIC}.melody === null")
        shown.button("Pause").click()
        wait(f"{MUSIC}.level() < 0.001")
        shown.button("Stop sound").click()
        assert page.evaluate(f"{MUSIC}.level()") == 0
        assert shown.said == []
        assert [
            url for url in shown.requests if not url.removeprefix("blob:").startswith(address.rpartition("/")[0])
        ] == []


def test_a_still_where_less_motion_is_wished(browser: Browser, address: str) -> None:
    with visit(browser, address, reduced_motion="reduce") as shown:
        shown.wait_for_frames()
        page_text = shown.page.inner_text(".said")
        assert page_text.startswith("Melody: ")
        assert "silent" not in page_text
        shown.page.wait_for_timeout(300)
        assert shown.state("frames") == 1
        shown.page.get_by_label("Key").select_option("D")
        shown.page.wait_for_function("() => webkilnDemo.frames === 2", timeout=READY)
        assert shown.page.evaluate(f"{MUSIC}.chord") in ("Dm", "B♭", "F", "C")
        assert shown.page.inner_text(".said") != page_text


def test_a_page_without_sound_says_so(browser: Browser, address: str) -> None:
    silent = "globalThis.AudioContext = class { constructor() { throw new Error('no device'); } }"
    with visit(browser, address, before=lambda page: page.add_init_script(silent)) as shown:
        shown.button("Start sound").click()
        shown.page.get_by_text("There is no sound here: no device").wait_for(timeout=READY)
        assert shown.button("Start sound").is_visible()
