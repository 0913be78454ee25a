"""A subgraph on its way into a graph: what lowering functions see of an operator, and where their results go."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from webkiln.errors import Unsupported
from webkiln.graph.build import GraphBuilder
from webkiln.graph.dims import Dim, Expression
from webkiln.graph.dtypes import COMPLEX, canonical_dtype, pairs_of
from webkiln.importers.axes import told_axes
from webkiln.importers.element_symbols import ElementSymbols
from webkiln.importers.elements import FLOATS
from webkiln.importers.emitter import FIX_SIZES, KNOWN_LIMIT, Refused, add_constant
from webkiln.importers.measured import measured
from webkiln.importers.tflite import schema
from webkiln.importers.tflite.constants import decode_constant
from webkiln.importers.tflite.file import Operator, Subgraph, Tensor, place
from webkiln.importers.tflite.flatbuffer import Table
from webkiln.importers.tflite.variables import Variables, changed_in, handles_of
from webkiln.importers.typed_emitter import TypedEmitter
from webkiln.ops.rules import product


class NotMade(Refused):
    """It cannot be converted for what stands in its bodies."""

    def __init__(self, problems: Sequence[Unsupported]) -> None:
        super().__init__("")
        self.problems = problems


class Lowering:
    """Values of the graph by tensor of the file.

    A tensor is a constant of the file (`arrays`, in its own dtype), or a result of computing with sizes (`known`, integers that may
    be symbolic), or a value of the graph (`names`). The first two enter the graph only when a node reads them.
    """

    def __init__(self, subgraph: Subgraph, starts: Mapping[str, np.ndarray] | None = None) -> None:
        """`starts`: the values of variables behind handles before the first run, by name."""
        self.subgraph = subgraph
        self.builder = GraphBuilder()
        self.arrays: dict[int, np.ndarray] = {}
        self.known: dict[int, np.ndarray] = {}
        self.names: dict[int, str] = {}
        self.floats: dict[int, str] = {}  # of quantized tensors, the real numbers
        self.resized = False  # whether a size differs from the file's, so that constant target shapes may need to follow
        self.labels = _unique_names(subgraph.tensors)
        self.elements = ElementSymbols()
        self.variables = Variables(self.builder)
        self.starts = starts or {}
        self.handles = handles_of(subgraph)
        self.changed = changed_in(subgraph, self.handles)
        self._variants: dict[tuple[Any, ...], str] = {}
        self._bound: set[str] = set()
        made = {index for operator in subgraph.operators for index in operator.outputs}
        for tensor in subgraph.tensors:
            # Nothing is unknown about a tensor without elements, be it an input.
            empty = tensor.data is None and 0 in tensor.shape and tensor.index not in made
            if tensor.data is not None and tensor.dtype in _NUMPY_DTYPES:
                self.arrays[tensor.index] = decode_constant(tensor)
            elif empty and tensor.dtype in _NUMPY_DTYPES and all(size >= 0 for size in tensor.shape):
                self.arrays[tensor.index] = np.zeros(tensor.shape, tensor.dtype)
            elif tensor.data is not None and tensor.dtype in COMPLEX:
                self.arrays[tensor.index] = pairs_of(decode_constant(tensor))

    def add_variable(self, tensor: Tensor) -> None:
        """A tensor of zeros, in the first run: a state of the graph."""
        if tensor.index in self.variables:
            return
        if tensor.dtype not in FLOATS:
            raise Refused(f"a state of {tensor.dtype}", "Use the float32 version of the model")
        if any(size < 0 for size in tensor.shape):
            raise Refused(f"the variable {tensor.name!r} of the shape {list(tensor.shape)}, which is not fixed", FIX_SIZES)
        self.names[tensor.index] = self.variables.add(tensor.index, self.labels[tensor.index], np.zeros(tensor.shape, tensor.dtype))

    def value(self, index: int) -> str:
        """The graph's name for a tensor; a constant is added to the graph when it is first asked for."""
        if index in self.names:
            return self.names[index]
        tensor = self.subgraph.tensors[index]
        if index in self.known:
            dims = self.known[index]
            if any(isinstance(dim, Expression) for dim in dims.reshape(-1)):
                self.names[index] = self._as(measured(self.builder, dims, self.labels[index]), tensor.dtype)
                return self.names[index]
            self.arrays[index] = np.array(dims, np.int64).astype(tensor.dtype)
        self.names[index] = self.constant(self.arrays[index], self.labels[index])
        return self.names[index]

    def _as(self, value: str, dtype: str) -> str:
        to = canonical_dtype(dtype)
        return value if self.builder.dtype(value) == to else self.builder.node("cast", [value], {"to": to})

    def constant(self, array: np.ndarray, name: str) -> str:
        """Add a constant; float16 stays as it is, everything else becomes canonical."""
        return add_constant(self.builder, array, name)

    def permuted(self, index: int, permutation: Sequence[int], shape: Sequence[int] | None = None) -> str:
        """A tensor with its axes permuted (then reshaped): done at once, and only once, for a constant."""
        key = (index, tuple(permutation), tuple(shape or ()))
        if index in self.arrays:
            if key not in self._variants:
                array = self.arrays[index].transpose(permutation)
                self._variants[key] = self.constant(array if shape is None else array.reshape(shape), self.labels[index])
            return self._variants[key]
        value = self.builder.node("transpose", [self.value(index)], {"permutation": list(permutation)}, name=f"{self.labels[index]}/transpose")
        return value if shape is None else self.builder.node("reshape", [value], {"shape": list(shape)}, name=f"{self.labels[index]}/reshape")

    def forget(self, indices: Iterable[int]) -> None:
        """Let tensors be made again, as those of a body are when it is lowered once more."""
        for index in indices:
            for kept in (self.names, self.arrays, self.known, self.floats):
                kept.pop(index, None)
            self.elements.arrays.pop(self.labels[index], None)

    def drop(self, gone: Collection[str]) -> None:
        """Let no tensor be one of these values any more, which left the graph."""
        self.names = {index: value for index, value in self.names.items() if value not in gone}
        self.floats = {index: value for index, value in self.floats.items() if value not in gone}
        self._variants = {key: value for key, value in self._variants.items() if value not in gone}

    def bind(self, index: int, value: str, first_node: int) -> None:
        """Let a value stand for a tensor; one that was made since `first_node` takes the tensor's name."""
        if value not in self._bound:
            made, value = value, self.builder.renamed(value, self.labels[index], first_node)
            self.variables.rename(made, value)
        self._bound.add(value)
        self.names[index] = value


