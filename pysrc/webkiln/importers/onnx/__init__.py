"""ONNX files."""

from webkiln.importers.onnx.read import read

__all__ = ["read"]
