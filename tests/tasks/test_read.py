"""Text in pictures: the lines that were drawn, what rapidocr-onnxruntime reads in the same pictures, and JavaScript against Python."""

from __future__ import annotations

import difflib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from task_runs import Film, astronaut, run_in_node, save_models
from text_pictures import pictures
from webkiln.browsers.node import find_node
from webkiln.codegen.paths import REPOSITORY
from webkiln.errors import InputError
from webkiln.tasks import Read, Region
from webkiln.tasks.read import detector_size, line_width
from webkiln.tasks.reading_order import reading_order
from webkiln.tasks.rectangles import smallest_rectangle
from webkiln.tasks.text_lines import components

MODELS = ["ppocr_detection", "ppocr_orientation", "ppocr_recognition"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("texts")


@pytest.fixture(scope="module")
def models(folder: Path) -> list[Any]:
    return list(save_models(folder, MODELS).values())


@pytest.fixture(scope="module")
def cases() -> dict[str, np.ndarray]:
    return pictures(astronaut())


@pytest.fixture(scope="module")
def found(models: list[Any], cases: dict[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    read = Read(*models)
    return {name: read.detect(picture) for name, picture in cases.items()}


def letters(text: str) -> str:
    """Without white space, which the model often leaves out."""
    return "".join(text.split())


def test_lines_and_their_places(found: dict[str, dict[str, Any]]) -> None:
    for name, degrees in (("ticket", 0), ("turned by 15", 15), ("turned by 180", 180)):
        result = found[name]
        lines = result["lines"]
        assert letters(lines[0]["text"]) == "Readingpictures"
        assert [letters(line["text"]) for line in lines[1:]] == ["Total:1,204.50", "No.7"]
        assert result["text"].split("\n")[1] == f"{lines[1]['text']} {lines[2]['text']}"  # beside each other
        for line in lines[:2]:
            turn = np.degrees(line["region"]["rotation"]) - degrees
            assert abs((turn + 180) % 360 - 180) < 3
    for corner, expected in zip(found["ticket"]["lines"][0]["corners"], [(12, 14), (194, 14), (194, 37), (12, 37)], strict=True):
        assert np.hypot(corner["x"] - expected[0], corner["y"] - expected[1]) < 6
    assert [letters(line["text"]) for line in found["small"]["lines"]] == ["smallprint,11pixels"]
    assert found["turned by 90"]["text"] == "Downwards"
    assert found["turned by 90"]["lines"][0]["region"]["rotation"] == pytest.approx(np.pi / 2, abs=0.03)
    assert letters(found["very long"]["text"]) == "Theend"
    assert found["one character"]["text"] == "A"
    for name in ("no text", "one pixel"):
        assert found[name]["lines"] == []
        assert found[name]["text"] == ""


def test_against_rapidocr(found: dict[str, dict[str, Any]]) -> None:
    """At least 97 of 100 characters are as in text_oracle.json (see text_oracle.py), which has the same models but finds lines in a picture that it has enlarged."""
    oracle = json.loads(Path(__file__).with_name("text_oracle.json").read_text())
    received = {name: sorted(letters(line["text"]) for line in found[name]["lines"]) for name in oracle}
    expected = {name: sorted(letters(line) for line in lines) for name, lines in oracle.items()}
    pairs = [("".join(received[name]), "".join(lines)) for name, lines in expected.items()]
    same = sum(block.size for one, other in pairs for block in difflib.SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks())
    assert same >= 0.97 * sum(len(other) for _, other in pairs), [pair for pair in pairs if pair[0] != pair[1]]


def test_in_node(folder: Path, cases: dict[str, np.ndarray], found: dict[str, dict[str, Any]]) -> None:
    film = Film(list(cases.values()), [None] * len(cases))
    for name, received in zip(cases, run_in_node(folder, "read", {}, film), strict=True):
        expected = found[name]
        assert received["text"] == expected["text"], name
        check_lines(received["lines"], expected["lines"])
        assert set(received["milliseconds"]) >= {"detector", "all"}


def check_lines(received: Sequence[dict[str, Any]], expected: Sequence[dict[str, Any]]) -> None:
    for one, other in zip(received, expected, strict=True):
        assert one["text"] == other["text"]
        assert one["score"] == pytest.approx(other["score"], abs=1e-3)
        assert one["region"] == pytest.approx(other["region"], abs=0.01)
        for corner, wanted in zip(one["corners"], other["corners"], strict=True):
            assert np.hypot(corner["x"] - wanted["x"], corner["y"] - wanted["y"]) < 0.5


def test_components() -> None:
    """Pixels touch at corners too, and a U is one set."""
    mask = np.array([[1, 0, 1, 0, 0, 0, 1], [1, 0, 1, 0, 0, 1, 0], [1, 1, 1, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 1]], bool)
    rows = [sorted({row for _, row in points}) for points in components(mask)]
    assert rows == [[0, 1, 2], [0, 1, 2], [4], [4]]
    assert components(np.zeros((3, 4), bool)) == []


@pytest.mark.parametrize("degrees", [0, 17, 45, 80, 130])
def test_smallest_rectangle(degrees: float) -> None:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    points = [(round(200 + cos * x - sin * y), round(300 + sin * x + cos * y)) for x in range(-60, 61, 4) for y in range(-15, 16, 5)]
    found = smallest_rectangle(points)
    assert found is not None
    assert sorted((found.width, found.height)) == pytest.approx([30, 120], abs=2)
    assert (found.x, found.y) == pytest.approx((200, 300), abs=1)
    turn = np.degrees(np.arctan2(found.sin, found.cos)) - degrees
    assert abs((turn + 45) % 90 - 45) < 2
    assert smallest_rectangle([(0, 0), (2, 2), (5, 5)]) is None


def test_reading_order_of_what_is_turned() -> None:
    """Two columns of two lines, turned by each of eight angles."""
    centres = [(100, 40), (20, 2), (100, 0), (20, 41)]
    for angle in np.arange(8) * np.pi / 4:
        cos, sin = np.cos(angle), np.sin(angle)
        regions = [Region(cos * x - sin * y, sin * x + cos * y, 60, 20, angle) for x, y in centres]
        assert reading_order(regions) == [[1, 2], [3, 0]]
    assert reading_order([]) == []


def test_sizes() -> None:
    assert detector_size(4000, 3000, 960) == {"width": 1120, "height": 832}
    assert detector_size(1, 1, 960) == {"width": 32, "height": 32}
    assert detector_size(100000, 1, 960) == {"width": 28800, "height": 32}
    assert line_width(Region(0, 0, 10, 48)) == 32
    assert line_width(Region(0, 0, 300, 24)) == 608
    assert line_width(Region(0, 0, 350, 24)) == 704
    assert line_width(Region(0, 0, 30000, 24)) == 3200


def test_what_is_refused(models: list[Any]) -> None:
    with pytest.raises(InputError, match="at least 32 pixels; got 8"):
        Read(*models, limit=8)
    with pytest.raises(InputError, match="least_score is a score"):
        Read(*models, least_score=2)
    with pytest.raises(InputError, match="does not say what is its mask"):
        Read(models[2], models[1], models[2])
    picture = np.zeros((8, 8, 3), np.uint8)
    for size, words in (({"height": 32}, "height 48, which is not open"), ({"depth": 3}, "whole numbers of pixels"), ({"width": 0}, "whole numbers of pixels")):
        with pytest.raises(InputError, match=words):
            models[2].run({"x": {"picture": picture, "size": size}})


def test_sizes_in_node() -> None:
    """What the specification leaves open takes the given size; anything else is refused as in Python."""
    script = """
        import { completeSpec } from "./js/pictures/placement.js";
        const spec = { type: "picture", width: "width", height: 48 };
        const attempt = (size) => {
          try { const { width, height } = completeSpec(spec, size); return [width, height]; } catch (error) { return error.message; }
        };
        console.log(JSON.stringify([{ width: 320 }, { width: 320, height: 48 }, { height: 32 }, { depth: 3 }, { width: 0 }, { width: 1.5 }].map(attempt)));
    """
    done = subprocess.run([find_node().path, "--input-type=module", "-e", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True)
    *taken, fixed, unknown, none, broken = json.loads(done.stdout)
    assert taken == [[320, 48], [320, 48]]
    assert "height 48, which is not open; got 32" in fixed
    for message in (unknown, none, broken):
        assert "whole numbers of pixels from 1" in message
