"""What outputs mean: each kind of result against numbers worked out another way, and pictures as inputs of a run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webkiln
from PIL import Image
from webkiln.errors import InputError
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model
from webkiln.tasks import Region, placement, prepare_picture
from webkiln.tasks.boxes import anchor_centres, anchor_sizes, read_boxes
from webkiln.tasks.pictures import Placement
from webkiln.tasks.places import Place
from webkiln.tasks.suppression import overlap

PICTURE = {"type": "picture", "width": 32, "height": 24, "resize": "letterbox"}
PIXELS = np.random.default_rng(3).integers(0, 256, (60, 100, 3), dtype=np.uint8)
REGION = Region(40, 20, 64, 30, 0.7)


class Described:
    """Stands for a model."""

    def __init__(self, outputs: dict[str, Any], picture: dict[str, Any] | None = PICTURE) -> None:
        self.processing = {"inputs": {"image": picture} if picture else {}, "outputs": outputs}


def one(spec: dict[str, Any], values: Any, inputs: dict[str, Any] | None = None, **more: Any) -> Any:
    outputs = {"y": np.asarray(values, np.float32), **{name: np.asarray(array, np.float32) for name, array in more.items()}}
    return webkiln.results(Described({"y": spec}), outputs, inputs)["y"]


def test_labels_are_sorted_and_cut() -> None:
    spec = {"type": "labels", "labels": list("abcd"), "top": 3}
    assert one(spec, [[0.25, 0.5, 0.5, 0.125]]) == [
        {"label": "b", "index": 1, "score": 0.5},
        {"label": "c", "index": 2, "score": 0.5},
        {"label": "a", "index": 0, "score": 0.25},
    ]
    softmax = one({**spec, "activation": "softmax", "top": 4}, [0, math.log(2), 1000, -1000])
    assert [(row["label"], row["score"]) for row in softmax] == [("c", 1.0), ("a", 0.0), ("b", 0.0), ("d", 0.0)]
    sigmoid = one({**spec, "activation": "sigmoid"}, [math.log(3), 0, -1000, 1000])
    assert [row["score"] for row in sigmoid] == pytest.approx([1, 0.75, 0.5])


def test_key_points_go_back_to_the_picture() -> None:
    spec = {"type": "keypoints", "count": 2, "fields": ["y", "x", "z", "visibility"], "names": ["a", "b"], "skeleton": [[0, 1]], "activations": {"visibility": "sigmoid"}}
    values = [[12, 16, 2, 0], [0, 0, -1, math.log(3)]]
    found = one(spec, values, {"image": PIXELS})
    # Letterbox: 100 × 60 in 32 × 24 is 3.125 pixels to one, the same centre.
    assert found["skeleton"] == [(0, 1)]
    assert found["points"][0] == pytest.approx({"name": "a", "x": 50, "y": 30, "z": 6.25, "visibility": 0.5})
    assert found["points"][1] == pytest.approx({"name": "b", "x": 0, "y": 30 - 12 * 3.125, "z": -3.125, "visibility": 0.75})
    part = {"picture": PIXELS, "region": REGION}
    turned = one(spec, values, {"image": part})["points"]
    expected = placement(PICTURE, 100, 60, REGION).to_picture(np.array([[16.0, 12.0], [0.0, 0.0]]))
    np.testing.assert_allclose([[point["x"], point["y"]] for point in turned], expected)
    assert turned[0]["x"] == pytest.approx(REGION.x)
    normalized = one({**spec, "units": "normalized"}, [[0.5, 0.5, 2 / 32, 0], [0, 0, -1 / 32, math.log(3)]], {"image": part})
    assert normalized["points"] == [pytest.approx(point) for point in turned]
    bare = one(spec, values)["points"]
    assert (bare[0]["x"], bare[0]["y"], bare[0]["z"]) == (16, 12, 2)


def test_metres_are_only_turned() -> None:
    spec = {"type": "keypoints", "count": 1, "fields": ["x", "y", "z"], "units": "metres"}
    (point,) = one(spec, [1, 0, 5], {"image": {"picture": PIXELS, "region": REGION._replace(rotation=math.pi / 2)}})["points"]
    assert point == pytest.approx({"x": 0, "y": 1, "z": 5})


def test_anchors_share_the_cells_of_layers_of_one_stride() -> None:
    anchors = {"strides": [8, 16, 16], "scales_per_layer": 2, "offset": 0.5}
    centres = anchor_centres(anchors, 32, 24, 4 * 3 * 2 + 2 * 2 * 4)
    np.testing.assert_array_equal(centres[:3], [[4, 4], [4, 4], [12, 4]])
    np.testing.assert_array_equal(centres[24:29], [[8, 6]] * 4 + [[24, 6]])  # two rows of cells over 24 pixels
    with pytest.raises(InputError, match="6 sizes"):
        anchor_sizes({**anchors, "fixed_size": False}, 32, 24)
    own = [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]]
    sizes = anchor_sizes({**anchors, "fixed_size": False, "sizes": own}, 32, 24)
    assert sizes is not None
    np.testing.assert_array_equal(sizes, np.concatenate([np.tile(own[:2], (12, 1)), np.tile(own[2:], (4, 1))]))


BOXES = {
    "type": "boxes",
    "fields": ["center_x", "center_y", "width", "height", "tip_x", "tip_y"],
    "scores": "s",
    "score_activation": "none",
    "score_threshold": 0.5,
    "iou_threshold": 0.3,
    "labels": ["cat", "dog"],
}
ROWS = [[8, 8, 8, 8, 1, 1], [9, 8, 8, 8, 3, 1], [24, 16, 4, 4, 0, 0], [8, 8, 8, 8, 5, 5], [8, 8, 8, 8, 9, 9]]
SCORES = [[0.75, 0], [0.5, 0.25], [0, 0.6], [0.1, 0.7], [0.49, 0.2]]


@pytest.mark.parametrize("kind", ["hard", "weighted"])
def test_boxes_that_overlap_are_one_of_their_label(kind: str) -> None:
    found = one({**BOXES, "non_maximum_suppression": kind}, ROWS, s=SCORES)
    assert [(row["label"], row["score"]) for row in found] == [("cat", 0.75), ("dog", pytest.approx(0.7)), ("dog", pytest.approx(0.6))]
    x, tip = (8, 1) if kind == "hard" else ((8 * 0.75 + 9 * 0.5) / 1.25, (0.75 + 1.5) / 1.25)
    assert found[0]["box"] == pytest.approx({"x": x, "y": 8, "width": 8, "height": 8, "rotation": 0})
    assert found[0]["points"] == [pytest.approx({"name": "tip", "x": tip, "y": 1})]


def test_a_box_is_a_region_of_the_picture() -> None:
    """What lies in the box that was found is what lay there in the input."""
    found = one({**BOXES, "units": "normalized", "labels": ["it"]}, [[0.5, 0.5, 1, 1, 0, 0]], {"image": {"picture": PIXELS, "region": REGION}}, s=[1])
    box = found[0]["box"]
    again = prepare_picture(PIXELS, {**PICTURE, "resize": "stretch"}, Region(**box))
    np.testing.assert_allclose(again, prepare_picture(PIXELS, PICTURE, REGION), atol=1e-3)


@pytest.mark.parametrize(("encoding", "size"), [("linear", (20, 8)), ("exponential", (10 * math.e**2, 8 * math.e))])
def test_boxes_are_multiples_of_anchors_with_sizes(encoding, size) -> None:
    """One anchor of 10 × 8 in the middle of a picture of 16 × 16: half of it to the right, a quarter up."""
    anchors = {"strides": [16], "fixed_size": False, "sizes": [[10, 8]], "size_encoding": encoding}
    spec = {"type": "boxes", "fields": ["center_x", "center_y", "width", "height", "nose_x", "nose_y"], "scores": "s", "anchors": anchors, "units": "normalized"}
    place = Place(16, 16, Placement(1, 0, 0, 1, 0, 0))
    (found,) = read_boxes(np.array([[0.5, -0.25, 2, 1, -0.1, 0.5]]), np.ones((1, 1)), spec, place)
    assert found["box"] == pytest.approx({"x": 13, "y": 6, "width": size[0], "height": size[1], "rotation": 0})
    assert found["points"] == [pytest.approx({"name": "nose", "x": 7, "y": 12})]


def test_anchors_are_added() -> None:
    spec = {**BOXES, "anchors": {"strides": [16]}, "labels": ["it"]}
    rows = np.zeros((4, 6))
    rows[3] = [1, -2, 4, 4, 3, 3]
    found = one(spec, rows, s=[0, 0, 0, 1])
    assert (found[0]["box"]["x"], found[0]["box"]["y"]) == (25, 16)  # the anchor is at 24, 18
    assert found[0]["points"] == [{"name": "tip", "x": 27, "y": 21}]


def test_overlap() -> None:
    boxes = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6], [0, 0, 0, 0]], float)
    np.testing.assert_allclose(overlap(boxes[0], boxes), [1, 1 / 3, 0, 0])
    np.testing.assert_allclose(overlap(boxes[3], boxes[3:]), [0])


def test_nothing_found_and_nothing_finite() -> None:
    assert one(BOXES, ROWS, s=np.zeros((5, 2))) == []
    assert one(BOXES, ROWS, s=np.full((5, 2), np.nan)) == []
    assert len(one(BOXES, np.full((5, 6), np.nan), s=np.ones((5, 2)))) == 5


def test_a_mask_and_where_it_lies() -> None:
    values = np.zeros((1, 12, 16, 2))
    values[0, 3, 5] = [1, math.log(3)]
    found = one({"type": "mask", "activation": "sigmoid", "channel": 1}, values, {"image": PIXELS})
    assert found["values"].shape == (12, 16)
    assert found["values"].dtype == np.float32
    assert found["values"][3, 5] == pytest.approx(0.75)
    # Half as large as the input: 6.25 pixels of the picture to one.
    np.testing.assert_allclose(found["place"].to_picture(np.array([8.0, 6.0])), [50, 30])
    assert found["place"].a == pytest.approx(6.25)
    chosen = one({"type": "mask", "activation": "softmax", "channel": 1, "layout": "NCHW"}, values.transpose(0, 3, 1, 2))["values"]
    assert chosen[0, 0] == pytest.approx(0.5)
    assert chosen[3, 5] == pytest.approx(3 / (3 + math.e))


def test_text_stands_once_for_a_run() -> None:
    steps = [0, 1, 1, 0, 1, 2, 2, 0, 0]
    values = np.full((1, len(steps), 3), 0.125)
    values[0, np.arange(len(steps)), steps] = [0.9, 0.5, 1, 0.9, 0.75, 1, 0.25, 0.9, 0.9]
    assert one({"type": "text", "characters": ["", "o", "k"]}, values) == {"text": "ook", "score": 0.75}
    assert one({"type": "text", "characters": ["", "o", "k"]}, values[:, -2:]) == {"text": "", "score": 0.0}


def test_tensors_are_left_alone() -> None:
    y = np.arange(3, dtype=np.int64)
    assert webkiln.results(Described({}), {"y": y})["y"] is y


@pytest.mark.parametrize(
    ("spec", "values", "inputs", "words"),
    [
        ({"type": "labels", "labels": ["a"]}, [1, 2], None, "1 labels"),
        ({"type": "labels", "labels": ["a"], "activation": "tanh"}, [1], None, "tanh"),
        ({"type": "keypoints", "count": 2, "fields": ["x", "y"]}, [1, 2, 3], None, "4 numbers"),
        ({"type": "keypoints", "count": 1, "fields": ["x", "y"], "names": ["a", "b"]}, [1, 2], None, "2 names"),
        ({"type": "keypoints", "count": 1, "fields": ["x", "y"]}, [1, 2], {"other": PIXELS}, "'image'"),
        ({"type": "keypoints", "count": 1, "fields": ["x", "y"], "input": "sound"}, [1, 2], None, "'sound'"),
        ({"type": "boxes", "fields": ["width"], "scores": "y"}, [1], None, "center_x"),
        ({**BOXES, "scores": "none"}, ROWS, None, "'none'"),
        ({**BOXES, "scores": "y"}, ROWS, None, "10|5 boxes"),
        ({**BOXES, "scores": "y", "anchors": {"strides": [8]}}, ROWS, None, "12 anchors for 5"),
        ({"type": "mask", "channel": 4}, np.zeros((1, 2, 2, 3)), None, "channel 4"),
        ({"type": "poem"}, [1], None, "poem"),
    ],
)
def test_what_is_wrong_is_told(spec: dict[str, Any], values: Any, inputs: dict[str, Any] | None, words: str) -> None:
    with pytest.raises(InputError, match=f"the output 'y': .*({words})"):
        one(spec, values, inputs)


def echo(dtype: str = "float32", shape: tuple[int, ...] = (1, 24, 32, 3), picture: dict[str, Any] = PICTURE) -> Model:
    b = GraphBuilder()
    kind = {"float32": "f32", "uint8": "u8"}[dtype]
    b.output(b.node("reshape", [b.input("x", kind, shape)], {"shape": list(shape)}, output="y"))
    signature = Signature("main", [Argument("image", "x", dtype, shape)], [Argument("y", "y", dtype, shape)])
    return Model(Bundle(b.graph, [signature], name="echo", processing={"inputs": {"image": picture}}))


def test_a_run_takes_pictures(tmp_path: Path) -> None:
    model, expected = echo(), prepare_picture(PIXELS, PICTURE)
    alpha = np.concatenate([PIXELS, np.full((60, 100, 1), 7, np.uint8)], axis=2)
    Image.fromarray(PIXELS).save(tmp_path / "picture.png")
    for given in (PIXELS, alpha, Image.fromarray(PIXELS), Image.fromarray(alpha), tmp_path / "picture.png", str(tmp_path / "picture.png"), {"picture": PIXELS}, expected):
        np.testing.assert_array_equal(model.run({"image": given})["y"], expected)
    for region in (REGION, REGION._asdict()):
        np.testing.assert_array_equal(model.run({"image": {"picture": PIXELS, "region": region}})["y"], prepare_picture(PIXELS, PICTURE, REGION))


def test_integers_and_inputs_without_a_batch() -> None:
    expected = np.floor(prepare_picture(PIXELS, PICTURE) + 0.5)
    np.testing.assert_array_equal(echo("uint8").run({"image": PIXELS})["y"], expected)
    model = echo("uint8", (24, 32, 3))
    np.testing.assert_array_equal(model.run({"image": {"picture": PIXELS}})["y"], expected[0])
    itself = PIXELS[:24, :32]
    np.testing.assert_array_equal(model.run({"image": itself})["y"], itself)  # an array of the input's own rank is the input


@pytest.mark.parametrize("orientation", ["apply", "ignore"])
def test_a_file_that_is_to_be_turned(tmp_path: Path, orientation: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(tmp_path / "turned.png", exif=exif)
    picture = {**PICTURE, "orientation": orientation}
    seen = np.rot90(PIXELS, -1) if orientation == "apply" else PIXELS
    np.testing.assert_array_equal(echo(picture=picture).run({"image": tmp_path / "turned.png"})["y"], prepare_picture(np.ascontiguousarray(seen), picture))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nowhere.png", "cannot be read"),
        (__file__, "cannot be read"),
        (np.zeros((4, 4, 2), np.uint8), "3 or 4"),
        ({"picture": 5}, "holds no picture but int"),
        ({"region": REGION}, "the keys 'region'"),
        ({"picture": PIXELS, "region": {"x": 1}}, "a region is"),
        ({"picture": PIXELS, "region": Region(1, 1, 0, 1)}, "above 0"),
    ],
)
def test_what_is_no_picture(given: Any, words: str) -> None:
    with pytest.raises(InputError, match=f"the input 'image': .*{words}"):
        echo().run({"image": given})


def test_rows_of_yolox() -> None:
    """Boxes, how sure it is of each, and a score for each label in one row: exp(size) times the stride, about the corner of a cell."""
    spec = {
        "type": "boxes", "fields": ["center_x", "center_y", "width", "height", "objectness"], "labels": ["cat", "dog"], "score_threshold": 0.4,
        "anchors": {"strides": [8, 16], "offset": 0, "fixed_size": False, "sizes": [[8, 8], [16, 16]], "size_encoding": "exponential"},
    }  # fmt: skip
    place = Place(32, 16, Placement(1, 0, 0, 1, 0, 0))
    rows = np.zeros((1, 8 + 2, 7), np.float32)
    rows[0, 5] = (0.5, 0.25, np.log(2), 0, 0.9, 0.1, 0.8)  # of the cells of 8 pixels the second row's second
    rows[0, 9] = (0, 0, 0, 0, 0.5, 0.7, 0)  # not sure enough: 0.35
    found = read_boxes(rows, None, spec, place)
    assert [(one["label"], one["index"]) for one in found] == [("dog", 1)]
    assert found[0]["score"] == pytest.approx(0.72, abs=1e-6)
    assert found[0]["box"] == pytest.approx({"x": 12, "y": 10, "width": 16, "height": 8, "rotation": 0})
    with pytest.raises(InputError, match="boxes of 5 fields and 2 scores do not fit"):
        read_boxes(rows[:, :, :6], None, spec, place)
