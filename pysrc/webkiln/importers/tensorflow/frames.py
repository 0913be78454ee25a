"""Control flow in the form of TensorFlow 1, spread over a graph, as functions that `While` and `If` run.

A loop is a frame: `Enter` leads into it, `Merge` takes what enters or what `NextIteration` brings back, `LoopCond` says whether there is another
round, `Switch` leads into that or to `Exit`. A branch is what lies between `Switch`, which sends a value one way or the other, and `Merge`, which
takes the one that comes. What has another structure, or more than `MERGES_LIMIT` of them, is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from webkiln.errors import FormatError
from webkiln.importers.tensorflow.functions import Function, function_of
from webkiln.importers.tensorflow.nodes import Node, node_of, result_name

PARTS = frozenset(("Enter", "Exit", "LoopCond", "Merge", "NextIteration", "Switch"))
MERGES_LIMIT = 256  # finding what belongs to each takes time that grows with a power of their number
_LEAST_INPUTS = {"Enter": 1, "Exit": 1, "LoopCond": 1, "Merge": 1, "NextIteration": 1, "Switch": 2}


def structured(nodes: Sequence[Node], prefix: str = "") -> tuple[list[Node], dict[str, Function]]:
    """The nodes with those of loops and branches replaced, the inner ones first, and the functions that they run. What they consisted of may remain.

    `prefix`: what the names of the functions begin with.
    """
    if not any(node.op in PARTS for node in nodes) or sum(node.op == "Merge" for node in nodes) > MERGES_LIMIT:
        return list(nodes), {}
    for node in nodes:
        if len(node.inputs) < _LEAST_INPUTS.get(node.op, 0):
            raise FormatError(f"{node.where}: it has {len(node.inputs)} inputs, expected {_LEAST_INPUTS[node.op]}")
    graph = _Graph(nodes, prefix)
    while graph.replace_loop() or graph.replace_branches():
        pass
    return list(graph.nodes.values()), graph.functions


@dataclass(frozen=True)
class _Region:
    """Nodes that depend on values that lead into them, with these values replaced by names of inputs; what else they read, and what they give."""

    nodes: list[Node]
    captured: list[str]
    outputs: list[str]


@dataclass(frozen=True)
class _Branch:
    condition: str
    taken: bool  # when the condition is true
    switches: list[str]  # values that lead into it


def _inner(value: str) -> str:
    """The name that a captured value has in a function."""
    return "@" + value.replace(":", "@")


class _Graph:
    def __init__(self, nodes: Iterable[Node], prefix: str) -> None:
        self.prefix = prefix
        self.nodes = {node.name: node for node in nodes}
        self.functions: dict[str, Function] = {}

    def replace_loop(self) -> bool:
        """Replace a loop that holds no other control flow; `False` when there is none."""
        return any(self._loop(node) for node in list(self.nodes.values()) if node.op == "LoopCond" and len(node.inputs) == 1)

    def _loop(self, condition: Node) -> bool:
        switches = [node for node in self.nodes.values() if node.op == "Switch" and len(node.inputs) == 2 and node.inputs[1] == condition.name]
        merges = {node.inputs[0] for node in switches}
        merges |= {name for name in self._above([condition.inputs[0]], merges) if self._enters(name)}
        if not merges or not all(self._enters(name) for name in merges):
            return False
        loops = sorted(merges)
        entered = [next(self.nodes[one] for one in self.nodes[name].inputs if self._op(one) == "Enter") for name in loops]
        returned = [next(self.nodes[one] for one in self.nodes[name].inputs if self._op(one) == "NextIteration") for name in loops]
        given = {name: f"#{i}" for i, name in enumerate(loops)}
        into = {result_name(node.name, 1): given[node.inputs[0]] for node in switches}
        test = self._region([condition.inputs[0]], given)
        body = self._region([node.inputs[0] for node in returned], {**given, **into})
        if test is None or body is None:
            return False
        captured = list(dict.fromkeys([*test.captured, *body.captured]))
        inputs = [*given.values(), *map(_inner, captured)]
        names = [f"{self.prefix}{condition.name}/{part}" for part in ("cond", "body")]
        results = [test.outputs, [*body.outputs, *map(_inner, captured)]]
        for name, region, outputs in zip(names, (test, body), results, strict=True):
            self.functions[name] = function_of(name, inputs, region.nodes, outputs, {})
        whole = Node(condition.name, "While", (*(node.inputs[0] for node in entered), *captured), {"cond": names[0], "body": names[1]})
        places = {node.name: loops.index(node.inputs[0]) for node in switches}
        for node in list(self.nodes.values()):
            if node.op == "Exit" and node.inputs and node.inputs[0] in places:
                self.nodes[node.name] = Node(node.name, "Identity", (result_name(whole.name, places[node.inputs[0]]),), {})
        frame = entered[0].attributes.get("frame_name")
        for node in list(self.nodes.values()):
            if node.op == "Enter" and node not in entered and node.attributes.get("frame_name") == frame and node.attributes.get("is_constant"):
                self.nodes[node.name] = Node(node.name, "Identity", node.inputs, {})
        for node in (*switches, *entered, *returned, *(self.nodes[name] for name in loops)):
            del self.nodes[node.name]
        self.nodes[whole.name] = whole
        return True

    def _op(self, value: str) -> str:
        return self.nodes[node_of(value)].op if node_of(value) in self.nodes else ""

    def _enters(self, name: str) -> bool:
        """Whether a node takes what enters a loop, and what comes back."""
        return name in self.nodes and self.nodes[name].op == "Merge" and sorted(map(self._op, self.nodes[name].inputs)) == ["Enter", "NextIteration"]

    def _above(self, values: Iterable[str], ends: Iterable[str]) -> list[str]:
        """The nodes that values come from, up to those that lead into a loop or a branch, in any order."""
        found: dict[str, None] = {}
        waiting = [node_of(value) for value in values]
        stop = set(ends)
        while waiting:
            name = waiting.pop()
            if name in found or name not in self.nodes:
                continue
            found[name] = None
            if name not in stop and self.nodes[name].op not in ("Enter", "Switch", "Merge"):
                waiting += [node_of(value) for value in self.nodes[name].inputs]
        return list(found)

    def _region(self, outputs: Sequence[str], given: Mapping[str, str]) -> _Region | None:
        """What lies between the values `given` (by the names of inputs) and the outputs; `None` where there is other control flow in it."""
        own = {node_of(value) for value in given}
        above = self._above(outputs, own)
        inner = [name for name in above if name not in own]
        if any(self.nodes[name].op in PARTS - {"Enter"} for name in inner):
            return None
        readers: dict[str, list[str]] = {}
        for name in inner:
            for value in self.nodes[name].inputs:
                readers.setdefault(node_of(value), []).append(name)
        dependent: set[str] = set()
        waiting = [reader for name in own for reader in readers.get(name, [])]
        while waiting:
            name = waiting.pop()
            if name not in dependent:
                dependent.add(name)
                waiting += readers.get(name, [])
        captured: dict[str, None] = {}

        def named(value: str) -> str:
            if value in given:
                return given[value]
            if node_of(value) not in dependent:
                captured[value] = None
                return _inner(value)
            return value

        nodes = [Node(name, self.nodes[name].op, tuple(map(named, self.nodes[name].inputs)), self.nodes[name].attributes) for name in inner if name in dependent]
        results = [named(value) for value in outputs]
        # A value of a loop that leads past its `Switch` is none that the rest of the graph could give.
        return None if any(node_of(value) in own for value in captured) else _Region(nodes, list(captured), results)

    def replace_branches(self) -> bool:
        """Replace branches of one condition that hold no other control flow; `False` when there are none."""
        found: dict[str, tuple[_Branch, _Branch]] = {}
        for node in self.nodes.values():
            if node.op == "Merge" and len(node.inputs) == 2 and not any(self._op(value) == "NextIteration" for value in node.inputs):
                pair = self._branches(node)
                if pair is not None:
                    found[node.name] = pair
        return any(self._choice(name, found) for name in found)

    def _branches(self, merge: Node) -> tuple[_Branch, _Branch] | None:
        """The branch of a condition that is true, and the other one."""
        sides: list[_Branch | None] = []
        for value in merge.inputs:
            above = [name for name in self._above([value], ()) if self.nodes[name].op in PARTS]
            gates = [name for name in above if self.nodes[name].op == "Switch" and self._op(self.nodes[name].inputs[1]) != "LoopCond"]
            if any(self.nodes[name].op in ("Merge", "Exit", "NextIteration", "LoopCond") and not self._enters(name) for name in above):
                return None
            read = {read for name in self._above([value], ()) if name not in above for read in self.nodes[name].inputs} | {value}
            led = sorted(read for read in read if node_of(read) in gates)
            conditions = {self._condition(self.nodes[name]) for name in gates}
            ports = {one.endswith(":1") for one in led}
            if len(conditions) > 1 or len(ports) > 1:
                return None
            sides.append(_Branch(conditions.pop(), ports.pop(), led) if led else None)
        known = next((side for side in sides if side), None)
        if known is None:
            return None
        first, second = (side or _Branch(known.condition, not known.taken, []) for side in sides)
        if first.condition != second.condition or first.taken == second.taken:
            return None
        return (first, second) if first.taken else (second, first)

    def _condition(self, switch: Node) -> str:
        value = switch.inputs[1]
        seen: set[str] = set()
        while self._op(value) == "Identity" and value not in seen and self.nodes[node_of(value)].inputs:
            seen.add(value)
            value = self.nodes[node_of(value)].inputs[0]
        return value

    def _choice(self, name: str, found: Mapping[str, tuple[_Branch, _Branch]]) -> bool:
        """Replace a merge, and those of the same condition that neither follow from it nor lead to it."""
        condition = found[name][0].condition
        group = self._apart([name, *(other for other, pair in found.items() if pair[0].condition == condition)])
        led = {value: f"#{i}" for i, value in enumerate(dict.fromkeys(value for one in group for branch in found[one] for value in branch.switches))}
        regions = []
        for side in range(2):
            outputs = [next(value for value in self.nodes[one].inputs if self._is_side(value, found[one], side)) for one in group]
            own = {value: given for value, given in led.items() if any(value in found[one][side].switches for one in group)}
            region = self._region(outputs, own)
            if region is None:
                return False
            regions.append(region)
        captured = list(dict.fromkeys(value for region in regions for value in region.captured))
        whole = f"{name}/branches"
        while whole in self.nodes:
            whole += "_"
        names = [f"{self.prefix}{whole}/{side}" for side in ("then", "else")]
        for function, region in zip(names, regions, strict=True):
            self.functions[function] = function_of(function, [*led.values(), *map(_inner, captured)], region.nodes, region.outputs, {})
        data = [self.nodes[node_of(value)].inputs[0] for value in led]
        self.nodes[whole] = Node(whole, "If", (condition, *data, *captured), {"then_branch": names[0], "else_branch": names[1]})
        for i, one in enumerate(group):
            self.nodes[one] = Node(one, "Identity", (result_name(whole, i),), {})
        return True

    def _is_side(self, value: str, pair: tuple[_Branch, _Branch], side: int) -> bool:
        """Whether a value that is merged comes from this branch of the two."""
        above = set(self._above([value], ()))
        if pair[side].switches:
            reads = {read for name in above if self._op(name) != "Switch" for read in self.nodes[name].inputs} | {value}
            return not reads.isdisjoint(pair[side].switches)
        return not self._is_side(value, pair, 1 - side)

    def _apart(self, names: Sequence[str]) -> list[str]:
        """Those of some nodes, the first ones first, that do not depend on each other."""
        sources = {name: [node_of(value) for value in node.inputs] for name, node in self.nodes.items()}
        readers: dict[str, list[str]] = {}
        for name, read in sources.items():
            for one in read:
                readers.setdefault(one, []).append(name)
        group: list[str] = []
        around: set[str] = set()
        for name in names:
            if name not in around:
                group.append(name)
                around |= _reached(name, sources) | _reached(name, readers)
        return group


def _reached(name: str, edges: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += edges.get(one, ())
    return found
