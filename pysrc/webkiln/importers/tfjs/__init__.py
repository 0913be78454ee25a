"""Graph models of TensorFlow.js: a model.json with weights beside it."""

from webkiln.importers.tfjs.read import read

__all__ = ["read"]
