"""verify.html in Chromium: it passes where the numbers are the reference's, and says where they stop being so."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from handed_pages import Visits
from safetensors.numpy import load_file, save_file

Handed = Callable[[str], Path]


def damaged(site: Path, where: Path, constant: str) -> Path:
    """A copy in which one constant is another, and its shard's hash that of the wrong one: as if it had been converted so."""
    folder = Path(shutil.copytree(site, where / "site"))
    path = folder / "model" / "model.json"
    model = json.loads(path.read_text())
    entry = model["constants"][constant]
    shard = model["shards"][entry["shard"]]
    file = folder / "model" / shard["file"]
    tensors = load_file(file)
    tensors[entry["tensor"]] = np.asarray(tensors[entry["tensor"]] + np.float32(0.01))
    save_file(tensors, file)
    shard["bytes"], shard["sha256"] = file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest()
    path.write_text(json.dumps(model))
    return folder


def test_it_passes_on_both_backends(visits: Visits, handed: Handed) -> None:
    visit = visits.serve(handed("picture"), "verify.html", viewport={"width": 360, "height": 700})
    visit.wait("passed", "failed", "error")
    assert visit.page.inner_text(".verdict").startswith("Passed")
    rows = visit.page.locator("tbody tr")
    assert rows.count() == 6, "three outputs on each of two backends"
    assert {row.split("\t")[0] for row in rows.all_inner_texts()} == {"passed"}
    report = visit.page.input_value("#report")
    assert report.startswith("Webkiln verification: passed\nmodel: tiny ")
    assert "SwiftShader" in report
    assert "webgl: passed" in report
    assert visit.said == []
    assert visit.page.evaluate("window.injected") is None
    assert visit.overflow() <= 0
    visit.page.click("text=Copy the report")
    visit.page.wait_for_function("() => /Copied|Selected/.test(document.querySelector('.actions .hint').textContent)")


@pytest.mark.parametrize(("constant", "operator"), [("kernel", "conv2d (stem)"), ("w2", "matmul (second)")])
def test_a_broken_weight_is_located(visits: Visits, handed: Handed, tmp_path: Path, constant: str, operator: str) -> None:
    visit = visits.serve(damaged(handed("picture"), tmp_path, constant), "verify.html")
    visit.wait("passed", "failed", "error")
    assert visit.page.inner_text(".verdict").startswith("Failed")
    explanations = visit.page.locator(".explanation").all_inner_texts()
    assert [text.split(":")[0] for text in explanations] == ["WASM", "WebGL"]
    for text in explanations:
        assert f"the first operator that differs from the reference is {operator}: its error is" in text
    assert operator in visit.page.input_value("#report")


def test_each_signature_is_verified(visits: Visits, handed: Handed) -> None:
    visit = visits.serve(handed("branching"), "verify.html")
    visit.wait("passed", "failed", "error")
    rows = [row.split("\t")[:3] for row in visit.page.locator("tbody tr").all_inner_texts()]
    assert [row[0] for row in rows] == ["passed"] * 4
    assert [row[1].rpartition(", ")[2] for row in rows] == ["halves", "sums"] * 2
    assert [row[2] for row in rows] == ["result", "total"] * 2
    assert "signature sums: passed" in visit.page.input_value("#report")


@pytest.mark.parametrize(("constant", "operators"), [("ten", {"mul (scale)"}), ("half", {"while (loop)"})])
def test_control_flow_is_no_hindrance(visits: Visits, handed: Handed, tmp_path: Path, constant: str, operators: set[str]) -> None:
    """What diverges before a loop is found there; what diverges inside it, at the loop."""
    visit = visits.serve(damaged(handed("branching"), tmp_path, constant), "verify.html")
    visit.wait("passed", "failed", "error")
    found = [text.partition("is ")[2].partition(":")[0] for text in visit.page.locator(".explanation").all_inner_texts()]
    assert set(found) == operators


def test_a_weight_that_is_not_what_model_json_says_is_told(visits: Visits, handed: Handed, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(handed("picture"), tmp_path / "site"))
    shard = folder / "model" / "weights-00000.safetensors"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    visit = visits.serve(folder, "verify.html")
    visit.wait("failed")
    assert "sha256" in visit.page.inner_text("#verification")


def test_a_missing_model_is_told(visits: Visits, handed: Handed, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(handed("numbers"), tmp_path / "site"))
    (folder / "model" / "model.json").unlink()
    visit = visits.serve(folder, "verify.html")
    visit.wait("error")
    assert "model.json could not be loaded (status 404)" in visit.page.inner_text("#problem")
