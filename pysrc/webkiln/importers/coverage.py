"""Which operators of the sources are converted, and why the others are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module

from webkiln.importers.emitted import emitted
from webkiln.importers.source_names import (
    AI_ONNX,
    AI_ONNX_ML,
    AI_ONNX_PREVIEW,
    AI_ONNX_TRAINING,
    COM_MICROSOFT,
    TENSORFLOW,
)
from webkiln.importers.tensorflow.frames import PARTS

NOT_YET = "not yet"


@dataclass(frozen=True)
class Source:
    """The operators of one source: those with a lowering, by the canonical operators that they may become, and those without by their reasons.

    `domain`: of ONNX, "" for ai.onnx.
    """

    title: str
    converted: Mapping[str, frozenset[str]]
    left_out: Mapping[str, str]
    domain: str = ""


def sources() -> dict[str, Source]:
    """By the names that `webkiln ops --source` takes. Importers are read only here."""
    tflite_names = import_module("webkiln.importers.tflite.schema").OPERATORS
    found = {}
    for key, title, domain, names in (
        ("onnx", "ONNX: ai.onnx", "", AI_ONNX),
        ("onnx-preview", "ONNX: ai.onnx.preview", "ai.onnx.preview", AI_ONNX_PREVIEW),
        ("onnx-training", "ONNX: ai.onnx.preview.training", "ai.onnx.preview.training", AI_ONNX_TRAINING),
        ("onnx-ml", "ONNX: ai.onnx.ml", "ai.onnx.ml", AI_ONNX_ML),
        ("onnx-microsoft", "ONNX: com.microsoft", "com.microsoft", COM_MICROSOFT),
    ):
        found[key] = _source(title, names, _converted("onnx", domain), domain)
    tflite = dict.fromkeys(_OF_THE_FILE, frozenset[str]()) | _converted("tflite")
    found["tflite"] = _source("TFLite", [name for name in tflite_names if name not in _NO_OPERATORS], tflite)
    tensorflow = dict.fromkeys(_OF_THE_GRAPH, frozenset[str]()) | _converted("tensorflow")
    found["tensorflow"] = _source("TensorFlow, as in graph models of TensorFlow.js", TENSORFLOW, tensorflow)
    return found


def _converted(importer: str, domain: str = "") -> dict[str, frozenset[str]]:
    """What the operators become for which an importer has lowering functions (some have another one for complex numbers)."""
    operators = import_module(f"webkiln.importers.{importer}.operators")
    call = import_module(f"webkiln.importers.{importer}.lowering").Call
    found: dict[str, frozenset[str]] = {}
    for rules in (operators.RULES, getattr(operators, "COMPLEX_RULES", {})):
        for key, rule in rules.items():
            of, name = key if isinstance(key, tuple) else ("", key)
            if of == domain:
                found[name] = found.get(name, frozenset()) | emitted(getattr(rule, "lower", rule), name, call, operators.RULES)
    return found


def _source(title: str, names: Iterable[str], converted: Mapping[str, frozenset[str]], domain: str = "") -> Source:
    return Source(title, converted, {name: reason(name) for name in sorted(set(names) - converted.keys())}, domain)


def reason(operator: str) -> str:
    """Why an operator is not converted."""
    for text, names in _REASONS.items():
        if operator in names:
            return text
    return next((text for start, text in _FAMILIES.items() if operator.startswith(start)), NOT_YET)


# What stands in the list of builtin operators, and is none.
_NO_OPERATORS = {"CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES"}

# What the importer of TFLite reads without a lowering: subgraphs in place of operators, and which variables there are.
_OF_THE_FILE = ("CALL", "STABLEHLO_COMPOSITE", "VAR_HANDLE", "CALL_ONCE")

# What the importer of TensorFlow's graphs reads without a lowering.
_OF_THE_GRAPH = ("Const", "HashTable", "HashTableV2", "LookupTableImport", "LookupTableImportV2", "NoOp", "Placeholder", *sorted(PARTS))

_RANDOM = "random: no result could be compared; give the numbers as an input"
_TEXT = "text: prepare it before the model"
_DATA = "the size of its result depends on the data"
_FLOW = "an older form: convert the model with control flow version 2"
_STATE = "variables: freeze the model"
_TRAINING = "training: models are converted for inference"
_GENERATION = "a loop of text generation around subgraphs: run the model once for each token, in the page"
_DEVICE = "the format or the memory of one vendor's device"
_COMPLEX = "complex numbers"
_TABLE = "tables of keys, mostly text: look them up before the model"
_STABLEHLO = "an intermediate form: converters write the builtin operators in its place"
_HASH = "hashing of text into features: prepare it before the model"

_REASONS = {
    _RANDOM: {
        *("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "TruncatedNormal"),
        *("RandomStandardNormal", "StatelessRandomUniform", "StatelessRandomNormal", "RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM", "MULTINOMIAL"),
        *("BiasDropout", "BitmaskBiasDropout", "BitmaskDropout", "STABLEHLO_RNG_BIT_GENERATOR"),
    },
    _TEXT: {
        *("RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer", "Tokenizer", "WordConvEmbedding"),
        *("CategoryMapper", "StaticRegexReplace"),
    },
    "maps: their keys are text or numbers that no tensor holds": {"CastMap", "DictVectorizer", "ZipMap"},
    "decodes a picture's file: pages do that themselves": {"ImageDecoder", "DecodeJpeg", "DecodePng"},
    _DATA: {
        *("Compress", "NonMaxSuppression", "NonZero", "Unique"),
        *("ListDiff", "RemovePadding", "RestorePadding"),
    },
    _STATE: {"VarHandleOp", "ReadVariableOp", "AssignVariableOp", "VariableV2"},
    _GENERATION: {"BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch"},
    _DEVICE: {
        *("EPContext", "Snpe", "DequantizeBFP", "QuantizeBFP", "DequantizeWithOrder", "QuantizeWithOrder", "GemmFloat8", "MatMulBnb4"),
        *("MatMulBlockQuantizedFp4Weight", "MatMulBlockQuantizedFp8Weight", "MatMulFpQ4", "PackedAttention", "PackedMultiHeadAttention"),
        *("PagedAttention", "DecoderMaskedMultiHeadAttention", "DecoderMaskedSelfAttention"),
    },
    _COMPLEX: {"COMPLEX_ABS", "REAL", "IMAG", "RFFT2D", "Complex", "ComplexAbs", "Real", "Imag", "FFT", "IFFT", "RFFT", "IRFFT", "ComplexMul", "ComplexMulConj"},
    _HASH: {"LSH_PROJECTION", "SKIP_GRAM", "HASHTABLE_LOOKUP", "MurmurHash3", "NGramHashMapping", "VarlenNGramHashMapping"},
    "prints, or is there for a test of the runtime that it was made for": {"Print", "SampleOp"},
    _TRAINING: {"Gradient"},
    "no converter writes it any more": {"CONCAT_EMBEDDINGS"},
}  # fmt: skip

_FAMILIES = {"STABLEHLO_": _STABLEHLO, "HASHTABLE": _TABLE, "HashTable": _TABLE, "LookupTable": _TABLE, "TensorArray": _FLOW, "QOrdered": _DEVICE}
