from __future__ import annotations

import pytest
from kernel_machine import Machine, NativeMachine, WasmMachine, build_native, build_wasm


@pytest.fixture(scope="session")
def plain() -> Machine:
    return WasmMachine(build_wasm(relaxed=False))


@pytest.fixture(scope="session")
def relaxed() -> Machine:
    return WasmMachine(build_wasm(relaxed=True), maximum=300)


@pytest.fixture(scope="session")
def native() -> Machine:
    path = build_native()
    if path is None:
        pytest.skip("no C compiler (gcc, clang or cc) on this machine")
    return NativeMachine(path)


@pytest.fixture(params=["plain", "relaxed"])
def machine(request: pytest.FixtureRequest) -> Machine:
    machine: Machine = request.getfixturevalue(request.param)
    return machine
