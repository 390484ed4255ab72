"""``degan condense``: a few synthetic images of each class, made from true data while they are at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import CondenseSettings
from .declare import command

if TYPE_CHECKING:
    from ..runs.session import Session


def _run(settings: CondenseSettings, session: Session, as_json: bool) -> None:
    from ..jobs import condense

    condense(settings, session).show(as_json, session.quiet)


condense = command(
    CondenseSettings,
    _run,
    """Condense labelled data into a few synthetic images of each class, to keep when the data must go.

    `degan distill --method cde` learns better with them than without data. Images that start from real ones may still
    show them; where nobody may be recognised, use --init noise.
    """,
)
