"""Tables of graph models: what they hold comes from the graph, or from the one that is run once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webkiln
from tfjs_writer import node, placeholder, weight, write
from webkiln.errors import UnsupportedOperatorError

KEYS, VALUES = np.array([3, 5, -1], np.int32), np.array([0.5, 2.5, 9], np.float32)
FILL = node("fill", "LookupTableImportV2", ["table", "keys", "values"])


def table_model(folder: Path, filled: list[dict[str, Any]], initial: list[dict[str, Any]]) -> Path:
    nodes = [placeholder("x", "int32", (-1,)), node("table", "HashTableV2", shared_name="t"), node("same", "Identity", ["table"]), *filled]
    nodes += [node("y", "LookupTableFindV2", ["same", "x", "default"]), node("n", "LookupTableSizeV2", ["table"])]
    more = {"modelInitializer": {"node": [node("table", "HashTableV2", shared_name="t"), *initial]}} if initial else {}
    weights = [weight("keys", KEYS), weight("values", VALUES), weight("default", np.array(-2, np.float32))]
    return write(folder, nodes, weights, outputs={"y": {"name": "y"}, "n": {"name": "n"}}, **more)


@pytest.mark.parametrize("at_first", [False, True])
def test_what_a_table_holds_is_found(at_first: bool, tmp_path: Path) -> None:
    model = webkiln.convert(table_model(tmp_path, *(([], [FILL]) if at_first else ([FILL], []))))
    for x in ([5, 4, 3, -1, 5], [7]):
        found = model.run({"x": np.array(x, np.int32)})
        np.testing.assert_array_equal(found["y"], np.array([dict(zip(KEYS, VALUES, strict=True)).get(key, -2) for key in x], np.float32))
        assert found["n"] == 3


@pytest.mark.parametrize("filled", [[], [FILL, {**FILL, "name": "again"}]])
def test_a_table_that_is_not_filled_once_is_refused(filled: list[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOperatorError, match="filled once, from constants"):
        webkiln.convert(table_model(tmp_path, filled, []))
