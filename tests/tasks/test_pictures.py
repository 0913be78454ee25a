"""Preparing pictures: the NumPy reference against another way to compute it, and the runtime on the processor against the reference."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
from picture_cases import magnitude, picture_cases
from webkiln.browsers.node import find_node
from webkiln.errors import InputError
from webkiln.tasks import Region, placement, prepare_picture

SPEC = {"type": "picture", "width": 12, "height": 8, "scale": [255.0]}


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def tents(size: int, length: int, by: float, offset: float) -> np.ndarray:
    """Weights [size, length] of a bilinear resize of one axis: input k lies at `(k + 0.5)·by + offset`; zero outside."""
    place = (np.arange(size) + 0.5) * by + offset
    at = np.clip(place - 0.5, 0, length - 1)
    tent = np.clip(1 - np.abs(at[:, None] - np.arange(length)), 0, None)
    return np.where(((place >= -1e-3) & (place <= length + 1e-3))[:, None], tent, 0)


@pytest.mark.parametrize(("height", "width"), [(8, 12), (1, 1), (5, 40), (97, 61)])
@pytest.mark.parametrize("resize", ["stretch", "crop", "letterbox"])
def test_resizing_is_a_product_of_matrices(height, width, resize):
    pixels = noise(height, width)
    by = [height / 8, width / 12]
    if resize != "stretch":
        by = [max(by) if resize == "letterbox" else min(by)] * 2
    rows = tents(8, height, by[0], (height - 8 * by[0]) / 2)
    columns = tents(12, width, by[1], (width - 12 * by[1]) / 2)
    expected = np.einsum("yj,xi,jic->yxc", rows, columns, pixels.astype(np.float64)) / 255
    prepared = prepare_picture(pixels, {**SPEC, "resize": resize})
    assert prepared.shape == (1, 8, 12, 3)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared[0], expected, atol=1e-6)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (5, 1), (16, 4)])
def test_area_is_the_mean_of_the_pixels_that_a_pixel_covers(rows, columns):
    pixels = noise(8 * rows, 12 * columns)
    blocks = pixels.reshape(8, rows, 12, columns, 3).astype(np.float64).mean(axis=(1, 3)) / 255
    spec = {**SPEC, "resampling": "area"}
    np.testing.assert_allclose(prepare_picture(pixels, spec)[0], blocks, atol=1e-6)
    turned = prepare_picture(pixels, {**spec, "width": 8, "height": 12}, Region(6 * columns, 4 * rows, 8 * rows, 12 * columns, math.pi / 2))
    np.testing.assert_allclose(turned[0], np.rot90(blocks), atol=1e-6)


def test_area_of_a_ramp_is_its_middle():
    """At any factor, whole or not: the mean of evenly spaced places is the place in their middle."""
    ramp = np.broadcast_to(np.arange(0, 250, dtype=np.uint8)[:, None, None], (250, 7, 3))
    found = prepare_picture(ramp, {"type": "picture", "width": 1, "height": 60, "resampling": "area"})[0, 1:-1, 0, 0]
    np.testing.assert_allclose(found, ((np.arange(60) + 0.5) * 250 / 60 - 0.5)[1:-1], atol=1e-4)


def test_a_quarter_turn_is_a_turned_picture():
    pixels = noise(20, 20)
    spec = {"type": "picture", "width": 20, "height": 20}
    turned = prepare_picture(pixels, spec, Region(10, 10, 20, 20, math.pi / 2))
    np.testing.assert_allclose(turned[0], np.rot90(pixels), atol=1e-6 * 255)  # the input's top is the picture's right


def test_colours_layout_mean_and_scale():
    pixels = noise(8, 12)
    plain = prepare_picture(pixels, {**SPEC, "scale": [1.0]})
    np.testing.assert_array_equal(plain[0], pixels)
    np.testing.assert_array_equal(
        prepare_picture(pixels, {**SPEC, "scale": [1.0], "color": "BGR"})[0], pixels[..., ::-1]
    )
    np.testing.assert_array_equal(
        prepare_picture(pixels, {**SPEC, "scale": [1.0], "layout": "NCHW"})[0], pixels.transpose(2, 0, 1)
    )
    gray = prepare_picture(pixels, {**SPEC, "scale": [1.0], "color": "GRAY"})
    np.testing.assert_allclose(gray[0, ..., 0], pixels @ np.array([0.299, 0.587, 0.114]), rtol=1e-6)
    mean, scale = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    scaled = prepare_picture(pixels, {**SPEC, "mean": mean.tolist(), "scale": scale.tolist()})
    np.testing.assert_allclose(scaled[0], (pixels - mean) / scale, rtol=1e-6)


def test_outside_of_the_picture_is_the_pad_value():
    prepared = prepare_picture(noise(4, 4), {**SPEC, "scale": [1.0], "pad_value": 7}, Region(100, 100, 10, 10))
    assert (prepared == 7).all()
    margins = prepare_picture(noise(8, 8), {**SPEC, "scale": [1.0], "pad_value": 7, "resize": "letterbox"})
    assert (margins[0, :, :2] == 7).all()
    assert (margins[0, :, -2:] == 7).all()
    assert (margins[0, :, 2:-2] == noise(8, 8)).all()


def test_outside_of_the_picture_its_edge_goes_on():
    pixels = noise(4, 4)
    spec = {**SPEC, "scale": [1.0], "width": 8, "height": 8, "pad": "edge"}
    prepared = prepare_picture(pixels, spec, Region(2, 2, 8, 8))
    np.testing.assert_array_equal(prepared[0], np.pad(pixels, ((2, 2), (2, 2), (0, 0)), mode="edge"))
    assert (prepare_picture(pixels, spec, Region(-50, 90, 3, 3))[0] == pixels[-1, 0]).all()


def test_a_mirrored_region():
    """Left and right of the region as it is turned."""
    pixels = noise(8, 12)
    spec = {**SPEC, "scale": [1.0]}
    np.testing.assert_array_equal(prepare_picture(pixels, spec, Region(6, 4, 12, 8, mirrored=True))[0], pixels[:, ::-1])
    turned = Region(5, 3, 7, 6, 0.3)
    np.testing.assert_allclose(prepare_picture(pixels, spec, turned._replace(mirrored=True)), prepare_picture(pixels, spec, turned)[:, :, ::-1], atol=1e-4)
    place = placement(spec, 12, 8, Region(6, 4, 12, 8, mirrored=True))
    np.testing.assert_allclose(place.to_picture(np.array([[0.0, 0.0], [12.0, 8.0]])), [[12, 0], [0, 8]])


def test_nearest_takes_pixels_as_they_are():
    pixels = noise(16, 24)
    prepared = prepare_picture(pixels, {**SPEC, "scale": [1.0], "resampling": "nearest"})
    np.testing.assert_array_equal(prepared[0], pixels[1::2, 1::2])
    same = prepare_picture(noise(3, 3), {**SPEC, "scale": [1.0], "resampling": "nearest", "width": 9, "height": 9})
    np.testing.assert_array_equal(same[0], noise(3, 3).repeat(3, axis=0).repeat(3, axis=1))


def test_placement_takes_points_back():
    place = placement({**SPEC, "resize": "letterbox"}, 24, 24)
    np.testing.assert_allclose(
        place.to_picture(np.array([[6.0, 4.0], [2.0, 0.0], [10.0, 8.0]])), [[12, 12], [0, 0], [24, 24]]
    )
    turned = placement(SPEC, 100, 50, Region(40, 30, 12, 8, math.pi / 2))
    np.testing.assert_allclose(turned.to_picture(np.array([6.0, 4.0])), [40, 30])
    np.testing.assert_allclose(
        turned.to_picture(np.array([12.0, 4.0])), [40, 36]
    )  # the input's right is down in the picture


def test_a_symbolic_size_is_that_of_the_region():
    spec = {**SPEC, "width": "W", "height": "H"}
    assert prepare_picture(noise(5, 9), spec).shape == (1, 5, 9, 3)
    assert prepare_picture(noise(5, 9), spec, Region(3, 3, 4, 2)).shape == (1, 2, 4, 3)


@pytest.mark.parametrize(
    ("pixels", "spec", "region", "words"),
    [
        (np.zeros((4, 4, 3), np.float32), SPEC, None, "uint8"),
        (np.zeros((4, 4), np.uint8), SPEC, None, r"\[4, 4\]"),
        (np.zeros((0, 4, 3), np.uint8), SPEC, None, r"\[0, 4, 3\]"),
        (np.zeros((4, 4, 3), np.uint8), {**SPEC, "resampling": "cubic"}, None, "cubic"),
        (np.zeros((4, 4, 3), np.uint8), {"type": "tensor"}, None, "tensor"),
        (np.zeros((4, 4, 3), np.uint8), SPEC, Region(1, 1, 0, 1), "above 0"),
        (np.zeros((4, 4, 3), np.uint8), SPEC, Region(math.nan, 1, 1, 1), "finite"),
    ],
)
def test_what_is_wrong_is_told(pixels, spec, region, words):
    with pytest.raises(InputError, match=words):
        prepare_picture(pixels, spec, region)


def test_the_runtime_gives_the_same(tmp_path: Path):
    cases = picture_cases(200)
    told = []
    for number, case in enumerate(cases):
        (tmp_path / f"{number}.rgba").write_bytes(case.pixels.tobytes())
        height, width = case.pixels.shape[:2]
        shape = list(prepare_picture(case.pixels, case.spec, case.region).shape)
        told.append(
            {
                "spec": case.spec,
                "width": width,
                "height": height,
                "region": case.region and case.region._asdict(),
                "shape": shape,
            }
        )
    (tmp_path / "cases.json").write_text(json.dumps(told))
    script = Path(__file__).with_name("prepare_pictures.mjs")
    subprocess.run([find_node().path, script, tmp_path], check=True, timeout=120)
    results = json.loads((tmp_path / "results.json").read_text())
    for number, (case, result) in enumerate(zip(cases, results, strict=True)):
        expected = prepare_picture(case.pixels, case.spec, case.region)
        assert result["shape"] == list(expected.shape)
        received = np.fromfile(tmp_path / f"{number}.f32", np.float32).reshape(expected.shape)
        np.testing.assert_allclose(
            received, expected, rtol=0, atol=2e-7 * magnitude(case.spec), err_msg=str(told[number])
        )
        height, width = case.pixels.shape[:2]
        place = placement(case.spec, width, height, case.region)
        np.testing.assert_allclose(list(result["placement"].values()), list(place), rtol=1e-12, atol=1e-9)
