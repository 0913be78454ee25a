"""What the templates say of a model."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webkiln.model import Model, ModelArgument


@dataclass(frozen=True)
class SignatureFacts:
    """A signature, with its inputs and outputs by the names and shapes that a user sees."""

    name: str
    inputs: tuple[ModelArgument, ...]
    outputs: tuple[ModelArgument, ...]


@dataclass(frozen=True)
class Facts:
    """A model as the templates see it. All texts are data of the model: each template escapes them for what it writes.

    The first of `signatures` is the one that is loaded where none is named.

    `description_bytes` and `sha256` are those of model.json, `folder` is where the model lies beside the pages, `sample` the file beside them that they begin with ("" where there is none).
    """

    name: str
    title: str
    folder: str
    sample: str
    signatures: tuple[SignatureFacts, ...]
    processing: dict[str, Any]
    provenance: dict[str, str]
    producer: str
    parameters: int
    operators: int
    shards: tuple[dict[str, Any], ...]
    description_bytes: int
    sha256: str
    golden_tolerance: float | None

    @property
    def address(self) -> str:
        """Of model.json, relative to the pages."""
        return urllib.parse.quote(f"{self.folder}/model.json")

    @property
    def file_name(self) -> str:
        """The model's name, as far as any system takes it for a file's."""
        return plain_name(self.name)

    @property
    def download_bytes(self) -> int:
        """What a page fetches of the model: all but what only `verify` reads."""
        return self.description_bytes + self.weight_bytes

    @property
    def weight_bytes(self) -> int:
        return sum(shard["bytes"] for shard in self.shards if shard["role"] == "weights")

    def spec(self, kind: str, name: str) -> dict[str, Any]:
        """What `processing` says of an argument; `kind` is "inputs" or "outputs"."""
        found: dict[str, Any] = self.processing.get(kind, {}).get(name, {})
        return found

    def files(self, model: Path) -> list[Path]:
        """The files of the model in its folder."""
        return [model / "model.json", *(model / shard["file"] for shard in self.shards)]


def read_facts(source: Path, model: Model, *, folder: str, title: str | None, sample: str) -> Facts:
    """`source` is the folder that `model` was loaded from."""
    data = (source / "model.json").read_bytes()
    description = json.loads(data)
    golden = description.get("golden") or {}
    return Facts(
        name=model.name,
        title=title or model.name or "A model",
        folder=folder,
        sample=sample,
        signatures=tuple(_signature(Model(model.bundle, one.name)) for one in model.bundle.signatures),
        processing=model.processing,
        provenance=model.provenance,
        producer=str(description.get("producer", "")),
        parameters=model.bundle.parameters,
        operators=sum(len(graph.nodes) for graph in model.graph.graphs()),
        shards=tuple(description["shards"]),
        description_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        golden_tolerance=golden.get("tolerance") if golden.get("cases") else None,
    )


def _signature(model: Model) -> SignatureFacts:
    return SignatureFacts(model.signature.name, tuple(model.inputs), tuple(model.outputs))


def plain_name(name: str) -> str:
    """Letters, digits, `_`, `-` and `.` inside; `model` where nothing is left."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("._-")[:80]
    return plain if plain and plain.lower() not in {"index", "verify"} else f"model_{plain}".rstrip("_")
