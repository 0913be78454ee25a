"""Every example in docs/format.md is of the format."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from sample_models import tiny
from webkiln.codegen.paths import REPOSITORY
from webkiln.version import VERSION
from webkiln.webformat.structure import FEATURES, check_structure
from webkiln.webformat.write import files

PAGE = (REPOSITORY / "docs" / "format.md").read_text(encoding="utf-8")
SCHEMA = json.loads((REPOSITORY / "pysrc" / "webkiln" / "webformat" / "schema.json").read_text(encoding="utf-8"))
# Section of the page → what in the schema its examples are.
SECTIONS = {
    "Arguments (inputs and outputs of a signature)": "argument",
    "Constants": "constant",
    "Nodes": "node",
    "Control flow": "node",
    "State": "state",
}


def complete(text: str) -> Any:
    """An example with its alternatives and omissions as JSON."""
    text = re.sub(r'("[\w]+")( \| "[\w]+")+', r"\1", text)  # the first of several words
    text = text.replace("[body, body]", "[]").replace("(EXIF)", "").replace("ARGUMENT", '"scores"').replace('"scales_per_layer": …', '"scales_per_layer": 1')
    return json.loads(re.sub(r",?\s*…", "", text))


def inline() -> list[tuple[str, str]]:
    """The examples in running text that are whole, each with its section."""
    found, section = [], ""
    for match in re.finditer(r"^##+ ([^\n]*)$|```.*?```|`(\{\"[^`]*\})`", PAGE, re.S | re.M):
        section = match.group(1) or section
        if match.group(2) and '": ' in match.group(2) and "[argument]" not in match.group(2):
            found.append((section, match.group(2)))
    return found


@pytest.mark.parametrize(("section", "text"), inline(), ids=[f"{section.split()[0]} {i}" for i, (section, _) in enumerate(inline())])
def test_an_example_validates(section: str, text: str) -> None:
    if section == "Processing" and ": spec" in text:
        return  # the frame of all the others
    example = complete(text)
    definitions = SCHEMA["$defs"]
    if '"inputs": [{"value"' in text:
        schema = definitions["body"]
    elif section in SECTIONS and "scheme" not in example:
        schema = definitions[SECTIONS[section]]
    elif "scheme" in example:
        schema = definitions["constant"]["properties"]["quantization"]
    elif section == "Processing":
        schema = definitions["input_processing" if example["type"] in ("picture", "audio", "tokens", "tensor") else "output_processing"]
    elif section == "Golden vectors":
        schema = definitions["golden"]["properties"]["cases"]["items"]["properties"]["inputs"]["additionalProperties"]
    else:
        assert section == "model.json", f"an example in a section without a schema: {section}"
        schema = SCHEMA["properties"]["symbols"]["additionalProperties"]
    jsonschema.Draft202012Validator({**schema, "$defs": definitions}).validate(example)
    known = set(re.findall(r'"(\w+)":\s*\{', json.dumps(SCHEMA)))
    assert set(example) <= known, "a key that the schema does not have"


def test_there_are_examples_of_everything() -> None:
    sections = [section for section, _ in inline()]
    for section in (*SECTIONS, "Processing", "Golden vectors", "model.json"):
        assert section in sections
    kinds = {complete(text)["type"] for section, text in inline() if section == "Processing" and ": spec" not in text}
    assert kinds == {"picture", "audio", "tokens", "labels", "keypoints", "boxes", "mask", "text"}


def blocks() -> list[str]:
    return re.findall(r"```json\n(.*?)```", PAGE, re.S)


def test_the_golden_example_validates() -> None:
    (text,) = [block for block in blocks() if block.startswith('"golden"')]
    golden = json.loads("{" + text + "}")["golden"]
    jsonschema.Draft202012Validator({**SCHEMA["$defs"]["golden"], "$defs": SCHEMA["$defs"]}).validate(golden)


def test_the_whole_example_is_what_is_written() -> None:
    (text,) = [block for block in blocks() if block.startswith("{")]
    check_structure(json.loads(text))
    written = files(tiny())["model.json"].decode()
    assert text == written.replace(f"webkiln {VERSION}", json.loads(text)["producer"]), "put the new text of the tiny model into docs/format.md"


def test_the_table_of_keys_is_the_schema_s() -> None:
    table = PAGE.split("## model.json")[1].split("###")[0]
    rows = re.findall(r"^\| `(\w+)` \|", table, re.M)
    assert sorted(rows) == sorted(SCHEMA["properties"])
    optional = ["elements"]
    assert [row for row in rows if row not in optional] == [key for key in json.loads(files(tiny())["model.json"]) if key in rows]


def test_the_features_are_documented() -> None:
    sentence = re.search(r"Version 1 knows: (.*)\.", PAGE)
    assert sentence
    assert tuple(re.findall(r'"(\w+)"', sentence.group(1))) == FEATURES


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
