"""Demos as folders that any static server can serve."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from webkiln import gallery
from webkiln.codegen.paths import demos_folder
from webkiln.demos import page
from webkiln.demos.page import Note
from webkiln.demos.single_file import render
from webkiln.demos.table import SAMPLES, Demo
from webkiln.errors import WebkilnError
from webkiln.version import VERSION

_CARDS = '<ul class="cards">'

RUNTIME_FILES = ("webkiln.tasks.min.js", "webkiln.min.js", "webkiln-plain.wasm", "webkiln-relaxed.wasm")


def assemble(demo: Demo, folder: Path, *, single_file: bool = False, note: Note = lambda text: None) -> None:
    """Write the demo as `index.html` with all that it needs into `folder`; with `single_file`, also in one file, `NAME-single.html`."""
    folder.mkdir(parents=True, exist_ok=True)
    _add_shared([demo], folder, note)
    _add_page(demo, folder, "index.html", single_file)
    _add_server(demo.name, folder)


def assemble_gallery(demos: Iterable[Demo], folder: Path, *, single_file: bool = False, note: Note = lambda text: None) -> None:
    """Write a page that shows the demos, and each as `NAME.html`, with all that they need into `folder`."""
    demos = list(demos)
    folder.mkdir(parents=True, exist_ok=True)
    _add_shared(demos, folder, note)
    for demo in demos:
        _add_page(demo, folder, f"{demo.name}.html", single_file)
    text = page.read("index.html").replace(_CARDS, "\n".join([_CARDS, *map(_card, demos)]), 1)
    for path in [*page.STYLE.findall(text), *page.ICON.findall(text), *re.findall(r'<img src="([^"]+)"', text)]:
        _copy(page.source(path), folder / path)
    (folder / "index.html").write_text(page.with_policy(text, page.SERVED_POLICY), encoding="utf-8")
    _add_server("demos", folder)


def _card(demo: Demo) -> str:
    (title,) = re.findall(r"<h1>(.*?)</h1>", page.read(f"{demo.name}.html"))
    picture = f'<img src="pictures/{demo.name}.svg" alt="" width="320" height="200">'
    return f'<li><a href="{demo.name}.html">{picture}<h2>{title}</h2><p>{html.escape(demo.text[0].upper() + demo.text[1:])}.</p></a></li>'


def _add_page(demo: Demo, folder: Path, file: str, single_file: bool) -> None:
    text = page.read(f"{demo.name}.html")
    script = page.script_of(text, demo.name)
    for path, module in page.modules_from(page.imports(script, "")).items():
        _write(folder / path, module)
    for path in [*page.SCRIPT.findall(text), *page.STYLE.findall(text), *page.ICON.findall(text)]:
        _copy(page.source(path), folder / path)
        if (licences := page.licences_of(path)) is not None:
            _copy(licences, folder / page.RUNTIME / licences.name)
    _write(folder / f"{demo.name}.js", script)
    served = page.MODULE.sub(lambda _: f'<script type="module" src="{demo.name}.js"></script>', text)
    if single_file:
        single = f"{demo.name}-single.html"
        served = served.replace("<html ", f'<html data-single="{single}" ', 1)
        _write(folder / single, render(text, demo, folder))
    _write(folder / file, page.with_policy(served, page.SERVED_POLICY))


def _add_shared(demos: list[Demo], folder: Path, note: Note) -> None:
    for file in RUNTIME_FILES:
        _copy(page.source(page.RUNTIME + file), folder / page.RUNTIME / file)
    for model in dict.fromkeys(model for demo in demos for model in demo.models):
        note(f"converting {model}")
        gallery.convert(model, note=note).save(folder / "models" / model, force=True)
    for sample in dict.fromkeys(sample for demo in demos for sample in demo.samples):
        _copy(_sample(sample, note), folder / "samples" / sample)


def _sample(name: str, note: Note) -> Path:
    kind, _, model = SAMPLES[name].partition("gallery:")
    if not model:
        return demos_folder() / kind
    found = gallery.fetch_sample(model, note=note)
    if found is None:
        raise WebkilnError(f"the gallery model {model} has no sample, which a demo wants")
    return found


def _add_server(name: str, folder: Path) -> None:
    """What `npm start` serves the folder with."""
    _copy(page.source("shell/serve.mjs"), folder / "serve.mjs")
    described = {"name": f"webkiln-{name}", "version": VERSION, "private": True, "type": "module", "license": "Apache-2.0", "scripts": {"start": "node serve.mjs"}}
    _write(folder / "package.json", json.dumps(described, indent=2) + "\n")


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
