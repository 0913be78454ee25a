"""Graphs of TensorFlow, whichever file they come from."""
