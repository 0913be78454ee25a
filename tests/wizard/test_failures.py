"""What can go wrong: what is said, what to do next, the exit status, and that nothing is left behind."""

from __future__ import annotations

import ast
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import converter_wizard
import numpy as np
import pytest
import webkiln


@pytest.mark.parametrize(
    ("arguments", "status", "said", "then"),
    [
        (["nowhere.tflite"], 1, "there is no file or folder 'nowhere.tflite'", "without a path shows models"),
        (["nothing_of_the_gallery"], 1, "is no file or folder", "without a path shows models"),
        (["notes.txt"], 1, "is not a model that can be recognised", "the file is whole"),
        (["empty"], 1, "holds no model", "the file is whole"),
        (["keras.h5"], 1, "which is not read yet", "TFLite or ONNX"),
        (["broken.onnx"], 1, "broken.onnx", "the file is whole"),
        (["unsupported.onnx"], 3, "Grumble", "without these operators"),
        (["sums.onnx", "-o", "taken"], 1, "taken exists already", "--force"),
        (["sums.onnx", "-o", "taken", "--force"], 1, "does not replace it", "another folder"),
        (["sums.onnx", "-o", "notes.txt"], 1, "not a folder", "another folder"),
        (["sums.onnx", "-o", "notes.txt/out"], 1, "is a file", "another folder"),
        (["sums.onnx", "--signature", "other"], 1, "'other'", "answer otherwise"),
        (["classifier.tflite", "--signature", "other"], 1, "'coarse', 'fine'", "answer otherwise"),
        (["classifier.tflite", "--size", "M=1"], 1, "there is no open size 'M'; this model has: N", "answer otherwise"),
        (["classifier.tflite", "--kind", "image=audio:16000"], 1, "cannot be sound", "answer otherwise"),
        (["classifier.tflite", "--kind", "image=smell"], 1, "is no kind of input", "answer otherwise"),
        (["classifier.tflite", "--kind", "x=numbers"], 1, "there is no input 'x'", "answer otherwise"),
        (["classifier.tflite", "--labels", "notes.txt"], 1, "names 1 classes", "the file is whole"),
        (["classifier.tflite", "--labels", "nowhere.txt"], 1, "there is no file 'nowhere.txt'", "the file is whole"),
        (["classifier.tflite", "--samples", "notes.txt"], 1, "is no .npz file", "the file is whole"),
        (["sums.onnx", "--answers", "notes.txt"], 1, "holds no answers", "the file is whole"),
        (["sums.onnx", "--size", "N"], 2, "NAME=NUMBER", ""),
        (["sums.onnx", "--size", "N=1", "--open-sizes"], 2, "one of them", ""),
        (["sums.onnx", "--kind", "x"], 2, "NAME=KIND", ""),
    ],
)
def test_what_is_wrong_is_said(folder, called, entries, arguments, status, said, then) -> None:
    (folder / "notes.txt").write_text("a line")
    (folder / "empty").mkdir()
    (folder / "taken").mkdir()
    (folder / "taken" / "thesis.txt").write_text("years of work")
    (folder / "keras.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (folder / "broken.onnx").write_bytes((folder / "sums.onnx").read_bytes()[:-7])
    before = entries()
    done = called(*arguments, "--yes", "--browser", "node")
    assert done.exit_code == status, done.output
    assert said in done.stderr
    assert then in done.stderr
    assert "Traceback" not in done.stderr
    assert status == 2 or [line.partition(":")[0] for line in done.stderr.splitlines() if line.startswith(("error", "next"))] == ["error", "next"]
    assert entries() == before
    assert [path.name for path in (folder / "taken").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(("wrong", "said"), [({"signature": "other"}, "'other'"), ({"sizes": {"M": 1}}, "'M'"), ({"kinds": {"x": "numbers"}}, "no input 'x'")])
def test_answers_of_another_model(folder, called, entries, wrong, said) -> None:
    (folder / "answers.json").write_text(json.dumps({"webkiln_answers": 1, "source": "other.tflite", **wrong}))
    before = entries()
    done = called("classifier.tflite", "--answers", "answers.json", "--browser", "node")
    assert done.exit_code == 1, done.output
    assert said in done.stderr
    assert "next: the answers in answers.json may be those of another model" in done.stderr
    assert entries() == before


def test_all_unsupported_operators_are_named_at_once(called) -> None:
    done = called("unsupported.onnx")
    assert done.exit_code == 3
    assert "Frobnicate" in done.stderr
    assert "Grumble" in done.stderr


def test_the_web_format_is_no_source(folder, piped) -> None:
    assert piped("sums.onnx", "--yes", "--browser", "node").returncode == 0
    done = piped("sums-web/model")
    assert done.returncode == 1
    assert "in the web format already" in done.stderr


def test_without_a_browser_it_verifies_in_node_and_says_so(folder, piped) -> None:
    done = piped("sums.onnx", "--yes", environment={"WEBKILN_CHROMIUM": str(folder / "none")})
    assert done.returncode == 0, done.stderr
    assert "not verified in chromium: WEBKILN_CHROMIUM is" in done.stdout
    assert "Node 2" in done.stdout


def test_without_browser_and_node_it_claims_nothing(folder, piped) -> None:
    none = str(folder / "none")
    done = piped("classifier.tflite", "--yes", environment={"WEBKILN_CHROMIUM": none, "WEBKILN_NODE": none})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not verified in ") == 2
    assert "passed" not in done.stdout
    assert (folder / "classifier-web" / "index.html").is_file()


def test_a_browser_that_is_named_has_to_be_there(folder, piped, entries) -> None:
    before = entries()
    done = piped("sums.onnx", "--yes", "--browser", "chromium", environment={"WEBKILN_CHROMIUM": str(folder / "none")})
    assert done.returncode == 1, done.stdout
    assert "WEBKILN_CHROMIUM is" in done.stderr
    assert "next: install a browser" in done.stderr
    assert entries() == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="folders that root may not write to do not exist")
def test_a_place_that_may_not_be_written_to(folder, piped) -> None:
    (folder / "closed").mkdir()
    (folder / "closed").chmod(stat.S_IRUSR | stat.S_IXUSR)
    done = piped("sums.onnx", "--yes", "--browser", "node", "-o", "closed/out")
    assert done.returncode == 1
    assert "next: choose a place" in done.stderr


def test_a_number_that_is_off_leaves_nothing(folder, entries, monkeypatch, capsys) -> None:
    """The result is refused when a backend gives other numbers."""
    from converter_wizard import making
    from converter_wizard.answers import Answers
    from converter_wizard.wizard import run
    from webkiln.parity.report import Check, Report, Row

    def wrong(*arguments: object, **options: object) -> Report:
        return Report("sums", [Row("wasm", "node", "Node", checks=[Check("golden 0", "y", 0.5, 1e-5, "differs by 0.5")])])

    monkeypatch.setattr(making, "verify", wrong)
    monkeypatch.chdir(folder)
    before = entries()
    assert run(Answers("sums.onnx", browser="node"), yes=True) == 1
    said = capsys.readouterr().err
    assert "wasm in Node: golden 0, output 'y': differs by 0.5" in said
    assert "next: please report" in said
    assert entries() == before


def test_a_disk_that_is_full_leaves_nothing(folder, entries, monkeypatch, capsys) -> None:
    from converter_wizard import making
    from converter_wizard.answers import Answers
    from converter_wizard.wizard import run

    def full(result: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(making, "replace_folder", full)
    monkeypatch.chdir(folder)
    before = entries()
    assert run(Answers("sums.onnx", output="deep/er/out", browser="node"), yes=True) == 1
    said = capsys.readouterr().err
    assert "No space left" in said
    assert "next: make room" in said
    assert entries() == before


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="this system limits no sizes of files")
def test_a_file_that_cannot_be_written_whole_leaves_nothing(folder, entries) -> None:
    """As on a disk that fills up while a file is written."""
    before = entries()
    command = "ulimit -f 64; exec \"$0\" -m webkiln wizard classifier.tflite --yes --browser node"  # 64 times 512 or 1,024 bytes
    done = subprocess.run(["sh", "-c", command, sys.executable], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert "error: [Errno 27] File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert entries() == before


def test_a_terminal_of_another_encoding_is_no_hindrance(folder, piped) -> None:
    """And neither are spaces, backslashes, or letters of other languages in a path."""
    path = folder / "C:\\a b" / "größe.tflite"
    path.parent.mkdir()
    (folder / "classifier.tflite").rename(path)
    done = piped(path, "--yes", "--browser", "node", "-o", "out d\\x", environment={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert "gr\\xf6\\xdfe-web" not in done.stdout
    assert "gr\\xf6\\xdfe.tflite" in done.stdout
    assert (folder / "out d\\x" / "index.html").is_file()


def test_a_command_that_is_terminated_leaves_nothing(folder, entries) -> None:
    before = entries()
    with subprocess.Popen([sys.executable, "-m", "webkiln", "wizard", "classifier.tflite", "--yes", "--browser", "node"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        while running.stderr.readline().strip() != "verifying":
            assert running.poll() is None
        assert entries() > before, "it works beside the result"
        running.terminate()
        assert running.wait(60) == 128 + signal.SIGTERM
    assert entries() == before


def test_a_model_that_no_generated_input_fits_is_converted_all_the_same(folder, called) -> None:
    """Its precision is not measured and its numbers are not verified, and both are told; with a sample, precision is measured."""
    import wizard_models

    wizard_models.demanding(folder / "demanding.onnx")
    done = called("demanding.onnx", "--browser", "node", "--open-sizes", "--kind", "x=numbers", "-o", "out")
    assert done.exit_code == 0, done.output
    assert "not measured: no sample inputs could be made" in done.stdout
    assert "not verified: no inputs could be made" in done.stdout
    assert "--quantize" not in done.stdout.splitlines()[-1]
    assert (folder / "out" / "index.html").is_file()
    np.savez(folder / "long.npz", x=np.ones((2, 1001), np.float32))
    done = called("demanding.onnx", "--browser", "node", "--open-sizes", "--kind", "x=numbers", "-o", "out", "--force", "--samples", "long.npz")
    assert "measured on long.npz" in done.stdout
    assert "float16" in done.stdout, done.output


def test_text_of_a_model_is_shown_and_not_obeyed(folder, piped) -> None:
    """Names that would move the cursor, colour the screen, or be options of the command that repeats it."""
    import shlex

    import wizard_models

    name = "\x1b[31m[bold]x;$(touch owned)"
    wizard_models.classifier(folder / "-o.tflite")
    wizard_models.sums(folder / "named.onnx", name=name, shape=("N", 8))
    done = piped("named.onnx", "--yes", "--browser", "node")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "\\x1b[31m[bold]x" in done.stdout
    done = piped("./-o.tflite", "--yes", "--plan", "--browser", "node", "-o", "with space")
    line = done.stdout.strip().splitlines()[-1]
    assert shlex.split(line)[:4] == ["webkiln", "wizard", "./-o.tflite", "--yes"]
    assert shlex.split(line)[-2:] == ["-o", "with space"]


def test_only_the_command_line_imports_the_wizard() -> None:
    root = Path(webkiln.__file__).parent
    importing = {path.relative_to(root).as_posix() for path in root.rglob("*.py") if _imports(path, "converter_wizard")}
    assert importing == {"cli.py"}
    assert Path(converter_wizard.__file__).parent.parent == root.parent


def _imports(path: Path, package: str) -> bool:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return any(isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package for node in nodes)
