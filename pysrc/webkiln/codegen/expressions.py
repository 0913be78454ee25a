"""Scalar expressions of the operator table → a shading or programming language, over four lanes.

One walk over an expression serves every language; a `Language` spells what it finds. The lanes of a value are `f4` (floats), `i4`
(integers) or a mask, which comparisons and booleans are while an expression is computed. In C a mask is an `i4`, all ones or zero.
Anything outside the small language of expressions is refused with the place where it stands.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from webkiln.errors import GraphError

Lanes = Literal["f4", "i4", "mask", "number"]

LANES_OF_DTYPE: dict[str, Lanes] = {"f32": "f4", "i32": "i4", "u8": "i4", "i8": "i4", "bool": "mask"}
# A wider value is narrowed when it becomes one of these, as if it had been stored and loaded again.
_NARROW = {"u8": "{} & 255", "i8": "({} << 24) >> 24"}

_FLOAT_FUNCTIONS = frozenset(
    [
        "exp",
        "log",
        "sqrt",
        "floor",
        "ceil",
        "round",
        "trunc",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "asinh",
        "acosh",
        "atanh",
        "erf",
    ]
)
_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_BITS: dict[type[ast.operator], str] = {ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^"}
_SHIFTS: dict[type[ast.operator], str] = {ast.LShift: "shift_left", ast.RShift: "shift_right"}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


@dataclass(frozen=True)
class Value:
    """A piece of code and what its lanes hold. `number`: a literal, whose type the other operand decides."""

    code: str
    lanes: Lanes
    number: float = 0.0


class Language(Protocol):
    """How a language spells the pieces of an expression. Operands come rendered, and safe beside any operator."""

    name: str

    def literal(self, value: float, lanes: Lanes) -> str:
        """Four times a number, as `f4` or `i4`."""

    def compare(self, sign: str, a: str, b: str) -> str:
        """The mask of a comparison of two `f4` or `i4`; `sign` is Python's."""

    def invert(self, a: str) -> str:
        """The other mask."""

    def combine(self, sign: str, masks: Sequence[str]) -> str:
        """Masks together: `&`, `|`, or `^` (of two)."""

    def select(self, lanes: Lanes, mask: str, a: str, b: str) -> str:
        """Lanes of `a` where the mask holds, else of `b`."""

    def call(self, name: str, lanes: Lanes, arguments: Sequence[str]) -> str:
        """A function over lanes. `pmin` and `pmax`: `min` and `max` whose second argument is no NaN."""


class C:
    """Vector extensions, and the functions of `wasm/`."""

    name = "C"

    def literal(self, value: float, lanes: Lanes) -> str:
        return f"splat_f4({float_literal(value)})" if lanes == "f4" else f"splat_i4({int(value)})"

    def compare(self, sign: str, a: str, b: str) -> str:
        return f"({a} {sign} {b})"

    def invert(self, a: str) -> str:
        return f"(~{a})"

    def combine(self, sign: str, masks: Sequence[str]) -> str:
        return "(" + f" {sign} ".join(masks) + ")"

    def select(self, lanes: Lanes, mask: str, a: str, b: str) -> str:
        return f"select_{'i4' if lanes == 'mask' else lanes}({mask}, {a}, {b})"

    def call(self, name: str, lanes: Lanes, arguments: Sequence[str]) -> str:
        return f"{name}_{lanes}({', '.join(arguments)})"


