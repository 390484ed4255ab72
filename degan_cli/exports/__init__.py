"""A classifier in the formats of other tools, loaded again and compared; nothing of ours is needed to use them."""

from .about import Export, about
from .check import BOUND, largest_difference, opened
from .formats import FORMATS, Format

__all__ = ["BOUND", "FORMATS", "Export", "Format", "about", "largest_difference", "opened"]
