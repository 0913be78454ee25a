"""Einstein sums, as transposes, products of matrices and sums."""

from __future__ import annotations

from collections.abc import Sequence

from webkiln.graph.dims import Dim
from webkiln.importers.named import NamedCall
from webkiln.ops.rules import product


def einstein_sum(call: NamedCall, equation: str) -> str:
    """One operand after another is multiplied in; an index is summed over as soon as nothing that follows, nor the result, has it."""
    terms, result = _parse(call, equation.replace(" ", ""))
    labels, value = _diagonal(call, terms[0], call.wide(call.value(0)))
    for i in range(1, len(call)):
        other_labels, other = _diagonal(call, terms[i], call.wide(call.value(i)))
        needed = {label for term in [*terms[i + 1 :], result] for label in term}
        labels, value = _multiply(call, labels, value, other_labels, other, needed)
    extra = [i for i, label in enumerate(labels) if label not in result]
    if extra:
        value = call.node("reduce_sum", [value], axes=extra, keep_dims=False)
        labels = [label for label in labels if label in result]
    return call.narrow(call.transpose(value, [labels.index(label) for label in result]), call.dtype(0))


def _parse(call: NamedCall, text: str) -> tuple[list[list[str]], list[str]]:
    """The labels of each operand and of the result; an ellipsis becomes labels that are numbers, counted from the last axis."""
    left, arrow, right = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(call):
        call.fail(f"the equation {text!r} does not fit {len(call)} operands")
    widest = max((call.rank(i) - len(term.replace("...", "")) for i, term in enumerate(inputs) if "..." in term), default=0)

    def labels(term: str, rank: int) -> list[str]:
        head, dots, tail = term.partition("...")
        count = rank - len(head) - len(tail)
        if count < 0 or (not dots and count) or not all(letter.isalpha() for letter in head + tail):
            call.fail(f"the term {term!r} of {text!r} does not fit rank {rank}")
        return [*head, *(str(i) for i in range(count - 1, -1, -1)), *tail]

    terms = [labels(term, call.rank(i)) for i, term in enumerate(inputs)]
    if arrow:
        return terms, labels(right, len(right.replace("...", "")) + (widest if "..." in right else 0))
    letters = [letter for letter in left if letter.isalpha()]
    once = sorted(letter for letter in set(letters) if letters.count(letter) == 1)
    return terms, [*(str(i) for i in range(widest - 1, -1, -1)), *once]


def _diagonal(call: NamedCall, labels: list[str], value: str) -> tuple[list[str], str]:
    """An index that stands twice is a diagonal: the other elements become 0, and one of the axes is summed."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            shape = call.builder.shape(value)
            places = [
                call.reshape(call.places(shape[axis]), [size if i == axis else 1 for i, size in enumerate(shape)]) for axis in (first, second)
            ]
            kept = call.node("where", [call.node("equal", places), value, call.like(0, value)])
            value = call.node("reduce_sum", [kept], axes=[second], keep_dims=False)
            labels = [*labels[:second], *labels[second + 1 :]]
    return labels, value


def _multiply(call: NamedCall, a_labels: list[str], a: str, b_labels: list[str], b: str, needed: set[str]) -> tuple[list[str], str]:
    """The product of two operands as one of matrices: shared indices are those of the batch, or are summed."""
    a_labels, a = _summed(call, a_labels, a, needed | set(b_labels))
    b_labels, b = _summed(call, b_labels, b, needed | set(a_labels))
    sizes: dict[str, Dim] = {}
    for labels, value in ((a_labels, a), (b_labels, b)):
        for label, size in zip(labels, call.builder.shape(value), strict=True):
            if sizes.get(label, 1) == 1:
                sizes[label] = size
    shared = [label for label in a_labels if label in b_labels]
    batch = [label for label in shared if label in needed]
    summed = [label for label in shared if label not in needed]
    rows = [label for label in a_labels if label not in shared]
    columns = [label for label in b_labels if label not in shared]
    left = _arranged(call, a, a_labels, [batch, rows, summed], sizes)
    right = _arranged(call, b, b_labels, [batch, summed, columns], sizes)
    labels = [*batch, *rows, *columns]
    return labels, call.reshape(call.node("matmul", [left, right]), [sizes[label] for label in labels])


def _summed(call: NamedCall, labels: list[str], value: str, needed: set[str]) -> tuple[list[str], str]:
    axes = [i for i, label in enumerate(labels) if label not in needed]
    if not axes:
        return labels, value
    return [label for label in labels if label in needed], call.node("reduce_sum", [value], axes=axes, keep_dims=False)


def _arranged(call: NamedCall, value: str, labels: list[str], groups: Sequence[list[str]], sizes: dict[str, Dim]) -> str:
    """A tensor of rank 3, each axis of which is a group of indices; sizes of 1 are spread where the other operand has more."""
    order = [label for group in groups for label in group]
    moved = call.transpose(value, [labels.index(label) for label in order])
    wanted = [sizes[label] for label in order]
    if call.builder.shape(moved) != wanted:
        moved = call.node("expand", [moved], shape=wanted)
    return call.reshape(moved, [product([sizes[label] for label in group]) for group in groups])
