"""The single file, where nothing can be fetched: from disk, and in a sandboxed frame of an opaque origin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import webkiln
from handed_models import ATTACK
from handed_pages import Visits
from webkiln.handover.facts import plain_name

Handed = Callable[[str], Path]


def single(folder: Path) -> Path:
    return next(path for path in folder.glob("*.html") if path.name not in ("index.html", "verify.html"))


@pytest.mark.parametrize("where", ["disk", "frame"])
def test_it_needs_nothing_but_itself(visits: Visits, handed: Handed, tmp_path: Path, where: str) -> None:
    file = tmp_path / "alone.html"
    file.write_bytes(single(handed("picture")).read_bytes())
    visit = visits.disk(file) if where == "disk" else visits.frame(file, tmp_path)
    visit.wait()
    assert visit.requests == [visit.origin] or [url for url in visit.requests if not url.startswith(("data:", "about:"))] == [visit.origin]
    assert visit.said == []
    assert visit.frame.evaluate("globalThis.origin") == "null"
    assert visit.frame.evaluate("globalThis.crossOriginIsolated") is False
    assert visit.frame.evaluate("window.injected") is None
    assert ATTACK in visit.frame.inner_text("h1")
    assert visit.frame.locator(".labels li").count() == 3
    by_wasm = visit.frame.evaluate("Array.from(webkilnPage.outputs.scores)")
    visit.after(lambda: visit.frame.get_by_role("radio", name="WebGL").press("Space"))  # a click may miss what a frame has just scrolled
    assert visit.seen("backend") == "webgl"
    np.testing.assert_allclose(visit.frame.evaluate("Array.from(webkilnPage.outputs.scores)"), by_wasm, atol=1e-4)
    visit.frame.click("#verify")
    visit.frame.wait_for_selector(".verdict", timeout=60_000)
    assert visit.frame.inner_text(".verdict").startswith("Passed")


def test_it_gives_what_numpy_gives(visits: Visits, handed: Handed) -> None:
    visit = visits.disk(single(handed("numbers")))
    visit.wait()
    visit.frame.get_by_label("N", exact=True).fill("1")
    visit.after(lambda: visit.frame.get_by_label("N", exact=True).blur())
    visit.frame.get_by_label("features").fill("1 2 3 4")
    visit.after(lambda: visit.frame.get_by_label("features").blur())
    expected = webkiln.load(handed("numbers") / "model").run({"features": np.array([[1, 2, 3, 4]], np.float32)})["result"]
    np.testing.assert_allclose(visit.frame.evaluate("Array.from(webkilnPage.outputs.result)"), expected[0], atol=1e-5)


def test_pasted_into_the_body_of_another_page(visits: Visits, handed: Handed, tmp_path: Path) -> None:
    """As playgrounds do, which give a document of their own: its tags for the document are then dropped."""
    file = tmp_path / "pasted.html"
    file.write_text(f"<!doctype html><html><head><title>A playground</title></head><body>{single(handed('numbers')).read_text()}</body></html>")
    visit = visits.disk(file)
    visit.wait()
    assert visit.seen("runs") == 1


@pytest.mark.parametrize(
    ("name", "plain"), [("pose", "pose"), ("a/b\\c", "a_b_c"), ("../..", "model"), ("", "model"), ("index", "model_index"), ("模型", "model"), ("x" * 200, "x" * 80)]
)
def test_its_name_is_plain(name: str, plain: str) -> None:
    assert plain_name(name) == plain
