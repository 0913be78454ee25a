"""Pictures of every kind in Chromium, on WASM and WebGL, here and in a worker, against the NumPy reference."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from picture_cases import PictureCase, magnitude, picture_cases
from picture_site import Site
from PIL import Image
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model
from webkiln.tasks import prepare_picture

WAYS: dict[str, dict[str, Any]] = {
    "wasm": {"backend": "wasm"},
    "webgl": {"backend": "webgl"},
    "wasm in a worker": {"backend": "wasm", "worker": True},
    "webgl in a worker": {"backend": "webgl", "worker": True},
}
KINDS = ["pixels", "ImageData", "HTMLCanvasElement", "OffscreenCanvas", "ImageBitmap", "VideoFrame", "Blob", "HTMLImageElement"]
IN_THE_MIDDLE = {"type": "picture", "width": 1, "height": 1, "resize": "stretch"}
PLAIN = {"type": "picture", "width": 16, "height": 12, "scale": [255.0]}


def echo(spec: dict[str, Any], shape: tuple[int, ...], dtype: str = "float32", more: bool = False) -> Model:
    """A model that gives its input back, with its first channel once more if asked."""
    b = GraphBuilder()
    kind = {"float32": "f32", "uint8": "u8"}[dtype]
    x = b.input("x", kind, shape)
    zero = b.constant(np.zeros(1, np.float32 if kind == "f32" else np.uint8), "zero")
    out = shape
    if more:
        out = (*shape[:-1], shape[-1] + 1)
        first = b.node("slice", [x], {"start": [0] * len(shape), "size": [*shape[:-1], 1], "step": [1] * len(shape)})
        b.output(b.node("concat", [x, first], {"axis": len(shape) - 1}, output="y"))
    elif kind == "f32":
        b.output(b.node("add", [x, zero], {}, output="y"))
    else:
        b.output(b.node("reshape", [x], {"shape": list(shape)}, output="y"))
    signature = Signature("main", [Argument("image", "x", dtype, shape)], [Argument("y", "y", dtype, out)])
    return Model(Bundle(b.graph, [signature], name="echo", processing={"inputs": {"image": spec}}))


def array(answer: dict[str, Any], dtype: type = np.float32) -> np.ndarray:
    return np.frombuffer(base64.b64decode(answer["data"]), dtype).reshape(answer["shape"])


def told(site: Site, number: int, case: PictureCase, kind: str) -> tuple[dict[str, Any], np.ndarray]:
    expected = prepare_picture(case.pixels, case.spec, case.region)
    height, width = case.pixels.shape[:2]
    url = site.save(f"case{number}", echo(case.spec, expected.shape))
    region = case.region and case.region._asdict()
    rgba = base64.b64encode(case.pixels.tobytes()).decode()
    return {"url": url, "rgba": rgba, "width": width, "height": height, "region": region, "kind": kind}, expected


@pytest.mark.parametrize("way", WAYS)
def test_every_kind_of_picture(site: Site, way: str) -> None:
    cases = picture_cases(64)
    rows = [told(site, number, case, KINDS[(number // 3) % len(KINDS)]) for number, case in enumerate(cases)]
    if "worker" in way:
        rows, cases = rows[:: len(KINDS) // 2 + 1], cases[:: len(KINDS) // 2 + 1]
    answers = site.call("prepare", [row for row, _ in rows], WAYS[way])
    for case, (row, expected), answer in zip(cases, rows, answers, strict=True):
        assert answer["backend"] == WAYS[way]["backend"]
        received = array(answer)
        about = f"{row['kind']} {case.spec} {case.region}"
        assert received.shape == expected.shape, about
        # Positions are exact on both backends; what is left is the rounding of a few operations of float32.
        np.testing.assert_allclose(received, expected, rtol=0, atol=1e-6 * magnitude(case.spec), err_msg=about)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("orientation", ["apply", "ignore"])
def test_exif(site: Site, way: str, orientation: str) -> None:
    """A picture of flat halves survives JPEG but for the borders."""
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:, :32] = (200, 40, 40)
    pixels[:, 32:] = (30, 60, 220)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° to see it upright
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "JPEG", exif=exif, quality=98, subsampling=0)
    spec = {**PLAIN, "orientation": orientation}
    url = site.save(f"exif-{orientation}", echo(spec, (1, 12, 16, 3)))
    seen = np.rot90(pixels, -1) if orientation == "apply" else pixels
    received = array(site.call("blob", url, base64.b64encode(written.getvalue()).decode(), "image/jpeg", WAYS[way]))
    error = np.abs(received - prepare_picture(seen, spec))[0]
    inside = np.ones_like(error)
    inside[5:7] = 0
    inside[:, 7:9] = 0
    assert (error * inside).max() < 4 / 255


@pytest.mark.parametrize("way", WAYS)
def test_a_film_in_a_steady_loop(site: Site, way: str) -> None:
    answer = site.call("film", site.save("film", echo(PLAIN, (1, 12, 16, 3))), WAYS[way])
    received = array(answer)
    assert answer["size"] == [64, 48]
    np.testing.assert_allclose(received[0, :, :3], 1, atol=6 / 255)  # a film's colours are converted
    np.testing.assert_allclose(received[0, :, 5:], np.broadcast_to(np.array([40, 120, 200]) / 255, (12, 11, 3)), atol=6 / 255)
    if way == "webgl":
        assert answer["created"] == 0


@pytest.mark.parametrize("way", WAYS)
def test_runs_keep_their_order_and_their_pictures(site: Site, way: str) -> None:
    answer = site.call("order", site.save("order", echo(IN_THE_MIDDLE, (1, 1, 1, 3))), WAYS[way])
    assert answer["ended"] == [0, 1, 2]
    np.testing.assert_allclose(answer["values"], [255, 10, 20], atol=6)  # the canvas is not opaque: its colours are rounded


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("way", "to"), [("webgl", "webgl"), ("wasm", "wasm"), ("webgl", "wasm"), ("wasm", "webgl"), ("webgl", "wasm in a worker")])
def test_results_on_the_device(site: Site, way: str, to: str, channels: int) -> None:
    height, width = 9, 14
    pixels = np.random.default_rng(5).integers(0, 256, (height, width, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    spec = {"type": "picture", "width": width, "height": height, "scale": [255.0], "color": "GRAY" if channels == 1 else "RGB"}
    url = site.save(f"device{channels}", echo(spec, (1, height, width, min(channels, 3)), more=channels == 4))
    url_next = site.save(f"next{channels}", echo({"type": "tensor"}, (1, height, width, channels)))
    rgba = base64.b64encode(pixels.tobytes()).decode()
    answer = site.call("device", url, url_next, {"rgba": rgba, "width": width, "height": height}, WAYS[way], WAYS[to])
    expected, inverse = prepare_picture(pixels, spec), prepare_picture(255 - pixels, spec)
    if channels == 4:
        expected, inverse = (np.concatenate([one, one[..., :1]], axis=-1) for one in (expected, inverse))
    np.testing.assert_allclose(array(answer["kept"]), expected, atol=1e-6)
    np.testing.assert_allclose(array(answer["passed"]), inverse, atol=1e-6)
    np.testing.assert_allclose(array(answer["again"]), expected, atol=1e-6)
    shown = array(answer["pixels"], np.uint8).astype(float)
    opacity = expected[0, ..., 3:] if channels == 4 else np.ones((height, width, 1))
    np.testing.assert_allclose(shown[..., 3:], 255 * opacity, atol=1)
    # The canvas keeps colours times alpha, in eight bits.
    np.testing.assert_allclose(shown[..., :3] * opacity, 255 * np.broadcast_to(expected[0, ..., :3], (height, width, 3)) * opacity, atol=1.5)
    assert answer["dtype"] == "float32"
    assert answer["error"] == "WebkilnError: this tensor was disposed"
    assert answer["wrong"].startswith('InputError: input "image": wanted float32')
    assert answer["textures"] == 0
    if (way, to) == ("webgl", "webgl"):
        assert answer["reads"] == 0


def test_integers_are_rounded(site: Site) -> None:
    spec = {"type": "picture", "width": 4, "height": 4}
    case = PictureCase(picture_cases(8)[3].pixels, spec, None)
    expected = prepare_picture(case.pixels, spec)
    url = site.save("integers", echo(spec, expected.shape, "uint8"))
    height, width = case.pixels.shape[:2]
    row = {"url": url, "rgba": base64.b64encode(case.pixels.tobytes()).decode(), "width": width, "height": height, "kind": "ImageData"}
    (answer,) = site.call("prepare", [row], WAYS["wasm"])
    np.testing.assert_array_equal(array(answer, np.uint8), np.floor(expected + 0.5))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("unloaded", ["HTMLVideoElement", "no pixels"]),
        ("blob", ["Blob", "not a picture"]),
        ("pixels", ["2 × 2", "16", "of 3"]),
        ("region", ["above 0"]),
        ("number", ["ImageBitmap", "Number"]),
    ],
)
def test_what_is_wrong_is_told(site: Site, way: str, given: str, words: list[str]) -> None:
    problem = site.call("problem", site.save("film", echo(PLAIN, (1, 12, 16, 3))), given, WAYS[way])
    assert problem.startswith("InputError: ")
    for word in [*words, 'input "image"']:
        assert word in problem


def test_an_input_that_is_no_picture(site: Site) -> None:
    url = site.save("tensor", echo({"type": "tensor"}, (1, 2, 2, 3)))
    assert "does not describe" in site.call("problem", url, "picture", WAYS["wasm"])
    url = site.save("other", echo(PLAIN, (1, 2, 2, 3)))
    assert "[1, 12, 16, 3]" in site.call("problem", url, "picture", WAYS["wasm"])
