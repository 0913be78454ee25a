"""The gallery's models as they come from their packages: what their recipes say of them is so."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import webkiln
from PIL import Image, ImageDraw, ImageFont
from webkiln import gallery
from webkiln.gallery import RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_fits_its_model(name: str) -> None:
    recipe = RECIPES[name]
    path = gallery.fetch(name)
    assert sum((path.parent / part.file).stat().st_size for part in recipe.parts) == recipe.bytes
    model = gallery.convert(name)
    assert {one.name for one in model.inputs} == set(recipe.inputs)
    assert {one.name for one in model.outputs} == set(recipe.outputs)
    assert model.provenance["licence"] == recipe.licence
    for one in model.inputs:
        spec = recipe.inputs[one.name]
        if spec["type"] == "picture":
            sizes = (spec["height"], spec["width"])
            assert one.shape[1:] == (*sizes, 3) if spec["layout"] == "NHWC" else one.shape[2:] == sizes
        elif spec["type"] == "audio":
            assert spec["frame_length"] in one.shape
    for one in model.outputs:
        spec = recipe.outputs[one.name]
        if spec["type"] == "keypoints":
            assert np.prod(one.shape) == spec["count"] * len(spec["fields"])
        elif spec["type"] == "labels":
            assert one.shape[-1] == len(spec["labels"])


def line_of_text(text: str) -> np.ndarray:
    picture = Image.new("RGB", (320, 64), "white")
    ImageDraw.Draw(picture).text((12, 8), text, "black", ImageFont.load_default(36))
    return np.asarray(picture)


def test_a_line_is_read() -> None:
    """From a picture of any size, since the width follows it."""
    model = gallery.convert("ppocr_recognition")
    for width in (320, 280):
        inputs = {"x": line_of_text("Hello web 42")[:, :width]}
        found = webkiln.results(model, model.run(inputs), inputs)["softmax_11.tmp_0"]
        assert found["text"].rstrip() == "Hello web 42"  # the margin at the end may be a space
        assert found["score"] > 0.8


def test_sizes_that_a_detector_of_text_cannot_take() -> None:
    model = gallery.convert("ppocr_detection")
    with pytest.raises(webkiln.InputError, match="multiple of 32"):
        model.run({"x": line_of_text("Hello")[:, :100]})
    inputs = {"x": {"picture": line_of_text("Hello"), "region": {"x": 100, "y": 32, "width": 192, "height": 64}}}
    mask = webkiln.results(model, model.run(inputs), inputs)["sigmoid_0.tmp_0"]
    rows, columns = np.nonzero(mask["values"] > 0.3)
    low, high = mask["place"].to_picture(np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]]))
    drawn_rows, drawn_columns = np.nonzero(line_of_text("Hello")[..., 0] < 128)
    drawn = np.array([[drawn_columns.min(), drawn_rows.min()], [drawn_columns.max(), drawn_rows.max()]])
    # This detector marks the middle of a line: less than it on all sides, more than half of it.
    assert (low >= drawn[0] - 2).all()
    assert (high <= drawn[1] + 2).all()
    assert (high - low > 0.5 * (drawn[1] - drawn[0])).all()


def test_voice_activity_keeps_its_state() -> None:
    shared = Path(os.environ.get("WEBKILN_SHARED", Path(__file__).parents[3] / "shared")) / "models/silero_vad/ref_silero_vad_16k_sequence.npz"
    if not shared.is_file():
        pytest.skip("no stored recording; set WEBKILN_SHARED to the folder that has models/silero_vad")
    with np.load(shared) as stored:
        frames, expected = stored["in:input"], stored["out:speech_probs"].reshape(-1)
    model = gallery.convert("silero_vad")
    for _ in range(2):
        model.reset()
        found = [model.run({"input": frame[None]})["output"].item() for frame in frames]
        np.testing.assert_allclose(found, expected, atol=1e-5)
