"""Values of a source that go by names, on their way into a graph: what lowering functions see of one operator."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from webkiln.errors import FormatError
from webkiln.graph.build import GraphBuilder
from webkiln.graph.dims import Dim, Expression
from webkiln.importers.element_symbols import ElementSymbols
from webkiln.importers.elements import DEFAULTS, canonical, carrier, held_as
from webkiln.importers.emitter import FIX_SIZES, KNOWN_LIMIT, Refused, add_constant
from webkiln.importers.known import is_known
from webkiln.importers.measured import measured
from webkiln.importers.typed_emitter import TypedEmitter
from webkiln.ops import OPERATORS

INTEGERS = ("i32", "u8", "i8")
EVALUATED_LIMIT = 2**22  # elements of a constant that is computed at conversion because a lowering function asks for it


@dataclass(frozen=True)
class Typed:
    """A result with the name of its element type, where that does not follow from the inputs."""

    value: str | np.ndarray
    dtype: str


@dataclass(frozen=True)
class Listed:
    """A sequence: a result of several values, whose number is known at conversion."""

    values: tuple[Typed, ...]


SEQUENCE = "sequence"  # what stands for the element type of one
Result = str | np.ndarray | Typed | Listed


def listed(result: Result | Sequence[Result]) -> Sequence[Result]:
    """The results of a lowering function, which may give just one."""
    return [result] if isinstance(result, (str, np.ndarray, Typed, Listed)) else result


class Values:
    """Values of the graph by their names in the source.

    A value is a constant (`arrays`, in the source's dtype or its carrier), or a result of computing with sizes (`known`, integers that may be
    symbolic), or a value of the graph (`names`). The first two enter the graph only when a node reads them. `dtypes` has the source's element types.
    A sequence (`lists`) is several of these.
    """

    def __init__(self) -> None:
        self.builder = GraphBuilder()
        self.arrays: dict[str, np.ndarray] = {}
        self.known: dict[str, np.ndarray] = {}
        self.names: dict[str, str] = {}
        self.lists: dict[str, Listed] = {}
        self.dtypes: dict[str, str] = {}
        self.missing: set[str] = set()  # what could not be made
        self.resized = False  # whether a size differs from the source's, so that constant target shapes may need to follow
        self.elements = ElementSymbols()
        self._variants: dict[tuple[Any, ...], str] = {}
        self._bound: set[str] = set()

    def defined(self, name: str) -> bool:
        return name in self.dtypes or name in self.missing

    def define(self, name: str, array: np.ndarray, dtype: str) -> None:
        """A constant of the source."""
        self.arrays[name], self.dtypes[name] = array, dtype

    def value(self, name: str) -> str:
        """The graph's name for a value; a constant is added to the graph when it is first asked for."""
        if name in self.names:
            return self.names[name]
        if name in self.known:
            dims = self.known[name]
            if any(isinstance(dim, Expression) for dim in dims.reshape(-1)):
                self.names[name] = measured(self.builder, dims, name)
                return self.names[name]
            self.arrays[name] = self._fixed(name)
        held_as(self.dtypes[name])
        self.names[name] = add_constant(self.builder, self.arrays[name], name)
        return self.names[name]

    def array(self, name: str) -> np.ndarray | None:
        """The values when they are known at conversion: a constant of the source, or what follows from such."""
        if name in self.arrays:
            return self.arrays[name]
        if name in self.known:
            dims = self.known[name]
            fixed = all(not isinstance(dim, Expression) for dim in dims.reshape(-1))
            return self._fixed(name) if fixed else None
        if name in self.names and (found := self._evaluated(self.names[name])) is not None:
            self.arrays[name] = found.astype(carrier(self.dtypes[name]))
            return self.arrays[name]
        return None

    def _fixed(self, name: str) -> np.ndarray:
        """Sizes that are numbers, as an array of the source's type."""
        dims, dtype = self.known[name], self.dtypes[name]
        try:
            return np.array(dims.tolist(), carrier(dtype)).reshape(dims.shape)
        except OverflowError:
            raise FormatError(f"the value {name!r} is {str(dims.tolist())[:100]}, which {dtype} does not hold") from None

    def _evaluated(self, value: str) -> np.ndarray | None:
        """A value of the graph computed at conversion, when it depends on constants only."""
        graph = self.builder.graph
        if value in graph.constants:
            return graph.constants[value].array
        part = graph.restricted({value})
        made = {output for node in part.nodes for output in node.outputs}
        given = {name for node in part.nodes for name in node.inputs if name and name not in made and name not in graph.constants}
        sizes = [size for node in part.nodes for output in node.outputs for size in [1, *graph.values[output].shape]]
        if value not in made or given or any(isinstance(size, Expression) for size in sizes):
            return None
        if any(node.bodies or any(node.symbols()) for node in part.nodes):
            return None
        if any(np.prod([int(str(size)) for size in graph.values[node.outputs[0]].shape]) > EVALUATED_LIMIT for node in part.nodes):
            return None
        results: dict[str, np.ndarray] = {}
        for node in part.nodes:
            arrays = [results[name] if name in results else graph.constants[name].array for name in node.inputs if name]
            results[node.outputs[0]] = OPERATORS[node.op].reference(arrays, node.attributes)
        return results[value]

    def offer_elements(self) -> None:
        """Let the elements of those inputs that are integers be sizes."""
        self.elements.add_inputs(self.builder.graph, INTEGERS)

    def told(self, name: str) -> np.ndarray | None:
        """Integers that only a run tells, as symbols: elements of an input, what is computed from them, or those of any other small value."""
        if name not in self.elements.arrays:
            value = self.value(name)
            if self.builder.dtype(value) in INTEGERS:
                self.elements.add(name, value, self.builder.shape(value))
        return self.elements.arrays.get(name)

    def held(self, name: str) -> Typed:
        """What stands for a value of the source: its sizes or its array when they are known, else its name in the graph."""
        found = self.known.get(name, self.arrays.get(name))
        return Typed(self.value(name) if found is None else found, self.dtypes[name])

    def hold(self, name: str, result: Typed) -> None:
        """Let a result stand for a value of the source."""
        if isinstance(result.value, str):
            self.names[name] = result.value
        elif result.value.dtype == object:
            self.known[name] = result.value
        else:
            self.arrays[name] = result.value
        self.dtypes[name] = result.dtype

    def permuted(self, name: str, permutation: Sequence[int], shape: Sequence[int] | None = None) -> str:
        """A value with its axes permuted (then reshaped): done at once, and only once, for a constant."""
        if name not in self.arrays:
            value = self.value(name)
            if list(permutation) != sorted(permutation):
                value = self.builder.node("transpose", [value], {"permutation": list(permutation)}, name=f"{name}/transpose")
            return value if shape is None else self.builder.node("reshape", [value], {"shape": list(shape)}, name=f"{name}/reshape")
        key = (name, tuple(permutation), tuple(shape or ()))
        if key not in self._variants:
            array = self.arrays[name].transpose(permutation)
            self._variants[key] = add_constant(self.builder, array if shape is None else array.reshape(shape), name)
        return self._variants[key]

    def drop(self, gone: Collection[str]) -> None:
        """Let nothing of the source stand for these values any more, which left the graph."""
        self.names = {name: value for name, value in self.names.items() if value not in gone}
        self._variants = {key: value for key, value in self._variants.items() if value not in gone}

    def bind(self, name: str, value: str, first_node: int) -> None:
        """Let a value of the graph stand for one of the source; one that was made since `first_node` takes its name."""
        if value not in self._bound:
            value = self.builder.renamed(value, name, first_node)
        self._bound.add(value)
        self.names[name] = value


