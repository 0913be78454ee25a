"""Demo pages with all that they need, for a static server or in one file each."""

from webkiln.demos.assemble import assemble, assemble_gallery
from webkiln.demos.table import DEMOS, GALLERY, Demo

__all__ = ["DEMOS", "GALLERY", "Demo", "assemble", "assemble_gallery"]
