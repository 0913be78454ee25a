"""Pages: strict content security policies, timeouts, what a failing page says."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from webkiln import BrowserError
from webkiln.browsers.chromium import find_chromium, launch_options
from webkiln.browsers.page import BrowserPage, PageHost
from webkiln.browsers.server import LocalServer

POLICY = '<meta http-equiv="Content-Security-Policy" content="default-src \'self\'">'


@pytest.fixture(scope="module")
def page() -> Iterator[BrowserPage]:
    made = BrowserPage("chromium", launch_options(find_chromium()))
    yield made
    made.close()


def test_waiting_under_a_strict_policy(page, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(POLICY + '<script src="later.js"></script>')
    (tmp_path / "later.js").write_text("setTimeout(() => { document.documentElement.dataset.state = 'ready'; }, 300)")
    with LocalServer({"/": tmp_path}) as server:
        page.open(server.url)
        page.wait_for("document.documentElement.dataset.state === 'ready'", 10)
        assert page.evaluate("globalThis.crossOriginIsolated") is True


def test_waiting_in_vain(page, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>")
    with LocalServer({"/": tmp_path}) as server:
        page.open(server.url)
        with pytest.raises(BrowserError, match=r"did not answer .*0\.2 s"):
            page.wait_for("globalThis.never", 0.2)


def test_other_servers_are_out_of_reach(page, tmp_path: Path) -> None:
    """The browser asks for nothing but what the local server has: names don't resolve, wherever the machine is."""
    (tmp_path / "index.html").write_text("<p>")
    with LocalServer({"/": tmp_path}) as server:
        page.open(server.url)
        fetched = f"fetch('http://localhost:{server.port}/').then(() => 'reached', (error) => error.name)"
        assert page.evaluate(fetched) == "TypeError"


def test_a_session_page_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<script>globalThis.webkilnFailure = 'no module here'</script>")
    page = BrowserPage("chromium", launch_options(find_chromium()))
    with LocalServer({"/": tmp_path}) as server, pytest.raises(BrowserError, match="no module here"):
        PageHost(page, server.url)
    with pytest.raises(BrowserError, match="closed"):  # nobody else has the page to close it
        page.evaluate("1")


def test_a_browser_that_does_not_start(tmp_path: Path) -> None:
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(BrowserError, match="Chromium"):
        BrowserPage("chromium", launch_options(str(program)))


def children() -> set[int]:
    """The processes that this one has started and that still run."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            except OSError:
                continue
            if int(parent) == os.getpid() and state != "Z":
                found.add(int(folder.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.1, 0.3, 0.5])
def test_a_start_that_is_given_up_leaves_no_driver(monkeypatch, seconds) -> None:
    """At every stage of it: before the driver runs, while it starts, while it starts the browser."""
    program, before = find_chromium(), children()
    monkeypatch.setattr("webkiln.browsers.page.LAUNCH_TIMEOUT", seconds)
    with contextlib.suppress(BrowserError):  # a quick machine may be done in half a second
        BrowserPage("chromium", launch_options(program)).close()
    assert children() == before


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_interrupted_close_ends_the_browser_all_the_same(monkeypatch) -> None:
    before = children()
    page = BrowserPage("chromium", launch_options(find_chromium()))
    thread = page._loop._thread
    join = thread.join

    def interrupted(timeout: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        page.close()
    join(20)
    assert children() == before
