"""Pruning: the smallest weights become 0."""

from __future__ import annotations

import numpy as np

from webkiln.errors import WebkilnError
from webkiln.graph.graph import Constant, Graph
from webkiln.precision.channels import weights_of
from webkiln.precision.sparse import without_zeros
from webkiln.precision.weights import replaced

_FEW = 256  # smaller tensors stay as they are: nothing is gained


def prune_weights(graph: Graph, sparsity: float) -> Graph:
    """A graph in whose weights (those that convolutions, products and gathers read) a share of `sparsity` is 0, in each tensor those of
    the smallest magnitude. They are stored as a bit mask and the values that are left.

    Tensors of fewer than 256 elements stay as they are, and so do those that are stored as integers with scales, or hold NaN.
    Raises `WebkilnError` for a share that is not from 0 to below 1.
    """
    if not 0 <= sparsity < 1:
        raise WebkilnError(f"a sparsity of {sparsity} cannot be had: give the share of weights that become 0, from 0 to below 1, as 0.5")
    pruned: dict[int, Constant] = {}
    for weight in weights_of(graph):
        stored = weight.constant.stored
        if not isinstance(stored, np.ndarray) or stored.size < _FEW or np.isnan(stored).any():
            continue
        count = int(sparsity * stored.size)
        kept = np.array(stored)
        flat = kept.reshape(-1)
        flat[np.argsort(np.abs(flat), kind="stable")[:count]] = 0
        pruned[weight.key] = Constant(without_zeros(kept))
    return replaced(graph, pruned)
