"""Products of matrices."""

from __future__ import annotations

from webkiln.graph.dims import Dim
from webkiln.importers.emitter import Refused
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers
from webkiln.ops.rules import product


@lowers("FULLY_CONNECTED", options="FullyConnectedOptions")
def fully_connected(call: Call) -> str:
    """x, flattened to rows as long as those of the weights [O, I], times their transpose."""
    options = call.options
    if options.weights_format != 0:
        raise Refused(f"weights in the shuffled format number {options.weights_format}")
    call.rank(1, 2)
    out, depth = call.sizes(1, "the weights")
    shape = call.shape(0)
    if options.keep_dims:
        if not shape or shape[-1] != depth:
            call.fail(f"rows of {shape} do not fit weights [{out}, {depth}]")
        result: list[Dim] = [*shape[:-1], out]
    else:
        total = product(shape)
        if depth < 1 or total % depth != 0:
            call.fail(f"{shape} cannot be cut into rows of {depth}")
        result = [total // depth, out]
    x = call.value(0)
    if not (options.keep_dims and len(shape) >= 2):
        x = call.reshape(x, [product(result[:-1]), depth])
    inputs = [x, call.permuted(1, [1, 0])]
    if call.has(2):
        bias = call.value(2)
        inputs.append(call.reshape(bias, [out]))
    return call.activate(call.reshape(call.node("matmul", inputs), result), options.activation)


@lowers("BATCH_MATMUL", options="BatchMatMulOptions")
def batch_matmul(call: Call) -> str:
    inputs = []
    for i, adjoint in enumerate((call.options.adjoint_x, call.options.adjoint_y)):
        rank = call.rank(i)
        if rank < 2:
            call.fail(f"input {i} has rank {rank}, expected at least 2")
        swapped = [*range(rank - 2), rank - 1, rank - 2]
        inputs.append(call.permuted(i, swapped) if adjoint else call.value(i))
    return call.node("matmul", inputs)
