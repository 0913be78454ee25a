"""A few lines that run a gallery model, in either language."""

from __future__ import annotations

from webkiln.gallery.recipe import Recipe

_PICTURE = {"javascript": "document.querySelector('img')", "python": '"picture.jpg"'}


def javascript(recipe: Recipe, folder: str) -> str:
    """For a page that has loaded webkiln.min.js, and webkiln.results.min.js where the outputs mean something."""
    given = ", ".join(f"{_key(name)}: {_value(name, spec['type'], 'javascript')}" for name, spec in recipe.inputs.items())
    lines = [f'const model = await webkiln.load("{folder}/model.json");', f"const inputs = {{ {given} }};", "const outputs = await model.run(inputs);"]
    if _means_something(recipe):
        lines.append("console.log(await webkiln.results(model, outputs, inputs));")
    return "\n".join(lines)


def python(recipe: Recipe, folder: str) -> str:
    """The same with the NumPy reference."""
    given = ", ".join(f'"{name}": {_value(name, spec["type"], "python")}' for name, spec in recipe.inputs.items())
    lines = ["import webkiln", f'model = webkiln.load("{folder}")', f"inputs = {{{given}}}", "outputs = model.run(inputs)"]
    if _means_something(recipe):
        lines.append("print(webkiln.results(model, outputs, inputs))")
    return "\n".join(lines)


def _means_something(recipe: Recipe) -> bool:
    return any(spec["type"] != "tensor" for spec in recipe.outputs.values())


def _key(name: str) -> str:
    return name if name.isidentifier() else f'"{name}"'


def _value(name: str, kind: str, language: str) -> str:
    """What stands for an input: a picture, or a variable that holds an array."""
    if kind == "picture":
        return _PICTURE[language]
    return {"audio": "samples", "tokens": name}.get(kind, name)
