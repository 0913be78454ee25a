"""Running models where users run them: in Node or in a real browser, from Python."""

from __future__ import annotations

import contextlib
import os
import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from webkiln.browsers import chromium, firefox
from webkiln.browsers.display import Display
from webkiln.browsers.host import Host
from webkiln.browsers.node import NodeHost
from webkiln.browsers.page import BrowserPage, PageHost
from webkiln.browsers.server import LocalServer
from webkiln.browsers.webkit import WebKitHost
from webkiln.codegen.paths import dist_folder, is_repository, source_folder
from webkiln.errors import BrowserError, FormatError
from webkiln.graph.dtypes import CANONICAL, as_source
from webkiln.model import Model, load

Array = NDArray[Any]

BROWSERS = ("node", "chromium", "firefox", "webkit")
BACKENDS = ("auto", "wasm", "webgl")

NO_WEBGL_IN_NODE = "Node has no WebGL: take a browser (chromium, firefox or webkit) for it, or the backend wasm"

KEPT_MODELS = 4
"""How many models a session keeps loaded; the least recently used one goes."""


def pairings(backends: Iterable[str], browsers: Iterable[str]) -> list[tuple[str, str]]:
    """Each backend in each browser, `(backend, browser)`, browser by browser. WebGL is not asked of Node where a browser is given too."""
    wanted, hosts = list(dict.fromkeys(backends)), list(dict.fromkeys(browsers))
    pairs = [(backend, browser) for browser in hosts for backend in wanted]
    return pairs if hosts == ["node"] else [pair for pair in pairs if pair != ("webgl", "node")]


@dataclass(frozen=True)
class Bench:
    """Times of single runs, in milliseconds, after warming up."""

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.samples)

    @property
    def minimum(self) -> float:
        return min(self.samples)


@dataclass(frozen=True)
class _Loaded:
    source: Model | str  # kept, so that its identity stays its own
    model: Model
    number: int  # the host's id
    prefix: str
    folder: tempfile.TemporaryDirectory[str] | None
    backend: str
    build: str
    reason: str
    plan: dict[str, Any]


