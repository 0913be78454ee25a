"""Renders `js/generated/`: the registry with its rules, the kernel table, the types. A pure function of the operator table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from webkiln.codegen.glsl import Function
from webkiln.codegen.transpile import SUPPORT, javascript_name, transpile
from webkiln.ops.backends import WEBGL_DTYPES, WEBGL_STRUCTURED
from webkiln.ops.rules import broadcast
from webkiln.ops.table import Attribute, Operator

_HEAD = "// Rendered from the operator table by the build. Do not edit.\n"
_TYPES = {"int": "number", "ints": "number[]", "float": "number", "bool": "boolean", "string": "string", "dims": "Dim[]"}


def operators_module(operators: Mapping[str, Operator]) -> str:
    """`operators.js`: name → inputs, attributes, shape and dtype rules. What running a model needs, and no more."""
    rules: list[Callable[..., Any]] = [broadcast]
    for operator in operators.values():
        if not operator.elementwise:
            rules += [operator.shape, operator.dtype]
    listed = {operator.variants for operator in operators.values() if operator.elementwise and operator.name != "cast"}
    variants = {value: f"VARIANTS_{number}" for number, value in enumerate(sorted(listed))}
    lists = "".join(f"const {name} = {json.dumps(value)};\n" for value, name in variants.items())
    entries = "\n".join(_entry(operator, variants) for operator in operators.values())
    return f"{_module_head({'RuleError'})}export {{ RuleError }};\n\n{transpile(rules)}\n{_RECORDS}\n{lists}\nexport const operators = {{\n{entries}\n}};\n"


def gradients_module(operators: Mapping[str, Operator]) -> str:
    """`gradients.js`: name → gradient rule, or the scalar expressions of an element-wise operator's derivatives."""
    rules = [operator.gradient for operator in operators.values() if callable(operator.gradient)]
    entries = []
    for operator in operators.values():
        if callable(operator.gradient):
            entries.append(f"  {operator.name}: {javascript_name(operator.gradient)},")
        elif isinstance(operator.gradient, tuple):
            entries.append(f"  {operator.name}: {json.dumps(list(operator.gradient))},")
    table = "\n".join(entries)
    return f"{_module_head(set())}{transpile(rules)}\nexport const gradients = {{\n{table}\n}};\n"


def _module_head(more: set[str]) -> str:
    support = ", ".join(sorted(SUPPORT | more))
    return f'{_HEAD}/* eslint-disable */\n// @ts-nocheck\nimport {{ {support} }} from "../rule_support.js";\n\n'


_RECORDS = """\
/** The dtype rule of element-wise operators: the variant that takes these inputs. */
function variant(name, variants) {
  return (dtypes, attributes) => {
    for (const one of variants) if (equal(one.slice(0, -1), dtypes)) return [one.at(-1)];
    const known = variants.map((one) => one.slice(0, -1).join(", ")).join("; ");
    fail(`${name} has no variant for ${dtypes.join(", ")}; it takes: ${known}`);
  };
}

function elementwise(name, inputs, variants, attributes = {}, floats = []) {
  const dtype = variants ? variant(name, variants) : (dtypes, { to }) => [to];
  return { inputs, optional: 0, variadic: false, attributes, elementwise: true, floats, shape: rules_broadcast, dtype };
}

function structured(inputs, attributes, shape, dtype, optional = 0, variadic = false) {
  return { inputs, optional, variadic, attributes, elementwise: false, floats: [], shape, dtype };
}
"""


def _entry(operator: Operator, variants: Mapping[Any, str]) -> str:
    inputs = json.dumps([name.rstrip("?*") for name in operator.inputs])
    attributes = "{ " + ", ".join(f"{name}: {_attribute(one)}" for name, one in operator.attributes.items()) + " }"
    if operator.elementwise:
        words = [json.dumps(operator.name), inputs, variants.get(operator.variants, "null")]
        if operator.attributes:
            words += [attributes, json.dumps(list(operator.floats))]
        return f"  {operator.name}: elementwise({', '.join(words)}),"
    words = [inputs, attributes, javascript_name(operator.shape), javascript_name(operator.dtype)]
    if operator.optional or operator.variadic:
        words += [str(operator.optional), json.dumps(operator.variadic)]
    return f"  {operator.name}: structured({', '.join(words)}),"


def _attribute(attribute: Attribute) -> str:
    text = f'{{ type: "{attribute.type}"'
    if attribute.default is not None:
        text += f", default: {javascript_value(attribute.default)}"
    if attribute.choices:
        text += f", choices: {json.dumps(list(attribute.choices))}"
    return text + " }"


