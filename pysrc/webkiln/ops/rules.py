"""Shape and dtype rules, in the restricted subset of Python that is transpiled to JavaScript.

The subset: functions of positional arguments; assignment, `if`, `for` over `range` or a list, `return`; integers, strings,
f-strings, booleans, lists, slices without step; `+ - * // %` on numbers, `[*a, *b]` for lists; comparisons, `and or not`;
list comprehensions; `len range min max abs`, `math.inf`, `.append`, other rules, and `fail`, `differ` and `maximum`.
Sizes may be symbolic in Python: `==` is then equality of expressions, `<` and `>` are true only when certain. So `min` and
`max` are for plain integers; the larger of two sizes is `maximum`.
"""

from __future__ import annotations

from typing import Any, NoReturn

from webkiln.errors import ShapeError
from webkiln.graph.dims import Expression, apply

Rule = Any


def fail(message: str) -> NoReturn:
    """Refuse the inputs."""
    raise ShapeError(message)


def differ(a: Any, b: Any) -> bool:
    """Whether two sizes are certainly different."""
    if isinstance(a, Expression) or isinstance(b, Expression):
        return isinstance(a - b, int) and a - b != 0
    return bool(a != b)


def maximum(a: Any, b: Any) -> Any:
    """The larger of two sizes."""
    return apply("max", a, b)


def product(shape: Any) -> Any:
    """The number of elements."""
    result = 1
    for size in shape:
        result = result * size
    return result


def broadcast_two(a: Any, b: Any) -> Any:
    rank = max(len(a), len(b))
    shape = []
    for i in range(rank):
        p = a[i - rank + len(a)] if i - rank + len(a) >= 0 else 1
        q = b[i - rank + len(b)] if i - rank + len(b) >= 0 else 1
        if p == 1:
            shape.append(q)
        else:
            if q != 1 and differ(p, q):
                fail(f"shapes {a} and {b} do not broadcast: {p} against {q}")
            shape.append(q if q > 1 else p)
    return shape


def broadcast(shapes: Any, attributes: Any) -> Any:
    shape = shapes[0]
    for i in range(1, len(shapes)):
        shape = broadcast_two(shape, shapes[i])
    return [shape]


def same_dtype(dtypes: Any, attributes: Any) -> Any:
    for dtype in dtypes:
        if dtype != dtypes[0]:
            fail(f"inputs have different dtypes: {dtypes}")
    return [dtypes[0]]


def float_dtype(dtypes: Any, attributes: Any) -> Any:
    for dtype in dtypes:
        if dtype != "f32":
            fail(f"needs f32 inputs, not {dtypes}")
    return ["f32"]


def number_dtype(dtypes: Any, attributes: Any) -> Any:
    if dtypes[0] != "f32" and dtypes[0] != "i32":
        fail(f"needs f32 or i32, not {dtypes[0]}")
    return [dtypes[0]]


def product_dtype(dtypes: Any, attributes: Any) -> Any:
    same_dtype(dtypes, attributes)
    return number_dtype(dtypes, attributes)


def gather_dtype(dtypes: Any, attributes: Any) -> Any:
    if dtypes[1] != "i32":
        fail(f"needs i32 indices, not {dtypes[1]}")
    return [dtypes[0]]


def index_dtype(dtypes: Any, attributes: Any) -> Any:
    number_dtype(dtypes, attributes)
    return ["i32"]


def check_dtypes(dtypes: Any, wanted: Any) -> Any:
    for dtype in dtypes:
        if dtype != wanted:
            fail(f"needs {wanted}, not {dtype}")
    return wanted


def non_max_suppression_dtype(dtypes: Any, attributes: Any) -> Any:
    check_dtypes(dtypes, "f32")
    return ["i32"]


def non_max_suppression(shapes: Any, attributes: Any) -> Any:
    boxes = shapes[0]
    scores = shapes[1]
    threshold = shapes[2]
    limit = attributes["limit"]
    if len(boxes) != 3 or differ(boxes[2], 4):
        fail(f"needs boxes [N, boxes, 4], not {boxes}")
    if len(scores) != 3 or differ(scores[0], boxes[0]) or differ(scores[2], boxes[1]):
        fail(f"scores {scores} are not [N, classes, boxes] for boxes {boxes}")
    if len(threshold) != 0:
        fail(f"needs a threshold of rank 0, not {threshold}")
    if len(limit) != 1 or limit[0] < 0:
        fail(f"limit {limit} is not one number from 0")
    return [[scores[0], scores[1], limit[0]]]


def scatter_dtype(dtypes: Any, attributes: Any) -> Any:
    if dtypes[1] != "i32":
        fail(f"needs i32 indices, not {dtypes[1]}")
    if dtypes[2] != dtypes[0]:
        fail(f"updates are {dtypes[2]} and x is {dtypes[0]}")
    if attributes["reduction"] != "none":
        number_dtype(dtypes, attributes)
    return [dtypes[0]]


