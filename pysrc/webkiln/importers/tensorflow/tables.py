"""Tables of keys and values that a graph fills once: what looks something up reads their contents, and not the table."""

from __future__ import annotations

from collections.abc import Sequence

from webkiln.importers.tensorflow.nodes import Node, node_of

FILL = frozenset(("LookupTableImport", "LookupTableImportV2", "InitializeTable", "InitializeTableV2"))
_FIND = frozenset(("LookupTableFind", "LookupTableFindV2"))
_SIZE = frozenset(("LookupTableSize", "LookupTableSizeV2"))


def with_contents(graph: Sequence[Node], initial: Sequence[Node] = ()) -> list[Node]:
    """The nodes of a graph and of what is run once before it, of which those that find keys read (keys, default, all keys, all values), and those
    that count read all keys. What reads a table that is filled never, or more than once, stays as it is.
    """
    nodes = [*graph, *initial]
    by_name = {node.name: node for node in nodes}

    def table(value: str) -> str:
        seen: set[str] = set()
        name = node_of(value)
        while name in by_name and name not in seen and by_name[name].op == "Identity" and by_name[name].inputs:
            seen.add(name)
            name = node_of(by_name[name].inputs[0])
        return name

    contents: dict[str, list[tuple[str, str]]] = {}
    for node in nodes:
        if node.op in FILL and len(node.inputs) == 3:
            contents.setdefault(table(node.inputs[0]), []).append((node.inputs[1], node.inputs[2]))
    found = []
    for node in nodes:
        held = contents.get(table(node.inputs[0]), []) if node.op in _FIND | _SIZE and node.inputs else []
        if len(held) == 1 and node.op in _FIND and len(node.inputs) == 3:
            node = Node(node.name, node.op, (*node.inputs[1:], *held[0]), node.attributes)
        elif len(held) == 1 and node.op in _SIZE:
            node = Node(node.name, node.op, held[0][:1], node.attributes)
        found.append(node)
    return found
