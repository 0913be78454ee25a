"""Which format a file is of: by its content first, by its name only where the content does not say."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from webkiln.errors import FormatError

_SUFFIXES = {
    ".tflite": "tflite",
    ".onnx": "onnx",
    ".keras": "keras",
    ".h5": "h5",
    ".hdf5": "h5",
    ".pt": "torch",
    ".pth": "torch",
}
_ONNX_FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}


def detect(path: Path) -> str:
    """`tflite`, `onnx`, `keras`, `h5`, `torch`, `savedmodel`, `tfjs` or `webkiln`; `FormatError` says what was found instead."""
    if path.is_dir():
        return _detect_folder(path)
    if not path.exists():
        raise FormatError(f"there is no file {str(path)!r}")
    if not path.is_file():
        raise FormatError(f"{str(path)!r} is not a file or folder")
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise FormatError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    if not head:
        raise FormatError(f"{str(path)!r} is empty")
    by_content = _detect_content(path, head)
    if by_content:
        return by_content
    suffix = path.suffix.lower()
    if suffix in _SUFFIXES and not _diagnosis(head):
        return _SUFFIXES[suffix]
    found = _diagnosis(head) or f"its first bytes are {head[:8]!r}"
    raise FormatError(f"{str(path)!r} is not a model that can be recognised: {found}. Expected a TFLite file (.tflite), an ONNX file (.onnx) or the model.json of a TensorFlow.js graph model")


def detect_bytes(data: bytes) -> str:
    """`tflite` or `onnx`, of a file's content; `FormatError` says what was found instead."""
    head = data[:4096]
    if head[4:8] == b"TFL3":
        return "tflite"
    if _is_onnx(head, len(data)):
        return "onnx"
    found = _diagnosis(head) or (f"they begin with {head[:8]!r}" if head else "there are none")
    raise FormatError(f"the bytes are no model that can be recognised: {found}. Expected those of a TFLite or an ONNX file")


def _detect_folder(path: Path) -> str:
    if (path / "saved_model.pb").is_file():
        return "savedmodel"
    if (path / "model.json").is_file():
        return detect(path / "model.json")
    raise FormatError(f"the folder {str(path)!r} holds no model: neither saved_model.pb nor model.json is in it")


def _detect_content(path: Path, head: bytes) -> str:
    if head[4:8] == b"TFL3":
        return "tflite"
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "h5"
    if head.startswith(b"PK\x03\x04"):
        return _detect_zip(path)
    if head.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04")) and path.suffix.lower() in (".pt", ".pth"):
        return "torch"
    if path.name == "saved_model.pb":
        return "savedmodel"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _detect_json(path)
    return "onnx" if _is_onnx(head, path.stat().st_size) else ""


def _detect_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise FormatError(f"{str(path)!r} begins as a zip archive but is truncated or corrupted") from None
    if "model.weights.h5" in names and "config.json" in names:
        return "keras"
    if any(name.endswith("/data.pkl") for name in names):
        return "torch"
    models = [name for name in names if Path(name).suffix.lower() in _SUFFIXES]
    inside = f"; unpack it first: it holds {', '.join(models[:3])}" if models else ""
    raise FormatError(f"{str(path)!r} is a zip archive, but not of a known kind of model{inside}")


def _detect_json(path: Path) -> str:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        raise FormatError(f"{str(path)!r} looks like JSON, but cannot be read as such") from None
    if isinstance(content, dict) and content.get("format") == "webkiln":
        return "webkiln"
    if isinstance(content, dict) and ("modelTopology" in content or "weightsManifest" in content):
        return "tfjs"
    raise FormatError(f"{str(path)!r} is JSON, but not a model of the web format or of TensorFlow.js")


def _is_onnx(head: bytes, size: int) -> bool:
    """Whether the first fields of a protocol buffer are those of an ONNX model: an IR version, then known fields up to the graph."""
    at, seen = 0, set()
    while at < len(head):
        key, at = _varint(head, at)
        number, wire = key >> 3, key & 7
        if number not in _ONNX_FIELDS or wire not in (0, 2):
            return False
        seen.add(number)
        value, at = _varint(head, at)
        if at < 0:
            return False
        if wire == 2:
            if at + value > size:
                return False
            at += value
        if number == 7:
            return 1 in seen
    return {1, 7} <= seen


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number and the position after it, which is −1 at the end of the data."""
    value = shift = 0
    while 0 <= at < len(data) and shift < 64:
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
        shift += 7
    return 0, -1


def _diagnosis(head: bytes) -> str:
    """What else it is, where that is easy to say."""
    text = head[:256].lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page, which a download often gives instead of the file"
    if text.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer; fetch the file itself with `git lfs pull`"
    if head.startswith(b"\x1f\x8b"):
        return "it is compressed with gzip; unpack it first"
    return ""
