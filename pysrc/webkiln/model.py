"""The public Python API: `convert`, `load`, and `Model`."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from webkiln import importers, passes, reference, rounding, webformat
from webkiln.errors import FormatError, InputError, ShapeError
from webkiln.graph.bundle import Bundle
from webkiln.graph.dims import Dim, Shape
from webkiln.graph.dtypes import CANONICAL, COMPLEX, as_source, canonical_dtype, pairs_of, to_canonical
from webkiln.graph.graph import Graph
from webkiln.graph.signature import Argument, Signature
from webkiln.precision import store
from webkiln.precision.encode import KINDS
from webkiln.precision.judge import errors_against
from webkiln.precision.samples import Sample, generated_samples
from webkiln.precision.tradeoff import Row, trade_off
from webkiln.tasks.inputs import picture_part, prepared
from webkiln.webformat.golden import channels_of


@dataclass(frozen=True)
class ModelArgument:
    """An input or output, as a user sees it: `name`, `dtype` (a NumPy name, the source's), `shape` (symbolic sizes as strings)."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


class Model:
    """A converted model. `run` executes it with the NumPy reference; state, if it has any, is kept from run to run."""

    def __init__(self, bundle: Bundle, signature: str | None = None) -> None:
        self.bundle = bundle
        self.signature = _choose(bundle, signature)
        self._state: dict[str, np.ndarray] = {}

    @property
    def name(self) -> str:
        return self.bundle.name

    @property
    def graph(self) -> Graph:
        """The whole graph, of all signatures."""
        return self.bundle.graph

    @property
    def provenance(self) -> dict[str, str]:
        return self.bundle.provenance

    @property
    def inputs(self) -> list[ModelArgument]:
        return [_public(argument) for argument in self.signature.inputs]

    @property
    def outputs(self) -> list[ModelArgument]:
        return [_public(argument) for argument in self.signature.outputs]

    @property
    def processing(self) -> dict[str, Any]:
        """Typed pre- and post-processing, as model.json has it."""
        return self.bundle.processing

    def __repr__(self) -> str:
        def show(arguments: Sequence[ModelArgument]) -> str:
            return ", ".join(f"{one.name}: {one.dtype}{list(one.shape)}" for one in arguments)

        return f"<webkiln.Model {self.name!r} ({show(self.inputs)}) -> ({show(self.outputs)})>"

    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Run with the NumPy reference.

        `inputs`: name → array of the shape and dtype that `Model.inputs` says (a dtype that converts without loss is taken too; complex
        numbers also as real arrays with one more axis, of their parts). For an input that `processing` describes as a picture, also a
        picture: uint8 [height, width, 3 or 4], an image of Pillow, the path of one, or `{"picture": …, "region": webkiln.tasks.Region(…)}`.
        Returns name → array, of the source's dtypes. Raises `InputError` for a wrong name, shape or dtype.
        """
        values = self._run(self._feeds(inputs))
        self._state = {state.input: values[state.output] for state in self.graph.state}
        return {
            argument.name: as_source(values[argument.value], argument.dtype) for argument in self.signature.outputs
        }

    def trace(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Every value that a node makes, by its name in the graph. State stays as it is."""
        return self._run(self._feeds(inputs), keep=True)

    def _run(self, feeds: Mapping[str, np.ndarray], *, keep: bool = False) -> dict[str, np.ndarray]:
        try:
            return reference.run(self._active, feeds, keep=keep)
        except ShapeError as error:
            if not self._active.elements:
                raise
            given = ", ".join(f"{name}: {feeds[name].tolist()}" for name in self._active.elements if name in feeds)
            what = f"the elements of the inputs ({given}) are" if given else "what the model computes from these inputs gives"
            raise InputError(f"{what} sizes or positions that do not fit: {error}") from None

    def tolerances(self, inputs: Mapping[str, Any]) -> dict[str, float]:
        """How far, relative to its largest magnitude, a float32 backend may be from `run` in each output for these inputs.

        1e-5, and more only where the model itself amplifies rounding (see `webkiln.rounding`).
        """
        graph, feeds = self._active, self._feeds(inputs)
        shapes = reference.run(graph, feeds)
        arguments = self.signature.outputs
        channels = {one.value: channels_of(self.bundle, one.name, shapes[one.value].shape) for one in arguments}
        allowed = rounding.tolerances(graph, feeds, channels)
        return {one.name: allowed[one.value] for one in arguments}

    def trace_tolerances(self, inputs: Mapping[str, Any]) -> dict[str, float]:
        """The same for every value that a node makes, by its name in the graph."""
        return rounding.tolerances(self._active, self._feeds(inputs), {name: 0 for node in self._active.nodes for name in node.outputs})

    def quantized(
        self,
        kind: str | None = None,
        *,
        max_error: float | None = None,
        prune: float | None = None,
        samples: Sequence[Mapping[str, Any]] | None = None,
        seconds: float = 60.0,
        note: Callable[[str], None] = lambda text: None,
    ) -> Model:
        """The model with its weights in fewer bits; this one stays as it is.

        `kind`: `"f16"`, `"uint16"`, `"int8"`, `"uint8"` or `"int4"` (or `"f32"`, for what is stored in fewer bits). `prune`: a share of weights
        that become 0, those of the smallest magnitude in each tensor. `max_error`: how far an output may be from float32 (relative to its
        largest magnitude; probabilities as such): every layer gets the fewest bits, not fewer than those of `kind`, with which the error on the samples
        stays below. Measuring takes runs of the model, for `seconds` and little more; `note` is told of the progress.
        `samples`: inputs as `run` takes them; generated ones by default. Raises `WebkilnError` for what is not known or cannot be kept.
        In models of pictures, biases take off what weights of at most 8 bits, or pruned, add in the mean (`webkiln.precision.bias_correction`).
        """
        bundle = store.stored(
            self.bundle, kind, max_error=max_error, prune=prune, samples=None if samples is None else self._samples(samples), seconds=seconds, note=note
        )
        return Model(bundle, self.signature.name)

    def errors_against(self, exact: Model, samples: Sequence[Mapping[str, Any]] | None = None) -> dict[str, float]:
        """How far each output is from that of a model which differs only in the precision of its weights.

        The largest error over the samples (inputs as `run` takes them; generated ones by default), relative to the largest magnitude of each
        quantity; of probabilities as such, of integers the share that differs.
        """
        return errors_against(exact.bundle, self.bundle, exact._samples(samples))

    def trade_off(
        self,
        samples: Sequence[Mapping[str, Any]] | None = None,
        *,
        kinds: Sequence[str] = tuple(KINDS),
        milliseconds: Callable[[Model], float] | None = None,
        note: Callable[[str], None] = lambda text: None,
    ) -> Iterator[Row]:
        """What each precision costs and gives: a row for each, as soon as it is measured (see `webkiln.precision.tradeoff.Row`).

        `milliseconds` runs a model and gives its time, as a `Session` measures it; `note` is told what is being done.
        """
        time = None if milliseconds is None else lambda bundle: milliseconds(Model(bundle, self.signature.name))
        return trade_off(self.bundle, self._samples(samples), kinds=kinds, time=time, note=note)

    def _samples(self, samples: Sequence[Mapping[str, Any]] | None) -> list[Sample]:
        if samples is None:
            return generated_samples(self.bundle)
        made = []
        for inputs in samples:
            checked = self.check_inputs(inputs)
            made.append(Sample(self.signature, {argument.value: checked[argument.name] for argument in self.signature.inputs}))
        return made

    def reset(self) -> None:
        """Put the state back to its initial value."""
        self._state = {}

    def save(self, folder: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the model in the web format. An existing folder that is not empty is refused without `force`."""
        webformat.write(self.bundle, folder, force=force)

    def check_inputs(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The inputs by name in canonical dtypes; `InputError` says which is wrong, what was wanted and what was given."""
        checked: dict[str, np.ndarray] = {}
        symbols: dict[str, int] = {}
        wanted = {argument.name: argument for argument in self.signature.inputs}
        # An input also goes by its name inside the graph, which is that of the tensor in the source, unless another argument has it.
        inside = {argument.value: argument.name for argument in self.signature.inputs if argument.value not in wanted}
        for name in inputs:
            if name not in wanted and name not in inside:
                raise InputError(f"there is no input {name!r}; this model takes: {', '.join(map(repr, wanted)) or 'none'}")
            if name in inside and inside[name] in inputs:
                raise InputError(f"the input {inside[name]!r} is given twice, as {name!r} too")
        inputs = {inside.get(name, name): array for name, array in inputs.items()}
        for name, argument in wanted.items():
            if name not in inputs:
                raise InputError(f"the input {name!r} is missing; wanted {argument.dtype} {reference.show_shape(argument.shape)}")
            array = self._prepared(argument, inputs[name])
            if argument.dtype in COMPLEX and array.dtype.kind == "c":
                array = pairs_of(array)
            if not _converts(array, argument.dtype):
                raise InputError(f"the input {name!r} has dtype {array.dtype.name}, wanted {argument.dtype}")
            if not reference.match_shape(argument.shape, array.shape, symbols):
                raise InputError(
                    f"the input {name!r} has shape {list(array.shape)}, wanted {reference.show_shape(argument.shape)}"
                )
            checked[name] = _canonical(array, argument)
        elements = reference.bind_elements(self.graph, {argument.value: checked[argument.name] for argument in self.signature.inputs})
        for symbol, element in elements.items():
            if symbols.setdefault(symbol, element) != element:
                raise InputError(f"an element of the inputs makes {symbol} {element}, and a size makes it {symbols[symbol]}")
        for symbol, size in symbols.items():
            _check_symbol(symbol, size, self.bundle.symbols.get(symbol, {}))
        return checked

    def _prepared(self, argument: Argument, value: Any) -> np.ndarray:
        """The array of an input, made of a picture where one was given."""
        spec = self.processing.get("inputs", {}).get(argument.name, {})
        if spec.get("type") == "picture":
            try:
                part = picture_part(value, spec, len(argument.shape))
                if part is not None:
                    return prepared(part, spec, argument.dtype, len(argument.shape))
            except InputError as error:
                raise InputError(f"the input {argument.name!r}: {error}") from None
        return _array(argument.name, value)

    @functools.cached_property
    def _active(self) -> Graph:
        """The part of the graph that this signature needs."""
        return self.bundle.part(self.signature)

    def _feeds(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        checked = self.check_inputs(inputs)
        feeds = {argument.value: checked[argument.name] for argument in self.signature.inputs}
        symbols = reference.bind_elements(self._active, feeds)
        for argument in self.signature.inputs:
            reference.match_shape(argument.shape, feeds[argument.value].shape, symbols)
        for state in self.graph.state:
            kept = self._state.get(state.input)
            feeds[state.input] = reference.initial_state(self.graph, state, symbols) if kept is None else kept
        return feeds


def convert(
    source: str | os.PathLike[str],
    *,
    quantize: str | None = None,
    max_error: float | None = None,
    prune: float | None = None,
    samples: Sequence[Mapping[str, Any]] | None = None,
    inputs: Mapping[str, Sequence[int | str]] | None = None,
    signature: str | None = None,
) -> Model:
    """Convert a model from a file of its framework.

    `quantize`, `max_error`, `prune`, `samples`: how weights are stored, as `Model.quantized` says. `inputs`: shapes that replace the source's; a string is a symbolic size.
    `signature`: which of the source's signatures; the first one by default.
    Raises `UnsupportedOperatorError` (all that is missing, at once), `UnsupportedFormatError`, `FormatError`, and `InputError` for
    shapes that leave an output empty.
    """
    path = Path(source)
    imported = importers.read(path, inputs=dict(inputs) if inputs else None, signature=signature)
    if inputs:
        _check_room(imported.signatures, inputs)
    graph = passes.optimize(imported.graph)
    bundle = Bundle(
        graph=graph,
        signatures=imported.signatures,
        name=imported.name,
        symbols=imported.symbols,
        processing=imported.processing,
        provenance={
            "source": path.name,
            "source_format": imported.format,
            "source_sha256": hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            **imported.metadata,
        },
    )
    model = Model(bundle)
    asked = (quantize, max_error, prune)
    return model if all(one is None for one in asked) else model.quantized(quantize, max_error=max_error, prune=prune, samples=samples)


def _check_room(signatures: Sequence[Signature], inputs: Mapping[str, Sequence[int | str]]) -> None:
    """Windows that find no room give outputs without elements: too small an input has to be told, not converted."""
    if any(size == 0 for shape in inputs.values() for size in shape):
        return  # nothing was asked for
    for argument in (one for signature in signatures for one in signature.outputs):
        if 0 in argument.shape:
            given = ", ".join(f"{name}: {list(shape)}" for name, shape in inputs.items())
            raise InputError(
                f"with the input shapes given ({given}) the output {argument.name!r} has the shape "
                f"{reference.show_shape(argument.shape)}, which is empty: the model needs larger inputs"
            )


def load(folder: str | os.PathLike[str], *, signature: str | None = None) -> Model:
    """Load a model from a folder in the web format. Raises `FormatError` for anything that is wrong with it."""
    return Model(webformat.read(folder), signature)


def _choose(bundle: Bundle, name: str | None) -> Signature:
    if name is None:
        return bundle.signatures[0]
    for signature in bundle.signatures:
        if signature.name == name:
            return signature
    known = ", ".join(repr(signature.name) for signature in bundle.signatures)
    raise InputError(f"the model has no signature {name!r}; it has: {known}")


def _public(argument: Argument) -> ModelArgument:
    shape = _public_shape(argument.shape)
    return ModelArgument(argument.name, argument.dtype, shape[:-1] if argument.dtype in COMPLEX else shape)


def _public_shape(shape: Shape) -> tuple[int | str, ...]:
    return tuple(dim if isinstance(dim, int) else str(dim) for dim in shape)


def _array(name: str, value: Any) -> np.ndarray:
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise InputError(f"the input {name!r} is not an array: {error}") from None


def _canonical(array: np.ndarray, argument: Argument) -> np.ndarray:
    """The array in the canonical dtype. Integers that do not fit in the argument's dtype are refused, never wrapped."""
    dtype, what = np.dtype(argument.dtype), f"the input {argument.name!r}"
    if dtype.kind in "fc":
        with np.errstate(over="ignore"):
            return array.astype(np.float32, copy=False)
    if dtype.kind in "iu" and array.size:
        low, high, limits = int(array.min()), int(array.max()), np.iinfo(dtype)
        if low < limits.min or high > limits.max:
            raise InputError(f"{what} holds {low if low < limits.min else high}, which does not fit in {argument.dtype}")
    try:
        return to_canonical(array, what).astype(CANONICAL[canonical_dtype(argument.dtype)], copy=False)
    except FormatError as error:
        raise InputError(str(error)) from None


def _converts(array: np.ndarray, dtype: str) -> bool:
    """Whether an array may stand for the dtype: the same kind of number (an integer may stand for a float)."""
    kinds = {"f": "fiu", "c": "fiu", "i": "iu", "u": "iu", "b": "b"}
    return array.dtype.kind in kinds[np.dtype(dtype).kind] and array.dtype.itemsize <= 8


def _check_symbol(name: str, size: Dim, rule: Mapping[str, int]) -> None:
    assert isinstance(size, int)
    low, high, multiple = rule.get("minimum", 1), rule.get("maximum", 2**31 - 1), rule.get("multiple", 1)
    if not low <= size <= high or size % multiple:
        step = f", a multiple of {multiple}" if multiple > 1 else ""
        raise InputError(f"the size {name} is {size}, wanted {low} to {high}{step}")
