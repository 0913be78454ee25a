"""Sessions: what goes in and comes out, errors, clean-up; in Node everywhere, in browsers where they are installed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from webkiln import BrowserError, FormatError, HashError, InputError, Session
from webkiln.browsers import session as session_module
from webkiln.browsers.chromium import find_chromium
from webkiln.browsers.firefox import find_firefox
from webkiln.browsers.host import exception_of
from webkiln.browsers.session import KEPT_MODELS
from webkiln.browsers.webkit import find_webkit
from webkiln.errors import UnsupportedOperatorError

FINDERS = {"chromium": find_chromium, "firefox": find_firefox, "webkit": find_webkit}


@pytest.fixture(scope="module")
def node() -> Iterator[Session]:
    with Session(backend="wasm", browser="node") as session:
        yield session


@pytest.mark.parametrize("browser", ["node", "chromium", "firefox", "webkit"])
def test_every_host_runs_traces_and_measures(scale, browser) -> None:
    if browser in FINDERS:
        try:
            FINDERS[browser]()
        except BrowserError as error:
            if browser == "chromium":  # the tests install one
                raise
            pytest.skip(str(error))
    model = scale()
    x = np.arange(6, dtype=np.float32).reshape(2, 3) - 2.5
    with Session(browser=browser) as session:
        outputs = session.run(model, {"x": x})
        assert list(outputs) == ["y", "z"]
        np.testing.assert_array_equal(outputs["y"], x * 2)
        np.testing.assert_array_equal(outputs["z"], x * 4)
        traced = session.trace(model, {"x": x})
        assert traced.keys() == model.trace({"x": x}).keys()
        np.testing.assert_array_equal(traced["z"], x * 4)
        assert len(session.bench(model, {"x": x}, warmup=1, runs=7).samples) == 7
        assert session.verify(model)["passed"] is True
        assert len(session.profile(model)["segments"]) == 1
        assert session.build(model)[0] == "wasm"
        assert any(letter.isdigit() for letter in session.description)


@pytest.mark.parametrize(
    ("dtype", "given"),
    [
        ("float32", "float32"),
        ("float32", "float64"),
        ("float32", "int64"),
        ("float16", "float16"),
        ("float64", "float64"),
        ("int64", "int64"),
        ("int32", "int64"),
        ("int16", "int16"),
        ("uint32", "uint32"),
    ],
)
def test_outputs_have_the_dtype_of_the_source(node, scale, dtype, given) -> None:
    model = scale(dtype)
    x = np.array([[0, 1, 2], [3, 4, 5]], given)
    outputs = node.run(model, {"x": x})
    expected = model.run({"x": x})
    for name in ("y", "z"):
        assert outputs[name].dtype == expected[name].dtype == np.dtype(dtype)
        np.testing.assert_array_equal(outputs[name], expected[name])


def test_special_values_come_through(node, scale) -> None:
    model = scale(shape=(5,))
    x = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45], np.float32)
    outputs, expected = node.run(model, {"x": x}), model.run({"x": x})
    np.testing.assert_array_equal(outputs["y"].view(np.int32)[1:], expected["y"].view(np.int32)[1:])
    assert np.isnan(outputs["y"][0])


def test_empty_and_scalar_shapes(node, scale) -> None:
    assert node.run(scale(shape=(0, 3)), {"x": np.zeros((0, 3), np.float32)})["y"].shape == (0, 3)
    assert node.run(scale(shape=()), {"x": np.float32(3)})["z"] == 12


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "'x' is missing"),
        ({"x": np.zeros((2, 3), np.float32), "extra": 1}, "no input 'extra'"),
        ({"x": np.zeros((3, 2), np.float32)}, r"shape \[3, 2\], wanted \[2, 3\]"),
        ({"x": np.zeros((2, 3), np.complex64)}, "dtype complex64, wanted float32"),
        ({"x": np.full((2, 3), "a")}, "wanted float32"),
    ],
)
def test_wrong_inputs_are_refused_before_they_are_sent(node, scale, inputs, message) -> None:
    with pytest.raises(InputError, match=message):
        node.run(scale(), inputs)


def test_integers_out_of_range(node, scale) -> None:
    with pytest.raises(InputError, match="does not fit in 32 bits"):
        node.run(scale("int64"), {"x": np.full((2, 3), 2**40)})


def test_a_model_is_loaded_once_and_the_oldest_goes(scale) -> None:
    x = {"x": np.ones((2, 3), np.float32)}
    with Session(browser="node") as session:
        calls: list[str] = []
        call = session._host.call

        def counted(method, arguments, timeout):
            calls.append(method)
            return call(method, arguments, timeout)

        session._host.call = counted
        first = scale()
        for _ in range(3):
            session.run(first, x)
        assert calls == ["load", "run", "run", "run"]
        for factor in range(40):
            np.testing.assert_array_equal(session.run(scale(factor=factor), x)["y"], x["x"] * factor)
        assert calls.count("load") == 41
        assert calls.count("dispose") == 41 - KEPT_MODELS
        assert len(list(session._folder.iterdir())) == KEPT_MODELS
        np.testing.assert_array_equal(session.run(first, x)["y"], 2 * x["x"])


def test_folders(node, scale, tmp_path) -> None:
    scale(factor=5).save(tmp_path / "model")
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(node.run(tmp_path / "model", {"x": x})["y"], 5 * x)
    np.testing.assert_array_equal(node.run(str(tmp_path / "model"), {"x": x})["y"], 5 * x)
    with pytest.raises(FormatError, match=r"no model\.json"):
        node.run(tmp_path, {"x": x})


def test_errors_of_the_host_keep_their_kind(node, scale, tmp_path, monkeypatch) -> None:
    model = scale()
    model.save(tmp_path / "model")
    shard = next((tmp_path / "model").glob("weights-*.safetensors"))
    damaged = bytearray(shard.read_bytes())
    damaged[-1] ^= 1
    shard.write_bytes(damaged)
    monkeypatch.setattr(session_module, "load", lambda folder: model)  # so that only the host reads the folder
    with pytest.raises(HashError, match="sha256"):
        node.run(tmp_path / "model", {"x": np.ones((2, 3), np.float32)})


def test_kinds_of_errors() -> None:
    assert isinstance(exception_of({"kind": "InputError", "message": "m"}, "Node"), InputError)
    unsupported = exception_of({"kind": "UnsupportedOperatorError", "message": "m"}, "Node")
    assert isinstance(unsupported, UnsupportedOperatorError)
    assert str(unsupported) == "m"
    other = exception_of({"kind": "RangeError", "message": "m"}, "Node 20")
    assert type(other) is BrowserError
    assert str(other) == "Node 20: RangeError: m"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backend": "webgpu"}, "not in this version"),
        ({"backend": "cuda"}, "no backend 'cuda'; known: auto, wasm, webgl"),
        ({"browser": "mosaic"}, "no browser 'mosaic'; known: node, chromium"),
    ],
)
def test_unknown_backends_and_browsers(arguments, message) -> None:
    with pytest.raises(BrowserError, match=message):
        Session(**arguments)


def test_no_browser_on_the_machine(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WEBKILN_CHROMIUM", "PLAYWRIGHT_BROWSERS_PATH", "XDG_CACHE_HOME", "WEBKILN_CACHE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BrowserError, match="playwright install chromium"):
        Session(browser="chromium")


def test_a_host_that_hangs_is_given_up(scale) -> None:
    for browser in ("node", "chromium"):
        began = time.monotonic()
        with Session(browser=browser) as session:
            session.run(scale(), {"x": np.ones((2, 3), np.float32)})
            session.timeout = 1.0
            with pytest.raises(BrowserError, match=r"did not answer 'bench' within 1\.5 s"):
                # The host's own clock would let it run for half a second; the model is made to take longer than that.
                session._call("bench", _endless(session), 1.5)
        assert time.monotonic() - began < 60


def _endless(session: Session) -> dict:
    """Arguments of a benchmark that doesn't end."""
    loaded = next(iter(session._models.values()))
    inputs = session._server.put(session_module._packed(loaded.model, {"x": np.ones((2, 3), np.float32)}))
    return {"id": loaded.number, "inputs": inputs, "warmup": 10**12, "runs": 1, "seconds": 1}


