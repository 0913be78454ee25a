"""The rules give the same in Python and in JavaScript: on every generated case, and on shapes and attributes bent at random."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from webkiln.codegen.build import render
from webkiln.errors import ShapeError
from webkiln.graph.dtypes import CANONICAL
from webkiln.ops import OPERATORS, Operator, fill_defaults

HERE = Path(__file__).parent
NAMES = {dtype: name for name, dtype in CANONICAL.items()}


class Recorder:
    """The builder of node_rules.mjs, in Python."""

    def __init__(self, shapes: dict[str, list[int]]) -> None:
        self.shapes = dict(shapes)
        self.log: list[Any] = []

    def _add(self, entry: Any, shape: list[int]) -> str:
        name = f"v{len(self.log)}"
        self.log.append(entry)
        self.shapes[name] = shape
        return name

    def node(self, op: str, inputs: list[str], attributes: dict[str, Any]) -> str:
        shape = OPERATORS[op].shape([self.shapes[name] for name in inputs], fill_defaults(OPERATORS[op], attributes))[0]
        return self._add(["node", op, list(inputs), attributes], shape)

    def shape(self, name: str) -> list[int]:
        return list(self.shapes[name])

    def scalar(self, number: float) -> str:
        return self._add(["scalar", number], [])

    def sum_to(self, name: str, shape: list[int]) -> str:
        return self._add(["sum_to", name, list(shape)], list(shape))


def words(value: Any) -> Any:
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: words(item) for name, item in value.items()}
    return [words(item) for item in value] if isinstance(value, (list, tuple)) else value


def tried(run: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"value": words(run())}
    except ShapeError as error:
        return {"refused": str(error)}


def question(operator: Operator, shapes: list[list[int]], dtypes: list[str], attributes: dict[str, Any], gradient: bool) -> dict[str, Any]:
    return {"op": operator.name, "shapes": shapes, "dtypes": dtypes, "attributes": attributes, "gradient": gradient}


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    operator, shapes, attributes = OPERATORS[asked["op"]], asked["shapes"], asked["attributes"]
    found = {"shape": tried(lambda: operator.shape(shapes, attributes)), "dtype": tried(lambda: operator.dtype(asked["dtypes"], attributes))}
    if asked["gradient"]:
        names = [f"x{i}" for i in range(len(shapes))]

        def run() -> Any:
            out = operator.shape(shapes, attributes)[0]
            recorder = Recorder({**dict(zip(names, shapes, strict=True)), "y": out, "dy": out})
            results = operator.gradient(recorder, names, "y", "dy", attributes)
            return {"results": results, "log": recorder.log}

        found["gradient"] = tried(run)
    return found


def bent(rng: np.random.Generator, value: Any) -> Any:
    """A value with one number in it changed, or a list that is longer or shorter."""
    if isinstance(value, list):
        made = list(value)
        choice = rng.integers(0, 4)
        if choice == 0 and made:
            made.pop(int(rng.integers(0, len(made))))
        elif choice == 1:
            made.insert(int(rng.integers(0, len(made) + 1)), int(rng.integers(-2, 9)) if not made or not isinstance(made[0], list) else [1, 2])
        elif made:
            at = int(rng.integers(0, len(made)))
            made[at] = bent(rng, made[at])
        return made
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return int(rng.choice([value + 1, value - 1, 0, -1, 2 * value, 7]))
    return value


def plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes that JSON can carry: the rules do not read floats."""
    return {name: value for name, value in attributes.items() if not isinstance(value, float)}


def questions() -> list[dict[str, Any]]:
    rng = np.random.default_rng(20)
    asked = []
    for operator in OPERATORS.values():
        rule = callable(operator.gradient)
        for number, case in enumerate(operator.cases(np.random.default_rng(0))):
            attributes = plain(fill_defaults(operator, case.attributes))
            shapes, dtypes = [list(array.shape) for array in case.inputs], [NAMES[array.dtype] for array in case.inputs]
            asked.append(question(operator, shapes, dtypes, attributes, rule and "f32" in dtypes))
            for _ in range(1 if number >= 60 else 6 if not operator.elementwise else 2):
                wrong_shapes, wrong = bent(rng, shapes), dict(attributes)
                if not wrong_shapes or rng.integers(0, 2):
                    wrong_shapes = shapes
                if wrong and rng.integers(0, 2):
                    name = str(rng.choice(list(wrong)))
                    wrong[name] = bent(rng, wrong[name])
                wrong_dtypes = [str(rng.choice(list(CANONICAL))) if rng.integers(0, 4) == 0 else dtype for dtype in dtypes]
                if len(wrong_shapes) >= len(operator.inputs) - operator.optional and all(isinstance(one, list) for one in wrong_shapes):
                    asked.append(question(operator, wrong_shapes, wrong_dtypes, wrong, False))
    return asked


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict], list[dict], dict]:
    """The questions, JavaScript's answers (of one Node process), and the registry."""
    render()
    folder = tmp_path_factory.mktemp("rules")
    asked = questions()
    (folder / "questions.json").write_text(json.dumps(asked))
    node = shutil.which("node")
    assert node, "these tests need Node 20 or newer on the PATH"
    done = subprocess.run(
        [node, str(HERE / "node_rules.mjs"), str(folder / "questions.json"), str(folder / "answers.json")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answered = json.loads((folder / "answers.json").read_text())
    return asked, answered["answers"], answered["registry"]


def test_rules_agree_on_every_case_and_on_bent_ones(both) -> None:
    asked, answers, _ = both
    kinds: dict[str, set[str]] = {}
    for one, javascript in zip(asked, answers, strict=True):
        try:
            python = answer(one)
        except (IndexError, TypeError) as error:
            raise AssertionError(f"the rule of {one} fails with {error!r}") from error
        assert json.loads(json.dumps(python)) == javascript, one
        for rule, result in python.items():
            kinds.setdefault(rule, set()).update(result)
    assert kinds == {"shape": {"value", "refused"}, "dtype": {"value", "refused"}, "gradient": {"value"}}
    assert len(asked) > 5000


def test_every_structured_rule_was_both_satisfied_and_violated(both) -> None:
    asked, answers, _ = both
    seen: dict[str, set[str]] = {}
    for one, result in zip(asked, answers, strict=True):
        seen.setdefault(one["op"], set()).update(result["shape"])
    unary = {name for name, operator in OPERATORS.items() if operator.elementwise and len(operator.inputs) == 1}
    assert {name for name, kinds in seen.items() if "value" in kinds} == set(OPERATORS)
    assert {name for name, kinds in seen.items() if "refused" in kinds} >= set(OPERATORS) - unary


def test_the_registry_says_what_the_table_does(both) -> None:
    registry = both[2]
    assert list(registry) == list(OPERATORS)
    for name, operator in OPERATORS.items():
        entry = registry[name]
        assert entry["inputs"] == [one.rstrip("?*") for one in operator.inputs]
        assert (entry["optional"], entry["variadic"], entry["elementwise"]) == (operator.optional, operator.variadic, operator.elementwise)
        assert entry["floats"] == list(operator.floats)
        assert list(entry["attributes"]) == list(operator.attributes)
        for key, attribute in operator.attributes.items():
            wanted: dict[str, Any] = {"type": attribute.type}
            if attribute.default is not None:
                wanted["default"] = words(attribute.default)
            if attribute.choices:
                wanted["choices"] = list(attribute.choices)
            assert entry["attributes"][key] == wanted
        if isinstance(operator.gradient, tuple):
            assert entry["gradient"] == list(operator.gradient)
        else:
            assert entry["gradient"] == ("function" if callable(operator.gradient) else "undefined")
