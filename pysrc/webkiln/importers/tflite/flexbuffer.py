"""Options of custom operators: a map of numbers by name, in the form of a FlexBuffer that nobody vouches for.

The last byte is the width of the root's value, the one before it its type, and before that stands the value. Offsets count backwards from where
they stand. A map has in front of it the offset of its keys, their width and its length, and behind its values a byte of type for each.
https://flatbuffers.dev/internals/#flexbuffers
"""

from __future__ import annotations

import struct

from webkiln.errors import FormatError

_INT, _UINT, _FLOAT, _INDIRECT_INT, _INDIRECT_UINT, _INDIRECT_FLOAT, _MAP, _BOOL = 1, 2, 3, 6, 7, 8, 9, 26
_FORMS = {
    **{(_INT, 1 << i): f"<{form}" for i, form in enumerate("bhiq")},
    **{(_UINT, 1 << i): f"<{form}" for i, form in enumerate("BHIQ")},
    **{(_FLOAT, 1 << i): f"<{form}" for i, form in ((1, "e"), (2, "f"), (3, "d"))},
}
ENTRIES_LIMIT = 256


def read_map(data: bytes) -> dict[str, int | float | bool]:
    """The entries that are numbers. `FormatError` for what is no map, and for what lies outside of the data."""
    return _Reader(data).root()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def root(self) -> dict[str, int | float | bool]:
        if len(self.data) < 3:
            raise FormatError(f"it has {len(self.data)} bytes, which hold no map")
        width, kind = self.data[-1], self.data[-2]
        if kind >> 2 != _MAP or width not in (1, 2, 4, 8):
            raise FormatError(f"it is of the type {kind >> 2}, expected a map ({_MAP})")
        start, width = self._target(len(self.data) - 2 - width, width), 1 << (kind & 3)
        count = self._number(_UINT, start - width, width)
        if count > ENTRIES_LIMIT:
            raise FormatError(f"a map of {count} entries; at most {ENTRIES_LIMIT} are read")
        keys, key_width = self._target(start - 3 * width, width), int(self._number(_UINT, start - 2 * width, width))
        found: dict[str, int | float | bool] = {}
        for i in range(int(count)):
            value = self._value(start + i * width, width, int(self._number(_UINT, start + int(count) * width + i, 1)))
            if value is not None:
                found[self._key(self._target(keys + i * key_width, key_width))] = value
        return found

    def _number(self, kind: int, at: int, width: int) -> int | float:
        form = _FORMS.get((kind, width))
        if form is None or not 0 <= at <= len(self.data) - width:
            raise FormatError(f"a number of {width} bytes at {at}, of {len(self.data)}")
        number: int | float = struct.unpack_from(form, self.data, at)[0]
        return number

    def _target(self, at: int, width: int) -> int:
        """Where an offset leads to."""
        return at - int(self._number(_UINT, at, width))

    def _key(self, at: int) -> str:
        end = self.data.find(b"\0", max(at, 0))
        if at < 0 or end < 0:
            raise FormatError(f"a key at {at}, of {len(self.data)} bytes")
        return self.data[at:end].decode("utf-8", "replace")

    def _value(self, at: int, width: int, packed: int) -> int | float | bool | None:
        kind, own = packed >> 2, 1 << (packed & 3)
        if kind in (_INT, _UINT, _FLOAT):
            return self._number(kind, at, width)
        if kind in (_INDIRECT_INT, _INDIRECT_UINT, _INDIRECT_FLOAT):
            return self._number(kind - 5, self._target(at, width), own)
        return bool(self._number(_UINT, at, width)) if kind == _BOOL else None
