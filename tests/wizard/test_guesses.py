"""What inputs are taken for, which classes get names, and what a run costs."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wizard_models
from click.testing import CliRunner
from converter_wizard import kinds, labels, precision, sizes
from converter_wizard.operations import operations
from converter_wizard.sources import Source
from tflite_writer import encode_metadata
from webkiln.cli import main
from webkiln.gallery import RECIPES, fetch
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.dims import parse_dim
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model, convert, load
from webkiln.precision.tradeoff import Row
from webkiln.tasks import prepare_picture


def taking(name: str, dtype: str, shape: Sequence[int | str], *, scaled: float | None = None, source: str = "tflite") -> Model:
    """A model with one input, which may be multiplied by a constant first; integers go through."""
    builder = GraphBuilder()
    canonical = {"float32": "f32", "uint8": "u8", "int8": "i8"}.get(dtype, "i32")
    dims = [parse_dim(size) for size in shape]
    x = builder.input(name, canonical, dims)
    y = x if canonical == "f32" else builder.node("cast", [x], {"to": "f32"})
    if scaled is not None:
        y = builder.node("mul", [y, builder.constant(np.float32(scaled), "factor")])
    y = builder.node("tanh", [y], output="y")
    builder.output(y)
    signature = Signature("main", [Argument(name, x, dtype, tuple(dims))], [Argument("y", y, "float32", tuple(dims))])
    return Model(Bundle(builder.graph, [signature], provenance={"source_format": source}))


@pytest.mark.parametrize(
    ("name", "dtype", "shape", "scaled", "guessed"),
    [
        ("x", "float32", (1, 224, 224, 3), None, "picture:0..1"),
        ("x", "float32", (1, 224, 224, 3), 1 / 255, "picture:0..255"),
        ("x", "float32", (1, 224, 224, 3), 2.0, "picture:0..1"),
        ("x", "uint8", (1, 96, 96, 1), None, "picture:0..255"),
        ("x", "int8", (1, 96, 96, 1), None, "picture:-128..127"),
        ("x", "float32", ("N", 3, "H", "W"), None, "picture:0..1"),
        ("x", "float32", (28, 28, 1), None, "picture:0..1"),
        ("x", "float32", (8, 224, 224, 3), None, "numbers"),
        ("x", "float32", (1, 4, 4, 3), None, "numbers"),
        ("x", "float32", (1, 224, 224, 64), None, "numbers"),
        ("audio", "float32", (1, 15600), None, "audio:16000"),
        ("x", "float32", (1, 15600), None, "numbers"),
        ("input_ids", "int64", ("N", "L"), None, "tokens"),
        ("x", "int64", ("N", "L"), None, "numbers"),
        ("h", "float32", (2, 1, 64), None, "numbers"),
    ],
)
def test_what_an_input_is_taken_for(name, dtype, shape, scaled, guessed) -> None:
    guess = kinds.guesses(taking(name, dtype, shape, scaled=scaled))[name]
    assert guess.best == guessed, guess
    assert guess.why


def test_a_state_is_told() -> None:
    assert "fed back" in kinds.guesses(taking("hidden_state", "float32", (2, 1, 64)))["hidden_state"].why


def test_what_is_recorded_is_not_guessed() -> None:
    model = taking("x", "float32", (1, 64, 64, 3))
    model.bundle.processing = {"inputs": {"x": {"type": "tensor"}}}
    assert kinds.guesses(model) == {}


@pytest.mark.parametrize("kind", kinds.known_kinds())
def test_every_kind_is_processing_that_is_written_and_run(kind, tmp_path) -> None:
    """A picture whose pixels are all 200 becomes what the kind says."""
    dtype = "int64" if kind == "tokens" else "float32"
    shape = {"picture": (1, 3, 16, 16), "tokens": (1, 32), "audio": (1, 512)}.get(kind.partition(":")[0], (1, 4))
    model = taking("x", dtype, shape, source="onnx")
    specification = kinds.specification(kind, model.signature.inputs[0], crop=False, channels_first=kinds.has_channels_first(model))
    assert (specification is None) == (kind == kinds.NUMBERS)
    if specification is None:
        return
    model.bundle.processing = {"inputs": {"x": specification}, "outputs": {}}
    model.save(tmp_path / "model")
    if kind.startswith("picture:"):
        assert specification["layout"] == "NCHW"
        given = model.check_inputs({"x": np.full((30, 30, 3), 200, np.uint8)})["x"]
        wanted = {"0..1": 200 / 255, "-1..1": 200 / 127.5 - 1, "0..255": 200, "-128..127": 72, "imagenet": [(200 / 255 - m) / s for m, s in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))]}
        channels = np.broadcast_to(wanted[kind.partition(":")[2]], 3)
        np.testing.assert_allclose(given, np.broadcast_to(channels[:, None, None], (1, 3, 16, 16)), rtol=1e-5)


def test_open_sizes() -> None:
    model = taking("x", "float32", ("N", "H", "W", 3))
    model.bundle.symbols = {"H": {"multiple": 32, "minimum": 32}, "W": {"maximum": 100}}
    assert sizes.open_symbols(model) == ["N", "H", "W"]
    assert sizes.batch_symbols(model) == ["N"]
    assert sizes.likely(model) == {"N": 1, "H": 224, "W": 100}
    assert sizes.fixed_shapes(model, {"N": 1, "W": 64}) == {"x": (1, "H", 64, 3)}


def test_the_size_of_a_model_in_several_files(tmp_path: Path) -> None:
    manifest = {"weightsManifest": [{"paths": ["one.bin", "two.bin"]}, {"paths": ["two.bin"]}]}
    (tmp_path / "pose.json").write_text(json.dumps(manifest))
    for name, size in (("one.bin", 100), ("two.bin", 50), ("of another.bin", 7)):
        (tmp_path / name).write_bytes(bytes(size))
    assert Source("pose.json", tmp_path / "pose.json", "tfjs").bytes == 150 + len(json.dumps(manifest))
    assert Source("one.bin", tmp_path / "one.bin", "onnx").bytes == 100


def test_operations_of_a_run(tmp_path: Path) -> None:
    """Worked out by hand: two for each product of the convolution and of the dense layer, one for every other element."""
    model = convert(wizard_models.classifier(tmp_path / "model.tflite", signatures=False))
    assert sorted(node.op for node in model.graph.nodes) == sorted(["conv2d", "reduce_mean", "matmul", "reduce_max", "sub", "exp", "reduce_sum", "div"])
    convolution, mean, dense = 2 * 27 * 8 * 8 * 24, 8 * 8 * 24, 2 * 24 * 3
    softmax = 3 + 3 + 3 + 3 + 3  # largest, difference, exponential, sum, quotient
    assert operations(model, {"N": 1}) == convolution + mean + dense + softmax
    assert operations(model, {"N": 2}) == 2 * operations(model, {"N": 1})


def test_names_of_classes(tmp_path: Path) -> None:
    """Beside the model, and in the file itself, as TensorFlow Lite's metadata have it; never of another number."""
    path = wizard_models.classifier(tmp_path / "model.tflite", signatures=False)
    source = Source(str(path), path, "tflite")
    assert labels.found(source, 3) is None
    (tmp_path / "labels.txt").write_text("one\ntwo\n")
    assert labels.found(source, 3) is None
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("classes.txt", "ant\nbee\ncat\n")
    found = labels.found(source, 3)
    assert found is not None
    assert found[0] == ["ant", "bee", "cat"]
    (tmp_path / "model_labels.txt").write_bytes("\ufeffAmeise\r\nBiene\r\nKatze\r\n\r\n".encode())
    found = labels.found(source, 3)
    assert found is not None
    assert found[0] == ["Ameise", "Biene", "Katze"]
    model = convert(path)
    output = labels.class_output(model)
    assert output is not None
    assert labels.specification(model, output, found[0])["activation"] == "none"


