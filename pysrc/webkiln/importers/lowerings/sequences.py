"""Sequences of different lengths in one tensor."""

from __future__ import annotations

from webkiln.importers.emitter import Refused
from webkiln.importers.typed_emitter import TypedEmitter


def reversed_rows(emitter: TypedEmitter, value: str, lengths: str, time_axis: int) -> str:
    """By rows of a flattened tensor, whose first two axes are time and batch in some order."""
    shape = emitter.builder.shape(value)
    batch, time = shape[1 - time_axis], shape[time_axis]
    steps = emitter.reshape(emitter.places(time), [time, 1] if time_axis == 0 else [1, time])
    sequences = emitter.reshape(emitter.places(batch), [1, batch] if time_axis == 0 else [batch, 1])
    lengths = emitter.reshape(lengths, [1, batch] if time_axis == 0 else [batch, 1])
    mirrored = emitter.node("sub", [emitter.node("sub", [lengths, emitter.like(1, lengths)]), steps])
    taken = emitter.node("where", [emitter.node("less", [steps, lengths]), mirrored, steps])
    stride = batch if time_axis == 0 else time
    if not isinstance(stride, int):
        raise Refused(f"sequences reversed in a tensor of shape {[str(size) for size in shape]}, which is not fixed")
    slow, fast = (taken, sequences) if time_axis == 0 else (sequences, taken)
    rows = emitter.node("add", [emitter.node("mul", [slow, emitter.like(stride, slow)]), fast])
    flat = emitter.reshape(value, [shape[0] * shape[1], *shape[2:]])
    return emitter.node("gather", [flat, rows], axis=0)
