"""From bodies, hands and faces to the bones of a humanoid: rotations that a character of any make can take."""

from webkiln.tasks.avatar.follow import Avatar
from webkiln.tasks.avatar.humanoid import BONES, LIMITS, PARENTS, REST

__all__ = ["BONES", "LIMITS", "PARENTS", "REST", "Avatar"]
