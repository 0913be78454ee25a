"""From the restricted subset of Python that rules are written in to JavaScript.

`webkiln.ops.rules` describes the subset. Anything outside of it is an error that names the place.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

# Functions that the generated file imports from js/rule_support.js.
SUPPORT = {"fail", "differ", "floordiv", "mod", "range", "len", "equal", "includes", "show"}
_BUILDER_METHODS = {"node", "shape", "scalar", "sum_to"}
_COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


class TranspileError(Exception):
    """A rule uses something outside of the restricted subset."""


def transpile(functions: Iterable[Callable[..., Any]]) -> str:
    """JavaScript declarations of the functions and of all the rules that they call, in a stable order."""
    written: dict[str, str] = {}
    for function in functions:
        _add(function, written, [])
    return "\n\n".join(written.values()) + "\n"


def javascript_name(function: Callable[..., Any]) -> str:
    """What a rule is called in JavaScript: its module and its name, such as `rules_conv2d`."""
    return f"{function.__module__.rsplit('.', 1)[-1]}_{function.__name__.rstrip('_')}"


def _add(function: Callable[..., Any], written: dict[str, str], callers: list[str]) -> None:
    name = javascript_name(function)
    if name in written:
        return
    if name in callers:
        raise TranspileError(f"{name} calls itself: {' → '.join([*callers, name])}")
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(tree, ast.FunctionDef):
        raise TranspileError(f"{name}: a rule is a function made with def")
    writer = _Writer(name, function)
    text = writer.function(tree)
    for called in writer.calls:
        _add(called, written, [*callers, name])
    written[name] = text


class _Writer:
    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name = name
        self.scope = function.__globals__
        self.calls: list[Callable[..., Any]] = []
        self.locals: set[str] = set()

    def error(self, node: ast.AST, what: str) -> TranspileError:
        return TranspileError(f"{self.name}, line {getattr(node, 'lineno', '?')}: {what} is outside of the subset")

    def function(self, tree: ast.FunctionDef) -> str:
        arguments = tree.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults or tree.decorator_list:
            raise self.error(tree, "anything but plain positional arguments")
        names = [argument.arg for argument in arguments.args]
        self.locals = set(names)
        assigned = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)})
        comprehension = {node.target.id for node in ast.walk(tree) if isinstance(node, ast.comprehension) and isinstance(node.target, ast.Name)}
        loops = {node.target.id for node in ast.walk(tree) if isinstance(node, ast.For) and isinstance(node.target, ast.Name)}
        declared = [name for name in assigned if name not in names and name not in comprehension | loops]
        self.locals |= set(assigned)
        lines = [f"function {self.name}({', '.join(names)}) {{"]
        if declared:
            lines.append(f"  let {', '.join(declared)};")
        lines += self.block(tree.body, "  ")
        return "\n".join([*lines, "}"])

    def block(self, body: list[ast.stmt], indent: str) -> list[str]:
        return [line for statement in body for line in self.statement(statement, indent)]

    def statement(self, node: ast.stmt, indent: str) -> list[str]:
        if isinstance(node, ast.Return) and node.value is not None:
            return [f"{indent}return {self.expression(node.value)};"]
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                return [f"{indent}{target.id} = {self.expression(node.value)};"]
            if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                at = self.expression(target.slice)
                return [f"{indent}{target.value.id}[{at}] = {self.expression(node.value)};"]
        if isinstance(node, ast.If):
            lines = [f"{indent}if ({self.expression(node.test)}) {{", *self.block(node.body, indent + "  ")]
            if node.orelse:
                lines += [f"{indent}}} else {{", *self.block(node.orelse, indent + "  ")]
            return [*lines, f"{indent}}}"]
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and not node.orelse:
            head = f"{indent}for (const {node.target.id} of {self.expression(node.iter)}) {{"
            return [head, *self.block(node.body, indent + "  "), f"{indent}}}"]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            return [f"{indent}{self.expression(node.value)};"]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return []  # a docstring
        raise self.error(node, type(node).__name__)

    def expression(self, node: ast.expr) -> str:
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is None:
            raise self.error(node, type(node).__name__)
        return str(method(node))

    def _constant(self, node: ast.Constant) -> str:
        if node.value is None or not isinstance(node.value, (bool, int, float, str)):
            raise self.error(node, repr(node.value))
        return json.dumps(node.value)

    def _name(self, node: ast.Name) -> str:
        if node.id not in self.locals:
            raise self.error(node, f"the name {node.id}")
        return node.id

    def _list(self, node: ast.List) -> str:
        return "[" + ", ".join(self.expression(item) for item in node.elts) + "]"

    def _starred(self, node: ast.Starred) -> str:
        return "..." + self.expression(node.value)

    def _dict(self, node: ast.Dict) -> str:
        pairs = []
        for key, value in zip(node.keys, node.values, strict=True):
            if not isinstance(key, ast.Constant):
                raise self.error(node, "a dictionary without literal keys")
            pairs.append(f"{key.value}: {self.expression(value)}")
        return "{" + ", ".join(pairs) + "}"

    def _listcomp(self, node: ast.ListComp) -> str:
        text = self.expression(node.elt)
        for depth, generator in enumerate(reversed(node.generators)):
            if not isinstance(generator.target, ast.Name) or generator.is_async:
                raise self.error(node, "this comprehension")
            source = self.expression(generator.iter)
            for test in generator.ifs:
                source = f"{source}.filter(({generator.target.id}) => {self.expression(test)})"
            text = f"{source}.{'flatMap' if depth else 'map'}(({generator.target.id}) => {text})"
        return text

    def _joinedstr(self, node: ast.JoinedStr) -> str:
        parts = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append(str(part.value).replace("\\", "\\\\").replace("`", "\\`").replace("$", "\\$"))
            elif isinstance(part, ast.FormattedValue) and part.format_spec is None and part.conversion == -1:
                parts.append("${show(" + self.expression(part.value) + ")}")
            else:
                raise self.error(node, "a format specification")
        return "`" + "".join(parts) + "`"

    def _subscript(self, node: ast.Subscript) -> str:
        value = self.expression(node.value)
        if isinstance(node.slice, ast.Slice):
            if node.slice.step is not None:
                raise self.error(node, "a slice with a step")
            low = self.expression(node.slice.lower) if node.slice.lower else "0"
            high = ", " + self.expression(node.slice.upper) if node.slice.upper else ""
            return f"{value}.slice({low}{high})"
        if isinstance(node.slice, ast.UnaryOp):
            return f"{value}.at({self.expression(node.slice)})"
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return f"{value}.{node.slice.value}"
        return f"{value}[{self.expression(node.slice)}]"

    def _binop(self, node: ast.BinOp) -> str:
        left, right = self.expression(node.left), self.expression(node.right)
        if isinstance(node.op, ast.FloorDiv):
            return f"floordiv({left}, {right})"
        if isinstance(node.op, ast.Mod):
            return f"mod({left}, {right})"
        sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}.get(type(node.op))
        if sign is None:
            raise self.error(node, type(node.op).__name__)
        return f"({left} {sign} {right})"

    def _unaryop(self, node: ast.UnaryOp) -> str:
        sign = {ast.USub: "-", ast.Not: "!"}.get(type(node.op))
        if sign is None:
            raise self.error(node, type(node.op).__name__)
        value = self.expression(node.operand)
        return f"{sign}{value}" if sign == "-" else f"!({value})"

    def _boolop(self, node: ast.BoolOp) -> str:
        sign = " && " if isinstance(node.op, ast.And) else " || "
        return "(" + sign.join(self.expression(value) for value in node.values) + ")"

    def _compare(self, node: ast.Compare) -> str:
        if len(node.ops) != 1:
            raise self.error(node, "a chained comparison")
        left, right, op = self.expression(node.left), self.expression(node.comparators[0]), node.ops[0]
        if isinstance(op, (ast.In, ast.NotIn)):
            return f"{'!' if isinstance(op, ast.NotIn) else ''}includes({right}, {left})"
        if isinstance(op, (ast.Eq, ast.NotEq)):
            return f"{'!' if isinstance(op, ast.NotEq) else ''}equal({left}, {right})"
        if type(op) not in _COMPARE:
            raise self.error(node, type(op).__name__)
        return f"({left} {_COMPARE[type(op)]} {right})"

    def _ifexp(self, node: ast.IfExp) -> str:
        return f"({self.expression(node.test)} ? {self.expression(node.body)} : {self.expression(node.orelse)})"

    def _call(self, node: ast.Call) -> str:
        if node.keywords:
            raise self.error(node, "a keyword argument")
        arguments = ", ".join(self.expression(argument) for argument in node.args)
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            holder, method = node.func.value.id, node.func.attr
            if method == "append":
                return f"{self._name(node.func.value)}.push({arguments})"
            if holder == "b" and method in _BUILDER_METHODS:
                return f"b.{method}({arguments})"
            raise self.error(node, f"the method {method}")
        if not isinstance(node.func, ast.Name):
            raise self.error(node, "this call")
        name = node.func.id
        if name in ("min", "max", "abs"):
            return f"Math.{name}({arguments})"
        if name in SUPPORT:
            return f"{name}({arguments})"
        target = self.scope.get(name)
        if not inspect.isfunction(target) or not target.__module__.startswith("webkiln.ops."):
            raise self.error(node, f"calling {name}")
        self.calls.append(target)
        return f"{javascript_name(target)}({arguments})"
