"""What a user could do about an operator that is not converted."""

from __future__ import annotations

_GENERAL = "Export the model without it, or cut the model before it and compute the rest in JavaScript"
_HINTS = (
    (("STABLEHLO_WHILE",), "Export with loops unrolled and conditions fixed"),
    (
        ("BIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_RNN"),
        "Recurrent layers in both directions are not converted yet: export with `unroll=True`, which makes plain operators of them",
    ),
    (("dtype",), "Only numbers and booleans are converted; export the model with the text or complex part left out"),
)


def hint(operator: str) -> str:
    """One sentence for an operator's name, or for `dtype`."""
    if operator.startswith("CUSTOM:"):
        return "Custom operators are private to the program that wrote them: export the model with built-in operators only"
    for names, text in _HINTS:
        if operator in names:
            return text
    return _GENERAL
