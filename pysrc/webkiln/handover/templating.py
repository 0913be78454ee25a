"""Rendering. A model's names and texts are data: whatever a template writes, they are escaped for it."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"

_LINE_ENDS = {"\u2028": "\\u2028", "\u2029": "\\u2029"}


def render(template: str, **values: Any) -> str:
    """The text of a template; names that end with `.html.j2` are escaped as HTML, others by the filters below."""
    return _environment().get_template(template).render(**values)


def stylesheet() -> str:
    return (TEMPLATES / "page.css").read_text(encoding="utf-8")


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(literal=literal, comment=comment, sentence=sentence, md=markdown, md_code=markdown_code)
    return environment


def literal(value: Any) -> Markup:
    """A value as a JavaScript literal that may stand in any script, also one inside of HTML."""
    text = json.dumps(value, ensure_ascii=False)
    for mark, code in {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", **_LINE_ENDS}.items():
        text = text.replace(mark, code)
    return Markup(text)


def sentence(text: object) -> str:
    """Text with a capital at its beginning and a full stop at its end."""
    line = str(text).strip()
    return line[:1].upper() + line[1:] + ("" if line.endswith((".", "!", "?")) else ".")


def comment(text: object) -> str:
    """Text in a JavaScript comment: on one line, and not ending it."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", str(text)).replace("*/", "* /").replace("/*", "/ *")


def markdown(text: object) -> str:
    """Text in Markdown: on one line, nothing in it markup, HTML or a cell's end."""
    line = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", str(text))
    line = re.sub(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w))", r"\\\1", line)
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def markdown_code(text: object) -> str:
    """Text in a code span of Markdown."""
    line = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", str(text)).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    ticks = "`" * (longest + 1)
    return f"{ticks} {line} {ticks}" if "`" in line else f"{ticks}{line}{ticks}"
