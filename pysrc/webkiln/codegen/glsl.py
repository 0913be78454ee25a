"""The element-wise operators in GLSL ES 3.00, from the operator table, and the functions that they need, from `webgl_kernels/`.

An operator is a function from `vec4`s to a `vec4`, lane by lane; booleans are 0.0 and 1.0. It has the variants of the operator whose
inputs and output are f32 or bool. A program holds the functions that it uses and what they need, in the order of the library;
its outputs are to be `invariant`, which keeps compilers from rewriting float arithmetic as if there were no NaN and no rounding.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from webkiln.codegen.expressions import Lanes, float_literal, translate
from webkiln.codegen.paths import source_folder
from webkiln.errors import GraphError, WebkilnError
from webkiln.ops.backends import WEBGL_DTYPES
from webkiln.ops.table import Operator

DTYPES = frozenset(WEBGL_DTYPES)

_LANES = "_[fu][14]"  # how the names of the library's functions end in GLSL, so that none is a built-in function's
# Correct in every driver as they are; the others are the library's.
_BUILT_IN = {"abs": "abs", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "round": "roundEven"}
_COMPARISONS = {
    "==": "equal",
    "!=": "notEqual",
    "<": "lessThan",
    "<=": "lessThanEqual",
    ">": "greaterThan",
    ">=": "greaterThanEqual",
}


@dataclass(frozen=True)
class Function:
    """A GLSL function: its code in one line, and the library's functions that it calls itself."""

    code: str
    needs: tuple[str, ...]
    operands: int


class Glsl:
    """GLSL ES 3.00: `f4` is a vec4, a mask a bvec4. There are no integers: they are not for element-wise programs of this backend."""

    name = "GLSL"

    def literal(self, value: float, lanes: Lanes) -> str:
        if lanes != "f4":
            raise GraphError("element-wise functions in GLSL have no integers")
        return f"vec4({glsl_float(value)})"

    def compare(self, sign: str, a: str, b: str) -> str:
        return f"{_COMPARISONS[sign]}({a}, {b})"

    def invert(self, a: str) -> str:
        return f"not({a})"

    def combine(self, sign: str, masks: Sequence[str]) -> str:
        if sign == "^":
            return f"notEqual({masks[0]}, {masks[1]})"
        return "bvec4(" + f" {sign} ".join(f"uvec4({mask})" for mask in masks) + ")"

    def select(self, lanes: Lanes, mask: str, a: str, b: str) -> str:
        # No mix of masks in this version of the language.
        return mask_of(f"mix({value_of(b)}, {value_of(a)}, {mask})") if lanes == "mask" else f"mix({b}, {a}, {mask})"

    def call(self, name: str, lanes: Lanes, arguments: Sequence[str]) -> str:
        return f"{_BUILT_IN.get(name, f'{name}_f4')}({', '.join(arguments)})"


def glsl_float(value: float) -> str:
    """A GLSL literal of type float; infinities and NaN by their bits, as there are no literals of them."""
    named = {"INFINITY": "0x7f800000u", "-INFINITY": "0xff800000u", "NAN": "0x7fc00000u"}.get(float_literal(value))
    return f"uintBitsToFloat({named})" if named else repr(value)


def mask_of(code: str) -> str:
    """The mask of a boolean that is kept as 0.0 and 1.0."""
    return f"notEqual({code}, vec4(0.0))"


def value_of(code: str) -> str:
    """0.0 and 1.0 for a mask."""
    return f"vec4({code})"


def library() -> dict[str, Function]:
    """The functions of `webgl_kernels/functions.glsl.j2`, as `parse_library` gives them."""
    environment = Environment(
        loader=FileSystemLoader(source_folder("webgl_kernels")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return parse_library(environment.get_template("functions.glsl.j2").render())


def parse_library(text: str) -> dict[str, Function]:
    """GLSL functions in their order, by name: what is `exp_f4` in GLSL is called `exp` here.

    Raises `WebkilnError` when a part of the text is no function, or one calls another that is not defined above it.
    """
    found: dict[str, Function] = {}
    for block in re.split(r"\n(?=\w)", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).strip()):
        code = compact(block)
        head = re.match(r"\w+ (\w+)\(([^)]*)\)(\{.*\})$", code)
        if head is None or _key(head[1]) == head[1]:
            raise WebkilnError(f"the GLSL library holds something that is not a function NAME_f4, _f1 or _u1: {code[:120]!r}")
        body = head[3]
        if unknown := _called(body) - set(found):
            raise WebkilnError(f"the GLSL library: {head[1]} calls {', '.join(sorted(unknown))}, not defined above it")
        if _key(head[1]) in found:
            raise WebkilnError(f"the GLSL library defines {head[1]} twice")
        found[_key(head[1])] = Function(code, _needs(body, found), head[2].count(",") + 1)
    return found


def functions(operators: Mapping[str, Operator], available: Collection[str]) -> dict[str, Function]:
    """The element-wise operators that have a variant of f32 and bool, by name: `op_NAME(vec4 x, …)`.

    The operands are the inputs and then the float attributes. `cast` is a function a pair of dtypes, named as the opcodes of the
    WASM kernels are: `cast:f32:bool`, in GLSL `op_cast_f32_bool`. `available`: the names of the library.
    """
    return {key: _function(key, operator, variant, available) for key, operator, variant in variants(operators)}


def variants(operators: Mapping[str, Operator]) -> Iterator[tuple[str, Operator, tuple[str, ...]]]:
    """What there is a function for: its name, the operator, the dtypes of inputs and output that it is rendered from."""
    for operator in operators.values():
        fitting = [variant for variant in operator.variants if DTYPES.issuperset(variant)]
        if operator.name == "cast":
            yield from ((f"cast:{source}:{to}", operator, (source, to)) for source, to in fitting)
        elif fitting:
            # The first serves all: 0.0 and 1.0 are floats, so what selects among floats selects among booleans.
            yield operator.name, operator, fitting[0]


def _function(key: str, operator: Operator, variant: Sequence[str], available: Collection[str]) -> Function:
    assert operator.expression is not None
    dtypes = dict(zip(operator.inputs, variant, strict=False)) | dict.fromkeys(operator.floats, "f32")
    value = translate(operator.expression, dtypes, Glsl())
    result = value.code
    if value.lanes == "mask" or variant[-1] == "bool":
        result = value_of(result if value.lanes == "mask" else mask_of(result))
    parameters, masks = [], ""
    for name, dtype in dtypes.items():
        given = f"{name}_value" if dtype == "bool" else name
        parameters.append(f"vec4 {given}")
        if dtype == "bool":
            masks += f"bvec4 {name} = {mask_of(given)}; "
    code = compact(f"vec4 op_{key.replace(':', '_')}({', '.join(parameters)}) {{ {masks}return {result}; }}")
    return Function(code, _needs(code, available), len(dtypes))


def _key(name: str) -> str:
    return re.sub(_LANES + "$", "", name)


def _needs(code: str, available: Collection[str]) -> tuple[str, ...]:
    called = _called(code)
    return tuple(name for name in available if name in called)


def _called(code: str) -> set[str]:
    return {_key(name) for name in re.findall(rf"\w+{_LANES}(?=\()", code)}


def compact(code: str) -> str:
    """The code without what a compiler doesn't need: line breaks, indentation, spaces around signs."""
    code = re.sub(r" ?([^\w .+-]) ?", r"\1", re.sub(r"\s+", " ", code).strip())
    return re.sub(r"(?<![+-]) ?(?<![+-])([+-]) ?(?![+-])", r"\1", code)