def javascript_value(value: Any) -> str:
    """A value as a JavaScript literal, with infinities and NaN."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(javascript_value(item) for item in value) + "]"
    if isinstance(value, float):
        return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(value), repr(value))
    return json.dumps(value)


def operators_types(operators: Mapping[str, Operator]) -> str:
    """`operators.d.ts`: the attributes of every operator, and the shape of the registry."""
    lines = [
        _HEAD,
        "export type Dim = number | string;",
        "export class RuleError extends Error {}",
        "export interface AttributeRecord {",
        '  type: "int" | "ints" | "float" | "bool" | "string" | "dims";',
        "  default?: any;",
        "  choices?: string[];",
        "}",
        "export interface OperatorRecord {",
        "  inputs: string[];",
        "  optional: number;",
        "  variadic: boolean;",
        "  attributes: Record<string, AttributeRecord>;",
        "  elementwise: boolean;",
        "  floats: string[];",
        "  shape(shapes: number[][], attributes: Record<string, any>): number[][];",
        "  dtype(dtypes: string[], attributes: Record<string, any>): string[];",
        "}",
        "export const operators: Record<string, OperatorRecord>;",
        "export interface OperatorAttributes {",
    ]
    for operator in operators.values():
        parts = []
        for name, attribute in operator.attributes.items():
            kind = " | ".join(json.dumps(choice) for choice in attribute.choices) or _TYPES[attribute.type]
            parts.append(f"{name}{'?' if attribute.default is not None else ''}: {kind}")
        lines.append(f"  /** {operator.summary.replace('*/', '* /')} */")
        lines.append(f"  {operator.name}: {{ {'; '.join(parts)} }};" if parts else f"  {operator.name}: {{}};")
    return "\n".join([*lines, "}", "export type OperatorName = keyof OperatorAttributes;", ""])


def kernels_module(kernels: Mapping[str, Any], opcodes: Mapping[str, int]) -> str:
    """`kernels.js`: the kernel table of the WASM backend and the opcodes of its element-wise interpreter."""
    table = "\n".join(f"  {name}: {json.dumps(record)}," for name, record in kernels.items())
    codes = "\n".join(f'  "{name}": {number},' for name, number in opcodes.items())
    return (
        f"{_HEAD}/** @type {{Record<string, {{ id: number, fields: string[], floats: string[] }}>}} */\n"
        f"export const kernels = {{\n{table}\n}};\n\n/** @type {{Record<string, number>}} */\nexport const opcodes = {{\n{codes}\n}};\n"
    )


def tolerances_module(least: Mapping[str, float]) -> str:
    """`tolerances.js`: what a model's results may differ in any case, by backend."""
    return f"{_HEAD}/** @type {{Record<string, number>}} */\nexport const leastTolerances = {json.dumps(dict(least))};\n"


def shaders_module(library: Mapping[str, Function], functions: Mapping[str, Function]) -> str:
    """`shaders.js`: the GLSL of element-wise operators, and of the functions that they need."""

    def table(entries: Mapping[str, Function], operands: bool) -> str:
        lines = ""
        for name, entry in entries.items():
            key = name if name.isidentifier() else json.dumps(name)
            count = f", operands: {entry.operands}" if operands else ""
            lines += f"  {key}: {{ code: {json.dumps(entry.code)}, needs: {json.dumps(entry.needs)}{count} }},\n"
        return "{\n" + lines + "}"

    return (
        f"{_HEAD}/** Functions over four lanes: `exp` is `exp_f4` in GLSL. A program holds those that it needs, and what these need, in this order.\n"
        " * @type {Record<string, { code: string, needs: string[] }>} */\n"
        f"export const library = {table(library, operands=False)};\n\n"
        "/** Element-wise operators: `exp` is `vec4 op_exp(vec4 x)`, `cast:f32:bool` is `op_cast_f32_bool`. Booleans are 0.0 and 1.0.\n"
        " * The output of a program is to be `invariant`: else compilers rewrite arithmetic as if there were no NaN.\n"
        " * @type {Record<string, { code: string, needs: string[], operands: number }>} */\n"
        f"export const functions = {table(functions, operands=True)};\n\n"
        f"/** The structured operators, and the dtypes, that the WebGL backend has. */\n"
        f"export const structured = {json.dumps(WEBGL_STRUCTURED)};\nexport const dtypes = {json.dumps(WEBGL_DTYPES)};\n"
    )
