"""Regions, columns and determinants of ONNX, against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from onnx_model import single, written
from webkiln import convert
from webkiln.errors import UnsupportedOperatorError


def run(tmp_path, op, arrays, constants=(), **attributes):
    model = convert(written(single(op, arrays, constants, **attributes), tmp_path))
    return model.run({f"i{i}": array for i, array in enumerate(arrays) if i not in constants})["o0"]


def sample(picture, y, x):
    """Bilinear, clamped; 0 more than one beyond the ends."""
    height, width = picture.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(picture.shape[0])
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = math.floor(y), math.floor(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    b, r = y - top, x - left
    return (1 - b) * ((1 - r) * picture[:, top, left] + r * picture[:, top, right]) + b * (
        (1 - r) * picture[:, bottom, left] + r * picture[:, bottom, right]
    )


@pytest.mark.parametrize("mode", ["half_pixel", "output_half_pixel"])
def test_regions(tmp_path, mode):
    rng = np.random.default_rng(0)
    pictures = rng.standard_normal((2, 3, 7, 9)).astype(np.float32)
    regions = np.array([[0, 0, 8, 6], [3, 2, 20, 30], [-9, -9, -5, -5], [5, 5, 5.2, 5.1]], np.float32)
    which, scale, count, cells = np.array([1, 0, 0, 1]), 0.75, 2, (3, 2)
    value = run(
        tmp_path, "RoiAlign", [pictures, regions, which], output_height=cells[0], output_width=cells[1], sampling_ratio=count, spatial_scale=scale,
        coordinate_transformation_mode=mode,
    )  # fmt: skip
    for r, (region, n) in enumerate(zip(regions * np.float32(scale), which, strict=True)):
        left, top, right, bottom = region - (0.5 if mode == "half_pixel" else 0)
        width, height = right - left, bottom - top
        if mode != "half_pixel":
            width, height = max(width, 1), max(height, 1)
        for i, j in np.ndindex(*cells):
            places = [
                (top + (i + (k + 0.5) / count) * height / cells[0], left + (j + (m + 0.5) / count) * width / cells[1])
                for k in range(count) for m in range(count)
            ]  # fmt: skip
            expected = np.mean([sample(pictures[n], *place) for place in places], axis=0)
            np.testing.assert_allclose(value[r, :, i, j], expected, atol=1e-5)


def test_greatest_in_regions(tmp_path):
    """The greatest of the weighted elements around the samples."""
    rng = np.random.default_rng(3)
    picture = rng.standard_normal((1, 2, 6, 5)).astype(np.float32)
    regions = np.array([[0.3, 1.1, 4.2, 5.4], [-6, -6, -5, -5]], np.float32)
    value = run(tmp_path, "RoiAlign", [picture, regions, np.zeros(2, np.int64)], output_height=2, output_width=2, sampling_ratio=2, mode="max")
    left, top, right, bottom = regions[0] - 0.5
    for i, j in np.ndindex(2, 2):
        terms = []
        for k, m in np.ndindex(2, 2):
            y, x = max(top + (i + (k + 0.5) / 2) * (bottom - top) / 2, 0), max(left + (j + (m + 0.5) / 2) * (right - left) / 2, 0)
            row, column = int(y), int(x)
            for a, b in np.ndindex(2, 2):
                weight = (1 - abs(y - row - a)) * (1 - abs(x - column - b))
                terms.append(weight * picture[0, :, min(row + a, 5), min(column + b, 4)])
        np.testing.assert_allclose(value[0, :, i, j], np.max(terms, axis=0), atol=1e-6)
    assert (value[1] == 0).all()


def test_greatest_of_cells(tmp_path):
    """Cells of whole pixels, as ONNX Runtime has them: compared with it over the same and other sizes."""
    rng = np.random.default_rng(4)
    pictures = rng.standard_normal((2, 3, 7, 9)).astype(np.float32) - 5
    regions = np.array([[0, 0, 0, 8, 6], [1, 3, 2, 9, 11], [0, 2.5, 1.5, 4.5, 3.5], [1, -4, -3, -1, -1], [0, 4, 4, 2, 1]], np.float32)
    value = run(tmp_path, "MaxRoiPool", [pictures, regions], pooled_shape=[3, 2], spatial_scale=0.75)
    for r, (n, *region) in enumerate(regions):
        left, top, right, bottom = (math.copysign(math.floor(abs(at) * 0.75 + 0.5), at) for at in region)
        height, width = max(bottom - top + 1, 1) / 3, max(right - left + 1, 1) / 2
        for i, j in np.ndindex(3, 2):
            rows = [y for y in range(7) if top + math.floor(i * height) <= y < top + math.ceil((i + 1) * height)]
            columns = [x for x in range(9) if left + math.floor(j * width) <= x < left + math.ceil((j + 1) * width)]
            expected = pictures[int(n)][:, rows][:, :, columns].max((1, 2)) if rows and columns else np.zeros(3)
            np.testing.assert_array_equal(value[r, :, i, j], expected)


def test_what_depends_on_the_regions_is_refused(tmp_path):
    arrays = [np.zeros((1, 1, 4, 4), np.float32), np.zeros((1, 4), np.float32), np.zeros(1, np.int64)]
    with pytest.raises(UnsupportedOperatorError, match="sampling ratio of 0"):
        run(tmp_path, "RoiAlign", arrays)


@pytest.mark.parametrize(("image", "block", "strides", "pads", "dilations"), [
    ([5, 4], [2, 3], [1, 1], [0, 0, 0, 0], [1, 1]), ([6, 7], [3, 2], [2, 3], [1, 0, 2, 1], [1, 2]), ([6], [2], [2], [1, 1], [3]),
])  # fmt: skip
def test_columns(tmp_path, image, block, strides, pads, dilations):
    axes = len(image)
    counts = [(image[i] + pads[i] + pads[axes + i] - dilations[i] * (block[i] - 1) - 1) // strides[i] + 1 for i in range(axes)]
    columns = np.random.default_rng(1).standard_normal((2, 3 * math.prod(block), math.prod(counts))).astype(np.float32)
    value = run(
        tmp_path, "Col2Im", [columns, np.array(image), np.array(block)], constants=(1, 2), strides=strides, pads=pads, dilations=dilations
    )  # fmt: skip
    expected = np.zeros((2, 3, *image))
    parts = columns.reshape(2, 3, *block, *counts)
    for tap in np.ndindex(*block):
        for place in np.ndindex(*counts):
            at = tuple(tap[i] * dilations[i] + place[i] * strides[i] - pads[i] for i in range(axes))
            if all(0 <= at[i] < image[i] for i in range(axes)):
                expected[(slice(None), slice(None), *at)] += parts[(slice(None), slice(None), *tap, *place)]
    np.testing.assert_allclose(value, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (4, 3, 3)])
def test_determinants(tmp_path, shape):
    x = np.random.default_rng(2).standard_normal(shape).astype(np.float32)
    np.testing.assert_allclose(run(tmp_path, "Det", [x]), np.linalg.det(x), atol=1e-5)