def window_size(size: Any, low: Any, high: Any, window: Any, stride: Any, dilation: Any) -> Any:
    if window < 1 or stride < 1 or dilation < 1:
        fail(f"window {window}, stride {stride} and dilation {dilation} must be at least 1")
    if low < 0 or high < 0:
        fail(f"padding {low}, {high} must not be negative")
    return maximum(0, (size + low + high - (window - 1) * dilation - 1) // stride + 1)


def check_picture(shape: Any) -> Any:
    if len(shape) != 4:
        fail(f"needs a tensor of rank 4 (N, H, W, C), not {shape}")
    return shape


def conv2d(shapes: Any, attributes: Any) -> Any:
    x = check_picture(shapes[0])
    w = shapes[1]
    groups = attributes["groups"]
    padding = attributes["padding"]
    stride = attributes["stride"]
    dilation = attributes["dilation"]
    if len(w) != 4:
        fail(f"needs weights of rank 4 (KH, KW, C/groups, O), not {w}")
    if len(padding) != 4 or len(stride) != 2 or len(dilation) != 2:
        fail(f"needs 4 paddings, 2 strides and 2 dilations, not {padding}, {stride}, {dilation}")
    if groups < 1:
        fail(f"groups is {groups}, not at least 1")
    if differ(x[3], w[2] * groups):
        fail(f"{x[3]} channels do not fit weights {w} in {groups} groups")
    if differ(w[3] % groups, 0):
        fail(f"{w[3]} output channels cannot be divided into {groups} groups")
    if len(shapes) > 2 and (len(shapes[2]) != 1 or differ(shapes[2][0], w[3])):
        fail(f"bias {shapes[2]} does not fit {w[3]} output channels")
    height = window_size(x[1], padding[0], padding[2], w[0], stride[0], dilation[0])
    width = window_size(x[2], padding[1], padding[3], w[1], stride[1], dilation[1])
    return [[x[0], height, width, w[3]]]


def pool2d(shapes: Any, attributes: Any) -> Any:
    x = check_picture(shapes[0])
    padding = attributes["padding"]
    stride = attributes["stride"]
    window = attributes["window"]
    if len(padding) != 4 or len(stride) != 2 or len(window) != 2:
        fail(f"needs 4 paddings, 2 strides and 2 window sizes, not {padding}, {stride}, {window}")
    height = window_size(x[1], padding[0], padding[2], window[0], stride[0], 1)
    width = window_size(x[2], padding[1], padding[3], window[1], stride[1], 1)
    for i in range(4):
        if padding[i] >= window[i % 2]:
            fail(f"padding {padding} must be smaller than the window {window}")
    return [[x[0], height, width, x[3]]]


def matmul(shapes: Any, attributes: Any) -> Any:
    a = shapes[0]
    b = shapes[1]
    if len(a) < 2 or len(b) < 2:
        fail(f"needs matrices (rank 2 or more), not {a} and {b}")
    if differ(a[-1], b[-2]):
        fail(f"cannot multiply {a} and {b}: {a[-1]} columns against {b[-2]} rows")
    if len(shapes) > 2 and (len(shapes[2]) != 1 or differ(shapes[2][0], b[-1])):
        fail(f"bias {shapes[2]} does not fit {b[-1]} columns")
    batch = broadcast_two(a[:-2], b[:-2])
    return [[*batch, a[-2], b[-1]]]


def check_axis(axis: Any, rank: Any) -> Any:
    if axis < 0 or axis >= rank:
        fail(f"axis {axis} is outside of 0 … {rank - 1}")
    return axis


def reduce(shapes: Any, attributes: Any) -> Any:
    x = shapes[0]
    axes = attributes["axes"]
    for i in range(len(axes)):
        check_axis(axes[i], len(x))
        if axes[i] in axes[:i]:
            fail(f"axis {axes[i]} stands twice in {axes}")
    shape = []
    for i in range(len(x)):
        if i in axes:
            if attributes["keep_dims"]:
                shape.append(1)
        else:
            shape.append(x[i])
    return [shape]


def resize(shapes: Any, attributes: Any) -> Any:
    x = check_picture(shapes[0])
    size = attributes["size"]
    if len(size) != 2 or size[0] < 0 or size[1] < 0:
        fail(f"needs two sizes, not {size}")
    for i in range(2):
        if x[i + 1] == 0 and size[i] != 0:
            fail(f"cannot resize the empty {x} to {size}")
    return [[x[0], size[0], size[1], x[3]]]


def pad(shapes: Any, attributes: Any) -> Any:
    x = shapes[0]
    low = attributes["low"]
    high = attributes["high"]
    interior = attributes["interior"]
    if len(low) != len(x) or len(high) != len(x) or len(interior) != len(x):
        fail(f"needs a padding for each of {len(x)} axes, not {low}, {high}, {interior}")
    shape = []
    for i in range(len(x)):
        if low[i] < 0 or high[i] < 0 or interior[i] < 0:
            fail(f"padding must not be negative: {low}, {high}, {interior}")
        inner = 0 if x[i] == 0 else (x[i] - 1) * interior[i]
        shape.append(low[i] + x[i] + inner + high[i])
    return [shape]


def concat(shapes: Any, attributes: Any) -> Any:
    axis = check_axis(attributes["axis"], len(shapes[0]))
    first = shapes[0]
    total = 0
    for shape in shapes:
        if len(shape) != len(first):
            fail(f"cannot concatenate ranks {len(first)} and {len(shape)}")
        for i in range(len(first)):
            if i != axis and differ(shape[i], first[i]):
                fail(f"cannot concatenate {first} and {shape} along axis {axis}")
        total = total + shape[axis]
    return [[*first[:axis], total, *first[axis + 1 :]]]


def reshape(shapes: Any, attributes: Any) -> Any:
    shape = attributes["shape"]
    for size in shape:
        if size < 0:
            fail(f"a size of {shape} is negative")
    if differ(product(shapes[0]), product(shape)):
        fail(f"cannot reshape {shapes[0]} to {shape}: {product(shapes[0])} elements against {product(shape)}")
    return [shape]


def transpose(shapes: Any, attributes: Any) -> Any:
    x = shapes[0]
    permutation = attributes["permutation"]
    if len(permutation) != len(x):
        fail(f"the permutation {permutation} does not fit rank {len(x)}")
    for i in range(len(x)):
        if i not in permutation:
            fail(f"{permutation} is not a permutation: {i} is missing")
    return [[x[axis] for axis in permutation]]


def slice_(shapes: Any, attributes: Any) -> Any:
    x = shapes[0]
    start = attributes["start"]
    size = attributes["size"]
    step = attributes["step"]
    if len(start) != len(x) or len(size) != len(x) or len(step) != len(x):
        fail(f"needs a start, size and step for each of {len(x)} axes, not {start}, {size}, {step}")
    for i in range(len(x)):
        if size[i] < 0 or step[i] == 0:
            fail(f"size {size[i]} must not be negative and step {step[i]} must not be 0")
        if size[i] > 0:
            last = start[i] + (size[i] - 1) * step[i]
            if start[i] < 0 or last < 0 or start[i] >= x[i] or last >= x[i]:
                fail(f"elements {start[i]} to {last} lie outside of axis {i} of {x}")
    return [size]


def expand(shapes: Any, attributes: Any) -> Any:
    x = shapes[0]
    shape = attributes["shape"]
    if len(shape) < len(x):
        fail(f"cannot expand {x} to {shape}")
    offset = len(shape) - len(x)
    for i in range(len(x)):
        if x[i] != 1 and differ(x[i], shape[i + offset]):
            fail(f"cannot expand {x} to {shape}")
    for size in shape:
        if size < 0:
            fail(f"a size of {shape} is negative")
    return [shape]


def gather(shapes: Any, attributes: Any) -> Any:
    x = shapes[0]
    axis = check_axis(attributes["axis"], len(x))
    if x[axis] == 0 and 0 not in shapes[1]:
        fail(f"cannot gather from the empty axis {axis} of {x}")
    return [[*x[:axis], *shapes[1], *x[axis + 1 :]]]


def requantize_dtype(dtypes: Any, attributes: Any) -> Any:
    return [check_dtypes(dtypes, "i32")]


def requantize(shapes: Any, attributes: Any) -> Any:
    x = shapes[0]
    multiplier = shapes[1]
    shift = shapes[2]
    if len(multiplier) != 1 or len(shift) != 1 or differ(multiplier[0], shift[0]):
        fail(f"needs as many multipliers as shifts, not {multiplier} and {shift}")
    if multiplier[0] != 1 and (len(x) < 1 or differ(multiplier[0], x[-1])):
        fail(f"multipliers {multiplier} do not fit the last axis of {x}")
    return [x]


def along(shapes: Any, attributes: Any) -> Any:
    check_axis(attributes["axis"], len(shapes[0]))
    return [shapes[0]]


def arg_extreme(shapes: Any, attributes: Any) -> Any:
    x = shapes[0]
    axis = check_axis(attributes["axis"], len(x))
    if x[axis] == 0:
        fail(f"the empty axis {axis} of {x} has no extreme")
    kept = [1] if attributes["keep_dims"] else []
    return [[*x[:axis], *kept, *x[axis + 1 :]]]


def scatter(shapes: Any, attributes: Any) -> Any:
    x = shapes[0]
    indices = shapes[1]
    updates = shapes[2]
    if len(x) < 1 or len(indices) != 1:
        fail(f"needs x of rank 1 or more and a list of indices, not {x} and {indices}")
    expected = [indices[0], *x[1:]]
    if len(updates) != len(expected):
        fail(f"updates {updates} are not {expected}")
    for i in range(len(expected)):
        if differ(updates[i], expected[i]):
            fail(f"updates {updates} are not {expected}")
    return [x]
