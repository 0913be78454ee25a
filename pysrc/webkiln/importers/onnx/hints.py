"""What a user could do about an operator that is not converted."""

from __future__ import annotations

_GENERAL = "Export the model without it, or cut the model before it and compute the rest in JavaScript"
_HINTS = (
    (("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"), "Random numbers are not made: give them as an input"),
    (("StringNormalizer", "StringConcat", "StringSplit", "RegexFullMatch", "TfIdfVectorizer"), "Text is not computed with: prepare it before the model"),
)


def hint(operator: str) -> str:
    """One sentence for an operator's name (with its domain, when that is not ai.onnx)."""
    for names, text in _HINTS:
        if operator in names:
            return text
    if ":" in operator and not operator.startswith(("com.microsoft:", "ai.onnx.ml:")):
        return "Operators of this domain are private to the program that wrote them: export the model with those of ai.onnx only"
    return _GENERAL