class Session:
    """One browser, or one Node process, for any number of models; a context manager.

    `backend` is `"auto"`, `"wasm"` or `"webgl"`, as for the runtime's `load`; `reason` tells what `"auto"` took. `browser` is `"node"`, which
    has no WebGL, `"chromium"`, which renders in software, the same everywhere, `"firefox"` or `"webkit"`. `minified` chooses the
    bundle that users load, else the source modules. `relaxed` forces the relaxed SIMD build (True) or the plain one
    (False). `timeout` is the number of seconds that one call may take.

    Models are `Model` objects, or paths of folders in the web format; each is loaded once and found again by identity.
    Raises `BrowserError` when the browser is missing or fails; what the runtime refuses is raised as the same exception
    as in Python (`InputError`, `FormatError`, `HashError`, …).
    """

    def __init__(
        self,
        backend: str = "auto",
        browser: str = "chromium",
        *,
        minified: bool = True,
        relaxed: bool | None = None,
        timeout: float = 300.0,
    ) -> None:
        if backend == "webgpu":
            raise BrowserError("the backend 'webgpu' is not in this version; use backend='wasm' or backend='webgl'")
        if backend not in BACKENDS:
            raise BrowserError(f"there is no backend {backend!r}; known: {', '.join(BACKENDS)}")
        if browser not in BROWSERS:
            raise BrowserError(f"there is no browser {browser!r}; known: {', '.join(BROWSERS)}")
        if (backend, browser) == ("webgl", "node"):
            raise BrowserError(NO_WEBGL_IN_NODE)
        self.backend = backend
        self.browser = browser
        self.timeout = timeout
        self._relaxed = relaxed
        self._models: OrderedDict[object, _Loaded] = OrderedDict()
        self._counter = 0
        stack = contextlib.ExitStack()
        # Also at the interpreter's end, and when the session is forgotten without being closed.
        self._end = weakref.finalize(self, stack.close)
        try:
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="webkiln-session-")))
            self._server = stack.enter_context(LocalServer(exchange=True))
            self._host = _start(browser, self._server, minified, relaxed, stack)
        except BaseException:
            self._end()
            raise

    @property
    def description(self) -> str:
        """What runs the models, as in `Chromium 156.0`."""
        return self._host.description

    def run(self, model: Model | str | os.PathLike[str], inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Outputs by name, each of the source's dtype; `inputs` by name, as for `Model.run`."""
        loaded = self._loaded(model)
        outputs = self._exchange("run", loaded, inputs)
        return {
            argument.name: _as_source(outputs, argument.name, argument.dtype, self.description)
            for argument in loaded.model.outputs
        }

    def trace(self, model: Model | str | os.PathLike[str], inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Every value that a node of the graph makes, by its name in the graph, computed without fusion."""
        loaded = self._loaded(model)
        values = self._exchange("trace", loaded, inputs)
        graph = loaded.model.graph
        return {name: values[name].astype(CANONICAL[graph.values[name].dtype]) for name in graph.producers() if name in values}

    def snapshot(
        self, model: Model | str | os.PathLike[str], inputs: Mapping[str, ArrayLike]
    ) -> tuple[bytes, dict[str, Any]]:
        """The WASM memory as a run starts, and where its commands (`begin`, `end`) and `outputs` are: the same run can be
        made by any other WASM engine."""
        loaded = self._loaded(model)
        given = self._server.put(_packed(loaded.model, inputs))
        wanted = self._server.reserve()
        try:
            where = self._call("snapshot", {"id": loaded.number, "inputs": given, "memory": wanted})
            return self._server.take(wanted), cast("dict[str, Any]", where)
        finally:
            self._server.discard(given)
            self._server.discard(wanted)

    def bench(
        self,
        model: Model | str | os.PathLike[str],
        inputs: Mapping[str, ArrayLike],
        *,
        warmup: int = 3,
        runs: int = 50,
        seconds: float = 10.0,
    ) -> Bench:
        """Times of at most `runs` runs, or of as many as fit into `seconds`, after `warmup` runs that don't count."""
        loaded = self._loaded(model)
        address = self._server.put(_packed(loaded.model, inputs))
        try:
            arguments = {"id": loaded.number, "inputs": address, "warmup": warmup, "runs": runs, "seconds": seconds}
            result = self._call("bench", arguments, self.timeout + seconds)
        finally:
            self._server.discard(address)
        samples = tuple(float(sample) for sample in result["samples"])
        if not samples:
            raise BrowserError(f"{self.description} took no measurements")
        return Bench(samples)

    def profile(self, model: Model | str | os.PathLike[str]) -> dict[str, Any]:
        """Where memory and time go: the runtime's plan (`segments`, `arenaBytes`, `intermediateBytes`, `weightBytes`), and
        `milliseconds` and `commands` of profiled runs."""
        loaded = self._loaded(model)
        return {**loaded.plan, **self._call("profile", {"id": loaded.number})}

    def plan(self, model: Model | str | os.PathLike[str]) -> dict[str, Any]:
        """Only the plan; empty for a model with symbolic shapes that has not run yet."""
        return dict(self._loaded(model).plan)

    def verify(self, model: Model | str | os.PathLike[str]) -> dict[str, Any]:
        """The runtime's own report of the model's golden vectors, as users get it on their device."""
        return cast("dict[str, Any]", self._call("verify", {"id": self._loaded(model).number}))

    def reset(self, model: Model | str | os.PathLike[str]) -> None:
        """Put the model's state back to its initial value."""
        self._call("reset", {"id": self._loaded(model).number})

    def build(self, model: Model | str | os.PathLike[str]) -> tuple[str, str]:
        """The backend that a model runs on, and its build, as in `("wasm", "relaxed")`."""
        loaded = self._loaded(model)
        return loaded.backend, loaded.build

    def reason(self, model: Model | str | os.PathLike[str]) -> str:
        """Why a model runs on its backend, as in `wasm: the renderer llvmpipe runs on the processor`."""
        return self._loaded(model).reason

    def close(self) -> None:
        """End the browser, the server and the temporary files. Safe to call again."""
        self._models.clear()
        self._end()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, method: str, arguments: dict[str, Any], timeout: float | None = None) -> Any:
        return self._host.call(method, arguments, timeout or self.timeout)

    def _exchange(self, method: str, loaded: _Loaded, inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
        from safetensors.numpy import load as unpack

        given = self._server.put(_packed(loaded.model, inputs))
        wanted = self._server.reserve()
        try:
            self._call(method, {"id": loaded.number, "inputs": given, "outputs": wanted})
            return unpack(self._server.take(wanted))
        finally:
            self._server.discard(given)
            self._server.discard(wanted)

    def _loaded(self, source: Model | str | os.PathLike[str]) -> _Loaded:
        if not self._end.alive:
            raise BrowserError("the session is closed")
        if not isinstance(source, Model):
            source = os.path.realpath(source)
        key: object = source if isinstance(source, str) else id(source)
        if key in self._models:
            self._models.move_to_end(key)
            return self._models[key]
        while len(self._models) >= KEPT_MODELS:
            self._forget(self._models.popitem(last=False)[1])
        loaded = self._load(source)
        self._models[key] = loaded
        return loaded

    def _load(self, source: Model | str) -> _Loaded:
        self._counter += 1
        prefix = f"models/{self._counter}"
        kept: tempfile.TemporaryDirectory[str] | None = None
        if isinstance(source, Model):
            model = source
            kept = tempfile.TemporaryDirectory(dir=self._folder)
            folder = Path(kept.name, "model")
            model.save(folder)
        else:
            folder = Path(source)
            if not folder.joinpath("model.json").is_file():
                raise FormatError(f"{source} is not a folder in the web format: it has no model.json")
            model = load(folder)
        url = self._server.mount(prefix, folder) + "model.json"
        options: dict[str, Any] = {"backend": self.backend}
        if self._relaxed is False:
            options["relaxed"] = False
        try:
            result = self._call("load", {"url": url, "options": options})
            build = str(result.get("build", ""))
            if self._relaxed and build != "relaxed":
                raise BrowserError(f"{self.description} has no relaxed SIMD: it took the build {build!r}")
        except BaseException:
            self._server.unmount(prefix)
            if kept is not None:
                kept.cleanup()
            raise
        backend, reason = str(result.get("backend", "")), str(result.get("reason", ""))
        return _Loaded(source, model, result["id"], prefix, kept, backend, build, reason, result.get("plan") or {})

    def _forget(self, loaded: _Loaded) -> None:
        self._server.unmount(loaded.prefix)
        try:
            self._call("dispose", {"id": loaded.number})
        finally:
            if loaded.folder is not None:
                loaded.folder.cleanup()


def _start(browser: str, server: LocalServer, minified: bool, relaxed: bool | None, stack: contextlib.ExitStack) -> Host:
    """The host in its page or process, its end put on `stack`."""
    dist = dist_folder()
    from_source = not minified and is_repository()
    bundle = "webkiln.min.mjs" if minified else "webkiln.mjs"
    runtime = source_folder("js") / "index.js" if from_source else dist / bundle
    if browser == "node":
        node = NodeHost(dist / "session_node.mjs", [runtime.as_uri()], relaxed=relaxed is not False)
        stack.callback(node.close)
        return node
    server.mount("dist", dist)
    if from_source:
        server.mount("js", source_folder("js"))
    page_url = server.mount("page", Path(__file__).parent / "session_page")
    url = f"{page_url}?runtime=../{runtime.parent.name}/{runtime.name}"
    if browser == "webkit":
        webkit = WebKitHost(url, relaxed=relaxed)
        stack.callback(webkit.close)
        return webkit
    if browser == "firefox":
        display = Display()
        stack.callback(display.close)
        page = BrowserPage("firefox", firefox.launch_options(firefox.find_firefox(), display.environment))
    else:
        page = BrowserPage("chromium", chromium.launch_options(chromium.find_chromium()))
    host = PageHost(page, url)
    stack.callback(host.close)
    return host


def _packed(model: Model, inputs: Mapping[str, ArrayLike]) -> bytes:
    """The inputs, checked against the signature, as a safetensors file. Raises `InputError`."""
    from safetensors.numpy import save

    return save({name: np.asarray(array, order="C") for name, array in model.check_inputs(inputs).items()})


def _as_source(outputs: Mapping[str, Array], name: str, dtype: str, host: str) -> Array:
    if name not in outputs:
        raise BrowserError(f"{host} sent no output {name!r}; it sent: {', '.join(outputs) or 'none'}")
    return as_source(outputs[name], dtype)
