"""Programs that are made up, with branches and loops in each other, written in both forms of TensorFlow's control flow, against their meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webkiln
from test_tfjs_control_flow import loop_of_old
from tfjs_writer import Named, function, node, placeholder, weight, write

Program = list[tuple[Any, ...]]
Env = dict[str, str]  # of the variables v (float32 [2]) and k (int32), the values
LARGE, ROUNDS = 40.0, 3


def made_up(rng: np.random.Generator, depth: int) -> Program:
    kinds = ["scale", "shift", "count", "mix", *(["if", "loop"] * 2 if depth else [])]
    program: Program = []
    for kind in rng.choice(kinds, rng.integers(1, 4)):
        if kind in ("if", "loop"):
            program.append((kind, *(made_up(rng, depth - 1) for _ in range(2 if kind == "if" else 1)), rng.integers(2)))
        else:
            program.append((kind, round(float(rng.uniform(-1.5, 1.5)), 2)))
    return program


def meaning(program: Program, v: Any, k: Any) -> tuple[Any, Any]:
    for kind, *rest in program:
        if kind == "scale":
            v = v * np.float32(rest[0])
        elif kind == "shift":
            v = v + np.float32(rest[0])
        elif kind == "mix":
            v = v + np.float32(k)
        elif kind == "count":
            k = k + 1
        elif kind == "if":
            v, k = meaning(rest[0] if (v.sum() > 0 if rest[2] else k % 2 > 0) else rest[1], v, k)
        else:
            i, rounds = 0, ROUNDS + k % 2
            while i < rounds and v.sum() < LARGE:
                v, k = meaning(rest[0], v, k)
                i += 1
    return v, k


class Writer:
    """Writes programs as nodes; `old` says in which form."""

    def __init__(self, old: bool, rng: np.random.Generator) -> None:
        self.old, self.rng = old, rng
        self.nodes: list[dict[str, Any]] = []
        self.weights: list[Any] = []
        self.functions: list[dict[str, Any]] = []
        self.inside = False  # a function, where values have other names
        self.count = 0

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def add(self, op: str, *inputs: str, result: str = "z", **attributes: Any) -> str:
        name = self.name(op)
        self.nodes.append(node(name, op, inputs, **attributes))
        return f"{name}:{result}:0" if self.inside else name

    def constant(self, number: float | list[int]) -> str:
        name = self.name("c")
        array = np.array(number, np.float32 if isinstance(number, float) else np.int32)
        self.weights.append(weight(name, array))
        self.nodes.append(node(name, "Const", dtype="DT_FLOAT" if isinstance(number, float) else "DT_INT32"))
        return f"{name}:output:0" if self.inside else name

    def total(self, v: str) -> str:
        return self.add("Sum", v, self.constant([0]), result="output")

    def odd(self, k: str) -> str:
        return self.add("FloorMod", k, self.constant(2))

    def program(self, program: Program, env: Env) -> Env:
        env = dict(env)
        for kind, *rest in program:
            if kind in ("scale", "shift"):
                env["v"] = self.add("Mul" if kind == "scale" else "AddV2", env["v"], self.constant(rest[0]))
            elif kind == "mix":
                env["v"] = self.add("AddV2", env["v"], self.add("Cast", env["k"], result="y", SrcT="DT_INT32", DstT="DT_FLOAT"))
            elif kind == "count":
                env["k"] = self.add("AddV2", env["k"], self.constant(1))
            elif kind == "if":
                condition = self.add("Greater", self.total(env["v"]), self.constant(0.0)) if rest[2] else self.add("Greater", self.odd(env["k"]), self.constant(0))
                env = (self.old_branches if self.old else self.branches)(condition, rest[0], rest[1], env)
            else:
                env = (self.old_loop if self.old else self.loop)(rest[0], env)
        return env

    def going(self, i: str, v: str, start: str) -> str:
        """While few rounds are over, as k at the start says, and v is small."""
        few = self.add("Less", i, self.add("AddV2", self.constant(ROUNDS), start))
        return self.add("LogicalAnd", few, self.add("Less", self.total(v), self.constant(LARGE)))

    def function_of(self, inputs: list[str], write: Any) -> str:
        """A function that `write` makes; it returns the results."""
        around, inside, self.nodes, self.inside = self.nodes, self.inside, [], True
        name, results = self.name("f"), write()
        self.functions.append(function(name, inputs, self.nodes, {f"r{i}": value for i, value in enumerate(results)}))
        self.nodes, self.inside = around, inside
        return name

    def branches(self, condition: str, then: Program, otherwise: Program, env: Env) -> Env:
        names = [self.function_of(["v", "k"], lambda part=part: list(self.program(part, {"v": "v", "k": "k"}).values())) for part in (then, otherwise)]
        whole = self.name("if")
        self.nodes.append(node(whole, "If", [condition, *env.values()], then_branch=Named(names[0]), else_branch=Named(names[1])))
        return {one: f"{whole}:output:{i}" if self.inside else f"{whole}:{i}" for i, one in enumerate(env)}

    def loop(self, body: Program, env: Env) -> Env:
        start, zero = self.odd(env["k"]), self.constant(0)
        inputs = ["v", "k", "i", "start"]
        test = self.function_of(inputs, lambda: [self.going("i", "v", "start")])
        step = self.function_of(inputs, lambda: [*self.program(body, {"v": "v", "k": "k"}).values(), self.add("AddV2", "i", self.constant(1)), "start"])
        whole = self.name("while")
        self.nodes.append(node(whole, "While", [*env.values(), zero, start], cond=Named(test), body=Named(step)))
        return {one: f"{whole}:output:{i}" if self.inside else f"{whole}:{i}" for i, one in enumerate(env)}

    def old_branches(self, condition: str, then: Program, otherwise: Program, env: Env) -> Env:
        switches = {one: self.add("Switch", value, condition) for one, value in env.items()}
        sides = [self.program(then, {one: f"{value}:1" for one, value in switches.items()}), self.program(otherwise, switches)]
        merged = dict(env)
        for one, value in switches.items():
            if sides[0][one] != f"{value}:1" or sides[1][one] != value:
                merged[one] = self.add("Merge", *(sides[i][one] for i in self.rng.permutation(2)))
        return merged

    def old_loop(self, body: Program, env: Env) -> Env:
        frame = self.name("frame")
        own = {one: f"{frame}/{one}" for one in (*env, "i")}
        limit = self.add("Enter", self.odd(env["k"]), frame_name=frame, is_constant=True)
        condition = self.going(f"{own['i']}/merge", f"{own['v']}/merge", limit)
        following = self.program(body, {one: f"{own[one]}/switch:1" for one in env})
        following["i"] = self.add("AddV2", f"{own['i']}/switch:1", self.constant(1))
        start = {**env, "i": self.constant(0)}
        self.nodes += loop_of_old(frame, {own[one]: value for one, value in start.items()}, condition, {own[one]: value for one, value in following.items()})
        return {one: f"{own[one]}/exit" for one in env}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("old", [False, True], ids=["functions", "frames"])
def test_programs(old: bool, seed: int, tmp_path: Path, node_session: webkiln.Session) -> None:
    rng = np.random.default_rng(seed)
    program = [*made_up(rng, 3), ("loop", made_up(rng, 1), 0), ("if", made_up(rng, 1), made_up(rng, 1), 1)]
    writer = Writer(old, rng)
    env = writer.program(program, {"v": "v", "k": "k"})
    outputs = []
    for one, value in env.items():
        writer.nodes.append(node(f"out_{one}", "Identity", [value]))
        outputs.append(f"out_{one}")
    inputs = [placeholder("v", "float32", (2,)), placeholder("k", "int32", ())]
    write(tmp_path, [*inputs, *writer.nodes], writer.weights, outputs={name: {"name": name} for name in outputs}, functions=writer.functions)
    model = webkiln.convert(tmp_path)
    for v, k in (([0.5, -0.2], 0), ([-3, 1], 1), ([8, 9], 6)):
        feeds = {"v": np.array(v, np.float32), "k": np.array(k, np.int32)}
        with np.errstate(over="ignore"):
            expected = meaning(program, feeds["v"], k)
        for found in (model.run(feeds), node_session.run(model, feeds)) if seed < 3 else (model.run(feeds),):
            np.testing.assert_allclose(found["out_v"], expected[0], rtol=1e-4, atol=1e-4)
            assert found["out_k"] == expected[1]
