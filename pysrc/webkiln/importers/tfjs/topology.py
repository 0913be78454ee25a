"""A graph of TensorFlow as JSON: the form that protocol buffers give it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from webkiln.errors import FormatError
from webkiln.graph.dtypes import COMPLEX, FROM_SOURCE, pairs_of
from webkiln.importers.tensorflow.dtypes import name_of
from webkiln.importers.tensorflow.frames import structured
from webkiln.importers.tensorflow.functions import Function, function_of, plain_value
from webkiln.importers.tensorflow.nodes import Node, value_name
from webkiln.importers.tfjs.json_values import expect, integer, member
from webkiln.importers.tfjs.weights import Weight


def read_nodes(topology: Any) -> list[Node]:
    """The nodes of a GraphDef."""
    written = _nodes(member(topology, "node", list, "the modelTopology"), "")
    return [replace(node, inputs=tuple(map(value_name, node.inputs))) for node in written]


def read_functions(topology: Any, weights: Mapping[str, Weight]) -> dict[str, Function]:
    """The functions of a GraphDef's library, by their names. Their constants are among the weights."""
    found: dict[str, Function] = {}
    for i, entry in enumerate(member(member(topology, "library", dict, "the modelTopology", {}), "function", list, "the library", [])):
        signature = member(entry, "signature", dict, f"function {i}")
        name = member(signature, "name", str, f"the signature of function {i}")
        what = f"the function {name!r}"
        inputs, outputs = (
            [member(one, "name", str, f"an argument of {what}") for one in member(signature, side, list, what, [])] for side in ("inputArg", "outputArg")
        )
        written = _nodes(member(entry, "nodeDef", list, what, []), f" of {what}")
        ops = {node.name: node.op for node in written}
        nodes = [replace(node, inputs=tuple(plain_value(one, ops) for one in node.inputs)) for node in written]
        given = member(entry, "ret", dict, what, {})
        results = [plain_value(member(given, one, str, f"what {what} returns"), ops) for one in outputs]
        constants = {node.name: constant_of(node, weights) for node in nodes if node.op == "Const"}
        flat, inner = structured(nodes, f"{name}/")
        found.update(inner)
        found[name] = function_of(name, inputs, flat, results, constants)
    return found


def constant_of(node: Node, weights: Mapping[str, Weight]) -> tuple[np.ndarray | None, str]:
    """The values and the element type of a node of constants; of text, only the type."""
    if node.name not in weights:
        raise FormatError(f"{node.where}: the weightsManifest has no weight of this name")
    weight = weights[node.name]
    dtype = str(node.attributes.get("dtype", weight.dtype))
    if weight.array is not None and dtype in COMPLEX and weight.dtype in COMPLEX:
        return pairs_of(weight.array), dtype
    if weight.array is None or dtype not in (*FROM_SOURCE, *COMPLEX):
        return None, dtype if weight.array is not None else "string"
    if np.dtype(weight.dtype).kind != np.dtype(dtype).kind.replace("u", "i"):
        raise FormatError(f"{node.where}: it is declared as {dtype}, but its weight is {weight.dtype}")
    # TensorFlow.js keeps floats and integers of all widths in 32 bits.
    return weight.array if weight.array.dtype.kind == "f" else weight.array.astype(dtype), dtype


def _nodes(entries: list[Any], of: str) -> list[Node]:
    """Nodes whose inputs are as they are written."""
    nodes = []
    for i, entry in enumerate(entries):
        name = member(entry, "name", str, f"node {i}{of}")
        what = f"the node {name!r}{of}"
        inputs = [expect(one, str, f"an input of {what}") for one in member(entry, "input", list, what, [])]
        attributes = {
            key: decoded
            for key, value in member(entry, "attr", dict, what, {}).items()
            if not key.startswith("_") and (decoded := _attribute(value, f"the attribute {key!r} of {what}")) is not NOTHING  # "_": notes of other programs
        }
        data = tuple(one for one in inputs if not one.startswith("^"))
        nodes.append(Node(name, member(entry, "op", str, what), data, attributes))
    return nodes


NOTHING = object()  # an attribute without a value, or of a kind that no operator here has


def _attribute(value: Any, what: str) -> Any:
    found = expect(value, dict, what)
    for kind, one in found.items():
        if kind == "list":
            members = expect(one, dict, what)
            return next(([_scalar(k, item, what) for item in expect(items, list, what)] for k, items in members.items() if items), [])
        return _scalar(kind, one, what)
    return NOTHING


def _scalar(kind: str, value: Any, what: str) -> Any:
    if kind == "i":
        return integer(value, what)
    if kind == "f":
        return _number(value, what)
    if kind == "b":
        if not isinstance(value, bool):
            raise FormatError(f"{what} should be true or false, but is {str(value)[:60]!r}")
        return value
    if kind == "s":
        return _text(value, what)
    if kind == "type":
        return name_of(value if isinstance(value, int) else expect(value, str, what))
    if kind == "shape":
        return read_shape(value, what)
    if kind == "func":
        return member(expect(value, dict, what), "name", str, what)
    return NOTHING


def _number(value: Any, what: str) -> float:
    try:
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            return float(value)  # infinities are written as words
    except (ValueError, OverflowError):
        pass
    raise FormatError(f"{what} should be a number, but is {str(value)[:60]!r}")


def _text(value: Any, what: str) -> str:
    try:
        return base64.b64decode(expect(value, str, what), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise FormatError(f"{what} is not in base64") from None


def read_shape(value: Any, what: str) -> tuple[int, ...] | None:
    """The sizes, −1 for open ones; `None` when not even the rank is known."""
    if member(value, "unknownRank", bool, what, False):
        return None
    sizes = []
    for entry in member(value, "dim", list, what, []):
        size = integer(expect(entry, dict, what).get("size", 0), f"a size of {what}")
        if not -1 <= size < 2**31:
            raise FormatError(f"a size of {what} is {size}")
        sizes.append(size)
    return tuple(sizes)
