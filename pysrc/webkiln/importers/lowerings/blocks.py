"""Blocks of positions that become channels or batches, and back."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Emitter
from webkiln.ops.rules import differ, product


def depth_to_space(emitter: Emitter, value: str, block: int) -> str:
    batch, height, width, channels = _picture(emitter, value)
    if block < 1 or channels % (block * block) != 0:
        emitter.fail(f"{channels} channels cannot be divided into blocks of {block} × {block}")
    rest = channels // (block * block)
    split = emitter.reshape(value, [batch, height, width, block, block, rest])
    return emitter.reshape(emitter.transpose(split, [0, 1, 3, 2, 4, 5]), [batch, height * block, width * block, rest])


def space_to_depth(emitter: Emitter, value: str, block: int) -> str:
    batch, height, width, channels = _picture(emitter, value)
    if block < 1 or differ(height % block, 0) or differ(width % block, 0):
        emitter.fail(f"{height} × {width} cannot be divided into blocks of {block} × {block}")
    split = emitter.reshape(value, [batch, height // block, block, width // block, block, channels])
    return emitter.reshape(emitter.transpose(split, [0, 1, 3, 2, 4, 5]), [batch, height // block, width // block, block * block * channels])


def space_to_batch(emitter: Emitter, value: str, blocks: list[Dim], paddings: list[Dim]) -> str:
    """Padded, cut into blocks; the positions in a block become the slowest part of the batch. `paddings`: before and after each of the first axes after the batch."""
    rank, spatial = len(emitter.builder.shape(value)), len(blocks)
    if not 0 < spatial < rank or len(paddings) != 2 * spatial or any(block < 1 for block in blocks):
        emitter.fail(f"blocks {blocks} and paddings {paddings} do not fit rank {rank}")
    if any(amount != 0 for amount in paddings):
        rest = [0] * (rank - spatial - 1)
        value = emitter.node("pad", [value], low=[0, *paddings[::2], *rest], high=[0, *paddings[1::2], *rest], interior=[0] * rank, value=0.0)
    shape = emitter.builder.shape(value)
    split: list[Dim] = [shape[0]]
    for size, block in zip(shape[1:], blocks, strict=False):
        if differ(size % block, 0):
            emitter.fail(f"a padded size of {size} cannot be divided into blocks of {block}")
        split += [size // block, block]
    split += shape[spatial + 1 :]
    order = [*range(2, 2 * spatial + 1, 2), 0, *range(1, 2 * spatial + 1, 2), *range(2 * spatial + 1, len(split))]
    moved = emitter.transpose(emitter.reshape(value, split), order)
    result = [shape[0] * product(blocks), *(size // block for size, block in zip(shape[1:], blocks, strict=False)), *shape[spatial + 1 :]]
    return emitter.reshape(moved, result)


def batch_to_space(emitter: Emitter, value: str, blocks: list[Dim], crops: list[Dim]) -> str:
    shape = emitter.builder.shape(value)
    rank, spatial = len(shape), len(blocks)
    if not 0 < spatial < rank or len(crops) != 2 * spatial or any(block < 1 for block in blocks):
        emitter.fail(f"blocks {blocks} and crops {crops} do not fit rank {rank}")
    if differ(shape[0] % product(blocks), 0):
        emitter.fail(f"a batch of {shape[0]} cannot be divided into blocks of {blocks}")
    batch = shape[0] // product(blocks)
    split = emitter.reshape(value, [*blocks, batch, *shape[1:]])
    order = [spatial]
    for i in range(spatial):
        order += [spatial + 1 + i, i]
    order += range(2 * spatial + 1, spatial + rank)
    whole: list[Dim] = [batch, *(size * block for size, block in zip(shape[1:], blocks, strict=False)), *shape[spatial + 1 :]]
    value = emitter.reshape(emitter.transpose(split, order), whole)
    if all(amount == 0 for amount in crops):
        return value
    start: list[Dim] = [0] * rank
    size = list(whole)
    for i in range(spatial):
        start[i + 1] = crops[2 * i]
        size[i + 1] = whole[i + 1] - crops[2 * i] - crops[2 * i + 1]
    return emitter.node("slice", [value], start=start, size=size, step=[1] * rank)


def _picture(emitter: Emitter, value: str) -> list[Dim]:
    """The shape [N, H, W, C]; an error when the rank is another."""
    shape = emitter.builder.shape(value)
    if len(shape) != 4:
        emitter.fail(f"its input has rank {len(shape)}, expected 4")
    return shape
