"""A page that loads models from the source modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from webkiln.browsers.server import LocalServer
from webkiln.codegen.paths import source_folder
from webkiln.model import Model


class Site:
    """A page with the source modules, and models beside it."""

    def __init__(self, browser: Any, server: LocalServer, folder: Path) -> None:
        server.mount("js", source_folder("js"))
        server.mount("dist", source_folder("js").parent / "dist")
        url = server.mount("page", Path(__file__).with_name("page"))
        self.models = server.mount("models", folder)
        self.folder = folder
        self.page = browser.new_page()
        self.page.goto(url + "index.html")
        self.page.wait_for_selector("html[data-ready]", timeout=30_000)

    def save(self, name: str, model: Model) -> str:
        if not (self.folder / name).exists():
            model.save(self.folder / name)
        return f"{self.models}{name}/model.json"

    def call(self, method: str, *args: Any) -> Any:
        return self.page.evaluate("([method, args]) => tests[method](...args)", [method, list(args)])
