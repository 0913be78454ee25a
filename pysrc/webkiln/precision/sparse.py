"""Tensors with many zeros: a bit for each element, and the values of those that are not 0."""

from __future__ import annotations

import dataclasses

import numpy as np

from webkiln.graph.quantization import Affine, Masked, packed_values, unpacked_values

_ENTRY = 192  # bytes that the mask's tensor takes in the header of its shard and in model.json


def without_zeros(stored: np.ndarray | Affine) -> np.ndarray | Affine | Masked:
    """The same values with the zeros left out, where that takes fewer bytes. The sign of a zero is lost."""
    if isinstance(stored, Affine):
        return _affine(stored)
    flat = stored.reshape(-1)
    present = flat != 0
    made = Masked(flat[present], np.packbits(present, bitorder="little"), stored.shape)
    return made if made.present.nbytes + made.mask.nbytes + _ENTRY < stored.nbytes else stored


def _affine(stored: Affine) -> Affine:
    q = unpacked_values(stored.packed, stored.bits, stored.signed, stored.count)
    zeros = np.zeros(1, np.int64) if stored.zero_point is None else np.broadcast_to(stored.spread(stored.zero_point), stored.shape).reshape(-1)
    present = q != zeros
    packed = packed_values(q[present], stored.bits)
    mask = np.packbits(present, bitorder="little")
    if packed.nbytes + mask.nbytes + _ENTRY >= stored.packed.nbytes:
        return stored
    return dataclasses.replace(stored, packed=packed, mask=mask)
