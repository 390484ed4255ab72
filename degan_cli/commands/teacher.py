"""``degan teacher``: train a classifier on labelled data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import TeacherSettings
from .declare import command

if TYPE_CHECKING:
    from ..runs.session import Session


def _run(settings: TeacherSettings, session: Session, as_json: bool) -> None:
    from ..jobs import teacher

    teacher(settings, session).show(as_json, session.quiet)


teacher = command(
    TeacherSettings,
    _run,
    """Train a classifier on labelled data: a teacher, or the baseline taught by the true data.

    A fifth of the training images selects the best epoch; the test images are only reported. With --optimiser sgd the
    last epoch is kept, so --held-out may be 0.
    """,
)
