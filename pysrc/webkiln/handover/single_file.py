"""Everything in one HTML file: it asks nothing of any network, so that it works from disk and in a sandboxed frame."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from markupsafe import Markup

from webkiln.errors import WebkilnError
from webkiln.handover.facts import Facts
from webkiln.handover.templating import render as render_template

SCRIPTS = ("webkiln.min.js", "webkiln.results.min.js", "webkiln.page.min.js")
BUILDS = ("webkiln-plain.wasm", "webkiln-relaxed.wasm")


def render(facts: Facts, model: Path, contents: Mapping[str, bytes], runtime: Callable[[str], bytes]) -> bytes:
    """The page with the model in the folder `model`; `contents` has what is written beside the pages, `runtime` gives the runtime's files."""
    files = {f"model/{path.name}": path.read_bytes() for path in facts.files(model)}
    files |= {name: runtime(name) for name in BUILDS}
    files |= {name: contents[name] for name in ("reference.json", facts.sample) if name in contents}
    text = render_template(
        "single.html.j2",
        facts=facts,
        address="model/model.json",
        reference="reference.json" if "reference.json" in contents else "",
        files={name: Markup(base64.b64encode(data).decode()) for name, data in files.items()},
        scripts=[inline_script(name, runtime(name).decode()) for name in SCRIPTS],
        style=Markup(runtime("webkiln.page.css").decode()),
    )
    return text.encode()


def inline_script(name: str, script: str) -> Markup:
    """A script for the inside of an HTML file, which may neither end it nor open a comment there."""
    # In strings and regular expressions, the only places where a minified script has it, "<\/script" means the same.
    script = re.sub(r"</(script)", r"<\\/\1", script, flags=re.IGNORECASE)
    if re.search(r"<!--|<script", script, re.IGNORECASE):
        raise WebkilnError(f"{name} cannot stand inside of an HTML file, since it holds markup; report this")
    return Markup(script)
