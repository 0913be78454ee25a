#!/usr/bin/env python3
"""Prints what it costs to dequantize weights on loading, as the runtime does, and in the kernel, as it could.

    python benchmarks/dequantization.py [--build plain|relaxed] [--rounds N] [--memory]

Compiles the kernels together with a product that reads weights of 8 bits and widens them in its inner loop (dequantization.c.j2), and runs
both in turns in Node: GFLOP/s of the best round, and the ratio of the times in each round (over 1: widening in the kernel is slower).
`--memory` prints instead the peak memory of Node while it loads and runs 25 million weights stored in each way (on Linux).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from webkiln.browsers.node import find_node
from webkiln.codegen import wasm
from webkiln.codegen.paths import source_folder
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model
from webkiln.ops import OPERATORS

HERE = Path(__file__).parent
MATRICES, SIDE = 24, 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", choices=("plain", "relaxed"), default="relaxed")
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--memory", action="store_true", help="measure the memory of loading instead")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return show_memory(Path(folder)) if arguments.memory else show_times(Path(folder), arguments.build, arguments.rounds)


def show_times(folder: Path, build: str, rounds: int) -> int:
    """Compile the kernels with the variant, and run both in Node."""
    is_relaxed = build == "relaxed"
    environment = Environment(loader=FileSystemLoader([HERE, source_folder("wasm")]), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    variant = environment.get_template("dequantization.c.j2").render(relaxed=is_relaxed)
    source, module = folder / "kernels.c", folder / "kernels.wasm"
    source.write_text(wasm.render(OPERATORS, relaxed=is_relaxed) + variant)
    wasm.compile(source, module, is_relaxed)
    node = find_node()
    return subprocess.run([node.path, *node.flags, str(HERE / "dequantization.mjs"), str(module), str(rounds)]).returncode


def show_memory(folder: Path) -> int:
    """Write a model of square matrices in both kinds, and load and run each in a process of its own."""
    b = GraphBuilder()
    rng = np.random.default_rng(1)
    x = b.input("x", "f32", [1, SIDE])
    for _ in range(MATRICES):
        x = b.node("relu", [b.node("matmul", [x, b.constant(rng.normal(0, SIDE**-0.5, (SIDE, SIDE)).astype(np.float32))])])
    b.output(b.node("neg", [x], output="y"))
    model = Model(Bundle(b.graph, [Signature("main", [Argument("x", "x", "float32", (1, SIDE))], [Argument("y", "y", "float32", (1, SIDE))])]))
    print(f"{MATRICES * SIDE * SIDE / 1e6:.1f} million weights; MB")
    print(f"{'stored as':<10} {'files':>7} {'floats':>7} {'before':>7} {'peak':>7} {'added':>7}")
    for kind in ("f32", "f16", "int8", "int4"):
        model.quantized(kind).save(folder / kind)
        files = sum(path.stat().st_size for path in (folder / kind).iterdir() if path.name != "golden.safetensors")
        done = subprocess.run([find_node().path, str(HERE / "load_memory.mjs"), str(folder / kind)], capture_output=True, text=True)
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            return done.returncode
        before, peak = map(float, done.stdout.split())
        print(f"{kind:<10} {files / 1e6:>7.0f} {MATRICES * SIDE * SIDE * 4 / 1e6:>7.0f} {before:>7.0f} {peak:>7.0f} {peak - before:>7.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
