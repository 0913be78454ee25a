"""Reading models of other frameworks into graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from webkiln.errors import FormatError, UnsupportedFormatError, shortened
from webkiln.importers.detect import detect

if TYPE_CHECKING:
    from webkiln.importers.imported import ImportedModel

_TODAY = "Today TFLite (.tflite) and ONNX (.onnx) files and TensorFlow.js graph models (model.json) are converted; `webkiln gallery list` shows models that are known to work"
_LATER = {
    "keras": "a Keras model",
    "h5": "an HDF5 file, as Keras wrote them",
    "torch": "a PyTorch file",
    "savedmodel": "a TensorFlow SavedModel",
}
_INSTEAD = {
    "keras": ". From Keras, `tf.lite.TFLiteConverter.from_keras_model(model).convert()` makes a TFLite file",
    "h5": ". From Keras, `tf.lite.TFLiteConverter.from_keras_model(model).convert()` makes a TFLite file",
    "savedmodel": ". From TensorFlow, `tf.lite.TFLiteConverter.from_saved_model(folder).convert()` makes a TFLite file",
}


def read(
    path: Path,
    *,
    inputs: Mapping[str, Sequence[int | str]] | None = None,
    signature: str | None = None,
) -> ImportedModel:
    """Read a model of any known format.

    `inputs`: shapes by input name that replace the source's; a string is a symbolic size. `signature`: which of the source's; the
    first by default. Raises `FormatError` (not a model, or a broken one), `UnsupportedFormatError` (a format that is not read),
    `UnsupportedOperatorError` (all that cannot be converted), `InputError` (no such input or signature).
    """
    path = Path(path)
    kind = detect(path)
    if kind in ("tflite", "onnx", "tfjs"):
        importer = import_module(f"webkiln.importers.{kind}.read")
        try:
            model: ImportedModel = importer.read(path, inputs=inputs, signature=signature)
        except FormatError as error:
            raise FormatError(f"{path.name}: {shortened(str(error))}") from None
        return model
    if kind == "webkiln":
        raise UnsupportedFormatError(f"{str(path)!r} is in the web format already; open it with `webkiln.load`")
    raise UnsupportedFormatError(f"{str(path)!r} is {_LATER[kind]}, which is not read yet. {_TODAY}{_INSTEAD.get(kind, '')}")


__all__ = ["detect", "read"]
