"""What an importer makes of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from webkiln.errors import Unsupported, UnsupportedOperatorError
from webkiln.graph.graph import Graph
from webkiln.graph.signature import Signature
from webkiln.importers.element_symbols import ElementSymbols
from webkiln.importers.inputs import symbols_in


@dataclass
class ImportedModel:
    """`symbols`: constraints on symbolic sizes by name; `metadata`: the keys of the web format's `provenance` that the file knows;
    `processing`: as the web format has it, as far as the file tells; `operators`: how often each of the source's operators occurs; `format`: as `detect` names it."""

    graph: Graph
    signatures: list[Signature]
    name: str = "model"
    symbols: dict[str, dict[str, int]] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    operators: Counter[str] = field(default_factory=Counter)
    format: str = ""
    processing: dict[str, dict[str, Any]] = field(default_factory=dict)


def finished(
    graph: Graph,
    signature: Signature,
    elements: ElementSymbols,
    problems: Sequence[Unsupported],
    *,
    name: str,
    metadata: Mapping[str, str],
    operators: Iterable[str],
    format: str,
) -> ImportedModel:
    """The model of a graph that is called in one way: its outputs are those of the signature. `UnsupportedOperatorError` where there are problems."""
    if problems:
        raise UnsupportedOperatorError(list(problems))
    graph.outputs = list(dict.fromkeys(argument.value for argument in signature.outputs))
    sizes = symbols_in(argument.shape for argument in signature.inputs)
    symbols = {**{symbol: {} for symbol in sizes}, **elements.bind(graph)}
    graph.check()
    return ImportedModel(graph, [signature], name, symbols, dict(metadata), Counter(operators), format)
