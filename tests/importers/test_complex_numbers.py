"""Complex numbers and Fourier transforms in models of TFLite and TensorFlow.js, in NumPy and in JavaScript alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tfjs_writer
import tflite_writer
import webkiln
from webkiln.errors import FormatError, InputError, UnsupportedOperatorError
from webkiln.parity.compare import compare
from webkiln.parity.golden import check_golden

RNG = np.random.default_rng(8)
Array = Any


def complex_of(*shape: int) -> Array:
    return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype(np.complex64)


def f32(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


def i32(*numbers: int) -> Array:
    return np.array(numbers, np.int32)


X, Y, ROW = complex_of(2, 3, 4), complex_of(2, 3, 4), complex_of(4)
SIGNAL, MATRIX = f32(2, 3, 10), complex_of(2, 5, 6)
EXTREMES = np.array([3e30 + 4e30j, 3e-30 - 4e-30j, 0, complex(np.inf, 1), complex(1, -np.inf), complex(np.nan, 1)], np.complex64)


class Const(NamedTuple):
    array: Array


class Case(NamedTuple):
    op: str
    inputs: list[Array]  # of the model, or Const
    expected: Callable[..., Array]
    options: dict[str, Any] = {}  # noqa: RUF012


def signs(x: Array) -> Array:
    return np.angle(x).astype(np.float32)


TENSORFLOW: dict[str, Case] = {
    "complex": Case("Complex", [f32(2, 3), f32(3)], lambda a, b: a + 1j * b),
    "real": Case("Real", [X], np.real),
    "imaginary": Case("Imag", [X], np.imag),
    "magnitude": Case("ComplexAbs", [X], np.abs),
    "angle": Case("Angle", [X], signs),
    "conjugate": Case("Conj", [X], np.conj),
    "exponential": Case("Exp", [X], np.exp),
    "negative": Case("Neg", [X], np.negative),
    "square": Case("Square", [X], np.square),
    "zeros": Case("ZerosLike", [X], np.zeros_like),
    "same": Case("Identity", [X], lambda x: x),
    "sum": Case("AddV2", [X, ROW], np.add),
    "difference": Case("Sub", [ROW, X], np.subtract),
    "product": Case("Mul", [X, ROW], np.multiply),
    "product with a constant": Case("Mul", [X, Const(Y)], np.multiply),
    "quotient": Case("RealDiv", [X, Y], np.divide),
    "quotient of large numbers": Case("Div", [X * np.float32(1e25), Y * np.float32(1e25)], np.divide),
    "cast": Case("Cast", [f32(2, 3)], lambda x: x.astype(np.complex64), {"DstT": "DT_COMPLEX64"}),
    "cast of integers": Case("Cast", [i32(2, -3)], lambda x: x.astype(np.complex64), {"DstT": "DT_COMPLEX64"}),
    "cast to real": Case("Cast", [X], np.real, {"DstT": "DT_FLOAT"}),
    "reshape": Case("Reshape", [X, Const(i32(4, -1))], lambda x, shape: x.reshape(shape)),
    "expand": Case("ExpandDims", [X, Const(np.array(-1, np.int32))], np.expand_dims),
    "squeeze": Case("Squeeze", [complex_of(2, 1, 3, 1)], np.squeeze),
    "transpose": Case("Transpose", [X, Const(i32(2, 0, 1))], np.transpose),
    "conjugate and transpose": Case("ConjugateTranspose", [X, Const(i32(0, 2, 1))], lambda x, order: x.transpose(order).conj()),
    "concat": Case("ConcatV2", [X, Y, Const(np.array(-1, np.int32))], lambda x, y, axis: np.concatenate([x, y], axis)),
    "pack": Case("Pack", [X, Y], lambda x, y: np.stack([x, y], 3), {"axis": 3}),
    "slice": Case(
        "StridedSlice", [X, Const(i32(0, 1, 3)), Const(i32(0, 3, 0)), Const(i32(1, 1, -1))],
        lambda x, *_: x[0, 1:3, 3:0:-1], {"shrink_axis_mask": 1},
    ),
    "shape": Case("Shape", [X], lambda x: np.array(x.shape, np.int32)),
    "rank": Case("Rank", [X], lambda x: np.array(x.ndim, np.int32)),
    "fft": Case("FFT", [X], np.fft.fft),
    "ifft": Case("IFFT", [X], np.fft.ifft),
    "fft2": Case("FFT2D", [MATRIX], np.fft.fft2),
    "ifft2": Case("IFFT2D", [MATRIX], np.fft.ifft2),
    "fft3": Case("FFT3D", [MATRIX], np.fft.fftn),
    "rfft": Case("RFFT", [SIGNAL, Const(i32(10))], lambda x, n: np.fft.rfft(x)),
    "rfft, cut": Case("RFFT", [SIGNAL, Const(i32(7))], lambda x, n: np.fft.rfft(x, 7)),
    "rfft, filled up": Case("RFFT", [SIGNAL, Const(i32(16))], lambda x, n: np.fft.rfft(x, 16)),
    "irfft": Case("IRFFT", [MATRIX, Const(i32(10))], lambda x, n: np.fft.irfft(x, 10)),
    "irfft, odd": Case("IRFFT", [MATRIX, Const(i32(11))], lambda x, n: np.fft.irfft(x, 11)),
    "irfft, cut": Case("IRFFT", [MATRIX, Const(i32(4))], lambda x, n: np.fft.irfft(x, 4)),
    "rfft2": Case("RFFT2D", [SIGNAL, Const(i32(4, 8))], lambda x, n: np.fft.rfft2(x, (4, 8))),
    "irfft2": Case("IRFFT2D", [MATRIX, Const(i32(5, 10))], lambda x, n: np.fft.irfft2(x, (5, 10))),
}  # fmt: skip
TFLITE: dict[str, Case] = {
    "real": Case("REAL", [X], np.real),
    "imaginary": Case("IMAG", [X], np.imag),
    "magnitude": Case("COMPLEX_ABS", [X], np.abs),
    "sum": Case("ADD", [X, ROW], np.add, {"table": "AddOptions"}),
    "difference": Case("SUB", [X, ROW], np.subtract, {"table": "SubOptions"}),
    "product": Case("MUL", [X, ROW], np.multiply, {"table": "MulOptions"}),
    "product with a constant": Case("MUL", [X, Const(Y)], np.multiply, {"table": "MulOptions"}),
    "negative": Case("NEG", [X], np.negative),
    "reshape": Case("RESHAPE", [X, Const(i32(4, -1))], lambda x, shape: x.reshape(shape), {"table": "ReshapeOptions"}),
    "expand": Case("EXPAND_DIMS", [X, Const(i32(-1))], lambda x, axis: x[..., None]),
    "squeeze": Case("SQUEEZE", [complex_of(2, 1, 3, 1)], np.squeeze, {"table": "SqueezeOptions", "axes": np.zeros(0, np.int32)}),
    "transpose": Case("TRANSPOSE", [X, Const(i32(2, 0, 1))], np.transpose),
    "concat": Case("CONCATENATION", [X, Y], lambda x, y: np.concatenate([x, y], -1), {"table": "ConcatenationOptions", "axis": -1}),
    "shape": Case("SHAPE", [X], lambda x: np.array(x.shape, np.int32)),
    "rank": Case("RANK", [X], lambda x: np.array(x.ndim, np.int32)),
    "rfft2": Case("RFFT2D", [SIGNAL, Const(i32(3, 10))], lambda x, n: np.fft.rfft2(x)),
    "rfft2 of rows": Case("RFFT2D", [SIGNAL, Const(i32(1, 10))], lambda x, n: np.fft.rfft2(x[:, :1])),
    "rfft2, filled up": Case("RFFT2D", [SIGNAL, Const(i32(4, 16))], lambda x, n: np.fft.rfft2(x, (4, 16))),
}


def expected_of(case: Case) -> Array:
    """In the type that 32 bits have."""
    found = np.asarray(case.expected(*(one.array if isinstance(one, Const) else one for one in case.inputs)))
    return found.astype({"c": np.complex64, "f": np.float32, "i": np.int32}[found.dtype.kind])


def tensorflow_model(case: Case, folder: Path) -> Path:
    given = {f"i{i}": one for i, one in enumerate(case.inputs) if not isinstance(one, Const)}
    weights = [weight(f"i{i}", one.array) for i, one in enumerate(case.inputs) if isinstance(one, Const)]
    nodes = [tfjs_writer.placeholder(name, array.dtype.name, array.shape) for name, array in given.items()]
    nodes.append(tfjs_writer.node("o", case.op, [f"i{i}" for i in range(len(case.inputs))], **case.options))
    wanted = expected_of(case)
    inputs = {name: tfjs_writer.port(f"{name}:0", array.dtype.name, array.shape) for name, array in given.items()}
    return tfjs_writer.write(folder / "source", nodes, weights, inputs=inputs, outputs={"o": tfjs_writer.port("o:0", wanted.dtype.name, wanted.shape)})


def weight(name: str, array: Array) -> tuple[dict[str, Any], bytes]:
    if array.dtype.kind != "c":
        return tfjs_writer.weight(name, array)
    return {"name": name, "shape": list(array.shape), "dtype": "complex64"}, array.astype("<c8").tobytes()


def tflite_model(case: Case, folder: Path) -> Path:
    wanted = expected_of(case)
    arrays = [one.array if isinstance(one, Const) else one for one in case.inputs]
    given = [i for i, one in enumerate(case.inputs) if not isinstance(one, Const)]
    tensors = [tflite_writer.Tensor(f"i{i}", array.shape, array.dtype.name, None if i in given else array) for i, array in enumerate(arrays)]
    tensors.append(tflite_writer.Tensor("o", wanted.shape, wanted.dtype.name))
    operator = tflite_writer.Operator(case.op, list(range(len(arrays))), [len(arrays)], case.options or None)
    path = folder / "model.tflite"
    path.write_bytes(tflite_writer.Model(tensors, [operator], given, [len(arrays)]).encode())
    return path


CASES = {f"tfjs, {name}": (tensorflow_model, case) for name, case in TENSORFLOW.items()} | {
    f"tflite, {name}": (tflite_model, case) for name, case in TFLITE.items()
}


@pytest.mark.parametrize("name", CASES)
def test_results_are_those_of_numpy(name: str, tmp_path: Path, node_session: webkiln.Session) -> None:
    write, case = CASES[name]
    model = webkiln.convert(write(case, tmp_path))
    wanted = expected_of(case)
    assert (model.outputs[0].dtype, model.outputs[0].shape) == (wanted.dtype.name, wanted.shape)
    feeds = {f"i{i}": one for i, one in enumerate(case.inputs) if not isinstance(one, Const)}
    for found in (model.run(feeds)["o"], node_session.run(model, feeds)["o"]):
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
        with np.errstate(invalid="ignore"):
            assert np.allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.nanmax(np.abs(wanted[np.isfinite(wanted)]), initial=0), equal_nan=True)


def test_complex_inputs_are_taken_as_they_are_or_by_their_parts(tmp_path: Path) -> None:
    model = webkiln.convert(tflite_model(TFLITE["magnitude"], tmp_path))
    assert [(one.dtype, one.shape) for one in model.inputs] == [("complex64", (2, 3, 4))]
    parts = np.stack([X.real, X.imag], -1)
    for given in (X, X.astype(np.complex128), parts, parts.tolist()):
        np.testing.assert_allclose(model.run({"i0": given})["o"], np.abs(X), rtol=1e-6)
    for wrong in (X[0], X.real, np.zeros((2, 3, 4, 3))):
        with pytest.raises(InputError, match="shape"):
            model.run({"i0": wrong})
    with pytest.raises(InputError, match="complex64"):
        model.run({"i0": parts > 0})


def test_magnitudes_of_extremes(tmp_path: Path, node_session: webkiln.Session) -> None:
    """Squares would be too large, or too small."""
    model = webkiln.convert(tensorflow_model(Case("ComplexAbs", [EXTREMES], np.abs), tmp_path))
    for found in (model.run({"i0": EXTREMES})["o"], node_session.run(model, {"i0": EXTREMES})["o"]):
        np.testing.assert_allclose(found, np.abs(EXTREMES), rtol=1e-6)


def test_saved_models_verify(tmp_path: Path, node_session: webkiln.Session) -> None:
    for name, case in (("product", TENSORFLOW["product"]), ("rfft2", TENSORFLOW["rfft2"])):
        (tmp_path / name).mkdir()
        model = webkiln.convert(tensorflow_model(case, tmp_path / name))
        model.save(tmp_path / name / "saved")
        checks = check_golden(tmp_path / name / "saved")
        assert checks
        assert not any(check.reason for check in checks)
        assert node_session.verify(tmp_path / name / "saved")["passed"]


def test_comparisons_see_both_parts() -> None:
    assert compare(X, X.copy()).passed
    for factor in (np.complex64(1 + 1e-3j), np.complex64(1 + 1e-3)):
        assert not compare(X, X * factor).passed


def test_what_is_not_known_of_complex_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOperatorError, match="complex numbers"):
        webkiln.convert(tflite_model(Case("EXP", [X], np.exp), tmp_path))
    with pytest.raises(UnsupportedOperatorError, match="complex numbers"):
        webkiln.convert(tensorflow_model(Case("Sqrt", [X], np.sqrt), tmp_path))
    with pytest.raises(FormatError, match="expected complex numbers"):
        webkiln.convert(tensorflow_model(Case("FFT", [SIGNAL], np.fft.fft), tmp_path))
