"""Demos as visitors see them: the folder that is served, what a camera sees, and a page with all that it said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, Request
from webkiln.browsers.chromium import find_chromium, launch_options

READY = 60_000
"""Milliseconds, on a slow machine."""

CAMERA_SIZE = 640, 480


def camera_film(picture: Path, path: Path, frames: int = 12) -> Path:
    """A picture that goes to and fro, as YUV4MPEG2 with the range and matrix of BT.601, which Chromium takes for a camera and repeats."""
    width, height = CAMERA_SIZE
    still = Image.open(picture).convert("RGB").resize((height, height))
    data = [b"YUV4MPEG2 W%d H%d F30:1 Ip A1:1 C420\n" % CAMERA_SIZE]
    for k in range(frames):
        frame = Image.new("RGB", CAMERA_SIZE, (150, 150, 150))
        frame.paste(still, (80 + round(12 * np.sin(2 * np.pi * k / frames)), 0))
        red, green, blue = np.moveaxis(np.asarray(frame, np.float64) / 255, -1, 0)
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        chroma = [(plane - luma).reshape(height // 2, 2, width // 2, 2).mean((1, 3)) / size for plane, size in ((blue, 1.772), (red, 1.402))]
        planes = [16 + 219 * luma, *(128 + 224 * plane for plane in chroma)]
        data += [b"FRAME\n", *(np.round(plane).astype(np.uint8).tobytes() for plane in planes)]
    path.write_bytes(b"".join(data))
    return path


def camera_options(film: Path) -> dict[str, Any]:
    """How Chromium is started with a camera that sees the film."""
    options = launch_options(find_chromium())
    faked = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    return {**options, "args": [*options["args"], *faked]}


@dataclass
class Shown:
    page: Page
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def state(self, key: str) -> Any:
        return self.page.evaluate(f"webkilnDemo.{key}")

    def wait_for_frames(self, more: int = 1) -> int:
        """Return when so many further results are there; how many there are then. An error in the page is one here."""
        wanted = self.page.evaluate("globalThis.webkilnDemo?.frames ?? 0") + more
        self.page.wait_for_function("(wanted) => globalThis.webkilnDemo?.frames >= wanted || globalThis.webkilnDemo?.error", arg=wanted, timeout=READY)
        assert self.state("error") == ""
        return int(self.state("frames"))

    def wait_for_problem(self) -> str:
        self.page.wait_for_selector(".problem:not([hidden])", timeout=READY)
        return self.page.inner_text(".problem")

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True)

    def failed(self, request: Request) -> None:
        # Chromium calls a worker's fetch aborted when its loader is let go with the last byte; what came is hashed by the runtime.
        if request.failure != "net::ERR_ABORTED":
            self.said.append(f"failed: {request.url}, {request.failure}")


@contextmanager
def visit(browser: Browser, address: str, *, before: Callable[[Page], object] = lambda page: None, **options: Any) -> Iterator[Shown]:
    page = browser.new_page(**options)
    shown = Shown(page)
    page.on("request", lambda request: shown.requests.append(request.url))
    page.on("console", lambda message: shown.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: shown.said.append(f"uncaught: {error}"))
    page.on("requestfailed", shown.failed)
    before(page)
    page.goto(address)
    yield shown
    page.close()
