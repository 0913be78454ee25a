"""The rule transpiler: what it makes, and that it refuses whatever means something else in JavaScript."""

from __future__ import annotations

import importlib.util
import itertools
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from webkiln.codegen import javascript
from webkiln.codegen.build import render, rendered
from webkiln.codegen.paths import REPOSITORY
from webkiln.codegen.transpile import TranspileError, transpile
from webkiln.ops import OPERATORS

_NUMBERS = itertools.count()


def function_of(folder: Path, source: str, module: str = "webkiln.ops.snippet"):
    """The function `rule` of a module with this source."""
    name = f"{module}{next(_NUMBERS)}"
    path = folder / f"{name.rsplit('.', 1)[-1]}.py"
    path.write_text("import math\n\n" + source)
    specification = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(loaded)
    return loaded.rule


REFUSED = {
    "while": "while shapes:\n        pass",
    "augmented assignment": "n = 0\n    n += 1",
    "annotated assignment": "n: int = 0",
    "two targets": "m = n = 0",
    "unpacking": "a, b = shapes",
    "walrus": "if (n := 3) == 3:\n        return n",
    "lambda": "return (lambda x: x)(shapes)",
    "inner function": "def inner():\n        return 1",
    "class": "class A:\n        pass",
    "import": "import os",
    "try": "try:\n        return 1\n    except ValueError:\n        return 2",
    "raise": "raise ValueError('no')",
    "with": "with shapes:\n        return 1",
    "assert": "assert shapes",
    "del": "del shapes",
    "global": "global n",
    "pass": "pass",
    "break": "for i in range(3):\n        break",
    "for else": "for i in range(3):\n        n = i\n    else:\n        n = 0",
    "for with unpacking": "for i, j in shapes:\n        n = i",
    "bare return": "return",
    "None": "return None",
    "bytes": "return b'a'",
    "complex": "return 1j",
    "ellipsis": "return ...",
    "a number that JavaScript has not": "return 2 ** 3",
    "a large number": "return 9007199254740993",
    "infinity by overflow": "return 1e999",
    "true division": "return 3 / 2",
    "bits": "return 3 & 1",
    "shift": "return 1 << 3",
    "matrix product": "return shapes @ shapes",
    "plus": "return +3",
    "invert": "return ~3",
    "chained comparison": "return 0 < shapes[0] < 3",
    "is": "return shapes is attributes",
    "tuple": "return (1, 2)",
    "set": "return {1, 2}",
    "dict with computed keys": "return {shapes[0]: 1}",
    "dict with odd keys": "return {'a-b': 1}",
    "dict with a dangerous key": "return {'__proto__': 1}",
    "dict unpacking": "return {**attributes}",
    "dict comprehension": "return {i: 1 for i in shapes}",
    "generator": "return max(i for i in shapes)",
    "slice with a step": "return shapes[::2]",
    "odd key": "return attributes['a b']",
    "list plus list": "return [1] + [2]",
    "list times number": "return [0] * 3",
    "string plus": "return f'{shapes}' + f'{shapes}'",
    "format specification": "return f'{shapes[0]:3}'",
    "conversion": "return f'{shapes!r}'",
    "a list as a truth value": "if shapes:\n        return 1",
    "a list as a truth value in not": "return not shapes",
    "a list as a truth value in and": "return shapes and attributes",
    "a list as a truth value in a condition": "return 1 if shapes else 2",
    "a list as a truth value in a comprehension": "return [i for i in shapes if i]",
    "an unknown function": "return sorted(shapes)",
    "a method": "return shapes.index(1)",
    "a method of a call": "return [1].index(1)",
    "an attribute": "return shapes.size",
    "another constant of math": "return math.pi",
    "a builder's unknown method": "b = shapes\n    return b.constant(1)",
    "a builder's method with too few arguments": "b = shapes\n    return b.node('add', [])",
    "append with two": "n = []\n    n.append(1, 2)",
    "keyword": "return range(stop=3)",
    "range with a step": "return range(0, 9, 2)",
    "len of two": "return len(shapes, shapes)",
    "min of a list": "return min(shapes)",
    "unpacked arguments": "return max(*shapes)",
    "a global": "return math",
    "an unknown name": "return nowhere",
    "a name that is reserved": "new = 3\n    return new",
    "a name that is used by the support": "floordiv = 3\n    return floordiv",
    "a local that hides len": "len = 3\n    return len",
    "a loop variable assigned": "for i in range(3):\n        i = 2",
    "a loop variable after the loop": "for i in range(3):\n        n = i\n    return i",
    "a loop variable that is an argument": "for shapes in range(3):\n        n = 1",
    "a loop within of the same name": "for i in range(3):\n        for i in range(2):\n            n = i",
    "a comprehension's variable outside": "n = [i for i in shapes]\n    return i",
    "a comprehension over a local's name": "i = 3\n    return [i for i in shapes]",
    "an item of something unknown": "nowhere[0] = 1",
    "an item of an item": "shapes[0][0] = 1",
    "an expression alone": "shapes[0] == 1",
    "await": "return [i async for i in shapes]",
    "yield": "yield shapes",
    "star target": "[a, *b] = shapes",
}  # fmt: skip


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_outside_of_the_subset_is_refused_with_its_place(tmp_path, body) -> None:
    if body.startswith("return [i async"):
        source = f"async def rule(shapes, attributes):\n    {body}\n"
    else:
        source = f"def rule(shapes, attributes):\n    {body}\n"
    with pytest.raises(TranspileError) as caught:
        transpile([function_of(tmp_path, source)])
    assert "_rule" in str(caught.value)
    assert "outside of the subset" in str(caught.value) or "made with def" in str(caught.value)


