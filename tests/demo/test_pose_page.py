"""The pose page in Chromium, as `webkiln demo` assembles and serves it."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webkiln
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, Request, sync_playwright
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.server import LocalServer
from webkiln.demos import assemble_landmark_page
from webkiln.tasks import prepare_picture

READY = 60_000  # milliseconds, on a slow machine
LANDMARKS = 33

# The picture's pixels → base64: bulk data must not travel as a list of numbers.
_PIXELS = """() => {
  const bytes = picture.getContext("2d").getImageData(0, 0, picture.width, picture.height).data;
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}"""


@dataclass
class Visit:
    """A page with everything that it asked for and said."""

    page: Page
    origin: str
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def wait(self, state: str = "ready") -> None:
        self.page.wait_for_selector(f"html[data-state={state}]", timeout=READY)

    def demo(self, key: str) -> Any:
        return self.page.evaluate(f"webkilnDemo.{key}")

    def pixels(self) -> np.ndarray:
        width, height = self.page.evaluate("[picture.width, picture.height]")
        return np.frombuffer(base64.b64decode(self.page.evaluate(_PIXELS)), np.uint8).reshape(height, width, 4)

    def failed(self, request: Request) -> None:
        # Chromium calls a worker's fetch aborted when its loader is let go with the last byte; what came is hashed by the runtime.
        if request.failure != "net::ERR_ABORTED":
            self.said.append(f"failed: {request.url}, {request.failure}")

    def wait_for_pictures(self, count: int) -> None:
        """Return when the page has shown `count` pictures. A function, since its policy lets no text be evaluated."""
        self.page.wait_for_function("(count) => webkilnDemo.pictures >= count", arg=count, timeout=READY)
        self.wait()

    def choose(self, data: bytes, name: str = "picture.png", mime: str = "image/png") -> None:
        """Give the page a picture, and wait until it is shown."""
        before = self.demo("pictures")
        self.page.set_input_files("#file", {"name": name, "mimeType": mime, "buffer": data})
        self.wait_for_pictures(before + 1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "pose"
    assemble_landmark_page(folder)
    return folder


@pytest.fixture(scope="module")
def reference(site: Path) -> webkiln.Model:
    return webkiln.load(site / "model")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    chromium = playwright.chromium.launch(**launch_options(find_chromium()))
    yield chromium
    chromium.close()


def visit(browser: Browser, server: LocalServer, **options: Any) -> Visit:
    page = browser.new_page(**options)
    found = Visit(page, server.url)
    page.on("request", lambda request: found.requests.append(request.url))
    page.on("console", lambda message: found.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: found.said.append(f"uncaught: {error}"))
    page.on("requestfailed", found.failed)
    page.goto(server.url)
    return found


@pytest.fixture
def shown(browser: Browser, site: Path) -> Iterator[Visit]:
    """The page, ready; it must have nothing to complain of at the end either."""
    with LocalServer({"/": site}) as server:
        found = visit(browser, server)
        found.wait()
        yield found
        assert found.said == []
        found.page.close()


def png(pixels: np.ndarray) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def test_the_landmarks_are_those_of_the_reference(shown: Visit, reference: webkiln.Model) -> None:
    assert shown.demo("error") == ""
    assert shown.demo("presence") > 0.99
    assert 0 < shown.demo("milliseconds") < READY
    landmarks = shown.demo("landmarks")
    assert len(landmarks) == LANDMARKS
    assert landmarks[0]["name"] == "nose"
    assert landmarks[32]["name"] == "right_foot_index"
    width, height = shown.page.evaluate("[picture.width, picture.height]")
    for landmark in landmarks:
        assert 0 < landmark["x"] < width, landmark
        assert 0 < landmark["y"] < height, landmark
    spec = reference.bundle.processing["inputs"][reference.inputs[0].name]
    compare(shown, reference, prepare_picture(shown.pixels(), spec), width, height)


def compare(shown: Visit, reference: webkiln.Model, given: np.ndarray, width: int, height: int) -> None:
    """The page's landmarks and presence are those that the NumPy reference gives for the tensor of its picture."""
    outputs = reference.run({reference.inputs[0].name: given})
    rows = outputs["Identity"].reshape(39, 5)[:LANDMARKS]
    scale = 256 / max(width, height)
    offset = (256 - np.array([width, height]) * scale) / 2
    expected = np.column_stack([(rows[:, :2] - offset) / scale, rows[:, 2] / scale])
    landmarks = shown.demo("landmarks")
    found = np.array([[one["x"], one["y"], one["z"]] for one in landmarks])
    assert np.abs(found - expected).max() <= 0.5
    visibility = np.array([one["visibility"] for one in landmarks])
    np.testing.assert_allclose(visibility, 1 / (1 + np.exp(-rows[:, 3])), atol=1e-3)
    np.testing.assert_allclose(shown.demo("presence"), outputs["Identity_1"].item(), atol=1e-3)


