"""The plain build is deterministic: the same commands give the same bits in wasmtime, Node and Chromium."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wasmtime
from webkiln import Model, Session, gallery
from webkiln.browsers.session import _packed
from webkiln.codegen.paths import dist_folder
from webkiln.webformat.golden import generated_inputs

PAGE_BYTES = 65536
DTYPES = {"f32": np.float32, "i32": np.int32, "u8": np.uint8, "i8": np.int8, "bool": np.uint8}


def snapshot(session: Session, model: Model, inputs: dict[str, np.ndarray]) -> tuple[bytes, dict]:
    """The memory as it is before a run, and which commands then run."""
    server = session._server
    given, memory = server.put(_packed(model, inputs)), server.reserve()
    number = session._loaded(model).number
    told = session._call("snapshot", {"id": number, "inputs": given, "memory": memory})
    return server.take(memory), told


def run_in_wasmtime(module: Path, memory_bytes: bytes, told: dict) -> dict[str, np.ndarray]:
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    pages = len(memory_bytes) // PAGE_BYTES
    memory = wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(pages, PAGE_BYTES)))
    instance = wasmtime.Instance(store, wasmtime.Module.from_file(engine, str(module)), [memory])
    memory.write(store, memory_bytes, 0)
    instance.exports(store)["run"](store, told["begin"], told["end"])
    outputs = {}
    for output in told["outputs"]:
        dtype = np.dtype(DTYPES[output["dtype"]])
        size = int(np.prod(output["shape"], dtype=np.int64)) * dtype.itemsize
        content = bytes(memory.read(store, output["address"], output["address"] + size))
        outputs[output["name"]] = np.frombuffer(content, dtype).reshape(output["shape"])
    return outputs


@pytest.mark.parametrize("name", ["face_landmark", "iris_landmark"])
def test_same_bits_everywhere(name: str) -> None:
    model = gallery.convert(name)
    inputs = generated_inputs(model.bundle, model.signature, 11, {})
    with Session(backend="wasm", browser="node", relaxed=False) as session:
        in_node = session.run(model, inputs)
        memory_bytes, told = snapshot(session, model, inputs)
    with Session(backend="wasm", browser="chromium", relaxed=False) as session:
        in_chromium = session.run(model, inputs)
    in_wasmtime = run_in_wasmtime(dist_folder() / "webkiln-plain.wasm", memory_bytes, told)
    assert sorted(in_wasmtime) == sorted(in_node) == sorted(in_chromium)
    for key, expected in in_wasmtime.items():
        assert expected.size
        np.testing.assert_array_equal(in_node[key].view(np.uint32), expected.view(np.uint32))
        np.testing.assert_array_equal(in_chromium[key].view(np.uint32), expected.view(np.uint32))
