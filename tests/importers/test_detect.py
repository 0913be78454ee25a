"""Which format a file is of."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from webkiln import importers
from webkiln.errors import FormatError, UnsupportedFormatError
from webkiln.importers import detect

# ModelProto: ir_version 8, producer_name "pytorch", graph of two bytes.
ONNX = b"\x08\x08\x12\x07pytorch\x3a\x02\x12\x00"


def zipped(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return path


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Path]:
    """A source of each format, under names that say nothing."""
    written(tmp_path / "saved" / "saved_model.pb", b"\x08\x01")
    tfjs = json.dumps({"format": "graph-model", "modelTopology": {}, "weightsManifest": []}).encode()
    return {
        "tflite": written(tmp_path / "a", b"\x1c\0\0\0TFL3"),
        "onnx": written(tmp_path / "b", ONNX),
        "h5": written(tmp_path / "c", b"\x89HDF\r\n\x1a\n" + b"\0" * 100),
        "keras": zipped(tmp_path / "d", "metadata.json", "config.json", "model.weights.h5"),
        "torch": zipped(tmp_path / "e", "archive/data.pkl", "archive/version"),
        "savedmodel": tmp_path / "saved",
        "tfjs": written(tmp_path / "tfjs" / "model.json", tfjs),
        "webkiln": written(tmp_path / "web" / "model.json", b'{"format": "webkiln", "version": 1}').parent,
    }


@pytest.mark.parametrize("kind", ["tflite", "onnx", "h5", "keras", "torch", "savedmodel", "tfjs", "webkiln"])
def test_content_tells_the_format(kind: str, sources: dict[str, Path]) -> None:
    assert detect(sources[kind]) == kind


def test_content_comes_before_the_name(tmp_path: Path) -> None:
    assert detect(written(tmp_path / "model.tflite", ONNX)) == "onnx"
    assert detect(written(tmp_path / "model.onnx", b"\x1c\0\0\0TFL3")) == "tflite"


def test_the_name_helps_where_the_content_does_not(tmp_path: Path) -> None:
    assert detect(written(tmp_path / "model.pth", b"\x80\x02\x8a\x0a")) == "torch"
    assert detect(written(tmp_path / "model.ONNX", b"\xff\xff")) == "onnx"


@pytest.mark.parametrize("kind", ["h5", "keras", "torch", "savedmodel"])
def test_later_formats_are_answered_with_what_works(kind: str, sources: dict[str, Path]) -> None:
    with pytest.raises(UnsupportedFormatError, match=r"not read yet\. Today TFLite .*and ONNX .*files .*`webkiln gallery list`"):
        importers.read(sources[kind])


def test_the_web_format_is_loaded_not_converted(sources: dict[str, Path]) -> None:
    with pytest.raises(UnsupportedFormatError, match=r"webkiln\.load"):
        importers.read(sources["webkiln"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.tflite", b"", "is empty"),
        ("page.tflite", b"<!DOCTYPE html><html>", "web page"),
        ("pointer.tflite", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        ("model.gz", b"\x1f\x8b\x08\x00abc", "gzip"),
        ("noise.bin", b"\x93NUMPY\x01\x00", "its first bytes are"),
        ("settings.json", b'{"a": 1}', "is JSON, but not a model"),
        ("broken.json", b'{"a": ', "cannot be read"),
        ("broken.zip", b"PK\x03\x04abc", "truncated or corrupted"),
    ],
)
def test_what_is_no_model(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=message):
        importers.read(written(tmp_path / name, content))


def test_archives_and_folders_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"unpack it first: it holds inner/model\.tflite"):
        importers.read(zipped(tmp_path / "download.zip", "README", "inner/model.tflite"))
    with pytest.raises(FormatError, match=r"neither saved_model\.pb nor model\.json"):
        importers.read(tmp_path)
    with pytest.raises(FormatError, match="there is no file"):
        importers.read(tmp_path / "nothing")
