"""The demo read-a-picture in Chromium: its sample, pictures that are chosen and pasted, and what is copied."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_site import READY, Shown, visit
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, sync_playwright
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.server import LocalServer
from webkiln.codegen.paths import demos_folder

NAME = "read-a-picture"
PHONE = {"width": 390, "height": 844}
PASTE = """(bytes) => {
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([Uint8Array.from(bytes)], "pasted.png", { type: "image/png" }));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
}"""


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with LocalServer({"/": site}, isolated=False) as server:
        yield f"{server.url}{NAME}.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**launch_options(find_chromium()))
        yield chromium
        chromium.close()


def png(text: str, degrees: int = 0) -> bytes:
    image = Image.new("RGB", (260, 96), "white")
    ImageDraw.Draw(image).text((20, 26), text, fill="black", font=ImageFont.load_default(32))
    written = io.BytesIO()
    image.rotate(degrees, expand=True).save(written, "PNG")
    return written.getvalue()


def lines(shown: Shown) -> list[str]:
    return [line.replace(" ", "") for line in shown.page.locator(".lines button").all_inner_texts()]


def test_the_sample_is_read_and_copied(browser: Browser, address: str) -> None:
    with visit(browser, address, reduced_motion="reduce", viewport=PHONE) as shown:
        shown.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        shown.wait_for_frames()
        assert lines(shown) == ["CORNERBAKERY", "Twoloavesofbread", "7.80", "Coffee", "2.50", "Total", "10.30", "Thankyou,comeagain!"]
        assert "8 lines" in shown.page.inner_text(".said")
        shown.button("Copy all").press("Enter")
        shown.page.wait_for_function("() => document.querySelector('.panel [role=status]').textContent === 'Copied.'", timeout=READY)
        assert "".join(shown.page.evaluate("navigator.clipboard.readText()").split()) == "".join(lines(shown))
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert shown.said == []
        assert [url for url in shown.requests if not url.removeprefix("blob:").startswith(address.rpartition("/")[0])] == []


def test_the_sample_turns(browser: Browser, address: str) -> None:
    with visit(browser, address) as shown:
        shown.wait_for_frames(1)
        first = shown.state("result.lines[0].region.rotation")
        shown.wait_for_frames(1)
        assert abs(shown.state("result.lines[0].region.rotation") - first) > 0.001
        assert lines(shown)[0] == "CORNERBAKERY"
        assert shown.said == []


def test_pictures_chosen_and_pasted(browser: Browser, address: str) -> None:
    with visit(browser, address, reduced_motion="reduce") as shown:
        shown.wait_for_frames()
        shown.page.locator("input[type=file]").set_input_files({"name": "upside down.png", "mimeType": "image/png", "buffer": png("Upside down", 180)})
        shown.page.wait_for_function("() => webkilnDemo.source === 'upside down.png'", timeout=READY)
        shown.page.wait_for_function("() => webkilnDemo.result.width === 260 || webkilnDemo.error", timeout=READY)
        assert lines(shown) == ["Upsidedown"]
        shown.page.evaluate(PASTE, list(png("Out of a clip", 90)))
        shown.page.wait_for_function("() => webkilnDemo.result.width === 96 || webkilnDemo.error", timeout=READY)
        assert lines(shown) == ["Outofaclip"]
        shown.page.evaluate(PASTE, list(png("")))
        shown.page.wait_for_function("() => webkilnDemo.result.width === 260 || webkilnDemo.error", timeout=READY)
        assert lines(shown) == []
        assert "no text" in shown.page.inner_text(".said")
        assert shown.button("Copy all").is_disabled()
        assert shown.said == []


def test_the_single_file_works_from_disk(browser: Browser, site: Path) -> None:
    with visit(browser, (site / f"{NAME}-single.html").as_uri(), reduced_motion="reduce") as shown:
        shown.wait_for_frames()
        assert len(lines(shown)) == 8
        assert shown.said == []


def test_it_is_a_short_page() -> None:
    assert len((demos_folder() / f"{NAME}.html").read_text().splitlines()) < 200
