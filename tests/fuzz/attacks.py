"""Models made to do harm: small files that ask for much memory or endless work, or that name what is not theirs.

Each is its files, and what has to come of it: `read`, or a part of the message that refuses it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tfjs_writer
import tflite_writer
from onnx import TensorProto, helper
from onnx_model import model_of
from protobuf_changes import nested
from seeds import Files, folder_files

Attack = tuple[Files, str]
Array = np.ndarray

READ = "read"
BIG = 2**30
F, I32, I64 = np.float32, np.int32, np.int64


def onnx_attacks() -> dict[str, Attack]:
    made: dict[str, Attack] = {}

    def attack(name: str, expected: str, op: str, inputs: Sequence[str], constants: Mapping[str, Array | onnx.TensorProto] | None = None, *, x: Sequence[int | str] = (), dtype: int = TensorProto.FLOAT, opset: int = 21, **attributes: Any) -> None:  # fmt: skip
        given = [helper.make_tensor_value_info("x", dtype, x)] if "x" in inputs else []
        model = model_of([helper.make_node(op, inputs, ["y"], **attributes)], given, ["y"], constants, opset=opset)
        made[name] = {"model.onnx": model.SerializeToString()}, expected

    def chain(name: str, expected: str, op: str, count: int, first: Array | None, **attributes: Any) -> None:
        """Each node reads the result of the one before twice."""
        nodes = [helper.make_node(op, [f"v{i}", f"v{i}"], [f"v{i + 1}"], **attributes) for i in range(count)]
        inputs = [helper.make_tensor_value_info("v0", TensorProto.INT64, [3])] if first is None else []
        model = model_of(nodes, inputs, [f"v{count}"], {} if first is None else {"v0": first})
        made[name] = {"model.onnx": model.SerializeToString()}, expected

    square = np.array([2**15, 2**15], I64)
    # Results that attributes and constants ask for: never made at conversion.
    attack("a constant of 2^30 elements", READ, "ConstantOfShape", ["s"], {"s": square})
    attack("a constant of 2^62 elements", "more than the 2147483647", "ConstantOfShape", ["s"], {"s": np.array([2**31, 2**31], I64)})
    attack("a constant of -1 elements", "negative", "ConstantOfShape", ["s"], {"s": np.array([-1, 8], I64)})
    attack("a constant that is expanded", READ, "Expand", ["c", "s"], {"c": np.ones(1, F), "s": square})
    attack("sizes that are expanded", READ, "Expand", ["c", "s"], {"c": np.ones(1, I64), "s": square})
    attack("a constant expanded to 2^64", "more than the 2147483647", "Expand", ["c", "s"], {"c": np.ones(1, F), "s": np.array([2**62, 4], I64)})
    attack("a constant that is repeated", READ, "Tile", ["c", "s"], {"c": np.ones(3, I64), "s": np.array([2**29], I64)})
    attack("a constant that is padded", "more than the 2147483647", "Pad", ["c", "s"], {"c": np.ones(3, F), "s": np.array([BIG, BIG], I64)})
    attack("a constant that is cropped to less than nothing", "node 0 (Pad", "Pad", ["c", "s"], {"c": np.ones(3, F), "s": np.array([-(2**40), 0], I64)})
    attack("a constant broadcast by arithmetic", READ, "MatMul", ["c", "d"], {"c": np.ones((5000, 1), F), "d": np.ones((1, 5000), F)})
    attack("a range of 2^31", "a range of 2147483647 numbers", "Range", ["a", "b", "c"], {"a": np.array(0, I64), "b": np.array(2**31 - 1, I64), "c": np.array(1, I64)})
    attack("a range of 10^60", "a range of", "Range", ["a", "b", "c"], {"a": np.array(0, F), "b": np.array(1e30, F), "c": np.array(1e-30, F)})
    attack("a range to NaN", "node 0 (Range", "Range", ["a", "b", "c"], {"a": np.array(0, F), "b": np.array(np.nan, F), "c": np.array(1, F)})
    attack("a range in steps of 0", "node 0 (Range", "Range", ["a", "b", "c"], {"a": np.array(0, I64), "b": np.array(9, I64), "c": np.array(0, I64)})
    attack("a diagonal", "a constant of 1600000000 elements", "EyeLike", ["x"], x=[40000, 40000])
    attack("a window", "a window of", "HannWindow", ["n"], {"n": np.array(BIG, I64)})
    attack("mel filters", "1048576 mel filters", "MelWeightMatrix", list("abcde"), {**{name: np.array(2**20, I64) for name in "ab"}, "c": np.array(16000, I64), "d": np.array(0, F), "e": np.array(8000, F)})  # fmt: skip
    attack("one-hot", "1073741824 positions", "OneHot", ["i", "d", "v"], {"i": np.array([0, 1], I64), "d": np.array(BIG, I64), "v": np.array([0, 1], F)})
    attack("a table for linear resizing", "linear resizing of 40000", "Resize", ["x", "", "", "s"], {"s": np.array([1, 1, 30000, 4], I64)}, x=[1, 1, 40000, 4], mode="linear", antialias=1)
    attack("scales without end", "node 0 (Resize", "Resize", ["x", "", "k"], {"k": np.array([1, 1, 1e30, 1], F)}, x=[1, 1, 4, 4])
    attack("scales that are NaN", "node 0 (Resize", "Resize", ["x", "", "k"], {"k": np.array([1, 1, np.nan, 1], F)}, x=[1, 1, 4, 4])
    attack("a grid", "more than the 2147483647", "AffineGrid", ["t", "s"], {"t": np.zeros((1, 2, 3), F), "s": np.array([1, 1, 2**15, 2**15], I64)})
    attack("a transform of 2^20 elements", "a transform of 1048576", "DFT", ["x"], x=[1, 2**20, 1], opset=17, axis=1)
    attack("samples of a region", "1048576 samples", "RoiAlign", ["x", "r", "b"], {"r": np.zeros((1, 4), F), "b": np.zeros(1, I64)}, x=[1, 1, 4, 4], output_height=2, output_width=2, sampling_ratio=2**20)
    attack("a million steps", READ, "LSTM", ["x", "w", "r"], {"w": np.zeros((1, 4, 1), F), "r": np.zeros((1, 4, 1), F)}, x=[10**6, 1, 1], hidden_size=1)
    grams = {"mode": "TF", "min_gram_length": 2, "max_gram_length": 2, "ngram_counts": [0, 0], "pool_int64s": [1, 2]}
    attack("tokens 2^28 apart", READ, "TfIdfVectorizer", ["x"], x=[9], dtype=TensorProto.INT32, max_skip_count=2**28, ngram_indexes=[0], **grams)
    attack("tokens far apart in long rows", "apart", "TfIdfVectorizer", ["x"], x=[2**20], dtype=TensorProto.INT32, max_skip_count=2**28, ngram_indexes=[0], **grams)
    attack("an n-gram in column 2^30", "1073741825 columns", "TfIdfVectorizer", ["x"], x=[9], dtype=TensorProto.INT32, max_skip_count=0, ngram_indexes=[BIG], **grams)
    attack("windows of 2^30", READ, "MaxPool", ["x"], x=[1, 1, 4, 4], kernel_shape=[2**15, 2**15], pads=[2**14] * 4)
    attack("dilation by 2^40", "more than the 2147483647", "AveragePool", ["x"], x=[1, 1, 4, 4], opset=19, kernel_shape=[3, 3], dilations=[2**40, 1], pads=[2**40] * 4)
    attack("no groups", "0 groups", "Conv", ["x", "w"], {"w": np.zeros((1, 1, 3, 3), F)}, x=[1, 1, 4, 4], group=0)
    attack("2^30 parts", "num_outputs is 1073741824", "Split", ["x"], x=[4], num_outputs=BIG)
    attack("an axis of 2^40", "does not exist in rank", "Gather", ["x", "i"], {"i": np.array([0], I64)}, x=[4], axis=2**40)
    attack("an equation of a million letters", "Einsum", "Einsum", ["x"], x=[2], equation="a" * 10**6)
    attack("a name of a million letters", "elements of the dtype", "y" * 10**6, ["x"], x=[2], dtype=TensorProto.STRING)
    attack("a permutation of 10^5 axes", "does not exist in rank 1", "Transpose", ["x"], x=[2], perm=list(range(10**5)))
    # Many small steps.
    chain("constants that double", READ, "Concat", 28, np.ones(2, F), axis=0)
    chain("sizes that double", READ, "Concat", 28, np.ones(2, I64), axis=0)
    chain("values that double", "node 29", "Concat", 40, None, axis=0)
    chain("numbers that are squared", "does not fit in 32 bits", "Mul", 60, np.full(2, 3, I64))
    # Constants that lie.
    for name, sizes in {"an empty one, too wide": [0, 2**31 - 1, 2**31 - 1], "a huge one without data": [2**31 - 1], "a negative one": [-4, -4], "one of 3000 axes": [1] * 3000}.items():
        attack(f"constants: {name}", "the constant 'c' has the shape", "Neg", ["c"], {"c": TensorProto(name="c", data_type=1, dims=sizes)})
    sparse = helper.make_sparse_tensor(helper.make_tensor("c", 1, [1], [1.0]), helper.make_tensor("i", 7, [1], [5]), [2**30])
    model = model_of([helper.make_node("Neg", ["c"], ["y"])], [], ["y"])
    model.graph.sparse_initializer.append(sparse)
    made["constants: a sparse one of 2^30 elements"] = {"model.onnx": model.SerializeToString()}, "is sparse, with 1 elements"
    for offset in ("-8", "1_0", "1e3", "٤", "9" * 5000):
        tensor = TensorProto(name="c", data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value="data.bin")
        tensor.external_data.add(key="offset", value=offset)
        model = model_of([helper.make_node("Neg", ["c"], ["y"])], [], ["y"], {"c": tensor})
        made[f"data at {offset[:10]}"] = {"model.onnx": model.SerializeToString(), "data.bin": bytes(64)}, "wanted numbers"
    # Functions that call each other: 4^15 operations, 10^25 calls of a function that does nothing.
    made["functions that call each other"] = _functions(16, 4, [helper.make_node("Neg", ["a"], ["b"])]), "repeat each other more often"
    made["functions that do nothing, often"] = _functions(26, 10, []), "repeat each other more often"
    made["functions nested 100 deep"] = _functions(100, 1, [helper.make_node("Neg", ["a"], ["b"])]), "nested more than 32 deep"
    made["branches nested 25 deep"] = _branches(25), READ
    # Graphs (6) in attributes (5) of nodes (1) of graphs; the outermost one is the model's (7).
    for depth, expected in ((20, "no outputs"), (5000, "it is no ONNX file")):
        made[f"graphs nested {depth} deep"] = {"model.onnx": b"\x08\x07" + nested(nested(b"", (6, 5, 1), depth), (7,), 1)}, expected
    return made


def _functions(count: int, times: int, last: Sequence[onnx.NodeProto]) -> Files:
    """Functions each of which calls the next one several times, one call after another."""
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("local", 1)]
    functions = []
    for k in range(count):
        names = ["a", *(f"t{i}" for i in range(1, times)), "b"]
        calls = [helper.make_node(f"f{k + 1}", [names[i]], [names[i + 1]], domain="local") for i in range(times)]
        functions.append(helper.make_function("local", f"f{k}", ["a"], ["b"], last if k == count - 1 else calls, imports))
    call = helper.make_node("f0", ["x"], ["y"], domain="local")
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])]
    return {"model.onnx": model_of([call], inputs, ["y"], imports=imports[1:], functions=functions).SerializeToString()}


def _branches(depth: int) -> Files:
    """An If in a branch of an If, and so on."""
    output = [helper.make_tensor_value_info("o", TensorProto.FLOAT, [2])]
    leaf = graph = helper.make_graph([helper.make_node("Identity", ["x"], ["o"])], "leaf", [], output)
    for _ in range(depth):
        node = helper.make_node("If", ["c"], ["o"], then_branch=graph, else_branch=leaf)
        graph = helper.make_graph([node], "branch", [], output)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2]), helper.make_tensor_value_info("c", TensorProto.BOOL, [])]
    return {"model.onnx": model_of([helper.make_node("If", ["c"], ["y"], then_branch=graph, else_branch=leaf)], inputs, ["y"]).SerializeToString()}


def tflite_attacks() -> dict[str, Attack]:
    made: dict[str, Attack] = {}
    picture = tflite_writer.Tensor("x", (1, 4, 4, 1))

    def attack(name: str, expected: str, op: str, *values: Array | tflite_writer.Tensor, dtype: str = "float32", **options: Any) -> None:
        """An operator over constants and inputs, with options of the table `options["table"]`."""
        tensors = [one if isinstance(one, tflite_writer.Tensor) else tflite_writer.Tensor(f"c{i}", one.shape, str(one.dtype), one) for i, one in enumerate(values)]
        inputs = [i for i, one in enumerate(tensors) if one.data is None]
        output = tflite_writer.Tensor("y", (1,), dtype)
        operator = tflite_writer.Operator(op, list(range(len(tensors))), [len(tensors)], options or None)
        made[name] = {"model.tflite": tflite_writer.Model([*tensors, output], [operator], inputs, [len(tensors)]).encode()}, expected

    attack("a constant that is repeated", READ, "TILE", np.ones(3, F), np.array([2**29], I32))
    attack("sizes that are broadcast", READ, "BROADCAST_TO", np.ones(1, I32), np.array([BIG], I32), dtype="int32")
    attack("a fill of 2^30", READ, "FILL", np.array([2**15, 2**15], I32), np.array(1, F))
    attack("a fill of less than nothing", "negative", "FILL", np.array([-5, 8], I32), np.array(1, F))
    attack("a range of 2^31", "a range of 2147483647", "RANGE", np.array(0, I32), np.array(2**31 - 1, I32), np.array(1, I32), dtype="int32")
    attack("a range to infinity", "operator 0 (RANGE", "RANGE", np.array(0, F), np.array(np.inf, F), np.array(1, F))
    attack("padding of 2^31", "more than the 2147483647", "PAD", np.ones(3, F), np.array([[BIG, BIG]], I32))
    attack("mirrors of 2^30", "cannot be mirrored", "MIRROR_PAD", np.ones(3, F), np.array([[BIG, BIG]], I32), table="MirrorPadOptions", mode=1)
    attack("one-hot", "1073741824 positions", "ONE_HOT", np.ones(3, I32), np.array(BIG, I32), np.array(1, F), np.array(0, F), table="OneHotOptions", axis=-1)
    attack("blocks of 0", "blocks of 0", "DEPTH_TO_SPACE", picture, table="DepthToSpaceOptions", block=0)
    attack("a picture of 2^60", "a new size of", "RESIZE_BILINEAR", picture, np.array([BIG, BIG], I32), table="ResizeBilinearOptions")
    attack("a stride of 0", "must be at least 1", "CONV_2D", picture, np.ones((1, 3, 3, 1), F), table="Conv2DOptions", stride_width=0, stride_height=0)
    attack("a window of 2^62", READ, "MAX_POOL_2D", picture, table="Pool2DOptions", padding=0, stride_width=1, stride_height=1, window_width=2**31 - 1, window_height=2**31 - 1)
    attack("batches of 2^60", "more than the 2147483647", "SPACE_TO_BATCH_ND", picture, np.array([BIG, BIG], I32), np.array([[0, BIG - 4]] * 2, I32))
    attack("steps of 0", "do not fit together", "STRIDED_SLICE", picture, np.zeros(4, I32), np.ones(4, I32), np.array([1, 0, 1, 1], I32), table="StridedSliceOptions")
    attack("2^31 parts", "cannot be split", "SPLIT", np.array(1, I32), picture, table="SplitOptions", count=2**31 - 1)
    attack("an empty tensor, too wide", "claims the shape", "NEG", tflite_writer.Tensor("x", (0, 2**31 - 1, 2**31 - 1)))
    compressed = {"format": 1, "segments": {"table": "Indices32", "values": np.array([0, 1], I32)}, "indices": {"table": "Indices32", "values": np.array([5], I32)}}  # fmt: skip
    sparsity = {"traversal_order": np.array([0], I32), "block_map": np.zeros(0, I32), "dimensions": [compressed]}
    def calls(name: str, expected: str, *parts: Sequence[int]) -> None:
        """Subgraphs of operators one after another: of calls of those of these numbers, or where there are none of a negation."""
        models = []
        for called in parts:
            operators = [tflite_writer.Operator("CALL", [i], [i + 1], {"table": "CallOptions", "subgraph": number}) for i, number in enumerate(called)]
            operators = operators or [tflite_writer.Operator("NEG", [0], [1])]
            tensors = [tflite_writer.Tensor(f"t{i}", (2,)) for i in range(len(operators) + 1)]
            models.append(tflite_writer.Model(tensors, operators, [0], [len(operators)]))
        models[0].others = models[1:]
        made[name] = {"model.tflite": models[0].encode()}, expected

    calls("a subgraph that calls itself", "in which it stands itself", [0])
    calls("subgraphs that call each other", "in which it stands itself", [1], [2], [1])
    calls("4^16 calls", "call each other more often", *([k] * 4 for k in range(1, 17)), [])
    calls("1000 calls deep", "more than 32 deep", *([k] for k in range(1, 1001)), [])
    calls("a call of what is not there", "the file has 1", [99])
    attack("a sparse constant of 2^30 elements", "is sparse, with 1 elements", "NEG", tflite_writer.Tensor("c", (BIG,), "float32", np.ones(1, F), sparsity=sparsity))
    return made


def tfjs_attacks() -> dict[str, Attack]:
    made: dict[str, Attack] = {}
    picture = tfjs_writer.placeholder("x", "float32", (1, 4, 4, 1))

    def attack(name: str, expected: str, nodes: Sequence[dict[str, Any]], **weights: Array) -> None:
        with tempfile.TemporaryDirectory() as folder:
            made[name] = folder_files(tfjs_writer.write(Path(folder), nodes, [tfjs_writer.weight(*one) for one in weights.items()])), expected

    def node(op: str, *inputs: str, **attributes: Any) -> dict[str, Any]:
        return tfjs_writer.node("y", op, inputs, **attributes)

    attack("2^31 numbers", "2147483647 numbers", [node("LinSpace", "a", "b", "n", T="DT_FLOAT")], a=np.array(0, F), b=np.array(1, F), n=np.array(2**31 - 1, I32))
    attack("a range of 2^31", "a range of 2147483647", [node("Range", "a", "b", "n", Tidx="DT_INT32")], a=np.array(0, I32), b=np.array(2**31 - 1, I32), n=np.array(1, I32))
    attack("a range to NaN", "'y' (Range)", [node("Range", "a", "b", "n", Tidx="DT_FLOAT")], a=np.array(0, F), b=np.array(np.nan, F), n=np.array(1, F))
    attack("a fill of 2^30", READ, [node("Fill", "a", "b", T="DT_FLOAT")], a=np.array([2**15, 2**15], I32), b=np.array(1, F))
    attack("a constant that is repeated", READ, [node("Tile", "a", "b", T="DT_FLOAT")], a=np.ones(3, F), b=np.array([2**29], I32))
    attack("one-hot", "1073741824 positions", [node("OneHot", "a", "d", "u", "v", T="DT_FLOAT", axis=-1)], a=np.ones(3, I32), d=np.array(BIG, I32), u=np.array(1, F), v=np.array(0, F))
    attack("a picture of 2^60", "a new size of", [picture, node("ResizeBilinear", "x", "s", T="DT_FLOAT", half_pixel_centers=True, align_corners=False)], s=np.array([BIG, BIG], I32))
    attack("a list of 2^31", "more than the 2147483647", [tfjs_writer.node("l", "TensorListReserve", ["s", "n"], element_dtype="DT_FLOAT"), node("TensorListStack", "l", "s", element_dtype="DT_FLOAT", num_elements=-1)], s=np.array([2], I32), n=np.array(2**31 - 1, I32))  # fmt: skip
    attack("a stride of 0", "must be at least 1", [picture, node("Conv2D", "x", "w", T="DT_FLOAT", strides=[1, 0, 0, 1], padding="SAME", dilations=[1, 1, 1, 1], data_format="NHWC")], w=np.ones((3, 3, 1, 1), F))
    attack("an input of 2^62", "more than the 2147483647", [tfjs_writer.placeholder("x", "float32", (2**31 - 1, 2**31 - 1)), node("Relu", "x", T="DT_FLOAT")])
    attack("nodes that read each other", "its own result", [node("Relu", "z", T="DT_FLOAT"), tfjs_writer.node("z", "Relu", ["y"], T="DT_FLOAT"), tfjs_writer.node("o", "Relu", ["z"], T="DT_FLOAT")])
    attack("two nodes of one name", "two nodes are named 'y'", [picture, node("Relu", "x", T="DT_FLOAT"), node("Neg", "x", T="DT_FLOAT")])
    attack("a good one", READ, [picture, node("Relu", "x", T="DT_FLOAT")])
    good, _ = made["a good one"]
    text = good["model.json"].decode()
    for name, size in {"an underscore": '"4_0"', "digits of another script": '"٤"', "spaces": '" 4"', "100,000 digits": f'"{"9" * 100_000}"', "a float": "4.5", "900 lists": "[" * 900 + "]" * 900}.items():  # fmt: skip
        made[f"sizes: {name}"] = {"model.json": text.replace('"4"', size).encode()}, "should be an integer"
    made["lists without end"] = {"model.json": text.replace('"4"', "[" * 200_000).encode()}, "looks like JSON"
    made["nested lists"] = {"model.json": text.replace('"4"', "[" * 100_000 + "]" * 100_000).encode()}, "looks like JSON"
    entry = {"name": "w", "dtype": "float32", "shape": [0, 2**31 - 1, 2**31 - 1]}
    made["a weight without elements, too wide"] = {"model.json": text.replace('"weights": []', f'"weights": [{entry}]'.replace("'", '"')).encode()}, "is impossible"
    return made


ATTACKS = {"onnx": onnx_attacks, "tflite": tflite_attacks, "tfjs": tfjs_attacks}
