"""Named points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webkiln.errors import InputError
from webkiln.tasks.activations import activate
from webkiln.tasks.heatmaps import refine
from webkiln.tasks.kinds import Keypoints, Point
from webkiln.tasks.places import Place


def read_keypoints(values: NDArray[Any], maps: NDArray[Any] | None, spec: Mapping[str, Any], place: Place | None) -> Keypoints:
    """The points of an output of `count × fields` numbers, in pixels of the picture, or in metres, turned as the picture is.

    `maps`: the output that `spec["heatmaps"]` names, where there is one.
    """
    fields, count = list(spec["fields"]), spec["count"]
    if values.size != count * len(fields):
        raise InputError(f"{count} points of {', '.join(fields)} are {count * len(fields)} numbers, and the output is {list(values.shape)}")
    rows = np.asarray(values, np.float64).reshape(count, len(fields))
    activations = spec.get("activations", {})
    columns = {field: activate(rows[:, k], activations.get(field, "none")) for k, field in enumerate(fields)}
    if "x" in columns and "y" in columns and place is not None:
        columns.update(_placed(columns, spec, maps, place))
    names = spec.get("names", [])
    if names and len(names) != count:
        raise InputError(f"model.json has {len(names)} names for {count} points")
    points: list[Point] = []
    for k in range(count):
        point: dict[str, Any] = {"name": names[k]} if names else {}
        point.update({field: float(column[k]) for field, column in columns.items()})
        points.append(point)  # type: ignore[arg-type]
    return {"points": points, "skeleton": [(a, b) for a, b in spec.get("skeleton", [])]}


def _placed(columns: Mapping[str, NDArray[np.float64]], spec: Mapping[str, Any], maps: NDArray[Any] | None, place: Place) -> dict[str, NDArray[np.float64]]:
    x, y, units = columns["x"], columns["y"], spec.get("units", "pixels")
    if units == "metres":  # about an origin of the model's own: only turned
        turned = place.turned(np.stack([x, y], axis=-1))
        return {"x": turned[:, 0], "y": turned[:, 1]}
    by_x, by_y = (place.width, place.height) if units == "normalized" else (1, 1)
    x, y = x * by_x, y * by_y
    if maps is not None:
        x, y = refine(x, y, maps, spec["heatmaps"], place.width, place.height)
    points = place.points(np.stack([x, y], axis=-1))
    placed = {"x": points[:, 0], "y": points[:, 1]}
    if "z" in columns:
        placed["z"] = columns["z"] * by_x * place.by_x  # depth is on the scale of x
    return placed
