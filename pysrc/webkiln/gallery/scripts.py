"""What packages keep inside of scripts: one object or one text in Base64, exported by a CommonJS module. Nothing of it is run."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator

from webkiln.errors import GalleryError

# The parts of an object literal as minifiers write it: names without quotes, `!0` for true, numbers that start with a point.
_TOKENS = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<text>"(?:[^"\\]|\\.)*")
    | (?P<truth>![01])
    | (?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
    | (?P<name>[A-Za-z_$][\w$]*)
    | (?P<mark>[{}\[\]:,])
    """,
    re.VERBOSE,
)
_EXPORTED = re.compile(r"\b\w+\.exports=(?=[{\"])")
_WORDS = {"true", "false", "null"}


def exported_json(script: str) -> bytes:
    """The object that a script exports, as JSON. Raises `GalleryError` where it holds anything but names, texts, numbers, truths and lists."""
    tokens, depth = [], 0
    for kind, token in _tokens(script, _start(script)):
        depth += (token in "{[") - (token in "}]") if kind == "mark" else 0
        tokens.append(_as_json(kind, token))
        if depth == 0:
            break
    try:
        value = json.loads("".join(tokens))
    except ValueError as error:
        raise GalleryError(f"what the script exports is no plain object: {error}") from None
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def exported_bytes(script: str) -> bytes:
    """The bytes that a script exports as a text in Base64."""
    for kind, token in _tokens(script, _start(script)):
        if kind == "text":
            try:
                return base64.b64decode(token[1:-1], validate=True)
            except binascii.Error as error:
                raise GalleryError(f"what the script exports is no Base64: {error}") from None
        break
    raise GalleryError("the script exports no text")


def _start(script: str) -> int:
    found = _EXPORTED.search(script)
    if found is None:
        raise GalleryError("the script exports no object and no text")
    return found.end()


def _tokens(script: str, at: int) -> Iterator[tuple[str, str]]:
    while at < len(script):
        found = _TOKENS.match(script, at)
        if found is None:
            raise GalleryError(f"what the script exports is no plain object: {script[at : at + 20]!r} stands in it")
        if found.lastgroup != "space":
            yield str(found.lastgroup), found[0]
        at = found.end()


def _as_json(kind: str, token: str) -> str:
    if kind == "name":
        return token if token in _WORDS else f'"{token}"'
    if kind == "truth":
        return "true" if token == "!0" else "false"
    if kind == "number":
        sign, digits = ("-", token[1:]) if token.startswith("-") else ("", token)
        whole = f"0{digits}" if digits.startswith(".") else digits
        return sign + re.sub(r"\.(?!\d)", "", whole)
    return token
