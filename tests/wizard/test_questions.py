"""The wizard in a terminal: every question, the default path, and Ctrl-C at each of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import webkiln
from wizard_terminal import CTRL_C, DOWN, ENTER, WizardTerminal

QUESTIONS = ("Which signature?", "Which sizes should the model take?", "What is the input 'image'?", "How should weights be stored?", "Where to write?")
WRITTEN = {"model", "runtime", "index.html", "verify.html", "model.mjs", "model.d.mts", "SNIPPETS.md", "MODEL_CARD.md", "reference.json"}


def test_enter_all_the_way(folder) -> None:
    """Pictures of one, float16; what is found comes before what is asked, and the result runs."""
    with WizardTerminal(folder, "classifier.tflite", "--browser", "node") as terminal:
        terminal.sees("signatures: coarse, fine").sees("operations")
        for question in QUESTIONS:
            terminal.sees(question).types(ENTER)
        assert terminal.ends() == 0, terminal.said
    assert "float16 (" in terminal.said
    assert "1,000" not in terminal.said
    assert "passed" in terminal.said
    assert "webkiln wizard classifier.tflite --yes --signature coarse --size N=1 --kind image=picture:0..1 --quantize f16 --browser node -o classifier-web" in terminal.said
    out = folder / "classifier-web"
    assert {path.name for path in out.iterdir()} == WRITTEN
    model = webkiln.load(out / "model")
    assert model.inputs[0].shape == (1, 16, 16, 3)
    picture = np.full((20, 30, 3), 90, np.uint8)
    outputs = model.run({"image": picture})
    (labels,) = webkiln.results(model, outputs, {"image": picture}).values()
    assert {label["label"] for label in labels} == {"class 0", "class 1", "class 2"}
    assert "webkiln wizard classifier.tflite --yes" in (out / "MODEL_CARD.md").read_text()


def test_arrow_keys_and_typed_answers(folder) -> None:
    """The second choice of each question, and another folder."""
    (folder / "labels.txt").write_text("\n".join(("ant", "bee", "cat", "dog", "elk")))
    with WizardTerminal(folder, "classifier.tflite", "--browser", "node") as terminal:
        for question in QUESTIONS[:3]:
            terminal.sees(question).types(DOWN + ENTER)
        terminal.sees("Advice:").sees(QUESTIONS[3]).types(DOWN + DOWN + ENTER)
        terminal.sees(QUESTIONS[4]).types("\x15deep/er" + ENTER)
        assert terminal.ends() == 0, terminal.said
    model = json.loads((folder / "deep" / "er" / "model" / "model.json").read_text())
    assert [signature["name"] for signature in model["signatures"]] == ["fine"]
    assert model["signatures"][0]["inputs"][0]["shape"] == ["N", 16, 16, 3]
    assert model["processing"]["inputs"]["image"]["mean"] == [127.5] * 3
    assert model["processing"]["outputs"]["scores"]["labels"] == ["ant", "bee", "cat", "dog", "elk"]
    assert "labels.txt" in terminal.said
    assert "--quantize int8" in terminal.said


def test_nothing_is_asked_where_nothing_can_be_chosen(folder) -> None:
    with WizardTerminal(folder, "sums.onnx", "--browser", "node") as terminal:
        terminal.sees("Where to write?").types(ENTER)
        assert terminal.ends() == 0, terminal.said
    assert not [question for question in QUESTIONS[:4] if question in terminal.said]
    assert (folder / "sums-web" / "index.html").is_file()


def test_sizes_can_be_typed(folder) -> None:
    import wizard_models

    wizard_models.sums(folder / "open.onnx", shape=["rows", "columns"])
    with WizardTerminal(folder, "open.onnx", "--browser", "node", "-o", "out") as terminal:
        terminal.sees("Which sizes").types(DOWN + ENTER)
        terminal.sees("The sizes:").types("\x15rows=2, columns=nine" + ENTER)
        terminal.sees("is no size").types("\x15rows=2, columns=9" + ENTER)
        assert terminal.ends() == 0, terminal.said
    assert webkiln.load(folder / "out" / "model").inputs[0].shape == (2, 9)


def test_an_output_that_exists_is_told_at_the_question(folder) -> None:
    (folder / "sums-web").mkdir()
    (folder / "sums-web" / "thesis.txt").write_text("years of work")
    with WizardTerminal(folder, "sums.onnx", "--browser", "node") as terminal:
        terminal.sees("sums-web exists already; sums-web-2 is free").sees("Where to write?")
        terminal.types("\x15sums-web" + ENTER).sees("choose another output").types("\x15other" + ENTER)
        assert terminal.ends() == 0, terminal.said
    assert [path.name for path in (folder / "sums-web").iterdir()] == ["thesis.txt"]
    assert (folder / "other" / "index.html").is_file()


def test_without_a_source_there_is_a_choice(folder) -> None:
    with WizardTerminal(folder, "--browser", "node") as terminal:
        terminal.sees("Which model?").sees("classifier.tflite").sees("sums.onnx").sees("pose_landmark_lite")
        terminal.types(DOWN + ENTER)
        terminal.sees("Where to write?").types(ENTER)
        assert terminal.ends() == 0, terminal.said
    assert (folder / "sums-web" / "index.html").is_file()


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_stopping_leaves_nothing(folder, entries, number) -> None:
    before = entries()
    with WizardTerminal(folder, "classifier.tflite", "--browser", "node", "--answers", "answers.json") as terminal:
        for question in QUESTIONS[:number]:
            terminal.sees(question).types(ENTER)
        terminal.sees(QUESTIONS[number]).types(CTRL_C)
        assert terminal.ends() == 130, terminal.said
    assert "nothing was written" in terminal.said
    assert "Traceback" not in terminal.said
    assert entries() == before


def test_stopping_at_the_choice_of_a_model(folder, entries) -> None:
    before = entries()
    with WizardTerminal(folder) as terminal:
        terminal.sees("Which model?").types(CTRL_C)
        assert terminal.ends() == 130
    assert entries() == before


@pytest.mark.parametrize("moment", ["measuring", "verifying"])
def test_stopping_while_it_works(folder, entries, moment) -> None:
    before = entries()
    with WizardTerminal(folder, "classifier.tflite", "--browser", "node", "--yes") as terminal:
        terminal.sees(moment).types(CTRL_C)
        assert terminal.ends() == 130, terminal.said
    assert "Traceback" not in terminal.said
    assert entries() == before
