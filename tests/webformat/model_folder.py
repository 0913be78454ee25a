"""A written model whose files can be changed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from webkiln import webformat
from webkiln.graph.bundle import Bundle


class Folder:
    """A written model whose files can be changed; hashes and sizes are put right unless that is what is tested."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def model(self) -> dict[str, Any]:
        return json.loads((self.path / "model.json").read_text(encoding="utf-8"))

    def write(self, model: Any) -> None:
        text = model if isinstance(model, str) else json.dumps(model)
        (self.path / "model.json").write_text(text, encoding="utf-8", errors="surrogatepass")

    def shard(self, data: bytes, number: int = 0) -> None:
        """Replace a shard by other bytes, with the right size and hash."""
        model = self.model
        record = model["shards"][number]
        (self.path / record["file"]).write_bytes(data)
        record.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        self.write(model)

    def read(self) -> Bundle:
        return webformat.read(self.path)
