"""docs/coverage.md and `webkiln ops --source` are the importers' registries."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from webkiln.commands.source_operators import COMMAND, page
from webkiln.importers import coverage
from webkiln.importers.coverage import NOT_YET, sources
from webkiln.importers.source_names import (
    AI_ONNX,
    AI_ONNX_ML,
    AI_ONNX_PREVIEW,
    AI_ONNX_TRAINING,
    COM_MICROSOFT,
    TENSORFLOW,
)
from webkiln.importers.tflite.schema import OPERATORS as TFLITE

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(sources()), f"docs/coverage.md is stale; run: {COMMAND}"


def test_every_operator_is_converted_or_has_a_reason() -> None:
    for source in sources().values():
        assert not set(source.converted) & set(source.left_out)
        assert all(source.left_out.values())
        assert len(page({"": source}).splitlines()) >= len(source.converted) + len(source.left_out)


def test_the_names_of_onnx_are_those_of_the_package() -> None:
    """A newer package may have more; then they are to be added."""
    for domain, names in (("", AI_ONNX), ("ai.onnx.preview", AI_ONNX_PREVIEW), ("ai.onnx.preview.training", AI_ONNX_TRAINING), ("ai.onnx.ml", AI_ONNX_ML)):
        assert {schema.name for schema in onnx.defs.get_all_schemas_with_history() if schema.domain == domain} <= set(names)


def test_every_operator_of_onnx_is_converted_or_has_a_reason() -> None:
    """Of the newest operator set, in every domain that the package has: what is left out is so for good."""
    keys = {"": "onnx", "ai.onnx.ml": "onnx-ml", "ai.onnx.preview": "onnx-preview", "ai.onnx.preview.training": "onnx-training"}
    found = sources()
    for schema in onnx.defs.get_all_schemas():
        source = found[keys[schema.domain]]
        assert schema.name in source.converted or source.left_out[schema.name] != NOT_YET


def test_reasons_are_for_operators_that_there_are() -> None:
    known = {*AI_ONNX, *AI_ONNX_PREVIEW, *AI_ONNX_TRAINING, *AI_ONNX_ML, *COM_MICROSOFT, *TENSORFLOW, *TFLITE}
    assert not {name for names in coverage._REASONS.values() for name in names} - known


@pytest.mark.parametrize(
    ("key", "operator", "emits", "emits_not"),
    [
        ("onnx", "Softmax", ["exp", "reduce_max"], ["arg_max"]),  # one table has the functions of both
        ("onnx", "Hardmax", ["arg_max"], ["exp"]),
        ("onnx", "Sinh", ["sinh"], ["cosh"]),  # a closure has the name
        ("onnx", "If", ["where"], ["conv2d"]),  # its branches are operators that have lines of their own
        ("onnx", "Identity", [], ["gather"]),
        ("tflite", "DEPTH_TO_SPACE", ["reshape", "transpose"], ["gather"]),  # in a module that is used by its name
        ("tflite", "TOPK_V2", ["argsort", "gather"], ["scatter"]),
        ("tensorflow", "MatMul", ["matmul"], ["gather"]),
        ("tensorflow", "GatherV2", ["gather"], ["scatter"]),
    ],
)
def test_what_an_operator_becomes(key: str, operator: str, emits: list[str], emits_not: list[str]) -> None:
    made = sources()[key].converted[operator]
    assert made >= set(emits)
    assert not made & set(emits_not)


def test_the_page_tells_kernels_from_segments() -> None:
    text = page(sources())
    assert "| `MatMul` | yes | yes | yes |  |" in text
    assert "| `GATHER` | yes | yes | wasm: gather |  |" in text
    assert "| `Bernoulli` | no | no | no | random" in text


@pytest.mark.parametrize("key", ["onnx", "tflite", "tensorflow"])
def test_what_only_work_stands_against_is_told_from_the_rest(key: str) -> None:
    reasons = set(sources()[key].left_out.values())
    assert reasons - {NOT_YET}
