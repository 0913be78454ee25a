"""Target shapes, as sources write them."""

from __future__ import annotations

from webkiln.graph.dims import Dim, Expression, apply, equal, is_unsized
from webkiln.importers.emitter import FIX_SIZES, Refused
from webkiln.importers.quotient import exact_quotient
from webkiln.ops.rules import differ, product


def told_shape(shape: list[Dim], target: list[Dim], *, copied: bool) -> list[Dim]:
    """The target of which only a run tells whether a size is −1; with `copied`, 0 stands for the size of the input there.

    A run fails where the number of elements is another: a second −1 makes it so.
    """
    open_ = [equal(size, -1) for size in target]
    if copied:
        target = [size + equal(size, 0) * old for size, old in zip(target, shape, strict=False)] + target[len(shape) :]
    rest = product([apply("max", 1, size) for size in target])
    inferred = apply("floordiv", product(shape), rest) * apply("max", 0, 2 - sum(open_, 0))
    return [apply("max", size, is_open * inferred) for size, is_open in zip(target, open_, strict=True)]


def resolve_shape(shape: list[Dim], target: list[Dim], resized: bool) -> list[Dim]:
    """The target with −1 replaced by what is left; `ValueError` when it does not fit.

    With `resized` (or symbolic sizes) a first size that was written down for one batch follows the input when the input has another.
    """
    if any(is_unsized(size) for size in target):
        return told_shape(shape, target, copied=False)
    total = product(shape)
    if any(isinstance(size, int) and size < -1 for size in target) or target.count(-1) > 1:
        raise ValueError(f"cannot reshape to {target}")
    if -1 in target:
        at = target.index(-1)
        rest = product([*target[:at], *target[at + 1 :]])
        if rest == 0 or differ(total % rest, 0):
            raise ValueError(f"cannot reshape {shape} to {target}")
        quotient = exact_quotient(total, rest)
        if quotient is None:
            raise Refused(f"reshaping {[str(size) for size in shape]} to {[str(size) for size in target]}", FIX_SIZES)
        return [*target[:at], quotient, *target[at + 1 :]]
    if product(target) == total:
        return target
    symbolic = any(isinstance(size, Expression) for size in (*shape, *target))
    if not symbolic and not resized:
        raise ValueError(f"cannot reshape {shape} to {target}: {total} elements against {product(target)}")
    rest = product(target[1:])
    written = bool(target) and isinstance(target[0], int) and rest != 0
    quotient = exact_quotient(total, rest) if written else None
    if quotient is not None:
        return [quotient, *target[1:]]
    if any(isinstance(size, Expression) for size in target):
        return target  # sizes that the model computes from its own: whether the elements are as many, a run checks
    raise Refused(
        f"reshaping {[str(size) for size in shape]} to the fixed shape {[str(size) for size in target]}",
        "Keep the sizes that the file has, or write −1 for the size that changes in the source model",
    )
