"""A graph of TensorFlow as JSON: the form that protocol buffers give it."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from webkiln.errors import FormatError
from webkiln.importers.tensorflow.dtypes import name_of
from webkiln.importers.tensorflow.nodes import Node, value_name
from webkiln.importers.tfjs.json_values import expect, integer, member


def read_nodes(topology: Any) -> list[Node]:
    """The nodes of a GraphDef."""
    nodes = []
    for i, entry in enumerate(member(topology, "node", list, "the modelTopology")):
        name = member(entry, "name", str, f"node {i}")
        what = f"the node {name!r}"
        inputs = [expect(one, str, f"an input of {what}") for one in member(entry, "input", list, what, [])]
        attributes = {
            key: decoded
            for key, value in member(entry, "attr", dict, what, {}).items()
            if not key.startswith("_") and (decoded := _attribute(value, f"the attribute {key!r} of {what}")) is not NOTHING  # "_": notes of other programs
        }
        data = tuple(value_name(one) for one in inputs if not one.startswith("^"))
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
