"""``degan distill``: teach a student from a teacher and samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import DistillSettings
from .declare import command

if TYPE_CHECKING:
    from ..runs.session import Session


def _run(settings: DistillSettings, session: Session, as_json: bool) -> None:
    from ..jobs import distill

    distill(settings, session).show(as_json, session.quiet)


distill = command(
    DistillSettings,
    _run,
    """Teach a student the teacher's predictions on samples; it is selected by agreement on held-out samples.

    With --method the samples are made while the student learns, and the last student is kept.
    """,
)
