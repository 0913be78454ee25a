"""From the restricted subset of Python that rules are written in to JavaScript.

`webkiln.ops.rules` describes the subset. Anything outside of it is an error that names the place.
"""

from __future__ import annotations

import ast
import inspect
import json
import math
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

# Functions that the generated file imports from js/rule_support.js.
SUPPORT = {"fail", "differ", "maximum", "floordiv", "mod", "range", "len", "equal", "includes", "show"}
# How many arguments a rule may give to the functions that it may call.
_ARGUMENTS = {"fail": (1,), "differ": (2,), "maximum": (2,), "range": (1, 2), "len": (1,), "abs": (1,), "min": (2,), "max": (2,)}
_BUILDER_METHODS = {"node": 3, "shape": 1, "scalar": 1, "sum_to": 2}
_RESERVED = {
    *SUPPORT, "Math", "Infinity", "NaN", "RuleError", "arguments", "case", "catch", "const", "debugger", "default", "delete", "do",
    "enum", "eval", "export", "extends", "false", "function", "implements", "instanceof", "interface", "let", "new", "null", "package",
    "private", "protected", "public", "static", "super", "switch", "this", "throw", "true", "typeof", "undefined", "var", "void",
}  # fmt: skip
_LARGEST = 2**53 - 1
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
        self._check_variables(tree)
        declared = sorted(_assigned(tree) - set(names))
        self.locals |= set(declared)
        lines = [f"function {self.name}({', '.join(names)}) {{"]
        if declared:
            lines.append(f"  let {', '.join(declared)};")
        lines += self.block(tree.body, "  ")
        return "\n".join([*lines, "}"])

    def _check_variables(self, tree: ast.FunctionDef) -> None:
        """A loop's variable is a constant of its own block in JavaScript, so it has no other use; nor is a name a reserved word."""
        arguments = {argument.arg for argument in tree.args.args}
        for node in ast.walk(tree):
            name = node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.arg) else None
            if name in _RESERVED and name not in _ARGUMENTS:
                raise self.error(node, f"the name {name}")
            if name in _ARGUMENTS and not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
                raise self.error(node, f"the name {name}")
            target = node.target if isinstance(node, (ast.For, ast.comprehension)) else None
            if isinstance(target, ast.Name) and target.id in _assigned(tree) | arguments:
                raise self.error(target, f"another use of the loop's {target.id}")

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
                return [f"{indent}{self._name(target.value)}[{at}] = {self.expression(node.value)};"]
        if isinstance(node, ast.If):
            lines = [f"{indent}if ({self.condition(node.test)}) {{", *self.block(node.body, indent + "  ")]
            if node.orelse:
                lines += [f"{indent}}} else {{", *self.block(node.orelse, indent + "  ")]
            return [*lines, f"{indent}}}"]
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and not node.orelse:
            source = self.expression(node.iter)
            with self.variable(node.target):
                return [f"{indent}for (const {node.target.id} of {source}) {{", *self.block(node.body, indent + "  "), f"{indent}}}"]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            return [f"{indent}{self.expression(node.value)};"]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return []  # a docstring
        raise self.error(node, type(node).__name__)

    @contextmanager
    def variable(self, target: ast.Name) -> Iterator[None]:
        """The variable of a loop, which lives only inside of it."""
        if target.id in self.locals:
            raise self.error(target, f"another use of the loop's {target.id}")
        self.locals.add(target.id)
        yield
        self.locals.remove(target.id)

    def condition(self, node: ast.expr) -> str:
        """A truth value. A bare name is refused, since an empty list is false in Python and true in JavaScript."""
        if isinstance(node, (ast.Name, ast.List, ast.ListComp, ast.BinOp, ast.Dict, ast.IfExp, ast.JoinedStr)):
            raise self.error(node, "a truth value that is not a comparison")
        return self.expression(node)

    def expression(self, node: ast.expr) -> str:
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is None:
            raise self.error(node, type(node).__name__)
        return str(method(node))

    def _constant(self, node: ast.Constant) -> str:
        value = node.value
        if not isinstance(value, (bool, int, float, str)) or (isinstance(value, int) and abs(value) > _LARGEST):
            raise self.error(node, repr(value))
        if isinstance(value, float) and not math.isfinite(value):
            raise self.error(node, repr(value))
        return json.dumps(value)

    def _attribute(self, node: ast.Attribute) -> str:
        if isinstance(node.value, ast.Name) and node.attr == "inf" and self.scope.get(node.value.id) is math:
            return "Infinity"
        raise self.error(node, f"the attribute {node.attr}")

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
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str) or not _is_property(key.value):
                raise self.error(node, "a dictionary whose keys are not names")
            pairs.append(f"{key.value}: {self.expression(value)}")
        return "{" + ", ".join(pairs) + "}"

    def _listcomp(self, node: ast.ListComp) -> str:
        return self._comprehension(node, node.generators)

    def _comprehension(self, node: ast.ListComp, generators: list[ast.comprehension]) -> str:
        first, rest = generators[0], generators[1:]
        if not isinstance(first.target, ast.Name) or first.is_async:
            raise self.error(node, "this comprehension")
        name, text = first.target.id, self.expression(first.iter)
        with self.variable(first.target):
            for test in first.ifs:
                text = f"{text}.filter(({name}) => {self.condition(test)})"
            if rest:
                return f"{text}.flatMap(({name}) => {self._comprehension(node, rest)})"
            return f"{text}.map(({name}) => {self.expression(node.elt)})"

    def _joinedstr(self, node: ast.JoinedStr) -> str:
        parts = []
        for part in node.values:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                parts.append(part.value.replace("\\", "\\\\").replace("`", "\\`").replace("$", "\\$"))
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
            if not _is_property(node.slice.value):
                raise self.error(node, f"the key {node.slice.value!r}")
            return f"{value}.{node.slice.value}"
        return f"{value}[{self.expression(node.slice)}]"

    def _binop(self, node: ast.BinOp) -> str:
        if any(isinstance(side, (ast.List, ast.ListComp, ast.Dict, ast.JoinedStr)) for side in (node.left, node.right)):
            raise self.error(node, "arithmetic on lists or strings (write [*a, *b])")
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
        if isinstance(node.op, ast.Not):
            return f"!({self.condition(node.operand)})"
        if isinstance(node.op, ast.USub):
            return f"(-{self.expression(node.operand)})"
        raise self.error(node, type(node.op).__name__)

    def _boolop(self, node: ast.BoolOp) -> str:
        sign = " && " if isinstance(node.op, ast.And) else " || "
        return "(" + sign.join(self.condition(value) for value in node.values) + ")"

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
        return f"({self.condition(node.test)} ? {self.expression(node.body)} : {self.expression(node.orelse)})"

    def _call(self, node: ast.Call) -> str:
        if node.keywords:
            raise self.error(node, "a keyword argument")
        arguments = ", ".join(self.expression(argument) for argument in node.args)
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            holder, method = self._name(node.func.value), node.func.attr
            if method == "append":
                self._count(node, method, (1,))
                return f"{holder}.push({arguments})"
            if holder == "b" and method in _BUILDER_METHODS:
                self._count(node, method, (_BUILDER_METHODS[method],))
                return f"b.{method}({arguments})"
            raise self.error(node, f"the method {method}")
        if not isinstance(node.func, ast.Name):
            raise self.error(node, "this call")
        name = node.func.id
        if name in _ARGUMENTS:
            self._count(node, name, _ARGUMENTS[name])
            return f"{'Math.' if name in ('min', 'max', 'abs') else ''}{name}({arguments})"
        target = self.scope.get(name)
        if not inspect.isfunction(target) or not target.__module__.startswith("webkiln.ops."):
            raise self.error(node, f"calling {name}")
        self._count(node, name, (target.__code__.co_argcount,))
        self.calls.append(target)
        return f"{javascript_name(target)}({arguments})"

    def _count(self, node: ast.Call, name: str, allowed: tuple[int, ...]) -> None:
        if len(node.args) not in allowed or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise self.error(node, f"calling {name} with these arguments")


def _assigned(tree: ast.FunctionDef) -> set[str]:
    """The names that assignments make, loops aside."""
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _is_property(key: str) -> bool:
    return key.isidentifier() and key.isascii() and not key.startswith("__")
