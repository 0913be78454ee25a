"""Where a model may be written, and that a failure leaves what was there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from sample_models import tiny
from webkiln import webformat
from webkiln.errors import FormatError, GraphError, OutputExistsError
from webkiln.graph.graph import Node


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


FILES = ["golden.safetensors", "model.json", "weights-00000.safetensors"]


def test_a_new_folder_and_its_parents_are_made(tmp_path) -> None:
    target = tmp_path / "a" / "b" / "model"
    webformat.write(tiny(), target)
    assert names(target) == FILES
    assert names(target.parent) == ["model"]
    assert target.stat().st_mode & 0o777 == 0o755


def test_an_empty_folder_is_filled(tmp_path) -> None:
    (tmp_path / "m").mkdir()
    webformat.write(tiny(), tmp_path / "m")
    assert names(tmp_path / "m") == FILES
    assert names(tmp_path) == ["m"]


def test_a_relative_path(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    webformat.write(tiny(), "m")
    webformat.write(tiny(), "m", force=True)
    assert names(tmp_path / "m") == FILES
    monkeypatch.chdir(tmp_path / "m")
    with pytest.raises(OutputExistsError):
        webformat.write(tiny(), ".")


def test_an_existing_model_is_replaced_only_when_forced(tmp_path) -> None:
    webformat.write(tiny(), tmp_path / "m")
    before = (tmp_path / "m" / "model.json").read_bytes()
    other = tiny()
    other.name = "another"
    with pytest.raises(OutputExistsError, match="--force"):
        webformat.write(other, tmp_path / "m")
    assert (tmp_path / "m" / "model.json").read_bytes() == before
    (tmp_path / "m" / "weights-00001.safetensors").write_bytes(b"left over from a larger one")
    webformat.write(other, tmp_path / "m", force=True)
    assert webformat.read(tmp_path / "m").name == "another"
    assert names(tmp_path / "m") == FILES
    assert names(tmp_path) == ["m"]


@pytest.mark.parametrize("stranger", ["notes.txt", "model.json.bak", "pictures/", "weights.bin"])
def test_a_folder_with_other_files_is_never_replaced(tmp_path, stranger) -> None:
    webformat.write(tiny(), tmp_path / "m")
    path = tmp_path / "m" / stranger
    path.mkdir() if stranger.endswith("/") else path.write_text("mine")
    with pytest.raises(OutputExistsError, match="other files"):
        webformat.write(tiny(), tmp_path / "m", force=True)
    assert path.exists()


def test_a_folder_without_a_model_is_never_replaced(tmp_path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "w.safetensors").write_bytes(b"mine")
    with pytest.raises(OutputExistsError, match=r"no model\.json"):
        webformat.write(tiny(), tmp_path / "m", force=True)


@pytest.mark.parametrize("force", [False, True])
def test_a_file_is_never_replaced(tmp_path, force) -> None:
    (tmp_path / "m").write_text("mine")
    with pytest.raises(OutputExistsError, match="not a folder"):
        webformat.write(tiny(), tmp_path / "m", force=force)
    with pytest.raises(OutputExistsError, match="a part of its path is a file"):
        webformat.write(tiny(), tmp_path / "m" / "inside", force=force)
    os.symlink(tmp_path / "nowhere", tmp_path / "link")
    with pytest.raises(OutputExistsError, match="not a folder"):
        webformat.write(tiny(), tmp_path / "link", force=force)
    assert (tmp_path / "m").read_text() == "mine"


class Broken(Exception):
    pass


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("at", ["files", "first byte", "second file", "rename"])
def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch, exists, at) -> None:
    target = tmp_path / "m"
    if exists:
        webformat.write(tiny(), target)
    before = {name: (target / name).read_bytes() for name in names(target)} if exists else None

    def fail(*_: object) -> None:
        raise Broken

    if at == "files":
        monkeypatch.setattr(sys.modules["webkiln.webformat.write"], "files", fail)
    elif at == "rename":
        real = os.rename

        def rename(source: object, to: object) -> None:
            if Path(str(to)) == target and "-old-" not in str(source):
                raise OSError("the disk is full")
            real(source, to)

        monkeypatch.setattr(os, "rename", rename)
    else:
        written: list[Path] = []
        write_bytes = Path.write_bytes

        def halfway(self: Path, data: bytes) -> int:
            written.append(self)
            if len(written) == (1 if at == "first byte" else 2):
                write_bytes(self, data[: len(data) // 2])
                raise Broken
            return write_bytes(self, data)

        monkeypatch.setattr(Path, "write_bytes", halfway)
    with pytest.raises((Broken, OSError)):
        webformat.write(tiny(), target, force=True)
    assert names(tmp_path) == (["m"] if exists else [])
    assert before is None or before == {name: (target / name).read_bytes() for name in names(target)}


def test_a_graph_that_is_not_well_formed_is_not_written(tmp_path) -> None:
    bundle = tiny()
    bundle.graph.nodes.append(Node("relu", ("nowhere",), ("q",)))
    with pytest.raises(GraphError, match="nowhere"):
        webformat.write(bundle, tmp_path / "m")
    assert names(tmp_path) == []


def test_metadata_that_the_format_does_not_have_is_not_written(tmp_path) -> None:
    bundle = tiny()
    bundle.processing = {"inputs": {"features": {"type": "smell"}}}
    with pytest.raises(FormatError, match="processing/inputs/features"):
        webformat.write(bundle, tmp_path / "m")
    bundle = tiny()
    bundle.provenance = {"licence": 3}  # type: ignore[dict-item]
    with pytest.raises(FormatError, match="provenance"):
        webformat.write(bundle, tmp_path / "m")
    assert names(tmp_path) == []


def test_what_cannot_be_stored_is_told(tmp_path) -> None:
    bundle = tiny()
    bundle.graph.constants["w"] = type(bundle.graph.constants["w"])(np.zeros((2, 3)))
    with pytest.raises(GraphError, match="float64"):
        webformat.write(bundle, tmp_path / "m")
