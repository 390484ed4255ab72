"""``degan compress``: the best smaller classifier for a classifier and some images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import CompressSettings
from .declare import command

if TYPE_CHECKING:
    from ..runs.session import Session


def _run(settings: CompressSettings, session: Session, as_json: bool) -> None:
    from ..jobs import compress

    compress(settings, session).show(as_json, session.quiet)


compress = command(
    CompressSettings,
    _run,
    """Make a classifier smaller: two inputs, one output, no knowledge of methods.

    It looks at the classifier and at the images, says what it will do and why, trains the student within the budget,
    and writes a report with the commands that would do the same by hand.
    """,
)
