"""Which operators of the sources have a lowering, as a list that is read without the lowerings, which need NumPy.

`python -m webkiln.importers.converted` writes the list anew.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path

COMMAND = "python -m webkiln.importers.converted"
_FILE = "converted.json"


@cache
def converted(importer: str) -> frozenset[str]:
    """The names of the operators that an importer (`onnx`, `tflite`, `tensorflow`) has lowerings for; of ONNX with their domain, when that is not ai.onnx.

    An operator may still be refused for its attributes or element types.
    """
    return frozenset(json.loads(files(__package__).joinpath(_FILE).read_text(encoding="utf-8"))[importer])


def listed() -> str:
    """The content of the list, read from the importers."""
    from webkiln.importers.coverage import sources

    found: dict[str, list[str]] = {}
    for key, source in sources().items():
        prefix = f"{source.domain}:" if source.domain else ""
        found.setdefault(key.partition("-")[0], []).extend(f"{prefix}{name}" for name in sorted(source.converted))
    return json.dumps(found, indent=1) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name(_FILE).write_text(listed(), encoding="utf-8")
