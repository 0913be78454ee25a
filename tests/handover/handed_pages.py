"""Visiting the pages that were written."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Frame, Page
from webkiln.browsers.server import LocalServer

READY = 60_000  # milliseconds, on a slow machine


@dataclass
class Visit:
    """A page with everything that it asked for and said."""

    page: Page
    frame: Frame | Page
    origin: str = ""
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def wait(self, *states: str) -> None:
        """Return when the page is in one of the states, "ready" by default."""
        self.frame.wait_for_selector(", ".join(f"html[data-state={state}]" for state in states or ("ready",)), timeout=READY)

    def seen(self, key: str) -> Any:
        return self.frame.evaluate(f"webkilnPage.{key}")

    def after(self, change: Any) -> None:
        """Change something, and return when its result is shown."""
        before = self.seen("runs")
        change()
        self.frame.wait_for_function("(runs) => webkilnPage.runs > runs", arg=before, timeout=READY)
        self.wait()

    def overflow(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


class Visits:
    """Opens pages from a folder that is served, from disk, and as the content of a sandboxed frame."""

    def __init__(self, browser: Browser) -> None:
        self.kind = browser.browser_type
        self._browser = browser
        self._open = ExitStack()

    def serve(self, folder: Path, path: str = "", **options: Any) -> Visit:
        server = self._open.enter_context(LocalServer({"/": folder}))
        return self._visit(server.url + path, server.url, **options)

    def disk(self, file: Path, **options: Any) -> Visit:
        return self._visit(file.as_uri(), file.as_uri(), **options)

    def frame(self, file: Path, tmp_path: Path) -> Visit:
        """The file as the `srcdoc` of a frame in which scripts run, and nothing else is allowed: its origin is opaque."""
        escaped = file.read_text(encoding="utf-8").replace("&", "&amp;").replace('"', "&quot;")
        outer = tmp_path / "outer.html"
        outer.write_text(f'<!doctype html><meta charset="utf-8"><iframe sandbox="allow-scripts" width="900" height="900" srcdoc="{escaped}"></iframe>')
        visit = self.disk(outer)
        visit.frame = visit.page.frames[1]
        return visit

    def _visit(self, url: str, origin: str, **options: Any) -> Visit:
        page = self._browser.new_page(**options)
        self._open.callback(page.close)
        visit = Visit(page, page, origin)
        page.on("request", lambda request: visit.requests.append(request.url))
        page.on("console", lambda message: visit.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: visit.said.append(f"uncaught: {error}"))
        page.goto(url)
        return visit

    def close(self) -> None:
        self._open.close()
