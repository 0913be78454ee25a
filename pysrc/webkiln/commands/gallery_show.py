"""`webkiln gallery show`."""

from __future__ import annotations

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
            *((f"input {each}", _told(spec)) for each, spec in recipe.inputs.items()),
            *((f"output {each}", _told(spec)) for each, spec in recipe.outputs.items()),
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


def _told(spec: dict[str, object]) -> str:
    """What an argument holds, in a few words."""
    kind = spec["type"]
    more = {
        "picture": f"{spec.get('width')} × {spec.get('height')}, {spec.get('color')}, {spec.get('resize')}",
        "audio": f"{spec.get('frame_length')} samples at {spec.get('sample_rate')} Hz",
        "tokens": f"of {spec.get('tokenizer')}, at most {spec.get('maximum_length')}",
        "keypoints": f"{spec.get('count')} in {spec.get('units')}",
        "labels": _list(spec.get("labels")),
        "boxes": _list(spec.get("labels")),
    }.get(str(kind), "")
    return f"{kind}: {more}" if more else str(kind)


def _list(names: object) -> str:
    return ", ".join(map(str, names)) if isinstance(names, list) else ""
