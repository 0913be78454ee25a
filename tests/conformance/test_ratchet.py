"""As many cases pass as did, and no answer is wrong.

On every run: all node tests of `onnx` on NumPy and in Node, and a sample of every suite that is here on every backend. With
`WEBKILN_CONFORMANCE=all`: everything. `python tests/conformance/score.py --update` raises the counts.
"""

from __future__ import annotations

import os

import pytest
from conformance_cases import ONNX_DENSE, ONNX_OTHER, all_cases, sampled
from ratchet import fallen, needless, passing, read_counts, read_exceptions, wrong
from scoring import BACKENDS, Verdicts, score


def check(kind: str, verdicts: Verdicts) -> None:
    exceptions = read_exceptions()
    complaints = [*wrong(verdicts, exceptions), *needless(verdicts, exceptions), *fallen(passing(verdicts), read_counts(kind))]
    assert not complaints, "\n".join(complaints)


@pytest.mark.timeout(600)
def test_onnx_node_tests() -> None:
    cases = [case for suite in all_cases([ONNX_DENSE, ONNX_OTHER]).values() for case in suite]
    check("all", score(cases, ["numpy", "wasm@node"]))


@pytest.mark.timeout(600)
def test_samples_of_all_suites() -> None:
    cases = [case for suite in sampled(all_cases()).values() for case in suite]
    check("sample", score(cases, BACKENDS))


@pytest.mark.skipif(os.environ.get("WEBKILN_CONFORMANCE") != "all", reason="minutes; WEBKILN_CONFORMANCE=all runs it")
@pytest.mark.timeout(3600)
def test_everything() -> None:
    check("all", score([case for suite in all_cases().values() for case in suite], BACKENDS))


def test_exceptions_have_reasons() -> None:
    assert all(len(reason.split()) >= 4 for reason in read_exceptions().values())


def test_exceptions_are_cases() -> None:
    names = {suite: {case.key for case in cases} for suite, cases in all_cases().items()}
    assert not [key for key in read_exceptions() if key.split("/")[0] in names and key not in names[key.split("/")[0]]]
