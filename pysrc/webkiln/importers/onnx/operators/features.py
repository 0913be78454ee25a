"""Preparing features (ai.onnx.ml): scaling, normalizing, encoding. Words are refused, since tensors hold none."""

from __future__ import annotations

import math

import numpy as np

from webkiln.importers.elements import carrier
from webkiln.importers.emitter import Refused
from webkiln.importers.onnx.lowering import Call, Typed
from webkiln.importers.onnx.registry import lowers
from webkiln.ops.rules import product


@lowers("Scaler", domain="ai.onnx.ml")
def scaler(call: Call) -> str:
    """(x − offset) · scale, each one number or one a feature."""
    x = call.cast(call.value(0), "f32")
    offset, scale = (call.constant(np.array(call.floats(name) or [default], np.float32)) for name, default in (("offset", 0.0), ("scale", 1.0)))
    return call.node("mul", [call.node("sub", [x, offset]), scale])


@lowers("Normalizer", domain="ai.onnx.ml")
def normalizer(call: Call) -> str:
    """Rows divided by their norm; a row of zeros stays."""
    x = call.cast(call.value(0), "f32")
    kind = call.choice("norm", "MAX", "L1", "L2")
    axis = call.rank(0, 1, 2) - 1
    size = call.node("abs", [x]) if kind != "L2" else call.node("mul", [x, x])
    if kind == "MAX":
        norm = call.node("reduce_max", [x], axes=[axis], keep_dims=True)
    else:
        norm = call.node("reduce_sum", [size], axes=[axis], keep_dims=True)
        norm = call.node("sqrt", [norm]) if kind == "L2" else norm
    is_zero = call.node("equal", [norm, call.like(0.0, norm)])
    return call.node("div", [x, call.node("where", [is_zero, call.like(1.0, norm), norm])])


@lowers("Binarizer", domain="ai.onnx.ml")
def binarizer(call: Call) -> str:
    x = call.value(0)
    above = call.node("greater", [x, call.like(call.number("threshold", 0.0), x)])
    return call.cast(above, call.builder.dtype(x))


@lowers("Imputer", domain="ai.onnx.ml")
def imputer(call: Call) -> str:
    """What equals the replaced value (NaN equals NaN) becomes the imputed one of its feature."""
    x = call.value(0)
    is_float = call.builder.dtype(x) == "f32"
    imputed = call.floats("imputed_value_floats") if is_float else call.integers("imputed_value_int64s")
    replaced = call.number("replaced_value_float", 0.0) if is_float else call.integer("replaced_value_int64", 0)
    if not imputed:
        call.fail("it has no imputed values of its input's type")
    found = call.node("is_nan", [x]) if math.isnan(replaced) else call.node("equal", [x, call.like(replaced, x)])
    return call.node("where", [found, call.constant(np.array(imputed, np.float32 if is_float else np.int64)), x])


@lowers("ArrayFeatureExtractor", domain="ai.onnx.ml")
def array_feature_extractor(call: Call) -> str:
    """Entries of the last axis; a list is taken as one row."""
    x = call.value(0)
    shape = call.builder.shape(x)
    places = call.cast(call.value(1), "i32")
    flat = call.reshape(places, [product(call.shape(1))])
    return call.node("gather", [call.reshape(x, [1, *shape]) if len(shape) == 1 else x, flat], axis=max(1, len(shape) - 1))


@lowers("FeatureVectorizer", domain="ai.onnx.ml")
def feature_vectorizer(call: Call) -> str:
    parts = [call.cast(value, "f32") for value in call.values()]
    return call.node("concat", parts, axis=1)


@lowers("OneHotEncoder", domain="ai.onnx.ml")
def one_hot_encoder(call: Call) -> str:
    """A new last axis, 1 where the element is the category; other elements give zeros, or with `zeros` = 0 are an error, which is refused."""
    if call.texts("cats_strings"):
        raise Refused("categories that are words")
    categories = call.integers("cats_int64s")
    if not categories:
        call.fail("it has no categories (cats_int64s)")
    if not call.integer("zeros", 1):
        raise Refused("zeros = 0: an unknown category would have to be an error when the model runs")
    x = call.value(0)
    is_float = call.builder.dtype(x) == "f32"
    wide = call.reshape(x if is_float else call.wide(x), [*call.builder.shape(x), 1])
    return call.cast(call.node("equal", [wide, call.constant(np.array(categories, np.float32 if is_float else np.int64))]), "f32")


@lowers("LabelEncoder", domain="ai.onnx.ml")
def label_encoder(call: Call) -> Typed:
    """Numbers to numbers, by a list of pairs; the default where there is no pair."""
    keys, values = _pairs(call, "keys"), _pairs(call, "values")
    if len(keys) != len(values):
        call.fail(f"it has {len(keys)} keys and {len(values)} values")
    x = call.value(0)
    is_float = values.dtype == np.float32
    default = call.number("default_float", -0.0) if is_float else call.integer("default_int64", -1)
    if (given := call.tensor("default_tensor")) is not None:
        default = given[0].reshape(-1)[0].item()
    wide = call.reshape(x if call.builder.dtype(x) == "f32" else call.wide(x), [*call.builder.shape(x), 1])
    keyed = call.constant(keys)
    matches = call.node("equal", [wide, keyed])
    if keys.dtype == np.float32 and np.isnan(keys).any():
        both = call.node("logical_and", [call.node("is_nan", [wide]), call.node("is_nan", [keyed])])
        matches = call.node("logical_or", [matches, both])
    axis = len(call.builder.shape(matches)) - 1
    # The place of the first key that fits; one more than there are keys where none does.
    numbered = call.node("where", [matches, call.constant(np.arange(len(keys), dtype=np.int32)), call.constant(np.array(len(keys), np.int32))])
    place = call.node("reduce_min", [numbered], axes=[axis], keep_dims=False)
    table = np.append(values, np.array([default], values.dtype))
    return Typed(call.node("gather", [call.constant(table), place], axis=0), "float32" if is_float else "int64")


def _pairs(call: Call, name: str) -> np.ndarray:
    if call.texts(f"{name}_strings") or call.texts("classes_strings"):
        raise Refused("labels that are words")
    if (given := call.tensor(f"{name}_tensor")) is not None:
        array, dtype = given
        if np.dtype(carrier(dtype)).kind not in "iuf":
            raise Refused(f"labels of the type {dtype}")
        return array.reshape(-1).astype(np.float32 if array.dtype.kind == "f" else np.int64)
    if floats := call.floats(f"{name}_floats"):
        return np.array(floats, np.float32)
    return np.array(call.integers(f"{name}_int64s"), np.int64)


@lowers("ZipMap", domain="ai.onnx.ml")
def zip_map(call: Call) -> Typed:
    """The scores as they are, [N, C], in the order of the labels: tensors hold no maps."""
    return call.same()
