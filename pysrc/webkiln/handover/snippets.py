"""Code that runs the model: for a script tag, an ES module, Node."""

from __future__ import annotations

from typing import Any

from webkiln.handover.facts import Facts, SignatureFacts
from webkiln.handover.templating import render as render_template
from webkiln.model import ModelArgument


def render(facts: Facts) -> str:
    """SNIPPETS.md."""
    return render_template("snippets.md.j2", facts=facts, others=[_values(facts, one) for one in facts.signatures[1:]], **_values(facts, facts.signatures[0]))


def script_tag(facts: Facts) -> str:
    """The one for a script tag, which the page shows too."""
    return render_template("script_tag.j2", facts=facts, **_values(facts, facts.signatures[0]))


def _values(facts: Facts, signature: SignatureFacts) -> dict[str, Any]:
    pictures = [one.name for one in signature.inputs if facts.spec("inputs", one.name).get("type") == "picture"]
    return {
        "signature": signature,
        "address": facts.address,
        "pictures": pictures,
        "in_page": [(one.name, "picture" if one.name in pictures else _zeros(one)) for one in signature.inputs],
        "in_node": [(one.name, _zeros(one)) for one in signature.inputs],
        "has_results": any(facts.spec("outputs", one.name).get("type", "tensor") != "tensor" for one in signature.outputs),
        "open_sizes": sorted({size for one in signature.inputs for size in one.shape if isinstance(size, str)}),
    }


def _zeros(argument: ModelArgument) -> str:
    """JavaScript for an array of zeros of an input's shape; sizes that are open are 1."""
    sizes = [size if isinstance(size, int) else 1 for size in argument.shape]
    if argument.dtype.startswith("complex"):
        sizes.append(2)
    kind = "Float32Array" if argument.dtype.startswith(("float", "complex")) else "Int32Array"
    count = " * ".join(map(str, sizes)) or "1"
    data = f"new {kind}({count})"
    return data if all(isinstance(size, int) for size in argument.shape) else f"{{ data: {data}, shape: {sizes} }}"
