"""Demo pages with all that they need, for a static server or in one file each."""

from webkiln.demos.assemble import assemble, assemble_gallery
from webkiln.demos.check import check
from webkiln.demos.landmark_page import assemble_landmark_page, check_landmark_page
from webkiln.demos.table import DEMOS, GALLERY, Demo

__all__ = ["DEMOS", "GALLERY", "Demo", "assemble", "assemble_gallery", "assemble_landmark_page", "check", "check_landmark_page"]
