"""A graph with all that a model carries beside it. Importers make one, the web format stores one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from webkiln.graph.graph import Graph
from webkiln.graph.signature import Signature


@dataclass
class Bundle:
    """`symbols`: constraints on symbolic dimensions; `processing`, `provenance`: as in docs/format.md; `golden`: the stored golden vectors."""

    graph: Graph
    signatures: list[Signature]
    name: str = "model"
    symbols: dict[str, dict[str, int]] = field(default_factory=dict)
    processing: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, str] = field(default_factory=dict)
