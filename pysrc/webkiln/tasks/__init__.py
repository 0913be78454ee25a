"""What is done before and after a model, as its `processing` says (docs/format.md): the NumPy reference of it."""

from webkiln.tasks.pictures import Placement, Region, placement, prepare_picture

__all__ = ["Placement", "Region", "placement", "prepare_picture"]
