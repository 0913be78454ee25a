"""What is written beside a model: the files, the typed module, the code to start from, the card."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import webkiln
from click.testing import CliRunner
from handed_models import ATTACK, numbers_model, picture_model
from handed_pages import READY, Visits
from webkiln.browsers.node import find_node
from webkiln.cli import main
from webkiln.codegen.paths import REPOSITORY
from webkiln.errors import OutputExistsError, WebkilnError
from webkiln.handover import hand_over
from webkiln.handover.templating import comment, literal, markdown, markdown_code, sentence
from webkiln.handover.wrapper import ARRAYS
from webkiln.parity.report import Check, Report, Row

Handed = Callable[[str], Path]
PAGES = {"index.html", "verify.html", "model.mjs", "model.d.mts", "SNIPPETS.md", "MODEL_CARD.md", "reference.json"}


def node(*arguments: str | Path, cwd: Path) -> str:
    ran = subprocess.run([find_node().path, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_a_model_elsewhere_is_copied(tmp_path: Path) -> None:
    numbers_model().save(tmp_path / "rows")
    before = {path.name: path.read_bytes() for path in (tmp_path / "rows").iterdir()}
    written = hand_over(tmp_path / "rows", tmp_path / "deep" / "site")
    out = tmp_path / "deep" / "site"
    assert written == sorted(path for path in out.rglob("*") if path.is_file())
    assert {path.name for path in out.iterdir()} == PAGES | {"runtime", "model"}
    assert {path.name: path.read_bytes() for path in (out / "model").iterdir()} == before
    assert {path.name: path.read_bytes() for path in (tmp_path / "rows").iterdir()} == before


def test_a_model_in_the_folder_stays(tmp_path: Path) -> None:
    numbers_model().save(tmp_path / "my model")
    written = hand_over(tmp_path / "my model", tmp_path)
    assert not (tmp_path / "model").exists()
    assert not any(path.parent.name == "my model" for path in written)
    assert 'data-model="my%20model/model.json"' in (tmp_path / "index.html").read_text()
    assert node("--input-type=module", "-e", 'const m = await (await import("./model.mjs")).load(); console.log(m.name)', cwd=tmp_path) == "rows\n"


def test_what_exists_is_replaced_only_when_asked(tmp_path: Path) -> None:
    numbers_model().save(tmp_path / "model")
    (tmp_path / "index.html").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine too")
    with pytest.raises(OutputExistsError, match=r"has index\.html already; use --force"):
        hand_over(tmp_path / "model", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"model", "index.html", "notes.txt"}
    hand_over(tmp_path / "model", tmp_path, force=True)
    assert (tmp_path / "index.html").read_text() != "mine"
    assert (tmp_path / "notes.txt").read_text() == "mine too"
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputExistsError, match="is not a folder"):
        hand_over(tmp_path / "model", tmp_path / "file", force=True)
    with pytest.raises(WebkilnError, match=r"a sample is a picture or a sound .*, got notes\.txt"):
        hand_over(tmp_path / "model", tmp_path, force=True, sample=tmp_path / "notes.txt")


def test_the_same_model_gives_the_same_files(tmp_path: Path) -> None:
    picture_model().save(tmp_path / "m")
    for name in ("a", "b"):
        hand_over(tmp_path / "m", tmp_path / name, is_single_file=True)
    for path in (tmp_path / "a").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes(), path.name


def test_the_module_runs_in_node(handed: Handed) -> None:
    script = """
      import { load, results, inputs, outputs, name } from "./model.mjs";
      const model = await load({ backend: "wasm" });
      const given = { image: Float32Array.from({ length: 16 * 24 * 3 }, (_, k) => (k % 7) / 7) };
      const got = await model.run(given);
      const read = await results(got, given);
      console.log(JSON.stringify({ scores: [...got.scores], shape: got.mask.shape, first: read.scores[0], names: [inputs[0].name, outputs.length, name] }));
      model.dispose();"""
    found = json.loads(node("--input-type=module", "-e", script, cwd=handed("picture")))
    image = ((np.arange(16 * 24 * 3) % 7) / 7).astype(np.float32).reshape(1, 16, 24, 3)
    model = webkiln.load(handed("picture") / "model")
    outputs = model.run({"image": image})
    np.testing.assert_allclose(found["scores"], outputs["scores"][0], atol=1e-5)
    assert found["shape"] == [1, 16, 24, 1]
    assert found["first"]["label"] == webkiln.results(model, outputs)["scores"][0]["label"]
    assert found["names"] == ["image", 3, f"tiny {ATTACK}"]


CONSUMER = """
import { load, results, inputs, type Outputs } from "./model.mjs";
const model = await load({ backend: "auto", worker: true });
const image = document.createElement("canvas");
const outputs: Outputs = await model.run({ image });
const scores: Float32Array = outputs.scores;
const shape: readonly [1, 16, 24, 1] = outputs.mask.shape;
const read = await results(outputs, { image: { picture: image, region: { x: 1, y: 2, width: 3, height: 4 } } });
const label: string = read.scores[0].label;
const x: number = read.points.points[0].x + read.mask.place.a;
const name: "image" = inputs[0].name;
await model.run({ image: new Float32Array(1152) });
// @ts-expect-error a missing input
await model.run({});
// @ts-expect-error an input that there is not
await model.run({ image, picture: image });
// @ts-expect-error an output that there is not
outputs.score;
// @ts-expect-error the shape is another
const wrong: readonly [1, 4] = outputs.scores.shape;
// @ts-expect-error an option that there is not
await load({ backends: "wasm" });
console.log(scores, shape, label, x, name, wrong);
"""


def test_the_types_say_what_fits(handed: Handed, tmp_path: Path) -> None:
    for name in ("model.mjs", "model.d.mts"):
        shutil.copyfile(handed("picture") / name, tmp_path / name)
    (tmp_path / "consumer.mts").write_text(CONSUMER)
    (tmp_path / "tsconfig.json").write_text(
        json.dumps({"compilerOptions": {"strict": True, "noEmit": True, "target": "es2022", "module": "nodenext", "lib": ["es2022", "dom"], "types": []}, "files": ["consumer.mts"]})
    )
    node(REPOSITORY / "node_modules/typescript/bin/tsc", "-p", ".", cwd=tmp_path)


SEVERAL = """
import { inputs, load, results, signatures, type Outputs, type Results } from "./model.mjs";
const halves = await load();
const result: Float32Array = (await halves.run({ numbers: [[1, 2, 3, 4]] })).result;
const sums = await load({ signature: "sums", backend: "wasm" });
const outputs: Outputs<"sums"> = await sums.run({ numbers: [[1, 2, 3, 4]], weights: [1, 1, 1, 1] });
const read: Results<"sums"> = await results(outputs);
const shape: readonly [1] = read.total.shape;
const name: "weights" = signatures.sums.inputs[1].name;
// @ts-expect-error an input that the other signature has
export const wrong = () => halves.run({ numbers: [[1, 2, 3, 4]], weights: [1, 1, 1, 1] });
// @ts-expect-error an output that the other signature has
outputs.result;
// @ts-expect-error a signature that there is not
export const unknown = () => load({ signature: "products" });
console.log(JSON.stringify({ result: [...result], total: [...outputs.total], shape, name, first: inputs[0].name }));
"""


def test_the_module_has_every_signature(handed: Handed, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(handed("branching"), tmp_path / "site"))
    (folder / "consumer.mts").write_text(SEVERAL)
    (folder / "tsconfig.json").write_text(
        json.dumps({"compilerOptions": {"strict": True, "target": "es2022", "module": "nodenext", "lib": ["es2022", "dom"], "types": []}, "files": ["consumer.mts"]})
    )
    node(REPOSITORY / "node_modules/typescript/bin/tsc", "-p", ".", cwd=folder)
    found = json.loads(node("consumer.mjs", cwd=folder))
    halves, sums = (webkiln.load(folder / "model", signature=name) for name in ("halves", "sums"))
    np.testing.assert_allclose(found["result"], halves.run({"numbers": [[1, 2, 3, 4]]})["result"][0], atol=1e-5)
    np.testing.assert_allclose(found["total"], sums.run({"numbers": [[1, 2, 3, 4]], "weights": [1, 1, 1, 1]})["total"], rtol=1e-5)
    assert (found["shape"], found["name"], found["first"]) == ([1], "weights", "numbers")


def test_every_signature_is_told_of(handed: Handed, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(handed("branching"), tmp_path / "site"))
    (folder / "mine.mjs").write_text(code(folder, "The signature `sums`"))
    assert "Float32Array(1)" in node("mine.mjs", cwd=folder)
    card = (folder / "MODEL_CARD.md").read_text()
    for text in ("The signature `halves`:", "The signature `sums`:", "| input | `weights` |"):
        assert text in card


def test_arrays_are_those_of_the_runtime() -> None:
    said = dict(re.findall(r'\["(\w+)", \{ dtype: "\w+", result: (\w+)', (REPOSITORY / "js" / "dtypes.js").read_text()))
    assert said == ARRAYS


def code(folder: Path, heading: str) -> str:
    text = (folder / "SNIPPETS.md").read_text()
    found = re.search(rf"## {heading}\n.*?```\w+\n(.*?)```", text, re.DOTALL)
    assert found
    return found.group(1)


@pytest.mark.parametrize("kind", ["picture", "numbers", "tokens", "branching"])
def test_the_code_for_node_runs(handed: Handed, kind: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(handed(kind), tmp_path / "site"))
    (folder / "mine.mjs").write_text(code(folder, "Node"))
    assert "shape" in node("mine.mjs", cwd=folder)


@pytest.mark.parametrize("heading", ["Script tag", "ES module"])
@pytest.mark.parametrize("kind", ["picture", "numbers"])
def test_the_code_for_pages_runs(visits: Visits, handed: Handed, kind: str, heading: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(handed(kind), tmp_path / "site"))
    script = code(folder, heading)
    body = script if heading == "Script tag" else f'<script type="module">\n{script}</script>'
    (folder / "mine.html").write_text(f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><canvas></canvas>\n{body}')
    visit = visits.serve(folder, "mine.html")
    visit.page.wait_for_event("console", timeout=READY) if not visit.said else None
    assert [line for line in visit.said if not line.startswith("log")] == []


def test_the_card_says_where_it_comes_from_and_how_it_was_checked(tmp_path: Path) -> None:
    model = picture_model()
    model.save(tmp_path / "model")
    worst = Check("golden 1", "scores", 3.2e-7, 1e-5)
    rows = [Row("wasm", "node", "Node 20", "relaxed", [worst]), Row("webgl", "chromium", failure="no browser | here")]
    hand_over(tmp_path / "model", tmp_path, command="webkiln page 'my model' -o out", parity=Report(model.name, rows))
    card = (tmp_path / "MODEL_CARD.md").read_text()
    description = json.loads((tmp_path / "model" / "model.json").read_text())
    for text in ("CC0-1.0", "tiny.tflite", "webkiln page 'my model' -o out", "3.2e-07", "| passed |", "FAILED: no browser \\| here", description["shards"][0]["sha256"]):
        assert text in card, text
    size = (tmp_path / "model" / "model.json").stat().st_size
    weights = sum(shard["bytes"] for shard in description["shards"] if shard["role"] == "weights")
    assert f"| `model.json` | {size:,} |" in card
    assert f"`model.json` and weights | {size + weights:,} |" in card
    assert "<script>" not in card
    assert "\\*No\\* one \\| \\`at all\\`" in card
    bare = numbers_model()
    bare.save(tmp_path / "rows")
    hand_over(tmp_path / "rows", tmp_path / "site")
    card = (tmp_path / "site" / "MODEL_CARD.md").read_text()
    assert "**Licence: not recorded.**" in card
    assert "Not verified when this card was written." in card


def test_texts_of_a_model_stay_text() -> None:
    assert json.loads(literal("</script><!-- \u2028 &")) == "</script><!-- \u2028 &"
    assert not set("<>&\u2028") & set(literal("</script><!-- \u2028 &"))
    assert comment("a */ b\n/* c") == "a * / b / * c"
    assert markdown("a|b\n<b> `c` [d](e)") == "a\\|b &lt;b&gt; \\`c\\` \\[d\\](e)"
    assert markdown_code("a`b") == "`` a`b ``"
    assert sentence("what it does") == "What it does."


def test_the_command(tmp_path: Path) -> None:
    numbers_model().save(tmp_path / "rows")
    ran = CliRunner().invoke(main, ["page", str(tmp_path / "rows"), "-o", str(tmp_path / "out"), "--single-file", "--title", "Rows of numbers"], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == PAGES | {"runtime", "model", "rows.html"}
    assert "passed" in ran.output
    assert "<h1>Rows of numbers</h1>" in (tmp_path / "out" / "index.html").read_text()
    card = (tmp_path / "out" / "MODEL_CARD.md").read_text()
    assert "| wasm (" in card
    assert "--single-file" in card
    again = CliRunner().invoke(main, ["page", str(tmp_path / "rows"), "-o", str(tmp_path / "out")])
    assert again.exit_code == 1
    assert "--force" in again.output