class Call(TypedEmitter):
    """One operator, as a lowering function sees it. Inputs are counted from 0; the function returns its outputs."""

    def __init__(self, lowering: Lowering, operator: Operator, options: str | None) -> None:
        super().__init__(lowering.builder, lowering.labels[operator.outputs[0]] if operator.outputs else operator.name)
        self.lowering = lowering
        self.operator = operator
        self._expected = options

    @property
    def where(self) -> str:
        """The operator's place in the file, and the name of what it makes."""
        return place(self.lowering.subgraph, self.operator)

    @property
    def options(self) -> Table:
        """The operator's options, or their defaults when the file has none."""
        assert self._expected is not None
        if self.operator.options_type == 0:
            return schema.MODEL.defaults(self._expected)
        options = self.operator.options
        if options is None or options.table != self._expected:
            found = options.table if options is not None else f"number {self.operator.options_type}"
            self.fail(f"its options are of the kind {found}, expected {self._expected}")
        return options

    def __len__(self) -> int:
        return len(self.operator.inputs)

    def has(self, i: int) -> bool:
        return i < len(self.operator.inputs) and self.operator.inputs[i] >= 0

    def tensor(self, i: int) -> Tensor:
        """The tensor of input `i`, as the file declares it."""
        if not self.has(i):
            self.fail(f"input {i} is missing; it has {len(self.operator.inputs)}")
        return self.lowering.subgraph.tensors[self.operator.inputs[i]]

    def output(self, i: int = 0) -> Tensor:
        """The tensor of output `i`, as the file declares it."""
        return self.lowering.subgraph.tensors[self.operator.outputs[i]]

    def label_of(self, i: int) -> str:
        """The name in the graph of the tensor of input `i`."""
        return self.lowering.labels[self.tensor(i).index]

    @property
    def output_count(self) -> int:
        return len(self.operator.outputs)

    def read_sizes(self) -> Iterable[Dim]:
        for index in self.operator.inputs:
            if index in self.lowering.names:
                yield from self.lowering.elements.arrays.get(self.lowering.labels[index], _NONE).reshape(-1)
                yield from self.builder.shape(self.lowering.names[index])

    def value(self, i: int) -> str:
        return self.lowering.value(self.tensor(i).index)

    def variable(self, i: int, shape: Sequence[Dim]) -> str:
        """The latest value of input `i`, which is kept from run to run (or an input of the model), in this shape."""
        index = self.tensor(i).index
        value = self.lowering.variables.latest(index) if index in self.lowering.variables else self.lowering.value(index)
        if product(self.builder.shape(value)) != product(list(shape)):
            self.fail(f"its state {self.tensor(i).name!r} has the shape {self.builder.shape(value)}, expected {list(shape)}")
        return self.reshape(value, shape)

    def keep(self, i: int, value: str) -> None:
        """Let a value be the latest of input `i`."""
        index = self.tensor(i).index
        if index in self.lowering.variables:
            self.lowering.variables.assign(index, self.reshape(value, self.builder.shape(self.lowering.names[index])))

    def values(self) -> list[str]:
        """All inputs, of which there must be some."""
        if not len(self):
            self.fail("it has no inputs")
        return [self.value(i) for i in range(len(self))]

    def array(self, i: int) -> np.ndarray | None:
        """The values of input `i` in the file's dtype, when they are constant."""
        return self.lowering.arrays.get(self.tensor(i).index)

    def permuted(self, i: int, permutation: Sequence[int]) -> str:
        """Input `i` with its axes permuted: done at once for a constant."""
        return self.lowering.permuted(self.tensor(i).index, permutation)

    def known(self, i: int) -> np.ndarray | None:
        """The integers of input `i`, some perhaps symbolic, as an array of objects; `None` when they are not known."""
        tensor = self.tensor(i)
        if tensor.index in self.lowering.known:
            return self.lowering.known[tensor.index]
        array = self.lowering.arrays.get(tensor.index)
        if array is None or array.dtype.kind not in "iu" or array.size > KNOWN_LIMIT:
            return None
        known = np.empty(array.shape, object)
        known[...] = array.tolist()
        return known

    def dims(self, i: int, what: str) -> list[Dim]:
        """Input `i` as a flat list of sizes; refused when they are known only when the model runs."""
        known = self.known(i)
        if known is None:
            raise Refused(f"{what} ({self.tensor(i).name!r}): known only when the model runs", "Make it a constant in the source model")
        return list(known.reshape(-1))

    def told(self, i: int, what: str) -> list[Dim]:
        """The same, where what a run reads from an input, or computes, is welcome: symbols for its elements, which may be negative."""
        elements, label = self.lowering.elements, self.label_of(i)
        if label not in elements.arrays and self.known(i) is None and self.dtype(i) == "i32":
            value = self.value(i)
            elements.add(label, value, self.builder.shape(value))
        array = elements.arrays.get(label)
        return self.dims(i, what) if array is None else list(array.reshape(-1))

    def ints(self, i: int, what: str) -> list[int]:
        """Input `i` as a flat list of integers, none of them symbolic."""
        dims = self.dims(i, what)
        for dim in dims:
            if not isinstance(dim, int):
                raise Refused(f"{what} is {dim}, which depends on the sizes of the inputs", "Fix the sizes of the inputs: --input NAME=SHAPE")
        return dims  # type: ignore[return-value]

    def shape(self, i: int) -> list[Dim]:
        """The shape of input `i`, as it was inferred."""
        index = self.tensor(i).index
        if index in self.lowering.known:
            return list(self.lowering.known[index].shape)
        if index in self.lowering.arrays:
            return list(self.lowering.arrays[index].shape)
        return self.builder.shape(self.value(i))

    def sizes(self, i: int, what: str) -> list[int]:
        """The shape of input `i`, which must not be symbolic."""
        shape = self.shape(i)
        for size in shape:
            if not isinstance(size, int):
                raise Refused(f"the shape {[str(dim) for dim in shape]} of {what} is not fixed", "Fix the sizes of the inputs: --input NAME=SHAPE")
        return shape  # type: ignore[return-value]

    def rank(self, i: int, *expected: int) -> int:
        """The rank of input `i`; an error unless it is one of those expected."""
        rank = len(self.shape(i))
        if expected and rank not in expected:
            self.fail(f"input {i} ({self.tensor(i).name!r}) has rank {rank}, expected {' or '.join(map(str, expected))}")
        return rank

    def dtype(self, i: int) -> str:
        """The canonical dtype of input `i`."""
        return canonical_dtype(self.tensor(i).dtype)

    def back(self, value: str, i: int = 0) -> str:
        """A result as elements of the type of input `i`: 32-bit integers wrapped to its range, or truth values again."""
        dtype = self.tensor(i).dtype
        return self.cast(value, "bool") if dtype == "bool" else self.narrow(value, dtype)

    def one(self, i: int, what: str) -> int:
        """Input `i` as one number."""
        numbers = self.ints(i, what)
        if len(numbers) != 1:
            self.fail(f"{what} is {numbers}, expected one number")
        return numbers[0]

    def told_axes(self, i: int, what: str, rank: int) -> list[Dim]:
        """Input `i` as axes counted from the front, perhaps such as only a run tells."""
        return told_axes(self, self.lowering.elements, self.told(i, what), rank)

    def told_one(self, i: int, what: str) -> Dim:
        """The same, where what a run reads from an input of the model is welcome."""
        numbers = self.told(i, what)
        if len(numbers) != 1:
            self.fail(f"{what} is {[str(number) for number in numbers]}, expected one number")
        return numbers[0]

    def choice(self, names: Sequence[str], number: int, what: str) -> str:
        """The name of an enumeration's entry; refused when the number is unknown."""
        if not 0 <= number < len(names):
            raise Refused(f"the {what} number {number} is not known; known: {', '.join(names)}")
        return names[number]

    def activate(self, value: str, activation: int) -> str:
        """The value after a fused activation function."""
        name = self.choice(schema.ACTIVATIONS, activation, "activation function")
        if name == "NONE":
            return value
        if name not in ("RELU", "RELU6", "RELU_N1_TO_1", "TANH"):
            raise Refused(f"the fused activation function {name}")
        if name == "TANH":
            return self.node("tanh", [value])
        low, high = {"RELU": (0.0, math.inf), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}[name]
        if self.builder.dtype(value) == "f32":
            return self.node("relu", [value]) if high == math.inf else self.node("clip", [value], minimum=low, maximum=high)
        value = self.node("max", [value, self.like(low, value)])
        return value if high == math.inf else self.node("min", [value, self.like(high, value)])


# A value of the graph by its name, or the values themselves: of a constant, or of sizes (an array of objects).
Lower = Callable[[Call], "str | np.ndarray | Sequence[str | np.ndarray]"]


_NONE = np.empty(0, object)
_NUMPY_DTYPES = {"float32", "float16", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"}


def _unique_names(tensors: Sequence[Tensor]) -> dict[int, str]:
    names: dict[int, str] = {}
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for tensor in tensors:
        base = name = tensor.name or f"tensor_{tensor.index}"
        while name in taken:
            counts[base] = counts.get(base, 0) + 1
            name = f"{base}.{counts[base]}"
        taken.add(name)
        names[tensor.index] = name
    return names