def test_the_sample_shows_a_person_waving(shown: Visit) -> None:
    """A test of sense, which equality with the reference is not: the parts are where they are drawn in person.svg."""
    at = {one["name"]: np.array([one["x"], one["y"]]) for one in shown.demo("landmarks")}
    drawn = {
        "nose": (240, 98),
        "right_wrist": (86, 138),
        "left_wrist": (358, 335),
        "right_shoulder": (188, 172),
        "left_shoulder": (299, 183),
        "left_hip": (271, 342),
        "right_knee": (196, 462),
        "left_ankle": (312, 564),
    }
    for name, place in drawn.items():
        assert np.linalg.norm(at[name] - place) < 20, name


def test_nothing_else_is_asked_for(shown: Visit) -> None:
    assert len(shown.requests) > 10
    assert [url for url in shown.requests if not url.startswith(shown.origin) and not url.startswith("blob:" + shown.origin)] == []
    assert not any("golden" in url for url in shown.requests), "golden vectors are for verify only"


def test_the_model_runs_in_a_worker_under_the_policy(shown: Visit) -> None:
    assert len(shown.page.workers) == 1
    assert "unsafe-inline" not in (policy := shown.page.get_attribute("meta[http-equiv]", "content") or "")
    assert policy.startswith("default-src 'none'")
    # The policy is in force: an inline script must not run, and the browser says so.
    shown.page.evaluate("() => { const s = document.createElement('script'); s.textContent = 'window.injected = 1'; document.body.append(s); }")
    assert shown.page.evaluate("window.injected") is None
    shown.page.wait_for_timeout(50)
    violations = [line for line in shown.said if "Content Security Policy" in line]
    assert len(violations) == 1
    shown.said.remove(violations[0])


def test_the_input_is_a_letterboxed_bilinear_resize(shown: Visit, reference: webkiln.Model) -> None:
    width, height = 97, 61
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    shown.choose(png(pixels))
    compare(shown, reference, letterboxed(pixels, 256)[None].astype(np.float32), width, height)


def letterboxed(pixels: np.ndarray, size: int) -> np.ndarray:
    """Written after docs/format.md, in another way than the page's: the whole picture by matrix products; beside it its edges go on."""
    height, width = pixels.shape[:2]
    scale = size / max(height, width)

    def weights(length: int) -> np.ndarray:
        place = (np.arange(size) + 0.5 - (size - length * scale) / 2) / scale
        at = np.clip(place - 0.5, 0, length - 1)
        return np.clip(1 - np.abs(at[:, None] - np.arange(length)[None, :]), 0, None)

    return np.einsum("yj,xi,jic->yxc", weights(height), weights(width), pixels.astype(np.float64)) / 255


