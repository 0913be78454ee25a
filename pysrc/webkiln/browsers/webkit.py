"""Finding WebKitGTK and driving a page of it through WebDriver."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from pathlib import Path
from typing import Any

from webkiln.browsers.display import Display
from webkiln.browsers.host import LAUNCH_TIMEOUT, result_of, timed_out
from webkiln.errors import BrowserError

_MINI_BROWSER = (
    "/usr/lib/*/webkit2gtk-4.*/MiniBrowser",
    "/usr/lib/*/webkitgtk-6.*/MiniBrowser",
    "/usr/libexec/webkit2gtk-4.*/MiniBrowser",
    "/usr/libexec/webkitgtk-6.*/MiniBrowser",
    "/usr/lib/webkit2gtk-4.*/MiniBrowser",
)

_CALL = """
const [method, args, done] = arguments;
globalThis.webkilnSession.call(method, args).then(done, (error) => done({ error: { kind: error.name, message: error.message } }));
"""

_READY = """
const [done] = arguments;
const look = () => {
  if (globalThis.webkilnSession) done(null);
  else if (globalThis.webkilnFailure) done(globalThis.webkilnFailure);
  else setTimeout(look, 20);
};
look();
"""


def find_webkit() -> tuple[str, str]:
    """The paths of WebKitWebDriver and of MiniBrowser (`WEBKILN_WEBKIT` overrides it); raises `BrowserError`."""
    driver = shutil.which("WebKitWebDriver")
    given = os.environ.get("WEBKILN_WEBKIT")
    if given and not Path(given).is_file():
        raise BrowserError(f"WEBKILN_WEBKIT is {given!r}, which is not a file")
    browser = given or shutil.which("MiniBrowser") or _mini_browser()
    if driver is None or browser is None:
        missing = " and ".join(name for name, path in (("WebKitWebDriver", driver), ("MiniBrowser", browser)) if not path)
        raise BrowserError(f"WebKitGTK was not found ({missing}). Debian: apt-get install webkit2gtk-driver xvfb")
    return driver, browser


def _mini_browser() -> str | None:
    for pattern in _MINI_BROWSER:
        found = sorted(Path("/").glob(pattern.removeprefix("/")))
        if found:
            return str(found[-1])
    return None


class WebKitHost:
    """A session host in a page of WebKitGTK's MiniBrowser, at the address `url`.

    With `relaxed`, relaxed SIMD is switched on in the browser. Raises `BrowserError`.
    """

    def __init__(self, url: str, relaxed: bool | None = None) -> None:
        driver_path, browser_path = find_webkit()
        try:
            from selenium import webdriver
            from selenium.common.exceptions import TimeoutException, WebDriverException
            from urllib3.exceptions import HTTPError
        except ImportError:
            raise BrowserError("driving WebKitGTK needs selenium: pip install selenium") from None
        self._failure = WebDriverException
        self._timeouts = (TimeoutException, HTTPError)
        self.description = "WebKitGTK"
        self._driver: Any = None
        self._service: Any = None
        self._display = Display()
        environment = self._display.environment
        if relaxed:
            environment["JSC_useWasmRelaxedSIMD"] = "1"
        options = webdriver.WebKitGTKOptions()
        options.binary_location = browser_path
        options.add_argument("--automation")
        self._service = webdriver.WebKitGTKService(executable_path=driver_path, env=environment, popen_kw={"start_new_session": True})
        try:
            self._driver = webdriver.WebKitGTK(options=options, service=self._service)
            self.description = f"WebKitGTK {self._driver.capabilities.get('browserVersion', '')}".rstrip()
            self._driver.set_page_load_timeout(LAUNCH_TIMEOUT)
            self._driver.get(url)
            failure = self._script(_READY, [], "load the session page", LAUNCH_TIMEOUT)
            if failure:
                raise BrowserError(f"{self.description} could not load the session page: {failure}")
        except self._failure as error:
            self.close()
            raise BrowserError(f"{self.description} did not start: {error.msg}") from error
        except BaseException:
            self.close()
            raise

    def call(self, method: str, arguments: dict[str, Any], timeout: float) -> Any:
        return result_of(self._script(_CALL, [method, arguments], method, timeout), self.description)

    def _script(self, source: str, arguments: list[Any], what: str, timeout: float) -> Any:
        if self._driver is None:
            raise BrowserError(f"{self.description} is closed")
        try:
            self._driver.set_script_timeout(timeout)
            # The script timeout counts nothing while the page is busy; the connection's own does.
            self._driver.command_executor.client_config.timeout = timeout + 1
            return self._driver.execute_async_script(source, *arguments)
        except self._timeouts:
            raise timed_out(self.description, what, timeout) from None
        except self._failure as error:
            raise BrowserError(f"{self.description}: {error.msg}") from error

    def close(self) -> None:
        driver, self._driver = self._driver, None
        service, self._service = self._service, None
        try:
            if driver is not None:
                driver.command_executor.client_config.timeout = 5
                with contextlib.suppress(Exception):  # a page that hangs can't be asked to go: it is killed below
                    driver.quit()
        finally:
            if service is not None and service.process is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(service.process.pid, signal.SIGKILL)
            self._display.close()
