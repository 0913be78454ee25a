"""What a user chose: saved, replayed, and written as a command line."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from webkiln.errors import FormatError

_VERSION = 1
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Answers:
    """`None` stands for a question that is not answered yet.

    `shapes` are those of inputs, by name; `sizes` fixes symbols, by name ({}: all stay open); `kinds` says what inputs are, by name
    (see `converter_wizard.kinds`); `labels` is a file with a line for each class; `samples` are files
    of inputs, or pictures, that precision is measured on; `browser` says where the result is verified.
    """

    source: str | None = None
    shapes: dict[str, tuple[int, ...]] | None = None
    signature: str | None = None
    sizes: dict[str, int] | None = None
    kinds: dict[str, str] | None = None
    labels: str | None = None
    samples: tuple[str, ...] | None = None
    precision: str | None = None
    output: str | None = None
    single_file: bool | None = None
    browser: str | None = None

    def over(self, other: Answers) -> Answers:
        """These answers; where there are none, those of `other`."""
        given = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}
        return replace(other, **given)

    def command(self) -> str:
        """The command line that gives the same result without a question."""
        words = ["webkiln", "wizard"]
        # A name that begins with a dash is no option behind "./".
        words.append(f"./{self.source}" if self.source and self.source.startswith("-") else self.source or "")
        words.append("--yes")
        for name, shape in (self.shapes or {}).items():
            words += ["--input", f"{name}={','.join(map(str, shape))}"]
        if self.signature is not None:
            words += ["--signature", self.signature]
        for name, size in (self.sizes or {}).items():
            words += ["--size", f"{name}={size}"]
        if self.sizes == {}:
            words.append("--open-sizes")
        for name, kind in (self.kinds or {}).items():
            words += ["--kind", f"{name}={kind}"]
        if self.labels is not None:
            words += ["--labels", self.labels]
        if self.precision is not None:
            words += ["--quantize", self.precision]
        if self.precision is None:  # what is chosen needs no measuring
            for path in self.samples or ():
                words += ["--samples", path]
        if self.single_file:
            words.append("--single-file")
        if self.browser is not None:
            words += ["--browser", self.browser]
        if self.output is not None:
            words += ["-o", self.output]
        return shlex.join(words)


def save(answers: Answers, path: Path) -> None:
    """Write answers as JSON."""
    from webkiln.commands.aside import written_aside

    kept = {name: value for name, value in asdict(answers).items() if value is not None}
    with written_aside(path) as aside:
        aside.write_text(json.dumps({"webkiln_answers": _VERSION, **kept}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> Answers:
    """Read answers. `FormatError` for a file that `save` does not write."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FormatError(f"{path} is too large for a file of answers; give one that `webkiln wizard --answers FILE` has written")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} holds no answers, since it is no JSON ({error}); give one that `webkiln wizard --answers FILE` has written") from None
    if not isinstance(content, dict) or content.pop("webkiln_answers", None) != _VERSION:
        raise FormatError(f"{path} holds no answers of this version; give one that `webkiln wizard --answers FILE` has written")
    known = {field.name for field in fields(Answers)}
    if unknown := sorted(set(content) - known):
        raise FormatError(f"{path} answers {', '.join(map(repr, unknown))}, which is not asked; known: {', '.join(sorted(known))}")
    for name, value in content.items():
        if not _is_answer(name, value):
            raise FormatError(f"{path}: {name!r} is {json.dumps(value)[:80]}, which is no answer to that")
    if "shapes" in content:
        content["shapes"] = {name: tuple(shape) for name, shape in content["shapes"].items()}
    if "samples" in content:
        content["samples"] = tuple(content["samples"])
    return Answers(**content)


def _is_answer(name: str, value: Any) -> bool:
    if name == "single_file":
        return isinstance(value, bool)
    if name == "samples":
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    if name in ("shapes", "sizes", "kinds"):
        return isinstance(value, dict) and all(_is_entry(name, one) for one in value.values())
    return isinstance(value, str)


def _is_entry(name: str, value: Any) -> bool:
    if name == "kinds":
        return isinstance(value, str)
    if name == "sizes":
        return _is_size(value)
    return isinstance(value, list) and all(map(_is_size, value))


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
