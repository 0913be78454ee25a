"""index.html in Chromium: each kind of input reaches a result, and the result is NumPy's."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_devices
import numpy as np
import pytest
import webkiln
from handed_models import ATTACK
from handed_pages import Visit, Visits
from PIL import Image
from webkiln.handover import hand_over

Handed = Callable[[str], Path]


NAMELESS = """() => [...document.querySelectorAll("input, textarea, button, [role=img]")].filter((one) =>
  !(one.labels?.[0]?.textContent || one.textContent || one.getAttribute("aria-label")).trim()).map((one) => one.outerHTML)"""


def png(pixels: np.ndarray) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def assert_outputs(visit: Visit, expected: dict[str, np.ndarray], tolerance: float = 1e-5) -> None:
    for name, wanted in expected.items():
        found = np.array(visit.frame.evaluate("(name) => Array.from(webkilnPage.outputs[name])", name), np.float32).reshape(wanted.shape)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * max(1, np.abs(wanted).max()), err_msg=name)


@pytest.mark.parametrize("kind", ["picture", "numbers", "audio", "tokens", "branching"])
def test_a_first_result_without_any_doing(visits: Visits, handed: Handed, kind: str) -> None:
    visit = visits.serve(handed(kind))
    visit.wait()
    assert visit.seen("runs") >= 1
    assert visit.page.is_hidden("#problem")
    assert visit.page.locator("#results .output").count() >= 1
    assert visit.said == []
    assert [url for url in visit.requests if not url.startswith((visit.origin, "data:", "blob:" + visit.origin))] == []
    assert visit.page.evaluate("window.injected") is None
    assert visit.page.inner_text("h1") == f"A {kind} model {ATTACK}"
    assert "ms" in visit.page.inner_text("#wasm-milliseconds")
    assert visit.page.evaluate(NAMELESS) == [], "for a screen reader"
    visit.page.set_viewport_size({"width": 360, "height": 700})
    assert visit.overflow() <= 0, "a phone needs no sideways scrolling"


def test_a_picture_gives_what_numpy_gives(visits: Visits, handed: Handed) -> None:
    visit = visits.serve(handed("picture"))
    visit.wait()
    pixels = np.random.default_rng(5).integers(0, 256, (40, 90, 3), dtype=np.uint8)
    file: Any = {"name": "noise.png", "mimeType": "image/png", "buffer": png(pixels)}
    visit.after(lambda: visit.page.set_input_files("input[type=file]", file))
    model = webkiln.load(handed("picture") / "model")
    outputs = model.run({"image": pixels})
    assert_outputs(visit, outputs)
    results = webkiln.results(model, outputs, {"image": pixels})
    best = results["scores"][0]
    assert visit.page.inner_text(".labels li:first-child span:first-child") == best["label"]
    assert visit.page.inner_text(".labels .number >> nth=0") == f"{100 * best['score']:.1f} %"
    visit.page.click("summary >> text=points")
    assert ATTACK in visit.page.inner_text("#results table")
    # The mask and the points lie over the picture.
    drawn = visit.page.evaluate("Array.from(document.querySelector('canvas').getContext('2d').getImageData(0, 0, 90, 40).data)")
    assert (np.array(drawn, np.uint8).reshape(40, 90, 4)[..., :3] != pixels).mean() > 0.2


def test_a_dropped_file_is_taken_and_one_of_another_kind_is_not(visits: Visits, handed: Handed) -> None:
    visit = visits.serve(handed("picture"))
    visit.wait()

    def drop(data: bytes, name: str, kind: str) -> None:
        visit.page.evaluate(
            """([data, name, type]) => {
              const carried = new DataTransfer();
              carried.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name, { type }));
              document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
            }""",
            [base64.b64encode(data).decode(), name, kind],
        )

    visit.after(lambda: drop(png(np.full((30, 60, 3), 77, np.uint8)), "grey.png", "image/png"))
    assert visit.page.evaluate("[document.querySelector('canvas').width, document.querySelector('canvas').height]") == [60, 30]
    drop(b"words", "notes.txt", "text/plain")
    assert "notes.txt is of no kind" in visit.page.inner_text("#problem")
    drop(b"words", "broken.png", "image/png")
    visit.page.wait_for_function("() => document.getElementById('problem').textContent.includes('not a picture')")


def test_the_camera_runs_until_it_is_stopped(visits: Visits, handed: Handed) -> None:
    visit = visits.serve(handed("picture"))
    visit.wait()
    visit.page.click("text=Use the camera")
    visit.page.wait_for_function("() => webkilnPage.runs >= 4", timeout=30_000)
    visit.page.click("text=Stop the camera")
    visit.wait()
    runs = visit.seen("runs")
    visit.page.wait_for_timeout(300)
    assert visit.seen("runs") <= runs + 1
    assert visit.page.is_hidden("#problem")
    seen = np.zeros((480, 640, 3), np.uint8)
    seen[:, :320], seen[:, 320:] = fake_devices.LEFT, fake_devices.RIGHT
    outputs = webkiln.load(handed("picture") / "model").run({"image": seen})
    assert_outputs(visit, outputs, 0.02)  # a gray of video is one of 219 steps


def test_the_microphone_is_recorded(visits: Visits, handed: Handed) -> None:
    visit = visits.serve(handed("audio"))
    visit.wait()
    record = visit.page.get_by_role("button", name="Record")
    visit.page.get_by_role("button", name="Sample").click()
    visit.wait()
    record.click()
    visit.page.wait_for_function("() => document.querySelector('.input .hint').textContent === 'Recording…'")
    assert record.is_disabled(), "a recording at a time"
    visit.after(lambda: visit.page.wait_for_timeout(100))
    assert visit.page.is_hidden("#problem")
    assert record.is_enabled()
    words = visit.page.inner_text(".input .hint")
    seconds = float(words.partition(" s at 8000 Hz")[0])
    assert 3 < seconds < 5, words
    loudness = visit.page.evaluate("Array.from(webkilnPage.outputs.loudness)")[0]
    assert abs(loudness - fake_devices.LOUDNESS) < 0.25 * fake_devices.LOUDNESS, "compressed to be recorded, and without the highest tones"


@pytest.mark.parametrize(("kind", "name", "words"), [("picture", "Use the camera", "the camera could not be used"), ("audio", "Record", "the microphone could not be used")])
def test_a_device_that_is_refused_is_told(refusing: Visits, handed: Handed, kind: str, name: str, words: str) -> None:
    """And the page stays as it was."""
    visit = refusing.serve(handed(kind))
    visit.wait()
    visit.page.get_by_role("button", name=name).click()
    visit.page.wait_for_selector("#problem:not([hidden])")
    assert words in visit.page.inner_text("#problem")
    assert visit.page.get_by_role("button", name=name).is_enabled()
    assert visit.page.locator("#results .output").count() >= 1


def test_the_switch_by_keyboard(visits: Visits, handed: Handed) -> None:
    visit = visits.serve(handed("numbers"))
    visit.wait()
    assert visit.page.get_by_role("radio", name="Auto").is_checked()
    by_wasm = visit.page.evaluate("Array.from(webkilnPage.outputs.result)")
    visit.page.get_by_role("radio", name="Auto").focus()
    visit.after(lambda: visit.page.keyboard.press("ArrowRight"))
    assert visit.seen("backend") == "webgl"
    assert visit.page.inner_text("#reason").startswith("Now on WebGL")
    assert "ms" in visit.page.inner_text("#webgl-milliseconds")
    np.testing.assert_allclose(visit.page.evaluate("Array.from(webkilnPage.outputs.result)"), by_wasm, atol=1e-5)


def test_numbers_are_typed_and_sizes_chosen(visits: Visits, handed: Handed) -> None:
    visit = visits.serve(handed("numbers"))
    visit.wait()
    page = visit.page
    page.get_by_label("N", exact=True).fill("3")
    visit.after(lambda: page.get_by_label("N", exact=True).blur())
    field = page.get_by_label("features")
    field.fill("1, 2, 3, 4\n5 6 7 8; 9,10,11,-12.5")
    visit.after(lambda: field.blur())
    x = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, -12.5]], np.float32)
    assert_outputs(visit, webkiln.load(handed("numbers") / "model").run({"features": x}))
    field.fill("1, 2, many")
    field.blur()
    page.wait_for_selector("#problem:not([hidden])")
    assert '"many" is not a number' in page.inner_text("#problem")
    field.fill("1, 2")
    field.blur()
    page.wait_for_function("() => document.getElementById('problem').textContent.includes('wanted 12 numbers, got 2')")
    visit.after(lambda: page.click("text=Random numbers"))
    assert page.is_hidden("#problem")


def test_sound_is_cut_into_frames(visits: Visits, handed: Handed) -> None:
    visit = visits.serve(handed("audio"))
    visit.wait()
    samples = (np.sin(np.arange(8000) / 5) * np.linspace(0, 20000, 8000)).astype("<i2")
    header = b"RIFF" + (36 + 16000).to_bytes(4, "little") + b"WAVEfmt " + b"\x10\0\0\0\x01\0\x01\0" + (8000).to_bytes(4, "little") + (16000).to_bytes(4, "little") + b"\x02\0\x10\0data" + (16000).to_bytes(4, "little")
    file: Any = {"name": "rising.wav", "mimeType": "audio/wav", "buffer": header + samples.tobytes()}
    visit.after(lambda: visit.page.set_input_files("input[type=file]", file))
    assert "1.00 s at 8000 Hz, as 25 × float32 [1, 400]" in visit.page.inner_text(".input")
    assert "the largest at 0.96 s" in visit.page.get_by_role("img").get_attribute("aria-label")
    last = samples[-400:].astype(np.float32) / 32768
    assert_outputs(visit, webkiln.load(handed("audio") / "model").run({"sound": last[None]}), 1e-4)


def test_the_mask_is_as_long_as_the_tokens(visits: Visits, handed: Handed) -> None:
    visit = visits.serve(handed("tokens"))
    visit.wait()
    field = visit.page.get_by_label("input_ids")
    field.fill("3 5 7 11 13")
    visit.after(lambda: field.blur())
    assert visit.page.get_by_label("attention_mask").input_value() == "1, 1, 1, 1, 1"
    assert visit.page.get_by_label("token_type_ids").input_value() == "0, 0, 0, 0, 0"
    assert visit.page.evaluate("Array.from(webkilnPage.outputs.total)") == [39]
    field.fill(" ".join(["1"] * 13))
    field.blur()
    visit.page.wait_for_function("() => document.getElementById('problem').textContent.includes('takes 1 to 12 tokens, got 13')")


def test_a_sample_is_what_the_page_begins_with(visits: Visits, handed: Handed, tmp_path: Path) -> None:
    pixels = np.random.default_rng(8).integers(0, 256, (33, 21, 3), dtype=np.uint8)
    (tmp_path / "a b.PNG").write_bytes(png(pixels))
    hand_over(handed("picture") / "model", tmp_path / "site", sample=tmp_path / "a b.PNG")
    visit = visits.serve(tmp_path / "site")
    visit.wait()
    assert_outputs(visit, webkiln.load(handed("picture") / "model").run({"image": pixels}))


@pytest.mark.parametrize(
    ("lost", "words"), [("model/model.json", "model.json could not be loaded"), ("runtime/webkiln.min.js", "the runtime did not load")]
)
def test_what_is_missing_is_said(visits: Visits, handed: Handed, tmp_path: Path, lost: str, words: str) -> None:
    folder = Path(shutil.copytree(handed("numbers"), tmp_path / "site"))
    (folder / lost).unlink()
    visit = visits.serve(folder)
    visit.wait("error")
    assert words in visit.page.inner_text("#problem")


@pytest.mark.parametrize("path", ["index.html", "verify.html"])
def test_opened_from_disk_it_says_what_to_do(visits: Visits, handed: Handed, path: str) -> None:
    visit = visits.disk(handed("numbers") / path)
    visit.wait("error")
    assert "serve the folder, for example with `webkiln serve`" in visit.page.inner_text("#problem")


def fill(visit: Visit, label: str, text: str) -> None:
    field = visit.page.get_by_label(label, exact=True)
    field.fill(text)
    visit.after(field.blur)


def test_each_signature_has_its_inputs_and_its_result(visits: Visits, handed: Handed) -> None:
    """Chosen with the keyboard; where it runs stays as chosen, in both directions."""
    visit = visits.serve(handed("branching"))
    visit.wait()
    given = np.array([[1, -2, 3, 0.5]], np.float32)
    model = webkiln.load(handed("branching") / "model")
    fill(visit, "numbers", "1 -2 3 0.5")
    assert_outputs(visit, model.run({"numbers": given}))
    visit.after(lambda: visit.page.check("input[value=wasm]", force=True))
    assert visit.page.locator("textarea").count() == 1
    choice = visit.page.get_by_label("Signature")
    choice.focus()
    visit.after(lambda: choice.press("ArrowDown"))
    assert choice.input_value() == "sums"
    assert visit.seen("backend") == "wasm"
    fill(visit, "numbers", "1 -2 3 0.5")
    fill(visit, "weights", "1 2 3 4")
    assert_outputs(visit, webkiln.load(handed("branching") / "model", signature="sums").run({"numbers": given, "weights": np.arange(1, 5, dtype=np.float32)}))
    visit.after(lambda: choice.select_option("halves"))
    assert visit.page.locator("textarea").count() == 1
    assert list(visit.seen("outputs")) == ["result"]
    assert visit.page.is_hidden("#problem")
