"""A demo in one HTML file: it asks nothing of any network, so that it works from disk and in a sandboxed frame."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from webkiln.demos import page
from webkiln.demos.table import Demo
from webkiln.handover.single_file import inline_script

PREFIX = "webkiln-demo/"
"""Of modules in the import map: a page in a frame has no address that relative ones would be relative to."""

WORKER_SCRIPTS = (f"{page.RUNTIME}webkiln.min.js", f"{page.RUNTIME}webkiln.tasks.min.js")
"""What of the page's scripts a worker gets, too; in this order."""

BUILDS = ("webkiln-plain.wasm", "webkiln-relaxed.wasm")


def render(text: str, demo: Demo, folder: Path) -> str:
    """The page `text` of the demo with everything inside; models, samples and builds are those in `folder`."""
    script = page.script_of(text, demo.name)
    modules = page.modules_from(page.imports(script, ""))
    addresses = {PREFIX + path: _data_address(page.renamed(module, path, PREFIX), "text/javascript") for path, module in modules.items()}
    imports = f'<script type="importmap">{json.dumps({"imports": addresses})}</script>\n'
    files = [path for model in demo.models for path in sorted((folder / "models" / model).iterdir()) if "golden" not in path.name]
    files += [folder / "samples" / sample for sample in demo.samples] + [folder / page.RUNTIME / build for build in BUILDS]
    blocks = "".join(_block(path.relative_to(folder).as_posix(), path.read_bytes()) for path in files)

    text = page.ICON.sub(lambda found: f'<link rel="icon" href="{_data_address(page.read(found[1]), "image/svg+xml")}">', text)
    text = page.STYLE.sub(lambda found: f"<style>\n{page.read(found[1])}</style>", text)
    # The runtime goes first: the tasks take it where it is there already.
    inlined = "".join(_inline(path) for path in [WORKER_SCRIPTS[0], *page.SCRIPT.findall(text)])
    text = page.SCRIPT.sub("", text)
    last = inline_script(demo.name, page.renamed(script, "", PREFIX))
    text = page.MODULE.sub(lambda _: f'{blocks}{inlined}{imports}<script type="module">\n{last}</script>', text)
    return page.with_policy(text, page.SINGLE_POLICY)


def _inline(path: str) -> str:
    mark = " data-worker" if path in WORKER_SCRIPTS else ""
    return f"<script{mark}>{inline_script(path, page.read(path))}</script>\n"


def _block(path: str, data: bytes) -> str:
    return f'<script type="application/octet-stream" data-file="{path}">{base64.b64encode(data).decode()}</script>\n'


def _data_address(text: str, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(text.encode()).decode()}"
