"""Lines of text in the order in which they are read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from webkiln.tasks.pictures import Region

SAME_ROW = 0.5
"""Lines whose centres are not further apart than this part of the lower one's height are in the same row."""


def reading_order(regions: Sequence[Region]) -> list[list[int]]:
    """Rows from above, and in each the numbers of its lines from the left, as seen in the direction in which most of the text runs.

    Columns are not told apart: what is beside each other is in the same row.
    """
    angle = math.atan2(*(sum(one.width * part(one.rotation) for one in regions) for part in (math.sin, math.cos)))
    cos, sin = math.cos(angle), math.sin(angle)
    across = [cos * one.x + sin * one.y for one in regions]
    down = [cos * one.y - sin * one.x for one in regions]
    rows: list[list[int]] = []
    for k in sorted(range(len(regions)), key=lambda k: down[k]):
        first = rows[-1][0] if rows else k
        near = SAME_ROW * min(regions[k].height, regions[first].height)
        if rows and down[k] - down[first] <= near:
            rows[-1].append(k)
        else:
            rows.append([k])
    return [sorted(row, key=lambda k: across[k]) for row in rows]
