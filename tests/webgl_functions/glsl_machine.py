"""A WebGL2 context in a real Chromium, on one of the software drivers, that evaluates GLSL over NumPy arrays."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Page, Playwright, async_playwright
from webkiln.browsers.chromium import find_chromium
from webkiln.browsers.page import EventLoop
from webkiln.codegen.glsl import Function

DRIVERS = {
    "swiftshader": ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
    "llvmpipe": ["--use-gl=angle", "--use-angle=gl-egl", "--ignore-gpu-blocklist"],
}
_PAGE = Path(__file__).with_name("page.js")
_TIMEOUT = 60.0


def gather(library: Mapping[str, Function], needs: Iterable[str]) -> str:
    """The code of functions and of all that they need, in the library's order."""
    wanted: set[str] = set()
    waiting = list(needs)
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += library[name].needs
    return "\n".join(function.code for name, function in library.items() if name in wanted)


class Gpu:
    """One driver. `renderer` is what it calls itself."""

    def __init__(self, driver: str) -> None:
        self.driver = driver
        self._loop = EventLoop()
        self._playwright: Playwright | None = None
        try:
            self._page = self._loop.run(self._open(), _TIMEOUT)
            self.renderer: str = self._run("globalThis.renderer()")
            if driver not in self.renderer.lower():
                raise RuntimeError(f"Chromium gave {self.renderer!r} where {driver} was asked for")
        except BaseException:
            self.close()
            raise

    async def _open(self) -> Page:
        arguments = [*DRIVERS[self.driver], "--disable-background-networking", "--disable-dev-shm-usage"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            arguments.append("--no-sandbox")
        self._playwright = await async_playwright().start()
        browser = await self._playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        page = await browser.new_page()
        await page.evaluate(_PAGE.read_text(encoding="utf-8"))
        return page

    def _run(self, script: str, argument: object = None) -> Any:
        return self._loop.run(self._page.evaluate(script, argument), _TIMEOUT)

    def evaluate(self, code: str, expression: str, *operands: np.ndarray, invariant: bool = True) -> np.ndarray:
        """`expression` over the operands `x0`, `x1`, … (float32 of one shape), with the GLSL functions in `code`.

        `invariant`: whether the program's output is declared so, as the runtime's are.
        """
        result = self._run(
            "(work) => globalThis.evaluate(work)",
            {
                "code": code,
                "expression": expression,
                "operands": [
                    base64.b64encode(np.ascontiguousarray(one, np.float32).tobytes()).decode() for one in operands
                ],
                "invariant": invariant,
            },
        )
        return np.frombuffer(base64.b64decode(result), np.float32).reshape(operands[0].shape)

    def close(self) -> None:
        if self._playwright:
            self._loop.run(self._playwright.stop(), _TIMEOUT)  # with its browser
        self._loop.close()
