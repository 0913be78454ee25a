"""Rendering to GLSL: pure, small, strict."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from glsl_machine import Gpu, gather
from webkiln.codegen.build import rendered
from webkiln.codegen.expressions import translate
from webkiln.codegen.glsl import Glsl, compact, functions, library, parse_library
from webkiln.codegen.paths import REPOSITORY
from webkiln.errors import GraphError, WebkilnError
from webkiln.ops import OPERATORS

LIBRARY = library()
FUNCTIONS = functions(OPERATORS, LIBRARY)


def test_rendering_is_a_pure_function() -> None:
    program = "from webkiln.codegen.build import rendered; import sys; sys.stdout.write(rendered()['shaders.js'])"
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
        assert done.stdout.decode("utf-8") == rendered()["shaders.js"]


def test_javascript_has_the_same_functions(tmp_path) -> None:
    module = tmp_path / "shaders.mjs"
    module.write_text(rendered()["shaders.js"], encoding="utf-8")
    program = f"import {{ library, functions }} from {json.dumps(module.as_uri())}; console.log(JSON.stringify([library, functions]));"
    done = subprocess.run(["node", "--input-type=module", "-e", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    parts, operators = json.loads(done.stdout)
    assert list(parts.items()) == [(name, {"code": one.code, "needs": list(one.needs)}) for name, one in LIBRARY.items()]
    assert list(operators.items()) == [
        (name, {"code": one.code, "needs": list(one.needs), "operands": one.operands}) for name, one in FUNCTIONS.items()
    ]


def test_all_of_it_is_small() -> None:
    assert len(gzip.compress(rendered()["shaders.js"].encode(), mtime=0)) <= 5 * 1024


def test_a_function_of_the_library_stands_above_those_that_need_it() -> None:
    names = list(LIBRARY)
    for name, function in LIBRARY.items():
        assert all(names.index(other) < names.index(name) for other in function.needs), name


def test_a_program_holds_only_what_it_needs() -> None:
    code = gather(LIBRARY, FUNCTIONS["sigmoid"].needs)
    assert re.findall(r"^\w+ (\w+)\(", code, re.MULTILINE) == ["isnan_f4", "exp_scaled_f4", "exp_f4"]
    assert FUNCTIONS["add"].needs == ()


def test_every_function_of_the_library_is_needed() -> None:
    used = {need for function in [*LIBRARY.values(), *FUNCTIONS.values()] for need in function.needs}
    assert set(LIBRARY) == used


def test_all_of_it_goes_into_one_program(gpu: Gpu) -> None:
    code = gather(LIBRARY, LIBRARY) + "\n".join(function.code for function in FUNCTIONS.values())
    got = gpu.evaluate(code, "op_sub(op_sigmoid(x0), op_sigmoid(x0))", np.ones(4, np.float32))
    assert not got.any()


@pytest.mark.parametrize(
    ("code", "short"),
    [
        ("vec4  f_f4( vec4 x ) {\n  return x - -x * 2.0;\n}", "vec4 f_f4(vec4 x){return x- -x*2.0;}"),
        ("int i = 1; i += - 1; return -i", "int i=1;i+=-1;return-i"),
        ("a + b - c", "a+b-c"),
        ("a - - - b", "a- - -b"),
    ],
)
def test_compact_code_has_the_same_tokens(code: str, short: str) -> None:
    assert compact(code) == short
    assert re.findall(r"\w+|--|\+\+|[^\w\s]", short) == re.findall(r"\w+|--|\+\+|[^\w\s]", code)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("const float pi = 3.14;", "not a function"),
        ("vec4 exp(vec4 x) { return x; }", "not a function NAME_f4"),
        ("vec4 a_f4(vec4 x) { return b_f4(x); }\nvec4 b_f4(vec4 x) { return x; }", "a_f4 calls b, not defined above"),
        ("vec4 a_f4(vec4 x) { return a_f4(x); }", "a_f4 calls a, not defined above"),
        ("vec4 a_f4(vec4 x) { return x; }\nvec4 a_f4(vec4 x) { return x; }", "defines a_f4 twice"),
    ],
)
def test_a_library_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(WebkilnError, match=message):
        parse_library(text)


@pytest.mark.parametrize(
    ("expression", "message"),
    [("x + z", "unknown name"), ("x if x else x", "unsupported construction"), ("gamma(x)", "no function of that name"), ("x @ x", "unsupported operator")],
)
def test_an_expression_outside_of_the_language_is_refused(expression: str, message: str) -> None:
    with pytest.raises(GraphError, match=f"cannot be rendered to GLSL: .*{message}"):
        translate(expression, {"x": "f32"}, Glsl())


def test_integers_are_refused() -> None:
    with pytest.raises(GraphError, match="no integers"):
        translate("x + 1", {"x": "i32"}, Glsl())
