"""Changes to FlatBuffers: of what the tables hold, with everything around made right again, and of offsets and layouts."""

from __future__ import annotations

import copy
import struct
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np
from byte_changes import EXTREMES, change_bytes
from tflite_writer import encode
from webkiln.importers.tflite import schema
from webkiln.importers.tflite.flatbuffer import SCALARS, Table, decode


def change_flatbuffer(random: Random, data: bytes) -> bytes:
    kind = random.random()
    if kind < 0.45:
        return _with_changed_tables(random, data)
    if kind < 0.6 or len(data) < 16:
        return change_bytes(random, data)
    return _with_changed_words(random, data)


def _with_changed_tables(random: Random, data: bytes) -> bytes:
    """One to three changes of fields, written as a file without any other fault."""
    model = _tree(decode(data, schema.MODEL, "Model"))
    for _ in range(random.choice((1, 1, 2, 3))):
        places = list(_places(model))
        table, key, kind = random.choice(places)
        value = table[key]
        if kind in SCALARS:
            table[key] = _scalar(random, kind, value)
        elif kind == "string":
            texts = [one[name] for one, name, other in places if other == "string"]
            table[key] = random.choice((*texts, "", value * 2, "x"))
        elif isinstance(value, np.ndarray):
            table[key] = _changed_array(random, value, kind[1:-1])
        elif isinstance(value, list):
            _change_list(random, value)
        elif value is not None:
            table[key] = random.choice((None, *(one[name] for one, name, other in places if other == kind)))
    try:
        return encode(model)
    except RecursionError:  # a table was put into itself
        return change_bytes(random, data)


def _change_list(random: Random, values: list[Any]) -> None:
    if not values:
        return
    i, j, kind = random.randrange(len(values)), random.randrange(len(values)), random.randrange(4)
    if kind == 0:
        del values[i]
    elif kind == 1:
        values.insert(j, copy.deepcopy(values[i]))
    elif kind == 2:
        values[i] = values[j]
    else:
        values[i], values[j] = values[j], values[i]


def _scalar(random: Random, kind: str, value: Any) -> Any:
    if kind == "bool":
        return not value
    if kind == "f32":
        return random.choice((0.0, -1.0, 1e-40, 3e38, float("inf"), float("nan")))
    width = struct.calcsize(SCALARS[kind])
    number = random.choice((*EXTREMES, value + 1, value - 1, 2**64 - random.choice(EXTREMES[1:10]), random.randrange(12)))
    return struct.unpack(SCALARS[kind], (number % 2 ** (8 * width)).to_bytes(width, "little"))[0]


def _changed_array(random: Random, array: np.ndarray, kind: str) -> np.ndarray:
    if not array.size:
        return array
    at = random.randrange(array.size)
    change = random.randrange(6)
    if change == 0:
        return np.delete(array, at)
    if change == 1:
        return np.insert(array, at, array[at])
    changed = array.copy()
    if change == 2 and kind == "u8":  # the data of a tensor
        return np.frombuffer(change_bytes(random, array.tobytes()), np.uint8)
    changed[at] = _scalar(random, kind, changed[at].item()) if change < 5 else changed[random.randrange(array.size)]
    return changed


def _tree(value: Any) -> Any:
    if isinstance(value, Table):
        return {key: _tree(one) for key, one in vars(value).items()}
    if isinstance(value, memoryview):
        return np.asarray(value)
    return [_tree(one) for one in value] if isinstance(value, list) else value


def _places(table: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Every field of every table, with its type."""
    for field in schema.MODEL.tables[table["table"]]:
        value = table[field.name]
        if not (field.type.startswith("<") and value is None):
            yield table, field.name, field.type
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield from _places(one)


def _with_changed_words(random: Random, data: bytes) -> bytes:
    """One to three changes of aligned numbers: offsets, lengths, layouts of tables."""
    changed = bytearray(data)
    offsets = _offsets(data)
    for _ in range(random.choice((1, 1, 2, 3))):
        kind = random.randrange(4)
        if kind == 0 and offsets:  # to where another offset points
            at, (other, distance) = random.choice(offsets)[0], random.choice(offsets)
            struct.pack_into("<I", changed, at, max(0, other + distance - at))
        elif kind == 1:
            at = 2 * random.randrange(len(data) // 2)
            struct.pack_into("<H", changed, at, random.choice((*EXTREMES[:15], random.randrange(4, 64, 2), *struct.unpack_from("<H", data, at))) % 2**16)
        elif kind == 2:
            at = 4 * random.randrange(len(data) // 4)
            (number,) = struct.unpack_from("<I", data, at)
            struct.pack_into("<I", changed, at, random.choice((*EXTREMES, number + 1, number - 1, number + 4, number - 4, number * 2, 2**32 - number)) % 2**32)
        else:
            at, other = (4 * random.randrange(len(data) // 4) for _ in range(2))
            changed[at : at + 4] = data[other : other + 4]
    return bytes(changed)


def _offsets(data: bytes) -> list[tuple[int, int]]:
    """Where what may be an offset stands, and how far it points."""
    words = struct.unpack_from(f"<{len(data) // 4}I", data)
    return [(4 * i, word) for i, word in enumerate(words) if 0 < word < len(data) - 4 * i - 4 and word % 4 == 0]
