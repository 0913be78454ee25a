"""Over a pipe, with --yes, with --plan, and with answers that were saved."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import wizard_models


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_lines_are_answers(folder, piped) -> None:
    """A number, a value, an empty line, and the default where the input has ended."""
    done = piped("classifier.tflite", "--browser", "node", input="2\nopen\n\nint8\n")
    assert done.returncode == 0, done.stderr
    assert "1) coarse  (default)" in done.stdout
    assert "> fine" in done.stdout
    assert "scores of 3 classes (a softmax makes them)" in done.stdout
    assert "> classifier-web (the default: the input has ended)" in done.stdout
    assert done.stdout.rstrip().endswith(
        "webkiln wizard classifier.tflite --yes --signature fine --open-sizes --kind image=picture:0..1 --quantize int8 --browser node -o classifier-web"
    )
    assert "\x1b" not in done.stdout + done.stderr


def test_a_line_that_is_no_answer(folder, piped, entries) -> None:
    before = entries()
    done = piped("classifier.tflite", "--browser", "node", input="third\n")
    assert done.returncode == 1
    assert "'third' is no answer to: Which signature? Answer with a number from 1 to 2" in done.stderr
    assert entries() == before


def test_plan_does_everything_but_write(folder, piped, entries) -> None:
    before = entries()
    done = piped("classifier.tflite", "--plan", "--yes", "--browser", "node", "--answers", "answers.json", "--single-file")
    assert done.returncode == 0, done.stderr
    assert "Nothing was written. To classifier-web would go:" in done.stdout
    assert re.search(r"^wasm +Node .* passed", done.stdout, re.MULTILINE)
    assert re.search(r"classifier\S*\.html +\d", done.stdout)
    assert entries() == before


def test_answers_are_saved_and_replayed(folder, piped) -> None:
    """The same bytes, from the file and from the command line that is printed."""
    np.savez(folder / "dark.npz", image=np.zeros((1, 16, 16, 3), np.float32))
    first = piped("classifier.tflite", "--browser", "node", "--samples", "dark.npz", "--answers", "answers.json", input="2\n\n2\nuint8\nout\n")
    assert first.returncode == 0, first.stderr
    made = contents(folder / "out")
    saved = json.loads((folder / "answers.json").read_text())
    assert saved == {
        "webkiln_answers": 1,
        "source": "classifier.tflite",
        "signature": "fine",
        "sizes": {"N": 1},
        "kinds": {"image": "picture:-1..1"},
        "precision": "uint8",
        "output": "out",
        "browser": "node",
        "samples": ["dark.npz"],
    }
    again = piped("--answers", "answers.json", "--force")
    assert again.returncode == 0, again.stderr
    assert contents(folder / "out") == made
    line = first.stdout[first.stdout.index("  webkiln wizard") :].splitlines()[0]
    third = piped(*shlex.split(line)[2:], "--force")
    assert third.returncode == 0, third.stderr
    assert contents(folder / "out") == made
    other = piped("--answers", "answers.json", "--browser", "node", "-o", "other", "--quantize", "f32")  # as small as these, weights in uint8 stay in float16
    assert other.returncode == 0, other.stderr
    assert contents(folder / "other")["model/weights-00000.safetensors"] != made["model/weights-00000.safetensors"]
    del saved["precision"]
    (folder / "again.json").write_text(json.dumps(saved))
    assert "measured on dark.npz" in piped("--answers", "again.json", "--plan", "-o", "another").stdout
    saved["precision"] = "uint8"
    assert saved == json.loads((folder / "answers.json").read_text())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"webkiln_answers": 2}',
        '{"webkiln_answers": 1, "colour": "red"}',
        '{"webkiln_answers": 1, "source": 7}',
        '{"webkiln_answers": 1, "sizes": {"N": "1"}}',
        '{"webkiln_answers": 1, "shapes": {"x": 3}}',
        '{"webkiln_answers": 1, "kinds": ["numbers"]}',
        '{"webkiln_answers": 1, "single_file": "yes"}',
        '{"webkiln_answers": 1, "samples": "dark.npz"}',
        '{"webkiln_answers": 1, "browser": true}',
        "[" * 100000,
    ],
)
def test_answers_that_are_none(tmp_path, content) -> None:
    from converter_wizard.answers import load
    from webkiln.errors import FormatError

    path = tmp_path / "answers.json"
    path.write_text(content)
    with pytest.raises(FormatError, match=r"answers\.json"):
        load(path)


def test_samples_are_what_precision_is_measured_on(folder, piped) -> None:
    np.savez(folder / "dark.npz", image=np.zeros((1, 16, 16, 3), np.float32))
    done = piped("classifier.tflite", "--plan", "--yes", "--browser", "node", "--samples", "dark.npz")
    assert done.returncode == 0, done.stderr
    assert "measured on dark.npz" in done.stdout


def test_a_picture_is_a_sample(folder, piped) -> None:
    from PIL import Image

    Image.fromarray(np.random.default_rng(3).integers(0, 255, (20, 30, 3), np.uint8)).save(folder / "seen.png")
    done = piped("classifier.tflite", "--plan", "--yes", "--browser", "node", "--samples", "seen.png")
    assert done.returncode == 0, done.stderr
    assert "measured on seen.png" in done.stdout
    wizard_models.classifier(folder / "plain.tflite")
    done = piped("plain.tflite", "--yes", "--browser", "node", "--samples", "seen.png", "--kind", "image=numbers")
    assert done.returncode == 1
    assert "does not take one alone" in done.stderr


def test_a_result_is_replaced_only_when_forced(folder, piped) -> None:
    assert piped("sums.onnx", "--yes", "--browser", "node", "-o", "out").returncode == 0
    assert piped("sums.onnx", "--yes", "--browser", "node", "-o", "out").returncode == 1
    wizard_models.sums(folder / "sums.onnx", op="Tanh")
    assert piped("sums.onnx", "--yes", "--browser", "node", "-o", "out", "--force").returncode == 0
    assert '"tanh"' in (folder / "out" / "model" / "model.json").read_text()


def test_a_folder_with_one_model_is_that_model(folder, piped) -> None:
    (folder / "inner").mkdir()
    (folder / "sums.onnx").rename(folder / "inner" / "only.onnx")
    done = piped("inner", "--yes", "--plan", "--browser", "node")
    assert done.returncode == 0, done.stderr
    assert "webkiln wizard inner/only.onnx" in done.stdout


def test_the_gallery_knows_its_models(folder, piped) -> None:
    """What the recipe records is not asked."""
    done = piped("face_detection_short_range", "--plan", "--browser", "node", "--quantize", "f16", input="")
    assert done.returncode == 0, done.stderr
    assert "licence Apache-2.0" in done.stdout
    assert "picture, as recorded" in done.stdout
    assert "What is the input" not in done.stdout
    assert "sample.png" in done.stdout


def test_in_a_real_browser_both_backends_are_verified(folder, piped) -> None:
    done = piped("classifier.tflite", "--yes", "--single-file")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^wasm +Chrom.* passed", done.stdout, re.MULTILINE)
    assert re.search(r"^webgl +Chrom.* passed", done.stdout, re.MULTILINE)
    assert [path for path in (folder / "classifier-web").glob("*.html") if path.name not in ("index.html", "verify.html")]


def test_the_command_line_loads_the_wizard_only_when_it_is_called() -> None:
    code = "import sys, webkiln.cli; print(sorted({'converter_wizard', 'questionary', 'prompt_toolkit', 'rich', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
