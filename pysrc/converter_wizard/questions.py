"""The questions: at most five, each only where there is a choice and no answer yet.

What an input is comes before precision, since it says what sample inputs precision is measured on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from webkiln.commands.terminal import remark
from webkiln.errors import InputError, OutputExistsError
from webkiln.model import Model
from webkiln.precision.tradeoff import Row

from converter_wizard import precision, sizes
from converter_wizard.asking import Asker, Choice
from converter_wizard.findings import amount
from converter_wizard.kinds import Guess, known_kinds, title
from converter_wizard.making import check_target
from converter_wizard.operations import operations

_OPEN, _ONE, _FIXED = "open", "one", "fixed"


def signature(asker: Asker, names: Sequence[str]) -> str | None:
    """Which way of calling the model is converted."""
    if len(names) < 2:
        return None
    return asker.choose("Which signature?", [Choice(name, name) for name in names], names[0])


def fixed_sizes(asker: Asker, model: Model) -> sizes.Sizes | None:
    """Which of the open sizes are fixed; None where none are open."""
    names = sizes.open_symbols(model)
    if not names:
        return None
    batches, likely = sizes.batch_symbols(model), sizes.likely(model)
    lone = dict.fromkeys(batches, 1)
    rest = [name for name in names if name not in batches]
    cost = f"about {amount(operations(model, likely))} operations a run"
    choices = []
    if batches:
        others = f", {', '.join(rest)} open: each new size is planned at its first run" if rest else f": planned once, when the model loads; {cost}"
        choices.append(Choice(_ONE, f"one sample a run ({sizes.text(lone)}){others}"))
    if rest:
        choices.append(Choice(_FIXED, f"all fixed, as {sizes.text(likely)} or others: planned once, when the model loads; {cost} with these"))
    choices.append(Choice(_OPEN, f"all open ({', '.join(names)}): each new size is planned at its first run"))
    chosen = asker.choose("Which sizes should the model take?", choices, _ONE if batches else _OPEN)
    if chosen == _FIXED:
        return sizes.parsed(asker.text("The sizes:", sizes.text(likely), lambda text: _wrong_sizes(text, names)), names)
    return lone if chosen == _ONE else {}


def _wrong_sizes(text: str, names: list[str]) -> str:
    try:
        sizes.parsed(text, names)
    except InputError as error:
        return str(error)
    return ""


def input_kinds(asker: Asker, guesses: Mapping[str, Guess]) -> dict[str, str]:
    """What inputs hold: asked of the first that leaves a choice. Others with the same choice are the same, the rest is as guessed."""
    open_ones = [(name, guess) for name, guess in guesses.items() if len(guess.kinds) > 1]
    made = {name: guess.best for name, guess in open_ones}
    if open_ones:
        name, guess = open_ones[0]
        kind = asker.choose(f"What is the input {name!r}?", [Choice(one, title(one)) for one in guess.kinds], guess.best)
        made |= {other: kind for other, its in open_ones if its.kinds == guess.kinds}
    return made


def checked_kinds(kinds: Mapping[str, str], guesses: Mapping[str, Guess], names: Iterable[str]) -> dict[str, str]:
    """Kinds that were given as an option or in a file. Raises `InputError` for what an input cannot be."""
    for name, kind in kinds.items():
        if name not in names:
            raise InputError(f"there is no input {name!r}; this model has: {', '.join(map(repr, names))}")
        if kind not in known_kinds():
            raise InputError(f"{kind!r} is no kind of input; known: {', '.join(known_kinds())}")
        if name in guesses and kind not in guesses[name].kinds:
            raise InputError(f"the input {name!r} cannot be {title(kind)} ({kind}); it can be: {', '.join(guesses[name].kinds)}")
        if name not in guesses:
            raise InputError(f"what the input {name!r} is, is recorded with the model; leave --kind out")
    return dict(kinds)


def weight_precision(asker: Asker, rows: Sequence[Row]) -> str:
    """How weights are stored, after the table was shown."""
    full = next(row.bytes for row in rows if row.precision == "f32")
    choices = [Choice(row.precision, f"{precision.MEANINGS[row.precision]} ({row.bytes / full:.0%})") for row in rows]
    return asker.choose("How should weights be stored?", choices, precision.advised(rows))


def output_folder(asker: Asker, default: str, force: bool) -> str:
    """Where to write."""

    def wrong(text: str) -> str:
        if not text:
            return "a folder is wanted"
        try:
            check_target(Path(text), force)
        except OutputExistsError as error:
            return str(error)
        return ""

    if wrong(default):
        free = next(name for number in range(2, 1000) if not wrong(name := f"{default}-{number}"))
        remark(f"{default} exists already; {free} is free")
        default = free
    return asker.text("Where to write?", default, wrong)
