"""`webkiln gallery list`."""

from __future__ import annotations

from webkiln.commands.terminal import table
from webkiln.gallery import RECIPES


def command() -> bool:
    table(
        ("name", "task", "licence", "from"),
        [(recipe.name, recipe.task, recipe.licence, recipe.archive) for recipe in RECIPES.values()],
    )
    return True
