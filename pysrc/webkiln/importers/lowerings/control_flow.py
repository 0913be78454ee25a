"""Control flow of every source: what was lowered into the graph becomes the bodies of `if` and `while`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from webkiln.graph.build import GraphBuilder
from webkiln.graph.dims import Dim, symbols_of
from webkiln.graph.graph import Graph, Value
from webkiln.importers.element_symbols import ElementSymbols
from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.ops import OPERATORS

SMALL_BRANCHES = 8  # element-wise nodes in two branches that may as well be computed both
ATTEMPTS = 4  # at shapes of what a loop carries


class Lowering(Protocol):
    """The values of a source on their way into a graph."""

    @property
    def elements(self) -> ElementSymbols: ...

    def drop(self, gone: Collection[str]) -> None:
        """Let nothing of the source stand for these values any more, which left the graph."""


class Caller(Protocol):
    """An operator of a source that runs bodies."""

    builder: GraphBuilder
    label: str

    @property
    def lowering(self) -> Lowering: ...

    def node(self, op: str, inputs: Sequence[str], **attributes: Any) -> str: ...

    def cast(self, value: str, to: str) -> str: ...

    def wide(self, value: str) -> str: ...


@dataclass(frozen=True)
class Made:
    """A body, its own values that come first among its inputs, what else it reads, and symbols that mean nothing outside of it."""

    graph: Graph
    captured: list[str]
    symbols: set[str]

    def results(self) -> list[Value]:
        return [self.graph.values[name] for name in self.graph.outputs]


def make_body(call: Caller, formals: Sequence[Value], lower: Callable[[list[str]], Sequence[str]]) -> Made:
    """Lower a body. `lower` is given the values of its inputs, of these dtypes and shapes, and returns its results."""
    builder, elements = call.builder, call.lowering.elements
    before, first_node = elements.made(), len(builder.graph.nodes)
    inputs = [builder.placeholder(value, f"{call.label}/input") for value in formals]
    body, captured = cut(call, first_node, inputs, lower(inputs))
    return Made(body, captured, elements.made() - before)


def cut(call: Caller, first_node: int, inputs: Sequence[str], outputs: Sequence[str]) -> tuple[Graph, list[str]]:
    """What was lowered since `first_node` as a body, and the values that it reads from the graph around it, its last inputs."""
    body, captured = call.builder.cut(first_node, inputs, outputs)
    call.lowering.elements.tell(body)
    call.lowering.drop(set(body.values) - set(call.builder.graph.values))
    return body, captured


def branch(call: Caller, condition: str, then: Made, otherwise: Made) -> list[str]:
    """The results of one of two bodies without inputs of their own. Small ones of equal shapes are both computed, and chosen from."""
    results = []
    for a, b in zip(then.results(), otherwise.results(), strict=True):
        if a.dtype != b.dtype or len(a.shape) != len(b.shape):
            raise Refused(f"branches that give {a} and {b}", f"{FIX_SIZES}, or let both give the same dtype and rank")
        results.append(Value(a.dtype, tuple(_common(call, p, q, then.symbols | otherwise.symbols) for p, q in zip(a.shape, b.shape, strict=True))))
    nodes = [node for made in (then, otherwise) for node in made.graph.nodes]
    equal = all(a == b for a, b in zip(then.results(), otherwise.results(), strict=True))
    are_cheap = len(nodes) <= SMALL_BRANCHES and all(not node.bodies and OPERATORS[node.op].elementwise for node in nodes)
    if equal and are_cheap and not then.symbols | otherwise.symbols:
        pairs = zip(inlined(call, then.graph), inlined(call, otherwise.graph), strict=True)
        return [_chosen(call, condition, a, b) for a, b in pairs]
    captured = list(dict.fromkeys([*then.captured, *otherwise.captured]))
    for made in (then, otherwise):
        _take(call, made.graph, 0, captured)
    return call.builder.control("if", [condition, *captured], [then.graph, otherwise.graph], results, name=call.label)


def loop(
    call: Caller, start: Sequence[str], count: int, test: Callable[[list[str]], str], step: Callable[[list[str]], Sequence[str]], rounds: Dim | None = None
) -> list[str]:
    """Values that are carried while a test of them holds, and what is stacked of every round.

    `start`: the values to begin with, of which the first `count` are carried and the others stay. `test` and `step` lower the bodies: they are given
    values for all of them; `step` returns the next of those that are carried, and then what is stacked. `rounds`: how many there are, where that is known.
    """
    formals = [call.builder.graph.values[name] for name in start]
    loose: set[str] = set()
    for _ in range(ATTEMPTS):
        body = make_body(call, formals, step)
        given = body.results()
        wider = [_widened(call, value, other, loose) for value, other in zip(formals[:count], given, strict=False)]
        if wider == formals[:count]:
            break
        formals[:count] = wider
    else:
        raise Refused("a loop that carries values whose shapes change in every way", FIX_SIZES)
    condition = make_body(call, formals, lambda values: [test(values)])
    inner = body.symbols | loose
    results = [Value(value.dtype, tuple(_known(call, dim, inner) for dim in value.shape)) for value in formals[:count]]
    length = call.lowering.elements.size(call.label) if rounds is None and len(given) > count else rounds
    for value in given[count:]:
        assert length is not None
        results.append(Value(value.dtype, (length, *(_known(call, dim, inner) for dim in value.shape))))
    captured = list(dict.fromkeys([*condition.captured, *body.captured]))
    for made in (condition, body):
        _take(call, made.graph, len(start), captured)
    return call.builder.control("while", [*start, *captured], [condition.graph, body.graph], results, carried=count, name=call.label)


def inlined(call: Caller, body: Graph) -> list[str]:
    """A body without inputs of its own, back in the graph that it was cut from. Returns its results."""
    graph = call.builder.graph
    graph.nodes += body.nodes
    graph.values.update({output: body.values[output] for node in body.nodes for output in node.outputs})
    return body.outputs


def _chosen(call: Caller, condition: str, a: str, b: str) -> str:
    narrow = call.builder.dtype(a)
    if narrow not in ("u8", "i8"):
        return call.node("where", [condition, a, b])
    return call.cast(call.node("where", [condition, call.wide(a), call.wide(b)]), narrow)


def _take(call: Caller, body: Graph, own: int, captured: Sequence[str]) -> None:
    """Let a body take these values, after `own` inputs of its own, read or not."""
    body.inputs[own:] = captured
    for name in captured:
        body.values[name] = call.builder.graph.values[name]


def _common(call: Caller, a: Dim, b: Dim, inner: set[str]) -> Dim:
    return _known(call, a, inner) if a == b else call.lowering.elements.size(call.label)


def _known(call: Caller, dim: Dim, inner: set[str]) -> Dim:
    """A size as it is known outside of a body."""
    return dim if inner.isdisjoint(symbols_of(dim)) else call.lowering.elements.size(call.label)


def _widened(call: Caller, value: Value, following: Value, loose: set[str]) -> Value:
    """The value, with symbols for those of its sizes that a round changes."""
    if value.dtype != following.dtype or len(value.shape) != len(following.shape):
        raise Refused(f"a loop that carries {value} and then {following}", "Let the dtype and rank stay the same")
    dims: list[Dim] = []
    for a, b in zip(value.shape, following.shape, strict=True):
        if a != b and loose.isdisjoint(symbols_of(a)):
            a = call.lowering.elements.size(call.label)
            loose |= symbols_of(a)
        dims.append(a)
    return Value(value.dtype, tuple(dims))
