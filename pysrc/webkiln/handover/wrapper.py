"""The model as a module of its own, with its inputs and outputs typed."""

from __future__ import annotations

from typing import Any

from webkiln.handover.facts import Facts, SignatureFacts
from webkiln.handover.templating import render as render_template
from webkiln.model import ModelArgument

# What the runtime gives for the dtypes of sources; js/dtypes.js says the same, and a test holds them together.
ARRAYS = {
    "float64": "Float32Array", "float32": "Float32Array", "float16": "Float32Array", "complex64": "Float32Array", "complex128": "Float32Array",
    "int64": "Int32Array", "int32": "Int32Array", "int16": "Int16Array", "int8": "Int8Array",
    "uint64": "Int32Array", "uint32": "Uint32Array", "uint16": "Uint16Array", "uint8": "Uint8Array", "bool": "Uint8Array",
}  # fmt: skip

RESULTS = {"labels": "Label[]", "boxes": "Detection[]", "keypoints": "Keypoints", "mask": "Mask", "text": "Text"}


def render(facts: Facts) -> dict[str, str]:
    """model.mjs and model.d.mts."""
    values = {
        "facts": facts,
        "address": f"./{facts.address}",
        "signatures": [_signature(facts, one) for one in facts.signatures],
        "by_outputs": [one.name for one in sorted(facts.signatures, key=lambda one: -len(one.outputs))],
    }
    return {"model.mjs": render_template("model.mjs.j2", **values), "model.d.mts": render_template("model.d.mts.j2", **values)}


def _signature(facts: Facts, one: SignatureFacts) -> dict[str, Any]:
    return {
        "name": one.name,
        "inputs": [_entry(facts, "inputs", argument) for argument in one.inputs],
        "outputs": [_entry(facts, "outputs", argument) for argument in one.outputs],
    }


def _entry(facts: Facts, kind: str, argument: ModelArgument) -> dict[str, Any]:
    shape: list[int | str] = [*argument.shape, 2] if argument.dtype.startswith("complex") else list(argument.shape)
    spec = facts.spec(kind, argument.name)
    return {
        "name": argument.name,
        "dtype": argument.dtype,
        "shape": shape,
        "shape_type": "readonly [" + ", ".join(str(size) if isinstance(size, int) else "number" for size in shape) + "]",
        "array": ARRAYS[argument.dtype],
        "is_picture": kind == "inputs" and spec.get("type") == "picture",
        "result": RESULTS.get(str(spec.get("type"))),
        "says": _says(spec),
    }


def _says(spec: dict[str, Any]) -> str:
    kind = str(spec.get("type", ""))
    if kind == "picture":
        return f"a picture, taken at {spec.get('width')} × {spec.get('height')}"
    if kind == "audio":
        return f"sound at {spec.get('sample_rate')} Hz"
    return {"tokens": "tokens", "labels": "scores of labels", "boxes": "boxes", "keypoints": "key points", "mask": "a mask", "text": "text"}.get(kind, "")
