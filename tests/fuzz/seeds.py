"""The models that are mutated: real files of one or a few operators each, which between them have every operator and form of file.

Those of the package `onnx` are always there, those of the shared folder where it is, and a few written here.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tfjs_writer
import tflite_writer
from conformance_cases import ONNX_DENSE, ONNX_OTHER, all_cases
from control_graphs import STATELESS, model_of_case, remembering
from sample_models import everything, tiny
from webkiln import convert, webformat
from webkiln.errors import WebkilnError

Files = dict[str, bytes]
"""A model as its files, by name."""

LARGEST = 3000  # bytes of a seed: changes should hit what matters


def onnx_seeds() -> list[Files]:
    return [{"model.onnx": path.read_bytes()} for path in _cases(ONNX_DENSE, ONNX_OTHER)]


def tflite_seeds() -> list[Files]:
    found = [{"model.tflite": path.read_bytes()} for path in _cases("tflite_zip", "tflm_seanet", "litert_testdata")]
    return [{"model.tflite": _written_tflite()}, *found]


def tfjs_seeds() -> list[Files]:
    with tempfile.TemporaryDirectory() as folder:
        written = folder_files(_written_tfjs(Path(folder)))
    return [written, *(folder_files(path if path.is_dir() else path.parent) for path in _cases("tfjs_graph"))]


def webformat_seeds() -> list[Files]:
    """Models with every feature of the format, several times each, and one conversion for each set of operators."""
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        controlled = [model_of_case(case).bundle for case in (*STATELESS, remembering())]
        for i, bundle in enumerate((tiny(), everything(), *controlled)):
            webformat.write(bundle, Path(temporary, f"written{i}"))
            found += [folder_files(Path(temporary, f"written{i}"))] * 10
        known: set[tuple[str, ...]] = set()
        for i, path in enumerate(_cases(ONNX_DENSE)):
            try:
                model = convert(path)
            except WebkilnError:
                continue
            operators = tuple(sorted({node.op for node in model.graph.nodes}))
            if operators in known or len(operators) > 6:
                continue
            known.add(operators)
            try:
                model.save(Path(temporary, f"converted{i}"))
            except WebkilnError:  # some cannot be run on numbers that are made up
                continue
            found.append(folder_files(Path(temporary, f"converted{i}")))
    return found


SEEDS: dict[str, Callable[[], list[Files]]] = {"onnx": onnx_seeds, "tflite": tflite_seeds, "tfjs": tfjs_seeds, "webformat": webformat_seeds}


def _cases(*suites: str) -> Iterator[Path]:
    """The models of some suites that are small, in the order of their names."""
    with tempfile.TemporaryDirectory() as folder:
        for cases in all_cases(suites).values():
            for case in cases:
                path = case.model(Path(folder))
                if sum(one.stat().st_size for one in (path.iterdir() if path.is_dir() else [path])) <= LARGEST:
                    yield path


def folder_files(path: Path) -> Files:
    return {one.name: one.read_bytes() for one in sorted(path.iterdir())}


def _written_tflite() -> bytes:
    """A convolution with integer weights, sizes that are computed, a product of matrices, a signature."""
    scale = {"scale": np.float32([0.5, 0.25]), "zero_point": np.int64([0, 0]), "axis": 0}
    rows = np.ones((4, 18), np.float32)
    tensors = [
        tflite_writer.Tensor("picture", (1, 5, 5, 3), signature=(-1, 5, 5, 3)),
        tflite_writer.Tensor("w", (2, 3, 3, 3), "int8", np.arange(54, dtype=np.int8), quantization=scale),
        tflite_writer.Tensor("w/floats", (2, 3, 3, 3)),
        tflite_writer.Tensor("conv", (1, 3, 3, 2)),
        tflite_writer.Tensor("rows", rows.shape, "float32", rows),
        tflite_writer.Tensor("shape", (2,), "int32", np.array([-1, 18], np.int32)),
        tflite_writer.Tensor("flat", (1, 18)),
        tflite_writer.Tensor("scores", (1, 4)),
    ]
    convolution = {"table": "Conv2DOptions", "padding": 0, "stride_width": 2, "stride_height": 2, "activation": 3}
    operators = [
        tflite_writer.Operator("DEQUANTIZE", [1], [2]),
        tflite_writer.Operator("CONV_2D", [0, 2, -1], [3], convolution),
        tflite_writer.Operator("RESHAPE", [3, 5], [6], {"table": "ReshapeOptions"}),
        tflite_writer.Operator("FULLY_CONNECTED", [6, 4, -1], [7], {"table": "FullyConnectedOptions"}),
    ]
    signature = {"key": "classify", "inputs": [{"name": "image", "tensor": 0}], "outputs": [{"name": "result", "tensor": 7}]}
    return tflite_writer.Model(tensors, operators, [0], [7], [signature]).encode()


def _written_tfjs(folder: Path) -> Path:
    """Weights of several kinds, a product of matrices, sizes that are computed."""
    halves = {"name": "w", "shape": [3, 2], "dtype": "float32", "quantization": {"dtype": "float16", "original_dtype": "float32"}}
    bytes_ = {"name": "b", "shape": [2], "dtype": "float32", "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1.0}}
    nodes = [
        tfjs_writer.placeholder("x", "float32", (-1, 3)),
        tfjs_writer.node("product", "_FusedMatMul", ["x", "w", "b"], T="DT_FLOAT", fused_ops=["BiasAdd", "Relu"], transpose_a=False, transpose_b=False, num_args=1),
        tfjs_writer.node("flat", "Reshape", ["product", "shape"], T="DT_FLOAT"),
        tfjs_writer.node("y", "Softmax", ["flat"], T="DT_FLOAT"),
    ]
    weights = [(halves, np.ones(6, "<f2").tobytes()), (bytes_, b"\1\2"), tfjs_writer.weight("shape", np.array([-1, 2], np.int32))]
    return tfjs_writer.write(
        folder, nodes, weights, inputs={"x": tfjs_writer.port("x:0", "float32", (-1, 3))}, outputs={"y": tfjs_writer.port("y:0", "float32", (-1, 2))}
    )


def names_in(text: bytes) -> list[str]:
    """The short texts in a JSON file: names, operators, types."""
    found: set[str] = set()

    def gather(value: object) -> None:
        if isinstance(value, dict):
            found.update(value)
            for one in value.values():
                gather(one)
        elif isinstance(value, list):
            for one in value:
                gather(one)
        elif isinstance(value, str) and len(value) < 40:
            found.add(value)

    gather(json.loads(text))
    return sorted(found)
