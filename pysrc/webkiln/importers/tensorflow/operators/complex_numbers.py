"""Operators on complex numbers, and those that make them. Their values are pairs: they have one more axis, the last."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from webkiln.graph.dims import Dim
from webkiln.graph.dtypes import COMPLEX
from webkiln.importers.emitter import Refused
from webkiln.importers.known import objects
from webkiln.importers.lowerings import complex_numbers
from webkiln.importers.lowerings.movement import squeezed
from webkiln.importers.lowerings.slicing import sliced
from webkiln.importers.lowerings.spectrum import transform_axes, transform_real, transform_to_real
from webkiln.importers.shapes import resolve_shape
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.registry import lowers_complex
from webkiln.importers.tensorflow.strides import strided_ranges_of

WIDER = {"float32": "complex64", "float64": "complex128"}
PARTS = {complex_: real for real, complex_ in WIDER.items()}
TRANSFORMS = {"FFT": (1, False), "FFT2D": (2, False), "FFT3D": (3, False), "IFFT": (1, True), "IFFT2D": (2, True), "IFFT3D": (3, True)}
REAL_TRANSFORMS = {"RFFT": (1, False), "RFFT2D": (2, False), "RFFT3D": (3, False), "IRFFT": (1, True), "IRFFT2D": (2, True), "IRFFT3D": (3, True)}


def _complex(call: Call, value: str, i: int = 0) -> Typed:
    """Pairs of the type of input `i`, or of the complex type whose parts are of that type."""
    dtype = call.dtype(i)
    return Typed(value, dtype if dtype in COMPLEX else WIDER.get(dtype, "complex64"))


def _pairs(call: Call, i: int) -> str:
    """Input `i`, which must be complex."""
    if call.dtype(i) not in COMPLEX:
        call.fail(f"elements of {call.dtype(i)}, expected complex numbers")
    return call.value(i)


def _shape(call: Call, i: int) -> list[Dim]:
    """The shape of input `i` without the axis of the parts."""
    return call.builder.shape(_pairs(call, i))[:-1]


@lowers_complex("Complex")
def complex_of(call: Call) -> Typed:
    if call.dtype(0) not in WIDER:
        call.fail(f"parts of {call.dtype(0)}")
    # Either part may be broadcast to the shape of both, which is that of a sum.
    shape = call.builder.shape(call.node("add", [call.value(0), call.value(1)]))
    return _complex(call, complex_numbers.pairs_of(call, *(call.node("expand", [call.value(i)], shape=shape) for i in (0, 1))))


def _part(of: Callable[[Call, str], str]) -> Callable[[Call], Typed]:
    return lambda call: Typed(of(call, _pairs(call, 0)), PARTS[call.dtype(0)])


lowers_complex("Real")(_part(lambda call, x: complex_numbers.parts_of(call, x)[0]))
lowers_complex("Imag")(_part(lambda call, x: complex_numbers.parts_of(call, x)[1]))
lowers_complex("ComplexAbs")(_part(complex_numbers.magnitude))
lowers_complex("Angle")(_part(complex_numbers.angle))


def _unary(of: Callable[[Call, str], str]) -> Callable[[Call], Typed]:
    return lambda call: _complex(call, of(call, _pairs(call, 0)))


lowers_complex("Conj")(_unary(complex_numbers.conjugate))
lowers_complex("Exp")(_unary(complex_numbers.exponential))
lowers_complex("Neg")(_unary(lambda call, x: call.node("neg", [x])))
lowers_complex("Square")(_unary(lambda call, x: complex_numbers.multiply(call, x, x)))
lowers_complex("Identity", "Snapshot", "StopGradient")(_unary(lambda call, x: x))
lowers_complex("ZerosLike")(_unary(lambda call, x: call.node("expand", [call.like(0.0, x)], shape=call.builder.shape(x))))


def _binary(of: Callable[[Call, str, str], str]) -> Callable[[Call], Typed]:
    return lambda call: _complex(call, of(call, _pairs(call, 0), _pairs(call, 1)))


lowers_complex("Add", "AddV2")(_binary(lambda call, x, y: call.node("add", [x, y])))
lowers_complex("Sub")(_binary(lambda call, x, y: call.node("sub", [x, y])))
lowers_complex("Mul")(_binary(complex_numbers.multiply))
lowers_complex("Div", "RealDiv")(_binary(complex_numbers.divide))


@lowers_complex(*TRANSFORMS)
def transform(call: Call) -> Typed:
    """Of the last axes of complex numbers."""
    count, inverse = TRANSFORMS[call.source.op]
    lengths = _shape(call, 0)[-count:]
    if len(lengths) < count or not all(isinstance(length, int) for length in lengths):
        raise Refused(f"a transform of {count} axes of {[str(size) for size in _shape(call, 0)]}")
    return _complex(call, transform_axes(call, call.value(0), [length for length in lengths if isinstance(length, int)], inverse))


@lowers_complex(*REAL_TRANSFORMS)
def real_transform(call: Call) -> Typed:
    """Between real numbers and the half of the complex ones that tells the other, cut or filled up with zeros to the lengths."""
    count, inverse = REAL_TRANSFORMS[call.source.op]
    lengths = call.ints(1, "the lengths of the transform")
    if len(lengths) != count or len(_shape(call, 0) if inverse else call.shape(0)) < count:
        call.fail(f"a transform of {count} axes of the lengths {lengths} of {call.shape(0)}")
    if inverse:
        return Typed(transform_to_real(call, _pairs(call, 0), lengths), PARTS[call.dtype(0)])
    return _complex(call, transform_real(call, call.value(0), lengths))


@lowers_complex("Cast")
def cast(call: Call) -> Typed:
    """From real numbers; to them, the imaginary part is dropped."""
    target = call.text("DstT")
    if target in COMPLEX:
        return Typed(call.value(0) if call.dtype(0) in COMPLEX else complex_numbers.from_real(call, call.cast(call.value(0), "f32")), target)
    if target not in WIDER:
        raise Refused(f"complex numbers as {target}")
    return Typed(complex_numbers.parts_of(call, call.value(0))[0], target)


# What moves elements moves pairs.


@lowers_complex("Reshape")
def reshape(call: Call) -> Typed:
    try:
        shape = resolve_shape(_shape(call, 0), call.dims(1, "the new shape"), call.lowering.resized)
    except ValueError as error:
        call.fail(str(error))
    return _complex(call, call.reshape(call.value(0), [*shape, 2]))


@lowers_complex("ExpandDims")
def expand_dims(call: Call) -> Typed:
    shape = _shape(call, 0)
    axis = call.axis_input(1, len(shape) + 1)
    return _complex(call, call.reshape(call.value(0), [*shape[:axis], 1, *shape[axis:], 2]))


@lowers_complex("Squeeze")
def squeeze(call: Call) -> Typed:
    named = call.integers("squeeze_dims") or call.integers("axis")
    return _complex(call, squeezed(call, call.value(0), named, pairs=True))


@lowers_complex("Transpose", "ConjugateTranspose")
def transpose(call: Call) -> Typed:
    rank = len(_shape(call, 0))
    permutation = [call.axis(axis, rank) for axis in call.ints(1, "the permutation")]
    moved = call.node("transpose", [call.value(0)], permutation=[*permutation, rank])
    return _complex(call, moved if call.source.op == "Transpose" else complex_numbers.conjugate(call, moved))


@lowers_complex("ConcatV2")
def concat(call: Call) -> Typed:
    last = len(call) - 1
    axis = call.axis_input(last, len(_shape(call, 0)))
    return _complex(call, call.node("concat", [_pairs(call, i) for i in range(last)], axis=axis))


@lowers_complex("Pack")
def pack(call: Call) -> Typed:
    shape = _shape(call, 0)
    axis = call.axis(call.integer("axis", 0), len(shape) + 1)
    if any(_shape(call, i) != shape for i in range(len(call))):
        call.fail("its inputs differ in shape")
    rows = [call.reshape(_pairs(call, i), [*shape[:axis], 1, *shape[axis:], 2]) for i in range(len(call))]
    return _complex(call, call.node("concat", rows, axis=axis))


@lowers_complex("StridedSlice")
def strided_slice(call: Call) -> Typed:
    start, size, step, result = strided_ranges_of(call, _shape(call, 0))
    return _complex(call, call.reshape(sliced(call, call.value(0), [*start, 0], [*size, 2], [*step, 1]), [*result, 2]))


@lowers_complex("Shape")
def shape_of(call: Call) -> Typed:
    return Typed(objects(_shape(call, 0)), call.text("out_type", "int32"))


@lowers_complex("Rank")
def rank_of(call: Call) -> np.ndarray:
    return objects(len(_shape(call, 0)))