def test_exif_orientation_is_applied(shown: Visit) -> None:
    picture = Image.new("RGB", (40, 20), (200, 30, 30))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° to see it upright
    written = io.BytesIO()
    picture.save(written, "JPEG", exif=exif)
    shown.choose(written.getvalue(), "turned.jpg", "image/jpeg")
    assert shown.page.evaluate("[picture.width, picture.height]") == [20, 40]


def test_a_file_that_is_no_picture_is_refused_and_the_page_goes_on(shown: Visit) -> None:
    before = shown.demo("landmarks")
    shown.page.set_input_files("#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not a picture"})
    shown.page.wait_for_selector("#problem:not([hidden])")
    assert "not a picture" in shown.page.inner_text("#problem")
    shown.wait()
    assert shown.demo("landmarks") == before
    shown.choose(png(np.full((30, 30, 3), 90, np.uint8)))
    assert shown.page.is_hidden("#problem")
    shown.page.click("#sample")
    shown.wait_for_pictures(3)
    assert shown.demo("landmarks") == before


def test_a_dropped_picture_is_taken(shown: Visit) -> None:
    data = base64.b64encode(png(np.full((24, 48, 3), 60, np.uint8))).decode()
    shown.page.evaluate(
        """(data) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          const carried = new DataTransfer();
          carried.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
          for (const kind of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
        }""",
        data,
    )
    shown.wait_for_pictures(2)
    assert shown.page.evaluate("[picture.width, picture.height]") == [48, 24]


def test_the_list_is_used_by_keyboard(shown: Visit) -> None:
    page = shown.page
    assert page.locator("#landmarks [role=option]").count() == LANDMARKS
    page.focus("#landmarks")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("#landmarks [aria-selected=true]")
    assert chosen.count() == 1
    assert chosen.get_attribute("id") == page.get_attribute("#landmarks", "aria-activedescendant")
    assert page.inner_text("#tag") == "left eye"
    assert page.locator(".point.active").get_attribute("data-index") == "2"
    page.keyboard.press("End")
    assert page.inner_text("#tag") == "right foot index"
    page.keyboard.press("ArrowDown")
    assert page.inner_text("#tag") == "right foot index"


def test_a_point_tells_its_name(shown: Visit) -> None:
    shown.page.hover(".point[data-index='15']")
    assert shown.page.inner_text("#tag") == "left wrist"


def test_verify_shows_parity(shown: Visit) -> None:
    shown.page.click("#verify")
    shown.page.wait_for_selector(".verdict", timeout=READY)
    assert shown.page.inner_text(".verdict").startswith("Same numbers as the reference")
    assert shown.page.locator("#parity tbody tr").count() >= 5


def switch(shown: Visit, to: str) -> None:
    before = shown.demo("pictures")
    shown.page.get_by_role("radio", name=to).check(force=True)
    shown.wait_for_pictures(before + 1)


def test_the_switch_shows_both_backends(shown: Visit) -> None:
    page = shown.page
    assert page.get_by_role("radio", name="Auto").is_checked()
    assert shown.demo("backend") == "wasm", "auto, on a renderer that is software"
    assert page.inner_text("#reason").startswith("Now on WASM (")
    assert "SwiftShader" in page.inner_text("#reason")
    assert page.inner_text("#webgl-milliseconds") == "–"
    by_wasm = shown.demo("landmarks")
    switch(shown, "WebGL")
    assert shown.demo("backend") == "webgl"
    assert page.inner_text("#reason").startswith("Now on WebGL: ")
    times = shown.demo("times")
    for backend in ("webgl", "wasm"):
        assert page.inner_text(f"#{backend}-milliseconds") == f"{times[backend]:.1f} ms"
    assert "current" in (page.get_attribute("#webgl-figure", "class") or "")
    points = [np.array([[one["x"], one["y"]] for one in landmarks]) for landmarks in (by_wasm, shown.demo("landmarks"))]
    assert np.abs(points[0] - points[1]).max() < 0.1
    switch(shown, "WASM")
    assert shown.demo("backend") == "wasm"
    assert shown.demo("landmarks") == by_wasm
    assert len(page.workers) == 2, "each backend is loaded once"


