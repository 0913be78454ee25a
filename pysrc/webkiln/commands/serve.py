"""`webkiln serve`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from webkiln.browsers.server import LocalServer
from webkiln.commands.terminal import remark, say
from webkiln.errors import WebkilnError


def command(*, folder: Path, port: int, no_isolation: bool) -> bool:
    if not folder.is_dir():
        raise WebkilnError(f"there is no folder {folder}")
    # Once the address is shown, an interruption is how serving ends, whenever it comes.
    with LocalServer({"/": folder}, port=port, isolated=not no_isolation, listing=True) as server, suppress(KeyboardInterrupt):
        say(server.url)
        remark(f"serving {folder.resolve()}; Ctrl-C ends it")
        server.wait()
    return True
