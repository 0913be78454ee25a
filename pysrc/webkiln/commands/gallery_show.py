"""`webkiln gallery show`."""

from __future__ import annotations

from webkiln.commands.describe import held_text
from webkiln.commands.terminal import say, size_text, table
from webkiln.gallery import Recipe, find
from webkiln.gallery.snippets import javascript, python


def command(*, name: str) -> bool:
    recipe = find(name)
    table(
        ("", ""),
        [
            ("name", recipe.name),
            ("task", recipe.task),
            ("size", f"{size_text(recipe.bytes)}, as the source has it"),
            ("licence", f"{recipe.licence}, {recipe.attribution}"),
            *(("from", f"{part.archive}: {part.member}") for part in recipe.parts),
            *((f"input {each}", held_text(spec)) for each, spec in recipe.inputs.items()),
            *((f"output {each}", held_text(spec)) for each, spec in recipe.outputs.items()),
            ("sample", recipe.sample or "none"),
        ],
    )
    show_snippets(recipe, recipe.name)
    return True


def show_snippets(recipe: Recipe, folder: str) -> None:
    for language, text in (("JavaScript", javascript(recipe, folder)), ("Python", python(recipe, folder))):
        say("")
        say(f"{language}:")
        for line in text.splitlines():
            say(f"    {line}")