def test_a_host_that_dies_is_reported(scale) -> None:
    with Session(browser="node") as session:
        os.kill(session._host._process.pid, signal.SIGKILL)
        with pytest.raises(BrowserError, match="ended with status -9"):
            session.run(scale(), {"x": np.ones((2, 3), np.float32)})


def test_a_page_that_crashes_is_reported(scale) -> None:
    with Session(browser="chromium") as session:
        page = session._host._page
        began = time.monotonic()
        with pytest.raises(BrowserError, match="crashed"):
            page.evaluate("new Promise(() => {})", timeout=30) if _crash(page) else None
        assert time.monotonic() - began < 25


def _crash(page) -> bool:
    """Send the page to Chromium's own address for crashing, without waiting for it."""
    import asyncio

    asyncio.run_coroutine_threadsafe(page._page.goto("chrome://crash"), page._loop._loop)
    return True


def test_closed_sessions_say_so(scale) -> None:
    session = Session(browser="node")
    folder = session._folder
    session.close()
    session.close()
    assert not folder.exists()
    with pytest.raises(BrowserError, match="closed"):
        session.run(scale(), {"x": np.ones((2, 3), np.float32)})


def processes() -> set[str]:
    """Command lines of all running processes, with their ids."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            except OSError:
                continue
            if line:
                found.add(f"{folder.name} {line}")
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("end", ["exit", "raise", "interrupt", "forget"])
@pytest.mark.parametrize("browser", ["node", "chromium"])
def test_nothing_is_left_behind(tmp_path, browser, end) -> None:
    """Whatever the end, the process's browser and its temporary folders go with it."""
    script = f"""
        import os, sys, time
        from webkiln import Session
        session = Session(browser={browser!r})
        print("ready", flush=True)
        if {end!r} == "raise":
            with session:
                raise RuntimeError
        if {end!r} == "interrupt":
            with session:
                time.sleep(60)
        if {end!r} == "forget":
            sys.exit(0)
        session.close()
    """
    marked = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], env=marked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    if end == "interrupt":
        process.send_signal(signal.SIGINT)
    process.wait(60)
    deadline = time.monotonic() + 10
    while (left := [line for line in processes() if str(tmp_path) in line]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("webkiln")] == []


def test_two_browsers_at_once_and_inside_a_running_loop(scale) -> None:
    import asyncio

    x = {"x": np.ones((2, 3), np.float32)}

    async def work() -> tuple[np.ndarray, np.ndarray]:
        with Session(browser="chromium") as one, Session(browser="chromium") as two:
            return one.run(scale(), x)["y"], two.run(scale(factor=3), x)["y"]

    first, second = asyncio.run(work())
    np.testing.assert_array_equal(second - first, x["x"])


def test_sessions_need_no_playwright_for_node(tmp_path) -> None:
    script = "import sys; sys.modules['playwright'] = None; from webkiln import Session; Session(browser='node').close()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": tempfile.gettempdir()}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == 0
