"""A page with the WebGL backend from the source modules, at a chosen R and with forced limits, on one of the software drivers."""

from __future__ import annotations

import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save
from webkiln import Model
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.page import BrowserPage, PageHost
from webkiln.browsers.server import LocalServer
from webkiln.codegen.paths import dist_folder, source_folder

DRIVERS = {
    "swiftshader": ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
    "llvmpipe": ["--use-gl=angle", "--use-angle=gl-egl", "--ignore-gpu-blocklist"],
}
LIMITS = {"textureSize": 2048, "textureUnits": 16, "attachments": 4}


_saved: weakref.WeakKeyDictionary[Model, tempfile.TemporaryDirectory[str]] = weakref.WeakKeyDictionary()


def saved(model: Model) -> Path:
    """The model's folder in the web format: written once, since its golden vectors take a while, and gone with the model."""
    if model not in _saved:
        _saved[model] = tempfile.TemporaryDirectory(prefix="webkiln-webgl-")
        model.save(_saved[model].name)
    return Path(_saved[model].name)


class WebglSession:
    """One browser on one driver; close it."""

    def __init__(self, driver: str, timeout: float = 300.0) -> None:
        self._server = LocalServer(exchange=True)
        self._timeout = timeout
        options = launch_options(find_chromium())
        others = {argument for arguments in DRIVERS.values() for argument in arguments}
        options["args"] = [argument for argument in options["args"] if argument not in others] + DRIVERS[driver]
        self._server.mount("js", source_folder("js"))
        self._server.mount("dist", dist_folder())
        url = self._server.mount("page", Path(__file__).parent / "page")
        self._host = PageHost(BrowserPage("chromium", options), url)

    def load(self, model: Model, layers: int, limits: dict[str, int] | None = None, **options: Any) -> dict[str, Any]:
        """The page's `id` of the model and its `plan`."""
        folder = saved(model)
        url = self._server.mount(f"models/{folder.name}", folder) + "model.json"
        arguments = {"url": url, "options": {"layers": layers, "limits": limits or LIMITS, **options}}
        return self._host.call("load", arguments, self._timeout)

    def run(self, loaded: dict[str, Any], inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = self._server.put(save({name: np.asarray(array, order="C") for name, array in inputs.items()}))
        wanted = self._server.reserve()
        try:
            self.milliseconds = self._host.call(
                "run", {"id": loaded["id"], "inputs": given, "outputs": wanted}, self._timeout
            )["milliseconds"]
            return load(self._server.take(wanted))
        finally:
            self._server.discard(given)
            self._server.discard(wanted)

    def call(self, method: str, **arguments: Any) -> Any:
        return self._host.call(method, arguments, self._timeout)

    def dispose(self, loaded: dict[str, Any]) -> None:
        self._host.call("dispose", {"id": loaded["id"]}, self._timeout)

    def close(self) -> None:
        self._host.close()
        self._server.close()
