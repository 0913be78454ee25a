"""A page of Chromium whose WebGL can be lost at any call, claim to be another device, be slow, or be missing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from webkiln import Model
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.page import BrowserPage, PageHost
from webkiln.browsers.server import LocalServer
from webkiln.codegen.paths import REPOSITORY, source_folder


class DevicePage:
    """A fresh page, in which no context has been made yet."""

    def __init__(self, runtime: str, *arguments: str) -> None:
        options = launch_options(find_chromium())
        options["args"] = [*options["args"], "--js-flags=--expose-gc", "--enable-precise-memory-info", *arguments]
        self._server = LocalServer()
        self._folder = tempfile.TemporaryDirectory()
        self._server.mount("js", source_folder("js"))
        self.dist = self._server.mount("dist", REPOSITORY / "dist")
        url = self._server.mount("page", Path(__file__).parent / "devices")
        self._models = self._server.mount("models", Path(self._folder.name))
        self.browser = BrowserPage("chromium", options)
        self._url = f"{url}?runtime=../{runtime}"
        self._host = PageHost(self.browser, self._url)

    def address(self, model: Model) -> str:
        name = f"{len(list(Path(self._folder.name).iterdir()))}"
        model.save(Path(self._folder.name) / name)
        return f"{self._models}{name}/model.json"

    def call(self, method: str, timeout: float = 120, **arguments: Any) -> Any:
        return self._host.call(method, arguments, timeout)

    def reload(self) -> None:
        self._host = PageHost(self.browser, self._url)

    def close(self) -> None:
        self._host.close()
        self._server.close()
        self._folder.cleanup()
