#!/usr/bin/env python3
"""Prints what each precision of the weights costs and gives: bytes, error against float32, milliseconds in Node.

    python benchmarks/precision.py [--models FOLDER] [--milliseconds] [MODEL ...]

MODEL is a name of the gallery or a file; by default pose_landmark_lite, face_landmark, movenet_lightning, and YOLOX-Nano from FOLDER,
where `*/ref_*.npz` also hold inputs for some (arrays `in:NAME`): a face, and a picture with things to detect. Models of bodies are measured on the
picture of a person of the pose demo, others without inputs on generated ones.

`moved` is how far the key points that float32 gives a score of at least 0.3, or the corners of its boxes, move in pixels of the picture: mean and
largest; `plain` the mean without the correction of biases.

`folder` is all of it, golden vectors included; `sent` the same with model.json compressed, as servers send it (other files as they are), and
`download` that without the golden vectors, which pages do not fetch; both with their shares of float32's. Exit status 1 when the download of int8 of
a default model is over 27 %.
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from webkiln import gallery, results
from webkiln.browsers.session import Session
from webkiln.commands.sources import convert_source
from webkiln.model import Model
from webkiln.parity.inputs import fresh_inputs
from webkiln.precision.tradeoff import GZIP_LEVEL
from webkiln.precision.weights import quantize_weights
from webkiln.webformat.write import files

DEFAULT = ("pose_landmark_lite", "face_landmark", "yolox_nano", "movenet_lightning")
FILES = {"yolox_nano": "yolox_nano/yolox_nano.onnx"}
INPUTS = {"face_landmark": "face_mesh", "yolox_nano": "yolox_nano"}
PICTURES = dict.fromkeys(("pose_landmark_lite", "movenet_lightning"), Path(__file__).parent.parent / "demos" / "pose" / "person.jpg")
LIMIT = 0.27
SEEN = 0.3
YOLOX = (1, 3549, 85)  # the shape of its output


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, help="a folder with models and reference inputs")
    parser.add_argument("--milliseconds", action="store_true", help="also time each in WASM in Node")
    parser.add_argument("model", nargs="*")
    arguments = parser.parse_args()
    exceeded = []
    for name in arguments.model or DEFAULT:
        source, samples = find(name, arguments.models)
        if source is None:
            print(f"{name}: left out, it is no model of the gallery and --models has no file of it")
            continue
        share = show(name, convert_source(source, lambda text: None), samples, arguments.milliseconds)
        if name in DEFAULT and share > LIMIT:
            exceeded.append(name)
    if exceeded:
        print(f"error: int8 is over {LIMIT:.0%} of float32: {', '.join(exceeded)}", file=sys.stderr)
    return 1 if exceeded else 0


def find(name: str, models: Path | None) -> tuple[str | None, list[dict[str, Any]] | None]:
    """Where the model is, and inputs for it, as far as there are any."""
    source: str | None = name
    if models is not None and name in FILES:
        source = str(models / FILES[name])
    elif not Path(name).exists() and name not in gallery.RECIPES:
        source = None
    if name in PICTURES:
        return source, [{"": PICTURES[name]}]
    reference = models / INPUTS[name] / f"ref_{name}.npz" if models is not None and name in INPUTS else None
    if reference is None or not reference.is_file():
        return source, None
    with np.load(reference) as arrays:
        return source, [{key[3:]: arrays[key] for key in arrays.files if key.startswith("in:")}]


def show(name: str, model: Model, samples: Sequence[Mapping[str, Any]] | None, with_time: bool) -> float:
    """Print the table of a model; the share of int8. An input without a name is the first one."""
    samples = samples and [{key or model.inputs[0].name: value for key, value in one.items()} for one in samples]
    print(f"\n{name}, measured on {'a picture' if samples else 'a generated input'}")
    print(f"{'precision':<10} {'folder':>10} {'sent':>10} {'':>6} {'download':>10} {'':>6} {'all gzip':>10} {'error':>8}  {'worst output':<14} {'moved':>7} {'':>7} {'plain':>7} {'ms':>7} {'s':>5}", flush=True)
    began = time.perf_counter()
    all_sent: dict[str, int] = {}
    downloads: dict[str, int] = {}
    for row in model.trade_off(samples, milliseconds=timed if with_time else None):
        stored = model.quantized(row.precision)
        plain = Model(dataclasses.replace(model.bundle, graph=quantize_weights(model.graph, row.precision)))
        moved = [pixels(model, one, samples[0]) if samples else None for one in (stored, plain)]
        contents = files(stored.bundle)
        folder, packed = sum(map(len, contents.values())), {name: len(gzip.compress(data, GZIP_LEVEL)) for name, data in contents.items()}
        sent = folder - len(contents["model.json"]) + packed["model.json"]
        all_sent[row.precision], downloads[row.precision] = sent, sent - len(contents.get("golden.safetensors", b""))
        shares = [one[row.precision] / one["f32"] for one in (all_sent, downloads)]
        taken = f"{row.milliseconds:7.2f}" if row.milliseconds is not None else f"{'':7}"
        print(
            f"{row.precision:<10} {folder:>10,} {sent:>10,} {shares[0]:>6.1%} {downloads[row.precision]:>10,} {shares[1]:>6.1%} {sum(packed.values()):>10,} "
            f"{row.error:>8.1e}  {row.output[:14]:<14} {shown(moved[0])} {shown(moved[1])[:7]} {taken} {time.perf_counter() - began:>5.1f}",
            flush=True,
        )
    return downloads["int8"] / downloads["f32"]


def shown(moved: np.ndarray | None) -> str:
    """Mean and largest."""
    return f"{'':15}" if moved is None or not moved.size else f"{moved.mean():7.2f} {moved.max():7.2f}"


def pixels(exact: Model, other: Model, inputs: Mapping[str, Any]) -> np.ndarray | None:
    """How far each key point, or corner of a box, that the exact model sees is from that of the other; None for other models."""
    wanted, received = (one.run(inputs) for one in (exact, other))
    if [one.shape for one in exact.outputs] == [YOLOX]:
        corners, scores = boxes(wanted[exact.outputs[0].name])
        moved = np.linalg.norm(boxes(received[exact.outputs[0].name])[0] - corners, axis=-1)
        return np.asarray(moved[scores >= SEEN]).reshape(-1)
    lists = [[one["points"] for one in results(model, outputs, inputs).values() if "points" in one] for model, outputs in ((exact, wanted), (other, received))]
    if not lists[0]:
        return None
    pairs = zip(lists[0][0], lists[1][0], strict=True)
    return np.asarray([np.hypot(a["x"] - b["x"], a["y"] - b["y"]) for a, b in pairs if a.get("visibility", a.get("score", 1.0)) >= SEEN])


def boxes(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners [n, 2, 2] in pixels and scores of YOLOX's output, whose rows are cells of three grids: an offset from the cell and the logarithm
    of the size, in cells, a probability of a thing, and of each class (Ge et al., "YOLOX: Exceeding YOLO Series in 2021")."""
    cells = [(x, y, step) for step in (8, 16, 32) for y in range(416 // step) for x in range(416 // step)]
    grid = np.asarray(cells, np.float64)
    centre, size = (raw[0, :, :2] + grid[:, :2]) * grid[:, 2:], np.exp(raw[0, :, 2:4].astype(np.float64)) * grid[:, 2:]
    return np.stack([centre - size / 2, centre + size / 2], axis=1), raw[0, :, 4] * raw[0, :, 5:].max(axis=1)


def timed(model: Model) -> float:
    """The median of single runs in WASM in Node."""
    with Session(backend="wasm", browser="node") as session:
        return session.bench(model, fresh_inputs(model, 1)).median


if __name__ == "__main__":
    sys.exit(main())
