"""Pictures as inputs on the command line, for a model that says what it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import webkiln
from PIL import Image
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """A saved model: the mean of a picture's channels, times a matrix."""
    builder = GraphBuilder()
    x = builder.input("pixels", "f32", [1, 32, 48, 3])
    mean = builder.node("reduce_mean", [x], {"axes": [1, 2], "keep_dims": False})
    weight = np.random.default_rng(1).normal(size=(3, 400)).astype(np.float32)
    y = builder.node("matmul", [mean, builder.constant(weight, "weight")], output="mixed")
    builder.output(y)
    signature = Signature("main", [Argument("image", x, "float32", (1, 32, 48, 3))], [Argument("mixed", y, "float32", (1, 400))])
    processing = {"inputs": {"image": {"type": "picture", "width": 48, "height": 32, "resize": "stretch", "scale": [255, 255, 255]}}, "outputs": {}}
    Model(Bundle(builder.graph, [signature], name="colours", processing=processing)).save(tmp_path / "colours")
    return tmp_path / "colours"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(np.random.default_rng(2).integers(0, 256, (60, 90, 3), np.uint8)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


@pytest.mark.parametrize("backend", ["numpy", "wasm"])
def test_run_with_a_picture(call, colours, picture, tmp_path, backend) -> None:
    result = call("run", colours, "--inputs", picture, "--outputs", tmp_path / "out.npz", "--backend", backend)
    assert result.exit_code == 0, result.output
    expected = webkiln.load(colours).run({"image": Image.open(picture)})["mixed"]
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(np.load(tmp_path / "out.npz")["mixed"], expected, rtol=0, atol=1e-5)


def test_a_picture_for_a_model_that_takes_none(call, folder, picture, tmp_path) -> None:
    result = call("run", folder, "--inputs", picture, "--outputs", tmp_path / "out.npz")
    assert result.exit_code == 1
    assert "is a picture, and the model does not take one alone; give an .npz file" in result.stderr
    assert not (tmp_path / "out.npz").exists()


def test_no_one_is_told_to_load_a_file_unsafely(call, folder, tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("no arrays")
    result = call("run", folder, "--inputs", tmp_path / "notes.txt", "--outputs", tmp_path / "out.npz")
    assert result.exit_code == 1
    assert "notes.txt is no .npz file of arrays: it is of another kind" in result.stderr
    assert "unsafely" not in result.stderr
