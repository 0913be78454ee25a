"""Transposes: pushed towards the results, where they meet others and cancel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from webkiln.errors import ShapeError
from webkiln.graph.graph import Graph, Node
from webkiln.ops import OPERATORS
from webkiln.ops.table import Unavailable
from webkiln.passes.dead_code import remove_dead_code
from webkiln.passes.rewrite import Rewrite, is_symbolic, rewrite


def move_transposes(graph: Graph) -> Graph:
    """Push transposes through the operators whose `layout` column allows it, merge them, cancel them, fold them into weights.

    The result is taken when it has fewer transposes, or as many over fewer elements.
    """
    simpler = merge_transposes(graph)
    if not any(node.op == "transpose" for node in simpler.nodes):
        return simpler
    moved = remove_dead_code(merge_transposes(_push_all(simpler)))
    return moved if transpose_cost(moved) < transpose_cost(simpler) else simpler


def transpose_cost(graph: Graph) -> tuple[int, float]:
    """How many transposes a graph has, and over how many elements (a symbolic size counts as 256)."""
    moved = [graph.values[node.outputs[0]].shape for node in graph.nodes if node.op == "transpose"]
    return len(moved), sum(math.prod(size if isinstance(size, int) else 256 for size in shape) for shape in moved)


def merge_transposes(graph: Graph) -> Graph:
    """Let a transpose of a transpose be one; one that moves only axes of size 1 becomes a reshape."""
    return rewrite(graph, _merge)


def _merge(graph: Rewrite, node: Node) -> str | None:
    if node.op != "transpose":
        return None
    source, permutation = node.inputs[0], list(node.attributes["permutation"])
    inner = graph.maker(source, "transpose")
    if inner is not None:
        source = inner.inputs[0]
        permutation = [inner.attributes["permutation"][axis] for axis in permutation]
    if permutation == sorted(permutation):
        return source
    shape = graph.shape(source)
    moving = [axis for axis in permutation if shape[axis] != 1]
    if moving == sorted(moving):
        return graph.add("reshape", [source], {"shape": [shape[axis] for axis in permutation]}, instead_of=node)
    return graph.add("transpose", [source], {"permutation": permutation}, instead_of=node) if inner is not None else None


def _push_all(graph: Graph) -> Graph:
    consumers = graph.consumers()

    def visit(rebuilt: Rewrite, node: Node) -> str | None:
        if node.op == "matmul":
            return _into_weights(rebuilt, node)
        permutation = _common_permutation(rebuilt, node)
        if permutation is None or not all(_worthwhile(graph, rebuilt, consumers, name) for name in node.inputs if rebuilt.maker(name, "transpose")):
            return None
        return _push(rebuilt, node, permutation)

    return rewrite(graph, visit)


def _worthwhile(graph: Graph, rebuilt: Rewrite, consumers: dict[str, list[Node]], name: str) -> bool:
    """Whether the others that read a transposed value may do without it too, so that the transpose moves instead of multiplying."""
    if name in graph.results():
        return False
    return all(node.op in ("transpose", "matmul", "reshape") or _has_layout(node) for node in consumers.get(name, []))


def _has_layout(node: Node) -> bool:
    return not isinstance(OPERATORS[node.op].layout, Unavailable)


def _common_permutation(graph: Rewrite, node: Node) -> list[int] | None:
    """The one permutation that all inputs went through, apart from those that can be permuted back for nothing."""
    if not _has_layout(node):
        return None
    found: list[int] | None = None
    for name in node.inputs:
        maker = graph.maker(name, "transpose")
        if maker is not None:
            permutation = list(maker.attributes["permutation"])
            if found is not None and permutation != found:
                return None
            found = permutation
    if found is None:
        return None
    for name in node.inputs:
        if graph.maker(name, "transpose") is None and not _free(graph, node, name, len(found)):
            return None
    return found


def _free(graph: Rewrite, node: Node, name: str, rank: int) -> bool:
    """Whether an input that is not transposed can be permuted back at conversion, or by a reshape."""
    shape = graph.shape(name)
    if len(shape) > rank or (len(shape) < rank and not OPERATORS[node.op].elementwise):
        return False
    return graph.array(name) is not None or sum(1 for size in shape if size != 1) <= 1


def _push(graph: Rewrite, node: Node, permutation: list[int]) -> str | None:
    """`op(transpose(x, p))` as `transpose(op(x), q)`."""
    rule = OPERATORS[node.op].layout
    assert not isinstance(rule, Unavailable)
    result = rule(permutation, node.attributes)
    if result is None:
        return None
    attributes, after = result
    inverse = [permutation.index(axis) for axis in range(len(permutation))]
    inputs = [_permuted_back(graph, node, name, inverse) for name in node.inputs]
    try:
        value = graph.add(node.op, inputs, attributes, like=node)
    except ShapeError:
        return None
    if after == sorted(after):
        return value
    return graph.add("transpose", [value], {"permutation": after}, instead_of=node)


def _permuted_back(graph: Rewrite, node: Node, name: str, inverse: Sequence[int]) -> str:
    maker = graph.maker(name, "transpose")
    if maker is not None:
        return maker.inputs[0]
    shape = (1,) * (len(inverse) - len(graph.shape(name))) + graph.shape(name)
    if all(size == 1 for size in shape):
        return name if len(graph.shape(name)) == len(shape) or OPERATORS[node.op].elementwise else graph.add("reshape", [name], {"shape": list(shape)}, like=node)
    constant = graph.constant(name)
    if constant is not None:
        assert isinstance(constant.stored, np.ndarray)
        numbers = [int(size) for size in shape if isinstance(size, int)]
        moved = np.ascontiguousarray(constant.stored.reshape(numbers).transpose(inverse))
        return graph.add_constant(moved, name)
    return graph.add("reshape", [name], {"shape": [shape[axis] for axis in inverse]}, like=node)


def _into_weights(graph: Rewrite, node: Node) -> str | None:
    """`matmul(flatten(transpose(x, p)), w)` with the rows of w permuted instead, where p leaves the first axis in its place."""
    flatten = graph.maker(node.inputs[0], "reshape")
    moved = graph.maker(flatten.inputs[0], "transpose") if flatten is not None else None
    constant = graph.constant(node.inputs[1])
    if flatten is None or moved is None or constant is None or not isinstance(constant.stored, np.ndarray) or constant.stored.ndim != 2:
        return None
    permutation, shape = moved.attributes["permutation"], graph.shape(moved.outputs[0])
    flat = graph.shape(flatten.outputs[0])
    if permutation[0] != 0 or len(flat) != 2 or flat[0] != shape[0] or is_symbolic(shape[1:]):
        return None
    sizes = [int(size) for size in shape[1:] if isinstance(size, int)]
    inverse = [permutation.index(axis) - 1 for axis in range(1, len(permutation))]
    rows = np.arange(math.prod(sizes)).reshape(sizes).transpose(inverse).reshape(-1)
    weights = graph.add_constant(np.ascontiguousarray(constant.stored[rows]), node.inputs[1])
    data = graph.add("reshape", [moved.inputs[0]], {"shape": list(flat)}, like=flatten)
    return graph.add("matmul", [data, weights, *node.inputs[2:]], node.attributes, instead_of=node)
