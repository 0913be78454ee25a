"""`webkiln ops --source`: the operators of the sources, as a table or as the page docs/coverage.md."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from webkiln.commands.terminal import table
from webkiln.importers.coverage import Source, sources
from webkiln.ops import OPERATORS
from webkiln.ops.backends import has_webgl

COMMAND = "webkiln ops --source all --markdown > docs/coverage.md"
ALL = "all"
_HEADINGS = ("operator", "numpy", "wasm", "webgl", "note")
_HEAD = f"""\
# The operators of the sources

<!-- Written from the importers by `{COMMAND}`. Do not edit. -->

Which operators of ONNX, TFLite and TensorFlow models are converted. A converted operator is expressed in
[canonical operators](operators.md), all of which NumPy and WASM have. On the backend `webgl` a model runs too, whatever it is made of:
what WebGL has no kernel for are segments on WASM of the same plan (`webkiln inspect MODEL --backend webgl` shows them). In the column *webgl*,
*yes* stands for an operator all of which has WebGL kernels; of the others, the canonical operators named after *wasm* are in such segments, as
far as inputs and attributes need them. Integers always are.

An operator may be refused for certain attributes or element types. A model with anything that is not converted is refused at conversion, with
all of it told at once; *not yet* means that nothing but work stands against it.
"""


def command(source: str, *, markdown: bool) -> bool:
    chosen = {key: one for key, one in sources().items() if source in (ALL, key)}
    if markdown:
        print(page(chosen), end="")
        return True
    for one in chosen.values():
        table(_HEADINGS, list(_rows(one)), title=_title(one))
    return True


def page(chosen: dict[str, Source]) -> str:
    """The page about these sources, in Markdown."""
    parts = [_HEAD]
    for one in chosen.values():
        rows = "\n".join(f"| `{name}` | {' | '.join(cells)} |" for name, *cells in _rows(one))
        parts.append(f"## {_title(one)}\n\n| {' | '.join(_HEADINGS)} |\n|{'---|' * len(_HEADINGS)}\n{rows}\n")
    return "\n".join(parts)


def _title(one: Source) -> str:
    whole = sum(_webgl(made) == "yes" for made in one.converted.values())
    return f"{one.title} ({len(one.converted)} of {len(one.converted) + len(one.left_out)}, {whole} as a whole on WebGL)"


def _rows(one: Source) -> Iterator[tuple[str, ...]]:
    for name in sorted((*one.converted, *one.left_out)):
        reason = one.left_out.get(name)
        yield (name, "yes", "yes", _webgl(one.converted[name]), "") if reason is None else (name, "no", "no", "no", reason)


def _webgl(made: Collection[str]) -> str:
    """Whether all that an operator becomes has WebGL kernels, or else what has none."""
    left = sorted(op for op in made if not has_webgl(OPERATORS[op]))
    return f"wasm: {', '.join(left)}" if left else "yes"
