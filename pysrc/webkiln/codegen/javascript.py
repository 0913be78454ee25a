"""Renders `js/generated/`: the registry with its rules, the kernel table, the types. A pure function of the operator table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from webkiln.codegen.transpile import SUPPORT, javascript_name, transpile
from webkiln.ops.table import Attribute, Operator

_HEAD = "// Rendered from the operator table by the build. Do not edit.\n"
_TYPES = {"int": "number", "ints": "number[]", "float": "number", "bool": "boolean", "string": "string", "dims": "Dim[]"}


def operators_module(operators: Mapping[str, Operator]) -> str:
    """`operators.js`: name → inputs, attributes, shape and dtype rules, gradients."""
    rules: list[Callable[..., Any]] = []
    for operator in operators.values():
        rules.append(operator.shape)
        if not operator.elementwise:
            rules.append(operator.dtype)
        if callable(operator.gradient):
            rules.append(operator.gradient)
    entries = "\n".join(_entry(operator) for operator in operators.values())
    support = ", ".join(sorted({*SUPPORT, "RuleError"}))
    return (
        f"{_HEAD}/* eslint-disable */\n// @ts-nocheck\n"
        f'import {{ {support} }} from "../rule_support.js";\n\nexport {{ RuleError }};\n\n'
        f"{transpile(rules)}\n{_ELEMENTWISE_DTYPE}\n"
        f"export const operators = {{\n{entries}\n}};\n"
    )


_ELEMENTWISE_DTYPE = """\
/** The dtype rule of element-wise operators: the variant that takes these inputs. */
function variant(name, variants) {
  return (dtypes, attributes) => {
    for (const one of variants) if (equal(one.slice(0, -1), dtypes)) return [one.at(-1)];
    const known = variants.map((one) => one.slice(0, -1).join(", ")).join("; ");
    fail(`${name} has no variant for ${dtypes.join(", ")}; it takes: ${known}`);
  };
}
"""


def _entry(operator: Operator) -> str:
    if operator.name == "cast":
        dtype = "(dtypes, attributes) => [attributes.to]"
    elif operator.elementwise:
        dtype = f"variant({json.dumps(operator.name)}, {json.dumps(operator.variants)})"
    else:
        dtype = javascript_name(operator.dtype)
    fields: dict[str, str] = {
        "inputs": json.dumps([name.rstrip("?*") for name in operator.inputs]),
        "optional": str(operator.optional),
        "variadic": json.dumps(operator.variadic),
        "attributes": "{ " + ", ".join(f"{name}: {_attribute(one)}" for name, one in operator.attributes.items()) + " }",
        "elementwise": json.dumps(operator.elementwise),
        "floats": json.dumps(list(operator.floats)),
        "tolerance": json.dumps([operator.tolerance.relative, operator.tolerance.absolute]),
        "shape": javascript_name(operator.shape),
        "dtype": dtype,
    }
    if callable(operator.gradient):
        fields["gradient"] = javascript_name(operator.gradient)
    elif isinstance(operator.gradient, tuple):
        fields["gradient"] = json.dumps(list(operator.gradient))
    return f"  {operator.name}: {{\n" + "".join(f"    {key}: {value},\n" for key, value in fields.items()) + "  },"


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
        "  tolerance: [relative: number, absolute: number];",
        "  shape(shapes: number[][], attributes: Record<string, any>): number[][];",
        "  dtype(dtypes: string[], attributes: Record<string, any>): string[];",
        "  gradient?: string[] | ((b: any, inputs: any[], y: any, dy: any, attributes: Record<string, any>) => any[]);",
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
