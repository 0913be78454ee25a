"""Tasks of one model (segmentation, classify, detect, embed): JavaScript against Python, from identical pixels."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from task_runs import Film, astronaut, run_in_node, save_models, warped
from webkiln.browsers.node import find_node
from webkiln.codegen.paths import REPOSITORY
from webkiln.errors import InputError
from webkiln.tasks import Classify, Detect, Embed, Neighbours, Segmentation, similarity

DETECTOR, CLASSIFIER, SEGMENTER, EMBEDDER = "face_detection_short_range", "nsfwjs_mobilenet_v2", "selfie_segmentation", "mobilenet_v2_features"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def models(folder: Path) -> dict[str, Any]:
    return save_models(folder, [DETECTOR, CLASSIFIER, SEGMENTER, EMBEDDER])


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    image = astronaut()
    return [np.asarray(image), warped(image, degrees=25, scale=0.7, size=(640, 480))]


def alone(pictures: list[np.ndarray]) -> Film:
    return Film(pictures, [None] * len(pictures))


def test_masks(folder: Path, models: dict[str, Any], pictures: list[np.ndarray]) -> None:
    expected = [Segmentation(models[SEGMENTER]).detect(picture) for picture in pictures]
    assert expected[0]["mask"]["values"][60, 110] > 0.9  # her face
    assert expected[0]["mask"]["values"][5, 5] < 0.1
    for received, wanted in zip(run_in_node(folder, "segmentation", {}, alone(pictures)), expected, strict=True):
        check_mask(received, wanted)


def test_masks_of_a_film(folder: Path, models: dict[str, Any]) -> None:
    image = astronaut()
    film = Film([warped(image, move=(12 * k, 0)) for k in range(3)], [40.0 * k for k in range(3)])
    task = Segmentation(models[SEGMENTER], steadiness=0.8)
    expected = [task.detect(frame, timestamp) for frame, timestamp in zip(film.frames, film.timestamps, strict=True)]
    raw = Segmentation(models[SEGMENTER]).detect(film.frames[2])["mask"]["values"]
    assert np.abs(expected[2]["mask"]["values"] - raw).max() > 0.05
    for received, wanted in zip(run_in_node(folder, "segmentation", {"steadiness": 0.8}, film), expected, strict=True):
        check_mask(received, wanted)
    rough = run_in_node(folder, "segmentation", {"steadiness": 0.8, "smoothing": False}, film)
    np.testing.assert_allclose(np.array(rough[2]["mask"]["values"]["values"]).reshape(raw.shape), raw, atol=1e-4)


def check_mask(received: dict[str, Any], expected: dict[str, Any]) -> None:
    mask, wanted = received["mask"], expected["mask"]
    assert [mask["width"], mask["height"]] == [wanted["width"], wanted["height"]]
    assert mask["place"] == pytest.approx(wanted["place"]._asdict())
    np.testing.assert_allclose(np.array(mask["values"]["values"]).reshape(wanted["values"].shape), wanted["values"], atol=1e-4)


def test_labels(folder: Path, models: dict[str, Any], pictures: list[np.ndarray]) -> None:
    expected = [Classify(models[CLASSIFIER]).detect(picture) for picture in pictures]
    received = run_in_node(folder, "classify", {"model": CLASSIFIER}, alone(pictures))
    by_address = run_in_node(folder, "classify", {"models": {"classifier": str(folder / "models" / CLASSIFIER / "model.json")}}, alone(pictures))
    for one, other, wanted in zip(received, by_address, expected, strict=True):
        assert other["labels"] == one["labels"]
        assert [(label["label"], label["index"]) for label in one["labels"]] == [(label["label"], label["index"]) for label in wanted["labels"]]
        assert [label["score"] for label in one["labels"]] == pytest.approx([label["score"] for label in wanted["labels"]], abs=1e-5)


def test_detections(folder: Path, models: dict[str, Any]) -> None:
    """Four faces, of which three are wanted."""
    picture = np.asarray(astronaut())[20:240, 120:340]
    frame = np.concatenate([np.concatenate([picture, picture[:, ::-1]], axis=1)] * 2, axis=0)
    assert len(Detect(models[DETECTOR]).detect(frame)["detections"]) == 4
    expected = Detect(models[DETECTOR], most=3).detect(frame)["detections"]
    assert len(expected) == 3
    (received,) = run_in_node(folder, "detect", {"most": 3}, alone([frame]))
    for one, wanted in zip(received["detections"], expected, strict=True):
        assert one["label"] == wanted["label"] == "face"
        assert one["box"] == pytest.approx(wanted["box"], abs=0.05)
        assert one["score"] == pytest.approx(wanted["score"], abs=1e-5)
    with pytest.raises(InputError, match="at least one thing"):
        Detect(models[DETECTOR], most=0)


def test_embeddings(folder: Path, models: dict[str, Any], pictures: list[np.ndarray]) -> None:
    """Two pictures of the same scene are nearer to each other than to stripes."""
    stripes = np.full((200, 300, 3), 255, np.uint8)
    stripes[:, ::20] = stripes[:, 1::20] = (30, 60, 200)
    frames = [*pictures, stripes]
    expected = [Embed(models[EMBEDDER]).detect(frame)["embedding"] for frame in frames]
    assert expected[0].shape == (1792,)
    assert np.linalg.norm(expected[0]) == pytest.approx(1, abs=1e-6)
    assert similarity(expected[0], expected[1]) > similarity(expected[0], expected[2]) + 0.1
    for received, wanted in zip(run_in_node(folder, "embed", {}, alone(frames)), expected, strict=True):
        np.testing.assert_allclose(received["embedding"]["values"], wanted, atol=1e-5)


def test_neighbours() -> None:
    """The same in both languages, ties included."""
    random = np.random.default_rng(3)
    vectors = random.normal(size=(12, 8)).round(3)
    vectors[5] = 2 * vectors[1]  # as near as that one
    labels = [f"label {k % 3}" for k in range(12)]
    wanted = [vectors[1].tolist(), random.normal(size=8).round(3).tolist()]
    neighbours = Neighbours()
    assert neighbours.nearest([1, 0]) == []
    for label, vector in zip(labels, vectors, strict=True):
        neighbours.add(label, vector)
    assert len(neighbours) == 12
    expected = {
        "nearest": [[neighbour._asdict() for neighbour in neighbours.nearest(vector, 5)] for vector in wanted],
        "votes": [neighbours.vote(vector, 5) for vector in wanted],
        "similarity": similarity(*wanted),
    }
    assert [one["label"] for one in expected["nearest"][0][:2]] == ["label 1", "label 2"]
    script = """
        import { Neighbours, similarity } from "./js/tasks/index.js";
        const { labels, vectors, wanted } = JSON.parse(process.argv[1]);
        const neighbours = new Neighbours();
        labels.forEach((label, k) => neighbours.add(label, vectors[k]));
        const nearest = wanted.map((vector) => neighbours.nearest(vector, 5));
        const votes = wanted.map((vector) => neighbours.vote(vector, 5));
        const errors = [() => neighbours.add("x", [1]), () => neighbours.add("x", Array(8).fill(0)), () => neighbours.nearest(wanted[0], 0)].map((act) => {
          try { act(); return "none"; } catch (error) { return error.message; }
        });
        console.log(JSON.stringify({ nearest, votes, similarity: similarity(...wanted), size: neighbours.size, errors }));
    """
    given = json.dumps({"labels": labels, "vectors": vectors.tolist(), "wanted": wanted})
    done = subprocess.run([find_node().path, "--input-type=module", "-e", script, given], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True)
    received = json.loads(done.stdout)
    assert received["size"] == 12
    assert received["similarity"] == pytest.approx(expected["similarity"], abs=1e-12)
    for one, other in zip(received["nearest"], expected["nearest"], strict=True):
        assert [neighbour["label"] for neighbour in one] == [neighbour["label"] for neighbour in other]
        assert [neighbour["similarity"] for neighbour in one] == pytest.approx([neighbour["similarity"] for neighbour in other], abs=1e-12)
    for one, other in zip(received["votes"], expected["votes"], strict=True):
        assert list(one) == list(other)
        assert one == pytest.approx(other)
    for message, words in zip(received["errors"], ["vectors have 8 numbers", "has the length 0", "at least one neighbour"], strict=True):
        assert words in message
    with pytest.raises(InputError, match="vectors have 8 numbers"):
        neighbours.add("x", [1])
    with pytest.raises(InputError, match="length 0"):
        similarity([0, 0], [1, 0])


def test_models_that_are_something_else(models: dict[str, Any]) -> None:
    for make, model, missing in ((Segmentation, CLASSIFIER, "mask"), (Classify, SEGMENTER, "labels"), (Detect, SEGMENTER, "boxes"), (Embed, SEGMENTER, "embedding")):
        with pytest.raises(InputError, match=f"does not say what is its {missing}"):
            make(models[model])
