"""What is done before and after a model, as its `processing` says (docs/format.md): the NumPy reference of it."""

from webkiln.tasks.kinds import Box, Detection, Keypoints, Label, Mask, Point, Result, Text
from webkiln.tasks.pictures import Placement, Region, placement, prepare_picture
from webkiln.tasks.results import results

__all__ = ["Box", "Detection", "Keypoints", "Label", "Mask", "Placement", "Point", "Region", "Result", "Text", "placement", "prepare_picture", "results"]
