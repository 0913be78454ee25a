"""The nodes of an ONNX graph as a flat list of operations: names made unique, function bodies in place of their calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from webkiln.errors import FormatError

MAXIMUM_DEPTH = 32
# How many operations may come of a file, absolutely and for each node in it: a few functions that call each other several times make billions.
OPERATIONS_LIMIT, REPETITIONS_LIMIT = 2**13, 16


@dataclass(frozen=True)
class Operation:
    """One node. Values go by names that are unique in the whole model; "" stands for one that is left out.

    `version`: of the operator set that `domain` (ai.onnx as "") has here. `scope`: what the names in the node's own subgraphs mean.
    """

    domain: str
    type: str
    version: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    index: int
    name: str = ""
    scope: Scope | None = None

    @property
    def kind(self) -> str:
        """The operator's name, with the domain when that is not ai.onnx."""
        return f"{self.domain}:{self.type}" if self.domain else self.type

    @property
    def where(self) -> str:
        """Where it stands in the file."""
        made = next((output for output in self.outputs if output), "")
        return f"node {self.index} ({self.kind}{f' {self.name!r}' if self.name and self.name != made else ''}{f' making {made!r}' if made else ''})"


class Budget:
    """How many operations may still be made of a model."""

    def __init__(self, nodes: int) -> None:
        self.most = self.left = OPERATIONS_LIMIT + REPETITIONS_LIMIT * nodes

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise FormatError(f"its functions and subgraphs repeat each other more often than is read: they make more than {self.most} nodes")


@dataclass
class Scope:
    """The names of one graph or function body, and what is needed to read its nodes."""

    versions: Mapping[str, int]
    functions: Mapping[tuple[str, str, str], Any]
    prefix: str = ""
    names: dict[str, str] = field(default_factory=dict)  # what names from outside, and those of arguments, stand for
    parameters: Mapping[str, Any] | None = None  # attributes of the function that is called
    depth: int = 0
    outer: Scope | None = None  # of a subgraph: that of the graph around it, whose names it sees
    budget: Budget = field(default_factory=lambda: Budget(0))  # the same for all scopes of a model

    def name(self, local: str) -> str:
        """The unique name for a name that is used here."""
        if not local or local in self.names:
            return self.names.get(local, "")
        return self.outer.name(local) if self.outer is not None else self.prefix + local

    def define(self, local: str) -> str:
        """The unique name for a value that is made here, where it may hide one from outside."""
        if local and local not in self.names:
            self.names[local] = self.prefix + local
        return self.name(local)

    def inner(self, prefix: str) -> Scope:
        """The scope of a subgraph."""
        return Scope(self.versions, self.functions, self._within(prefix), {}, self.parameters, self.depth + 1, self, self.budget)

    def called(self, versions: Mapping[str, int], prefix: str, names: dict[str, str], parameters: Mapping[str, Any]) -> Scope:
        """The scope of a function's body."""
        return Scope({**self.versions, **versions}, self.functions, self._within(prefix), names, parameters, self.depth + 1, budget=self.budget)

    def _within(self, prefix: str) -> str:
        """A prefix after that of this scope, which it may have already: names would double at each level."""
        return prefix if prefix.startswith(self.prefix) else self.prefix + prefix


def domain_of(name: str) -> str:
    return "" if name == "ai.onnx" else name


def versions_of(imports: Iterable[Any]) -> dict[str, int]:
    """The operator sets that a model or a function imports, by domain."""
    return {domain_of(entry.domain): entry.version for entry in imports}


def listed_operations(model: Any) -> list[Operation]:
    """The nodes of a ModelProto's graph."""
    functions = {(domain_of(one.domain), one.name, one.overload): one for one in model.functions}
    return operations(model.graph.node, Scope(versions_of(model.opset_import), functions))


def operations(nodes: Sequence[Any], scope: Scope) -> list[Operation]:
    """The nodes of a graph or function body. `FormatError` for functions that call themselves."""
    if scope.depth == 0:
        scope.budget = Budget(_count(nodes) + sum(_count(body.node) for body in scope.functions.values()))
    if scope.depth > MAXIMUM_DEPTH:
        raise FormatError(f"functions or subgraphs are nested more than {MAXIMUM_DEPTH} deep, or call themselves")
    found: list[Operation] = []
    for index, node in enumerate(nodes):
        scope.budget.spend()
        domain = domain_of(node.domain)
        attributes = dict(_attributes(node, scope))
        inputs = tuple(scope.name(name) for name in node.input)
        outputs = tuple(scope.define(name) for name in node.output)
        body = scope.functions.get((domain, node.op_type, node.overload))
        if body is not None:
            found += _expanded(body, inputs, outputs, attributes, scope, f"{outputs[0] if outputs else node.op_type}/")
        else:
            version = scope.versions.get(domain, 1 if domain else 0)
            if not version:
                raise FormatError(f"node {index} ({node.op_type}): the model does not say which version of its operators it uses")
            found.append(Operation(domain, node.op_type, version, inputs, outputs, attributes, index, node.name, scope))
    return found


def _count(nodes: Sequence[Any]) -> int:
    """How many nodes there are, with those of subgraphs."""
    return sum(1 + sum(_count(graph.node) for attribute in node.attribute for graph in (attribute.g, *attribute.graphs)) for node in nodes)


def _attributes(node: Any, scope: Scope) -> Iterable[tuple[str, Any]]:
    """Attributes by name; one that refers to an attribute of the function is that, or is left out with it."""
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            yield attribute.name, attribute
        elif scope.parameters is not None and attribute.ref_attr_name in scope.parameters:
            yield attribute.name, scope.parameters[attribute.ref_attr_name]


def _expanded(
    body: Any, inputs: Sequence[str], outputs: Sequence[str], attributes: Mapping[str, Any], scope: Scope, prefix: str
) -> list[Operation]:
    """The nodes of a function's body, for one call. Results that are left out get names of their own."""
    if len(inputs) > len(body.input) or len(outputs) > len(body.output):
        raise FormatError(f"the function {body.name!r} takes {len(body.input)} inputs and makes {len(body.output)}, not {len(inputs)} and {len(outputs)}")
    names = dict(zip(body.input, [*inputs, *[""] * (len(body.input) - len(inputs))], strict=True))
    passed = {formal for formal in body.output if formal in names}
    names |= {formal: actual for formal, actual in zip(body.output, outputs, strict=False) if actual and formal not in names}
    defaults = {attribute.name: attribute for attribute in body.attribute_proto}
    inner = scope.called(versions_of(body.opset_import), prefix, names, {**defaults, **attributes})
    found = operations(body.node, inner)
    for formal, actual in zip(body.output, outputs, strict=False):
        if formal in passed and actual:  # an input handed through
            version = inner.versions.get("", 1)
            found.append(Operation("", "Identity", version, (names[formal],), (actual,), {}, len(found)))
    return found