class _Renderer:
    def __init__(self, source: str, names: Mapping[str, Lanes], language: Language) -> None:
        self.source = source
        self.names = names
        self.language = language

    def fail(self, node: ast.AST, reason: str) -> GraphError:
        place = f"{reason} in {ast.unparse(node)!r}"
        return GraphError(f"the expression {self.source!r} cannot be rendered to {self.language.name}: {place}")

    def number(self, node: ast.AST, value: float) -> Value:
        return Value(f"({ast.unparse(node)})", "number", value)

    def as_lanes(self, value: Value, lanes: Lanes, node: ast.AST) -> str:
        if value.lanes == lanes:
            return value.code
        if value.lanes == "number" and (lanes == "f4" or (lanes == "i4" and value.number == int(value.number))):
            return self.language.literal(value.number, lanes)
        raise self.fail(node, f"{value.lanes} where {lanes} is needed")

    def unify(self, node: ast.AST, *values: Value) -> tuple[Lanes, list[str]]:
        """The common lanes of operands, numbers following the others."""
        kinds = {value.lanes for value in values} - {"number"} or {"f4"}
        if len(kinds) != 1:
            raise self.fail(node, f"a mixture of {' and '.join(sorted(kinds))}")
        lanes = kinds.pop()
        return lanes, [self.as_lanes(value, lanes, node) for value in values]

    def visit(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Name):
            if node.id not in self.names:
                raise self.fail(node, "an unknown name")
            return Value(node.id, self.names[node.id])
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            return self.number(node, float(node.value))
        if isinstance(node, ast.UnaryOp):
            return self.unary(node)
        if isinstance(node, ast.BinOp):
            return self.binary(node)
        if isinstance(node, ast.BoolOp):
            sign = "&" if isinstance(node.op, ast.And) else "|"
            masks = [self.as_lanes(self.visit(item), "mask", node) for item in node.values]
            return Value(self.language.combine(sign, masks), "mask")
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
            return self.compare(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self.call(node, node.func.id, [self.visit(item) for item in node.args])
        raise self.fail(node, "an unsupported construction")

    def unary(self, node: ast.UnaryOp) -> Value:
        value = self.visit(node.operand)
        if isinstance(node.op, ast.Not):
            return Value(self.language.invert(self.as_lanes(value, "mask", node)), "mask")
        if isinstance(node.op, ast.Invert) and value.lanes == "i4":
            return Value(f"(~{value.code})", "i4")
        if not isinstance(node.op, ast.USub) or value.lanes == "mask":
            raise self.fail(node, "an unsupported sign")
        return self.number(node, -value.number) if value.lanes == "number" else Value(f"(-{value.code})", value.lanes)

    def binary(self, node: ast.BinOp) -> Value:
        lanes, (a, b) = self.unify(node, self.visit(node.left), self.visit(node.right))
        if lanes == "mask":
            raise self.fail(node, "arithmetic on booleans")
        if isinstance(node.op, ast.Mod):
            return Value(self.language.call("modulo", lanes, [a, b]), lanes)
        if isinstance(node.op, ast.FloorDiv):
            quotient = ("floor", [f"{a} / {b}"]) if lanes == "f4" else ("floor_divide", [a, b])
            return Value(self.language.call(quotient[0], lanes, quotient[1]), lanes)
        if isinstance(node.op, ast.Div) and lanes == "i4":
            return Value(self.language.call("divide", lanes, [a, b]), lanes)
        if type(node.op) in _BITS and lanes == "i4":
            return Value(f"({a} {_BITS[type(node.op)]} {b})", lanes)
        if type(node.op) in _SHIFTS and lanes == "i4":
            return Value(self.language.call(_SHIFTS[type(node.op)], lanes, [a, b]), lanes)
        if type(node.op) in _ARITHMETIC:
            return Value(f"({a} {_ARITHMETIC[type(node.op)]} {b})", lanes)
        raise self.fail(node, "an unsupported operator")

    def compare(self, node: ast.Compare) -> Value:
        lanes, (a, b) = self.unify(node, self.visit(node.left), self.visit(node.comparators[0]))
        if lanes != "mask":
            return Value(self.language.compare(_COMPARISONS[type(node.ops[0])], a, b), "mask")
        if isinstance(node.ops[0], ast.NotEq):
            return Value(self.language.combine("^", [a, b]), "mask")
        if isinstance(node.ops[0], ast.Eq):
            return Value(self.language.invert(self.language.combine("^", [a, b])), "mask")
        raise self.fail(node, "an order of booleans")

    def call(self, node: ast.Call, name: str, arguments: list[Value]) -> Value:
        counts = {"where": 3, "pow": 2, "min": 2, "max": 2}
        if len(arguments) != counts.get(name, 1):
            raise self.fail(node, f"{len(arguments)} arguments")
        if name == "where":
            lanes, (a, b) = self.unify(node, *arguments[1:])
            return Value(self.language.select(lanes, self.as_lanes(arguments[0], "mask", node), a, b), lanes)
        lanes, parts = self.unify(node, *arguments)
        if name in ("abs", "min", "max") and lanes != "mask":
            # A literal is no NaN, so the cheaper of the two does.
            known = (
                name != "abs"
                and lanes == "f4"
                and arguments[1].lanes == "number"
                and not math.isnan(arguments[1].number)
            )
            return Value(self.language.call(("p" if known else "") + name, lanes, parts), lanes)
        if lanes != "mask" and name == "bits":
            other: Lanes = "i4" if lanes == "f4" else "f4"
            return Value(self.language.call(name, other, parts), other)
        if lanes == "f4" and name in _FLOAT_FUNCTIONS | {"pow"}:
            return Value(self.language.call(name, lanes, parts), lanes)
        if lanes == "f4" and name in ("isnan", "isinf"):
            return Value(self.language.call(name, lanes, parts), "mask")
        raise self.fail(node, f"no function of that name for {lanes}")


def float_literal(value: float) -> str:
    """A C literal of type float."""
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return f"{value!r}f"


def load(dtype: str, code: str) -> str:
    """From a register's lanes to those that expressions compute with: a boolean becomes a mask."""
    return f"({code} != 0)" if dtype == "bool" else code


def convert(code: str, lanes: Lanes, dtype: str) -> str:
    """From an expression's lanes to a register's of a dtype: numbers are converted, masks become 0 and 1."""
    if dtype == "f32":
        return {"f4": code, "i4": f"to_f4({code})", "mask": f"to_f4({code} & 1)"}[lanes]
    if lanes == "mask":
        return f"{code} & 1"
    if dtype == "bool":
        return f"({code} != 0) & 1"
    whole = f"to_i4({code})" if lanes == "f4" else code
    return _NARROW[dtype].format(whole) if dtype in _NARROW else whole


def translate(expression: str, names: Mapping[str, str], language: Language) -> Value:
    """An expression's result in a language. `names`: the dtype of each name in it, whose lanes it already has.

    Raises `GraphError` for what the language of expressions does not have.
    """
    renderer = _Renderer(expression, {name: LANES_OF_DTYPE[given] for name, given in names.items()}, language)
    tree = ast.parse(expression, mode="eval").body
    value = renderer.visit(tree)
    return Value(renderer.as_lanes(value, "f4", tree), "f4") if value.lanes == "number" else value


def render_expression(expression: str, names: Mapping[str, str], dtype: str) -> str:
    """The C of an expression's result, as a register's lanes of `dtype`. `names`, errors: see `translate`."""
    value = translate(expression, names, C())
    return convert(value.code, value.lanes, dtype)
