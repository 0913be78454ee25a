"""What docs/coverage.md says of WebGL is what conversion does."""

from __future__ import annotations

from pathlib import Path

import pytest
from conformance_cases import all_cases, sampled
from webkiln import importers
from webkiln.errors import WebkilnError
from webkiln.importers.coverage import Source, sources
from webkiln.ops import OPERATORS
from webkiln.ops.backends import has_webgl

# Between integers only, which are on WASM whatever they go through.
INTEGERS = {"requantize"}


def converted(found: dict[str, Source], kind: str, operator: str) -> frozenset[str]:
    domain, _, name = operator.rpartition(":")
    key = {"tfjs": "tensorflow"}.get(kind, kind) + {"": "", "ai.onnx.ml": "-ml", "ai.onnx.preview": "-preview", "ai.onnx.preview.training": "-training", "com.microsoft": "-microsoft"}[domain]
    return found[key].converted[name]


@pytest.mark.timeout(300)
def test_models_leave_to_wasm_what_the_page_says(tmp_path: Path) -> None:
    found, read = sources(), 0
    for case in [case for suite in sampled(all_cases()).values() for case in suite]:
        try:
            model = importers.read(case.model(tmp_path))
        except WebkilnError:
            continue
        read += 1
        left = {node.op for node in model.graph.nodes if not node.bodies and not has_webgl(OPERATORS[node.op])} - INTEGERS
        assert left <= frozenset().union(*(converted(found, model.format, operator) for operator in model.operators)), case.key
    assert read > 50
