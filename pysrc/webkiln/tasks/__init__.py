"""Before, after and around models: pictures into inputs, outputs into results (as `processing` says, docs/format.md), and whole tasks made of several models.

It is the NumPy reference of what the JavaScript runtime does.
"""

from webkiln.tasks.kinds import Box, Detection, Keypoints, Label, Mask, Point, Result, Text
from webkiln.tasks.pictures import Placement, Region, placement, prepare_picture
from webkiln.tasks.pose import Pose
from webkiln.tasks.results import results
from webkiln.tasks.smoothing import Smoothing

__all__ = [
    "Box",
    "Detection",
    "Keypoints",
    "Label",
    "Mask",
    "Placement",
    "Point",
    "Pose",
    "Region",
    "Result",
    "Smoothing",
    "Text",
    "placement",
    "prepare_picture",
    "results",
]
