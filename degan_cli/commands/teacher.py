"""``degan teacher``: train a classifier on labelled data."""

from __future__ import annotations

from ..config import TeacherSettings
from .declare import command, shown

teacher = command(
    TeacherSettings,
    shown("teacher"),
    """Train a classifier on labelled data: a teacher, or the baseline taught by the true data.

    A fifth of the training images selects the best epoch; the test images are only reported. With --optimiser sgd the
    last epoch is kept, so --held-out may be 0.
    """,
)
