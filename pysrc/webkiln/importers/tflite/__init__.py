"""TFLite files."""

from webkiln.importers.tflite.read import read

__all__ = ["read"]
