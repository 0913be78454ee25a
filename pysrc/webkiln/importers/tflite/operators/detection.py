"""The end of models that detect objects: boxes out of offsets from anchors, and the best of those that overlap.

The options are those of the TensorFlow Object Detection API's operator, as tensorflow/lite/kernels/detection_postprocess.cc reads them.
"""

from __future__ import annotations

import math

import numpy as np

from webkiln.errors import FormatError
from webkiln.graph.dims import Dim, apply
from webkiln.importers.lowerings.indexing import picked_along
from webkiln.importers.lowerings.movement import part
from webkiln.importers.lowerings.selection import suppressed
from webkiln.importers.lowerings.suppression import Best, best_boxes, in_place, padded
from webkiln.importers.tflite.flexbuffer import read_map
from webkiln.importers.tflite.lowering import Call
from webkiln.importers.tflite.operators.registry import lowers

Options = dict[str, int | float | bool]
PER_CLASS = 100  # boxes of a class, where the options do not say


@lowers("CUSTOM:TFLite_Detection_PostProcess")
def detections(call: Call) -> list[str]:
    """Offsets [1, N, 4 or more] (y, x, height, width), scores [1, N, classes or one more, which comes first] and anchors [N, 4].

    Gives boxes [1, M, 4] as (y, x) of two corners, classes [1, M], scores [1, M], and how many there are [1]. Behind them are zeros.
    """
    options = _options(call)
    for i, rank in enumerate((3, 3, 2)):
        call.rank(i, rank)
    count, total = call.shape(1)[1:]
    classes, wanted, each = (int(options[name]) for name in ("num_classes", "max_detections", "max_classes_per_detection"))
    if not isinstance(total, int) or total - classes not in (0, 1) or wanted < 1 or not 1 <= each <= classes:
        call.fail(f"{total} scores of each box, {classes} classes, of which {each} for each of {wanted} boxes")
    boxes = _boxes(call, count, options)
    scores = part(call, call.reshape(call.value(1), [count, total]), 1, total - classes, classes)
    overlap = call.constant(np.array(options["nms_iou_threshold"], np.float32))
    if options.get("use_regular_nms", False):
        good = _above(call, call.transpose(scores, [1, 0]), options)
        *columns, number = _by_class(call, boxes, good, overlap, int(options.get("detections_per_class", PER_CLASS)), wanted)
    else:
        *columns, number = _by_box(call, boxes, scores, overlap, options)
    rows = [padded(call, column, wanted * each) for column in columns]
    return [*(call.reshape(one, [1, *call.builder.shape(one)]) for one in rows), call.reshape(call.cast(number, "f32"), [1])]


def _above(call: Call, scores: str, options: Options) -> str:
    """Scores, of which those below the threshold, which itself counts, are NaN."""
    least = call.constant(np.array(options["nms_score_threshold"], np.float32))
    return call.node("where", [call.node("greater_equal", [scores, least]), scores, call.constant(np.array(math.nan, np.float32))])


def _options(call: Call) -> Options:
    try:
        found = read_map(call.operator.custom_options)
    except FormatError as error:
        call.fail(f"its options cannot be read: {error}")
    wanted = ("max_detections", "max_classes_per_detection", "num_classes", "nms_score_threshold", "nms_iou_threshold", "y_scale", "x_scale", "h_scale", "w_scale")
    missing = [name for name in wanted if name not in found]
    if missing or any(found[name] == 0 for name in wanted[5:]):
        call.fail(f"its options lack {', '.join(missing) or 'a scale'}")
    return found


def _boxes(call: Call, count: Dim, options: Options) -> str:
    """The corners [N, 4]: centres move by offsets in sizes of their anchors, which grow exponentially."""
    width = call.shape(0)[2]
    if call.shape(2) != [count, 4] or call.shape(0)[1] != count or not isinstance(width, int) or width < 4:
        call.fail(f"offsets {call.shape(0)} and anchors {call.shape(2)} for the scores of {count} boxes")
    offsets, anchors = call.reshape(call.value(0), [count, width]), call.value(2)
    scale = call.constant(np.array([options["y_scale"], options["x_scale"]], np.float32))
    spread = call.constant(np.array([options["h_scale"], options["w_scale"]], np.float32))
    size = part(call, anchors, 1, 2, 2)
    moved = call.node("mul", [call.node("div", [part(call, offsets, 1, 0, 2), scale]), size])
    centre = call.node("add", [moved, part(call, anchors, 1, 0, 2)])
    grown = call.node("mul", [call.node("exp", [call.node("div", [part(call, offsets, 1, 2, 2), spread])]), size])
    half = call.node("mul", [grown, call.constant(np.array(0.5, np.float32))])
    return call.node("concat", [call.node("sub", [centre, half]), call.node("add", [centre, half])], axis=1)


def _by_box(call: Call, boxes: str, scores: str, overlap: str, options: Options) -> list[str]:
    """Boxes are compared whatever their classes; one that is left comes once for each of its best classes, but counts once."""
    each = int(options["max_classes_per_detection"])
    good = _above(call, call.node("reduce_max", [scores], axes=[1], keep_dims=False), options)
    best = best_boxes(call, boxes, good, int(options["max_detections"]), overlap, None)
    (limit,) = call.builder.shape(best.indices)
    kinds = part(call, call.node("argsort", [in_place(call, best, scores)], axis=1, descending=True), 1, 0, each)
    # Where there is no box, all scores are 0, and the order of the classes says nothing.
    flags = call.reshape(best.flags, [limit, 1])
    kinds = call.node("where", [flags, kinds, call.like(0, kinds)])
    tops = picked_along(call, in_place(call, best, scores), kinds, 1)
    repeated = call.node("expand", [call.reshape(in_place(call, best, boxes), [limit, 1, 4])], shape=[limit, each, 4])
    return [call.reshape(repeated, [limit * each, 4]), call.cast(call.reshape(kinds, [limit * each]), "f32"), call.reshape(tops, [limit * each]), best.count]


def _by_class(call: Call, boxes: str, scores: str, overlap: str, most: int, wanted: int) -> list[str]:
    """Boxes are compared within each class, where at most `most` are left; the best of all classes are taken."""
    classes, count = call.builder.shape(scores)
    found = suppressed(call, call.reshape(boxes, [1, count, 4]), call.reshape(scores, [1, classes, count]), most, overlap, None)
    limit = call.builder.shape(found)[2]
    indices = call.reshape(found, [classes * limit])
    flags = call.node("greater_equal", [indices, call.like(0, indices)])
    places = call.node("max", [indices, call.like(0, indices)])
    none = call.constant(np.array(-math.inf, np.float32))
    values = call.node("where", [flags, call.reshape(picked_along(call, scores, call.reshape(places, [classes, limit]), 1), [classes * limit]), none])
    taken = apply("min", classes * limit, wanted)
    order = part(call, call.node("argsort", [values], axis=0, descending=True), 0, 0, taken)
    best = Best(order, call.node("gather", [flags, order], axis=0), call.node("reduce_sum", [call.cast(call.node("gather", [flags, order], axis=0), "i32")], axes=[0], keep_dims=False))
    kinds = call.node("div", [call.places(classes * limit), call.length(limit)])
    return [in_place(call, best, call.node("gather", [boxes, places], axis=0)), call.cast(in_place(call, best, kinds), "f32"), in_place(call, best, values), best.count]
