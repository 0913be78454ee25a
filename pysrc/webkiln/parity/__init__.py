"""Comparing results, and verifying that a model gives the same everywhere."""
