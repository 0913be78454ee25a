"""What an importer makes of a file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from webkiln.graph.graph import Graph
from webkiln.graph.signature import Signature


@dataclass
class ImportedModel:
    """`symbols`: constraints on symbolic sizes by name; `metadata`: the keys of the web format's `provenance` that the file knows;
    `operators`: how often each of the source's operators occurs; `format`: as `detect` names it."""

    graph: Graph
    signatures: list[Signature]
    name: str = "model"
    symbols: dict[str, dict[str, int]] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    operators: Counter[str] = field(default_factory=Counter)
    format: str = ""
