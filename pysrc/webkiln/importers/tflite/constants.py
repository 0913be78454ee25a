"""The values of constant tensors: sizes checked, sparse ones spread out, integers scaled to floats."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from webkiln.errors import FormatError
from webkiln.importers.sparse import zeros_for
from webkiln.importers.tflite import schema
from webkiln.importers.tflite.file import Tensor


def decode_constant(tensor: Tensor) -> np.ndarray:
    """The values of a constant in the file's own dtype, in its shape. A sparse tensor comes out dense."""
    assert tensor.data is not None
    what = f"the constant {tensor.name!r}"
    data = np.asarray(tensor.data)
    if any(size < 0 for size in tensor.shape):
        raise FormatError(f"{what} has the shape {list(tensor.shape)}, with a size that is not known")
    dtype = np.dtype(tensor.dtype).newbyteorder("<")
    count = math.prod(tensor.shape)
    if tensor.sparsity is not None:
        if data.size % dtype.itemsize:
            raise FormatError(f"{what} has {data.size} bytes, not a multiple of {dtype.itemsize}")
        return _densify(data.view(dtype), tensor.shape, tensor.sparsity, what)
    if data.size != count * dtype.itemsize:
        raise FormatError(f"{what} has the shape {list(tensor.shape)} of {tensor.dtype}, {count * dtype.itemsize} bytes, but the file holds {data.size}")
    array = data.view(np.uint8) if dtype == np.bool_ else data.view(dtype)
    return (array != 0 if dtype == np.bool_ else array).reshape(tensor.shape)


def _densify(values: np.ndarray, shape: tuple[int, ...], sparsity: Any, what: str) -> np.ndarray:
    """Spread out values stored level by level in the order of traversal, each level dense or compressed (CSR).

    With blocks, dimension i of `block_map` is split into (outer, block), the blocks' dimensions coming last.
    """
    rank, order, blocks = len(shape), sparsity.traversal_order.tolist(), sparsity.block_map.tolist()
    levels = sparsity.dimensions
    if sorted(order) != list(range(rank + len(blocks))) or len(levels) != len(order) or any(not 0 <= axis < rank for axis in blocks):
        raise FormatError(f"{what}: the sparsity's traversal order {order} and block map {blocks} do not fit the rank {rank}")
    sizes = list(shape) + [0] * len(blocks)
    for level, axis in enumerate(order):
        if axis >= rank:
            if levels[level].format != schema.DENSE or levels[level].size < 1:
                raise FormatError(f"{what}: the blocks of its sparsity are not dense")
            sizes[axis] = levels[level].size
            outer = blocks[axis - rank]
            if sizes[outer] % sizes[axis]:
                raise FormatError(f"{what}: blocks of {sizes[axis]} do not divide the size {sizes[outer]}")
            sizes[outer] //= sizes[axis]
    position = np.zeros(1, np.int64)  # of each stored element, in the tensor whose axes are `sizes`
    strides = [math.prod(sizes[axis + 1 :]) for axis in range(len(sizes))]
    for level, axis in enumerate(order):
        dimension = levels[level]
        if dimension.format == schema.DENSE:
            if dimension.size != sizes[axis]:
                raise FormatError(f"{what}: a dense level of its sparsity has the size {dimension.size}, expected {sizes[axis]}")
            if position.size * sizes[axis] > max(values.size, 1) * max(sizes[axis], 1) or position.size * sizes[axis] > math.prod(shape):
                raise FormatError(f"{what}: its sparsity describes more elements than the tensor has")
            position = (position[:, None] + np.arange(sizes[axis]) * strides[axis]).reshape(-1)
            continue
        if dimension.format != schema.SPARSE_CSR or dimension.segments is None or dimension.indices is None:
            raise FormatError(f"{what}: a level of its sparsity is of the unknown kind {dimension.format}")
        segments, indices = (np.asarray(part.values).astype(np.int64) for part in (dimension.segments, dimension.indices))
        counts = np.diff(segments)
        if segments.size != position.size + 1 or segments[0] != 0 or (counts < 0).any() or segments[-1] != indices.size:
            raise FormatError(f"{what}: the segments of its sparsity do not fit its indices")
        if indices.size and not (indices.min() >= 0 and indices.max() < sizes[axis]):
            raise FormatError(f"{what}: an index of its sparsity lies outside of 0 … {sizes[axis] - 1}")
        position = np.repeat(position, counts) + indices * strides[axis]
    if position.size != values.size:
        raise FormatError(f"{what}: its sparsity places {position.size} elements, but {values.size} are stored")
    whole = zeros_for(values, shape, what)
    whole[position] = values
    # Put each block axis right after the axis that it divides.
    axes: list[int] = []
    for axis in range(rank):
        axes += [axis, *(rank + i for i, outer in enumerate(blocks) if outer == axis)]
    dense: np.ndarray = whole.reshape(sizes).transpose(axes).reshape(shape)
    return dense


def scale_integers(array: np.ndarray, tensor: Tensor) -> np.ndarray:
    """float32 values of a constant stored as integers: `scale · (q − zero_point)`, per tensor or along one axis."""
    what = f"the quantization of {tensor.name!r}"
    quantization = tensor.quantization
    assert quantization is not None
    scale, zero_point = np.asarray(quantization.scale), np.asarray(quantization.zero_point)
    if zero_point.size not in (0, scale.size):
        raise FormatError(f"{what} has {scale.size} scales and {zero_point.size} zero points")
    shape: tuple[int, ...] = ()
    if scale.size != 1:
        axis = quantization.axis
        if not 0 <= axis < array.ndim or array.shape[axis] != scale.size:
            raise FormatError(f"{what} has {scale.size} scales along axis {axis} of the shape {list(array.shape)}")
        shape = tuple(scale.size if i == axis else 1 for i in range(array.ndim))
    offset = zero_point.reshape(shape) if zero_point.size else 0
    steps = (array.astype(np.int64) - offset).astype(np.float32)
    return np.asarray(scale.reshape(shape) * steps, np.float32)