@pytest.mark.parametrize("source", [
    "def rule(shapes, *rest):\n    return shapes",
    "def rule(shapes, **rest):\n    return shapes",
    "def rule(shapes, attributes=3):\n    return shapes",
    "def rule(shapes, *, attributes):\n    return shapes",
    "def decorate(f):\n    return f\n\n@decorate\ndef rule(shapes):\n    return shapes",
    "rule = lambda shapes: shapes",
    "def rule(new):\n    return new",
    "def rule(range):\n    return range",
])  # fmt: skip
def test_other_functions_are_refused(tmp_path, source) -> None:
    with pytest.raises(TranspileError):
        transpile([function_of(tmp_path, source)])


def test_recursion_is_refused(tmp_path) -> None:
    with pytest.raises(TranspileError, match="calls itself"):
        transpile([function_of(tmp_path, "def rule(n):\n    return rule(n)")])
    with pytest.raises(TranspileError, match="calls itself"):
        transpile([function_of(tmp_path, "def other(n):\n    return rule(n)\n\ndef rule(n):\n    return other(n)")])


def test_functions_from_elsewhere_are_refused(tmp_path) -> None:
    with pytest.raises(TranspileError, match="calling other"):
        transpile([function_of(tmp_path, "def other(n):\n    return n\n\ndef rule(n):\n    return other(n)", "somewhere.else_")])


def test_the_number_of_arguments_is_checked(tmp_path) -> None:
    with pytest.raises(TranspileError, match="calling other with these arguments"):
        transpile([function_of(tmp_path, "def other(n):\n    return n\n\ndef rule(n):\n    return other(n, n)")])


