"""Webkiln."""
