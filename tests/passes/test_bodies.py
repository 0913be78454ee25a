"""Constants go into the bodies that read them, and what no body reads is not given to any."""

from __future__ import annotations

import numpy as np
from control_graphs import halves, powers
from webkiln import reference
from webkiln.graph.graph import Constant, Graph
from webkiln.passes import optimize


def with_constant(graph: Graph, name: str, array: np.ndarray) -> Graph:
    """The graph with a constant in the place of an input."""
    changed = graph.copy()
    changed.inputs.remove(name)
    changed.constants[name] = Constant(array)
    changed.values[name] = changed.constants[name].value
    return changed


def test_a_loop_takes_its_weights_in() -> None:
    v, x, limit = powers().inputs[0]
    before = with_constant(powers().graph, "x", x)
    after = optimize(before)
    (loop,) = (node for node in after.nodes if node.bodies)
    assert "x" not in loop.inputs
    assert "x" not in after.constants
    assert all("x" not in body.inputs for body in loop.bodies)
    assert "x" in loop.bodies[1].constants
    assert "x" not in loop.bodies[0].constants  # the condition does not read it
    for name, wanted in reference.run(before, {"v": v, "limit": limit}).items():
        np.testing.assert_allclose(reference.run(after, {"v": v, "limit": limit})[name], wanted, rtol=1e-6)


def test_what_is_carried_stays_an_input() -> None:
    v, x, limit = powers().inputs[0]
    after = optimize(with_constant(powers().graph, "v", v))
    (loop,) = (node for node in after.nodes if node.bodies)
    assert "v" in loop.inputs
    np.testing.assert_allclose(reference.run(after, {"x": x, "limit": limit})["last"], powers().meaning(v, x, limit)[0], rtol=1e-6)


def test_a_branch_takes_a_constant_of_a_fixed_shape() -> None:
    after = optimize(with_constant(halves().graph, "x", np.float32([1, 2, 3])))
    (branch,) = (node for node in after.nodes if node.bodies)
    assert branch.inputs == ("flag",)
    assert reference.run(after, {"flag": np.array(True)})["y"].tolist() == [2, 4, 6]
    assert reference.run(after, {"flag": np.array(False)})["threes"].tolist() == [3, 3]