# Statements that Python and JavaScript must give the same for. Each rule takes x = [7, -3, 2] and k = {"a": [1, 2], "flag": True}.
SAME = [
    "return -x[1]", "return - -x[1]", "return 1 - -x[1]", "return -7 // 2", "return -7 % 3", "return 7 % -3", "return -(7 // 2)", "return (1 - 2) - 3",
    "return 1 - (2 - 3)", "return 2 * (3 + 4)", "return x[-1]", "return x[1:]", "return x[:-1]", "return x[-2:]", "return x[1:1]", "return x[5:]",
    "return [*x, *k['a'], 9]", "return [i * 2 for i in x if i > 0]", "return [[i, j] for i in x for j in k['a'] if i != j]",
    "return [[j for j in range(i)] for i in range(3)]", "return [i for i in range(2, 5)]", "return [i for i in range(5, 2)]",
    "return 7 in x", "return 8 not in x", "return [1, 2] == k['a']", "return x != x", "return not (1 in x)", "return x[0] > 0 and x[1] > 0 or k['flag']",
    "return 1 if x[0] == 7 else 2", "return min(x[0], x[1])", "return max(-x[0], abs(x[1]))", "return len(x)", "return {'a': x, 'b': {'c': 1}}",
    "return maximum(x[0], 9)", "return differ(x[0], 7)", "return math.inf > x[0]", "return f'{x} and {k[\"flag\"]}: `$\\\\{x[0]}'", "return f'{[\"f32\", \"bool\"]}'",
    "n = []\n    for i in x:\n        if i > 0:\n            n.append(i)\n        else:\n            n.append(0)\n    return n",
    "n = [0 for i in x]\n    for i in range(3):\n        n[i] = x[i] + i\n    return n", "n = 0\n    for i in range(4):\n        for j in range(i):\n            n = n + j\n    return n",
    "if x[0] == 1:\n        return 1\n    if x[0] == 7:\n        return 'seven'\n    return 3", "'''A text.'''\n    return [True, False]", "return [[], [[]]]",
    "return -x[0] // 2 * 3", "return (x[0] + 1) * -1 % 5", "return 0 * x[1] + 0",
]  # fmt: skip


def test_python_and_javascript_give_the_same(tmp_path) -> None:
    node = shutil.which("node")
    assert node, "these tests need Node 20 or newer on the PATH"
    expected, declarations, calls = [], [], []
    x, k = [7, -3, 2], {"a": [1, 2], "flag": True}
    for body in SAME:
        source = f"from webkiln.ops.rules import differ, maximum\n\ndef rule(x, k):\n    {body}\n"
        rule = function_of(tmp_path, source)
        expected.append(rule(list(x), dict(k)))
        declarations.append(transpile([rule]))
        calls.append(f"{javascript.javascript_name(rule)}([7, -3, 2], {{ a: [1, 2], flag: true }})")
    names = "fail, differ, maximum, floordiv, mod, range, len, equal, includes, show"
    support = (REPOSITORY / "js" / "rule_support.js").as_uri()
    script = f'import {{ {names} }} from "{support}";\n' + "".join(declarations) + f"console.log(JSON.stringify([{', '.join(calls)}]));"
    (tmp_path / "same.mjs").write_text(script)
    done = subprocess.run([node, str(tmp_path / "same.mjs")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for body, python, other in zip(SAME, expected, json.loads(done.stdout), strict=True):
        assert python == other, body


def test_rendering_is_pure() -> None:
    assert rendered() == rendered()
    assert javascript.operators_module(dict(OPERATORS)) == javascript.operators_module(OPERATORS)
    operators = list(OPERATORS.values())
    rules = [operator.shape for operator in operators]
    assert transpile(rules) == transpile(rules)
    assert transpile(rules) == transpile([*rules, *rules])


def test_the_order_of_the_registry_is_the_table_s() -> None:
    backwards = dict(reversed(OPERATORS.items()))
    text, other = javascript.operators_module(OPERATORS), javascript.operators_module(backwards)
    assert text != other
    assert sorted(text.splitlines()) == sorted(other.splitlines())


def test_rendered_files_are_written_and_up_to_date() -> None:
    render()
    folder = REPOSITORY / "js" / "generated"
    for name, text in rendered().items():
        assert (folder / name).read_text(encoding="utf-8") == text, f"{name} is stale; run: python -m webkiln.codegen"


def test_rendering_leaves_files_that_have_not_changed() -> None:
    render()
    path = REPOSITORY / "js" / "generated" / "operators.js"
    before = path.stat().st_mtime_ns
    render()
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(("value", "text"), [
    (1.5, "1.5"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity"), (float("nan"), "NaN"), ([1, [True]], "[1, [true]]"), ("a\"b", '"a\\"b"'), (None, "null"),
])  # fmt: skip
def test_literals(value, text) -> None:
    assert javascript.javascript_value(value) == text


def test_types_name_every_operator_and_attribute() -> None:
    text = javascript.operators_types(OPERATORS)
    for name, operator in OPERATORS.items():
        line = next(line for line in text.splitlines() if line.startswith(f"  {name}: {{"))
        for attribute, record in operator.attributes.items():
            assert f"{attribute}{'?' if record.default is not None else ''}: " in line
