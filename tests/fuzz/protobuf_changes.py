"""Changes to protocol buffers that keep them readable: fields and messages are changed, and every length is made right again.

Nothing is known of the schema: what can be read as a message is taken for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from byte_changes import EXTREMES, change_bytes

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass
class Field:
    number: int
    wire: int
    value: int | bytes | list[Field]


def change_protobuf(random: Random, data: bytes) -> bytes:
    """One to three changes of the fields of a message, however deep they lie."""
    fields = _parse(data)
    if fields is None:
        return change_bytes(random, data)
    for _ in range(random.choice((1, 1, 2, 3))):
        places = list(_places(fields))
        if places:
            _change(random, places)
    return _encode(fields)


def nested(data: bytes, numbers: Sequence[int], depth: int) -> bytes:
    """A message inside fields of these numbers, the last of which is the outermost, again and again."""
    for _ in range(depth):
        for number in numbers:
            data = _encode([Field(number, _BYTES, data)])
    return data


def _places(fields: list[Field]) -> list[tuple[list[Field], int]]:
    found = []
    for i, field in enumerate(fields):
        found.append((fields, i))
        if isinstance(field.value, list):
            found += _places(field.value)
    return found


def _change(random: Random, places: list[tuple[list[Field], int]]) -> None:
    fields, i = random.choice(places)
    field = fields[i]
    others, j = random.choice(places)
    other = others[j]
    kind = random.randrange(16)
    if kind == 0:
        del fields[i]
    elif kind == 1:
        fields.insert(random.randrange(len(fields) + 1), _copied(field))
    elif kind == 2:  # a field from elsewhere
        others.insert(random.randrange(len(others) + 1), _copied(field))
    elif kind == 3:
        field.number = random.choice((random.randrange(1, 26), other.number))
    elif kind == 4 and others is fields:
        fields[i], fields[j] = fields[j], fields[i]
    elif isinstance(field.value, list):
        field.value = _encode(field.value) if random.random() < 0.2 else _copied(other).value if isinstance(other.value, list) else field.value[::-1]
    elif isinstance(field.value, int):
        field.value = random.choice((*EXTREMES, field.value + 1, max(0, field.value - 1), 2**64 - random.choice(EXTREMES[1:10]), random.randrange(30)))
    elif isinstance(other.value, bytes) and random.random() < 0.5:  # such as the name of another value
        field.value = other.value
    elif field.value.isascii() and random.random() < 0.9:  # a file with text that is none is refused before anything else
        field.value = random.choice((b"", b"-1", b"x", field.value[:-1], field.value + field.value, bytes(one & 127 for one in change_bytes(random, field.value))))
    else:
        field.value = change_bytes(random, field.value)


def _copied(field: Field) -> Field:
    value = field.value
    return Field(field.number, field.wire, [_copied(one) for one in value] if isinstance(value, list) else value)


def _parse(data: bytes, depth: int = 0) -> list[Field] | None:
    """The fields of a message; `None` when it is none."""
    fields, at = [], 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        value: int | bytes | list[Field]
        if at < 0 or not 0 < number < 100 or wire not in (_VARINT, _FIXED64, _BYTES, _FIXED32):
            return None
        if wire == _VARINT:
            value, at = _varint(data, at)
        else:
            size, at = _varint(data, at) if wire == _BYTES else (8 if wire == _FIXED64 else 4, at)
            if at < 0 or at + size > len(data):
                return None
            value, at = data[at : at + size], at + size
            if wire == _BYTES and size > 1 and depth < 20:
                value = _parse(value, depth + 1) or value
        if at < 0:
            return None
        fields.append(Field(number, wire, value))
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at
    return 0, -1


def _encode(fields: list[Field]) -> bytes:
    parts = []
    for field in fields:
        value, wire = field.value, field.wire
        if isinstance(value, int):
            parts += [_written(field.number << 3), _written(value % 2**64)]
            continue
        data = _encode(value) if isinstance(value, list) else value
        if len(data) != {_FIXED64: 8, _FIXED32: 4}.get(wire, -1):
            wire = _BYTES
        parts += [_written(field.number << 3 | wire), _written(len(data)) if wire == _BYTES else b"", data]
    return b"".join(parts)


def _written(number: int) -> bytes:
    digits = []
    while number >= 128:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])
