"""Storing weights in fewer bits, with measured consequences."""
