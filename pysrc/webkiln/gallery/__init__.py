"""Known pretrained models, by recipe: where the file is inside which package, its hash, its licence, its processing."""

from __future__ import annotations

from webkiln.gallery.convert import convert
from webkiln.gallery.fetch import fetch
from webkiln.gallery.recipes import RECIPES, Archive, Recipe, find

__all__ = ["RECIPES", "Archive", "Recipe", "convert", "fetch", "find"]
