"""The wizard: what was found, the questions, the result."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from webkiln.commands.terminal import messages, plain, plain_lines, progress, remark, say, size_text
from webkiln.commands.verify import show as show_parity
from webkiln.errors import FormatError, GalleryError, InputError, UnsupportedOperatorError, WebkilnError
from webkiln.gallery import fetch_sample
from webkiln.model import Model
from webkiln.precision.encode import KINDS, check_kind

from converter_wizard import answers as answers_file
from converter_wizard import findings, kinds, labels, precision, questions, sizes
from converter_wizard.answers import Answers
from converter_wizard.asking import Asker, Defaults, asker
from converter_wizard.failures import advice
from converter_wizard.making import FINDERS, STEPS, Made, check_target, made
from converter_wizard.reading import described, read, signatures
from converter_wizard.samples import samples
from converter_wizard.sources import Source, chosen

WELL, FAILED, UNSUPPORTED, STOPPED = 0, 1, 3, 130


def run(
    given: Answers,
    *,
    file: Path | None = None,
    yes: bool = False,
    plan: bool = False,
    force: bool = False,
    debug: bool = False,
) -> int:
    """Lead from a source to a result, and return the exit status.

    `given` answers questions beforehand. `file`: answers that are replayed when it exists (`given` wins), else saved there. `yes` takes the defaults; `plan` does everything but write.
    """
    is_replay = file is not None and file.exists()
    try:
        wanted = given.over(answers_file.load(file)) if file is not None and is_replay else given
        final = _lead(wanted, asker(yes=yes or is_replay), plan, force)
        if file is not None and not is_replay and not plan:
            answers_file.save(final, file)
            say(f"The answers are in {file}; `webkiln wizard --answers {file}` gives the same again.")
    except KeyboardInterrupt:
        remark("stopped; nothing was written")
        return STOPPED
    except (WebkilnError, OSError) as error:
        if debug:
            raise
        sys.stdout.flush()
        for line in (f"error: {plain_lines(str(error))}", f"next: {advice(error, file if is_replay else None)}"):
            print(line, file=sys.stderr)
        return UNSUPPORTED if isinstance(error, UnsupportedOperatorError) else FAILED
    return WELL


def _lead(given: Answers, ask: Asker, plan: bool, force: bool) -> Answers:
    """From the source to the result; returns all answers."""
    _check_early(given, plan, force)
    with progress("looking") as note:
        source = chosen(given.source, ask, note) if given.source is not None else None
    if source is None:
        source = chosen(None, ask, lambda text: None)
    taken = replace(given, source=source.given)
    with progress(f"reading {source.stem}") as note:
        names = signatures(source)
        model = read(source, note, inputs=taken.shapes, signature=taken.signature)
    findings.show(source, model, names, kinds.guesses(model), described(source, taken.signature))
    say("")
    taken, model = _shaped(source, model, taken, ask, names)
    taken, model = _described(source, model, taken, ask)
    taken = _stored(source, model, taken, ask)
    if taken.output is None:
        taken = replace(taken, output=questions.output_folder(ask, f"{source.stem}-web", force))
    made_ = _written(source, model, taken, plan, force)
    _report(made_, taken, plan)
    return taken


def _check_early(given: Answers, plan: bool, force: bool) -> None:
    """Refuse before the work what would be refused after it."""
    if given.precision is not None:
        check_kind(given.precision)
    if given.labels is not None:
        labels.given(given.labels)
    if given.output is not None and not plan:
        check_target(Path(given.output), force)
    if given.browser in FINDERS:
        FINDERS[given.browser]()


def _shaped(source: Source, model: Model, taken: Answers, ask: Asker, names: list[str]) -> tuple[Answers, Model]:
    """Signature and sizes; the model is read again where they are not what it was read with."""

    def again(inputs: Mapping[str, tuple[int | str, ...]]) -> Model:
        with progress(f"reading {source.stem}") as note:
            return read(source, note, inputs=inputs, signature=taken.signature)

    if taken.signature is None and (name := questions.signature(ask, names)) is not None:
        taken = replace(taken, signature=name)
        if name != model.signature.name:
            model = again(taken.shapes or {})
    fixed = taken.sizes if taken.sizes is not None else questions.fixed_sizes(ask, model)
    if fixed:
        model = again({**(taken.shapes or {}), **sizes.fixed_shapes(model, fixed)})
    return replace(taken, sizes=fixed), model


def _described(source: Source, model: Model, taken: Answers, ask: Asker) -> tuple[Answers, Model]:
    """What inputs and outputs are, put into the model."""
    guesses = kinds.guesses(model)
    if taken.kinds is None:
        taken = replace(taken, kinds=questions.input_kinds(ask, guesses))
    else:
        questions.checked_kinds(taken.kinds, guesses, [one.name for one in model.signature.inputs])
    output, names, where = _classes(source, model, taken)
    held: dict[str, dict[str, Any]] = {side: dict(model.processing.get(side, {})) for side in ("inputs", "outputs")}
    for argument in model.signature.inputs:
        kind = (taken.kinds or {}).get(argument.name)
        spec = kind and kinds.specification(kind, argument, crop=output is not None, channels_first=kinds.has_channels_first(model))
        if spec:
            held["inputs"][argument.name] = spec
    if output is not None and names:
        held["outputs"][output.name] = labels.specification(model, output, names)
        say(f"The output {output.name!r} has scores of {len(names)} classes; their names: {where}")
    model.bundle.processing = held if held["inputs"] or held["outputs"] else {}
    return taken, model


def _classes(source: Source, model: Model, taken: Answers) -> tuple[Any, list[str], str]:
    """The output of classes of which nothing is recorded, their names, and where these come from."""
    recorded = model.processing.get("outputs", {})
    if taken.labels is not None:
        names = labels.given(taken.labels)
        output = labels.class_output(model, len(names))
        if output is None:
            raise FormatError(f"{taken.labels} names {len(names)} classes, and the model has no output with as many scores")
        return output, names, taken.labels
    output = labels.class_output(model)
    if output is None or output.name in recorded:
        return None, [], ""
    count = int(str(output.shape[-1]))
    metadata = described(source, taken.signature).get("outputs", {}).get(output.name)
    if (found := labels.found(source, count, metadata.labels if metadata else ())) is not None:
        return output, *found
    return output, [f"class {number}" for number in range(count)], "not known, so they are numbered (--labels FILE names them)"


def _stored(source: Source, model: Model, taken: Answers, ask: Asker) -> Answers:
    """How weights are stored: a table that grows as it is measured, then the question."""
    if taken.precision is not None:
        return taken
    if not precision.has_choice(model):
        return taken
    wanted = precision.DECIDING if isinstance(ask, Defaults) else tuple(KINDS)
    taken_samples, shown_on = samples(source, model, [Path(path) for path in taken.samples or ()])
    doing = ["measuring"]
    measured = precision.measured(model, taken_samples, lambda text: doing.__setitem__(0, f"measuring {text}"), wanted)
    say(f"Precision of weights, measured on {shown_on}:")
    try:
        rows = precision.shown(measured, doing)
    except InputError as error:
        if taken_samples is not None:
            raise
        # Nothing to measure on, and nothing to choose by: weights stay as they are.
        say(f"not measured: {error} (--samples FILE). Weights stay as they are; --quantize stores them otherwise.")
        return taken
    if left := [kind for kind in wanted if kind not in {row.precision for row in rows}]:
        say(f"Left out, for time: {', '.join(left)}; --quantize takes them all the same.")
    say(precision.advice(rows))
    return replace(taken, precision=questions.weight_precision(ask, rows))


def _written(source: Source, model: Model, taken: Answers, plan: bool, force: bool) -> Made:
    sample = None
    assert taken.output is not None
    with _bar(STEPS + 1) as (step, note):
        step("converting")
        if source.recipe is not None:
            try:
                sample = fetch_sample(source.recipe, note=note)
            except GalleryError as error:
                remark(f"left out: a sample to begin with; {error}")
        stored = precision.stored(model, taken.precision)
        return made(stored, taken, target=None if plan else Path(taken.output), sample=sample, force=force, step=step, note=note)


def _report(result: Made, taken: Answers, plan: bool) -> None:
    if result.report is not None:
        show_parity(result.report)
    for text in result.remarks:
        say(text)
    say("")
    if plan:
        say(f"Nothing was written. To {taken.output} would go:")
    else:
        say(f"Written to {taken.output}:")
    for name, size in result.files:
        if "/" not in name:
            say(f"  {name}  {size_text(size)}")
    for folder in sorted({name.partition("/")[0] for name, _ in result.files if "/" in name}):
        total = sum(size for name, size in result.files if name.startswith(f"{folder}/"))
        say(f"  {folder}/  {size_text(total)}")
    if not plan:
        say(f"See it with: webkiln serve {plain(taken.output)}")
    say("The same again, without questions:")
    say(f"  {taken.command()}")


@contextmanager
def _bar(total: int) -> Iterator[tuple[Any, Any]]:
    """A bar in a terminal: a function for the next step, and one for what it is doing. Elsewhere a line for each step."""
    if not messages.is_terminal:
        yield remark, lambda text: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=messages, transient=True) as bar:
        task = bar.add_task("", total=total)
        steps = -1

        def step(text: str) -> None:
            nonlocal steps
            steps += 1
            bar.update(task, completed=steps, description=plain(text))

        yield step, lambda text: bar.update(task, description=plain(text))
