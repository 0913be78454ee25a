"""Which browsers a command uses when none is named: those that are there."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from webkiln.browsers.chromium import find_chromium
from webkiln.browsers.node import find_node
from webkiln.commands.terminal import remark
from webkiln.errors import BrowserError


def chosen_browsers(named: Sequence[str], backends: Collection[str] = ()) -> list[str]:
    """The browsers named by the user, else Node and Chromium as far as they are installed.

    A remark says what is left out; raises `BrowserError` when nothing is left.
    """
    if named:
        return list(dict.fromkeys(named))
    found, missing = [], []
    for browser, find in (("node", find_node), ("chromium", find_chromium)):
        if browser == "node" and set(backends) == {"webgl"}:
            continue
        try:
            find()
            found.append(browser)
        except BrowserError as error:
            missing.append(str(error))
    if not found:
        raise BrowserError("\n".join(missing))
    for reason in missing:
        remark(f"left out: {reason}")
    return found
