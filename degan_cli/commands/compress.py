"""``degan compress``: the best smaller classifier for a classifier and some images."""

from __future__ import annotations

from ..config import CompressSettings
from .declare import command, shown

compress = command(
    CompressSettings,
    shown("compress"),
    """Make a classifier smaller: two inputs, one output, no knowledge of methods.

    It looks at the classifier and at the images, says what it will do and why, trains the student within the budget,
    and writes a report with the commands that would do the same by hand.
    """,
)
