"""Steps of training (ai.onnx.preview.training): new values of variables from their gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from webkiln.importers.onnx.lowering import Call
from webkiln.importers.onnx.registry import lowers

TRAINING = "ai.onnx.preview.training"


class _Step:
    """One step: inputs are the rate, how many steps were before, then the variables, their gradients, and each kind of state."""

    def __init__(self, call: Call, kinds: int) -> None:
        self.call = call
        count, rest = divmod(len(call) - 2, 2 + kinds)
        if rest or count < 1:
            call.fail(f"it has {len(call)} inputs: not a rate, a count of steps and groups of {2 + kinds}")
        self.rate, self.done = (call.reshape(call.cast(call.value(i), "f32"), []) for i in range(2))
        self.groups = [[call.value(2 + kind * count + i) for kind in range(2 + kinds)] for i in range(count)]

    def results(self, update: Callable[..., Sequence[str]]) -> list[str]:
        """All new variables, then each kind of state."""
        return [value for kind in zip(*(update(*group) for group in self.groups), strict=True) for value in kind]

    def number(self, name: str, default: float) -> str:
        return self.call.like(self.call.number(name, default), self.rate)

    def run(self, op: str, *values: str) -> str:
        return self.call.node(op, list(values))

    def mixed(self, part: str, a: str, b: str) -> str:
        """`part · a + (1 − part) · b`"""
        rest = self.run("sub", self.call.like(1.0, part), part)
        return self.run("add", self.run("mul", part, a), self.run("mul", rest, b))

    def regularized(self, x: str, gradient: str) -> str:
        """The gradient with that of half the squared norm of x."""
        return self.run("add", self.run("mul", self.number("norm_coefficient", 0.0), x), gradient)


@lowers("Adagrad", domain=TRAINING)
def adagrad(call: Call) -> list[str]:
    """The rate falls with the steps, and for each element with the sum of its squared gradients."""
    step = _Step(call, 1)
    slowed = step.run("add", step.run("mul", step.done, step.number("decay_factor", 0.0)), call.like(1.0, step.rate))
    rate = step.run("div", step.rate, slowed)

    def update(x: str, gradient: str, squares: str) -> tuple[str, str]:
        gradient = step.regularized(x, gradient)
        squares = step.run("add", squares, step.run("mul", gradient, gradient))
        spread = step.run("add", step.run("sqrt", squares), step.number("epsilon", 1e-6))
        return step.run("sub", x, step.run("div", step.run("mul", rate, gradient), spread)), squares

    return step.results(update)


@lowers("Adam", domain=TRAINING)
def adam(call: Call) -> list[str]:
    """Running means of the gradient and of its square, which count as if they had begun with the first step."""
    step = _Step(call, 2)
    alpha, beta = step.number("alpha", 0.9), step.number("beta", 0.999)
    one = call.like(1.0, step.rate)
    begun = step.run("greater", step.done, call.like(0.0, step.rate))
    unbiased = step.run("sqrt", step.run("sub", one, step.run("pow", beta, step.done)))
    unbiased = step.run("div", unbiased, step.run("sub", one, step.run("pow", alpha, step.done)))
    rate = step.run("where", begun, step.run("mul", step.rate, unbiased), step.rate)

    def update(x: str, gradient: str, mean: str, squares: str) -> tuple[str, str, str]:
        gradient = step.regularized(x, gradient)
        mean = step.mixed(alpha, mean, gradient)
        squares = step.mixed(beta, squares, step.run("mul", gradient, gradient))
        spread = step.run("add", step.run("sqrt", squares), step.number("epsilon", 1e-6))
        x = step.run("sub", x, step.run("div", step.run("mul", rate, mean), spread))
        after = step.run("mul", step.run("sub", one, step.number("norm_coefficient_post", 0.0)), x)
        return after, mean, squares

    return step.results(update)


@lowers("Momentum", domain=TRAINING)
def momentum(call: Call) -> list[str]:
    """A mean of the gradients that goes on: `standard`, or `nesterov`, which looks a step ahead."""
    step = _Step(call, 1)
    if not call.given("alpha") or not call.given("beta"):
        call.fail("its attributes alpha and beta are missing")
    is_ahead = call.choice("mode", "standard", "nesterov") == "nesterov"
    alpha, beta = step.number("alpha", 0.0), step.number("beta", 0.0)
    first = step.run("equal", step.done, call.like(0.0, step.rate))
    part = step.run("where", first, call.like(1.0, step.rate), beta)

    def update(x: str, gradient: str, moved: str) -> tuple[str, str]:
        gradient = step.regularized(x, gradient)
        moved = step.run("add", step.run("mul", alpha, moved), step.run("mul", part, gradient))
        direction = step.run("add", gradient, step.run("mul", alpha, moved)) if is_ahead else moved
        return step.run("sub", x, step.run("mul", step.rate, direction)), moved

    return step.results(update)
