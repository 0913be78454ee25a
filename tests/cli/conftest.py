"""A model in the web format, and a way to call the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from webkiln.cli import main
from webkiln.graph.build import GraphBuilder
from webkiln.graph.bundle import Bundle
from webkiln.graph.signature import Argument, Signature
from webkiln.model import Model

Call = Callable[..., Result]


@pytest.fixture
def call() -> Call:
    """`call("verify", path)`: the result, with `exit_code`, `stdout`, `stderr`."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="webkiln")

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved model: `mixed = tanh(image · weight)`."""
    builder = GraphBuilder()
    x = builder.input("image", "f32", [1, 8])
    weight = np.random.default_rng(1).normal(size=(8, 4)).astype(np.float32)
    product = builder.node("matmul", [x, builder.constant(weight, "weight")], name="dense")
    y = builder.node("tanh", [product], name="activation", output="mixed")
    builder.output(y)
    signature = Signature("main", [Argument("image", x, "float32", (1, 8))], [Argument("mixed", y, "float32", (1, 4))])
    bundle = Bundle(builder.graph, [signature], name="tiny", provenance={"licence": "CC0-1.0"})
    Model(bundle).save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def edit(folder: Path) -> Callable[[Callable[[dict], None]], Path]:
    """`edit(change)`: change model.json in place, as someone with an editor would."""

    def apply(change: Callable[[dict], None]) -> Path:
        file = folder / "model.json"
        model = json.loads(file.read_text())
        change(model)
        file.write_text(json.dumps(model))
        return folder

    return apply
