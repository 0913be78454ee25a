"""A page with the bundle of the tasks as its one script."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser
from webkiln.codegen.paths import dist_folder

STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'"
PAGE = "<!doctype html><meta charset=utf-8><script src='{dist}webkiln.tasks.min.js'></script><script src='{page}tasks.js'></script>"


def make_folder(made: Path) -> Path:
    """The page and its scripts; `save_models` puts models beside it."""
    (made / "dist").symlink_to(dist_folder())
    (made / "page").symlink_to(Path(__file__).with_name("page"))
    (made / "index.html").write_text(PAGE.format(dist="dist/", page="page/"))
    return made


@contextmanager
def opened(browser: Browser, address: str) -> Iterator[Any]:
    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    try:
        page.goto(address)
        page.wait_for_function("document.documentElement.dataset.ready")
        yield page
    finally:
        page.close()
    assert [text for text in problems if "favicon" not in text and "404" not in text] == []


def call(page: Any, method: str, *args: Any) -> Any:
    return page.evaluate("([method, args]) => tests[method](...args)", [method, list(args)])


def given(pixels: np.ndarray) -> dict[str, Any]:
    height, width = pixels.shape[:2]
    rgba = np.concatenate([pixels, np.full((height, width, 1), 255, np.uint8)], axis=2)
    return {"rgba": base64.b64encode(rgba.tobytes()).decode(), "width": width, "height": height}
