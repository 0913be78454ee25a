"""Driving a page of Chromium or Firefox through Playwright."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from webkiln.browsers.host import LAUNCH_TIMEOUT, result_of, timed_out
from webkiln.errors import BrowserError

T = TypeVar("T")

_CALL = "([method, args]) => globalThis.webkilnSession.call(method, args)"


class EventLoop:
    """An asyncio loop in a thread of its own.

    With it several browsers can be open at once, a page that hangs blocks nobody, and it works where the caller has a
    loop already, such as in a notebook.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="webkiln-browser", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        """The result of `work`; raises `TimeoutError` after `timeout` seconds."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout)
        except concurrent.futures.TimeoutError:
            raise TimeoutError from None
        finally:
            future.cancel()

    def close(self, last: Coroutine[Any, Any, None] | None = None, timeout: float = 20.0) -> None:
        """End, after `last`, which gets at most `timeout` seconds and whose errors don't count.

        An interrupt ends the waiting for it, not the work: what `last` has to end would stay until this process ends.
        """

        async def end() -> None:
            try:
                if last is not None:
                    with contextlib.suppress(Exception):
                        await asyncio.wait_for(last, timeout)
            finally:
                self._loop.stop()

        asyncio.run_coroutine_threadsafe(end(), self._loop)
        self._thread.join(timeout + 5)


class BrowserPage:
    """One headless page of a browser: `kind` is Playwright's name for it, `options` are those of its `launch`.

    Raises `BrowserError` when Playwright is missing or the browser doesn't start.
    """

    def __init__(self, kind: str, options: dict[str, Any]) -> None:
        try:
            from playwright.async_api import Error
        except ImportError:
            raise BrowserError(
                f"driving {kind} needs Playwright: pip install playwright (its browsers are not needed when the system has "
                "one); `--browser node` needs neither"
            ) from None
        self._error = Error
        self.description = kind.capitalize()
        self.console: list[str] = []
        self._crashed: asyncio.Event | None = None
        self._driver: asyncio.Task[Any] | None = None
        self._browser: Any = None
        self._page: Any = None
        self._loop: EventLoop | None = EventLoop()
        try:
            self._run(self._launch(kind, options), LAUNCH_TIMEOUT, "start")
        except BaseException:
            self.close()
            raise

    async def _launch(self, kind: str, options: dict[str, Any]) -> None:
        from playwright.async_api import async_playwright

        # Not to be cancelled: a driver that is still starting can't be told to end.
        self._driver = asyncio.ensure_future(async_playwright().start())
        playwright = await asyncio.shield(self._driver)
        self._browser = await getattr(playwright, kind).launch(**options)
        self.description = f"{kind.capitalize()} {self._browser.version}"
        self._page = await self._browser.new_page()
        self._crashed = asyncio.Event()
        crashed = self._crashed
        self._page.on("crash", lambda _: crashed.set())
        self._page.on("pageerror", lambda error: self._remember(f"uncaught {error}"))
        self._page.on("console", lambda message: self._remember(f"{message.type}: {message.text}"))
        self._browser.on("disconnected", lambda _: crashed.set())

    def _remember(self, line: str) -> None:
        self.console.append(line)
        del self.console[:-50]

    def open(self, url: str, timeout: float = LAUNCH_TIMEOUT) -> None:
        """Load a page; returns when its `load` event has fired."""
        self._check_open()
        self._run(self._page.goto(url, timeout=timeout * 1000), timeout + 5, "load its page")

    def evaluate(
        self, expression: str, argument: Any = None, timeout: float = LAUNCH_TIMEOUT, what: str = "a question"
    ) -> Any:
        """The JSON value of a JavaScript expression or function, promises awaited; `what` names it in a timeout's text."""
        self._check_open()
        return self._run(self._watched(self._page.evaluate(expression, argument)), timeout, what)

    def wait_for(self, expression: str, timeout: float) -> None:
        """Return when a JavaScript expression is truthy; raises `BrowserError` when it isn't within `timeout` seconds."""
        # Asked from here again and again: a page whose content security policy forbids eval would refuse to poll by itself.
        deadline = time.monotonic() + timeout
        while not self.evaluate(f"Boolean({expression})", timeout=timeout + 5, what=expression):
            if time.monotonic() > deadline:
                raise timed_out(self.description, expression, timeout)
            time.sleep(0.02)

    async def _watched(self, work: Coroutine[Any, Any, Any]) -> Any:
        """`work`, given up when the page crashes, which Playwright alone would wait out."""
        assert self._crashed is not None
        task = asyncio.ensure_future(work)
        crash = asyncio.ensure_future(self._crashed.wait())
        try:
            await asyncio.wait({task, crash}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise BrowserError(f"{self.description} crashed, or ran out of memory{self._heard()}")
            return task.result()
        finally:
            crash.cancel()
            task.cancel()

    def _run(self, work: Coroutine[Any, Any, T], timeout: float, what: str) -> T:
        assert self._loop is not None
        try:
            return self._loop.run(work, timeout)
        except TimeoutError:
            raise timed_out(self.description, what, timeout) from None
        except self._error as error:
            raise BrowserError(f"{self.description}: {_first_lines(str(error))}{self._heard()}") from error

    def _check_open(self) -> None:
        if self._loop is None:
            raise BrowserError(f"{self.description} is closed")

    def _heard(self) -> str:
        return "; the page said: " + " | ".join(self.console[-3:]) if self.console else ""

    def close(self) -> None:
        """End the browser and Playwright's driver. Safe to call again."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.close(self._end())

    async def _end(self) -> None:
        try:
            if self._browser is not None:
                await asyncio.wait_for(self._browser.close(), 8)
        finally:
            if self._driver is not None:
                await (await self._driver).stop()  # which takes its browsers along


class PageHost:
    """A session host in a browser page, at the address `url`. The page is the host's from then on: it is closed when it fails."""

    def __init__(self, page: BrowserPage, url: str) -> None:
        self._page = page
        self.description = page.description
        try:
            page.open(url)
            page.wait_for("globalThis.webkilnSession !== undefined || globalThis.webkilnFailure !== undefined", LAUNCH_TIMEOUT)
            failure = page.evaluate("globalThis.webkilnFailure")
            if failure:
                raise BrowserError(f"{self.description} could not load the session page: {failure}")
        except BaseException:
            page.close()
            raise

    def call(self, method: str, arguments: dict[str, Any], timeout: float) -> Any:
        answer = self._page.evaluate(_CALL, [method, arguments], timeout, method)
        return result_of(answer, self.description)

    def close(self) -> None:
        self._page.close()


def _first_lines(text: str, count: int = 6) -> str:
    return "\n".join(text.strip().splitlines()[:count])