def test_the_switch_is_used_by_keyboard(shown: Visit) -> None:
    shown.page.get_by_role("radio", name="Auto").focus()
    shown.page.keyboard.press("ArrowRight")
    shown.wait_for_pictures(2)
    assert shown.demo("backend") == "webgl"


def test_without_webgl_the_page_goes_on(playwright: Playwright, site: Path) -> None:
    options = launch_options(find_chromium())
    with LocalServer({"/": site}) as server:
        arguments = [one for one in options["args"] if "swiftshader" not in one] + ["--disable-gpu", "--disable-software-rasterizer"]
        browser = playwright.chromium.launch(**{**options, "args": arguments})
        shown = visit(browser, server)
        shown.wait()
        before = shown.demo("landmarks")
        shown.page.get_by_role("radio", name="WebGL").check(force=True)
        shown.page.wait_for_selector("#problem:not([hidden])", timeout=READY)
        assert "WebGL" in shown.page.inner_text("#problem")
        shown.wait()
        assert shown.page.get_by_role("radio", name="Auto").is_checked()
        assert shown.demo("landmarks") == before
        browser.close()


@pytest.mark.parametrize("width", [320, 360, 390, 412])
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, site: Path, width: int) -> None:
    with LocalServer({"/": site}) as server:
        found = visit(browser, server, viewport={"width": width, "height": 700})
        found.wait()
        assert found.page.evaluate("document.documentElement.scrollWidth") <= width
        # Nor does a value leave its card.
        over = """() => {
          const card = document.querySelector(".results");
          const edge = card.getBoundingClientRect().right - parseFloat(getComputedStyle(card).paddingRight);
          const text = document.createRange();
          return [...card.querySelectorAll("dt, dd")].filter((one) => {
            text.selectNodeContents(one);
            return text.getBoundingClientRect().right > edge + 1;
          }).map((one) => one.textContent);
        }"""
        assert found.page.evaluate(over) == []
        found.page.close()


def test_names_from_a_model_are_text(browser: Browser, site: Path, tmp_path: Path) -> None:
    attack = "<img src=x onerror=window.injected=1>"
    folder = copied(site, tmp_path)
    model = folder / "model" / "model.json"
    model.write_text(model.read_text().replace('"pose_landmark_lite"', f'"{attack}"').replace('"left_wrist"', f'"{attack}"'))
    with LocalServer({"/": folder}) as server:
        found = visit(browser, server)
        found.wait()
        assert attack in found.page.inner_text("#model")
        assert attack in [one["name"] for one in found.demo("landmarks")]
        assert found.page.locator("img").count() == 0
        assert found.page.evaluate("window.injected") is None
        found.page.close()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "model" / "model.json").unlink(), "model.json"),
        (lambda folder: flip(folder / "model" / "weights-00000.safetensors"), "sha256"),
        (lambda folder: (folder / "webkiln.min.js").unlink(), "webkiln.min.js"),
        (lambda folder: unprocessed(folder / "model" / "model.json"), "convert the model by its gallery name"),
    ],
    ids=["no model", "a wrong hash", "no runtime", "no processing"],
)
def test_what_is_wrong_with_the_folder_is_said(browser: Browser, site: Path, tmp_path: Path, damage: Any, words: str) -> None:
    folder = copied(site, tmp_path)
    damage(folder)
    with LocalServer({"/": folder}) as server:
        found = visit(browser, server)
        found.wait("error")
        assert words in found.page.inner_text("#problem")
        assert words in found.demo("error")
        found.page.close()


def copied(site: Path, where: Path) -> Path:
    return Path(shutil.copytree(site, where / "site"))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def unprocessed(path: Path) -> None:
    model = json.loads(path.read_text())
    del model["processing"]
    path.write_text(json.dumps(model))
