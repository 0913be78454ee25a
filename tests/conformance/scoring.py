"""Converting the cases and running them: one Node process, one browser, for all of them."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import webkiln
from conformance_cases import Case, Sets
from judging import difference
from webkiln.errors import BrowserError, UnsupportedOperatorError
from webkiln.graph.signature import Argument

BACKENDS = ("numpy", "wasm@node", "webgl@chromium")
PASSED, UNSUPPORTED = "", "unsupported"
"""The verdicts beside what is wrong."""
SECONDS = 30.0
"""For one call: a case that takes longer hangs."""

Verdicts = dict[str, dict[str, str]]
"""By backend, then by the case's key."""


class Runner:
    """Runs models on one backend. After a hang or a crash, the next model gets a new host."""

    def __init__(self, backend: str) -> None:
        self.backend, _, self.browser = backend.partition("@")
        self._session: webkiln.Session | None = None

    def run(self, model: webkiln.Model, inputs: dict[str, Any]) -> dict[str, Any]:
        if not self.browser:
            model.reset()
            return model.run(inputs)
        if self._session is None:
            self._session = webkiln.Session(self.backend, self.browser, timeout=SECONDS)
        try:
            if model.graph.state:
                self._session.reset(model)
            return self._session.run(model, inputs)
        except BrowserError:
            self.close()
            raise

    def close(self) -> None:
        if self._session is not None:
            with contextlib.suppress(BrowserError):
                self._session.close()
            self._session = None

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def score(cases: Iterable[Case], backends: Sequence[str] = BACKENDS, *, progress: bool = False) -> Verdicts:
    """Each case on each backend, converted once."""
    verdicts: Verdicts = {backend: {} for backend in backends}
    with contextlib.ExitStack() as stack:
        runners = {backend: stack.enter_context(Runner(backend)) for backend in backends}
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for number, case in enumerate(cases, 1):
            for backend, verdict in _judged(case, runners, folder).items():
                verdicts[backend][case.key] = verdict
            if progress and number % 100 == 0:
                print(f"{number} cases, at {case.key}", file=sys.stderr, flush=True)
    return verdicts


def _judged(case: Case, runners: dict[str, Runner], folder: Path) -> dict[str, str]:
    try:
        model = webkiln.convert(case.model(folder))
        sets = case.sets()
    except UnsupportedOperatorError:
        return dict.fromkeys(runners, UNSUPPORTED)
    except Exception as error:
        return dict.fromkeys(runners, f"conversion: {type(error).__name__}: {error}"[:300])
    return {backend: _verdict(case, model, sets, runner) for backend, runner in runners.items()}


def _verdict(case: Case, model: webkiln.Model, sets: Sets, runner: Runner) -> str:
    for inputs, expected in sets:
        try:
            found = runner.run(model, _named(inputs, model.signature.inputs, optional=True))
        except UnsupportedOperatorError:
            return UNSUPPORTED
        except Exception as error:
            return f"run: {type(error).__name__}: {error}"[:300]
        try:
            wanted = _named(expected, model.signature.outputs)
        except KeyError as error:
            return f"no output {error}"
        for name, value in wanted.items():
            wrong = difference(found[name], value, case.relative, case.absolute, case.steps)
            if wrong:
                return f"{name}: {wrong}"
    return PASSED


def _named(values: dict[str, Any], arguments: Sequence[Argument], *, optional: bool = False) -> dict[str, Any]:
    """Values by the names of a signature. Suites name them so, or by their names in the graph; nameless ones go by their places.

    Raises `KeyError` for a value that has no argument; `optional` ones are left out, such as inputs that the model does not read.
    """
    names = {argument.value: argument.name for argument in arguments} | {argument.name: argument.name for argument in arguments}
    if len(values) == len(arguments) and not any(name in names for name in values):
        return dict(zip((argument.name for argument in arguments), values.values(), strict=True))
    return {names[name]: value for name, value in values.items() if name in names or not optional}