class NamedCall(TypedEmitter):
    """One operator with named inputs and outputs, as a lowering function sees it. Inputs are counted from 0."""

    def __init__(self, lowering: Values, inputs: Sequence[str], outputs: Sequence[str], label: str) -> None:
        super().__init__(lowering.builder, label)
        self.lowering = lowering
        self.inputs = inputs
        self.outputs = outputs

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def output_count(self) -> int:
        return len(self.outputs)

    def wants(self, i: int) -> bool:
        """Whether output `i` has a name, so that something may read it."""
        return i < len(self.outputs) and self.outputs[i] != ""

    def has(self, i: int) -> bool:
        return i < len(self.inputs) and self.inputs[i] != ""

    def name(self, i: int) -> str:
        """The name of input `i` in the source."""
        if not self.has(i):
            self.fail(f"input {i} is missing; it has {len(self.inputs)}")
        return self.inputs[i]

    def read_sizes(self) -> Iterable[Dim]:
        for name in filter(None, self.inputs):
            yield from self.lowering.elements.arrays.get(name, np.empty(0, object)).reshape(-1)
            if name in self.lowering.names:
                yield from self.builder.shape(self.lowering.names[name])

    def value(self, i: int) -> str:
        return self.lowering.value(self.name(i))

    def values(self) -> list[str]:
        """All inputs, of which there must be some."""
        if not len(self):
            self.fail("it has no inputs")
        return [self.value(i) for i in range(len(self))]

    def dtype(self, i: int = 0) -> str:
        """The source's element type of input `i`."""
        return self.lowering.dtypes[self.name(i)]

    def array(self, i: int) -> np.ndarray | None:
        """The values of input `i` when they are known at conversion; integers are not narrowed to 32 bits."""
        return self.lowering.array(self.name(i))

    def numbers(self, i: int, what: str) -> np.ndarray:
        """The same; refused when they are known only when the model runs."""
        array = self.array(i)
        if array is None:
            raise Refused(f"{what} ({self.name(i)!r}): known only when the model runs", "Make it a constant in the source model")
        return array

    def known(self, i: int) -> np.ndarray | None:
        """The integers or truth values of input `i`, some perhaps symbolic, as an array of objects; `None` when they are not known."""
        name = self.name(i)
        if name in self.lowering.known:
            return self.lowering.known[name]
        array = self.lowering.array(name)
        if array is None or array.dtype.kind not in "iub" or array.size > KNOWN_LIMIT:
            return None
        known = np.empty(array.shape, object)
        known[...] = array.tolist()
        return known

    def sizes_read(self) -> tuple[list[np.ndarray], bool] | None:
        """All inputs as arrays of sizes, and whether only a run tells some of them; `None` when there is more to them than sizes and constants of the source."""
        inputs, only_run_tells = [], False
        for name in self.inputs:
            told = self.lowering.elements.arrays.get(name)
            if told is not None:
                only_run_tells = True
                inputs.append(told)
                continue
            if name not in self.lowering.known and name not in self.lowering.arrays:
                return None
            known = self.known(len(inputs))
            if known is None:
                return None
            inputs.append(known)
        return inputs, only_run_tells

    def sizes_made(
        self, found: np.ndarray | list[np.ndarray] | None, dtype: str, only_run_tells: bool, names: Iterable[str]
    ) -> list[Typed] | None:
        """What was computed from sizes as results; `None` where it is nothing, too much, or what a run tells: that is noted under the results' names."""
        results = [] if found is None else found if isinstance(found, list) else [found]
        if found is None or not all(is_known(array, dtype) for array in results):
            return None
        if only_run_tells:  # an ordinary value too, in case that nothing asks for sizes
            for name, array in zip(names, results, strict=False):
                self.lowering.elements.add_result(name, array)
            return None
        return [Typed(array, dtype) for array in results]

    def dims(self, i: int, what: str) -> list[Dim]:
        """Input `i` as a flat list of sizes, which may be symbols for what only a run tells; refused when there are too many for that."""
        known = self.known(i)
        if known is None:
            known = self.lowering.told(self.name(i))
        if known is None:
            raise Refused(f"{what} ({self.name(i)!r}): known only when the model runs", "Make it a constant in the source model")
        return list(known.reshape(-1))

    def ints(self, i: int, what: str) -> list[int]:
        """Input `i` as a flat list of integers, none of them symbolic."""
        dims = self.dims(i, what)
        for dim in dims:
            if not isinstance(dim, int) and self.known(i) is None:
                raise Refused(f"{what} ({self.name(i)!r}): known only when the model runs", "Make it a constant in the source model")
            if not isinstance(dim, int):
                raise Refused(f"{what} is {dim}, which depends on the sizes of the inputs", FIX_SIZES)
        return dims  # type: ignore[return-value]

    def shape(self, i: int) -> list[Dim]:
        """The shape of input `i`, as it was inferred."""
        name = self.name(i)
        for held in (self.lowering.known, self.lowering.arrays):
            if name in held:
                return list(held[name].shape)
        return self.builder.shape(self.value(i))

    def sizes(self, i: int, what: str) -> list[int]:
        """The shape of input `i`, which must not be symbolic."""
        return fixed(self.shape(i), what)

    def rank(self, i: int, *expected: int) -> int:
        """The rank of input `i`; an error unless it is one of those expected."""
        rank = len(self.shape(i))
        if expected and rank not in expected:
            self.fail(f"input {i} ({self.name(i)!r}) has rank {rank}, expected {' or '.join(map(str, expected))}")
        return rank

    def same(self, i: int = 0) -> Typed:
        """Input `i` as it is: what is known of it stays known."""
        return self.lowering.held(self.name(i))

    def sequence(self, i: int) -> tuple[Typed, ...]:
        """The values of input `i`, which must be a sequence."""
        found = self.lowering.lists.get(self.name(i))
        if found is None:
            self.fail(f"input {i} ({self.name(i)!r}) is no sequence")
        return found.values

    def define(self, name: str, result: Result, first_node: int, *, sizes: str) -> None:
        """Let a result stand for the value `name` of the source. `sizes`: the source's element type of sizes that come without one."""
        if isinstance(result, Listed):
            self.lowering.lists[name], self.lowering.dtypes[name] = result, SEQUENCE
            return
        value = result.value if isinstance(result, Typed) else result
        if isinstance(result, Typed):
            dtype = result.dtype
        elif isinstance(value, str):
            dtype = result_dtype(self, self.builder.dtype(value))
        else:
            dtype = sizes if value.dtype == object else value.dtype.name
        if not isinstance(value, str):
            self.lowering.hold(name, Typed(value, dtype))
            return
        if held_as(dtype) != self.builder.dtype(value):
            self.fail(f"its output {name!r} should be of {dtype}, but is of {self.builder.dtype(value)}")
        self.lowering.bind(name, value, first_node)
        self.lowering.dtypes[name] = dtype

    def compute(self, op: str, *values: str, dtype: str | None = None) -> str:
        """An element-wise operator on numbers of the type of input 0, with the wrapping that this has."""
        dtype = dtype or self.dtype(0)
        return self.narrow(self.node(op, [self.wide(value) for value in values]), dtype)


def fixed(shape: Sequence[Dim], what: str) -> list[int]:
    """The sizes, none of which may be symbolic."""
    for size in shape:
        if not isinstance(size, int):
            raise Refused(f"the shape {[str(dim) for dim in shape]} of {what} is not fixed", FIX_SIZES)
    return list(shape)  # type: ignore[arg-type]


def result_dtype(call: NamedCall, made: str) -> str:
    """The source's element type of a result of canonical dtype `made`: that of the first input that fits, else the usual one."""
    for name in call.inputs:
        dtype = call.lowering.dtypes.get(name, "string") if name else "string"
        try:
            if canonical(dtype) == made:
                return dtype
        except (Refused, FormatError):
            continue
    return DEFAULTS[made]
