"""The web format: `model.json` and safetensors shards (docs/format.md)."""

from webkiln.webformat.read import read
from webkiln.webformat.write import write

__all__ = ["read", "write"]
