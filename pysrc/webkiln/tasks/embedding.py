"""Pictures as vectors, and what is near to them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from webkiln.errors import InputError
from webkiln.tasks.networks import Network, Runnable, is_embedding

Floats = NDArray[np.float64]


class Embed:
    """Vectors of length 1. `embedder`: any model with a picture as its input and an output of floats that means nothing else (type "tensor")."""

    def __init__(self, embedder: Runnable) -> None:
        self._embedder = Network(embedder, "the embedder", {"embedding": is_embedding})

    def detect(self, picture: np.ndarray, timestamp: float | None = None) -> dict[str, Any]:
        """The `embedding` (float32 [n]) of a picture (uint8 [height, width, 3])."""
        height, width = picture.shape[:2]
        vector = unit(self._embedder.see(picture)["embedding"])
        return {"timestamp": timestamp, "width": width, "height": height, "embedding": vector.astype(np.float32)}


class Neighbour(NamedTuple):
    label: str
    similarity: float


class Neighbours:
    """Vectors under labels, and the nearest ones of another: a classifier that learns from a few examples.

    Similarity is the cosine of the angle between two vectors.
    """

    def __init__(self) -> None:
        self._labels: list[str] = []
        self._vectors: list[Floats] = []

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, label: str, vector: ArrayLike) -> None:
        """Raises `InputError` when the vector is not as long as those before."""
        self._vectors.append(self._fitting(vector))
        self._labels.append(label)

    def nearest(self, vector: ArrayLike, k: int = 1) -> list[Neighbour]:
        """The `k` nearest, the nearest first; of equal ones those that were added first. Fewer where there are fewer."""
        if k < 1:
            raise InputError(f"at least one neighbour is wanted, got {k}")
        wanted = self._fitting(vector)
        if not self._vectors:
            return []
        similarities = np.stack(self._vectors) @ wanted
        return [Neighbour(self._labels[i], float(similarities[i])) for i in np.argsort(-similarities, kind="stable")[:k]]

    def vote(self, vector: ArrayLike, k: int = 3) -> dict[str, float]:
        """Shares of the labels among the `k` nearest, the largest first, each neighbour with the weight (1 + similarity) / 2."""
        weights: dict[str, float] = {}
        for label, similarity in self.nearest(vector, k):
            weights[label] = weights.get(label, 0.0) + (1 + similarity) / 2
        total = sum(weights.values()) or 1.0
        return {label: weight / total for label, weight in sorted(weights.items(), key=lambda pair: -pair[1])}

    def _fitting(self, vector: ArrayLike) -> Floats:
        own = unit(vector)
        if self._vectors and own.size != self._vectors[0].size:
            raise InputError(f"the vectors have {self._vectors[0].size} numbers, and this one {own.size}: they are to come from the same model")
        return own


def similarity(a: ArrayLike, b: ArrayLike) -> float:
    """The cosine of the angle between two vectors, −1…1."""
    one, other = unit(a), unit(b)
    if one.size != other.size:
        raise InputError(f"vectors of {one.size} and {other.size} numbers cannot be compared: they are to come from the same model")
    return float(one @ other)


def unit(vector: ArrayLike) -> Floats:
    """The vector, flat, divided by its length. Raises `InputError` when it has none that is finite and above 0."""
    flat = np.asarray(vector, np.float64).reshape(-1)
    length = float(np.sqrt(flat @ flat))
    if not (np.isfinite(length) and length > 0):
        raise InputError(f"the vector has the length {length}; a finite one above 0 has a direction")
    return np.asarray(flat / length)
