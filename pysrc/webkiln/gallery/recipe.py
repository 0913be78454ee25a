"""What is known of a gallery model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from webkiln.gallery.processing import Spec


@dataclass(frozen=True)
class Archive:
    """One version of a package in a registry.

    For PyPI, `tag` names the wheel: Python tag, ABI tag and platform tag, as in `cp311-cp311-manylinux_2_28_x86_64`.
    Nothing in it is installed or run; the tag only says which file holds the models.
    """

    registry: Literal["pypi", "npm"]
    package: str
    version: str
    sha256: str
    tag: str = ""

    def __str__(self) -> str:
        separator = "==" if self.registry == "pypi" else "@"
        return f"{self.package}{separator}{self.version}"


@dataclass(frozen=True)
class Part:
    """A file inside a package. `wrapped`: what of a script is the file, where it is one; `sha256` is that of the file itself."""

    archive: Archive
    member: str  # path inside the archive
    sha256: str
    name: str = ""
    wrapped: Literal["", "json", "base64"] = ""

    @property
    def file(self) -> str:
        """The name under which it is kept."""
        return self.name or self.member.rpartition("/")[2]


@dataclass(frozen=True)
class Sample:
    """Something to try a model with: a file of a package, or what `text` says."""

    text: str
    part: Part | None = None
    licence: str = ""

    def __str__(self) -> str:
        return f"{self.text} ({self.part.archive}, {self.licence})" if self.part else self.text


@dataclass(frozen=True)
class Recipe:
    """A pretrained model: a file inside a package, and files that lie `beside` it.

    `inputs` and `outputs` are processing specifications by argument name (docs/format.md, "Processing"); an output's `characters` is the key
    of the ONNX file's metadata that lists them, and `lines` are the names of sets of lines in the file beside the model. `shapes`: of inputs, to convert with; `symbols`: which sizes they may take.
    `state`: inputs that are outputs of the run before; they are no arguments of the converted model.
    `inner`: the outputs, where they are values inside the source's graph and not its own outputs: how the names of those values end.
    """

    name: str
    task: str
    archive: Archive
    member: str  # path of the file inside the archive
    sha256: str
    inputs: Mapping[str, Spec] = field(default_factory=dict)
    outputs: Mapping[str, Spec] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    attribution: str = "The MediaPipe Authors, Google LLC"
    bytes: int = 0  # of all files
    kept_as: str = ""
    wrapped: Literal["", "json", "base64"] = ""
    beside: tuple[Part, ...] = ()
    shapes: Mapping[str, Sequence[int | str]] = field(default_factory=dict)
    symbols: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    inner: Mapping[str, str] = field(default_factory=dict)
    sample: Sample | None = None

    @property
    def main(self) -> Part:
        """The file that is converted."""
        return Part(self.archive, self.member, self.sha256, self.kept_as, self.wrapped)

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self.main, *self.beside)

    @property
    def file(self) -> str:
        """The file's own name."""
        return self.main.file

    @property
    def processing(self) -> dict[str, dict[str, Spec]]:
        """The `processing` object of the web format."""
        return {"inputs": dict(self.inputs), "outputs": dict(self.outputs)}

    @property
    def provenance(self) -> dict[str, str]:
        """What the web format's `provenance` says on top of what the importer knows."""
        return {
            "source": f"{self.archive}: {self.member}",
            "licence": self.licence,
            "attribution": self.attribution,
            "description": self.task,
        }
