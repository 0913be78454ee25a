"""Functions of TensorFlow: nodes that others run by a name, as branches, loops and calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from webkiln.errors import FormatError
from webkiln.importers.tensorflow.nodes import Node, needed_nodes, value_name

# The results of operators that have several, in order, where they are not one list. A value in a function says its result by such a name.
_RESULTS = {
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2"), ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2")),
    "FusedBatchNormV3": ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"),
    **dict.fromkeys(("TopK", "TopKV2"), ("values", "indices")),
    **dict.fromkeys(("Unique", "UniqueV2"), ("y", "idx")),
    **dict.fromkeys(("UniqueWithCounts", "UniqueWithCountsV2"), ("y", "idx", "count")),
    "ListDiff": ("out", "idx"),
    "MaxPoolWithArgmax": ("output", "argmax"),
    "NonMaxSuppressionV4": ("selected_indices", "valid_outputs"),
    "NonMaxSuppressionV5": ("selected_indices", "selected_scores", "valid_outputs"),
    "CombinedNonMaxSuppression": ("nmsed_boxes", "nmsed_scores", "nmsed_classes", "valid_detections"),
    "Switch": ("output_false", "output_true"),
    "Merge": ("output", "value_index"),
    **dict.fromkeys(("TensorListConcat", "TensorListConcatV2"), ("tensor", "lengths")),
    "TensorListPopBack": ("output_handle", "tensor"),
    "TensorArrayV3": ("handle", "flow"),
    "TensorArrayConcatV3": ("value", "lengths"),
    "Svd": ("s", "u", "v"),
    "SelfAdjointEigV2": ("e", "v"),
    "Qr": ("q", "r"),
    "SparseReshape": ("output_indices", "output_shape"),
    "SparseFillEmptyRows": ("output_indices", "output_values", "empty_row_indicator", "reverse_index_map"),
}


@dataclass(frozen=True)
class Function:
    """`inputs`: names that stand for what it is given; `nodes`, each after those that it reads; `outputs`: the values that it gives.

    `constants`: values of its nodes of that kind with their element types; of text, only the type.
    """

    name: str
    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, tuple[np.ndarray | None, str]] = field(default_factory=dict)

    def kept(self) -> set[int]:
        """Which of its inputs come back in the same places as they are."""
        sources = {node.name: node.inputs[0] for node in self.nodes if node.op == "Identity" and len(node.inputs) == 1}
        found = set()
        for i, (given, value) in enumerate(zip(self.inputs, self.outputs, strict=False)):
            seen: set[str] = set()
            while value in sources and value not in seen:
                seen.add(value)
                value = sources[value]
            if value == given:
                found.add(i)
        return found


def function_of(name: str, inputs: Sequence[str], nodes: Iterable[Node], outputs: Sequence[str], constants: Mapping[str, tuple[np.ndarray | None, str]]) -> Function:
    """A function of nodes in any order. `FormatError` for what does not fit together."""
    listed = [Node(one, "_Arg", (), {}) for one in inputs] + list(nodes)
    try:
        needed = needed_nodes(listed, outputs, inputs)
    except FormatError as error:
        raise FormatError(f"the function {name!r}: {error}") from None
    return Function(name, tuple(inputs), tuple(node for node in needed if node.op != "_Arg"), tuple(outputs), constants)


def plain_value(text: str, ops: Mapping[str, str]) -> str:
    """A value as it is written in a function, `node:result:i`, by the node's name and the number of its result. `ops`: operators by the names of their nodes."""
    node, *rest = text.split(":")
    if len(rest) < 2:
        return value_name(text)
    result, index = rest[0], rest[-1]
    names = _RESULTS.get(ops.get(node, ""), ())
    if not index.isdigit() or (names and (result not in names or index != "0")):
        raise FormatError(f"the value {text!r} is none that its node makes")
    return value_name(f"{node}:{names.index(result) if names else index}")


def within(node: Node, prefix: str) -> Node:
    """The node under a name of its own, among others that are so too."""
    return Node(prefix + node.name, node.op, tuple(prefix + name for name in node.inputs), node.attributes)
