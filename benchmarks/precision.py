#!/usr/bin/env python3
"""Prints what each precision of the weights costs and gives: bytes, error against float32, milliseconds in Node.

    python benchmarks/precision.py [--models FOLDER] [--milliseconds] [MODEL ...]

MODEL is a name of the gallery or a file; by default pose_landmark_lite, face_landmark, movenet_lightning, and YOLOX-Nano from FOLDER,
where `*/ref_*.npz` also hold inputs for some (arrays `in:NAME`). Models without such inputs are measured on generated ones.

`folder` is all of it, golden vectors included; `sent` the same with model.json compressed, as servers send it (other files as they are), and
`download` that without the golden vectors, which pages do not fetch; both with their shares of float32's. Exit status 1 when the download of int8 of
a default model is over 27 %.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from webkiln import gallery
from webkiln.browsers.session import Session
from webkiln.commands.sources import convert_source
from webkiln.model import Model
from webkiln.parity.inputs import fresh_inputs
from webkiln.precision.tradeoff import GZIP_LEVEL
from webkiln.webformat.write import files

DEFAULT = ("pose_landmark_lite", "face_landmark", "yolox_nano", "movenet_lightning")
FILES = {"yolox_nano": "yolox_nano/yolox_nano.onnx"}
INPUTS = {"pose_landmark_lite": "pose_blazepose", "face_landmark": "face_mesh", "yolox_nano": "yolox_nano"}
LIMIT = 0.27


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


def find(name: str, models: Path | None) -> tuple[str | None, list[dict[str, np.ndarray]] | None]:
    """Where the model is, and its reference inputs, as far as there are any."""
    source: str | None = name
    if models is not None and name in FILES:
        source = str(models / FILES[name])
    elif not Path(name).exists() and name not in gallery.RECIPES:
        source = None
    reference = models / INPUTS[name] / f"ref_{name}.npz" if models is not None and name in INPUTS else None
    if reference is None or not reference.is_file():
        return source, None
    with np.load(reference) as arrays:
        return source, [{key[3:]: arrays[key] for key in arrays.files if key.startswith("in:")}]


def show(name: str, model: Model, samples: Sequence[Mapping[str, Any]] | None, with_time: bool) -> float:
    """Print the table of a model; the share of int8."""
    print(f"\n{name}, measured on {'its reference input' if samples else 'a generated input'}")
    print(f"{'precision':<10} {'folder':>10} {'sent':>10} {'':>6} {'download':>10} {'':>6} {'all gzip':>10} {'error':>8}  {'worst output':<14} {'ms':>7} {'s':>5}", flush=True)
    began = time.perf_counter()
    all_sent: dict[str, int] = {}
    downloads: dict[str, int] = {}
    for row in model.trade_off(samples, milliseconds=timed if with_time else None):
        contents = files(model.quantized(row.precision).bundle)
        folder, packed = sum(map(len, contents.values())), {name: len(gzip.compress(data, GZIP_LEVEL)) for name, data in contents.items()}
        sent = folder - len(contents["model.json"]) + packed["model.json"]
        all_sent[row.precision], downloads[row.precision] = sent, sent - len(contents.get("golden.safetensors", b""))
        shares = [one[row.precision] / one["f32"] for one in (all_sent, downloads)]
        taken = f"{row.milliseconds:7.2f}" if row.milliseconds is not None else f"{'':7}"
        print(
            f"{row.precision:<10} {folder:>10,} {sent:>10,} {shares[0]:>6.1%} {downloads[row.precision]:>10,} {shares[1]:>6.1%} {sum(packed.values()):>10,} "
            f"{row.error:>8.1e}  {row.output[:14]:<14} {taken} {time.perf_counter() - began:>5.1f}",
            flush=True,
        )
    return downloads["int8"] / downloads["f32"]


def timed(model: Model) -> float:
    """The median of single runs in WASM in Node."""
    with Session(backend="wasm", browser="node") as session:
        return session.bench(model, fresh_inputs(model, 1)).median


if __name__ == "__main__":
    sys.exit(main())
