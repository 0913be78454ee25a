"""`webkiln gallery list`."""

from __future__ import annotations

from webkiln.commands.terminal import remark, size_text, table
from webkiln.gallery import RECIPES


def command() -> bool:
    table(
        ("name", "task", "size", "licence", "from"),
        [(recipe.name, recipe.task, size_text(recipe.bytes), recipe.licence, recipe.archive) for recipe in RECIPES.values()],
        right=("size",),
    )
    remark("`webkiln gallery show NAME` tells more of one; `webkiln gallery get NAME -o DIR` fetches and converts it")
    return True
