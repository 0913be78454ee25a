"""What a user could do about an operator that is not converted."""

from __future__ import annotations

_GENERAL = "Export the model without it, or cut the model before it and compute the rest in JavaScript"
_HINTS = (
    (
        ("Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond"),
        "Only loops and branches that TensorFlow's own functions write are recognized in this form: export with control flow version 2",
    ),
    (("RandomUniform", "RandomStandardNormal", "TruncatedNormal", "Multinomial"), "Random numbers are not made: give them as an input"),
    (("VariableV2", "VarHandleOp", "ReadVariableOp", "AssignVariableOp"), "Variables are not converted yet: freeze the model"),
)
_PREFIXES = (
    (("LookupTable", "HashTable"), "Only tables of numbers that are filled once, from constants, are converted: look words up before the model"),
    (("TensorArray",), "Only arrays of tensors of the third version are converted: export with control flow version 2"),
    (("String", "Sparse", "Ragged", "Decode", "Encode"), "Text, files and sparse tensors are not computed with: prepare them before the model"),
)


def hint(operator: str) -> str:
    """One sentence for an operator's name."""
    for names, text in _HINTS:
        if operator in names:
            return text
    for starts, text in _PREFIXES:
        if operator.startswith(starts):
            return text
    return _GENERAL
