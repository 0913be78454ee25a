"""Before, after and around models: pictures into inputs, outputs into results (as `processing` says, docs/format.md), and whole tasks made of several models.

It is the NumPy reference of what the JavaScript runtime does.
"""

from webkiln.tasks.classification import Classify
from webkiln.tasks.compositing import composite
from webkiln.tasks.detection import Detect
from webkiln.tasks.embedding import Embed, Neighbour, Neighbours, similarity
from webkiln.tasks.face import Face
from webkiln.tasks.hands import Hands
from webkiln.tasks.kinds import Box, Detection, Keypoints, Label, Mask, Point, Result, Text
from webkiln.tasks.pictures import Placement, Region, placement, prepare_picture
from webkiln.tasks.pose import Pose
from webkiln.tasks.read import Read
from webkiln.tasks.results import results
from webkiln.tasks.segmentation import Segmentation
from webkiln.tasks.smoothing import Smoothing
from webkiln.tasks.speech import Segment, SpeechRules
from webkiln.tasks.vad import Vad

__all__ = [
    "Box",
    "Classify",
    "Detect",
    "Detection",
    "Embed",
    "Face",
    "Hands",
    "Keypoints",
    "Label",
    "Mask",
    "Neighbour",
    "Neighbours",
    "Placement",
    "Point",
    "Pose",
    "Read",
    "Region",
    "Result",
    "Segment",
    "Segmentation",
    "Smoothing",
    "SpeechRules",
    "Text",
    "Vad",
    "composite",
    "placement",
    "prepare_picture",
    "results",
    "similarity",
]
