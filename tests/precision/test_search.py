"""The error against float32, the smallest storage that keeps a bound, pruning, and the rows of the table."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from precision_models import classifier, two_layers
from webkiln.errors import InputError, WebkilnError
from webkiln.model import Model
from webkiln.precision.weights import constants_of, kind_of, weights_bytes
from webkiln.webformat.write import files


@pytest.fixture(scope="module")
def model() -> Model:
    return classifier()


@pytest.fixture(scope="module")
def samples() -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(4)
    return [{"picture": rng.uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)} for _ in range(2)]


def worst(model: Model, exact: Model, samples) -> float:
    """The error, measured by running the models themselves."""
    found = 0.0
    for inputs in samples:
        wanted, got = exact.run(inputs), model.run(inputs)
        found = max(found, float(np.abs(wanted["scores"] - got["scores"]).max()))  # probabilities as such
        found = max(found, float(np.abs(wanted["logits"] - got["logits"]).max() / np.abs(wanted["logits"]).max()))
    return found


@pytest.mark.parametrize("kind", ["f16", "uint16", "int8", "uint8", "int4"])
def test_errors_are_what_runs_give(model: Model, samples, kind: str) -> None:
    changed = model.quantized(kind)
    errors = changed.errors_against(model, samples)
    assert max(errors.values()) == pytest.approx(worst(changed, model, samples), rel=1e-6)
    assert 0 < max(errors.values()) < {"f16": 1e-2, "uint16": 1e-3, "int8": 0.2, "uint8": 0.2, "int4": 2}[kind]
    assert {kind_of(one) for one in constants_of(model.graph)} == {"f32"}


def test_the_bound_is_kept_and_used(model: Model, samples) -> None:
    sizes = []
    for bound in (0.3, 0.05, 0.01, 0.001):
        changed = model.quantized(max_error=bound, samples=samples)
        assert worst(changed, model, samples) <= bound
        sizes.append(weights_bytes(changed.graph))
    assert sizes == sorted(sizes)
    assert len(set(sizes)) >= 3
    # At least as good as the best single precision that keeps the bound.
    single = min(weights_bytes(one.graph) for kind in ("f32", "f16", "uint16", "int8", "int4") if worst(one := model.quantized(kind), model, samples) <= 0.05)
    assert sizes[1] <= single


def test_a_layer_that_matters_keeps_its_bits() -> None:
    model = two_layers()
    kinds = {name: kind_of(one) for name, one in model.quantized(max_error=0.002).graph.constants.items() if one.array.size > 1}
    assert kinds["matters"] in ("f16", "uint16")
    assert kinds["hardly"] == "int4"


def test_no_error_means_nothing_lossy(model: Model, samples) -> None:
    assert worst(model.quantized(max_error=0, samples=samples), model, samples) == 0


def test_the_fewest_bits_may_be_told(model: Model, samples) -> None:
    changed = model.quantized("int8", max_error=10, samples=samples)
    assert {kind_of(one) for name, one in changed.graph.constants.items() if name in ("dense 1", "dense 2")} <= {"int8", "uint8"}


def test_time_is_bounded_and_the_bound_still_kept(model: Model, samples) -> None:
    notes: list[str] = []
    changed = model.quantized(max_error=0.05, samples=samples, seconds=0, note=notes.append)
    assert worst(changed, model, samples) <= 0.05
    assert not any("measuring layer" in note for note in notes)
    model.quantized(max_error=0.05, samples=samples, note=notes.append)
    assert any("measuring layer 1 of 5" in note for note in notes)


@pytest.mark.parametrize("kind", [None, "f16", "int8", "int4"])
def test_pruning(model: Model, samples, kind: str | None) -> None:
    pruned = model.quantized(kind, prune=0.75)
    for name in ("dense 1", "dense 2", "kernel"):
        before, after = model.graph.constants[name].array, pruned.graph.constants[name].array
        kept = np.abs(before) > np.sort(np.abs(before).reshape(-1))[int(0.75 * before.size) - 1]
        assert (after[~kept] == 0).all()
        if kind is None:
            np.testing.assert_array_equal(after[kept], before[kept])
            assert kind_of(pruned.graph.constants[name]) == "sparse f32"
    dense = model.quantized(kind)
    assert weights_bytes(pruned.graph) < weights_bytes(dense.graph) * (0.8 if kind == "int4" else 0.6)
    assert max(pruned.errors_against(model, samples).values()) == pytest.approx(worst(pruned, model, samples), rel=1e-6)


def test_pruning_counts_in_the_bound(model: Model, samples) -> None:
    alone = worst(model.quantized(prune=0.2), model, samples)
    changed = model.quantized(max_error=2 * alone, prune=0.2, samples=samples)
    assert worst(changed, model, samples) <= 2 * alone
    with pytest.raises(WebkilnError, match=r"before any weight is stored in fewer bits \(by pruning\)"):
        model.quantized(max_error=alone / 2, prune=0.2, samples=samples)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "f8"}, "no precision 'f8'; known"),
        ({"kind": "f8", "max_error": 1}, "no precision 'f8'; known"),
        ({"max_error": -1}, "a largest error of -1 cannot be kept"),
        ({"max_error": float("nan")}, "cannot be kept"),
        ({"prune": 1}, "a sparsity of 1 cannot be had"),
        ({"prune": float("nan")}, "cannot be had"),
    ],
)
def test_what_cannot_be_done_is_told(model: Model, arguments, message) -> None:
    with pytest.raises(WebkilnError, match=message):
        model.quantized(**arguments)


def test_the_rows_of_the_table(model: Model, samples) -> None:
    timed: list[Model] = []
    notes: list[str] = []

    def milliseconds(one: Model) -> float:
        timed.append(one)
        return float(len(timed))

    rows = []
    for row in model.trade_off(samples, milliseconds=milliseconds, note=notes.append):
        rows.append(row)
        assert len(timed) == len(rows), "a row comes as soon as it is measured"
    assert [row.precision for row in rows] == ["f32", "f16", "uint16", "int8", "uint8", "int4"]
    assert [row.milliseconds for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[0].error == 0
    assert rows[0].top1 == 1
    for row in rows[1:]:
        changed = model.quantized(row.precision)
        contents = files(changed.bundle, golden=False)
        assert row.bytes == sum(map(len, contents.values()))
        assert row.gzip_bytes == sum(len(gzip.compress(data, 6)) for data in contents.values())
        errors = changed.errors_against(model, samples)
        assert row.error == pytest.approx(max(errors.values()))
        assert errors[row.output] == max(errors.values())
        agreement = [changed.run(one)["scores"].argmax(1) == model.run(one)["scores"].argmax(1) for one in samples]
        assert row.top1 == pytest.approx(np.mean(agreement))
    assert notes[:3] == ["f32: storing", "f32: running 2 samples", "f32: timing"]
    assert rows[0].bytes > rows[1].bytes > rows[3].bytes > rows[5].bytes


def test_generated_samples_and_wrong_ones(model: Model) -> None:
    errors = model.quantized("int8").errors_against(model)
    assert set(errors) == {"scores", "logits"}
    assert 0 < max(errors.values()) < 0.5
    with pytest.raises(InputError, match="'picture' has shape"):
        model.quantized(max_error=0.1, samples=[{"picture": np.zeros((1, 3), np.float32)}])
