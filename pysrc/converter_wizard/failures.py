"""What to do next when something went wrong."""

from __future__ import annotations

import errno
from pathlib import Path

from webkiln.errors import (
    BrowserError,
    FormatError,
    GalleryError,
    InputError,
    OutputExistsError,
    UnsupportedFormatError,
    UnsupportedOperatorError,
    VerificationError,
)

_ADVICE: tuple[tuple[type[Exception], str], ...] = (
    (UnsupportedOperatorError, "export the model without these operators (often pre- or post-processing, which can be done outside of it); `webkiln ops --source all` lists what is converted"),
    (UnsupportedFormatError, "export the model as TFLite or ONNX, and give that file"),
    (OutputExistsError, "take another folder with -o, or --force to replace an earlier result"),
    (GalleryError, "`webkiln gallery` lists the names; a model that was fetched once needs no network"),
    (BrowserError, "install a browser, or verify in Node with --browser node"),
    (VerificationError, "please report the model and this message; `webkiln convert SRC -o OUT` and `webkiln verify OUT` show more"),
    (InputError, "answer otherwise, or leave the option out to be asked"),
    (FormatError, "check the path and that the file is whole; `webkiln wizard` without a path shows models near here and those of the gallery"),
    (PermissionError, "choose a place that you may write to, with -o"),
)


def advice(error: Exception, replayed: Path | None) -> str:
    """One line: what the user can do. `replayed`: the file whose answers were given."""
    if replayed is not None and isinstance(error, InputError):
        return f"the answers in {replayed} may be those of another model: give the model that they are of, or another file after --answers, which then saves new ones"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "make room, or choose a place with more of it, with -o; nothing was left behind"
    return next((text for kind, text in _ADVICE if isinstance(error, kind)), "`webkiln --debug wizard …` shows where it happened")
