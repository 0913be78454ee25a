"""The demos in Chromium, with a fake camera, as `webkiln demo gallery` assembles them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_site import READY, camera_film, camera_options, visit
from playwright.sync_api import Browser, Playwright, sync_playwright
from webkiln import gallery
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.server import LocalServer
from webkiln.codegen.paths import demos_folder
from webkiln.demos import DEMOS

SEEING = [name for name, demo in DEMOS.items() if demo.samples]
"""Those that look at pictures."""
SMALLEST = "background-blur"
PHONE = {"width": 390, "height": 844}
WAITING = """() => {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  setInterval(() => context.fillRect(0, 0, 300, 150), 50);
  const stream = canvas.captureStream(20);
  navigator.mediaDevices.getUserMedia = () => new Promise((resolve) => (globalThis.allow = () => resolve(stream)));
  globalThis.isFilmed = () => stream.getTracks().some((track) => track.readyState === "live");
}"""
"""A camera that begins when it is allowed, and whether it is on."""
COUNTING = """(() => {
  globalThis.listening = 0;
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  AbortSignal.prototype.addEventListener = function (...given) { globalThis.listening += 1; addEventListener.apply(this, given); };
  AbortSignal.prototype.removeEventListener = function (...given) { globalThis.listening -= 1; removeEventListener.apply(this, given); };
})()"""
REFUSING = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{}'))"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with LocalServer({"/": site}, isolated=False) as server:
        yield server.url


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    astronaut = gallery.fetch_sample("face_landmark")
    assert astronaut is not None
    film = camera_film(astronaut, tmp_path_factory.mktemp("camera") / "camera.y4m")
    chromium = playwright.chromium.launch(**camera_options(film))
    yield chromium
    chromium.close()


@pytest.mark.parametrize("name", SEEING)
def test_sample_and_camera_give_results(browser: Browser, address: str, name: str) -> None:
    with visit(browser, f"{address}{name}.html") as shown:
        shown.wait_for_frames(3)
        assert shown.state("source") == "the sample"
        assert not re.search("nobody|no face", shown.page.inner_text(".said").lower())
        shown.button("Camera").click()
        shown.page.wait_for_function("() => webkilnDemo.source === 'the camera'", timeout=READY)
        shown.wait_for_frames(5)
        assert shown.page.evaluate("[webkilnDemo.result.width, webkilnDemo.result.height]") == [640, 480]
        assert shown.page.get_by_label("Mirrored").is_checked()
        assert shown.state("fps") > 0
        assert not re.search("nobody|no face", shown.page.inner_text(".said").lower())
        assert shown.page.locator(".stages tr").count() >= 3
        assert shown.said == []
        assert [url for url in shown.requests if not url.removeprefix("blob:").startswith(address)] == []


def test_twenty_seconds_without_error_or_growing_memory(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}{SMALLEST}.html") as shown:
        session = shown.page.context.new_cdp_session(shown.page)
        shown.button("Camera").click()
        shown.page.wait_for_function("() => webkilnDemo.source === 'the camera'", timeout=READY)
        used = []
        for _ in range(4):
            shown.wait_for_frames()
            shown.page.wait_for_timeout(5000)
            session.send("HeapProfiler.collectGarbage")
            used.append(session.send("Runtime.getHeapUsage")["usedSize"])
        assert max(used[1:]) - used[0] < 2**20, used
        assert shown.said == []


def test_a_refused_camera_is_said_and_the_sample_goes_on(browser: Browser, address: str) -> None:
    for refusal, words in (("NotAllowedError", "not allowed"), ("NotFoundError", "No camera")):
        with visit(browser, f"{address}{SMALLEST}.html", before=lambda page, refusal=refusal: page.add_init_script(REFUSING.format(refusal))) as shown:
            shown.wait_for_frames()
            shown.button("Camera").click()
            assert words in shown.wait_for_problem()
            assert "instead" not in shown.page.inner_text(".problem")
            before = shown.state("frames")
            shown.page.wait_for_function("(before) => webkilnDemo.frames > before + 2", arg=before, timeout=READY)
            assert shown.state("source") == "the sample"


def test_the_sample_is_shown_where_a_camera_is_refused_at_a_still(browser: Browser, address: str, site: Path) -> None:
    with visit(browser, f"{address}{SMALLEST}.html", before=lambda page: page.add_init_script(REFUSING.format("NotFoundError"))) as shown:
        shown.wait_for_frames()
        shown.page.set_input_files("input[type=file]", site / "samples" / "person.jpg")
        shown.page.wait_for_function("() => webkilnDemo.source === 'person.jpg'", timeout=READY)
        shown.button("Camera").click()
        shown.page.wait_for_function("() => webkilnDemo.source === 'the sample'", timeout=READY)
        assert shown.page.inner_text(".problem") == "No camera was found. This is the sample instead."


def test_a_page_without_cameras_says_so(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}{SMALLEST}.html", before=lambda page: page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")) as shown:
        shown.wait_for_frames()
        shown.button("Camera").click()
        assert "no camera here" in shown.wait_for_problem()


def test_without_webgl_it_goes_on_in_wasm(playwright: Playwright, address: str) -> None:
    options = launch_options(find_chromium())
    arguments = [one for one in options["args"] if "swiftshader" not in one] + ["--disable-gpu", "--disable-software-rasterizer"]
    chromium = playwright.chromium.launch(**{**options, "args": arguments})
    with visit(chromium, f"{address}{SMALLEST}.html") as shown:
        shown.wait_for_frames()
        shown.page.get_by_role("radio", name="WebGL").check(force=True)
        assert "WebGL" in shown.wait_for_problem()
        assert shown.page.get_by_role("radio", name="Auto").is_checked()
        before = shown.state("frames")
        shown.page.wait_for_function("(before) => webkilnDemo.frames > before", arg=before, timeout=READY)
    chromium.close()


def test_another_backend_is_taken_and_shown(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}{SMALLEST}.html") as shown:
        shown.wait_for_frames()
        shown.page.get_by_role("radio", name="Auto").focus()
        shown.page.keyboard.press("ArrowRight")
        shown.page.wait_for_function("() => Object.values(webkilnDemo.backends).includes('webgl')", timeout=READY)
        shown.wait_for_frames(2)
        assert "WebGL" in shown.page.inner_text(".figures")


def test_the_latest_choice_wins(browser: Browser, address: str) -> None:
    """Also over the one at the start, and whichever comes first; tasks that come too late are let go."""
    with visit(browser, f"{address}{SMALLEST}.html") as shown:
        for name in ("WebGL", "WASM"):
            shown.page.get_by_role("radio", name=name).check(force=True)
        shown.page.wait_for_selector(".loading", state="hidden", timeout=READY)
        for _ in range(100):
            if len(shown.page.workers) == 1:
                break
            shown.page.wait_for_timeout(100)
        assert len(shown.page.workers) == 1
        shown.wait_for_frames(2)
        assert set(shown.state("backends").values()) == {"wasm"}
        assert "WASM" in shown.page.inner_text(".figures")
        assert shown.page.get_by_role("radio", name="WASM").is_checked()


def test_a_camera_that_comes_too_late_is_let_go(browser: Browser, address: str, site: Path) -> None:
    with visit(browser, f"{address}{SMALLEST}.html") as shown:
        shown.page.evaluate(WAITING)
        shown.button("Camera").click()
        shown.page.set_input_files("input[type=file]", site / "samples" / "person.jpg")
        shown.page.wait_for_function("() => webkilnDemo.source === 'person.jpg'", timeout=READY)
        assert shown.page.evaluate("isFilmed()")
        shown.page.evaluate("allow()")
        shown.page.wait_for_function("() => !isFilmed()", timeout=READY)
        assert shown.state("source") == "person.jpg"
        assert shown.state("error") == ""


def test_no_frame_leaves_a_listener(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}{SMALLEST}.html", before=lambda page: page.add_init_script(COUNTING)) as shown:
        for source in ("the sample", "the camera"):
            if source == "the camera":
                shown.button("Camera").click()
                shown.page.wait_for_function("() => webkilnDemo.source === 'the camera'", timeout=READY)
            shown.wait_for_frames(2)
            before = shown.page.evaluate("listening")
            shown.wait_for_frames(8)
            assert abs(shown.page.evaluate("listening") - before) <= 2


@pytest.mark.parametrize(("name", "file"), [(SMALLEST, "webkiln.tasks.min.js"), ("voice-activity", "webkiln.tasks.min.js"), ("avatar", "webkiln.avatar.min.js")])
def test_a_missing_script_of_the_runtime_is_said(browser: Browser, address: str, name: str, file: str) -> None:
    with visit(browser, f"{address}{name}.html", before=lambda page: page.route(f"**/{file}", lambda route: route.abort())) as shown:
        assert f"runtime/{file} did not load" in shown.wait_for_problem()
        assert file in shown.state("error")


def test_a_missing_model_is_said_and_the_sample_is_there(browser: Browser, site: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(site, tmp_path / "site", ignore=shutil.ignore_patterns("*-single.html", "models")))
    with LocalServer({"/": folder}, isolated=False) as server, visit(browser, f"{server.url}{SMALLEST}.html") as shown:
        assert "only the picture" in shown.wait_for_problem()
        assert len(set(shown.page.evaluate("[...document.querySelector('.frame canvas').getContext('2d').getImageData(200, 100, 30, 1).data]"))) > 5


def test_pause_holds_the_picture(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}{SMALLEST}.html") as shown:
        shown.wait_for_frames()
        shown.button("Pause").press("Enter")
        shown.page.wait_for_timeout(500)
        held = shown.state("frames")
        shown.page.wait_for_timeout(500)
        assert shown.state("frames") == held
        shown.button("Go on").press("Enter")
        shown.wait_for_frames(2)


def test_a_control_changes_what_stands_still(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}{SMALLEST}.html", reduced_motion="reduce") as shown:
        shown.wait_for_frames()
        assert shown.state("result.shown") == "blur"
        shown.page.get_by_role("radio", name="The mask").check(force=True)
        shown.page.wait_for_function("() => webkilnDemo.result.shown === 'mask'", timeout=READY)
        shown.page.wait_for_timeout(300)
        assert shown.state("frames") == 2
    with visit(browser, f"{address}{SMALLEST}.html") as shown:
        shown.wait_for_frames()
        shown.button("Pause").click()
        shown.page.wait_for_timeout(500)
        held = shown.state("frames")
        shown.page.get_by_role("radio", name="One colour").check(force=True)
        shown.page.wait_for_function("() => webkilnDemo.result.shown === 'color'", timeout=READY)
        shown.page.wait_for_timeout(300)
        assert shown.state("frames") == held + 1


def test_files_are_taken_and_others_refused(browser: Browser, address: str, site: Path) -> None:
    with visit(browser, f"{address}{SMALLEST}.html") as shown:
        shown.wait_for_frames()
        chooser = shown.page.locator("input[type=file]")
        chooser.set_input_files(site / "samples" / "person.jpg")
        shown.page.wait_for_function("() => webkilnDemo.source === 'person.jpg' && webkilnDemo.result.timestamp === null", timeout=READY)
        assert shown.button("Pause").is_hidden()
        chooser.set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"words"})
        assert "neither a picture nor a video" in shown.wait_for_problem()
        chooser.set_input_files({"name": "broken.png", "mimeType": "image/png", "buffer": b"words"})
        shown.page.wait_for_function("() => webkilnDemo.error.includes('not a picture')", timeout=READY)


def test_a_still_where_less_motion_is_wished(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}{SMALLEST}.html", reduced_motion="reduce") as shown:
        shown.wait_for_frames()
        shown.page.wait_for_timeout(300)
        assert shown.state("frames") == 1


def test_the_policy_is_strict(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}{SMALLEST}.html") as shown:
        shown.wait_for_frames()
        policy = shown.page.get_attribute("meta[http-equiv]", "content") or ""
        assert policy.startswith("default-src 'none'")
        assert "unsafe-inline" not in policy
        shown.page.evaluate("() => { const s = document.createElement('script'); s.textContent = 'window.injected = 1'; document.body.append(s); }")
        assert shown.page.evaluate("window.injected") is None


@pytest.mark.parametrize("name", ["index", *SEEING])
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, address: str, name: str) -> None:
    with visit(browser, f"{address}{name}.html", viewport=PHONE) as shown:
        shown.page.wait_for_selector(".actions" if name in SEEING else ".cards")
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("name", SEEING)
def test_the_single_file_works_from_disk(browser: Browser, site: Path, name: str) -> None:
    with visit(browser, (site / f"{name}-single.html").as_uri()) as shown:
        shown.wait_for_frames(2)
        assert shown.said == []
        assert [url for url in shown.requests if not url.startswith(("blob:", "data:", site.as_uri()))] == []


def test_the_single_file_works_in_a_sandboxed_frame(browser: Browser, site: Path) -> None:
    with visit(browser, "about:blank") as shown:
        text = (site / f"{SMALLEST}-single.html").read_text()
        shown.page.evaluate("(text) => { const frame = document.createElement('iframe'); frame.sandbox = 'allow-scripts'; frame.srcdoc = text; document.body.append(frame); }", text)
        shown.page.wait_for_timeout(500)
        frame = shown.page.frames[1]
        frame.wait_for_function("() => globalThis.webkilnDemo?.frames > 1 || globalThis.webkilnDemo?.error", timeout=READY)
        assert frame.evaluate("webkilnDemo.error") == ""


def test_the_playground_gets_the_page_at_a_click(browser: Browser, address: str, site: Path) -> None:
    with visit(browser, f"{address}{SMALLEST}.html") as shown:
        sent = []
        shown.page.context.route("https://stackblitz.com/**", lambda route: (sent.append(route.request.post_data), route.fulfill(body="taken"))[1])
        shown.wait_for_frames()
        assert sent == []
        with shown.page.expect_popup() as popup:
            shown.button("Open in a playground").click()
        popup.value.wait_for_load_state()
        popup.value.close()
        fields = urllib.parse.parse_qs(sent[0])
        assert fields["project[template]"] == ["html"]
        assert fields["project[files][index.html]"][0].replace("\r\n", "\n") == (site / f"{SMALLEST}-single.html").read_text()


def test_the_gallery_links_every_demo_with_a_picture(browser: Browser, address: str, site: Path) -> None:
    with visit(browser, address) as shown:
        shown.page.wait_for_load_state()
        assert shown.page.eval_on_selector_all(".cards a", "links => links.map(link => link.getAttribute('href'))") == [f"{name}.html" for name in DEMOS]
        assert shown.page.eval_on_selector_all(".cards img", "images => images.map(image => image.naturalWidth > 0)") == [True] * len(DEMOS)
        assert shown.said == []
    assert max(path.stat().st_size for path in (site / "pictures").iterdir()) < 30_000


def test_licences_lie_beside_what_has_other_code_inside(site: Path) -> None:
    assert "three" in (site / "runtime" / "webkiln.character.licenses.txt").read_text()


@pytest.mark.parametrize("name", DEMOS)
def test_a_demo_is_a_short_page(name: str) -> None:
    assert len((demos_folder() / f"{name}.html").read_text().splitlines()) < 200


def test_npm_start_serves_the_folder_and_nothing_else(site: Path) -> None:
    script = json.loads((site / "package.json").read_text())["scripts"]["start"]
    server = subprocess.Popen([*script.split(), "0"], cwd=site, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        assert urllib.request.urlopen(url).read() == (site / "index.html").read_bytes()
        wasm = urllib.request.urlopen(url + "runtime/webkiln-plain.wasm")
        assert wasm.headers["Content-Type"] == "application/wasm"
        for path in ("nothing.html", "..%2f..%2f..%2fetc/passwd", "%"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(url + path)
    finally:
        server.kill()
        server.wait()
