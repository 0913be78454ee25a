"""Reading FlatBuffers that nobody vouches for.

A whole file is decoded, and so verified, before any of it is used: every offset must lie inside the file, every vector must fit,
and nothing is allocated on the file's word alone. Schemas have no recursion, so neither has the decoding.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

from webkiln.errors import FormatError

SCALARS = {
    "bool": "?",
    "i8": "<b",
    "u8": "<B",
    "i16": "<h",
    "u16": "<H",
    "i32": "<i",
    "u32": "<I",
    "i64": "<q",
    "u64": "<Q",
    "f32": "<f",
}


@dataclass(frozen=True)
class Field:
    """A field of a table: its type, and its default when it is a scalar.

    A type is a scalar, `string`, a table, `[type]`, or `<Union>`, whose variant stands in the field `NAME_type` before it.
    """

    name: str
    type: str
    default: float | bool = 0


@dataclass(frozen=True)
class Schema:
    """Tables by name, their fields by slot; unions by name, their tables by number."""

    tables: Mapping[str, tuple[Field, ...]]
    unions: Mapping[str, Mapping[int, str]]

    @staticmethod
    def parse(text: str, unions: Mapping[str, Mapping[int, str]]) -> Schema:
        """Read a table a line: `Name field:type field:type=default …`, in the order of the slots."""
        tables = {}
        for line in text.strip().splitlines():
            table, *fields = line.split()
            tables[table] = tuple(_parse_field(field) for field in fields)
        return Schema(tables, unions)

    def defaults(self, table: str) -> Table:
        """The table that a file has left out."""
        return SimpleNamespace(table=table, **{field.name: _absent(field) for field in self.tables[table]})


Table = SimpleNamespace  # one attribute a field, and `table`, the name of its schema; vectors of scalars are memoryviews of the file


def decode(data: bytes, schema: Schema, root: str) -> Table:
    """The root table, with everything that it refers to; `FormatError` where the bytes do not fit the schema."""
    return _Decoder(data, schema).decode(root)


class _Decoder:
    def __init__(self, data: bytes, schema: Schema) -> None:
        self.data = data
        self.schema = schema
        self.known: dict[tuple[str, int], Any] = {}
        # Objects may be shared but do not overlap, so what is decoded is not much more than the file. Without a limit, a
        # small file of overlapping vectors could ask for endless work.
        self.budget = 8 * len(data) + 4096

    def decode(self, root: str) -> Table:
        return self._table(root, self._offset(0, "the root table"))

    def _read(self, kind: str, at: int, what: str) -> Any:
        code = SCALARS[kind]
        if at < 0 or at + struct.calcsize(code) > len(self.data):
            raise FormatError(f"{what} lies at byte {at}, outside of the {len(self.data)} bytes of the file: it is truncated or corrupted")
        return struct.unpack_from(code, self.data, at)[0]

    def _offset(self, at: int, what: str) -> int:
        """The position that the offset stored at `at` points to."""
        target = at + int(self._read("u32", at, what))
        if target + 4 > len(self.data):
            raise FormatError(f"{what} points to byte {target}, outside of the {len(self.data)} bytes of the file: it is truncated or corrupted")
        return target

    def _spend(self, count: int, what: str) -> None:
        self.budget -= count
        if self.budget < 0:
            raise FormatError(f"{what}: the file's parts overlap, so it is corrupted")

    def _value(self, kind: str, at: int, what: str) -> Any:
        """What the offset stored at `at` points to; decoded once, however often it is referred to."""
        position = self._offset(at, what)
        key = (kind, position)
        if key not in self.known:
            if kind == "string":
                value: Any = bytes(self._vector("u8", position, what)).decode("utf-8", errors="replace")
            elif kind.startswith("["):
                value = self._vector(kind[1:-1], position, what)
            else:
                value = self._table(kind, position)
            self.known[key] = value
        return self.known[key]

    def _vector(self, kind: str, position: int, what: str) -> Any:
        count = int(self._read("u32", position, what))
        width = struct.calcsize(SCALARS.get(kind, "<I"))
        begin = position + 4
        if begin + count * width > len(self.data):
            raise FormatError(f"{what} claims {count} entries of {width} bytes, more than the {len(self.data) - begin} bytes that are left")
        if kind in SCALARS:
            self._spend(4, what)
            return memoryview(self.data)[begin : begin + count * width].cast(_format(kind))
        self._spend(count * width + 4, what)
        return [self._value(kind, begin + 4 * i, f"{what}[{i}]") for i in range(count)]

    def _table(self, table: str, position: int) -> Table:
        start = position - int(self._read("i32", position, table))
        length = int(self._read("u16", start, f"the layout of {table}"))
        size = int(self._read("u16", start + 2, f"the layout of {table}"))
        if length < 4 or length % 2 or size < 4 or start + length > len(self.data) or position + size > len(self.data):
            raise FormatError(f"the layout of {table} at byte {start} is corrupted")
        self._spend(size, table)
        values: dict[str, Any] = {}
        for slot, field in enumerate(self.schema.tables[table]):
            entry = 4 + 2 * slot
            inside = int(self._read("u16", start + entry, table)) if entry < length else 0
            what = f"{table}.{field.name}"
            if inside == 0:
                values[field.name] = _absent(field)
                continue
            if inside < 4 or inside + struct.calcsize(SCALARS.get(field.type, "<I")) > size:
                raise FormatError(f"{what} lies outside of its table: the file is corrupted")
            at = position + inside
            if field.type in SCALARS:
                values[field.name] = self._read(field.type, at, what)
            elif field.type.startswith("<"):
                variant = self.schema.unions[field.type[1:-1]].get(values[f"{field.name}_type"])
                values[field.name] = None if variant is None else self._value(variant, at, what)
            else:
                values[field.name] = self._value(field.type, at, what)
        return SimpleNamespace(table=table, **values)


def _absent(field: Field) -> Any:
    if field.type in SCALARS:
        return field.default
    if field.type.startswith("["):
        return memoryview(b"").cast(_format(field.type[1:-1])) if field.type[1:-1] in SCALARS else []
    return "" if field.type == "string" else None


def _format(kind: str) -> Literal["B", "b", "h", "H", "i", "I", "q", "Q", "f"]:
    """The elements of a vector in words of `memoryview`, which knows the byte order of the machine only: it is the file's wherever Webkiln runs."""
    return "B" if kind == "bool" else SCALARS[kind][1:]  # type: ignore[return-value]


def _parse_field(text: str) -> Field:
    name, _, rest = text.partition(":")
    kind, _, default = rest.partition("=")
    if kind == "bool":
        return Field(name, kind, default == "true")
    return Field(name, kind, (float(default) if kind == "f32" else int(default)) if default else 0)
