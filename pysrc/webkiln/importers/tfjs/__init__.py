"""Graph models of TensorFlow.js: a model.json with weights beside it."""
