"""Changes to bytes that know nothing of what the bytes mean."""

from __future__ import annotations

from random import Random

EXTREMES = (0, 1, 2, 3, 4, 7, 8, 64, 127, 128, 255, 256, 2**15 - 1, 2**15, 2**16 - 1, 2**24, 2**28, 2**31 - 1, 2**31, 2**32 - 8, 2**32 - 1, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


def change_bytes(random: Random, data: bytes) -> bytes:
    """One to four changes: bits, bytes, numbers, and ranges that go, come twice or change places."""
    for _ in range(random.choice((1, 1, 2, 4))):
        if data:
            data = random.choice(_CHANGES)(random, data)
    return data


def _bit(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]


def _byte(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + bytes([random.choice((0, 1, 127, 128, 255, random.randrange(256)))]) + data[at + 1 :]


def _number(random: Random, data: bytes) -> bytes:
    """An extreme number of some width in place of what stands there."""
    width = random.choice((1, 2, 4, 4, 8))
    at = random.randrange(max(1, len(data) - width + 1))
    at -= at % width if random.random() < 0.8 else 0
    return data[:at] + (random.choice(EXTREMES) % 2 ** (8 * width)).to_bytes(width, "little") + data[at + width :]


def _span(random: Random, data: bytes) -> tuple[int, int]:
    begin = random.randrange(len(data))
    return begin, min(len(data), begin + random.choice((1, 2, 4, 8, 16, 64)))


def _truncation(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data))]


def _removal(random: Random, data: bytes) -> bytes:
    begin, end = _span(random, data)
    return data[:begin] + data[end:]


def _repetition(random: Random, data: bytes) -> bytes:
    begin, end = _span(random, data)
    at = random.choice((end, random.randrange(len(data))))
    return data[:at] + data[begin:end] * random.choice((1, 1, 3)) + data[at:]


def _exchange(random: Random, data: bytes) -> bytes:
    (a, b), (c, d) = sorted((_span(random, data), _span(random, data)))
    if b > c:
        return data
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


_CHANGES = (_bit, _byte, _byte, _number, _number, _truncation, _removal, _repetition, _exchange)