@pytest.mark.parametrize(
    ("half_bytes", "half_error", "top1", "advised"),
    [(500, 1e-4, None, "f16"), (500, 0.2, None, "f32"), (500, 1e-4, 0.5, "f32"), (500, 1e-4, 1.0, "f16"), (1000, 0.0, None, "f32")],
)
def test_what_is_advised(half_bytes, half_error, top1, advised) -> None:
    """Float16 where it saves bytes and changes next to nothing; smaller ones are named where classes stay the same."""
    rows = [Row("f32", 1000, 900, 0.0, "", top1 and 1.0, None), Row("f16", half_bytes, 450, half_error, "y", top1, None), Row("int8", 260, 200, 0.02, "y", top1, None)]
    assert precision.advised(rows) == advised
    said = precision.advice(rows)
    assert said.startswith(f"Advice: {precision.MEANINGS[advised]}")
    assert ("int8" in said) == (top1 is None or top1 == 1.0)


def described(files: Sequence[tuple[str, int]] = (), **image: Any) -> dict[str, Any]:
    """The metadata of a classifier: its picture, less 127.5 and divided by 128, and the files of its output with the numbers of their types."""
    normalization = {"options_type": 1, "options": {"table": "NormalizationOptions", "mean": [127.5], "std": [128.0]}}
    content = {"properties_type": 2, "properties": {"table": "ImageProperties", "color_space": 1}}
    picture = {"name": "photo", "description": "of an insect,\nseen from above", "content": content, "process_units": [normalization], **image}
    scores = {"name": "insects", "files": [{"name": name, "type": kind} for name, kind in files]}
    return {"name": "Insects", "author": "somebody", "subgraphs": [{"inputs": [picture], "outputs": [scores]}]}


