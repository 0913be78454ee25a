"""Unit quaternions [x, y, z, w] and vectors [3], float64. `compose(a, b)` turns by b first, then by a."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

IDENTITY: Floats = np.array([0.0, 0.0, 0.0, 1.0])
AXES: Floats = np.eye(3)
_TINY = 1e-6  # shorter vectors have no direction


def cross(a: Floats, b: Floats) -> Floats:
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def direction(vector: Floats) -> Floats | None:
    """Of length 1; None where there is none."""
    length = math.sqrt(vector @ vector)
    return vector * (1 / length) if length > _TINY else None


def compose(a: Floats, b: Floats) -> Floats:
    vector = a[3] * b[:3] + b[3] * a[:3] + cross(a[:3], b[:3])
    return np.array([*vector, a[3] * b[3] - a[:3] @ b[:3]])


def inverse(q: Floats) -> Floats:
    return np.array([-q[0], -q[1], -q[2], q[3]])


def turn(q: Floats, vector: Floats) -> Floats:
    """The vector, turned by q."""
    twice = 2 * cross(q[:3], vector)
    turned: Floats = vector + q[3] * twice + cross(q[:3], twice)
    return turned


def mirror(q: Floats) -> Floats:
    """The same turn as a mirror shows it that swaps left (+x) and right."""
    return np.array([q[0], -q[1], -q[2], q[3]])


def from_vector(vector: Floats) -> Floats:
    """From a rotation vector: its direction is the axis, its length the angle in radians."""
    angle = math.sqrt(vector @ vector)
    return np.array([*(vector * (math.sin(angle / 2) / angle if angle > 1e-9 else 0.5)), math.cos(angle / 2)])


def to_vector(q: Floats) -> Floats:
    """The rotation vector, no longer than π."""
    sign = -1.0 if q[3] < 0 else 1.0
    sine = math.sqrt(q[:3] @ q[:3])
    vector: Floats = q[:3] * (sign * (2 * math.atan2(sine, sign * q[3]) / sine if sine > 1e-9 else 2.0))
    return vector


def between(a: Floats, b: Floats) -> Floats | None:
    """The shortest way from one direction to another; None where they are opposite, and every way is as short."""
    w = 1 + a @ b
    if w < _TINY:
        return None
    q = np.array([*cross(a, b), w])
    return q / math.sqrt(q @ q)


def from_axes(x: Floats, y: Floats, z: Floats) -> Floats:
    """The turn that brings the axes to these three, which are perpendicular to each other (Shepperd, 1978)."""
    trace = x[0] + y[1] + z[2]
    four = np.array([x[0], y[1], z[2], trace])
    most = int(np.argmax(four))
    if most == 3:
        q = np.array([y[2] - z[1], z[0] - x[2], x[1] - y[0], 1 + trace])
    elif most == 0:
        q = np.array([1 + 2 * x[0] - trace, x[1] + y[0], z[0] + x[2], y[2] - z[1]])
    elif most == 1:
        q = np.array([x[1] + y[0], 1 + 2 * y[1] - trace, y[2] + z[1], z[0] - x[2]])
    else:
        q = np.array([z[0] + x[2], y[2] + z[1], 1 + 2 * z[2] - trace, x[1] - y[0]])
    return q / math.sqrt(q @ q)


def slerp(a: Floats, b: Floats, part: float) -> Floats:
    """The turn that lies this part of the shorter way from a to b."""
    return compose(a, from_vector(part * to_vector(compose(inverse(a), b))))


def twist_of(q: Floats, axis: int) -> Floats:
    """The part of q that turns about an axis: q is a swing after it, or another swing before it."""
    length = math.hypot(q[axis], q[3])
    if length < _TINY:
        return IDENTITY
    twist = np.zeros(4)
    twist[axis], twist[3] = q[axis] / length, q[3] / length
    return twist
