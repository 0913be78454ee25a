"""What the tests of demos share: all demos, assembled once."""

from __future__ import annotations

from pathlib import Path

import pytest
from webkiln.demos import DEMOS, assemble_gallery


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `webkiln demo gallery` serves."""
    folder = tmp_path_factory.mktemp("demos")
    assemble_gallery(DEMOS.values(), folder, single_file=True)
    return folder