def test_metadata_tell_the_range_of_a_picture_and_the_names_of_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two packed files with as many lines, the one that the metadata call labels; before one that lies beside the model."""
    metadata = described([("notes.txt", 1), ("insects.lst", 2)])
    path = wizard_models.classifier(tmp_path / "model.tflite", signatures=False, metadata=metadata)
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("notes.txt", "a\nb\nc\n")
        packed.writestr("insects.lst", "ant\nbee\ncricket\n")
    (tmp_path / "labels.txt").write_text("1\n2\n3\n")
    model = convert(path)
    assert (model.name, model.provenance["attribution"]) == ("Insects", "somebody")
    picture = {"type": "picture", "width": 16, "height": 16, "resize": "stretch", "color": "RGB", "mean": [127.5] * 3, "scale": [128.0] * 3, "layout": "NHWC"}
    assert model.processing["inputs"] == {"image": picture}
    assert kinds.guesses(model) == {}
    given = model.check_inputs({"image": np.full((20, 30, 3), 200, np.uint8)})["image"]
    np.testing.assert_array_equal(given, np.full((1, 16, 16, 3), (200 - 127.5) / 128, np.float32))

    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["wizard", "model.tflite", "--yes", "--browser", "node", "--quantize", "f32", "-o", "out"])
    assert done.exit_code == 0, done.output
    assert "the file says: photo: of an insect, seen from above" in " ".join(done.stdout.split())
    made = load(tmp_path / "out" / "model")
    assert made.processing["inputs"] == {"image": picture}
    assert made.processing["outputs"]["scores"]["labels"] == ["ant", "bee", "cricket"]
    assert made.processing["outputs"]["scores"]["activation"] == "none"


@pytest.mark.parametrize(
    "wrong",
    [
        {"process_units": []},
        {"process_units": [{"options_type": 1, "options": {"table": "NormalizationOptions", "mean": [0.5], "std": [0.0]}}]},
        {"process_units": [{"options_type": 1, "options": {"table": "NormalizationOptions", "mean": [1.0, 2.0], "std": [1.0, 1.0]}}]},
        {"process_units": [{"options_type": 1, "options": {"table": "NormalizationOptions", "mean": [float("nan")], "std": [1.0]}}]},
        {"content": {"properties_type": 2, "properties": {"table": "ImageProperties", "color_space": 2}}},
        {"content": None},
    ],
)
def test_metadata_that_tell_too_little_leave_a_guess(wrong, tmp_path: Path) -> None:
    """No range, a deviation of 0, numbers for other channels than there are, gray for three channels, no picture."""
    model = convert(wizard_models.classifier(tmp_path / "model.tflite", signatures=False, metadata=described(**wrong)))
    assert model.processing == {}
    assert kinds.guesses(model)["image"].best == "picture:0..1"


def test_metadata_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    """Cut at any place, and tensors of which there are not as many."""
    path = wizard_models.classifier(tmp_path / "model.tflite", signatures=False, metadata=described())
    whole = encode_metadata(described())
    at = path.read_bytes().index(whole)
    for length in range(0, len(whole), 7):
        data = bytearray(path.read_bytes())
        data[at + length : at + len(whole)] = bytes(len(whole) - length)
        (tmp_path / "cut.tflite").write_bytes(data)
        assert convert(tmp_path / "cut.tflite").outputs[0].name == "scores"
    twice = described()
    twice["subgraphs"][0]["inputs"] *= 2
    assert convert(wizard_models.classifier(path, signatures=False, metadata=twice)).processing == {}


def test_a_pack_that_is_broken_has_no_labels(tmp_path: Path) -> None:
    path = wizard_models.classifier(tmp_path / "model.tflite", signatures=False)
    before = len(path.read_bytes())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("labels.txt", "ant\nbee\ncricket\n")
    data = bytearray(path.read_bytes())
    data[before + 42 : before + 48] = b"\xff" * 6
    path.write_bytes(data)
    assert labels.found(Source(str(path), path, "tflite"), 3) is None
    assert convert(path).outputs[0].shape[-1] == 3


@pytest.mark.parametrize(("name", "input_name"), [("face_landmark", "input_1"), ("hand_landmark_lite", "input_1"), ("selfie_segmentation", "input_1")])
def test_metadata_of_real_models_say_what_the_gallery_knows(name, input_name) -> None:
    found = convert(fetch(RECIPES[name])).processing["inputs"][input_name]
    known = prepare_picture(picture := np.random.default_rng(4).integers(0, 256, (90, 90, 3), np.uint8), RECIPES[name].processing["inputs"][input_name])
    np.testing.assert_array_equal(prepare_picture(picture, found), known)
