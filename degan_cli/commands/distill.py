"""``degan distill``: teach a student from a teacher and samples."""

from __future__ import annotations

from ..config import DistillSettings
from .declare import command, shown

distill = command(
    DistillSettings,
    shown("distill"),
    """Teach a student the teacher's predictions on samples; it is selected by agreement on held-out samples.

    With --method the samples are made while the student learns, and the last student is kept.
    """,
)
