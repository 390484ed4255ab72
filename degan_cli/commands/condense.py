"""``degan condense``: a few synthetic images of each class, made from true data while they are at hand."""

from __future__ import annotations

from ..config import CondenseSettings
from .declare import command, shown

condense = command(
    CondenseSettings,
    shown("condense"),
    """Condense labelled data into a few synthetic images of each class, to keep when the data must go.

    `degan distill --method cde` learns better with them than without data. Images that start from real ones may still
    show them; where nobody may be recognised, use --init noise.
    """,
)
