"""Products of matrices."""

from __future__ import annotations

from webkiln.importers.emitter import Refused
from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.registry import lowers


@lowers("MatMul")
def matmul(call: Call) -> str:
    return call.narrow(product_of(call, call.value(0), call.value(1)), call.dtype(0))


def product_of(call: Call, a: str, b: str) -> str:
    """As NumPy's: a vector is a row on the left and a column on the right. Integers are multiplied as such."""
    p, q = call.builder.shape(a), call.builder.shape(b)
    if not p or not q:
        call.fail(f"a product of shapes {p} and {q}")
    a = call.reshape(a, [1, *p]) if len(p) == 1 else a
    b = call.reshape(b, [*q, 1]) if len(q) == 1 else b
    value = call.node("matmul", [call.wide(a), call.wide(b)])
    shape = call.builder.shape(value)
    if len(q) == 1:
        shape = shape[:-1]
    if len(p) == 1:
        shape = [*shape[: len(shape) - (1 if len(q) == 1 else 2)], *([] if len(q) == 1 else shape[-1:])]
    return call.reshape(value, shape)


@lowers("Gemm")
def gemm(call: Call) -> str:
    """`alpha · A B + beta · C`, each matrix perhaps transposed."""
    call.rank(0, 2)
    call.rank(1, 2)
    a, b = (
        call.lowering.permuted(call.name(i), [1, 0]) if call.integer(name, 0) else call.value(i) for i, name in ((0, "transA"), (1, "transB"))
    )
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    value = product_of(call, a, b)
    if call.builder.dtype(value) != "f32" and (alpha % 1 or beta % 1):
        raise Refused("integers scaled by what is no integer")
    if alpha != 1.0:
        value = call.node("mul", [value, call.like(alpha, value)])
    if call.has(2) and beta != 0.0:
        bias = call.wide(call.value(2))
        value = call.node("add", [value, bias if beta == 1.0 else call.node("mul", [bias, call.like(beta, bias)])])
    return call.narrow(value, call.dtype(0))
